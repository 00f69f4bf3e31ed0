"""``count_flops`` and ``compare_counters`` of models without a host, on every form of input."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.custom_modules import Apply
from yolo_probe import bench, compare_counters, count_flops, diff, explain_layers, model_info, report
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.errors import CounterError, RulesError, TargetError, TraceError


class Two(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """An image and a row of numbers, each through a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 4, 3), nn.Linear(10, 4, bias=False)

    def forward(self, image: torch.Tensor, numbers: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return self.conv(image).mean((2, 3)) * self.linear(numbers) * scale


class Held(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """The same, of one dict that holds both."""

    def __init__(self) -> None:
        super().__init__()
        self.two = Two()

    def forward(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"out": self.two(batch["image"], batch["numbers"])}


IMAGE, NUMBERS = torch.zeros(2, 3, 8, 12), torch.zeros(2, 10)
CONV, LINEAR = 2 * 4 * 6 * 10 * 27, 2 * 4 * 10
"""MACs of both layers, for a batch of two."""


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (Two(), (IMAGE, NUMBERS)),
        (Two(), [IMAGE, NUMBERS, 2.0]),
        (Two(), {"image": IMAGE, "numbers": NUMBERS}),
        (Two(), {"numbers": NUMBERS, "image": IMAGE, "scale": 0.5}),
        (Two(), [(2, 3, 8, 12), (2, 10)]),
        (Held(), [{"image": IMAGE, "numbers": NUMBERS}]),
    ],
)
def test_several_inputs_and_dicts_are_handed_to_the_model(model: nn.Module, given: object) -> None:
    counted = count_flops(model, given)
    assert (counted.unit, counted.total, counted.flops) == ("MACs", CONV + LINEAR, 2 * (CONV + LINEAR))
    assert counted.by_operator == {"conv2d": CONV, "linear": LINEAR}
    assert sum(counted.by_module_alone.values()) == counted.by_module[""] == counted.total
    assert counted.uncounted == ()
    with FlopCounterMode(display=False) as real:
        model(**given) if isinstance(given, dict) else model(*_tensors(given))
    assert count_flops(model, given, counter="torch").total == real.get_total_flops()


def _tensors(given: object) -> list[object]:
    assert isinstance(given, list | tuple)
    return [torch.zeros(each) if isinstance(each, tuple) else each for each in given]


def test_every_form_of_an_image_is_the_same_image() -> None:
    model = nn.Sequential(nn.Conv2d(5, 4, 3, padding=1), nn.ReLU())
    for given in (8, (8, 8), [8, 8], (1, 5, 8, 8), torch.zeros(1, 5, 8, 8), [(1, 5, 8, 8)], [torch.zeros(1, 5, 8, 8)]):
        assert count_flops(model, given).total == 4 * 8 * 8 * 5 * 9


class Calls(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Registers a convolution that runs last, changes the image, and convolves it."""

    def __init__(self, change: Callable[[torch.Tensor], torch.Tensor], channels: int) -> None:
        super().__init__()
        self.last, self.change, self.first = nn.Conv2d(8, 4, 1), change, nn.Conv2d(channels, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(self.change(x)))


class CallsFunction(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Registers a convolution that runs last, and convolves the image by a function."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.weight = nn.Conv2d(8, 4, 1), nn.Parameter(torch.zeros(8, 2, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(nn.functional.conv2d(x, self.weight))


class NeedsValues(Calls):
    """The same, as often as the largest value says."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) if x.max().item() < 1 else x


def every_second(x: torch.Tensor) -> torch.Tensor:
    """Focus of YOLOv5: four images of half the size."""
    return torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)


def with_places(x: torch.Tensor) -> torch.Tensor:
    """CoordConv: the image and two channels that say where each pixel is."""
    return torch.cat([x, torch.zeros(1, 2, *x.shape[2:], device=x.device)], 1)


@pytest.mark.parametrize(
    ("model", "channels"),
    [
        (Calls(torch.Tensor.contiguous, 3), 3),
        (Calls(torch.Tensor.contiguous, 7), 7),
        (Calls(every_second, 12), 3),
        (Calls(every_second, 4), 1),
        (Calls(nn.PixelUnshuffle(2), 16), 4),
        (Calls(with_places, 5), 3),
        (CallsFunction(), 2),
        (NeedsValues(every_second, 12), 3),
    ],
)
def test_an_image_has_the_channels_that_the_forward_pass_takes(model: nn.Module, channels: int) -> None:
    found = count_flops(model, 16, "torch")
    assert found.input == (1, channels, 16, 16)
    with FlopCounterMode(display=False) as real:
        model(torch.zeros(found.input))
    assert found.total == real.get_total_flops()
    assert compare_counters(model, 16, ["torch"]).counters["torch"].unfused == found.total
    assert explain_layers(model, 16, "torch").report.run.input == found.input


