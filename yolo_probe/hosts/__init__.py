"""Which host a network is from: what that host builds, fuses and prints.

From the ground up; a module imports only from lines above its own::

    host                      what a host calls things, and since when it does what
    images                    channels, stride and size of the image that is counted
    extrapolation             thop's count of an image out of those of small ones
    summary_line              the four numbers, and the line each host makes of them
    ultralytics_architecture  what a checkpoint of ultralytics names, as safe data
    subject                   what a question is about, and whose it is
    ultralytics               which release of ultralytics wrote a checkpoint
    ultralytics_rebuild       its model as the installed ultralytics builds it
    yolov5                    which generation of YOLOv5 wrote a checkpoint
    target                    from what a user names to a subject
    installed_network         the same network, built by the installed host
"""
