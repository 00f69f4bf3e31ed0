"""The architecture that a checkpoint of the ultralytics package names, as data that may be given to its builder.

The builder evaluates texts and looks classes up by the names that it is given. So nothing is passed on as it stands in
the file: every row must name the class that the file's own row has, every argument is a small number or one of a few
words, the activation is read by a closed grammar and written anew, and what is not recognised is refused. What was
built is then held against the file, module by module. Source: ``parse_model`` in ultralytics' nn/tasks.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from yolo_probe.errors import ModelYamlError, shown
from yolo_probe.expressions import ConstructorCall, ExpressionError, evaluate
from yolo_probe.model.structure import Module, count_layers, count_parameters
from yolo_probe.networks.network import MOST_CLASSES

MODEL_CLASSES = (
    "DetectionModel", "SegmentationModel", "PoseModel", "OBBModel", "ClassificationModel",
    "SemanticSegmentationModel", "DepthModel", "RTDETRDetectionModel",
)  # fmt: skip
"""The classes of a whole model that are built; others need a text model, or weights from elsewhere."""

TORCH_MODULES = frozenset({
    "nn.AvgPool2d", "nn.BatchNorm2d", "nn.Conv2d", "nn.ConvTranspose2d", "nn.Identity", "nn.MaxPool2d", "nn.Upsample",
    "nn.ZeroPad2d",
})  # fmt: skip
"""Classes of torch that a row may name."""

ACTIVATIONS = frozenset({
    "nn.ELU", "nn.GELU", "nn.Hardswish", "nn.Identity", "nn.LeakyReLU", "nn.Mish", "nn.PReLU", "nn.ReLU", "nn.ReLU6",
    "nn.SELU", "nn.SiLU", "nn.Sigmoid", "nn.Softplus", "nn.Tanh",
})  # fmt: skip

WORDS = frozenset({"None", "True", "False", "nc", "kpt_shape", "nearest", "bilinear", "bicubic"})
"""Texts that an argument may be: the builder evaluates them, or looks them up among its own variables."""

BUILDERS_OWN = frozenset({"TorchVision"})
"""Blocks that load something from elsewhere when they are built."""

MOST_ROWS = 1000
LARGEST = 1 << 16
"""Of any number among the arguments."""
MOST_COPIES = 1024
"""The same for a block that copies its parts as often as an argument says."""
COPYING = frozenset({"RTDETRDecoder"})
DEEPEST = 3
"""Lists within lists among the arguments."""
LONGEST_TEXT = 255


@dataclass(frozen=True, slots=True)
class Architecture:
    """What the builder is given."""

    model: str
    """Its class in ultralytics.nn.tasks."""
    document: Mapping[str, object]
    """The model YAML, of validated data alone."""
    modules: int
    """How many modules the file has, that the builder need not make many more."""


def architecture(root: Module) -> Architecture:
    """The architecture of a file's model.

    Raises: ModelYamlError for anything that is not recognised.
    """
    name = root.class_path.rpartition(".")[2]
    if name not in MODEL_CLASSES:
        raise ModelYamlError(f"found a model of class {name}, expected one of {', '.join(MODEL_CLASSES)}")
    yaml = root.attributes.get("yaml")
    if not isinstance(yaml, Mapping):
        raise ModelYamlError("found no model YAML in the file, which describes its architecture")
    document: dict[str, object] = {
        "nc": _whole(yaml.get("nc"), "nc", MOST_CLASSES),
        "depth_multiple": _real(yaml.get("depth_multiple", 1.0), "depth_multiple", 100),
        "width_multiple": _real(yaml.get("width_multiple", 1.0), "width_multiple", 100),
        "reg_max": _whole(yaml.get("reg_max", 16), "reg_max", 1024),
        "channels": _whole(yaml.get("channels", yaml.get("ch", 3)), "channels", 4096),
    }
    for key in ("end2end", "inplace"):
        if isinstance(yaml.get(key), bool):
            document[key] = yaml[key]
    document |= _scales(yaml) | _keypoints(yaml) | _activation(yaml) | _yaml_file(yaml)
    rows = [_row(row, i) for i, row in enumerate(_rows(yaml))]
    modules = count_layers(root).modules
    _check_rows(rows, root, _depth(document), modules)
    split = len(_part(yaml, "backbone"))
    document["backbone"], document["head"] = rows[:split], rows[split:]
    return Architecture(name, document, modules)


def _whole(value: object, what: str, most: int) -> int:
    """A whole number from 1 on."""
    if type(value) is not int or not 1 <= value <= most:
        raise ModelYamlError(f"found {what}: {shown(value)}, expected a whole number from 1 to {most:,}")
    return value


def _real(value: object, what: str, most: float) -> float:
    """A number above 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.001 <= value <= most:
        raise ModelYamlError(f"found {what}: {shown(value)}, expected a number from 0.001 to {most:,}")
    return float(value)


