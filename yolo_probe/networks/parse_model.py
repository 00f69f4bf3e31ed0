"""From the rows of a network to the model that a host builds of them, as the host's ``parse_model`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from yolo_probe.errors import ModelYamlError
from yolo_probe.expressions import ConstructorCall, ExpressionError, evaluate
from yolo_probe.model.structure import Module, Tensor, count_parameters
from yolo_probe.networks.before_v5_0 import BEFORE, generations_that_name, host_before
from yolo_probe.networks.constructors import YOLOV5, BlockClass, Blocks, Row, generations_with
from yolo_probe.networks.forks.registry import dialect_of
from yolo_probe.networks.generations import GENERATIONS, Generation, host_of, is_since
from yolo_probe.networks.network import Network, NetworkRow, place_of
from yolo_probe.networks.torch_nn import TORCH_NAMES, ArgumentError, sequential


@dataclass(frozen=True, slots=True)
class Made:
    """The repeats and arguments that a row was constructed with, as the host prints them while it builds."""

    number: int
    """How often it is repeated, after the depth multiple; v5.0 prints 1 where the block itself repeats."""
    arguments: str
    """The list of arguments as Python writes it."""


class Builder:
    """One walk over the rows: their modules, and the widths that later rows need."""

    def __init__(self, network: Network, generation: Generation, host_version: str | None) -> None:
        self._network = network
        self._generation = generation
        self._dialect = dialect_of(network.rows)
        if self._dialect is YOLOV5:
            self._dialect = BEFORE.get(generation, YOLOV5)
        self._host = self._dialect.host or host_of(generation, host_version)
        # before v4.0 a YAML cannot say how many channels an image has
        self._channels = network.channels if is_since(self._host.root, "v4.0") else 3
        self._widths: list[int] = []
        self._save: list[int] = []
        self.made: list[Made] = []
        """One entry for each row so far."""
        self._blocks = self._constructors()
        anchors = network.anchors
        per_output = anchors if isinstance(anchors, int) else len(anchors[0]) // 2
        self._outputs = per_output * (network.classes + 5)
        is_head = generation == "head" and host_version is None and self._dialect.host is None
        self._divisor = (network.channel_multiple if is_head else None) or 8
        self._names: dict[str, object] = {
            "nc": network.classes,
            "anchors": anchors if isinstance(anchors, int) else [list(sizes) for sizes in anchors],
            "na": per_output,
            "no": self._outputs,
            "gd": network.depth_multiple,
            "gw": network.width_multiple,
        }
        self._settings = {key: network.settings[key] for key in self._dialect.settings if key in network.settings}
        self._names |= self._settings

    def _constructors(self) -> Blocks:
        text = self._network.activation
        if not text or not is_since(self._host.modules, "v7.0"):
            return self._dialect.constructors(self._host, None)
        try:
            activation = evaluate(text, {})
            if not isinstance(activation, ConstructorCall):
                raise ExpressionError(f"{text!r} is no module, expected nn.SiLU(), nn.LeakyReLU(0.1) or another")
            return self._dialect.constructors(self._host, activation)
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
        attributes = host_before(attributes, self._host.root)
        if is_since(self._host.root, "v6.0"):
            attributes["inplace"] = True
        last = modules[-1]
        if "stride" in last.attributes:
            attributes["stride"] = last.attributes["stride"]
        return Module(self._root_class(last), attributes, children={"model": sequential(*modules)})

    def _root_class(self, last: Module) -> str:
        if not is_since(self._host.root, "v6.2"):
            return "models.yolo.Model"
        has_masks = "nm" in last.attributes
        return "models.yolo.SegmentationModel" if has_masks else "models.yolo.DetectionModel"

    def _module(self, index: int, row: NetworkRow) -> Module:
        try:
            name = self._class_name(index, row)
            block = self._dialect.block(name, self._host.modules)
            row = self._with_sources(index, row, block)
            inputs = self._input_widths(index, row, name, block)
            arguments = [evaluate(a, self._names) if isinstance(a, str) else a for a in row.arguments]
            number = max(round(row.number * self._network.depth_multiple), 1) if row.number > 1 else row.number
            arguments, width = block.parse(Row(inputs, arguments, self._outputs, self._scaled, self._settings))
            repeats = number
            if block.repeats:
                arguments.insert(2, number)
                number = 1
            self.made.append(Made(repeats if self._is_since("v6.0") else number, str(arguments)))
            module = self._blocks.row(lambda: self._blocks.make(name, arguments), number)
        except (ArgumentError, ExpressionError) as error:
            raise self._wrong_row(index, row, str(error)) from None
        self._widths.append(width)
        sources = [row.sources] if isinstance(row.sources, int) else row.sources
        self._save += [source % index for source in sources if source != -1]
        return self._attached(module, index, row, name)

    def _is_since(self, first: Generation) -> bool:
        return is_since(self._host.modules, first)

    def _class_name(self, index: int, row: NetworkRow) -> str:
        """The class that a row names, if this host has it."""
        name = row.module.removeprefix("torch.") if row.module.startswith("torch.nn.") else row.module
        able = (*generations_that_name(name), *generations_with(name))
        ours = not self._dialect.host
        if name in TORCH_NAMES or (self._host.modules in able if ours else name in self._dialect.blocks):
            return name
        place = place_of(self._network.origin, index, row.line)
        if ours and able:
            first = next((other for other in able if is_since(other, self._generation)), able[-1])
            later = " or later" if able[-1] == GENERATIONS[-1] and first in generations_with(name) else ""
            raise ModelYamlError(
                f"{place}: YOLOv5 {self._generation} has no {row.module} and fails with NameError; "
                f"{_generations(able)} it",
                f"Choose --host {first}{later}.",
            )
        raise ModelYamlError(
            f"{place}: {row.module} is no class of {self._dialect.name} or torch.nn that yolo-probe knows "
            "(a custom module)",
            "Pass the folder of the code that has it with --source, or a checkpoint of this network: layers and "
            "parameters are counted for any class.",
        )

    def _with_sources(self, index: int, row: NetworkRow, block: BlockClass) -> NetworkRow:
        """The same row with the sources that the host finds for it, where none are written."""
        if row.sources != ():
            return row
        if block.finds is None:
            raise ArgumentError("from is an empty list, expected row numbers; only Detect of v1.0 finds its own")
        return replace(row, sources=block.finds([self._channels, *self._widths], index, self._outputs))

    def _input_widths(self, index: int, row: NetworkRow, name: str, block: BlockClass) -> list[int]:
        """The output width of each source of a row, in channels, as the host's parser has it."""
        if block.merges == isinstance(row.sources, int):
            found = "one row" if block.merges else "a list"
            raise ArgumentError(f"from is {found}, but {name} takes {'a list of rows' if block.merges else 'one row'}")
        sources = [row.sources] if isinstance(row.sources, int) else list(row.sources)
        widths = self._widths if index else [self._channels]
        if not index and any(source != -1 for source in sources):
            raise ArgumentError(f"from is {sources[0]}, but the first row can only take the image: -1")
        for source in sources:
            if not -len(widths) <= source < len(widths):
                raise ArgumentError(f"from is {source}, but only the rows 0 to {index - 1} stand before it")
        if block.place:
            seen = [self._channels, *self._widths]
            return [seen[block.place(source)] for source in sources]
        return [widths[source] for source in sources]

    def _scaled(self, width: int) -> int:
        """A width after the host's ``make_divisible``."""
        return ceil(width * self._network.width_multiple / self._divisor) * self._divisor

    def _attached(self, module: Module, index: int, row: NetworkRow, name: str) -> Module:
        """A row's module with the attributes that the parser sets on it."""
        kind = module.child("0") if module.kind == "nn.Sequential" else module
        path = "models.common.DWConv" if name == "DWConv" else kind.class_path
        sources = row.sources if isinstance(row.sources, int) else list(row.sources)
        written: dict[str, object] = {"i": index, "f": sources, "type": path, "np": count_parameters(module)}
        outputs = module.attributes.get("nl")
        if isinstance(outputs, int) and index + 1 == len(self._network.rows):
            written["stride"] = Tensor((outputs,))
        attributes = {**module.attributes, **written}
        return Module(module.class_path, attributes, module.parameters, module.buffers, module.children)

    def _wrong_row(self, index: int, row: NetworkRow, problem: str) -> ModelYamlError:
        return ModelYamlError(
            f"{place_of(self._network.origin, index, row.line)} ({row.module}): {problem}",
            f"Correct the row [from, number, module, args] of {row.module}.",
        )


def _generations(able: Sequence[Generation]) -> str:
    """Generations as the subject of a sentence, with its verb: ``v1.0, v2.0, v5.0 and later have``."""
    named = list(able)
    while len(named) > 1 and named[-1] == GENERATIONS[GENERATIONS.index(named[-2]) + 1] and able[-1] == GENERATIONS[-1]:
        del named[-1]
    if len(named) < len(able):
        return f"{', '.join(named)} and later have"
    return f"{', '.join(named)} {'have' if len(named) > 1 else 'has'}"
