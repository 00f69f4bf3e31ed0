"""Reports as people read them: each renderer is a function from a report to a string.

From the ground up; a module imports only from lines above its own::

    document      a report as parts in reading order, without layout
    text_layout   80 columns: a label and three figures
    host_tables   the host's own tables
    sections      the document of each report
    verification  what the real tools say
    common        heading, host lines, footer
    fuse_diff     words of a fuse-diff
    info          words of an info
    counters      words of a comparison of counters
    layers        words of the costs of rows
    gradients     words of what trains
    inspection    words of what is in a file
    story         words of a training
    text          text for a terminal or a pipe
    markdown      Markdown for an issue
    picture       one picture of a fuse-diff
"""
