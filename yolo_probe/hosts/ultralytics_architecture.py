"""The architecture in a checkpoint or a model YAML of the ultralytics package, as data that is safe for its builder.

The builder evaluates texts, and looks up classes by name. So it gets nothing directly from a file: every row must
name the class that the checkpoint's own row has, or a block of the package, every argument is a small number or one of
a few texts, the activation is read by a closed grammar and rewritten, and anything else is refused. What is built of a
checkpoint is then compared with it, module by module. Source: ``parse_model`` in ultralytics' nn/tasks.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from yolo_probe.errors import ModelYamlError, shown
from yolo_probe.expressions import ConstructorCall, ExpressionError, evaluate
from yolo_probe.model.structure import Module, below, count_layers, count_parameters
from yolo_probe.networks.network import MOST_CLASSES

MODEL_CLASSES = (
    "DetectionModel", "SegmentationModel", "PoseModel", "OBBModel", "ClassificationModel",
    "SemanticSegmentationModel", "DepthModel", "RTDETRDetectionModel",
)  # fmt: skip
"""The classes of a whole model that can be built; others need a text model, or weights from elsewhere."""

ACTIVATIONS = frozenset({
    "nn.ELU", "nn.GELU", "nn.Hardswish", "nn.Identity", "nn.LeakyReLU", "nn.Mish", "nn.PReLU", "nn.ReLU", "nn.ReLU6",
    "nn.SELU", "nn.SiLU", "nn.Sigmoid", "nn.Softplus", "nn.Tanh",
})  # fmt: skip

TORCH_MODULES = ACTIVATIONS | frozenset({
    "nn.AdaptiveAvgPool2d", "nn.AdaptiveMaxPool2d", "nn.AvgPool2d", "nn.BatchNorm2d", "nn.CELU", "nn.ChannelShuffle",
    "nn.CircularPad2d", "nn.ConstantPad2d", "nn.Conv2d", "nn.ConvTranspose2d", "nn.Dropout", "nn.Dropout2d",
    "nn.Flatten", "nn.GLU", "nn.GroupNorm", "nn.Hardshrink", "nn.Hardsigmoid", "nn.Hardtanh", "nn.InstanceNorm2d",
    "nn.LPPool2d", "nn.LayerNorm", "nn.Linear", "nn.LocalResponseNorm", "nn.LogSigmoid", "nn.MaxPool2d",
    "nn.PixelShuffle", "nn.PixelUnshuffle", "nn.ReflectionPad2d", "nn.ReplicationPad2d", "nn.Softmax", "nn.Softmax2d",
    "nn.Softshrink", "nn.Softsign", "nn.Tanhshrink", "nn.Threshold", "nn.Upsample", "nn.UpsamplingBilinear2d",
    "nn.UpsamplingNearest2d", "nn.ZeroPad2d",
})  # fmt: skip
"""Classes of torch that a row may name: layers made of numbers alone."""

ALLOWED_TEXTS = frozenset({"None", "True", "False", "nc", "kpt_shape", "nearest", "bilinear", "bicubic"})
"""Texts that an argument may be: the builder evaluates them, or looks them up among its own variables."""

LOADING_BLOCKS = frozenset({"TorchVision"})
"""Blocks that load something from elsewhere when they are built."""

MAX_ROWS = 1000
MAX_ARGUMENT = 1 << 16
"""Largest number among the arguments."""
MAX_COPIES = 1024
"""Largest number among the arguments of a block that copies its parts as often as an argument says."""
COPYING_BLOCKS = frozenset({"RTDETRDecoder"})
MAX_DEPTH = 3
"""Most levels of lists in an argument."""
MAX_TEXT = 255
"""Most characters of a name."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What the builder gets."""

    model: str
    """Its class in ultralytics.nn.tasks."""
    document: Mapping[str, object]
    """The model YAML, made of checked data only."""
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
    document, rows = _checked(yaml)
    modules = count_layers(root).modules
    _check_rows(rows, root, _depth(document), modules)
    return Architecture(name, document, modules)


