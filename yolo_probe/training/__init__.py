"""A probe in a running training: import hooks, callbacks, the drop-in line, the record of the run.

From the ground up; a module imports only from lines above its own::

    settings           settings of a probe: configs/probe.yaml, a file, arguments
    import_hook        a function that runs when a module of a host is imported
    old_torch_load     why strip_optimizer() fails beside torch 2.6, and what helps
    without_callbacks  an optimizer's steps, and validations, where nothing else tells
    host_state         the objects of a training, read from its host
    best_file          the file of the best model: of this run or not, and which copy counts
    host_log           the log of a host, and the probe's lines on it
    host_call          a host's own model_info, and the line that it prints
    left_to_host       which lines and counting runs are left to the host itself
    dropin             a model_info that replaces the host's
    output_drift       the outputs of each row before and after fuse()
    fuse_trial         a model in four numbers, and a dry run of its fuse()
    moments            what is recorded at start, first validation, change and end
    log_lines          the same as short lines for the log
    loggers            the four numbers in TensorBoard, W&B, ...
    run_files          probe.json, .md and .png beside a run, and its loggers
    run                what is known of the running training
    probe              explains the host's lines and events
    watch              the probe around a training loop of the user's own
    attach             attaches a probe to hosts that are not imported yet
    runner             yolo-probe train: a script of a host, run unmodified
"""
