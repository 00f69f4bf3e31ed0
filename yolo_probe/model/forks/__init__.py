"""Forks of YOLOv5, one file for each: how their blocks compute, and what their ``fuse()`` makes of them.

A new fork is one file, and one line in ``registry``. A block is known by the name of its class and by what it holds.
"""
