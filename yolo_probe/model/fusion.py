"""What ``fuse()`` does to a structure, and whether it has run.

``fuse`` follows YOLOv5's rule: every ``Conv`` (and ``DWConv``) that has a ``bn`` loses it, and a new convolution with a
bias takes the place of the old one. All other BatchNorms stay. Source: ``fuse`` in YOLOv5's models/yolo.py and
``fuse_conv_and_bn`` in its utils/torch_utils.py, the same in every generation since v3.1. Other hosts do more:
``difference`` compares a structure before and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeAlias

from yolo_probe.errors import TraceError, shown
from yolo_probe.model.structure import Module, Tensor, below, named_modules

FUSED_KINDS = frozenset({"Conv", "DWConv"})
"""Kinds of blocks whose BatchNorm YOLOv5's ``fuse()`` merges."""
BATCH_NORMS = frozenset({"nn.BatchNorm2d", "nn.SyncBatchNorm"})
CONVOLUTION_NAMES = ("conv", "conv_transpose")
"""Names under which the hosts' blocks hold the convolution that their ``bn`` is merged into."""

FusedState: TypeAlias = Literal["unfused", "fused", "partly fused"]
"""Whether ``fuse()`` has run on a network; partly fused: on some of its blocks, but not on all."""


@dataclass(frozen=True, slots=True)
class Merge:
    """One BatchNorm that is merged into the convolution before it."""

    path: str
    """Path of the ``Conv`` that holds both, ``model.0``."""
    convolution: Module
    batch_norm: Module
    fused: Module
    """The convolution that takes the place of both."""
    name: str = "conv"
    """Name of the convolution in the ``Conv``."""
    batch_norm_name: str = "bn"
    """Name of the BatchNorm in it."""
    after: str = ""
    """Path of the new convolution, if that is another: a Sequential numbers its modules anew."""

    @property
    def convolution_path(self) -> str:
        """Path of the convolution, ``model.0.conv``."""
        return below(self.path, self.name)

    @property
    def batch_norm_path(self) -> str:
        """Path of the BatchNorm, ``model.0.bn``."""
        return below(self.path, self.batch_norm_name)

    @property
    def fused_path(self) -> str:
        """Path of the new convolution."""
        return self.after or self.convolution_path

    @property
    def channels(self) -> int:
        """Number of channels that come out of the convolution."""
        return self.fused.parameters["weight"].shape[0]


