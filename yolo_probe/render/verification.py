"""The figures of the real tools in words: for the footer of a report, and as a line of a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolo_probe.reports.verification import Check, Verification


def verification_words(found: Verification) -> str:
    """Words for the footer of a report: whether the real tools agree, and both numbers where they do not."""
    if found.reason or found.thop is None:
        return f"not verified: {found.reason}"
    thop, host, took = found.thop.title, found.host, f"({found.seconds:.1f} s)"
    if not found.agrees:
        wrong = [f"{c.name} {c.ours:,} here, {c.theirs:,} there" for c in found.checks if c.differs]
        words = "; ".join(filter(None, (*wrong, found.problem)))
        return f"not verified by {thop} and {host}: {words} {took}"
    figures = {check.name: f"{check.ours:,}" for check in found.checks}
    places = {"": f" in the network that {host} builds", "fused ": f" after the fuse() of {host}"}
    counts = [
        f"{figures[f'{state}FLOPs']} FLOPs{place} ({figures[f'{state}layers']} layers, "
        f"{figures[f'{state}parameters']} parameters)"
        for state, place in places.items()
        if f"{state}FLOPs" in figures
    ]
    agree = "both agree" if "fused FLOPs" in figures else "it agrees"
    rules = f", whose own FLOPs are by the rules of {found.other_counter}" if found.other_counter else ""
    return f"{thop} itself counts {' and '.join(counts)}: {agree} with this report{rules} {took}"


def verification_line(found: Verification) -> str:
    """A line to print below that of a live model: what was compared, and both numbers where they differ."""
    took = f"({found.seconds:.1f} s)"
    size = f"at {found.image[2]}x{found.image[3]}"
    figures = {check.name: check for check in found.checks}
    thop = f"thop {found.thop.version}" if found.thop else ""
    counts = f"{thop} counts {figures['FLOPs'].ours or 0:,} FLOPs {size}"
    if found.agrees:
        fused = f"fuse() leaves {figures['layers'].ours:,} layers, {figures['parameters'].ours:,} parameters"
        return f"verified: {counts}, {fused}: both as computed {took}"
    failed = [check for check in found.checks if not check.agrees]
    problems = "; ".join(dict.fromkeys(map(_problem, failed)))
    if figures["FLOPs"].agrees and all(check.reason for check in failed):
        return f"verified in part: {counts}, as computed; {problems} {took}"
    return f"not verified {size}: {problems} {took}"


def _problem(check: Check) -> str:
    return check.reason or f"{check.name} computed {check.ours:,}, found {check.theirs:,}"
