"""A live ``nn.Module`` -> its modules and operator records; the model is never touched.

From the ground up; a module imports only from lines above its own::

    torch_internals     every use of torch's and Python's internals, each with a fallback
    description         modules and tensors as plain data
    named_calls         tensors for which a.add(b) differs from a + b
    arguments           the arguments of a pass, and values as shapes
    function_records    records of the functions that multiply and add
    composed_functions  functions that call others, written out
    function_shapes     outputs of functions, found by shape alone
    torch_layers        records of torch's modules by their inputs and outputs
    channels_last       how outputs lie in memory
    operator_records    the list into which a pass is recorded
    side_effects        restores what code changes outside the model
    scripted            code that torch has compiled
    real_copy           copies with weights, where a pass needs values
    weightless_copy     copies without weights
    applied_rules       the user's counting rules, run on a copy
    timm_attention      the record of timm's attention as a whole
    recorder            records one pass of a copy
    live                a live model: its structure, its pass, its fuse()
    kernels             torch's kernel for an operator record
    replay              one pass as kernels on random tensors
    merged_weights      weights after fuse(), from those before it
    energy              what a device took for a pass, as its driver counts it
    stopwatch           times of passes, and the peak of the device
    model_passes        passes of a copy of a live model, to be timed
    tensor_lifetimes    each call and each tensor of a pass, as torch runs it
"""
