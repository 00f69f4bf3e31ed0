"""Which host a network is from: what that host builds, fuses and prints.

From the ground up; a module imports only from lines above its own::

    host                      how hosts differ: options, versions, words
    images                    channels, stride and size of the image that is counted
    extrapolation             thop's count of an image from those of small ones
    summary_line              the four numbers, and the line that each host prints
    known_functions           which line a host's own model_info prints, by its code
    ultralytics_architecture  a checkpoint or YAML of ultralytics -> a model YAML as safe data
    ultralytics_names         the networks that the installed ultralytics ships
    printed_line              the summary lines in a text
    tool_prints               what FLOP counters print in a text
    subject                   what a question is about: a network and its host
    ultralytics               which release of ultralytics wrote a checkpoint
    known_lines               the numbers of every known network of every known host
    quoted_figures            figures without a whole line, and the networks that have them
    line_matches              which known network prints a line
    figures_elsewhere         where a network has figures that its line has not
    other_scales              YOLOv5 with a depth and a width of somebody's own
    ultralytics_rebuild       its model as the installed ultralytics builds it
    source                    a fork's model from its file and its source
    yolov5                    which generation of YOLOv5 wrote a checkpoint
    target                    what a user names -> a subject
    installed_network         a subject's network, built by the installed host
"""