@dataclass(frozen=True, slots=True)
class Change:
    """Modules that ``fuse()``, or code of the training, takes out or puts in for one reason that is not a merge."""

    cause: str
    """What happened, in a few words."""
    why: str
    """One sentence for a newcomer."""
    gone: tuple[tuple[str, Module], ...]
    """Path and module of each that was removed, also of those inside it."""
    new: tuple[tuple[str, Module], ...]
    """Path and module of each that was added, also of those inside it."""
    by_training: bool = False
    """Whether code of the training did that, before ``fuse()``."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """A structure after ``fuse()``, and what changed."""

    root: Module
    merges: tuple[Merge, ...]
    stays: tuple[str, ...]
    """Paths of the BatchNorms that were not merged."""
    changes: tuple[Change, ...] = ()
    """What else changed."""
    always_trains: bool = False
    """Whether the new convolutions train whatever the old ones did, as after the ``fuse()`` of v1.0 to v3.0."""


def fuse(root: Module, *, grad_enabled: bool, as_v3_0: bool = False) -> Fusion:
    """The structure after YOLOv5's ``fuse()``; ``root`` itself is not changed.

    ``grad_enabled``: whether autograd is on while it runs. The new convolution is made with ``requires_grad=False``,
    but copying trainable weights into it sets the flag; under ``no_grad`` (val.py) it stays False.
    ``as_v3_0``: as v1.0 to v3.0 do it. The new convolution is always trainable, the name ``bn`` stays with None, and a
    convolution of several groups makes it fail.
    Raises: TraceError where a ``Conv`` has a ``bn`` that ``fuse()`` could not merge.
    """
    merges = {
        id(module): _merge_as_v3_0(path, module) if as_v3_0 else merge_of(path, module, grad_enabled)
        for path, module in named_modules(root)
        if module.kind in FUSED_KINDS and ("bn" in module.children or "bn" in module.attributes)
    }
    fused = _rebuild(root, {}, merges, keep_name=as_v3_0)
    stays = tuple(path for path, module in named_modules(fused) if module.kind in BATCH_NORMS)
    return Fusion(fused, tuple(merges.values()), stays, always_trains=as_v3_0)


def _merge_as_v3_0(path: str, conv: Module) -> Merge:
    """As ``merge_of``, with a new convolution that is always trainable and has one group."""
    merge = merge_of(path, conv, grad_enabled=True)
    groups = merge.convolution.attributes.get("groups", 1)
    if groups != 1:
        raise TraceError(
            f"{path}: found a convolution of {shown(groups)} groups, expected one group: fuse() of YOLOv5 v1.0 to v3.0 "
            "fails here with RuntimeError"
        )
    made = {name: replace(tensor, requires_grad=True) for name, tensor in merge.fused.parameters.items()}
    return replace(merge, fused=replace(merge.fused, parameters=made))


def restore(root: Module) -> Module:
    """The structure before ``fuse()``, computed from the fused one; the same object if nothing was merged.

    YOLOv5 builds every ``Conv`` with a BatchNorm and a convolution without a bias, so what is missing is known.
    """
    return _rebuild(root, {}, {}, put_back=True)


def merge_of(path: str, conv: Module, grad_enabled: bool) -> Merge:
    """The merge of a block's ``bn`` into its ``conv``. Raises: TraceError where ``fuse()`` could not merge it."""
    batch_norm, convolution = conv.children.get("bn"), conv.children.get("conv")
    weight = _weight(convolution) if convolution else None
    if convolution is None or weight is None:
        raise _fails(path, "no convolution with a weight")
    if contradiction := _contradiction(convolution, weight):
        raise _fails(path, contradiction, f"what its weight of shape {weight.shape} has")
    if (
        batch_norm is None
        or batch_norm.kind not in BATCH_NORMS
        or not {"weight", "bias"} <= batch_norm.parameters.keys()
    ):
        found = "None" if batch_norm is None else batch_norm.kind
        raise _fails(path, f"bn = {found}", "a BatchNorm2d with weight and bias")
    if batch_norm.attributes.get("track_running_stats") is False and "running_var" not in batch_norm.buffers:
        raise _fails(path, "a bn without running statistics", "one with them")
    scale, shift = batch_norm.parameters["weight"], batch_norm.parameters["bias"]
    if odd := [each for each in (scale, shift, *_statistics(batch_norm)) if each.shape != weight.shape[:1]]:
        raise _fails(path, f"a bn with a tensor of shape {odd[0].shape}", f"one of {weight.shape[:1]}")
    bias = convolution.parameters.get("bias")
    trains = grad_enabled and (weight.requires_grad or scale.requires_grad)
    shifts = grad_enabled and (scale.requires_grad or shift.requires_grad or (bias is not None and bias.requires_grad))
    parameters = {
        "weight": Tensor(weight.shape, weight.dtype, trains),
        "bias": Tensor(weight.shape[:1], weight.dtype, shifts),
    }
    return Merge(path, convolution, batch_norm, replace(convolution, parameters=parameters))


def _statistics(batch_norm: Module) -> Iterator[Tensor]:
    """The running mean and variance of a BatchNorm."""
    yield from (each for name in ("running_mean", "running_var") if (each := batch_norm.buffers.get(name)))


