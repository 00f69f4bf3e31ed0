"""Files made to harm a reader of checkpoints, and the processes in which they are read."""