def test_an_image_that_does_not_fit_is_named_with_what_was_expected() -> None:
    with pytest.raises(TraceError) as caught:
        count_flops(nn.Sequential(nn.Linear(10, 2)), 16)
    assert str(caught.value) == (
        "0: linear: found 16 input features, expected 10 (fed 1x3x16x16, and in vain also with 1, 4, 6 channels)"
    )
    assert caught.value.remedy == "Pass the shape that the model takes, or a tensor."
    for given in ((1, 12, 16, 16), torch.zeros(1, 12, 16, 16), [(1, 12, 16, 16)]):
        with pytest.raises(TraceError) as caught:
            count_flops(Calls(every_second, 12), given)
        assert str(caught.value) == "first: conv2d: found 48 input channels, expected 12 (fed 1x12x16x16)"
    with pytest.raises(
        TraceError, match=r"the model: found no boxes \(fed 1x8x16x16, and in vain also with 3, 1, 4, 16 channels\)"
    ):
        count_flops(Calls(no_boxes, 3), 16)


def no_boxes(x: torch.Tensor) -> torch.Tensor:
    raise ValueError("found no boxes")


def test_a_batch_and_another_shape_count_by_their_values() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))
    one = {name: count_flops(model, (1, 3, 16, 24), counter=name).total for name in CONVENTIONS}
    four = {name: count_flops(model, (4, 3, 16, 24), counter=name).total for name in CONVENTIONS}
    assert four == {name: 4 * total for name, total in one.items()}


@pytest.mark.parametrize("given", [0, -1, (0, 3), "640", (), None, (640.5, 3), [1, "a"]])
def test_a_wrong_input_says_what_was_expected(given: object) -> None:
    with pytest.raises(CounterError, match=r"found the input .*, expected 640, \(height, width\), a whole shape"):
        count_flops(nn.Conv2d(3, 4, 1), given)


@pytest.mark.parametrize("call", [bench, report, lambda model, size: diff(model, model, size)])
@pytest.mark.parametrize("size", [0, -32, "64", 64.0, None, [64], [], (1, 3, 64, 64), True, {}, (64, "a")])
def test_a_size_of_another_form_is_named(call: Callable[[nn.Module, Any], object], size: object) -> None:
    with pytest.raises(CounterError, match=r"found the size .*, expected 640 or \(height, width\)"):
        call(nn.Conv2d(3, 4, 1), size)


@pytest.mark.parametrize("size", [np.int64(8), [np.int32(8), 8], (np.uint8(1), 3, 8, 8)])
def test_whole_numbers_of_numpy_are_sizes(size: object) -> None:
    assert count_flops(nn.Conv2d(3, 4, 1), size, counter="torch").total == 2 * 3 * 4 * 8 * 8


def test_an_image_with_more_values_than_torch_can_number_is_named() -> None:
    with pytest.raises(TraceError, match="no image of 1x3x1000000000x1000000000"):
        count_flops(nn.Conv2d(3, 4, 1), 10**9)


def test_a_single_value_that_does_not_fit_is_named_as_one() -> None:
    with pytest.raises(TraceError, match=r"\(fed a single value\)"):
        count_flops(nn.Conv2d(3, 4, 1), torch.tensor(64))


def test_arguments_that_the_forward_does_not_take_are_told_with_its_name() -> None:
    with pytest.raises(TypeError, match=r"Two\.forward\(\): missing a required argument: 'image'"):
        count_flops(Two(), {"images": torch.zeros(1, 3, 8, 8)})


def test_an_attribute_error_of_the_model_asks_for_no_other_shape() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), Apply(lambda x: x.no_such_name))
    with pytest.raises(TraceError, match=r"AttributeError: .* no attribute 'no_such_name'") as raised:
        count_flops(model, 8)
    assert raised.value.remedy == "Correct the model's code there, or pass what it takes."


