"""A model YAML as the hosts mean it: file in, ``Network`` (its rows as plain data) and ``Module`` tree out.

Nothing in the file is executed: texts among the arguments are read by ``expressions``, classes come from a closed
table. ``build`` follows the host's ``parse_model`` and model constructor: widths, repeats, sources, and what it writes
on the model. It runs no forward pass, so it does not see shapes that do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

from yolo_probe.construct import BLOCKS, BlockClass, Blocks, generations_with
from yolo_probe.errors import ModelYamlError
from yolo_probe.expressions import Call, ExpressionError, evaluate
from yolo_probe.generations import Generation, host_of, is_since
from yolo_probe.structure import Module, Tensor, count_parameters
from yolo_probe.torch_modules import ArgumentError, sequential

LARGEST_FILE = 1_000_000
"""Bytes of a model YAML."""
MOST_VALUES = 100_000
"""Values in a model YAML, aliases written out."""
DEEPEST = 32
"""Levels of nesting in a model YAML."""
MOST_CLASSES = 100_000
MOST_ANCHORS = 1000

_REQUIRED = ("nc", "anchors", "depth_multiple", "width_multiple", "backbone", "head")
_MASK_OUTPUTS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a backbone or head: where its input comes from, how often, which class, with which arguments."""

    sources: int | tuple[int, ...]
    """The host's ``from``: -1 is the row before."""
    number: int
    """Repeats before the depth multiple."""
    module: str
    """The class as written, ``nn.Upsample``."""
    arguments: tuple[object, ...]
    """As written; texts are not evaluated yet."""
    line: int | None = None
    """The line of the file, from 1."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network before any host builds it."""

    name: str
    """The file's name without its suffix."""
    classes: int
    anchors: int | tuple[tuple[float, ...], ...]
    """Sizes for each output, or only how many for each."""
    depth_multiple: float
    width_multiple: float
    backbone: tuple[Row, ...]
    head: tuple[Row, ...]
    channels: int = 3
    """Of the input image."""
    activation: str | None = None
    """What replaces SiLU in every ``Conv``, as written; hosts before v7.0 do not read it."""
    channel_multiple: int | None = None
    """What scaled widths are rounded up to a multiple of; hosts before HEAD do not read it and take 8."""
    yaml_file: str | None = None
    """The name of the file that the host would be given."""
    origin: str = field(default="", compare=False)
    """How messages name the source: a path, or the network's name."""

    def with_classes(self, classes: int) -> Network:
        """The same network for another number of classes."""
        if not 1 <= classes <= MOST_CLASSES:
            raise ModelYamlError(f"{self.origin}: {classes} classes, expected 1 to {MOST_CLASSES:,}")
        return replace(self, classes=classes)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Backbone and head in one."""
        return self.backbone + self.head

    def document(self) -> dict[str, object]:
        """The mapping that the host keeps as ``model.yaml``."""
        written: dict[str, object] = {
            "nc": self.classes,
            "depth_multiple": self.depth_multiple,
            "width_multiple": self.width_multiple,
            "anchors": self.anchors if isinstance(self.anchors, int) else [list(sizes) for sizes in self.anchors],
            "backbone": [_written(row) for row in self.backbone],
            "head": [_written(row) for row in self.head],
            "ch": self.channels,
        }
        optional = {"activation": self.activation, "channel_multiple": self.channel_multiple}
        return written | {key: value for key, value in optional.items() if value is not None}


def _written(row: Row) -> list[object]:
    sources = row.sources if isinstance(row.sources, int) else list(row.sources)
    return [sources, row.number, row.module, list(row.arguments)]


# Reading


def read_model_yaml(path: str | Path) -> Network:
    """The network that a model YAML describes.

    Raises: ModelYamlError
    """
    file = Path(path)
    if file.exists() and not file.is_file():
        raise ModelYamlError(f"{path} is no regular file", "Pass the path of a model YAML.")
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ModelYamlError(f"{path} cannot be read: {error.strerror or error}", "Check the path.") from None
    if len(content) > LARGEST_FILE:
        raise ModelYamlError(
            f"{path} is larger than {LARGEST_FILE:,} bytes, expected a model YAML of a few thousand",
            "Pass the YAML file that describes the network, or a checkpoint with the suffix .pt.",
        )
    # The hosts drop what is not ASCII: open(..., encoding="ascii", errors="ignore").
    document, lines = _parsed(content.decode("ascii", "ignore"), str(path))
    return _network(document, lines, file.name, str(path))


def _parsed(text: str, origin: str) -> tuple[object, Mapping[str, Sequence[int]]]:
    """The document as plain data, and the lines of the rows of its backbone and head."""
    import yaml

    loader_class: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_nesting(yaml.parse(text, loader_class), origin)
        loader = loader_class(text)
        try:
            node = loader.get_single_node()
            _check_size(node, origin)
            return loader.construct_document(node) if node else None, _row_lines(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{origin}, line {mark.line + 1}" if mark else origin
        problem = getattr(error, "problem", None) or "not a YAML text"
        raise ModelYamlError(
            f"{place}: broken YAML, {problem}", "Correct that line or the one before it: often a comma or bracket."
        ) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelYamlError(f"{origin}: broken YAML, {error}", "Correct the value that the message names.") from None


def _check_nesting(events: Iterator[Any], origin: str) -> None:
    """Refuse what the parser of the next step, written in C, could not survive."""
    depth = 0
    for event in events:
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        if depth > DEEPEST:
            place = f"{origin}, line {event.start_mark.line + 1}"
            raise ModelYamlError(f"{place}: nested deeper than {DEEPEST} levels, expected 4", "Pass a model YAML.")


def _check_size(root: Any, origin: str) -> None:
    """Refuse aliases that multiply a small file into a huge document."""
    nodes, seen = [root], 0
    while nodes:
        node = nodes.pop()
        seen += 1
        if seen > MOST_VALUES:
            raise ModelYamlError(
                f"{origin}: more than {MOST_VALUES:,} values, expected some hundred", "Pass a model YAML."
            )
        children = node.value if node is not None and isinstance(node.value, list) else []
        nodes += [part for child in children for part in (child if isinstance(child, tuple) else (child,))]


def _row_lines(root: Any) -> Mapping[str, Sequence[int]]:
    pairs = root.value if root is not None and isinstance(root.value, list) else []
    return {
        pair[0].value: [row.start_mark.line + 1 for row in pair[1].value]
        for pair in pairs
        if isinstance(pair, tuple) and pair[0].value in ("backbone", "head") and isinstance(pair[1].value, list)
    }


def _network(document: object, lines: Mapping[str, Sequence[int]], file_name: str, origin: str) -> Network:
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
        backbone=_rows(origin, document["backbone"], lines.get("backbone", ()), "backbone", 0),
        head=_rows(origin, document["head"], lines.get("head", ()), "head", len(document["backbone"])),
        channels=_whole(origin, document, "ch", 1000) if "ch" in document else 3,
        activation=activation or None,
        channel_multiple=_whole(origin, document, "channel_multiple", 1000)
        if document.get("channel_multiple")
        else None,
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
    return ModelYamlError(f"{origin}: {key} is {_short(found)}, expected {expected}", f"Correct {key} in the file.")


def _short(value: object) -> str:
    text = f"{value.name}(...)" if isinstance(value, Call) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


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
    expected = "a number for each output, or a list of widths and heights for each output"
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_ANCHORS:
        return value
    if not isinstance(value, list) or not value:
        raise _wrong_key(origin, "anchors", value, expected)
    sizes = [tuple(row) if isinstance(row, list) else () for row in value]
    numbers = all(isinstance(size, (int, float)) for row in sizes for size in row)
    if not numbers or len({len(row) for row in sizes}) != 1 or not sizes[0] or len(sizes[0]) % 2:
        raise _wrong_key(origin, "anchors", value, expected)
    return tuple(sizes)


def _rows(origin: str, value: object, lines: Sequence[int], key: str, first: int) -> tuple[Row, ...]:
    if not isinstance(value, list):
        raise _wrong_key(origin, key, value, "a list of rows [from, number, module, args]")
    found = [lines[i] if i < len(lines) else None for i in range(len(value))]
    return tuple(_row(origin, first + i, row, found[i]) for i, row in enumerate(value))


def _row(origin: str, index: int, value: object, line: int | None) -> Row:
    place = _place(origin, index, line)
    if not isinstance(value, list) or len(value) != 4:
        found = f"{len(value)} items" if isinstance(value, list) else f"{_short(value)}"
        raise ModelYamlError(
            f"{place}: {found}, expected the four of [from, number, module, args]", "Complete the row; mind the commas."
        )
    sources, number, module, arguments = value
    listed = sources if isinstance(sources, list) else [sources]
    if not listed or not all(isinstance(source, int) and not isinstance(source, bool) for source in listed):
        raise ModelYamlError(
            f"{place}: from is {_short(sources)}, expected a row number or a list of them", "-1 is the row before."
        )
    if not isinstance(number, int) or isinstance(number, bool) or not -1 <= number <= 1000:
        raise ModelYamlError(f"{place}: number is {_short(number)}, expected a whole number", "Write 1 for no repeats.")
    if not isinstance(module, str):
        raise ModelYamlError(
            f"{place}: module is {_short(module)}, expected the name of a class", "Write Conv, C3, ..."
        )
    if not isinstance(arguments, list):
        raise ModelYamlError(f"{place}: args is {_short(arguments)}, expected a list", "Write the arguments in [].")
    kept = sources if isinstance(sources, int) else tuple(listed)
    return Row(kept, number, module.strip(), tuple(arguments), line)


def _place(origin: str, index: int, line: int | None) -> str:
    return f"{origin}, line {line}, row {index}" if line else f"{origin}, row {index}"


# Building


def build(network: Network, generation: Generation, host_version: str | None = None) -> Module:
    """The model that a host of that generation, or that PyPI release, builds of a network: new and trainable.

    Raises: ModelYamlError
    """
    return _Builder(network, generation, host_version).model()


class _Builder:
    """One pass over the rows, with the widths and the modules so far."""

    def __init__(self, network: Network, generation: Generation, host_version: str | None) -> None:
        self._network = network
        self._generation = generation
        self._host = host_of(generation, host_version)
        self._widths: list[int] = []
        self._save: list[int] = []
        self._blocks = self._constructors()
        anchors = network.anchors
        per_output = anchors if isinstance(anchors, int) else len(anchors[0]) // 2
        self._outputs = per_output * (network.classes + 5)
        multiple = network.channel_multiple if generation == "head" and host_version is None else None
        self._divisor = multiple or 8
        self._names: dict[str, object] = {
            "nc": network.classes,
            "anchors": anchors if isinstance(anchors, int) else [list(sizes) for sizes in anchors],
            "na": per_output,
            "no": self._outputs,
            "gd": network.depth_multiple,
            "gw": network.width_multiple,
        }

    def _constructors(self) -> Blocks:
        text = self._network.activation
        if not text or not is_since(self._host.modules, "v7.0"):
            return Blocks(self._host)
        try:
            activation = evaluate(text, {})
            if not isinstance(activation, Call):
                raise ExpressionError(f"{text!r} is no module, expected nn.SiLU(), nn.LeakyReLU(0.1) or another")
            return Blocks(self._host, activation)
        except (ExpressionError, ArgumentError) as error:
            raise ModelYamlError(
                f"{self._network.origin}: activation: {error}", "Write a module of torch.nn, such as nn.ReLU()."
            ) from None

    def model(self) -> Module:
        """The model around all rows."""
        network = self._network
        if not network.rows:
            raise ModelYamlError(f"{network.origin}: backbone and head are empty", "Write at least one row.")
        modules = [self._module(index, row) for index, row in enumerate(network.rows)]
        attributes: dict[str, object] = {"yaml_file": network.yaml_file} if network.yaml_file else {}
        attributes |= {
            "yaml": network.document(),
            "save": sorted(self._save),
            "names": [str(index) for index in range(network.classes)],
        }
        if is_since(self._host.root, "v6.0"):
            attributes["inplace"] = True
        last = modules[-1]
        if "stride" in last.attributes:
            attributes["stride"] = last.attributes["stride"]
        return Module(self._root_class(last), attributes, children={"model": sequential(*modules)})

    def _root_class(self, last: Module) -> str:
        if not is_since(self._host.root, "v6.2"):
            return "models.yolo.Model"
        return "models.yolo.SegmentationModel" if last.kind == "Segment" else "models.yolo.DetectionModel"

    def _module(self, index: int, row: Row) -> Module:
        try:
            name = self._class_name(index, row)
            block = BLOCKS.get(name, BlockClass(scaled=name == "nn.ConvTranspose2d" and self._is_since("v6.2")))
            inputs = self._input_widths(index, row, name)
            arguments = [evaluate(a, self._names) if isinstance(a, str) else a for a in row.arguments]
            number = max(round(row.number * self._network.depth_multiple), 1) if row.number > 1 else row.number
            arguments, width = self._arguments(name, block, inputs, arguments, len(self._network.rows) == index + 1)
            if block.repeats:
                arguments.insert(2, number)
                number = 1
            module = self._blocks.row(lambda: self._blocks.make(name, arguments), number)
        except (ArgumentError, ExpressionError) as error:
            raise self._wrong_row(index, row, str(error)) from None
        self._widths.append(width)
        sources = [row.sources] if isinstance(row.sources, int) else row.sources
        self._save += [source % index for source in sources if source != -1]
        return self._attached(module, index, row, name)

    def _is_since(self, first: Generation) -> bool:
        return is_since(self._host.modules, first)

    def _class_name(self, index: int, row: Row) -> str:
        """The class that a row names, if this host has it."""
        name = row.module.removeprefix("torch.") if row.module.startswith("torch.nn.") else row.module
        having = generations_with(name)
        if not having:
            raise ModelYamlError(
                f"{_place(self._network.origin, index, row.line)}: {row.module} is no class of YOLOv5 or torch.nn that "
                "yolo-probe knows (a custom module)",
                "Pass a checkpoint of this network instead: layers and parameters are counted for any class.",
            )
        if self._host.modules not in having:
            raise ModelYamlError(
                f"{_place(self._network.origin, index, row.line)}: YOLOv5 {self._generation} has no {row.module} and "
                f"fails with NameError; {having[0]} and later have it",
                f"Choose --host {having[0]} or later.",
            )
        return name

    def _input_widths(self, index: int, row: Row, name: str) -> list[int]:
        """The width of each source of a row."""
        merges = name in ("Concat", "Detect", "Segment")
        if merges == isinstance(row.sources, int):
            found = "one row" if merges else "a list"
            raise ArgumentError(f"from is {found}, but {name} takes {'a list of rows' if merges else 'one row'}")
        sources = [row.sources] if isinstance(row.sources, int) else list(row.sources)
        widths = self._widths if index else [self._network.channels]
        if not index and any(source != -1 for source in sources):
            raise ArgumentError(f"from is {sources[0]}, but the first row can only take the image: -1")
        for source in sources:
            if not -len(widths) <= source < len(widths):
                raise ArgumentError(f"from is {source}, but only the rows 0 to {index - 1} stand before it")
        return [widths[source] for source in sources]

    def _arguments(
        self, name: str, block: BlockClass, inputs: list[int], arguments: list[object], last: bool
    ) -> tuple[list[object], int]:
        """The arguments that the host constructs a row's module with, and the width of its output."""
        if block.scaled:
            width = self._scaled(_argument(arguments, 0, "the output width"), exempt=self._outputs)
            return [inputs[0], width, *arguments[1:]], width
        if name == "nn.BatchNorm2d":
            return [inputs[0]], inputs[0]
        if name == "Concat":
            return arguments, sum(inputs)
        if name in ("Detect", "Segment"):
            return self._head_arguments(name, inputs, arguments), inputs[-1]
        if name == "Contract":
            return arguments, inputs[0] * _argument(arguments, 0, "the gain") ** 2
        if name == "Expand":
            return arguments, inputs[0] // _argument(arguments, 0, "the gain") ** 2
        return arguments, inputs[0]

    def _head_arguments(self, name: str, inputs: list[int], arguments: list[object]) -> list[object]:
        expected = "nc, anchors" if name == "Detect" else "nc, anchors, masks, prototypes"
        if len(arguments) != expected.count(",") + 1:
            raise ArgumentError(f"{len(arguments)} arguments, expected {expected.count(',') + 1} ({expected})")
        if isinstance(arguments[1], int) and 1 <= arguments[1] <= MOST_ANCHORS:
            arguments[1] = [list(range(arguments[1] * 2))] * len(inputs)
        if name == "Segment":
            arguments[_MASK_OUTPUTS] = self._scaled(_argument(arguments, _MASK_OUTPUTS, "the prototypes"))
        if isinstance(arguments[1], list) and len(arguments[1]) != len(inputs):
            raise ArgumentError(f"{len(inputs)} rows to detect on, but anchors for {len(arguments[1])}")
        return [*arguments, inputs]

    def _scaled(self, width: int, exempt: int | None = None) -> int:
        """The host's ``make_divisible``, but the number of outputs stays as it is."""
        return width if width == exempt else ceil(width * self._network.width_multiple / self._divisor) * self._divisor

    def _attached(self, module: Module, index: int, row: Row, name: str) -> Module:
        """A row's module with what the parser writes on it."""
        kind = module.child("0") if module.kind == "nn.Sequential" else module
        path = "models.common.DWConv" if name == "DWConv" else kind.class_path
        sources = row.sources if isinstance(row.sources, int) else list(row.sources)
        written: dict[str, object] = {"i": index, "f": sources, "type": path, "np": count_parameters(module)}
        if module.kind in ("Detect", "Segment") and index + 1 == len(self._network.rows):
            outputs = module.attributes["nl"]
            assert isinstance(outputs, int)
            written["stride"] = Tensor((outputs,))
        attributes = {**module.attributes, **written}
        return Module(module.class_path, attributes, module.parameters, module.buffers, module.children)

    def _wrong_row(self, index: int, row: Row, problem: str) -> ModelYamlError:
        return ModelYamlError(
            f"{_place(self._network.origin, index, row.line)} ({row.module}): {problem}",
            f"Correct the row [from, number, module, args] of {row.module}.",
        )


def _argument(arguments: Sequence[object], index: int, meaning: str) -> int:
    if index >= len(arguments):
        raise ArgumentError(f"{len(arguments)} arguments, expected {meaning} at place {index + 1}")
    value = arguments[index]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 2**20:
        raise ArgumentError(f"{meaning} is {_short(value)}, expected a whole number from 1")
    return value
