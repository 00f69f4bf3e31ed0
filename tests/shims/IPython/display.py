"""The one name that ``yolov5==6.2.3`` takes from IPython at import, so that the notebook itself need not be there."""

from __future__ import annotations


def display(*objects: object) -> None:
    raise NotImplementedError("a host that runs in tests has no notebook to display in")