def test_an_image_that_is_too_small_for_a_live_model_is_no_fault_of_yolov5() -> None:
    with pytest.raises(TraceError) as raised:
        report(nn.Sequential(nn.Conv2d(3, 4, 1), nn.AvgPool2d(100)), 64)
    assert raised.value.remedy == "choose another imgsz, or correct the model: its own forward pass fails there"


def test_a_path_is_a_file_of_rules(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("modules:\n  Conv2d: {macs: 7}\n", encoding="utf-8")
    assert count_flops(nn.Conv2d(3, 4, 1), 8, rules=rules) == count_flops(nn.Conv2d(3, 4, 1), 8, rules=str(rules))


@pytest.mark.parametrize("kind", ["half", "double"])
def test_a_layer_that_is_fed_another_type_than_its_weights_fails_as_it_does_for_real(kind: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), Apply(lambda x: getattr(x, kind)()), nn.Conv2d(4, 4, 1))
    found = "float16" if kind == "half" else "float64"
    with pytest.raises(TraceError, match=f"2: found {found} values, expected float32, as the weights are"):
        count_flops(model, 8)
    with pytest.raises(RuntimeError, match="should be the same"):
        model(torch.zeros(1, 3, 8, 8))
    model[1] = Apply(lambda x: getattr(x, kind)().float())
    assert count_flops(model, 8, "torch").total == 2 * (3 * 4 + 4 * 4) * 8 * 8


@pytest.mark.parametrize("compiled", [torch.jit.script, lambda model: torch.jit.trace(model, torch.zeros(1, 4, 8, 8))])
@pytest.mark.filterwarnings("ignore:.*torch.jit")  # deprecated, from torch 2.14 on with a FutureWarning
def test_a_scripted_or_traced_layer_is_read_and_torchinfo_sees_no_call_of_it(compiled: Callable[..., Any]) -> None:
    model = nn.Sequential(compiled(nn.Conv2d(4, 4, 1)), nn.BatchNorm2d(4))
    found = compare_counters(model, (1, 4, 8, 8), ["torchinfo", "torch"])
    assert found.counters["torchinfo"].unfused == 2 * 4  # as torchinfo 1.8.0 prints: the norm's weights
    assert found.counters["torch"].unfused == 2 * 4 * 4 * 8 * 8
    assert model_info(model)[:3] == (2, 4 * 4 + 4 + 8, 4 * 4 + 4 + 8)  # type: ignore[index]


def test_a_counter_that_is_not_known_names_those_that_are() -> None:
    with pytest.raises(CounterError, match="found the counter 'thop-9'") as caught:
        count_flops(nn.Conv2d(3, 4, 1), 8, counter="thop-9")
    assert all(name in caught.value.remedy for name in CONVENTIONS)
    with pytest.raises(CounterError, match=r"found the counter \['thop'\]"):
        count_flops(nn.Conv2d(3, 4, 1), 8, counter=["thop"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "given", "parameters"),
    [
        (nn.Conv2d(3, 4, 1), 16, 3 * 4 + 4),
        (nn.Linear(4, 5), (2, 4), 4 * 5 + 5),
        (nn.DataParallel(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())), 16, 3 * 4 + 4),
    ],
)
def test_a_single_layer_and_a_wrapped_model_have_their_parameters_in_the_totals_of_all_but_three(
    model: nn.Module, given: object, parameters: int
) -> None:
    comparison = compare_counters(model, given)
    totals = {name: each.parameters.unfused for name, each in comparison.counters.items()}
    if not isinstance(model, nn.DataParallel):  # these look at what is inside a model: tests/sweep holds them to it
        assert {totals.pop(name) for name in ("thop-0.0.31", "thop-0.1", "ultralytics-thop-2.0.16")} == {0}
    assert set(totals.values()) - {None} == {comparison.parameters.unfused} == {parameters}


def test_torchinfo_s_total_is_left_open_where_a_container_stands_in_two_places() -> None:
    block = nn.Sequential(nn.Conv2d(3, 3, 1))
    total = compare_counters(nn.Sequential(block, block), 8).counters["torchinfo"].parameters
    assert total.unfused is None


