"""yolo-probe: what YOLOv5's summary lines say, and why they differ."""

__version__ = "0.1.0"
