"""Computes ``configs/known_lines.json``: what every known host prints of every network that it ships."""