def _scales(yaml: Mapping[object, object]) -> dict[str, object]:
    scales, scale = yaml.get("scales"), yaml.get("scale")
    if not scales:
        return {}
    if not isinstance(scales, Mapping) or len(scales) > 32 or not all(_is_short(name) for name in scales):
        raise ModelYamlError(f"found scales: {shown(scales)}, expected a few names with three numbers each")
    found = {}
    for name, numbers in scales.items():
        if not isinstance(numbers, list | tuple) or len(numbers) != 3:
            raise ModelYamlError(f"found scale {name}: {shown(numbers)}, expected depth, width and most channels")
        depth, width = (_real(n, f"scale {name}", 100) for n in numbers[:2])
        found[name] = [depth, width, _real(numbers[2], f"scale {name}", LARGEST)]
    if scale and not (isinstance(scale, str) and scale in found):
        raise ModelYamlError(f"found scale: {shown(scale)}, expected one of {', '.join(map(str, found))}")
    # without one the builder takes the first
    return {"scales": found, "scale": scale or next(iter(found))}


def _depth(document: Mapping[str, object]) -> float:
    scales, scale = document.get("scales"), document.get("scale")
    if isinstance(scales, Mapping):
        depth = scales[scale][0]
        return float(depth)
    depth = document["depth_multiple"]
    assert isinstance(depth, float)
    return depth


def _is_short(text: object) -> bool:
    return isinstance(text, str) and len(text) <= 8


def _keypoints(yaml: Mapping[object, object]) -> dict[str, object]:
    shape = yaml.get("kpt_shape")
    if shape is None:
        return {}
    if not isinstance(shape, list | tuple) or len(shape) != 2:
        raise ModelYamlError(f"found kpt_shape: {shown(shape)}, expected two numbers")
    return {"kpt_shape": [_whole(n, "kpt_shape", 4096) for n in shape]}


def _yaml_file(yaml: Mapping[object, object]) -> dict[str, object]:
    """The name that the line begins with; nothing is opened by it."""
    name = yaml.get("yaml_file")
    return {"yaml_file": name} if isinstance(name, str) and len(name) <= LONGEST_TEXT else {}


def _activation(yaml: Mapping[object, object]) -> dict[str, object]:
    """The activation, read by a closed grammar and written anew."""
    text = yaml.get("activation")
    if not text:
        return {}
    call = None
    with suppress(ExpressionError):
        call = evaluate(text, {}) if isinstance(text, str) else None
    written = written_anew(call) if isinstance(call, ConstructorCall) else ""
    if not written:
        raise ModelYamlError(f"found activation: {shown(text)}, expected one such as nn.SiLU()")
    return {"activation": written}


def written_anew(call: ConstructorCall) -> str:
    """The text that constructs an activation of torch with numbers alone; empty for anything else."""
    values = (*call.arguments, *call.keywords.values())
    if call.name not in ACTIVATIONS or not all(type(value) in (int, float, bool) for value in values):
        return ""
    words = [*map(repr, call.arguments), *(f"{name}={value!r}" for name, value in call.keywords.items())]
    return f"{call.name}({', '.join(words)})"


def _part(yaml: Mapping[object, object], part: str) -> Sequence[object]:
    rows = yaml.get(part)
    if not isinstance(rows, list | tuple) or len(rows) > MOST_ROWS:
        raise ModelYamlError(f"found {part}: {shown(rows)}, expected at most {MOST_ROWS} rows")
    return rows


def _rows(yaml: Mapping[object, object]) -> Iterator[object]:
    yield from _part(yaml, "backbone")
    yield from _part(yaml, "head")


def _row(row: object, index: int) -> list[object]:
    """A row of validated data: from, number, module, arguments."""
    if not isinstance(row, list | tuple) or len(row) != 4:
        raise ModelYamlError(f"row {index}: found {shown(row)}, expected from, number, module and arguments")
    sources, number, module, arguments = row
    many = sources if isinstance(sources, list | tuple) else (sources,)
    if not 1 <= len(many) <= 64 or not all(type(i) is int and -max(index, 1) <= i < index for i in many):
        raise ModelYamlError(f"row {index}: found from {shown(sources)}, expected rows before it")
    if not isinstance(module, str) or len(module) > LONGEST_TEXT:
        raise ModelYamlError(f"row {index}: found module {shown(module)}, expected the name of a class")
    if not isinstance(arguments, list | tuple):
        raise ModelYamlError(f"row {index}: found arguments {shown(arguments)}, expected a list")
    return [
        list(sources) if isinstance(sources, list | tuple) else sources,
        _whole(number, f"row {index}, number", MOST_ROWS),
        module,
        [_argument(value, index, MOST_COPIES if module in COPYING else LARGEST, DEEPEST) for value in arguments[:64]],
    ]


