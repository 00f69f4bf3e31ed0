"""The drop-in takes every generation's call, leaves no trace, and never stops the host."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import yolo_probe
from tests.fingerprints import fingerprint
from yolo_probe.environment import Thop
from yolo_probe.errors import TargetError, first_words
from yolo_probe.hosts.known_functions import KnownFunction
from yolo_probe.hosts.summary_line import FORMS
from yolo_probe.live.function_records import RECORDS
from yolo_probe.live.live import Live
from yolo_probe.training import dropin


class Custom(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A module of nobody's: a convolution, a product, an attention."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.stride = torch.tensor([8.0, 16.0, 32.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        flat = x.flatten(2)
        scores = (flat.transpose(1, 2) @ flat).softmax(-1)
        return nn.functional.conv2d(x, torch.ones(4, 8, 1, 1, device=x.device)) + scores.sum()


class Exponential(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A module of one function."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.matrix_exp(x)


OWN_LINE = "Model summary: 2 layers, 224 parameters, 224 gradients"
"""What the fake host prints: like YOLOv5 without thop."""


def classic(module: str) -> ModuleType:
    """A module that defines ``model_info`` as YOLOv5 v7.0 does, and its logger."""
    source = """
def model_info(model, verbose=False, imgsz=640):
    LOGGER.info(LINE)
    return model if isinstance(model, int) else None
"""
    made = ModuleType(module)
    made.LOGGER = logging.getLogger(module)  # type: ignore[attr-defined]
    made.LINE = OWN_LINE  # type: ignore[attr-defined]
    exec(source, made.__dict__)  # noqa: S102  # the test's own text
    made.model_info.__module__ = module
    return made


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake host's function is taken for that of YOLOv5 v7.0, beside a thop."""
    monkeypatch.setattr(dropin, "known_function", lambda _: KnownFunction(FORMS["v7.0"], table=True))
    monkeypatch.setattr(dropin, "has_thop", lambda: True)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """The home of ``model_info`` and a module that imported the name, as in YOLOv5."""
    home, user = classic("fake.utils.torch_utils"), ModuleType("fake.models.yolo")
    user.model_info = home.model_info  # type: ignore[attr-defined]
    for module in (home, user):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return home, user


