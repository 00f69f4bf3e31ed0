"""Unit: what each counter charges, as products written out."""

from __future__ import annotations

import pytest

from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS, Convention
from yolo_probe.model.operators import OpRecord

CONV = OpRecord(
    "conv2d",
    "model.0.conv",
    "nn.Conv2d",
    ((1, 8, 20, 20),),
    (1, 16, 10, 10),
    (16, 4, 3, 3),
    {"bias": True, "groups": 2},
)
TRANSPOSED = OpRecord(
    "conv_transpose2d", "model.1", "nn.ConvTranspose2d", ((1, 8, 20, 20),), (1, 6, 40, 40), (8, 3, 2, 2),
    {"bias": True, "groups": 2},
)  # fmt: skip
DEPTHWISE = OpRecord(
    "conv_transpose2d", "model.1", "DWConvTranspose2d", ((1, 8, 20, 20),), (1, 8, 40, 40), (8, 1, 2, 2),
    {"bias": False, "groups": 8},
)  # fmt: skip
NORM = OpRecord("batch_norm", "model.0.bn", "nn.BatchNorm2d", ((1, 16, 10, 10),), (1, 16, 10, 10), (), {"affine": True})
PLAIN_NORM = OpRecord("batch_norm", "bn", "nn.BatchNorm2d", ((1, 16, 10, 10),), (1, 16, 10, 10), (), {"affine": False})
NEAREST = OpRecord("upsample", "up", "nn.Upsample", ((1, 8, 10, 10),), (1, 8, 20, 20), (), {"mode": "nearest"})
BILINEAR = OpRecord("upsample", "up", "nn.Upsample", ((1, 8, 10, 10),), (1, 8, 20, 20), (), {"mode": "bilinear"})
POOL = OpRecord("adaptive_avg_pool2d", "pool", "nn.AdaptiveAvgPool2d", ((1, 8, 7, 5),), (1, 8, 2, 2))
AVERAGE = OpRecord(
    "avg_pool2d", "pool", "nn.AvgPool2d", ((1, 8, 5, 5),), (1, 8, 3, 3), (),
    {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1), "inside": True, "number": True},
)  # fmt: skip
LINEAR = OpRecord("linear", "fc", "nn.Linear", ((400, 1, 256),), (400, 1, 10), (10, 256), {"bias": True})
ATTENTION = OpRecord(
    "multi_head_attention", "ma", "nn.MultiheadAttention", ((64, 1, 4),) * 3, (64, 1, 4), (), {"heads": 2, "bias": True}
)
SHARED_LEAKY = OpRecord("leaky_relu", "act", "nn.LeakyReLU", ((1, 8, 4, 4),), (1, 8, 4, 4), slots=57)
LEAKY_IN_PLACE = SHARED_LEAKY._replace(options={"inplace": True})
SHARED_SILU = OpRecord("silu", "act", "nn.SiLU", ((1, 8, 4, 4),), (1, 8, 4, 4), slots=57)
SOFTMAX = OpRecord("softmax", "sm", "nn.Softmax", ((4, 10),), (4, 10), (), {"dim": 1})

PRODUCTS = 16 * 10 * 10 * 4 * 3 * 3


