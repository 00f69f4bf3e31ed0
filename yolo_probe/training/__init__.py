"""A probe in a running training: hooks, callbacks, the drop-in line, the record of the run.

From the ground up; a module imports only from lines above its own::

    settings      what a probe does: configs/probe.yaml, a file, arguments
    import_hook   something to do once a module of a host is imported
    host_state    a training as its host holds it
    dropin        model_info in the place of the host's
    output_drift  how far outputs move when a model is fused
    moments       what is recorded at start, first validation, changes and end
    log_lines     the same as short lines of a log
    loggers       the four numbers in TensorBoard, W&B, ...
    run_files     probe.json, .md and .png beside a run, and its loggers
    probe         told of lines and events, says what each means
    attach        a probe on hosts that are not imported yet
    runner        yolo-probe train: a script of a host, run unmodified
"""
