"""The networks of YOLOv5 and its forks, as yolo-probe builds, fuses and counts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.known_lines.curves import Figures, curves_of
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.hosts.known_lines import GRADIENT_STATES
from yolo_probe.hosts.subject import Subject
from yolo_probe.hosts.summary_line import LineForm, host_line
from yolo_probe.hosts.target import resolve
from yolo_probe.model.forks.fork import Fork
from yolo_probe.model.forks.yolov9 import YOLOV9
from yolo_probe.model.freezing import as_built, fixed_names, with_gradients
from yolo_probe.model.structure import (
    Module,
    count_gradients,
    count_parameters,
    named_parameters,
    totals_of,
    with_own_activations,
)
from yolo_probe.networks.model_yaml import build
from yolo_probe.networks.network import Network
from yolo_probe.reports.question import Question

COUNTERS = ("thop-0.0.31", "thop-0.1", "ultralytics-thop-2.2")
NEWEST_COUNTERS = ("ultralytics-thop-2.2",)

FIGURES = ("parameters", "fused_parameters", *GRADIENT_STATES)
"""The figures of an entry, in the order of the file."""

YOLOV9_AT_FIRST = replace(YOLOV9, fuses={name: rule for name, rule in YOLOV9.fuses.items() if name != "RepConvN"})
"""YOLOv9 before 26 February 2024. Source: ``fuse()`` in models/yolo.py before 77f4a6c."""

Made = Callable[[int], Subject]
"""From a number of classes to the network."""


def detector(target: str) -> Made:
    """The networks of a name: ``yolov5s@v7.0``."""
    return lambda classes: resolve(target, classes=classes)


def resized(target: str, size_of: str) -> Made:
    """The networks of a name with the depth and the width of another."""

    def made(classes: int) -> Subject:
        subject, source = resolve(target), resolve(size_of).source
        generation = subject.origin.generation
        assert generation != "ultralytics"
        assert isinstance(subject.source, Network)
        assert isinstance(source, Network)
        sized = {name: getattr(source, name) for name in ("depth_multiple", "width_multiple")}
        network = replace(subject.source, classes=classes, **sized)
        return replace(subject, root=build(network, generation), source=network, classes=classes)

    return made


def segmenter(target: str) -> Made:
    """The networks of a name as the published files have them: each Conv with an activation of its own."""
    return lambda classes: replace(found := resolve(target, classes=classes), root=with_own_activations(found.root))


def leaky(target: str) -> Made:
    """The networks of a name with LeakyReLU(0.1) in place of every SiLU."""
    act = next(
        module for row in resolve("yolov5s-LeakyReLU@v7.0").root.child("model").children.values() if row
        for module in row.children.values() if module and module.kind.endswith("LeakyReLU")
    )  # fmt: skip

    def changed(module: Module) -> Module:
        if module.kind.endswith(".SiLU"):
            return replace(act)
        children = {name: child and changed(child) for name, child in module.children.items()}
        return replace(module, children=children) if children else module

    return lambda classes: replace(found := resolve(target, classes=classes), root=changed(found.root))


def fused_as(made: Made, target: str) -> Made:
    """The same networks in the hands of the host of another one: ``yolov3-spp@v1.0``."""
    return lambda classes: replace(made(classes), origin=resolve(target).origin)


def entry(
    made: Made, form: LineForm, *, loaded: bool = False, fork: Fork | None = None, **words: object
) -> dict[str, object]:
    """The entry of a network. ``loaded``: whether the host that prints the line has read it from an older file.

    ``fork``: the one whose ``fuse()`` it has, if not the one that is known by its classes.
    """
    counters = NEWEST_COUNTERS if form.proxies else COUNTERS
    built, fused, *_ = _states(made(1), fork)
    fixed = sum(dict(named_parameters(built))[each].numel for each in fixed_names(built))
    curves = curves_of(
        lambda classes: _figures(_states(made(classes), fork), made(classes), form, counters, loaded=loaded)
    )
    return {
        **words,
        "layers": [form.layer_count(totals_of(root).layers) for root in (built, fused)],
        **({"fixed": fixed} if fixed else {}),
        "rows": [_rows(root) for root in (built, fused)],
        "figures": [curves[name] for name in FIGURES],
        "flops": {counter: [curves[f"{counter}/{state}"] for state in ("before", "after")] for counter in counters},
    }


def _states(subject: Subject, fork: Fork | None) -> list[Module]:
    """A network as it is built, and after fuse(): of one that trains without autograd, of one that does not, with."""
    question = Question(subject, (640, 640), choose_counter("thop-0.1", None))
    built = as_built(subject.root)
    if fork:
        fused = [fork.fused(built, grad_enabled=on) for on in (False, True)]
        return [built, fused[0], fork.fused(with_gradients(built, False), grad_enabled=False), fused[1]]
    return [
        built,
        question.fusion(built, grad_enabled=False).root,
        question.fusion(with_gradients(built, False), grad_enabled=False).root,
        question.fusion(built, grad_enabled=True).root,
    ]


def _figures(
    states: Sequence[Module], subject: Subject, form: LineForm, counters: tuple[str, ...], *, loaded: bool
) -> Figures:
    built, fused, stripped, trained = states
    counts = [count_parameters(built), count_parameters(fused)]
    counts += [count_gradients(root) for root in (stripped, fused, trained)]
    found: dict[str, int | None] = dict(zip(FIGURES, counts, strict=True))
    for counter in counters:
        convention = choose_counter(counter, None).convention
        for state, root in (("before", built), ("after", fused)):
            new = root is built and not loaded
            gflops = host_line(root, form, convention, subject.stride, built=new).gflops
            found[f"{counter}/{state}"] = None if gflops is None else round(gflops * 1e9)
    return found


def _rows(root: Module) -> list[int]:
    """Parameters of each row but the last; a tensor that rows share counts in its first one."""
    sizes = dict.fromkeys(root.child("model").children, 0)
    for name, tensor in named_parameters(root):
        sizes[name.split(".")[1]] += tensor.numel
    return list(sizes.values())[:-1]
