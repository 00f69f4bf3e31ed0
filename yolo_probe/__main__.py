"""``python -m yolo_probe``."""

from yolo_probe.cli import main

main()
