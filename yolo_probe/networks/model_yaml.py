"""A model YAML -> ``Network`` (its rows as plain data) -> ``Module`` tree, as the hosts build it.

Nothing in the file is executed: texts among the arguments are read by ``expressions``, classes come from a closed
table. ``build`` follows the host's ``parse_model`` and model constructor: widths, repeats, sources, and the attributes
that they set. It runs no forward pass, so it does not notice shapes that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from yolo_probe.errors import ModelYamlError
from yolo_probe.model.structure import Module
from yolo_probe.networks.generations import Generation
from yolo_probe.networks.network import MOST_ANCHORS, MOST_CLASSES, Network, NetworkRow, place_of
from yolo_probe.networks.parse_model import Builder, Made
from yolo_probe.networks.torch_nn import shown
from yolo_probe.yaml_file import KeyPath, YamlKind, read_yaml

__all__ = ["Network", "NetworkRow", "build", "read_model_yaml"]

KIND = YamlKind(
    "a model YAML",
    ModelYamlError,
    "Correct the place that the message names, or pass a model YAML such as yolov5s.yaml; a checkpoint ends in .pt.",
    too_large=" is larger than {largest:,} bytes, expected {name} of a few thousand",
    last_counts=True,
    ascii_alone=True,  # open(..., encoding="ascii", errors="ignore"), as the hosts do
)

_REQUIRED = ("nc", "anchors", "depth_multiple", "width_multiple", "backbone", "head")
_KNOWN = (*_REQUIRED, "ch", "activation", "channel_multiple")


def read_model_yaml(path: str | Path) -> Network:
    """The network that a model YAML describes.

    Raises: ModelYamlError where the file cannot be read or describes no network.
    """
    file = read_yaml(path, KIND)
    return _network(file.document, file.lines, Path(path).name, str(path))


def _network(document: object, lines: Mapping[KeyPath, int], file_name: str, origin: str) -> Network:
    missing = [key for key in _REQUIRED if not isinstance(document, dict) or key not in document]
    if not isinstance(document, dict) or missing:
        raise _no_network(document, missing, origin)
    name = file_name.rpartition(".")[0] or file_name
    activation = document.get("activation")
    if activation is not None and not isinstance(activation, str):
        raise _wrong_key(origin, "activation", activation, "a text such as nn.LeakyReLU(0.1)")
    return Network(
        name=name,
        classes=_whole(origin, document, "nc", MOST_CLASSES),
        anchors=_anchors(origin, document["anchors"]),
        depth_multiple=_multiple(origin, document, "depth_multiple"),
        width_multiple=_multiple(origin, document, "width_multiple"),
        backbone=_rows(origin, document["backbone"], lines, "backbone", 0),
        head=_rows(origin, document["head"], lines, "head", len(document["backbone"])),
        channels=_whole(origin, document, "ch", 1000) if "ch" in document else 3,
        activation=activation or None,
        channel_multiple=_whole(origin, document, "channel_multiple", 1000)
        if document.get("channel_multiple")
        else None,
        settings={
            str(key): value
            for key, value in document.items()
            if key not in _KNOWN and isinstance(key, str) and isinstance(value, int | float)
        },
        yaml_file=file_name,
        origin=origin,
    )


def _no_network(document: object, missing: Sequence[str], origin: str) -> ModelYamlError:
    expected = f"expected the keys {', '.join(_REQUIRED)}"
    if not isinstance(document, dict):
        found = "nothing" if document is None else f"a {type(document).__name__}"
        return ModelYamlError(f"{origin} is no network: it holds {found}, {expected}", "Pass a model YAML.")
    shown = ", ".join(str(key)[:40] for key in list(document)[:8]) + (", ..." if len(document) > 8 else "")
    remedy = "Pass a model YAML, such as yolov5s.yaml, or a name, such as yolov5s."
    if "scales" in document:
        remedy = "This is a model YAML of ultralytics; yolo-probe reads those of YOLOv5."
    elif "train" in document or "names" in document:
        remedy = "This is a data set; pass the model YAML that is trained on it."
    return ModelYamlError(f"{origin} is no network: it has no {', '.join(missing)}; found the keys {shown}", remedy)


def _wrong_key(origin: str, key: str, found: object, expected: str) -> ModelYamlError:
    return ModelYamlError(f"{origin}: {key} is {shown(found)}, expected {expected}", f"Correct {key} in the file.")


def _whole(origin: str, document: Mapping[str, object], key: str, largest: int) -> int:
    value = document[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= largest:
        raise _wrong_key(origin, key, value, f"a whole number from 1 to {largest:,}")
    return value


def _multiple(origin: str, document: Mapping[str, object], key: str) -> float:
    value = document[key]
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= 1000:
        raise _wrong_key(origin, key, value, "a number above 0, at most 1000")
    return value


def _anchors(origin: str, value: object) -> int | tuple[tuple[float, ...], ...]:
    expected = f"a number for each output, at most {MOST_ANCHORS}, or a list of widths and heights for each output"
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_ANCHORS:
        return value
    if not isinstance(value, list) or not value:
        raise _wrong_key(origin, "anchors", value, expected)
    sizes = [tuple(row) if isinstance(row, list) else () for row in value]
    numbers = all(isinstance(size, (int, float)) for row in sizes for size in row)
    if not numbers or len({len(row) for row in sizes}) != 1 or not sizes[0] or len(sizes[0]) % 2:
        raise _wrong_key(origin, "anchors", value, expected)
    return tuple(sizes)


def _rows(origin: str, value: object, lines: Mapping[KeyPath, int], key: str, first: int) -> tuple[NetworkRow, ...]:
    if not isinstance(value, list):
        raise _wrong_key(origin, key, value, "a list of rows [from, number, module, args]")
    return tuple(_row(origin, first + i, row, lines.get((key, i))) for i, row in enumerate(value))


def _row(origin: str, index: int, value: object, line: int | None) -> NetworkRow:
    place = place_of(origin, index, line)
    if not isinstance(value, list) or len(value) != 4:
        found = f"{len(value)} items" if isinstance(value, list) else f"{shown(value)}"
        raise ModelYamlError(
            f"{place}: {found}, expected the four of [from, number, module, args]", "Complete the row; mind the commas."
        )
    sources, number, module, arguments = value
    listed = sources if isinstance(sources, list) else [sources]
    if (not listed and module != "Detect") or not all(
        isinstance(source, int) and not isinstance(source, bool) for source in listed
    ):
        raise ModelYamlError(
            f"{place}: from is {shown(sources)}, expected a row number or a list of them", "-1 is the row before."
        )
    if not isinstance(number, int) or isinstance(number, bool) or not -1 <= number <= 1000:
        raise ModelYamlError(
            f"{place}: number is {shown(number)}, expected a whole number up to 1000", "Write 1 for no repeats."
        )
    if not isinstance(module, str):
        raise ModelYamlError(f"{place}: module is {shown(module)}, expected the name of a class", "Write Conv, C3, ...")
    if not isinstance(arguments, list):
        raise ModelYamlError(f"{place}: args is {shown(arguments)}, expected a list", "Write the arguments in [].")
    kept = sources if isinstance(sources, int) else tuple(listed)
    return NetworkRow(kept, number, module.strip(), tuple(arguments), line)


def build(network: Network, generation: Generation, host_version: str | None = None) -> Module:
    """The model that a host builds of a network: new, every parameter trainable.

    ``host_version``: a PyPI release, where it is not the generation's own code that builds.
    Raises: ModelYamlError where that host would fail, with the row.
    """
    return Builder(network, generation, host_version).model()


def rows_made(network: Network, generation: Generation, host_version: str | None = None) -> tuple[Made, ...]:
    """The repeats and arguments that a host constructs each row of a network with.

    Raises: ModelYamlError where that host would fail, with the row.
    """
    builder = Builder(network, generation, host_version)
    builder.model()
    return tuple(builder.made)


def network_in(document: object, name: str) -> Network:
    """The network that a checkpoint has as ``model.yaml``; ``name``: how messages name it.

    Raises: ModelYamlError where it describes no network.
    """
    return _network(document, {}, name, f"{name}: model.yaml")