class Normalized(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A module of one function that no counter knows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(x)


class Repeats(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Convolves as often as its input says, and transforms it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(int(x.max())):
            x = self.conv(x)
        return torch.fft.fft2(x)


def test_a_forward_that_depends_on_values_gets_those_that_are_given() -> None:
    counted = count_flops(Repeats(), torch.full((1, 3, 2, 2), 3.0), counter="textbook")
    once = count_flops(Repeats().conv, 2, counter="textbook")
    assert counted.by_module == {"": once.total * 3, "conv": once.total * 3}
    assert [each.operator for each in counted.uncounted] == ["fft.fft2"]


class Unusual(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Functions that no counter has a rule for, and some that only move or compare values."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch._assert(x.dim() == 4, "an image")
        x = nn.functional.hardswish(x).clamp(0, 1).view(1, -1)
        left, right = torch.log(x.relu()).chunk(2, 1)
        return torch.where(left > right, left, right.sqrt())


@pytest.mark.parametrize("counter", CONVENTIONS)
def test_what_computes_and_has_no_rule_is_listed_with_its_share(counter: str) -> None:
    found = count_flops(Unusual(), (1, 3, 4, 4), counter=counter).uncounted
    assert [(each.operator, each.values, each.of) for each in found] == [
        ("log()", 48, 48 + 48 + 48 + 24),
        ("sqrt()", 24, 48 + 48 + 48 + 24),
    ]


@pytest.mark.filterwarnings("ignore:.*torch.jit.script", "ignore:Lazy modules:UserWarning")
@pytest.mark.parametrize("call", [count_flops, compare_counters, explain_layers])
def test_what_is_no_model_is_named(call: Callable[[Any], object]) -> None:
    for given, found in (("best.pt", "'best.pt'"), (torch.jit.script(nn.ReLU()), "a scripted module")):
        with pytest.raises(TargetError, match=f"{call.__name__}: found {found}, expected an nn.Module"):
            call(given)
    for lazy in (nn.LazyConv2d(3, 1), nn.LazyBatchNorm2d(affine=False)):
        with pytest.raises(TraceError, match=r"the model: .* uninitialized parameter"):
            call(nn.Sequential(lazy))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("layout", ["strided", "jagged"])
def test_a_nested_tensor_is_named_wherever_it_is(layout: str) -> None:
    if not hasattr(torch, layout):
        pytest.skip("torch 2.1 has no such layout")
    options = {} if layout == "strided" else {"layout": getattr(torch, layout)}

    def nested(x: torch.Tensor) -> torch.Tensor:
        return torch.nested.nested_tensor([x[0, :3], x[1, :5]], **options)

    linear, words = nn.Linear(16, 8), torch.zeros(2, 10, 16)
    held = nn.Sequential(linear)
    held.register_buffer("parts", nested(words))
    for model, given, where in (
        (linear, nested(words), "the input"),
        (held, words, "parts"),
        (Apply(lambda x, layer: layer(nested(x)).sum(), linear), words, "the model"),
    ):
        with pytest.raises(TraceError, match=f"{where}: found a nested tensor") as caught:
            count_flops(model, given)
        assert "to_padded_tensor" in caught.value.remedy


def test_an_operator_is_listed_until_a_rule_of_the_user_s_counts_its_module(tmp_path: Path) -> None:
    model = nn.Sequential(Normalized())
    for each in compare_counters(model, (1, 3, 4, 4)).counters.values():
        assert [(missing.operator, missing.path, missing.share) for missing in each.uncounted] == [
            ("normalize()", "0", 1.0)
        ]
    rules = tmp_path / "rules.yaml"
    rules.write_text("modules: {Normalized: {macs: 3 * inputs}}")
    assert count_flops(model, (1, 3, 4, 4), rules=str(rules)).by_module_alone == {"0": 3 * 3 * 4 * 4}


def test_the_function_of_a_module_that_a_fault_names_is_itself_named_as_left_out() -> None:
    weight = torch.ones(3, 3, 2, 2)
    function = Apply(lambda x: nn.functional.conv_transpose2d(x, weight.to(x.device), stride=2))
    model = nn.Sequential(nn.ConvTranspose2d(3, 3, 2, stride=2), function)
    (counted,) = compare_counters(model, (1, 3, 4, 4), "thop-0.1").counters.values()
    assert [fault.name for fault in counted.faults] == ["transposed x stride^2"]
    assert [(missing.operator, missing.path) for missing in counted.uncounted] == [("conv_transpose2d", "1")]


def test_an_lstm_with_projections_is_counted_with_the_weights_that_project() -> None:
    step = 4 * 6 * (4 + 2) + 6 * 2
    extra = 4 * 6 * (1 + 2) + 4 * 6
    lstm = nn.LSTM(4, 6, proj_size=2)
    assert count_flops(lstm, (3, 1, 4)).total == 3 * (step + extra)
    assert count_flops(lstm, (3, 1, 4), "torch").total == 3 * 2 * step
    assert count_flops(lstm, (3, 1, 4), "thop-0.1").total == 3 * (4 * 6 * (4 + 6) + extra)


def test_rules_of_a_file_stand_for_a_module_of_a_live_model(tmp_path: Path) -> None:
    file = tmp_path / "rules.py"
    path = str(file)
    file.write_text("def rule(m, x, y):\n    m.total_ops += 7 * y.numel()\ncustom_ops = {'Two': rule}\n")
    counted = count_flops(Held(), [{"image": IMAGE, "numbers": NUMBERS}], rules=path)
    assert (counted.total, counted.by_module_alone) == (7 * 2 * 4, {"two": 7 * 2 * 4})
    comparison = compare_counters(Held(), [{"image": IMAGE, "numbers": NUMBERS}], rules=path)
    for each in comparison.counters.values():
        assert each.terms["your own rules"].unfused == (56 if each.convention.unit == "MACs" else 112)
    file.write_text("def rule(m, x, y):\n    m.total_ops += 1 / 0\ncustom_ops = {'Two': rule}\n")
    with pytest.raises(RulesError, match="the rule for two fails: ZeroDivisionError"):
        count_flops(Held(), [{"image": IMAGE, "numbers": NUMBERS}], rules=path)


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.mm(a, b) + 1


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch advises against scripting, which models have
    COMPILED = torch.jit.script(_product)
    COMPILED_LINEAR = torch.jit.script(nn.Linear(4, 4))
    COMPILED_ROWS = torch.jit.script(nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)))


class CallsCompiled(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Calls a function that torch has compiled."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return COMPILED(x, self.linear(x))


@pytest.mark.parametrize(
    ("model", "shape", "path"),
    [
        (CallsCompiled(), (5, 5), ""),
        (nn.Sequential(nn.Linear(4, 4), COMPILED_LINEAR), (2, 4), "1"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), COMPILED_ROWS), (1, 3, 8, 8), "1"),
    ],
)
def test_what_torch_has_compiled_has_torchs_own_figure_and_is_named_by_the_others(
    model: nn.Module, shape: tuple[int, ...], path: str
) -> None:
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as real:
        model(torch.zeros(shape))
    assert count_flops(model, torch.zeros(shape), "torch").total == real.get_total_flops()
    for counter in ("thop", "fvcore", "ptflops", "deepspeed"):
        left_out = count_flops(model, torch.zeros(shape), counter).uncounted
        assert ("scripted", path) in [(each.operator, each.path) for each in left_out]


