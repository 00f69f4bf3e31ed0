"""Modules, parameters and operators as plain data: one pass on shapes, and what ``fuse()`` and ``--freeze`` do.

From the ground up; a module imports only from lines above its own::

    structure     a model as plain data: modules, parameters, buffers
    operators     one record for each operator of a pass, and the shape it gives
    fusion        what fuse() does: by YOLOv5's rule, or read off before and after
    freezing      who set requires_grad, and what --freeze takes out of training
    user_rules    counting rules of the user's own
    forward       how each module of YOLOv5 and of torch passes shapes on
    trace         one pass: structure and image size in, operator records out
    activations   what a pass reads, writes and keeps in memory
"""