def test_install_replaces_the_name_wherever_it_is_bound_and_uninstall_puts_it_back(
    host: tuple[ModuleType, ModuleType],
) -> None:
    home, user = host
    own = home.model_info
    yolo_probe.install()
    yolo_probe.install()
    assert home.model_info is not own
    assert user.model_info is not own
    yolo_probe.uninstall()
    assert home.model_info is user.model_info is own


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    "call",
    [((), {}), ((False, 640), {}), ((False,), {"imgsz": [640, 320]}), ((), {"verbose": False, "imgsz": (64, 64)})],
)
def test_a_classic_call_prints_one_line_and_returns_nothing(
    call: tuple[tuple[Any, ...], dict[str, Any]], host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    home, _ = host
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        assert home.model_info(Custom(), *call[0], **call[1]) is None
    yolo_probe.uninstall()
    assert caplog.messages[0].startswith(OWN_LINE)


def test_a_function_that_is_not_known_prints_its_own_line_and_ours_explains_it_below(
    host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    home, _ = host
    seen: list[dropin.PrintedLine] = []
    dropin.install(seen.append)
    with caplog.at_level(logging.INFO):
        assert home.model_info(Custom(), imgsz=64) is None
    dropin.uninstall()
    assert caplog.messages[:2] == [
        OWN_LINE,
        "  The line above is the host's own: the code that prints it is new to yolo-probe.",
    ]
    counts = (
        "2 modules (1 of them leaves), 224 parameters, 224 gradients, 0.3 GFLOPs by the rules of ultralytics-thop 2.2"
    )
    assert caplog.messages[2] == f"  Counted by yolo-probe: {counts}."
    (printed,) = seen
    assert (printed.line.text, printed.line.gflops, printed.form.layers) == (OWN_LINE, None, "modules")
    assert {record.pathname for record in caplog.records[:1]} == {"<string>"}  # not a file of the probe


def test_an_unknown_function_decides_itself_whether_it_prints(
    host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    home, _ = host
    home.LINE = "nothing of a summary"  # type: ignore[attr-defined]
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        home.model_info(Custom(), verbose=True)
    yolo_probe.uninstall()
    assert caplog.messages == ["nothing of a summary"]


def test_what_a_host_itself_raises_is_raised_once(host: tuple[ModuleType, ModuleType]) -> None:
    home, _ = host
    del home.LOGGER
    yolo_probe.install()
    with pytest.raises(NameError, match="LOGGER"):
        home.model_info(Custom())
    yolo_probe.uninstall()


@pytest.mark.usefixtures("known")
def test_where_ours_has_no_gflops_the_hosts_own_run_gives_them(
    host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unknown(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.cell = nn.Conv2d(3, 36, 1), Exponential()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.cell(self.conv(x))

    monkeypatch.setitem(RECORDS, torch.matrix_exp, RECORDS[torch.inner])  # a slip of ours: that takes two tensors
    home, _ = host
    home.LINE = "Model summary: 3 layers, 144 parameters, 144 gradients, 1.5 GFLOPs"  # type: ignore[attr-defined]
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        home.model_info(Unknown())
    yolo_probe.uninstall()
    assert caplog.messages[0] == home.LINE
    said = "  The GFLOPs are from the host's own counting run, which took 0.0 s: "
    where = "yolo-probe cannot count cell: AttributeError in yolo-probe itself"
    assert caplog.messages[1].startswith(said + where)
    home.LINE = OWN_LINE  # type: ignore[attr-defined]
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        home.model_info(Unknown())
        yolo_probe.uninstall()
        yolo_probe.model_info(Unknown())
    assert caplog.messages[2] == OWN_LINE
    assert caplog.messages[3].startswith(f"  No GFLOPs: the host's own counting run finds none, and {where}")
    assert caplog.messages[5].startswith(f"  No GFLOPs: {where}")


def test_a_model_of_no_host_is_told_as_head_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        result = yolo_probe.model_info(Custom(), imgsz=64)
    assert caplog.messages[0].startswith("Model summary: 1 layers, 224 parameters, 224 gradients")
    assert result is not None
    assert result[:3] == (1, 224, 224)
    assert yolo_probe.model_info(Custom(), verbose=False) is None


def test_where_nothing_listens_to_the_log_the_line_goes_to_stdout() -> None:
    source = "import torch, yolo_probe; yolo_probe.model_info(torch.nn.Conv2d(3, 8, 1), imgsz=64)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.startswith("Model summary: 1 layers, 32 parameters, 32 gradients")


@pytest.mark.usefixtures("known")
def test_a_host_that_logs_through_an_object_of_its_own_keeps_its_line(
    host: tuple[ModuleType, ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    home, _ = host
    home.LOGGER = SimpleNamespace(info=print, warning=print)  # type: ignore[attr-defined]
    yolo_probe.install()
    home.model_info(Custom())
    yolo_probe.uninstall()
    assert capsys.readouterr().out.startswith("Model summary: 2 layers, 224 parameters")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("best.pt", "'best.pt'"),
        (Path("best.pt"), "best.pt"),
        ({"model": 1}, "dict"),
        (SimpleNamespace(model=3), "Simple"),
    ],
)
def test_what_is_no_model_is_named(given: Any, found: str) -> None:
    with pytest.raises(TargetError, match=f"found .*{found}.*, expected an nn.Module") as raised:
        yolo_probe.model_info(given)
    assert raised.value.remedy == ("For a file: yolo-probe info FILE." if isinstance(given, str | Path) else "")


def test_functions_that_a_module_calls_itself_are_recorded_with_its_path() -> None:
    records = Live(Custom()).trace((1, 3, 16, 16)).records
    assert [(r.operator, r.path, r.functional) for r in records] == [
        ("conv2d", "conv", False),
        ("matmul", "", True),
        ("softmax", "", True),
        ("conv2d", "", True),
        ("add", "", True),
    ]


@pytest.mark.usefixtures("known")
def test_a_fault_of_the_probe_costs_one_warning_and_the_host_speaks(
    host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("yolo_probe.training.dropin.Live", fail)
    home, _ = host
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        home.model_info(Custom())
    yolo_probe.uninstall()
    assert caplog.messages == [
        OWN_LINE,
        "yolo-probe: model_info failed (RuntimeError: broken)",
    ]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("size", ["64", 64.5, None, 0, -32, [64], [], (1, 2, 3), float("nan"), {"side": 64}])
def test_a_size_that_is_none_is_left_to_the_host(
    size: object, host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    home, _ = host
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        home.model_info(Custom(), imgsz=size)
    yolo_probe.uninstall()
    says = f"  The line above is the host's own: the size {size!r} is neither a number of pixels nor two."
    assert caplog.messages == [OWN_LINE, says]
    with pytest.raises(TypeError, match=r"found the size .*, expected a number of pixels, or two"):
        yolo_probe.model_info(Custom(), imgsz=size)


class Named(Custom):
    """A network that knows the file that it was built from, by other means than a text."""

    yaml_file = "of_the_class.yaml"


class Halved(Custom):
    """A network that tells its host of one of its parameters alone."""

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        return iter([next(super().parameters(recurse))])


class ByPath(Custom):
    """A network whose name comes from a path."""

    def __init__(self) -> None:
        super().__init__()
        self.yaml_file = Path("yolov5n.yaml")


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("network", "why"),
    [
        (Halved, "Halved.parameters() is not torch's"),
        (Named, "its name is not from a text"),
        (ByPath, "its name is not from a text"),
    ],
)
def test_a_line_that_hangs_on_more_than_a_description_holds_is_the_hosts(
    network: type[nn.Module], why: str, host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    home, _ = host
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        home.model_info(network())
    yolo_probe.uninstall()
    assert caplog.messages == [OWN_LINE, f"  The line above is the host's own: {why}."]


class KeepsFunction(Custom):
    """A network whose function runs its own convolution, also in a copy."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = [lambda x: self.conv(x)]


class CopiesItself(Custom):
    """A network that says itself how it is copied."""

    def __deepcopy__(self, _: object) -> nn.Module:
        return nn.Conv2d(3, 8, 1)


class HasGraph(Custom):
    """A network with a part made by torch.fx that has an attribute more, as a row has its number."""

    def __init__(self) -> None:
        super().__init__()
        self.part = torch.fx.symbolic_trace(nn.Sequential(nn.Conv2d(3, 8, 1)))
        self.part.i = 3


class OfTwoTypes(Custom):
    """A network whose first layer is followed by one of another type."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(8, 8, 1).half()


class StartsWithNumbers(Custom):
    """A network whose first parameter is of another type than the layer that takes the image."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = nn.Parameter(torch.zeros(2, 3, dtype=torch.int8), requires_grad=False)


class Answers(Custom):
    """A network that looks up in its convolution what it has not itself."""

    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(name) if name == "conv" else getattr(self.conv, name)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("network", "why"),
    [
        (KeepsFunction, "a function in steps keeps a module, which its copy runs too"),
        (CopiesItself, "CopiesItself has a __deepcopy__() of its own"),
        (HasGraph, "torch.fx copies it without its attribute i"),
        (OfTwoTypes, "its parameters are float16 and float32"),
        (StartsWithNumbers, "its parameters are float32 and int8"),
        (Answers, "it has a __getattr__() of its own, and thop 0.1 asks for its totals"),
    ],
)
def test_a_count_that_shapes_do_not_give_is_the_hosts(
    network: type[nn.Module], why: str, host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(dropin, "installed_thop", lambda: Thop("thop", "0.1.1", "", "thop-0.1"))
    home, _ = host
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        home.model_info(network())
    yolo_probe.uninstall()
    assert caplog.messages[0] == OWN_LINE
    path = "part" if network is HasGraph else "the model"
    says = f"  No GFLOPs: the host's own counting run finds none, and yolo-probe cannot count {path}: "
    assert caplog.messages[1] == f"{says}{why}."


class Wrapped(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A network around another, with work of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.module, self.more = Custom(), nn.Conv2d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.more(self.module(x))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
@pytest.mark.parametrize(
    ("form", "wrap", "told"),
    [
        ("none", torch.compile, "cannot keep its total on a compiled module"),
        ("parallel", torch.compile, "cannot keep its total on a compiled module"),
        ("all", torch.compile, ""),
        ("all", lambda model: nn.DataParallel(torch.compile(model)), ""),
        ("all", lambda _: Wrapped(), "its host looks into Wrapped, and counts the Custom alone"),
        ("parallel", lambda _: Wrapped(), ""),
    ],
)
def test_a_host_that_looks_into_wrappers_counts_what_is_inside(
    form: str, wrap: Callable[[nn.Module], nn.Module], told: str, host: tuple[ModuleType, ModuleType],
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    looking = replace(FORMS["v7.0"], looks_into=form)  # type: ignore[arg-type]
    monkeypatch.setattr(dropin, "known_function", lambda _: KnownFunction(looking, table=True))
    monkeypatch.setattr(dropin, "has_thop", lambda: True)
    monkeypatch.setattr(dropin, "installed_thop", lambda: Thop("thop", "0.1.1", "", "thop-0.1"))
    home, _ = host
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        home.model_info(wrap(Custom()))
    yolo_probe.uninstall()
    for kind in torch.optim.Optimizer.__subclasses__():  # torch 2.1 takes their hooks away when it compiles a model
        kind.step.hooked = kind.step.__code__.co_name == "wrapper"
    assert ("GFLOPs" in caplog.messages[0]) == (not told)
    assert told in "".join(caplog.messages)


def test_what_a_host_refuses_is_no_fault_of_the_probe(
    host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    home, _ = host
    yolo_probe.install()
    with caplog.at_level(logging.INFO), pytest.raises(TypeError, match="unexpected keyword argument 'img_size'"):
        home.model_info(Custom(), img_size=64)
    yolo_probe.uninstall()
    assert not caplog.messages


@pytest.mark.usefixtures("known")
def test_only_a_host_that_marks_fused_models_asks_whether_one_is(
    host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    class Fused(Custom):
        def is_fused(self) -> bool:
            raise AssertionError("nobody has asked")

    home, _ = host
    yolo_probe.install()
    with caplog.at_level(logging.INFO):
        home.model_info(Fused())
    yolo_probe.uninstall()
    assert caplog.messages[0].startswith(OWN_LINE)


@pytest.mark.usefixtures("known")
def test_a_class_of_a_hosts_package_gets_that_hosts_line(
    host: tuple[ModuleType, ModuleType], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = host
    monkeypatch.setattr(home, "__name__", "fake.utils.torch_utils")
    beside = type("Beside", (Custom,), {"__module__": "fake.models.common"})
    with caplog.at_level(logging.INFO):
        yolo_probe.model_info(beside())
    assert caplog.messages[0].startswith(OWN_LINE)  # all modules are layers, not leaves alone


class DependsOnData(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A row whose output is as long as its input's values say, and whose product no counter of 2.2 knows."""

    limit = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Identity())
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.rows(x).flatten(2)
        self.seen.append(x)
        kept = x[:, :, : x.shape[2] if x.sum().item() > self.limit else 1]
        return torch.tensordot(kept, torch.ones(8, 5), ([1], [0])) + torch.rand(1)


def why_no_value() -> str:
    """What this torch says where the value of a tensor without values is asked for."""
    with pytest.raises((RuntimeError, NotImplementedError)) as raised:
        torch.empty((), device="meta").item()
    return first_words(raised.value)


def test_a_forward_that_depends_on_data_is_run_on_a_copy_and_the_second_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = DependsOnData()
    model.limit = float("-inf")
    fired: list[object] = []
    model.rows.register_forward_hook(lambda *_: fired.append(_))
    before = fingerprint(model)
    with caplog.at_level(logging.INFO):
        result = yolo_probe.model_info(model, imgsz=64)
    assert fingerprint(model) == before
    assert not model.seen
    assert not fired  # the hook of the copy has a list of its own
    assert result is not None
    assert result[3] == 2 * 8 * 3 * 64 * 64 / 1e9
    assert caplog.messages[1:] == [
        f"  A copy of the model was run on zeros, as its shapes depend on values (the model: {why_no_value()}).",
        f"  Not counted by ultralytics-thop 2.2, at 32x32: tensordot at the model ({32 * 32 * 5:,} values).",
    ]


def test_a_forward_that_fails_for_real_too_costs_the_figure_and_the_second_line_says_where(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Fails(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError(f"no boxes in {x.sum().item():.0f}")

    model = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), Fails())
    with caplog.at_level(logging.INFO):
        yolo_probe.model_info(model)
    assert "GFLOPs" not in caplog.messages[0]
    assert caplog.messages[1:] == ["  No GFLOPs: the counting run of YOLOv5 fails at 1: no boxes in 0."]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile])
def test_wrapped_models_are_looked_into(wrap: Any) -> None:
    inside = Custom()
    assert len(Live(wrap(inside)).trace((1, 3, 16, 16)).records) == 5
    for kind in torch.optim.Optimizer.__subclasses__():  # torch 2.1 takes their hooks away when it compiles a model
        kind.step.hooked = kind.step.__code__.co_name == "wrapper"


class Linear(nn.Linear):  # type: ignore[misc]  # torch is not read by mypy
    """A subclass that adds nothing, as those below."""


class LayerNorm(nn.LayerNorm):  # type: ignore[misc]
    pass


class Pool(nn.AdaptiveAvgPool2d):  # type: ignore[misc]
    pass


class SiLU(nn.SiLU):  # type: ignore[misc]
    pass


def test_a_subclass_of_a_module_of_torch_is_told_like_its_parent() -> None:
    def network(linear: Any, norm: Any, pool: Any, act: Any) -> nn.Module:
        first = nn.Conv2d(3, 8, 3, 2, 1)
        return nn.Sequential(first, act(), pool(2), nn.Flatten(2), linear(4, 6), norm(6))

    ours = yolo_probe.model_info(network(Linear, LayerNorm, Pool, SiLU))
    assert ours == yolo_probe.model_info(network(nn.Linear, nn.LayerNorm, nn.AdaptiveAvgPool2d, nn.SiLU))
    convolution, pooling = 8 * 320 * 320 * 3 * 9, 8 * 320 * 320 + 8 * 2 * 2
    assert ours == (6, 266, 266, 2 * (convolution + pooling + 8 * 6 * 4 + 4 * 8 * 6) / 1e9)
