"""One module per question: its value, and its JSON.

From the ground up; a module imports only from lines above its own::

    typed_json             dataclasses as JSON and back, and their JSON Schema
    ledger                 causes that add up to a change exactly
    stride_scaling         FLOPs of one small image times the area, and the error
    line_costs             costs by row, module, operator or type
    verification           computed figures beside real ones, as values
    mechanisms             which mechanism decided requires_grad
    shufflenet_guidelines  what FLOPs hide
    question               what was asked, and one state of the network
    schema                 the parts of the JSON that reports have in common
    fuse_diff              two lines, and the four ledgers between them
    info                   one state, number by number
    verify                 a live model, or a report, beside the real thop and fuse()
    comparison             counters side by side as rows and JSON
    flop_count             what one counter charges for one pass
    counters               one network by every counter
    gradients              what trains in each copy, and who decided it
    layers                 what each row costs
    row_costs              the rows before and after fuse()
    unusual                what is unusual in a file
    inspection             what is in a file
    inspection_json        the same as plain data
    training_record        what a training records of itself: probe.json
    story                  a recorded training, moment by moment
"""
