"""The ledgers of what ``fuse()`` does to a network that only its host can build, from what is recorded of it."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.hosts.known_lines import (
    GRADIENT_STATES,
    GradientState,
    KnownNetwork,
    RecordedFusion,
    known_networks,
)
from yolo_probe.hosts.line_matches import Match
from yolo_probe.reports.ledger import (
    Entry,
    Ledger,
    changed,
    changed_layers,
    fuse_gradients,
    gained_biases,
    lost_norms,
    merged_layers,
    trains_nothing,
    uncharged_norms,
)

BATCH_NORM_FLOPS = 8
"""What every thop of these hosts charges for one value of a BatchNorm."""


def recorded_ledgers(first: Match, last: Match) -> Iterator[tuple[str, Ledger]]:
    """The ledgers between two lines of one network, before and after ``fuse()``; none where nothing is recorded."""
    network = _recorded(first, last)
    if network and network.by_keypoints:  # it has its own keypoints, for which what is recorded is computed
        network = last.network
    fusion = None if network is None else network.fusion(last.numbers.classes)
    if network is None or fusion is None:
        return
    yield "layers", Ledger(first.layers, last.layers, (merged_layers(fusion.merged), *_layer_changes(fusion)))
    yield "parameters", Ledger(first.parameters, last.parameters, tuple(_parameters(fusion)))
    state = next((each for each in GRADIENT_STATES if last.gradients and each == last.gradients.cause), None)
    if state and first.gradients and first.gradients.cause == "new":
        after = last.numbers.gradients[state] if state != "stripped" else 0
        entries = _gradients(first.parameters - network.fixed, network.fixed, state, fusion)
        yield "gradients", Ledger(first.parameters - network.fixed, after, tuple(entries))
    for counter, (before_gflops, after_gflops) in last.numbers.gflops.items():
        if counter in first.counters and counter in last.counters and before_gflops and after_gflops:
            flops = round(before_gflops * 1e9), round(after_gflops * 1e9)
            yield "flops", Ledger(*flops, tuple(_flops(counter, fusion)))
            return


def _recorded(first: Match, last: Match) -> KnownNetwork | None:
    """The network of hosts that print both lines."""
    wanted = (last.network.network, last.network.family, (first.layers, last.layers))
    both = set(first.hosts) & set(last.hosts)
    same = (each for each in known_networks() if (each.network, each.family, each.layers) == wanted)
    return next((each for each in same if both & set(each.hosts)), None)


def _layer_changes(fusion: RecordedFusion) -> Iterator[Entry]:
    for change in fusion.changes:
        yield changed_layers(change.cause, change.why, *change.layers)


def _parameters(fusion: RecordedFusion) -> Iterator[Entry]:
    yield lost_norms(fusion.merged, fusion.channels, fusion.channels)
    yield gained_biases(fusion.merged, fusion.channels)
    for change in fusion.changes:
        yield changed(change.cause, change.why, change.layers[0], *change.parameters)


def _gradients(before: int, fixed: int, state: GradientState, fusion: RecordedFusion) -> Iterator[Entry]:
    if state == "stripped":
        yield trains_nothing(before)
        yield fuse_gradients(0, 0, 0)
    else:
        yield fuse_gradients(fusion.merged, fusion.trained, fusion.trains[state])
        for change in fusion.changes:
            yield changed(change.cause, change.why, change.layers[0], *change.gradients)
    if fixed:
        why = "DFL's convolution holds the numbers from 0 on, fixed when it is built; no line counts them as gradients."
        yield Entry(f"{fixed} numbers of DFL", 1, 0, "0", why, "never trained")


def _flops(counter: str, fusion: RecordedFusion) -> Iterator[Entry]:
    amount = fusion.norms[counter]
    yield uncharged_norms(fusion.merged, amount, f"{BATCH_NORM_FLOPS} x {amount // BATCH_NORM_FLOPS:,}")
    for change in fusion.changes:
        yield changed(change.cause, change.why, change.layers[0], *change.flops[counter])
