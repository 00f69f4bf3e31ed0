"""IPython as it answers outside a notebook: ``yolov5==6.2.3`` imports it, and matplotlib then asks it."""


def get_ipython() -> None:
    return None


version_info = (9, 0, 0, "")