def _contradiction(convolution: Module, weight: Tensor) -> str:
    """The attribute that does not fit the weight, of those that ``fuse()`` makes the new convolution with."""
    told = convolution.attributes
    groups = told.get("groups", 1)
    if not isinstance(groups, int):
        return f"groups={shown(groups)}"
    for name, has in (
        ("out_channels", weight.shape[0]), ("in_channels", weight.shape[1] * groups), ("kernel_size", weight.shape[2:]),
    ):  # fmt: skip
        if name in told and told[name] != has and told[name] != list(has if isinstance(has, tuple) else (has,)):
            return f"{name}={shown(told[name])}"
    padding = told.get("padding")
    return f"padding={shown(padding)}" if isinstance(padding, str) and padding not in ("same", "valid") else ""


def _weight(convolution: Module) -> Tensor | None:
    """The weight, also where pruning or weight norm computes it from other parameters."""
    weight = convolution.parameters.get("weight") or convolution.attributes.get("weight")
    return weight if isinstance(weight, Tensor) and len(weight.shape) == 4 else None


def _fails(path: str, found: str, expected: str = "one") -> TraceError:
    return TraceError(f"{path}: found {found}, expected {expected}: YOLOv5's fuse() fails here")


def _rebuild(
    module: Module,
    made: dict[int, Module],
    merges: Mapping[int, Merge],
    *,
    put_back: bool = False,
    keep_name: bool = False,
) -> Module:
    """The same structure with the merged modules in place of the old; what does not change stays the same object.

    ``made``: by identity, what was made of a module in another place. ``put_back``: the other way round, with a new
    BatchNorm in every fused ``Conv``. ``keep_name``: whether the name of a merged BatchNorm stays, with None, and
    another forward is set that does not ask for it.
    """
    if id(module) not in made:
        merge = merges.get(id(module))
        children = {
            name: child
            and (
                merge.fused
                if merge and name == "conv"
                else _rebuild(child, made, merges, put_back=put_back, keep_name=keep_name)
            )
            for name, child in module.children.items()
            if not (merge and name == "bn")
        }
        made[id(module)] = _with_children(module, children, merge if keep_name else None, put_back=put_back)
    return made[id(module)]


def _with_children(
    module: Module, children: dict[str, Module | None], merged: Merge | None, *, put_back: bool
) -> Module:
    """A module with these children. ``merged``: where the name of its BatchNorm stays, with None."""
    if merged:
        children = {name: children.get(name) for name in module.children}
        return replace(module, attributes={**module.attributes, "forward": "fuseforward"}, children=children)
    if put_back and module.kind in FUSED_KINDS and pair_state(module) == "fused":
        kept = {name: value for name, value in module.attributes.items() if name != "forward"}
        return replace(module, children=with_batch_norm(children), attributes=kept)
    if children.keys() == module.children.keys() and all(children[name] is module.children[name] for name in children):
        return module
    return replace(module, children=children)


def with_batch_norm(children: Mapping[str, Module | None]) -> dict[str, Module | None]:
    """Children of a fused ``Conv`` as they were built: a convolution without bias, a BatchNorm, the rest."""
    convolution = children.get("conv")
    if convolution is None or "bias" not in convolution.parameters:
        return dict(children)
    rest = {name: child for name, child in children.items() if name not in ("conv", "bn")}
    before, batch_norm = pair_before(convolution)
    return {"conv": before, "bn": batch_norm, **rest}


def pair_before(fused: Module) -> tuple[Module, Module]:
    """The convolution without a bias, and the BatchNorm, that a convolution with one was made of."""
    weight, bias = fused.parameters["weight"], fused.parameters["bias"]
    return replace(fused, parameters={"weight": weight}), new_batch_norm(bias)


