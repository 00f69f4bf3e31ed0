"""Where the files that are installed with the package lie: tables of networks, default settings."""

from __future__ import annotations

from pathlib import Path


def path(name: str) -> Path:
    """The file of that name under ``configs``: inside the installed package, else beside it in a source checkout."""
    package = Path(__file__).parent
    installed = package / "configs"
    return (installed if installed.is_dir() else package.parent / "configs") / name
