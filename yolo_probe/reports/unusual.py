"""Sentences on what is unusual in a file, and the names of its secrets.

In go a checkpoint and how it is stored. Out come sentences without a full stop, each on something that the file of a
usual training does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from yolo_probe.checkpoint.reader import Checkpoint, Stored, would_run
from yolo_probe.checkpoint.sizes import Anatomy, strange
from yolo_probe.hosts.subject import Saved
from yolo_probe.hosts.target import classes_of
from yolo_probe.model.fusion import BATCH_NORMS, fused_state
from yolo_probe.model.structure import Module, named_modules, totals_of

PART_TITLES = {"model": "the model", "ema": "the EMA", "optimizer": "the optimizer", "other": "the rest"}
"""The parts of a file, as sentences name them."""

THOP_BUFFERS = ("total_ops", "total_params")
"""Buffers that thop, and ultralytics-thop to 2.0.18, leave in each module that they count."""

SECRETS = ("token", "password", "secret", "api_key", "apikey")
"""Parts of the names of options whose value is a secret."""


def unusual(
    stored: Stored, checkpoint: Checkpoint, anatomy: Anatomy, saved: Saved, names: tuple[str, ...]
) -> Iterator[str]:
    """Sentences on what the file of a usual training does not have, without a full stop."""
    yield from unusual_storage(stored, anatomy)
    root, classes = checkpoint.copy(), classes_of(checkpoint.copy())
    if checkpoint.contents.get("epoch") == -1 and (saved.optimizer or (saved.has_model and saved.has_ema)):
        yield "its epoch is -1, as in a finished file, but it is not stripped"
    if saved.stripped and saved.dtype != "FP16":
        yield f"stripped, but {saved.dtype}: strip_optimizer() leaves FP16"
    copies = {"model": checkpoint.model, "ema": checkpoint.ema}
    trains = [name for name, copy in copies.items() if copy and totals_of(copy).gradients]
    if "ema" in trains or (saved.stripped and trains):
        yield f"{PART_TITLES[trains[-1]]} has parameters that require a gradient, which training turns off"
    norms = sum(module.kind in BATCH_NORMS for _, module in named_modules(root))
    words = f"{norms} BatchNorm{'s' * (norms != 1)}"
    match fused_state(root):
        case "fused":
            left = f"saved after fuse(), which leaves {words}" if norms else "without BatchNorm: saved after fuse()"
            yield f"{left} (call fuse() once only)"
        case "partly fused":
            yield f"partly fused: {words} left"
    if names and classes is not None and len(names) != classes:
        yield f"{len(names)} names for {classes} classes"
    if count := profiled(root):
        yield f"buffers that thop left behind in {count} module{'s' * (count != 1)} ({', '.join(THOP_BUFFERS)})"


def profiled(root: Module) -> int:
    """Number of modules in which thop left its buffers."""
    return sum(not module.buffers.keys().isdisjoint(THOP_BUFFERS) for _, module in named_modules(root))


def of_thop(tensors: Iterable[str]) -> tuple[str, ...]:
    """Those names in a state_dict that are buffers of thop."""
    return tuple(name for name in tensors if name.rpartition(".")[2] in THOP_BUFFERS)


def unusual_storage(stored: Stored, anatomy: Anatomy) -> Iterator[str]:
    """The same on how a file is stored, of a checkpoint or of weights alone."""
    runs = would_run(stored.pickle)
    names = [name.path for name in stored.pickle.names]
    for path in dict.fromkeys((*strange(stored), *(path for path in runs if path in names))):
        if path in runs:
            yield f"it names {path}, and loading it runs that: no checkpoint needs it"
        else:
            yield f"it names {path}, which no known host has: loading it imports {path.rpartition('.')[0]}"
    if stored.pickle.calls_results:
        yield "its pickle calls what a call returned or an object was given, which no checkpoint does"
    if anatomy.unused:
        yield f"{anatomy.unused:,} bytes of tensor data that nothing refers to"
    yield from anatomy.strays
    for part in anatomy.parts:
        if part.shared:
            whole = " and nothing else" * (not part.size)
            yield f"{PART_TITLES[part.owner]} uses {part.shared:,} bytes that are counted before it{whole}: stored once"


def secrets(options: Mapping[object, object]) -> tuple[str, ...]:
    """Names of the options whose value is a secret."""
    return tuple(
        key
        for key, value in options.items()
        if isinstance(key, str) and any(word in key.lower() for word in SECRETS) and isinstance(value, str) and value
    )
