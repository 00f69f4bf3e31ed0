"""Inside a process with YOLOv5 7.0.14 and one thop: what hooks, thop and torch's storages say, module by module.

Arguments: what is asked (``thop``, ``shapes``, ``memory``, ``live``, ``kernels``) and networks. Prints a line of JSON
for each network and state: what the real one says, and what the probe says.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import warnings
import weakref
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import yolo_probe
from tests.fingerprints import fingerprint
from tests.oracles.counters_check import build
from yolo_probe.counters.conventions import CONVENTIONS, choose_counter
from yolo_probe.hosts.target import resolve
from yolo_probe.live.kernels import Memory
from yolo_probe.live.replay import Replay
from yolo_probe.model.activations import activations
from yolo_probe.model.fusion import fuse
from yolo_probe.model.structure import Module
from yolo_probe.model.trace import trace
from yolo_probe.reports.layers import LayerCosts, View, layer_costs
from yolo_probe.reports.question import Question

SIDE = 640
IMAGE = (1, 3, SIDE, SIDE)


def states(network: str) -> Iterator[tuple[nn.Module, Module, bool]]:
    """The real network and the structure of its name, unfused and fused, on the meta device."""
    model = build(network)[0].to("meta").eval()
    root = resolve(f"{network}@v7.0").root
    yield model, root, False
    with torch.no_grad():
        yield model.fuse(), fuse(root, grad_enabled=False).root, True


class Kernels(TorchDispatchMode):  # type: ignore[misc]  # torch is not read by mypy
    """The kernels that run, each with the shapes of the tensors that it reads and of the one that it makes."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[tuple[str, list[list[int]], list[int]]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note the kernel, and run it."""
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__.removesuffix("_")
        made = [list(each.shape) for each in tree_leaves(result) if isinstance(each, torch.Tensor)]
        if name in COMPUTING:
            read = [list(each.shape) for each in tree_leaves(args) if isinstance(each, torch.Tensor)]
            self.ran.append((name, [shape for shape in read if shape], made[0]))
        return result


COMPUTING = {
    *("conv2d", "conv1d", "conv_transpose2d", "batch_norm", "layer_norm", "linear"),
    *("silu", "sigmoid", "hardswish", "leaky_relu", "relu", "max_pool2d_with_indices", "upsample_nearest2d", "cat"),
    *("add", "mul", "sub", "pow", "div", "softmax", "_softmax", "bmm", "avg_pool2d", "mean"),
}
"""What computes or moves values; views and the making of grids are left out."""


def kernels(network: str) -> Iterator[dict[str, Any]]:
    """The kernels of the real forward pass, and those of its replay."""
    memory = Memory(torch.device("meta"), torch.float32, channels_last=False)
    for model, root, fused in states(network):
        first = deepcopy(model)  # a head makes its grids in the first pass
        with torch.inference_mode(), Kernels() as real:
            first(torch.zeros(IMAGE, device="meta"))
        replay = Replay(root, trace(root, IMAGE), memory)
        with Kernels() as probe:
            replay.run()
        yield {"network": network, "fused": fused, "real": real.ran, "probe": probe.ran}