def new_batch_norm(like: Tensor) -> Module:
    """A BatchNorm of as many channels as a bias has, and with its flags; else as torch builds it."""
    made = {"num_features": like.shape[0], "eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}
    return Module(
        "torch.nn.modules.batchnorm.BatchNorm2d",
        {"training": False, **made},
        {name: replace(like, location=None) for name in ("weight", "bias")},
        {name: replace(like, requires_grad=False, location=None) for name in ("running_mean", "running_var")},
    )


def difference(before: Module, after: Module) -> Fusion:
    """What a host's ``fuse()`` did, found by comparing the structure before and after it."""
    merges: list[Merge] = []
    gone: dict[tuple[str, str], list[tuple[str, Module]]] = {}
    new: dict[tuple[str, str], list[tuple[str, Module]]] = {}
    kept = {id(before): before}
    stays: dict[int, Module] = {id(after): after}
    pairs = [("", "", before, after)]
    while pairs:
        path, place, old, now = pairs.pop()
        names = _same_children(old, now)
        found_merges = [*_merged(path, old, now)] or [*_merged_in_order(path, place, old, now, names)]
        for merge in found_merges:
            merges.append(merge)
            kept[id(merge.convolution)], stays[id(merge.fused)] = merge.convolution, merge.fused
            kept[id(merge.batch_norm)] = merge.batch_norm
            if stand_in := now.children.get(dict(names).get(merge.batch_norm_name, "")):
                new.setdefault(STAND_IN, []).append((below(place, merge.batch_norm_name), stand_in))
        taken = {name for merge in found_merges for name in (merge.name, merge.batch_norm_name)}
        deeper = []
        for was_name, has_name in names:
            was, has = old.children.get(was_name), now.children.get(has_name)
            if was_name in taken:
                continue
            if was is not None and has is not None and was.class_path == has.class_path:
                if id(was) not in kept:
                    deeper.append((below(path, was_name), below(place, has_name), was, has))
                kept[id(was)], stays[id(has)] = was, has
                continue
            if was is not None:
                gone.setdefault(_reason(old, now, was_name), []).append((below(path, was_name), was))
            if has is not None:
                new.setdefault(_reason(old, now, has_name), []).append((below(place, has_name), has))
        pairs += reversed(deeper)
    changes = tuple(
        Change(*reason, tuple(_inside(gone.get(reason, ()), kept)), tuple(_inside(new.get(reason, ()), stays)))
        for reason in dict.fromkeys((*gone, *new))
    )
    left = tuple(path for path, module in named_modules(after) if module.kind in BATCH_NORMS)
    return Fusion(after, tuple(merges), left, changes)


Modules = tuple[tuple[str, Module], ...]
"""Path and module of each."""


def modules_apart(before: Module, after: Module) -> tuple[Modules, Modules]:
    """The modules in which two structures differ by path, class or parameters: those of the first, and of the second.

    A module whose children alone are others is the same. Parameters differ by name, by shape, or by what they share.
    """
    old, new = dict(named_modules(before)), dict(named_modules(after))
    shared, shared_now = _sharers(old), _sharers(new)
    same = {
        path for path in old.keys() & new.keys() if _parameters(old[path], shared) == _parameters(new[path], shared_now)
    }
    gone, made = (
        tuple((path, module) for path, module in modules.items() if path not in same) for modules in (old, new)
    )
    return gone, made


def _sharers(modules: Mapping[str, Module]) -> Mapping[int, list[str]]:
    """The names of each parameter, by its identity: several where modules share it."""
    names: dict[int, list[str]] = {}
    for path, module in modules.items():
        for name, tensor in module.parameters.items():
            names.setdefault(id(tensor), []).append(f"{path}.{name}")
    return names


def _parameters(module: Module, sharers: Mapping[int, list[str]]) -> object:
    """Class of a module, and the shape of each of its own parameters, with all names that it has in the network."""
    return module.class_path, {name: (tensor.shape, sharers[id(tensor)]) for name, tensor in module.parameters.items()}


STAND_IN = (
    "Identity in the place of a merged BatchNorm",
    "This fuse() leaves a module there that computes nothing.",
)
"""Cause, and a sentence why, of what some ``fuse()`` put where the BatchNorm was."""


def _is_gone(module: Module | None) -> bool:
    """Whether a BatchNorm is no longer there: nothing is in its place, or an Identity."""
    return module is None or module.kind == "nn.Identity"


def _same_children(old: Module, now: Module) -> list[tuple[str, str]]:
    """The names of each child before and after; empty for one that is not there.

    In a Sequential, which numbers its modules anew, those of one class and shape are the same in their order.
    """
    if old.kind != "nn.Sequential" or now.kind != "nn.Sequential" or len(old.children) == len(now.children):
        return [(name, name) for name in dict.fromkeys((*old.children, *now.children))]
    from difflib import SequenceMatcher

    before, after = list(old.children), list(now.children)
    steps = SequenceMatcher(
        None, [_form(old.children[name]) for name in before], [_form(now.children[name]) for name in after],
        autojunk=False,
    ).get_opcodes()  # fmt: skip
    return [
        pair
        for kind, i, i_end, j, j_end in steps
        for pair in (
            zip(before[i:i_end], after[j:j_end], strict=True)
            if kind == "equal"
            else (*((name, "") for name in before[i:i_end]), *(("", name) for name in after[j:j_end]))
        )
    ]


def _form(module: Module | None) -> object:
    """What two modules have in common if one is the other after ``fuse()``."""
    weight = module and module.parameters.get("weight")
    return module and (module.class_path, weight and weight.shape)


def _merged_in_order(path: str, place: str, old: Module, now: Module, names: list[tuple[str, str]]) -> Iterator[Merge]:
    """The merges in a Sequential: of each BatchNorm that is gone and came right after a convolution that has a bias."""
    if old.kind != "nn.Sequential" and not all(map(str.isdigit, old.children)):  # that, or a class derived from it
        return
    for (first, has), (second, gone) in pairwise(pair for pair in names if pair[0]):
        convolution, batch_norm, fused = old.children[first], old.children[second], now.children.get(has)
        if not _is_gone(now.children.get(gone)) or convolution is None or batch_norm is None or fused is None:
            continue
        if batch_norm.kind in BATCH_NORMS and {"weight", "bias"} <= fused.parameters.keys():
            yield Merge(path, convolution, batch_norm, fused, first, second, below(place, has))


def _merged(path: str, before: Module, after: Module) -> Iterator[Merge]:
    """The merge of a block's BatchNorm into its convolution; nothing where there was none."""
    batch_norm = before.children.get("bn")
    if batch_norm is None or batch_norm.kind not in BATCH_NORMS or not _is_gone(after.children.get("bn")):
        return
    for name in CONVOLUTION_NAMES:
        old, new = before.children.get(name), after.children.get(name)
        if old is not None and new is not None and "weight" in new.parameters:
            yield Merge(path, old, batch_norm, new, name)
            return


def _inside(places: Iterable[tuple[str, Module]], elsewhere: dict[int, Module]) -> Iterator[tuple[str, Module]]:
    """Every distinct module in these places that is not in ``elsewhere``; each that is found is added there."""
    for place, root in places:
        for path, module in named_modules(root, place):
            if id(module) not in elsewhere:
                elsewhere[id(module)] = module
                yield path, module


def _reason(before: Module, after: Module, name: str) -> tuple[str, str]:
    """Cause, and a sentence why ultralytics' ``fuse()`` removes or replaces a child of this module."""
    kind = before.class_path.rpartition(".")[2]
    if after.children.get(f"one2one_{name}") is not None:
        return (
            f"one-to-many head of {kind}, used in training alone",
            "An end-to-end model trains two heads; validation needs the one-to-one head: fuse() removes the other.",
        )
    if name.startswith("one2one_") and after.children.get(name.removeprefix("one2one_")) is not None:
        return (
            f"one-to-one head of {kind}, used only end to end",
            "The model has two heads and is not validated end to end (nms=False), so fuse() removes the one-to-one "
            "head.",
        )
    if kind in ("RepConv", "RepConvN", "RepVGGBlock", "RepVGGDW", "Conv2"):
        return (
            f"parallel branches of {kind} merged into one convolution",
            "Convolutions that run side by side and are added up equal one, whose weights fuse() computes: a 1x1 is a "
            "3x3 with zeros around it, and a BatchNorm alone is a 1x1 that passes each channel on.",
        )
    if before.class_path.startswith("ultralytics."):
        return (
            f"parts of {kind} used in training alone",
            "fuse() removes these modules: validation gives the same result without them.",
        )
    return (
        f"parts of {kind} that fuse() takes out or makes anew",
        "The network's own fuse() does that; whether it changes the outputs is compared when a training is over.",
    )


def fused_state(root: Module) -> FusedState:
    """Whether ``fuse()``, of YOLOv5 or of ultralytics, has run on a structure.

    BatchNorms that ``fuse()`` never merges, such as one after a Concat, are not asked. A structure in which nothing can
    be merged is unfused.
    """
    states = {state for _, module in named_modules(root) if (state := _state_of(module))}
    if len(states) == 2:
        return "partly fused"
    return states.pop() if states else "unfused"


def pair_state(module: Module) -> Literal["unfused", "fused"] | None:
    """Whether a block still has the BatchNorm after its convolution; None where it is no such block.

    A block of an unknown class is taken as fused where it holds an activation and a convolution with a bias.
    """
    names = _convolutions(module)
    if not names:
        return None
    if module.children.get("bn") is not None:
        return "unfused"
    if "bn" in module.attributes:
        return None
    biased = any("bias" in module.child(name).parameters for name in names)
    return "fused" if _has_one_when_built(module) or ("act" in module.children and biased) else None


def merged_names(root: Module) -> frozenset[str]:
    """Names of the parameters that a ``fuse()`` has made: those of each convolution that lost its BatchNorm."""
    return frozenset(
        below(path, f"{name}.{key}")
        for path, module in named_modules(root)
        if pair_state(module) == "fused"
        for name in _convolutions(module)
        for key in module.child(name).parameters
    )


def has_merged_class(root: Module) -> bool:
    """Whether a block without BatchNorm is of a class that its host builds with one: ``fuse()`` has run, for certain.

    A block of an unknown class may as well be built with a convolution that has a bias and no BatchNorm.
    """
    return any(_has_one_when_built(module) and pair_state(module) == "fused" for _, module in named_modules(root))


def may_be_fused(root: Module) -> bool:
    """Whether a network whose classes are not known is as one after ``fuse()``, if not built so.

    No BatchNorm is left in it, and a block holds a convolution with a bias under a name of those that hosts merge into.
    """
    modules = [module for _, module in named_modules(root)]
    if any(module.kind in BATCH_NORMS for module in modules):
        return False
    return any("bias" in module.child(name).parameters for module in modules for name in _convolutions(module))


def _convolutions(module: Module) -> tuple[str, ...]:
    return tuple(name for name in CONVOLUTION_NAMES if module.children.get(name) is not None)


def _state_of(module: Module) -> Literal["unfused", "fused"] | None:
    """As ``pair_state``, also for ultralytics' blocks with parallel branches and its heads with two sets of branches.

    Source: ``BaseModel.is_fused`` in ultralytics' nn/tasks.py.
    """
    held = {name for name, child in module.children.items() if child is not None}
    if "one2one_cv2" in held:
        return "unfused" if "cv2" in held else "fused"
    if _class_name(module) in ("RepConv", "RepVGGDW") and "conv1" in held:
        return "unfused"
    return pair_state(module)


def _has_one_when_built(module: Module) -> bool:
    """Whether its host builds every module of this class with a BatchNorm."""
    return (_class_name(module) if module.class_path.startswith("ultralytics.") else module.kind) in FUSED_KINDS


def _class_name(module: Module) -> str:
    return module.class_path.rpartition(".")[2]
