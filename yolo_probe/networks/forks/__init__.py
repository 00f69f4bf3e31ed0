"""How forks of YOLOv5 read a model YAML, one file for each: the classes that a row can name, and their constructors.

A new fork is one file here and one line in ``registry``; how its blocks compute, and what its ``fuse()`` makes of them,
is in ``yolo_probe.model.forks``.
"""