def thop(network: str) -> Iterator[dict[str, Any]]:
    """MACs that thop keeps for each module, and FLOPs by module."""
    from thop import profile

    from yolo_probe.environment import installed_thop

    installed = installed_thop()
    for model, _, fused in states(network):
        image = torch.zeros(IMAGE, device="meta")
        macs, _, layers = profile(model, inputs=(image,), verbose=False, ret_layer_info=True)
        name = installed.counter if installed else None
        assert name in CONVENTIONS
        counter = choose_counter(name, None)
        asked = Question(resolve(f"{network}@v7.0"), (SIDE, SIDE), counter)
        report = layer_costs(asked, View("module"), fused=fused)
        yield {
            "real": {"total": macs} | dict(charged(layers)),
            "probe": {"total": (report.flops or 0) // 2} | by_module(report),
        }


def charged(layers: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """What thop has for each module beyond those inside it: attention holds a module that it runs itself."""
    for name, (macs, _, inside) in layers.items():
        if own := macs - sum(each[0] for each in inside.values()):
            yield f"{prefix}{name}", own
        yield from charged(inside, f"{prefix}{name}.")


def by_module(report: LayerCosts) -> dict[str, int]:
    return {f"model.{line.name}": line.flops // 2 for line in report.lines if line.flops}


def shapes(network: str) -> Iterator[dict[str, Any]]:
    """What goes into each call of a module and comes out, in the order of their returns."""
    for model, root, _ in states(network):
        seen: list[Any] = []
        given: dict[int, list[Any]] = {}

        def before(module: nn.Module, inputs: Any, given: dict[int, list[Any]] = given) -> None:
            given.setdefault(id(module), []).append(listed(inputs))  # Detect writes into its list

        def hook(
            module: nn.Module, _: Any, out: Any, seen: list[Any] = seen, given: dict[int, list[Any]] = given
        ) -> None:
            if type(module).__name__ == "MultiheadAttention":
                out = out[0]  # beside it stand the attention's weights
            if type(module).__name__ in ("Detect", "Segment"):
                out = out[-1]  # beside the predictions stand the boxes
            seen.append([type(module).__name__, given[id(module)].pop(), listed(out)])

        handles = [each.register_forward_hook(hook) for each in model.modules() if each is not model]
        handles += [each.register_forward_pre_hook(before) for each in model.modules() if each is not model]
        with torch.no_grad():
            model(torch.zeros(IMAGE, device="meta"))
        for handle in handles:
            handle.remove()
        kinds = {path: type(module).__name__ for path, module in model.named_modules(remove_duplicate=False)}
        calls = trace(root, IMAGE).calls
        yield {"real": seen, "probe": [[kinds[each.path], listed(each.input), listed(each.output)] for each in calls]}


def listed(value: Any) -> list[list[int]]:
    """Shapes of all tensors in a value, or of a shape itself."""
    if isinstance(value, torch.Tensor):
        return [list(value.shape)]
    if isinstance(value, tuple) and all(isinstance(side, int) for side in value):
        return [list(value)]
    return [shape for each in value for shape in listed(each)]


class Storages(TorchDispatchMode):  # type: ignore[misc]  # torch is not read by mypy
    """Every operator that torch runs, with the storages that it reads and the one of its result."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[list[int], int | None]] = []
        self.sizes: dict[int, int] = {}
        self.kept: list[Any] = []  # a storage that is gone could come again under its number

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.kept.append(out)
        results = [each for each in tree_leaves(out) if isinstance(each, torch.Tensor)]
        reads = [storage(each) for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        for each in results:
            self.sizes.setdefault(storage(each), each.untyped_storage().nbytes())
        # the others are a BatchNorm's statistics, empty, and the places of a pooling's maxima
        self.steps.append((reads, storage(results[0]) if results else None))
        return out


class Living(TorchDispatchMode):  # type: ignore[misc]
    """Bytes of all storages that torch made and that are still there, at most."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._here: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {storage(each) for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)}
        for each in tree_leaves(out):
            if isinstance(each, torch.Tensor) and storage(each) not in given | self._here:
                self._count(each.untyped_storage())
        self.peak = max(self.peak, self.now)
        return out

    def _count(self, made: torch.UntypedStorage) -> None:
        number, size = made._cdata, made.nbytes()
        self.now += size
        self._here.add(number)

        def gone() -> None:
            self.now -= size
            self._here.remove(number)

        weakref.finalize(made, gone)


def storage(tensor: torch.Tensor) -> int:
    number: int = tensor.untyped_storage()._cdata
    return number


def memory(network: str) -> Iterator[dict[str, Any]]:
    """Bytes of all tensors that are made, and of those that are there together if each goes after its last reader."""
    for model, root, _ in states(network):
        image = torch.zeros(IMAGE, device="meta")
        with torch.no_grad():
            model(image)  # which makes the grids
            with Living() as living:
                model(image)
            with Storages() as seen:
                out = model(image)
        held = [value for module in model.modules() for value in tree_leaves(list(vars(module).values()))]
        fixed = {storage(each) for each in held if isinstance(each, torch.Tensor)}
        sizes = seen.sizes | {storage(image): image.untyped_storage().nbytes()}
        made, last = {storage(image): 0}, {storage(image): 0}
        for moment, (reads, result) in enumerate(seen.steps):
            last |= dict.fromkeys((each for each in reads if each not in fixed), moment)
            if result is not None and result not in fixed and result not in made:
                made[result] = last[result] = moment
        end = len(seen.steps)
        last |= dict.fromkeys((storage(each) for each in tree_leaves(out)), end)
        peak = max(sum(sizes[each] for each in made if made[each] <= moment <= last[each]) for moment in range(end))
        total = sum(sizes[each] for each in made if each != storage(image))
        ours = activations(trace(root, IMAGE))
        assert ours is not None
        living_peak = living.peak + image.untyped_storage().nbytes()
        yield {
            "real": {"peak": peak, "made": total, "living": living_peak},
            "probe": {"peak": 4 * ours.peak, "made": 4 * ours.made},
        }


def live(network: str) -> Iterator[dict[str, Any]]:
    """The same network as a live model and by its name."""
    for model, _, fused in states(network):
        before = fingerprint(model)
        report = yolo_probe.explain_layers(model, counter="ultralytics-thop-2.2").report
        assert fingerprint(model) == before
        asked = Question(resolve(f"{network}@v7.0"), (SIDE, SIDE), choose_counter("ultralytics-thop-2.2", None))
        yield {"real": facts(report), "probe": facts(layer_costs(asked, View(), fused=fused))}


def facts(report: LayerCosts) -> list[Any]:
    """What both must agree on; a live head gives its boxes too."""
    lines = [
        [
            line.name, line.kind, line.flops, line.parameters, line.access.values, line.fused, line.unfused,
            line.inputs, line.outputs if line is not report.lines[-1] else (),
        ]
        for line in report.lines
    ]  # fmt: skip
    found = report.activations
    assert found is not None
    return [
        lines,
        found.peak,
        found.path,
        [[each.path, each.shape] for each in found.held],
        list(map(str, report.guidelines)),
    ]


ASKED = {"thop": thop, "shapes": shapes, "memory": memory, "live": live, "kernels": kernels}


def main() -> None:
    asked, *networks = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable()
    for network in networks:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            answers = list(ASKED[asked](network))
        for fused, answer in zip((False, True), answers, strict=True):
            print(json.dumps({"network": network, "fused": fused} | answer), flush=True)


if __name__ == "__main__":
    main()