def architecture_in(yaml: Mapping[object, object]) -> Architecture:
    """The architecture in a model YAML.

    Raises: ModelYamlError for anything that is not recognised.
    """
    document, rows = _checked(yaml)
    if not rows:
        raise ModelYamlError("found no rows, expected the keys backbone and head with the rows of a network")
    last = str(rows[-1][2])
    name = next((model for head, model in HEADS.items() if last.startswith(head)), "")
    if not name:
        raise ModelYamlError(f"found {shown(last)} in the last row, expected a head: {', '.join(HEADS)}")
    for i, (_, _, module, _) in enumerate(rows):
        if module in LOADING_BLOCKS:
            raise ModelYamlError(f"row {i}: found {module}, which loads something from elsewhere when it is built")
    return Architecture(name, document, MOST_MODULES)


HEADS = {
    "Detect": "DetectionModel", "v10Detect": "DetectionModel", "Segment": "SegmentationModel", "Pose": "PoseModel",
    "OBB": "OBBModel", "Classify": "ClassificationModel", "RTDETRDecoder": "RTDETRDetectionModel",
    "WorldDetect": "WorldModel", "YOLOEDetect": "YOLOEModel", "YOLOESegment": "YOLOESegModel",
}  # fmt: skip
"""The class of a model by the beginning of its head's name."""

MOST_MODULES = 5000
"""How many modules a network that is built from a YAML may have: three times as many as the largest one shipped."""


def _checked(yaml: Mapping[object, object]) -> tuple[dict[str, object], list[list[object]]]:
    """A model YAML of checked data only, and its rows."""
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
    split = len(_part(yaml, "backbone"))
    document["backbone"], document["head"] = rows[:split], rows[split:]
    return document, rows


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
        found[name] = [depth, width, _real(numbers[2], f"scale {name}", MAX_ARGUMENT)]
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
    """The name with which the line begins; no file of that name is opened."""
    name = yaml.get("yaml_file")
    return {"yaml_file": name} if isinstance(name, str) and len(name) <= MAX_TEXT else {}


def _activation(yaml: Mapping[object, object]) -> dict[str, object]:
    """The activation, read by a closed grammar and rewritten."""
    text = yaml.get("activation")
    if not text:
        return {}
    call = None
    with suppress(ExpressionError):
        call = evaluate(text, {}) if isinstance(text, str) else None
    written = rewritten(call) if isinstance(call, ConstructorCall) else ""
    if not written:
        raise ModelYamlError(f"found activation: {shown(text)}, expected one such as nn.SiLU()")
    return {"activation": written}


def rewritten(call: ConstructorCall) -> str:
    """The text of an activation of torch, written from its name and its numbers; empty for anything else."""
    values = (*call.arguments, *call.keywords.values())
    if call.name not in ACTIVATIONS or not all(type(value) in (int, float, bool) for value in values):
        return ""
    words = [*map(repr, call.arguments), *(f"{name}={value!r}" for name, value in call.keywords.items())]
    return f"{call.name}({', '.join(words)})"


def _part(yaml: Mapping[object, object], part: str) -> Sequence[object]:
    rows = yaml.get(part)
    if not isinstance(rows, list | tuple) or len(rows) > MAX_ROWS:
        raise ModelYamlError(f"found {part}: {shown(rows)}, expected at most {MAX_ROWS} rows")
    return rows


def _rows(yaml: Mapping[object, object]) -> Iterator[object]:
    yield from _part(yaml, "backbone")
    yield from _part(yaml, "head")


def _row(row: object, index: int) -> list[object]:
    """A row of checked data: from, number, module, arguments."""
    if not isinstance(row, list | tuple) or len(row) != 4:
        raise ModelYamlError(f"row {index}: found {shown(row)}, expected from, number, module and arguments")
    sources, number, module, arguments = row
    many = sources if isinstance(sources, list | tuple) else (sources,)
    if not 1 <= len(many) <= 64 or not all(type(i) is int and -max(index, 1) <= i < index for i in many):
        raise ModelYamlError(f"row {index}: found from {shown(sources)}, expected rows before it")
    if not isinstance(module, str) or len(module) > MAX_TEXT:
        raise ModelYamlError(f"row {index}: found module {shown(module)}, expected the name of a class")
    if not isinstance(arguments, list | tuple):
        raise ModelYamlError(f"row {index}: found arguments {shown(arguments)}, expected a list")
    return [
        list(sources) if isinstance(sources, list | tuple) else sources,
        _whole(number, f"row {index}, number", MAX_ROWS),
        module,
        [
            _argument(value, index, MAX_COPIES if module in COPYING_BLOCKS else MAX_ARGUMENT, MAX_DEPTH)
            for value in arguments[:64]
        ],
    ]