@pytest.mark.parametrize(
    ("counter", "record", "count"),
    [
        ("thop-2019", CONV, PRODUCTS + 16 * 10 * 10),
        ("thop-2019", NORM, 4 * 16 * 10 * 10),
        ("thop-2019", LINEAR, 400 * 10 * (2 * 256 - 1)),
        ("thop-2019", BILINEAR, 13 * 8 * 20 * 20),
        ("thop-2019", AVERAGE, (3 + 1) * 8 * 3 * 3),
        ("thop-2019", SHARED_LEAKY, 57 * 8 * 4 * 4),
        ("thop-0.0.31", CONV, PRODUCTS + 16 * 10 * 10),
        ("thop-0.0.31", TRANSPOSED, 6 * 40 * 40 * (8 // 2) * 2 * 2 + 6 * 40 * 40),
        ("thop-0.0.31", DEPTHWISE, 0),
        ("thop-0.0.31", NORM, 2 * 16 * 10 * 10),
        ("thop-0.0.31", NEAREST, 0),
        ("thop-0.0.31", POOL, (3 * 2 + 1) * 8 * 2 * 2),
        ("thop-0.0.31", SHARED_LEAKY, 57 * 57 * 8 * 4 * 4),
        ("thop-0.0.31", SHARED_SILU, 0),
        ("thop-0.0.31", SOFTMAX, 0),
        ("thop-0.0.31", ATTENTION, None),
        ("thop-0.1", CONV, PRODUCTS),
        ("thop-0.1", TRANSPOSED, 6 * 40 * 40 * (8 // 2) * 2 * 2),
        ("thop-0.1", NORM, 4 * 16 * 10 * 10),
        ("thop-0.1", PLAIN_NORM, 2 * 16 * 10 * 10),
        ("thop-0.1", NEAREST, 8 * 20 * 20),
        ("thop-0.1", BILINEAR, 11 * 8 * 20 * 20),
        ("thop-0.1", POOL, int((7 / 2 * 5 / 2 + 1) * 8 * 2 * 2)),
        ("thop-0.1", SHARED_LEAKY, 0),
        ("torchprofile", SHARED_LEAKY, 8 * 4 * 4),
        ("torchprofile", LEAKY_IN_PLACE, 0),
        ("thop-0.1", SOFTMAX, 4 * (3 * 10 - 1)),
        ("ultralytics-thop-2.0.16", TRANSPOSED, 8 * 20 * 20 * 3 * 2 * 2),
        ("ultralytics-thop-2.0.16", DEPTHWISE, 0),
        ("ultralytics-thop-2.0.16", NEAREST, 8 * 20 * 20),
        ("ultralytics-thop-2.1.2", DEPTHWISE, 8 * 20 * 20 * 1 * 2 * 2),
        ("ultralytics-thop-2.1.2", NEAREST, 0),
        ("ultralytics-thop-2.1.2", POOL, 8 * (4 + 4) * (3 + 3) + 8 * 2 * 2),
        ("ultralytics-thop-2.1.2", AVERAGE, 8 * 3 * 3),
        ("ultralytics-thop-2.1.2", ATTENTION, None),
        ("ultralytics-thop-2.1.3", ATTENTION, 36_864 + 3 * 2 * 64 * 64 - 2 * 64),
        ("ultralytics-thop-2.1.3", AVERAGE, 8 * (2 + 3 + 2) ** 2 + 8 * 3 * 3),
        ("ultralytics-thop-2.2", NORM, 4 * 16 * 10 * 10),
        ("torch", CONV, 2 * PRODUCTS),
        ("torch", TRANSPOSED, 2 * 8 * 20 * 20 * 3 * 2 * 2),
        ("torch", LINEAR, 2 * 400 * 10 * 256),
        ("torch", ATTENTION, 2 * 36_864),
        ("torch", NORM, 0),
        ("torch", NEAREST, 0),
    ],
)
def test_a_counter_charges_what_its_release_does(counter: str, record: OpRecord, count: int | None) -> None:
    assert CONVENTIONS[counter].count(record) == count


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=CONVENTIONS)
def test_a_total_in_flops_leaves_out_only_what_has_no_rule(convention: Convention) -> None:
    records = [CONV, NORM, ATTENTION, SHARED_SILU]
    counts = [convention.count(record) for record in records]
    assert charge(records, convention).flops == (2 if convention.unit == "MACs" else 1) * sum(
        count or 0 for count in counts
    )


def test_a_counter_has_a_title_for_people() -> None:
    assert [CONVENTIONS[name].title for name in ("thop-0.0.31", "ultralytics-thop-2.2", "torch")] == [
        "thop 0.0.31",
        "ultralytics-thop 2.2",
        "torch",
    ]
