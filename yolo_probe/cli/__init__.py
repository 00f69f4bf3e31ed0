"""The command line: reports on stdout, everything else on stderr; exit 0, 1 something unexplained, 2 no answer.

From the ground up; a module imports only from lines above its own::

    guide_pages        the pages of the guide, and the sections that answer words
    options            the options that questions about a network take
    spellings          what people type, in the spelling of this command
    spoken_help        the help of the commands, in English or in Chinese
    usage              what is wrong with the words of a command line
    output             a report on standard output, and the exit codes
    network_commands   fuse-diff, info, inspect, gradients, counters, layers
    bench_command      bench
    line_commands      explain, diff, compare
    registry_commands  scan, check
    in_browser         the answers of the page that runs in a browser
    page_command       page
    training_commands  train, story
    guide_command      guide
    command            the command: subcommands, errors, exit codes
"""

from yolo_probe.cli.command import cli, main

__all__ = ["cli", "main"]
