"""Makes the checkpoint of `make demo`: a real training of YOLOv5 on pictures of squares and circles.

``python -m tests.demo.make_checkpoint`` in the environment of `make test` trains configs/demo/narrow.yaml for two
epochs with PyPI's ``yolov5==7.0.14`` and writes, beside that file, the ``best.pt`` that the host left, unchanged, and
the two summary lines that it printed.
"""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.environments import ROOT, TRAINING_NEEDS, host, release
from tests.processes import run_python

DEMO = ROOT / "configs" / "demo"
CLASSES = ("square", "circle")
SIDE = 64

# Every path is relative to the working directory: the host stores its options in the checkpoint.
TRAINING = """
from yolov5.train import run
run(data="shapes.yaml", cfg="narrow.yaml", weights="", epochs=2, imgsz=64, batch_size=8, device="cpu", workers=0,
    project="runs", name="narrow", noplots=True)
"""


def main() -> None:
    with TemporaryDirectory() as folder:
        work = Path(folder)
        draw_shapes(work, pictures=16)
        shutil.copy(DEMO / "narrow.yaml", work)
        paths = [host("7.0.14"), *(release(*need) for need in TRAINING_NEEDS)]
        done = run_python(TRAINING, paths=paths, cwd=work)
        shutil.copy(work / "runs" / "narrow" / "weights" / "best.pt", DEMO / "narrow-best.pt")
    lines = summary_lines(done.stdout + done.stderr)
    (DEMO / "narrow-best.log").write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw_shapes(folder: Path, pictures: int) -> None:
    """Write that many labelled pictures, one shape each, and the ``shapes.yaml`` that names them."""
    from PIL import Image, ImageDraw

    choose = random.Random(0)
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    for number in range(pictures):
        label = number % len(CLASSES)
        size = choose.randrange(16, 33)
        left, top = (choose.randrange(SIDE - size) for _ in range(2))
        picture = Image.new("RGB", (SIDE, SIDE), "black")
        pen = ImageDraw.Draw(picture)
        draw = (pen.rectangle, pen.ellipse)[label]
        draw((left, top, left + size, top + size), fill="white")
        picture.save(folder / "images" / f"{number}.png")
        box = ((left + size / 2) / SIDE, (top + size / 2) / SIDE, size / SIDE, size / SIDE)
        (folder / "labels" / f"{number}.txt").write_text(" ".join(map(str, (label, *box))) + "\n", encoding="utf-8")
    (folder / "shapes.yaml").write_text(
        f"path: {folder}\ntrain: images\nval: images\nnames: [{', '.join(CLASSES)}]\n", encoding="utf-8"
    )


def summary_lines(output: str) -> list[str]:
    """The summary lines of a host's output, as printed, without colour."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    return [line for line in plain.splitlines() if re.search(r"\b\d[\d,]* layers, \d[\d,]* parameters", line)]


if __name__ == "__main__":
    main()
