"""Several releases of thop in one process, though each is called ``thop`` when imported. Imports no yolo_probe."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class ThopReleases:
    """The releases in these folders, by a name for each."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self.modules = {name: _imported(folder) for name, folder in folders.items()}

    def use(self, name: str) -> Any:
        """That release as the ``thop`` that this process imports from now on."""
        _forget()
        sys.modules.update(self.modules[name])
        return self.modules[name]["thop"]


def _imported(folder: str) -> dict[str, Any]:
    _forget()
    sys.path.insert(0, folder)
    import thop

    sys.path.remove(folder)
    assert Path(thop.__file__).is_relative_to(folder), f"{thop.__file__} is not in {folder}"
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "thop"}


def _forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "thop"]:
        del sys.modules[name]
