"""One module per question: its value, and its JSON.

From the ground up; a module imports only from lines above its own::

    typed_json             dataclasses as JSON and back, and their JSON Schema
    ledger                 causes that add up to a change exactly
    stride_scaling         FLOPs of one small image times the area, and the error
    line_costs             costs by row, module, operator or type
    checks                 computed beside real figures, as values
    mechanisms             which mechanism decided requires_grad
    shufflenet_guidelines  what FLOPs hide
    verification           a live model beside the real thop and its fuse()
    fuse_diff              the two lines and four ledgers; info; the JSON schema
    confirm                a report beside the real thop and host
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
