"""The differences between a structure of ours and what ``host_structures`` says of the real model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests import environments, processes
from yolo_probe.model.structure import Module, Tensor, named_modules, named_parameters

SCRIPT = Path(__file__).with_name("host_structures.py")


def real_structures(release: str, files: Sequence[Path]) -> list[dict[str, Any]]:
    """What that PyPI release builds of each file, in order."""
    done = processes.run_python(SCRIPT, *files, paths=[environments.host(release)])
    return [json.loads(line) for line in done.stdout.splitlines()]


def differences(ours: Module, real: dict[str, Any]) -> list[str]:
    """What differs, one line each; nothing if both are the same model."""
    if "error" in real:
        return [f"the host raised {real['error']}"]
    mine = description(ours)
    found = list(_unequal("shared modules", mine["shared"], real["shared"]))
    found += _unequal("parameters", mine["parameters"], real["parameters"])
    found += _unequal("modules", [m["name"] for m in mine["modules"]], [m["name"] for m in real["modules"]])
    for one, other in zip(mine["modules"], real["modules"], strict=False):
        for key in ("class", "parameters", "buffers", "children"):
            found += _unequal(f"{one['name']}: {key}", one[key], other[key])
        for key in {**one["attributes"], **other["attributes"]}:
            values = one["attributes"].get(key, "absent"), other["attributes"].get(key, "absent")
            if key == "type":
                real_type = "str 'models.common.DWConv'" if " DWConv at 0x" in values[1] else values[1]
                values = values[0], real_type.replace("yolov5.", "")  # in v5.0 DWConv is a function, shown by address
            found += _unequal(f"{one['name']}: attribute {key}", *values)
    return found


def _unequal(what: str, ours: Any, real: Any) -> Iterator[str]:
    if ours != real:
        yield f"{what}: {str(ours)[:200]} instead of {str(real)[:200]}"


def description(root: Module) -> dict[str, Any]:
    """A structure of ours in the form of ``host_structures``."""
    modules = [
        {
            "name": name,
            "class": module.class_path,
            "parameters": [[k, list(t.shape), t.dtype, t.requires_grad] for k, t in module.parameters.items()],
            "buffers": [[k, list(t.shape), t.dtype] for k, t in module.buffers.items()],
            "children": list(module.children),
            "attributes": {key: plain(value) for key, value in module.attributes.items()},
        }
        for name, module in named_modules(root)
    ]
    groups: dict[int, list[str]] = {}
    for name, module in _all_names("", root):
        groups.setdefault(id(module), []).append(name)
    shared = [names for names in groups.values() if len(names) > 1]
    return {"modules": modules, "shared": shared, "parameters": [name for name, _ in named_parameters(root)]}


def _all_names(name: str, module: Module) -> Iterable[tuple[str, Module]]:
    yield name, module
    for key, child in module.children.items():
        if child is not None:
            yield from _all_names(f"{name}.{key}" if name else key, child)


def plain(value: Any) -> Any:
    """A value of ours in the form of ``host_structures.plain``."""
    if isinstance(value, Tensor):
        return ["Tensor", *value.shape]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(plain(part) for part in value)]
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in sorted(value.items())}
    return f"{type(value).__name__} {value!r}"
