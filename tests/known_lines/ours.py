"""The networks of YOLOv5 and its forks, as yolo-probe builds, fuses and counts them."""

from __future__ import annotations

from tests.known_lines.pieces import Figures, pieces_of
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.hosts.subject import Subject
from yolo_probe.hosts.summary_line import LineForm, host_line
from yolo_probe.hosts.target import resolve
from yolo_probe.model.forks.registry import fuse_as_host
from yolo_probe.model.freezing import as_built, fixed_names, with_gradients
from yolo_probe.model.structure import Module, count_gradients, count_parameters, named_parameters, totals_of

COUNTERS = ("thop-0.0.31", "thop-0.1")
NEWEST_COUNTERS = ("ultralytics-thop-2.2",)


def entry(name: str, form: LineForm, **words: object) -> dict[str, object]:
    """The entry of a network. ``form``: the line of the host that prints it, if it is not the one that builds it."""
    counters = NEWEST_COUNTERS if form.proxies else COUNTERS
    first = resolve(name, classes=1)
    built, fused = _states(first)
    rows = [_rows(root) for root in (built, fused)]
    layers = [form.layer_count(totals_of(root).layers) for root in (built, fused)]

    def figures(classes: int) -> Figures:
        return _figures(resolve(name, classes=classes), form, counters)

    fixed = sum(dict(named_parameters(built))[each].numel for each in fixed_names(built))
    return {
        **words,
        "layers": layers,
        **({"fixed": fixed} if fixed else {}),
        "rows": rows,
        "counters": list(counters),
        "pieces": pieces_of(figures),
    }


def _states(subject: Subject) -> tuple[Module, Module]:
    built = as_built(subject.root)
    return built, fuse_as_host(built, grad_enabled=False).root


def _figures(subject: Subject, form: LineForm, counters: tuple[str, ...]) -> Figures:
    built, fused = _states(subject)
    gradients = [
        count_gradients(fuse_as_host(with_gradients(built, False), grad_enabled=False).root),
        count_gradients(fused),
        count_gradients(fuse_as_host(built, grad_enabled=True).root),
    ]
    found: list[float | None] = [count_parameters(built), count_parameters(fused), *gradients]
    for counter in counters:
        convention = choose_counter(counter, None).convention
        for root in (built, fused):
            found.append(host_line(root, form, convention, subject.stride, built=root is built).gflops)
    return found


def _rows(root: Module) -> list[int]:
    """Parameters of each row but the last; a tensor that rows share counts in its first one."""
    rows = root.child("model").children
    sizes = dict.fromkeys(rows, 0)
    for name, tensor in named_parameters(root):
        row = name.split(".")[1]
        sizes[row] += tensor.numel
    return list(sizes.values())[:-1]
