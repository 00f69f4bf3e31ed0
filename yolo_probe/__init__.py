"""yolo-probe: what YOLOv5's summary lines say, and why they differ.

``model_info(model)`` prints the line of a live model as its own host does; ``install()`` replaces the host's function
by it, and ``uninstall()`` puts the host's own back. ``count_flops(model)`` counts by the rules of one FLOP counter,
``compare_counters(model)`` by those of all. ``explain_gradients(model, optimizer)`` says what set ``requires_grad``,
    from yolo_probe.api import bench, compare_counters, count_flops, diff, explain_gradients, explain_layers, report
``register(callbacks)`` attaches a probe to a training of a host, ``with watch(model, optimizer):`` to a training loop
of your own. ``describe(path)`` is one checkpoint as a flat dict.

All but the last need torch. Each is imported when it is first used, so that importing the package costs nothing.
"""

TYPE_CHECKING = False  # as typing's own, which costs an import
if TYPE_CHECKING:
    from yolo_probe.api import bench, compare_counters, count_flops, diff, explain_gradients, explain_layers, report
    from yolo_probe.registry.rows import describe
    from yolo_probe.training.dropin import install, model_info, uninstall
    from yolo_probe.training.probe import register
    from yolo_probe.training.watch import watch

__version__ = "0.1.0"
_HOMES = {
    **dict.fromkeys(
        ("bench", "compare_counters", "count_flops", "diff", "explain_gradients", "explain_layers", "report"), "api"
    ),
    **dict.fromkeys(("install", "model_info", "uninstall"), "training.dropin"),
    "describe": "registry.rows",
    "register": "training.probe",
    "watch": "training.watch",
}
"""The module of each function below this package."""
__all__ = [
    "bench",
    "compare_counters",
    "count_flops",
    "describe",
    "diff",
    "explain_gradients",
    "explain_layers",
    "install",
    "model_info",
    "register",
    "report",
    "uninstall",
    "watch",
]


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        home = import_module(f"yolo_probe.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        from yolo_probe.errors import ProbeError

        remedy = "pip install torch, or pass a file to the command yolo-probe"
        raise ProbeError(f"yolo_probe.{name} needs torch, which is not installed: {remedy}", remedy) from None
    found: object = getattr(home, name)
    return found
