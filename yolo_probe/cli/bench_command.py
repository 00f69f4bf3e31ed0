"""The command that measures a network, where torch is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from yolo_probe.cli.network_commands import PICTURES, question_of
from yolo_probe.cli.options import ImageSize, of_networks
from yolo_probe.cli.output import require_ending, say, show

if TYPE_CHECKING:
    from yolo_probe.hosts.images import Size
    from yolo_probe.hosts.target import CopyName
    from yolo_probe.networks.generations import Generation


@click.command("bench")
@of_networks("target", "counter", "host", "nc", "copy", "source", "format", "lang")
@click.option(
    "--imgsz", "sizes", type=ImageSize(), default=["640"], multiple=True, show_default=True,
    help="Image size in pixels, one number or HEIGHT,WIDTH; several times for several sizes.",
)  # fmt: skip
@click.option(
    "--batch", "batches", type=click.IntRange(1, 4096), default=[1], multiple=True, show_default=True,
    help="Images in one pass; several times for several batches.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads on the CPU.", show_default="as torch has them")
@click.option(
    "--device", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True, help="Device that is measured."
)
@click.option("--half", is_flag=True, help="Compute in FP16.")
@click.option("--channels-last", is_flag=True, help="Keep the channels of a pixel together in memory.")
@click.option("--compile", "compiled", is_flag=True, help="Run whole passes by torch.compile; needs --source.")
@click.option("--weights", is_flag=True, help="Read the weights of TARGET, a checkpoint; else they are random.")
@click.option("--by", type=click.Choice(("row",)), help="Show every row, not only those that cost more than they say.")
@click.option(
    "--seconds", type=float, default=0.5, show_default=True,
    help="Time for each measurement, at least.",
)  # fmt: skip
@click.option(
    "-o", "--output", metavar="FILE", help="Also draw the times and the roofline (.svg, .png), which needs matplotlib."
)
def bench_command(
    target: str, counter: str | None, host: Generation | None, nc: int | None, copy: CopyName | None,
    source: str | None, form: str, sizes: tuple[Size, ...], batches: tuple[int, ...], threads: int | None, device: str,
    half: bool, channels_last: bool, compiled: bool, weights: bool, by: str | None, seconds: float, output: str | None,
) -> None:  # fmt: skip
    """Measure how long a network takes, beside its FLOPs.

    Every operator runs as torch's own kernel on random tensors, before and after fuse(); nothing of a file is executed.
    With --source, the modules of that code run instead.
    """
    from yolo_probe.reports.bench import Settings, bench

    if output:
        require_ending(output, *PICTURES)  # before minutes of measuring
    settings = Settings(
        sizes, batches, threads, device, half, channels_last, compiled, weights, by == "row", seconds
    )  # fmt: skip
    report = bench(question_of(target, sizes[0], counter, host, nc, copy, source=source), settings)
    show(report, form)
    if output:
        from yolo_probe.render.bench_picture import draw

        draw(report, output)
        say(f"{output} is written")
