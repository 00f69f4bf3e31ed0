"""Many checkpoints: one row for each, from several processes or machines, held against limits.

From the ground up; a module imports only from lines above its own::

    files    the checkpoints below folders
    rows     a file -> its row
    against  a row beside that of another git revision
    limits   what a row may have at most, and has to be
    tables   rows as text, JSON lines, CSV, Parquet
    workers  rows from several processes
    chunk    rows of a few files from a Python of its own
    cluster  rows from the workers of a Dask cluster
"""
