"""The merged pairs of a fuse-diff, one by one."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.reports.fuse_diff import FuseDiff


def render_pairs(report: FuseDiff) -> str:
    """A table: each convolution with its BatchNorm, its channels, and what layers and parameters it changes."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: FuseDiff) -> Iterator[str]:
    fusion = report.fusion
    yield ""
    yield f"{'':>4}{'convolution <- BatchNorm':<46}{'channels':>10}{'layers':>8}{'parameters':>12}"
    for i, merge in enumerate(fusion.merges, 1):
        bias = 0 if "bias" in merge.convolution.parameters else merge.channels
        change = bias - sum(tensor.numel for tensor in merge.batch_norm.parameters.values())
        yield f"{i:>3} {f'{merge.convolution_path} <- bn':<46}{merge.channels:>10,}{-1:>8}{change:>+12,}"
    for path in fusion.stays:
        yield f"{'-':>3} {f'{path} stays':<46}{'':>10}{0:>8}{0:>12}"
