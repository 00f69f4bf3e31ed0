"""Colour for a terminal, by rich."""

from __future__ import annotations

from rich.color import ColorSystem
from rich.style import Style


def paint(style: str, text: str) -> str:
    """The text with the codes of a style around it, in the terminal's own sixteen colours."""
    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)
