"""Networks drawn at random: model YAMLs as plain data, each one that its host can build and run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from random import Random
from typing import Any

Network = dict[str, Any]

SCALED = "Conv GhostConv Bottleneck GhostBottleneck SPP DWConv MixConv2d Focus CrossConv BottleneckCSP C3 C3TR".split()
"""Blocks whose first argument is a number of channels, which the width multiple scales, in every host."""

ADDED = (("5.0.10", "SPPF C3SPP C3Ghost".split()), ("6.1.9", "nn.ConvTranspose2d DWConvTranspose2d C3x".split()))
"""Further ones, from that host on."""

UNSCALED = ("Upsample", "Contract", "Expand", "Concat", "BatchNorm", "activation", "pool", "padded pool")
"""Rows that take their channels from the row before."""

ACTIVATIONS = ("nn.SiLU", "nn.ReLU", "nn.LeakyReLU", "nn.Hardswish", "nn.Identity", "nn.Sigmoid")


@dataclass
class Draft:
    """A network in the making: its rows, with channels and stride of what each gives."""

    random: Random
    width: float
    dilation: bool
    """Whether ``Conv`` of that host takes a dilation, before its activation."""
    outputs: int
    """Channels of one level of the head: the width multiple leaves these as they are."""
    rows: list[list[Any]] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    strides: list[int] = field(default_factory=list)

    def add(self, source: Any, repeats: int, module: str, arguments: list[Any], channels: int, stride: int) -> None:
        """One more row."""
        self.rows.append([source, repeats, module, arguments])
        self.channels.append(channels)
        self.strides.append(stride)

    def scaled(self, channels: int) -> int:
        """Channels that a block has of which the YAML says so many."""
        return channels if channels == self.outputs else ceil(channels * self.width / 8) * 8

    def draw_channels(self) -> int:
        """Channels as a YAML says them; now and then as many as the head gives."""
        return self.outputs if self.random.random() < 0.03 else self.random.choice((16, 32, 48, 64, 96, 128))

    def same_channels(self) -> int | None:
        """What to say in the YAML so that a block gives as many channels as it takes; None if nothing does."""
        wanted = self.channels[-1]
        return next((c for c in (*range(8, 1025, 8), self.outputs) if self.scaled(c) == wanted), None)


def random_network(seed: int, host: str) -> Network:
    """Model YAML number ``seed`` for that release of YOLOv5, with at most about a million parameters."""
    random = Random(f"{host} {seed}")
    classes, anchors = random.randint(1, 30), random.randint(1, 4)
    segmentation = host in ("6.2.3", "7.0.14") and random.random() < 0.25
    width = random.choice((0.25, 0.33, 0.5, 0.75, 1.0))
    draft = Draft(random, width, host in ("6.2.3", "7.0.14"), anchors * (classes + 5))
    blocks = SCALED + [name for since, names in ADDED if release(host) >= release(since) for name in names]
    channels = random.choice((1, 2, 3, 3, 3, 4, 6))
    _stem(draft, channels)
    backbone = random.randint(5, 9)
    while len(draft.rows) < backbone + random.randint(3, 7):
        _grow(draft, random.choice((*blocks, *UNSCALED)))
    levels = _levels(draft)
    lists = [[random.randint(4, 400) for _ in range(2 * anchors)] for _ in levels]
    given = random.choice(("number", "lists"))
    arguments: list[Any] = ["nc", "anchors"]
    if segmentation:
        arguments += [random.choice((8, 16, 32)), random.choice((16, 32, 64))]
    draft.rows.append([levels, 1, "Segment" if segmentation else "Detect", arguments])
    network: Network = {
        "nc": classes,
        "depth_multiple": random.choice((0.33, 0.67, 1.0)),
        "width_multiple": draft.width,
        "anchors": anchors if given == "number" else lists,
        "backbone": draft.rows[:backbone],
        "head": draft.rows[backbone:],
    }
    if channels != 3:
        network["ch"] = channels
    if host in ("6.2.3", "7.0.14") and random.random() < 0.5:
        network["activation"] = random.choice(("nn.ReLU()", "nn.LeakyReLU(0.1)", "nn.Hardswish()", "nn.SiLU()"))
    return network


def release(host: str) -> tuple[int, ...]:
    """A version as numbers that compare."""
    return tuple(int(part) for part in host.split("."))


def _stem(draft: Draft, channels: int) -> None:
    """The first rows, down to stride 8."""
    first = draft.draw_channels()
    kind = draft.random.choice(("Conv", "Conv", "Focus", "Contract"))
    if kind == "Contract":
        draft.add(-1, 1, "Contract", [2], channels * 4, 2)
    else:
        arguments = [first, 3] if kind == "Focus" else draft.random.choice(([first, 6, 2, 2], [first, 3, 2]))
        draft.add(-1, 1, kind, arguments, draft.scaled(first), 2)
    for stride in (4, 8):
        c = draft.draw_channels()
        draft.add(-1, 1, "Conv", [c, 3, 2], draft.scaled(c), stride)


def _grow(draft: Draft, kind: str) -> None:
    """One row of that kind, or two, if it fits where the network stands."""
    rule = _RULES.get(kind, _block)
    rule(draft, kind)


def _block(draft: Draft, kind: str) -> None:
    """A block that the width multiple scales, at the same size or at half of it."""
    random, stride = draft.random, draft.strides[-1]
    c, half = draft.draw_channels(), stride < 32 and random.random() < 0.4
    s, repeats = (2 if half else 1), 1
    more: list[Any] = []
    same = draft.same_channels()
    if kind in ("Conv", "DWConv", "GhostConv", "CrossConv"):
        more = [random.choice((1, 3, 5)), s]
        if not half and same and kind != "CrossConv" and random.random() < 0.3:
            c, repeats = same, random.randint(2, 6)
        if kind == "Conv" and random.random() < 0.3:
            more += ["None", random.choice((1, 2, 4)) if draft.channels[-1] % 4 == draft.scaled(c) % 4 == 0 else 1]
            more += [random.choice((1, 2))] if draft.dilation else []
            more += random.choice(([], [False], [True]))
    elif kind == "GhostBottleneck":
        if not half and same is None:
            return
        c = c if half else same or c
        more = [random.choice((3, 5)), s]
    elif kind == "MixConv2d":
        if same is None:
            return
        c, s, more = same, 1, [[1, 3], 1] if random.random() < 0.5 else [[1, 3, 5], 1]
    elif kind == "Focus":
        if stride >= 32:
            return
        s, more = 2, [random.choice((1, 3))]
    else:
        s = 1
        if kind in ("BottleneckCSP", "C3", "C3TR", "C3Ghost", "C3x"):
            repeats, more = random.randint(1, 5), random.choice(([], [False], [True]))
        elif kind == "SPP":
            more = [random.choice(([5, 9, 13], [3, 5], [5]))]
        elif kind == "C3SPP":
            more = [[5, 9, 13]]
        elif kind == "SPPF":
            more = [random.choice((3, 5))]
        elif kind == "Bottleneck" and same and random.random() < 0.5:
            c, repeats = same, random.randint(1, 4)
        if kind == "C3TR" and stride < 16:
            return  # attention over so many places takes gigabytes
    said: Any = f"{c // 8}*8" if c % 8 == 0 and random.random() < 0.2 else c
    draft.add(-1, repeats, kind, [said, *more], draft.scaled(c), stride * s)


def _transposed(draft: Draft, kind: str) -> None:
    if draft.strides[-1] < 16:
        return
    c = draft.draw_channels()
    arguments = draft.random.choice(([c, 2, 2], [c, 4, 2, 1]))
    draft.add(-1, 1, kind, arguments, draft.scaled(c), draft.strides[-1] // 2)


def _upsample(draft: Draft, kind: str) -> None:
    if draft.strides[-1] < 16:
        return
    mode = draft.random.choice(("nearest", "nearest", "bilinear"))
    draft.add(-1, 1, "nn.Upsample", ["None", 2, mode], draft.channels[-1], draft.strides[-1] // 2)


def _contract(draft: Draft, kind: str) -> None:
    if draft.strides[-1] < 32 and draft.channels[-1] <= 64:
        draft.add(-1, 1, "Contract", [2], draft.channels[-1] * 4, draft.strides[-1] * 2)


def _expand(draft: Draft, kind: str) -> None:
    if draft.strides[-1] >= 16 and draft.channels[-1] % 4 == 0:
        draft.add(-1, 1, "Expand", [2], draft.channels[-1] // 4, draft.strides[-1] // 2)


def _concat(draft: Draft, kind: str) -> None:
    stride, last = draft.strides[-1], len(draft.rows) - 1
    others = [row for row in range(last) if draft.strides[row] == stride]
    if not others:
        return
    chosen = draft.random.sample(others, min(len(others), draft.random.randint(1, 2)))
    draft.add([-1, *chosen], 1, "Concat", [1], sum(draft.channels[row] for row in (-1, *chosen)), stride)


def _batch_norm(draft: Draft, kind: str) -> None:
    draft.add(-1, 1, "nn.BatchNorm2d", [], draft.channels[-1], draft.strides[-1])


def _activation(draft: Draft, kind: str) -> None:
    draft.add(-1, 1, draft.random.choice(ACTIVATIONS), [], draft.channels[-1], draft.strides[-1])


def _pool(draft: Draft, kind: str) -> None:
    half = draft.strides[-1] < 32 and draft.random.random() < 0.5
    module = draft.random.choice(("nn.MaxPool2d", "nn.AvgPool2d"))
    arguments = [2, 2, 0] if half else [3, 1, 1]
    draft.add(-1, 1, module, arguments, draft.channels[-1], draft.strides[-1] * (2 if half else 1))


def _padded_pool(draft: Draft, kind: str) -> None:
    draft.add(-1, 1, "nn.ZeroPad2d", [[0, 1, 0, 1]], draft.channels[-1], 0)  # one wider: no other row may use it
    draft.add(-1, 1, "nn.MaxPool2d", [2, 1, 0], draft.channels[-1], draft.strides[-2])


_RULES: dict[str, Callable[[Draft, str], None]] = {
    "nn.ConvTranspose2d": _transposed,
    "DWConvTranspose2d": _transposed,
    "Upsample": _upsample,
    "Contract": _contract,
    "Expand": _expand,
    "Concat": _concat,
    "BatchNorm": _batch_norm,
    "activation": _activation,
    "pool": _pool,
    "padded pool": _padded_pool,
}


def _levels(draft: Draft) -> list[int]:
    """Rows that the head takes: one to four, of different strides, in their order."""
    rows = {stride: row for row, stride in enumerate(draft.strides) if stride >= 8}
    count = draft.random.randint(1, min(4, len(rows)))
    return sorted(draft.random.sample(sorted(rows.values()), count))
