"""The files that are installed with the package: tables of networks, default settings, schemas."""

from __future__ import annotations

from pathlib import Path


def path(name: str) -> Path:
    """The path of a file under ``configs``: inside the installed package, or next to it in a clone."""
    package = Path(__file__).parent
    installed = package / "configs"
    return (installed if installed.is_dir() else package.parent / "configs") / name
