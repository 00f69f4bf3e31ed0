"""A live ``nn.Module`` -> its modules and operator records; the model is never touched.

From the ground up; a module imports only from lines above its own::

    description       a module as plain data, described when it is read
    function_records  records of functions that multiply and add
    torch_layers      records of torch's modules that no block describes
    side_effects      what code keeps outside the model, put back afterwards
    real_copy         copies with weights, where a pass needs values
    class_layouts     what modules of one class have in common
    function_shapes   torch's functions answered by shape
    weightless_copy   copies without weights
    module_calls      what a module of a copy does when it is called
    applied_rules     the user's counting rules, run on a copy
    recorder          one pass of a copy, written down
    live              a live model: its structure, its pass, its fuse()
    tensor_lifetimes  each call and each tensor of a pass, as torch runs it
"""
