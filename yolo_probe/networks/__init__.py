"""A model YAML or the name of a network -> its modules, as each generation of YOLOv5 builds them.

From the ground up; a module imports only from lines above its own::

    generations        the generations of YOLOv5, and which one each PyPI release follows
    network            the rows of a YAML as plain data
    torch_nn           torch's modules that a YAML can name
    constructors       YOLOv5's blocks: the arguments of a row -> modules
    before_v5_0        what v1.0 to v4.0 read and build in another way
    forks.yolov7       those of YOLOv7 and its branches pose and u7
    forks.yolov9       YOLOv9's blocks and heads
    forks.yolov5_lite  those of YOLOv5-Lite
    forks.yolov5_face  those of yolov5-face
    forks.registry     whose model YAML it is, by the classes that its rows name
    shipped            the networks that YOLOv5 and its forks ship, by name
    parse_model        rows -> modules, as the host's parse_model does
    model_yaml         a YAML file -> rows and modules
    classifiers        the classifiers that YOLOv5 makes of its detectors
    recognise          weights without a model -> the network that they belong to
"""
