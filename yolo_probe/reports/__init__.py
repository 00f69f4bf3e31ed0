"""One module per question: its value, and its JSON.

From the ground up; a module imports only from lines above its own::

    typed_json             dataclasses as JSON and back, and their JSON Schema
    ledger                 causes whose amounts add up to a change exactly
    stride_scaling         FLOPs found from small images, and the error
    line_costs             costs by row, module, operator or type
    verification           computed figures beside real ones, as values
    mechanisms             which mechanism decided requires_grad
    shufflenet_guidelines  what makes FLOPs slow
    weight_values          how many weights are 0, NaN or infinite, by row
    question               the question, and one state of the network
    schema                 the parts of the JSON that reports have in common
    fused_outputs          whether fuse() changed a model's outputs
    fuse_diff              two lines, and the four ledgers between them
    recorded_fusion        the same from what is recorded of a network
    known_errors           error messages, and what they mean
    info                   one state, number by number
    row_graph              the rows that each row reads
    row_parts              a network cut into its rows
    diff                   the four ledgers from one network to another
    tool_figures           the networks for which a counter prints figures
    explain                the networks that print a line, and what is between two lines
    side_by_side           several networks in one table
    verify                 the figures of the real thop and fuse() beside the computed ones
    comparison             a comparison of counters as rows and JSON
    flop_count             what one counter charges for one pass
    counters               one network by every counter
    gradients              what trains in each copy, and what decided it
    layers                 the cost of each row, module, operator or type
    timing                 the median of measured times, and how sure a difference is
    bench                  measured times beside FLOPs
    bench_advice           sentences that follow from them
    bench_json             the same as plain data
    row_costs              the cost of each row before and after fuse()
    unusual                sentences on what is unusual in a file
    inspection             the content of a file
    inspection_json        the same as plain data
    record_place           where the record of a training lies
    training_record        the record of a training: probe.json
    story                  a recorded training, moment by moment
    full_report            every report on one target
"""
