"""What differs between the hosts that train YOLO models."""