def test_a_wrong_argument_of_the_users_is_pythons_own_error_and_a_fault_of_the_model_is_named() -> None:
    class Faulty(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.missing

    class Auxiliary(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
        def __init__(self) -> None:
            super().__init__()
            self.main, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.main(x) + self.second(x) if self.training else self.main(x)

    for call in (count_flops, compare_counters, explain_layers):
        with pytest.raises(TypeError, match="unexpected keyword argument 'image'"):
            call(Auxiliary(), {"x": torch.zeros(1, 4), "image": 3})
        with pytest.raises(TraceError, match="the model: AttributeError: 'Faulty' object has no attribute 'missing'"):
            call(Faulty(), 64)
    model, given = Auxiliary(), torch.zeros(1, 4)
    with FlopCounterMode(display=False) as real:
        model(given)
    found = compare_counters(model, given, ["torch", "thop-0.1"]).counters
    assert (found["torch"].train, found["torch"].unfused) == (real.get_total_flops(), real.get_total_flops() // 2)
    assert found["thop-0.1"].train == found["thop-0.1"].unfused  # it puts a model into evaluation mode


class Turned(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A linear layer whose input lies scattered; with ``looks`` at values, for which only a real pass has an answer."""

    def __init__(self, looks: bool) -> None:
        super().__init__()
        self.looks, self.linear = looks, nn.Linear(3, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.looks and float(x.sum()) > 1e9:
            return x
        return self.linear(x.permute(0, 2, 3, 1))


def test_a_scattered_input_is_charged_alike_with_values_and_without() -> None:
    looked, answered = (compare_counters(Turned(looks), 32).counters for looks in (True, False))
    assert {name: each.unfused for name, each in looked.items()} == {
        name: each.unfused for name, each in answered.items()
    }
