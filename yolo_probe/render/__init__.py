"""Reports as people read them: each renderer is a function from a report to a string.

From the ground up; a module imports only from lines above its own::

    document        a report as parts in reading order, without layout
    text_layout     80 columns: a label and three figures
    host_tables     the host's own tables
    sections        finds the document and the JSON of each report
    translation     a document in the reader's language
    verification    words of the figures of the real tools
    common          heading, host line and footer of every report
    weight_values   words of the values of weights
    stride_scaling  words of FLOPs that are found from small images
    fuse_diff       words of a fuse-diff
    diff            words of a diff
    counters        words of a comparison of counters
    tool_figures    words of what FLOP counters print
    explain         words of an explanation of lines
    side_by_side    words of a table of networks
    info            words of an info
    flop_count      words of one count
    comparison      words of a comparison on a live model
    memory_advice   advice from the values that a network moves
    layers          words of the costs of rows
    bench           words of what was measured
    gradients       words of which parameters train
    inspection      words of the content of a file
    story           words of a training
    text            text for a terminal or a pipe
    markdown        Markdown for an issue
    notebook        HTML for the output of a notebook
    picture         a fuse-diff as one picture
    bench_picture   measured times and the roofline as one picture
    report_page     every report on one target as one HTML page
    site            the page in which a browser runs this package
"""
