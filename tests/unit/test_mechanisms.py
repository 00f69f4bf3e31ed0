"""Unit: which mechanism decided, told from the flags and from what else is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yolo_probe.hosts.target import resolve
from yolo_probe.model.freezing import frozen_by_rows, row_ranges, with_frozen, with_gradients
from yolo_probe.model.fusion import fuse, merged_names, restore
from yolo_probe.model.structure import Module, Tensor, count_parameters, named_parameters
from yolo_probe.reports.mechanisms import Decision, Known, decide, gradient_events

NEW = resolve("yolov5s@v7.0").root
HALF_TRAINED = with_frozen(NEW, frozen_by_rows(NEW, tuple(range(10))))
NONE = with_gradients(NEW, False)
FILE, LIVE = Known("file"), Known("live")


def mode(root: Module, *, training: bool, dtype: str = "float32") -> Module:
    """The structure of a live model in that mode, its parameters of that type."""
    halves = {id(tensor): replace(tensor, dtype=dtype) for _, tensor in named_parameters(root)}

    def rebuilt(module: Module) -> Module:
        return replace(
            module,
            parameters={name: halves[id(tensor)] for name, tensor in module.parameters.items()},
            children={name: child and rebuilt(child) for name, child in module.children.items()},
        )

    return replace(rebuilt(root), attributes={**root.attributes, "training": training})


def told(root: Module, known: Known) -> dict[str, int]:
    decisions = decide(root, known)
    assert sum(each.parameters for each in decisions) == count_parameters(root)
    return {each.mechanism: each.parameters for each in decisions}


def of(mechanism: str, root: Module, known: Known) -> Decision:
    return next(each for each in decide(root, known) if each.mechanism == mechanism)


@pytest.mark.parametrize(
    ("root", "known", "expected"),
    [
        (NEW, FILE, {"built trainable": 7_235_389}),
        (HALF_TRAINED, FILE, {"built trainable": 3_063_933, "--freeze": 4_171_456}),
        (NONE, replace(FILE, is_ema=True), {"ModelEMA": 7_235_389}),
        (fuse(NEW, grad_enabled=True).root, LIVE, {"built trainable": 229_245, "fuse() with autograd on": 6_996_640}),
        (fuse(NEW, grad_enabled=False).root, LIVE, {"built trainable": 229_245, "fuse() without autograd": 6_996_640}),
        (NONE, replace(FILE, is_stripped=True), {"strip_optimizer()": 7_235_389}),
        (fuse(NONE, grad_enabled=True).root, replace(FILE, is_stripped=True), {"fuse() of a frozen model": 7_225_885}),
    ],
    ids=["G1", "G2", "G3", "G4", "head alone", "G7", "G8"],
)
def test_each_state_comes_out_with_its_number_and_its_reason(
    root: Module, known: Known, expected: dict[str, int]
) -> None:
    assert told(root, known) == expected


def test_v1_to_v3_0_give_the_fused_convolutions_of_a_frozen_model_their_gradients_back() -> None:
    fused = fuse(NEW, grad_enabled=True).root
    head = frozenset(name for name, _ in named_parameters(fused)) - merged_names(fused)
    decision = of("fuse() of v1 to v3.0", with_frozen(fused, head), LIVE)
    assert decision.parameters == 6_996_640
    assert decision.otherwise.startswith("Or other code set it back")


def test_a_file_that_was_saved_after_fuse_without_autograd_has_that_in_its_ledger() -> None:
    known = replace(FILE, is_restored=True)
    restored = restore(fuse(NEW, grad_enabled=False).root)
    decisions = decide(restored, known)
    (event,) = gradient_events(decisions, known, frozenset(name for name, _ in named_parameters(NEW)))
    assert told(restored, known) == {"built trainable": 229_245, "fuse() without autograd": 7_235_389 - 229_245}
    assert event.cause == "requires_grad=False, set by fuse() before it was saved"


def test_leaves_in_a_fused_model_that_trains_allow_more_than_one_story() -> None:
    fused = fuse(NEW, grad_enabled=True).root
    sure = of("fuse() with autograd on", fused, replace(LIVE, non_leaf=merged_names(fused)))
    unsure = of("fuse() with autograd on", fused, replace(LIVE, non_leaf=frozenset()))
    assert "114 tensors are no leaves" in sure.evidence
    assert sure.otherwise == ""
    assert "v1 to v3.0" in unsure.otherwise
    assert "decides" in unsure.otherwise


def test_rows_that_are_frozen_without_a_record_are_told_as_the_option_that_leaves_them() -> None:
    known = of("--freeze", HALF_TRAINED, FILE)
    assert known.place == "rows 0 to 9"
    assert "as --freeze 10 leaves it" in known.evidence
    assert "Or other code" in known.otherwise


def test_rows_that_the_recorded_option_does_not_name_are_other_codes() -> None:
    assert told(HALF_TRAINED, replace(FILE, freeze=())) == {"built trainable": 3_063_933, "other code": 4_171_456}


def test_an_option_is_told_with_the_rows_that_it_means() -> None:
    ten, two = (
        of("--freeze", with_frozen(NEW, frozen_by_rows(NEW, rows)), Known("built", freeze=rows, option=option)).evidence
        for rows, option in ((tuple(range(10)), "--freeze 10"), ((0, 5), "--freeze 0 5"))
    )
    assert ten == "--freeze 10 freezes rows 0 to 9: one number N means range(N), so row 10 is not among them."
    assert two == "--freeze 0 5 freezes exactly rows 0 and 5."


def test_one_row_in_the_middle_cannot_come_from_one_number() -> None:
    third = with_frozen(NEW, frozen_by_rows(NEW, (3,)))
    assert "--freeze 3 would mean range(3)" in of("other code", third, FILE).evidence


def test_rows_without_parameters_do_not_break_a_range() -> None:
    reached = with_frozen(NEW, frozen_by_rows(NEW, tuple(range(14))))
    assert of("--freeze", reached, FILE).place == "rows 0 to 13"


def test_a_live_model_of_which_nothing_trains_is_told_by_its_mode_and_its_type() -> None:
    stories = {
        mechanism: of(mechanism, root, LIVE).otherwise
        for mechanism, root in {
            "ModelEMA": mode(NONE, training=False),
            "strip_optimizer()": mode(NONE, training=False, dtype="float16"),
            "other code": mode(NONE, training=True),
        }.items()
    }
    assert "strip_optimizer()" in stories["ModelEMA"]
    assert "EMA copy" in stories["strip_optimizer()"]
    assert "--freeze named every row" in stories["other code"]
    assert all("decides" in otherwise for otherwise in stories.values())


def test_the_one_copy_of_an_unstripped_file_may_be_the_ema() -> None:
    decision = of("ModelEMA", NONE, replace(FILE, is_alone=True))
    assert "v3.1 and v4.0 save the EMA as model" in decision.evidence


def test_what_trains_was_not_finished_by_strip_optimizer() -> None:
    assert told(NEW, replace(FILE, is_stripped=True)) == {"built trainable": 7_235_389}
    assert told(NEW, replace(FILE, is_ema=True)) == {"other code": 7_235_389}


def test_an_option_that_is_not_recorded_is_left_open_in_a_finished_file() -> None:
    open_, closed = (
        of("strip_optimizer()", NONE, replace(FILE, is_stripped=True, freeze=freeze)).otherwise for freeze in (None, ())
    )
    assert "an unstripped last.pt decides" in open_
    assert closed == ""


def test_names_of_rows_out_of_a_file_are_only_numbers_that_count_them() -> None:
    convolution = Module("torch.nn.modules.conv.Conv2d")
    odd = {name: replace(convolution, parameters={"weight": Tensor((1,))}) for name in ("01", "9" * 5000, "x")}
    rows = Module("torch.nn.modules.container.Sequential", children=odd)
    root = Module("models.yolo.Model", children={"model": rows})
    assert told(root, FILE) == {"other code": 3}
    assert row_ranges((0, 10**12, 10**15)) == "rows 0, 1000000000000 and 1000000000000000"
