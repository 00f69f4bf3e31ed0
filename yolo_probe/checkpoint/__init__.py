"""A file -> plain data; nothing in it is executed.

From the ground up; a module imports only from lines above its own::

    archive            what kind of file this is, and where its parts lie
    pickle_machine     a pickle interpreter that can only build data
    decode             what that data stands for: modules, tensors, values
    reader             a checkpoint: its copies of the model, its options
    sizes              whose bytes they are, and what loading it would run
    weight_statistics  mean and deviation, where numpy or torch can read them
"""
