"""``make fuzz``: atheris changes files byte by byte, guided by the code that they reach in the reader, for minutes.

A file may be answered or refused with a CheckpointError; anything else stops the run, and its file is kept.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["yolo_probe"]):
    from yolo_probe.checkpoint.reader import describe, read_stored
    from yolo_probe.errors import CheckpointError

from tests.attacks.families import control
from tests.checkpoint_files import save, save_legacy

MINUTES = 5


def main() -> None:
    """Fuzz the reader from two whole files on; the time in seconds may be given."""
    with TemporaryDirectory() as folder:
        seeds, file = Path(folder, "seeds"), Path(folder, "file.pt")
        seeds.mkdir()
        save(seeds / "zip.pt", control())
        save_legacy(seeds / "legacy.pt", control())

        def once(data: bytes) -> None:
            file.write_bytes(data)
            try:
                describe(read_stored(file))
            except CheckpointError:
                return

        seconds = sys.argv[1] if len(sys.argv) > 1 else str(60 * MINUTES)
        options = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=512", "-max_len=16384"]
        atheris.Setup([sys.argv[0], *options, str(seeds)], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
