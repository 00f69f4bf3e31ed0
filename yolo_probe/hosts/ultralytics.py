"""The ultralytics package: whether it wrote a checkpoint, which release did, and the form of that release's line."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import lru_cache

from yolo_probe.environment import version_of
from yolo_probe.hosts.host import ULTRALYTICS, YOLOV5, Host
from yolo_probe.hosts.subject import Origin
from yolo_probe.hosts.summary_line import ULTRALYTICS_FORMS, LineForm
from yolo_probe.model.structure import Module

MODELS = "ultralytics.nn.tasks."
"""The module in which the classes of its models are defined."""


def is_ultralytics(root: Module) -> bool:
    """Whether a model is one of the ultralytics package."""
    return root.class_path.startswith(MODELS)


def host_of_model(root: Module) -> Host:
    """The host that a model is from, by its class."""
    return ULTRALYTICS if is_ultralytics(root) else YOLOV5


def identify(contents: Mapping[str, object], root: Module) -> Origin:
    """The release that wrote a checkpoint, with the evidence; without a recorded release, the newest form of line."""
    kind = f"class {root.class_path.removeprefix(MODELS)} of ultralytics.nn.tasks"
    version, date = contents.get("version"), contents.get("date")
    dated = (f"dated {date[:10]}",) if isinstance(date, str) and date else ()
    if isinstance(version, str) and re.fullmatch(r"\d{1,4}\.\d{1,4}\.\d{1,4}[a-z0-9.+-]{0,20}", version):
        installed = version_of("ultralytics")
        others = (f"built and fused here by {installed}",) if installed not in (None, version) else ()
        evidence = (f"version {version} in the file", kind, *dated)
        return Origin("ultralytics", form_of_release(version), evidence, others, version)
    return Origin("ultralytics", ULTRALYTICS_FORMS[0][1], ("no version in the file", kind, *dated))


def installed() -> Origin:
    """The release that is installed, which builds a name or a YAML and prints its line."""
    return _of_release(version_of("ultralytics"), "the release that is installed")


def running() -> Origin:
    """The release that is imported in this process."""
    version = getattr(sys.modules.get("ultralytics"), "__version__", None)
    return _of_release(version, f"version {version} in this process")


def _of_release(version: str | None, evidence: str) -> Origin:
    """That release, with the form of its line; without a version the newest form."""
    form = form_of_release(version) if version else ULTRALYTICS_FORMS[0][1]
    return Origin("ultralytics", form, (evidence,), release=version or None)


@lru_cache(maxsize=256)
def form_of_release(version: str) -> LineForm:
    """The form of the line of a release: ``8.3.76``."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    return next(form for first, form in ULTRALYTICS_FORMS if numbers >= first)
