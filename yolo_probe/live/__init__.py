"""A live ``nn.Module`` -> its modules and operator records; the model is never touched.

From the ground up; a module imports only from lines above its own::

    torch_internals   all that is used of torch's own insides, with the plain way
    description       modules and tensors as plain data
    named_calls       tensors that tell a.add(b) from a + b
    function_records  records of the functions that multiply and add
    function_shapes   functions answered by shape
    torch_layers      records of torch's modules by what goes in and comes out
    side_effects      what code keeps outside the model, put back afterwards
    scripted          code that torch has compiled
    real_copy         copies with weights, where a pass needs values
    weightless_copy   copies without weights
    thop_custom_ops   thop's custom_ops, run on a copy
    recorder          one pass of a copy, written down
    live              a live model: its structure, its pass, its fuse()
    tensor_lifetimes  each call and each tensor of a pass, as torch runs it
"""
