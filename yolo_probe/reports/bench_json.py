"""What was measured as plain data: times in milliseconds, rates in FLOPs or bytes a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo_probe.reports.bench import Bench, Case, Row
from yolo_probe.reports.bench_advice import advice
from yolo_probe.reports.schema import counter_as_json, head_as_json, not_fused_as_json
from yolo_probe.reports.timing import Timing

if TYPE_CHECKING:
    from yolo_probe.live.stopwatch import Peak


def as_json(report: Bench) -> dict[str, object]:
    """The report as plain data."""
    settings, peak = report.settings, report.peak
    return {
        **head_as_json("bench", report.subject),
        "counter": counter_as_json(report.convention),
        "weights": report.weights,
        "random_weights": list(report.random),
        "settings": {
            "device": settings.device,
            "threads": report.threads,
            "dtype": "float16" if settings.half else "float32",
            "channels_last": settings.channels_last,
            "compiled": settings.compiled,
            "seconds": settings.seconds,
        },
        "machine": report.machine,
        "peak": {
            "flops_per_second": round(peak.flops),
            "matrix": peak.side,
            "bytes_per_second": round(peak.bytes),
            "bytes_copied": peak.copied,
            "ridge_flops_per_byte": round(report.ridge, 4),
        },
        "cases": [_case_as_json(case, peak) for case in report.cases],
        "rows": [_row_as_json(row) for row in report.rows],
        "dearer": [row.name for row in report.dearer],
        "energy_missing": report.no_energy or None,
        "advice": list(advice(report)),
        **not_fused_as_json(report.not_fused),
    }


def _case_as_json(case: Case, peak: Peak) -> dict[str, object]:
    found, before = case.gain, case.flops_unfused
    return {
        "imgsz": list(case.size),
        "batch": case.batch,
        "unfused": _timing_as_json(case.unfused) if case.unfused else None,
        "fused": _timing_as_json(case.fused),
        "saved_ms": _ms(found.saved) if found else None,
        "margin_ms": _ms(found.margin) if found else None,
        "difference_seen": found.is_seen if found else None,
        "flops_unfused": before,
        "flops_fused": case.flops_fused,
        "flops_saved": None if before is None else before - case.flops_fused,
        "flops_per_second": round(case.rate),
        "share_of_peak": round(case.rate / peak.flops, 4),
        "joules_unfused": case.joules_unfused,
        "joules_fused": case.joules_fused,
        "not_measured": dict(case.unmeasured),
    }


def _timing_as_json(time: Timing) -> dict[str, object]:
    return {
        "median_ms": _ms(time.median),
        "quartiles_ms": [_ms(time.low), _ms(time.high)],
        "iqr_ms": _ms(time.high - time.low),
        "blocks": time.count,
    }


def _row_as_json(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "class": row.kind,
        **_timing_as_json(row.timing),
        "share_of_time": round(row.share_of_time, 4),
        "flops": row.flops,
        "share_of_flops": round(row.share_of_flops, 4),
        "bytes": row.moved,
        "flops_per_byte": round(row.intensity, 4),
        "bound_by": row.bound,
        "roofline_ms": _ms(row.least),
    }


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 4)
