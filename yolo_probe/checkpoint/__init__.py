"""A file -> plain data; nothing in it is executed.

From the ground up; a module imports only from lines above its own::

    remote             a file behind a URL, read by ranges
    archive            what kind of file this is, and where its parts are
    pickle_machine     a reader of pickles that can only build data
    decode             that data -> modules, tensors, values
    usual_names        the classes and functions that real checkpoints name
    reader             a checkpoint: its copies of the model, its options
    sizes              which owner has how many bytes, and what loading would run
    weight_values      how many values of a tensor are 0, NaN or infinite
    weight_statistics  mean and deviation of weights, by numpy or torch
"""
