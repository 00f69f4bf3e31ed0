"""The tables that the host itself prints: rows as they are built, and parameters one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yolo_probe.checkpoint.weight_statistics import Statistics
from yolo_probe.hosts.summary_line import LineForm
from yolo_probe.model.structure import Module, Tensor, named_modules, named_parameters
from yolo_probe.networks.parse_model import Made


def render_tables(root: Module, form: LineForm, made: Sequence[Made], statistics: Statistics) -> str:
    """Both tables, as that host prints them.

    ``made``: what each row was constructed with; empty where that is not known.
    """
    return "\n".join(["", *_rows(root, made), "", *parameter_table(root, form, statistics)]) + "\n"


def parameter_table(root: Module, form: LineForm, statistics: Statistics) -> Iterator[str]:
    """The lines of the table of parameters, as that host prints it."""
    table = _leaves if form.layers == "leaf_modules" else _parameters
    return table(root, statistics)


def _rows(root: Module, made: Sequence[Made]) -> Iterator[str]:
    width = 15 if "md" in root.attributes else 18  # v1.0 has a narrower column, and model.md
    yield f"{'':>3}{'from':>{width}}{'n':>3}{'params':>10}  {'module':<40}{'arguments':<30}".rstrip()
    rows = [row for row in root.child("model").children.values() if row is not None]
    for i, row in enumerate(rows):
        at = row.attributes
        words = made[i].arguments if len(made) == len(rows) else "?"
        number = made[i].number if len(made) == len(rows) else "?"
        yield (
            f"{at.get('i', i)!s:>3}{at.get('f', -1)!s:>{width}}{number:>3}{at.get('np', '?')!s:>10}  "
            f"{at.get('type', row.class_path)!s:<40}{words:<30}"
        ).rstrip()


def _parameters(root: Module, statistics: Statistics) -> Iterator[str]:
    """The table of YOLOv5 to v7.0: every parameter."""
    columns = ("layer", "name", "gradient", "parameters", "shape", "mu", "sigma")
    yield "{:>5} {:>40} {:>9} {:>12} {:>20} {:>10} {:>10}".format(*columns)
    for i, (name, tensor) in enumerate(named_parameters(root)):
        mean, deviation = statistics(tensor)
        yield (
            f"{i:>5} {name:>40} {tensor.requires_grad!s:>9} {tensor.numel:>12g} {list(tensor.shape)!s:>20} "
            f"{mean:>10} {deviation:>10}"
        )


def _leaves(root: Module, statistics: Statistics) -> Iterator[str]:
    """The table of HEAD: every module that holds no others, with its parameters."""
    columns = ("layer", "name", "type", "gradient", "parameters", "shape", "mu", "sigma")
    yield "{:>5}{:>40}{:>20}{:>10}{:>12}{:>20}{:>10}{:>10}".format(*columns)
    leaves = [(path, module) for path, module in named_modules(root) if not module.children]
    for i, (path, module) in enumerate(leaves):
        kind = module.class_path.rpartition(".")[2]
        if not module.parameters:
            yield f"{i:>5}{path:>40}{kind:>20}{'False':>10}{0:>12}{'[]':>20}{'-':>10}{'-':>10}{'-':>15}"
        for key, tensor in module.parameters.items():
            yield f"{i:>5}{f'{path}.{key}':>40}{kind:>20}{_cells(tensor, statistics)}"


def _cells(tensor: Tensor, statistics: Statistics) -> str:
    mean, deviation = statistics(tensor)
    shape = str(list(tensor.shape))
    return f"{tensor.requires_grad!s:>10}{tensor.numel:>12g}{shape:>20}{mean:>10}{deviation:>10}{tensor.dtype:>15}"