def _argument(value: object, row: int, most: int, depth: int) -> object:
    if value is None or isinstance(value, bool) or (isinstance(value, str) and value in ALLOWED_TEXTS):
        return value
    if isinstance(value, int | float) and abs(value) <= most:  # which nan and infinity are not
        return value
    if isinstance(value, list | tuple) and depth and len(value) <= 64:
        return [_argument(each, row, most, depth - 1) for each in value]
    raise ModelYamlError(
        f"row {row}: found argument {shown(value)}, expected numbers up to {most:,} and words such as nc"
    )


def _check_rows(rows: Sequence[list[object]], root: Module, depth: float, modules: int) -> None:
    """Refuse rows of the YAML that are not those of the file's model, before anything is built from them."""
    model = root.children.get("model")
    children = list(model.children.values()) if model else []
    if len(children) != len(rows):
        raise ModelYamlError(f"found {len(rows)} rows in the YAML and {len(children)} in the model of the file")
    repeats = 0
    for i, ((_, number, name, _), child) in enumerate(zip(rows, children, strict=True)):
        assert isinstance(name, str)
        assert isinstance(number, int)
        repeats += max(round(number * depth), 1) if number > 1 else 1
        if name in LOADING_BLOCKS:
            raise ModelYamlError(f"row {i}: found {name}, which loads something from elsewhere when it is built")
        if child is None or not _is_of(child, name):
            kind = "nothing" if child is None else child.class_path
            raise ModelYamlError(f"row {i}: found {name[:60]} in the YAML and {kind} in the model of the file")
    if repeats > modules:
        raise ModelYamlError(f"found {repeats:,} blocks in the YAML, and only {modules:,} modules in the file")


def _is_of(module: Module, name: str) -> bool:
    """Whether a row of the file is a block of that name, or a sequence of them, and the class may be built."""
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


CHANGING_ATTRIBUTES = frozenset({
    "training", "np", "type", "inplace", "max_det", "export", "format", "dynamic", "agnostic_nms", "_end2end",
    "end2end", "shape", "p", "eps", "momentum",
})  # fmt: skip
"""Attributes that a training or a validation changes; no shape depends on them."""


def mismatch(file: Module, built: Module) -> str:
    """The first difference between a structure and that of the file, in words; empty if there is none."""
    partners: dict[int, object] = {}
    pairs = [("", file, built)]
    while pairs:
        path, ours, theirs = pairs.pop()
        if partners.setdefault(id(ours), theirs) is not theirs or partners.setdefault(id(theirs), ours) is not ours:
            return f"{path or 'the model'}: found a module that is shared in one of them alone"
        if difference := _difference(ours, theirs, whole=not path):
            return f"{path or 'the model'}: {difference}"
        pairs += [
            (below(path, name), child, theirs.child(name))
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
    keys = ["save"] if whole else [key for key in file.attributes if key not in CHANGING_ATTRIBUTES]
    for key in keys:
        found, made = (_flat(module.attributes.get(key, ...)) for module in (file, built))
        if found is not ... and made is not ... and found != made:
            return f"found {key}={shown(found)} in the file, {shown(made)} when built"
    return ""


def _flat(value: object) -> object:
    """A value that can be compared: a number, text, True, False, None, or several as a tuple; ... for anything else."""
    plain = (int, float, str, bool, type(None))
    if isinstance(value, list | tuple):
        return tuple(value) if all(type(each) in plain for each in value) else ...
    return value if type(value) in plain else ...