def _argument(value: object, row: int, most: int, depth: int) -> object:
    if value is None or isinstance(value, bool) or (isinstance(value, str) and value in WORDS):
        return value
    if isinstance(value, int | float) and abs(value) <= most:  # which nan and infinity are not
        return value
    if isinstance(value, list | tuple) and depth and len(value) <= 64:
        return [_argument(each, row, most, depth - 1) for each in value]
    raise ModelYamlError(
        f"row {row}: found argument {shown(value)}, expected numbers up to {most:,} and words such as nc"
    )


def _check_rows(rows: Sequence[list[object]], root: Module, depth: float, modules: int) -> None:
    """Hold the rows of the YAML against those of the file, before anything is built of them."""
    model = root.children.get("model")
    children = list(model.children.values()) if model else []
    if len(children) != len(rows):
        raise ModelYamlError(f"found {len(rows)} rows in the YAML and {len(children)} in the model of the file")
    repeats = 0
    for i, ((_, number, name, _), child) in enumerate(zip(rows, children, strict=True)):
        assert isinstance(name, str)
        assert isinstance(number, int)
        repeats += max(round(number * depth), 1) if number > 1 else 1
        if name in BUILDERS_OWN:
            raise ModelYamlError(f"row {i}: found {name}, which loads something from elsewhere when it is built")
        if child is None or not _is_of(child, name):
            kind = "nothing" if child is None else child.class_path
            raise ModelYamlError(f"row {i}: found {name[:60]} in the YAML and {kind} in the model of the file")
    if repeats > modules:
        raise ModelYamlError(f"found {repeats:,} blocks in the YAML, and only {modules:,} modules in the file")


def _is_of(module: Module, name: str) -> bool:
    """Whether a row of the file is one block of that name, or a sequence of them, and a class that may be built."""
    blocks = [module]
    if module.kind == "nn.Sequential":
        blocks = [child for child in module.children.values() if child is not None]
    wanted = name.removeprefix("nn.")
    home = "torch.nn.modules." if wanted != name else "ultralytics.nn.modules."
    known = wanted == name or name in TORCH_MODULES
    return (
        known
        and bool(blocks)
        and all(block.class_path.startswith(home) and block.class_path.rpartition(".")[2] == wanted for block in blocks)
    )


OF_THE_MOMENT = frozenset({
    "training", "np", "type", "inplace", "max_det", "export", "format", "dynamic", "agnostic_nms", "_end2end",
    "end2end", "shape", "p", "eps", "momentum",
})  # fmt: skip
"""Attributes that a training or a validation changes, and that no shape depends on."""


def mismatch(file: Module, built: Module) -> str:
    """The first place where a structure is not that of the file; empty if they are alike."""
    partners: dict[int, object] = {}
    pairs = [("", file, built)]
    while pairs:
        path, ours, theirs = pairs.pop()
        if partners.setdefault(id(ours), theirs) is not theirs or partners.setdefault(id(theirs), ours) is not ours:
            return f"{path or 'the model'}: found a module that is shared in one of them alone"
        if difference := _difference(ours, theirs, whole=not path):
            return f"{path or 'the model'}: {difference}"
        pairs += [
            (f"{path}.{name}" if path else name, child, theirs.child(name))
            for name, child in reversed(list(ours.children.items()))
            if child is not None
        ]
    numbers = [count_parameters(root) for root in (file, built)]
    if numbers[0] != numbers[1]:
        return f"the model: found {numbers[0]:,} parameters in the file, {numbers[1]:,} when built: some are shared"
    return ""


def _difference(file: Module, built: Module, *, whole: bool) -> str:
    kinds = [module.class_path.rpartition(".")[2] for module in (file, built)]
    if kinds[0] != kinds[1]:
        return f"found {kinds[0]} in the file, {kinds[1]} when built"
    held = [[name for name, child in module.children.items() if child is not None] for module in (file, built)]
    if set(held[0]) != set(held[1]):
        return f"found the modules {shown(held[0])} in the file, {shown(held[1])} when built"
    tensors = (("parameters", file.parameters, built.parameters), ("buffers", file.buffers, built.buffers))
    for what, ours, theirs in tensors:
        shapes = [{key: tensor.shape for key, tensor in each.items()} for each in (ours, theirs)]
        if shapes[0] != shapes[1]:
            return f"found {what} {shown(shapes[0])} in the file, {shown(shapes[1])} when built"
    keys = ["save"] if whole else [key for key in file.attributes if key not in OF_THE_MOMENT]
    for key in keys:
        found, made = (_flat(module.attributes.get(key, ...)) for module in (file, built))
        if found is not ... and made is not ... and found != made:
            return f"found {key}={shown(found)} in the file, {shown(made)} when built"
    return ""


def _flat(value: object) -> object:
    """A number, text, True, False, None or a row of them to be compared; ... for anything else."""
    plain = (int, float, str, bool, type(None))
    if isinstance(value, list | tuple):
        return tuple(value) if all(type(each) in plain for each in value) else ...
    return value if type(value) in plain else ...
