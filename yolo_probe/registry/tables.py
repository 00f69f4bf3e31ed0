"""Rows written one by one: text, JSON lines, CSV, Parquet; and which of them a file has already."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import StringIO
from pathlib import Path

from yolo_probe.errors import TargetError, visible
from yolo_probe.registry.rows import COLUMNS, FileRow, plain

PARQUET_ROWS = 1000
"""Rows that are written to a Parquet file at once."""


def text_row(row: FileRow) -> str:
    """A row on one line, what is unusual or wrong below it."""
    if row.error:
        return f"{'-':<24}{'':>40}  {visible(row.path)}\n    {row.error}\n"
    figures = (
        "-" if row.classes is None else str(row.classes),
        "-" if row.layers is None else f"{row.layers:,}",
        "-" if row.parameters is None else f"{row.parameters:,}",
        "-" if row.gflops is None else f"{row.gflops:.2f}",
    )
    cells = "".join(cell.rjust(width) for cell, width in zip(figures, (8, 8, 14, 10), strict=True))
    notes = "".join(f"    {words}\n" for words in row.warnings)
    return f"{visible(row.network or '-')[:23]:<24}{cells}  {visible(row.path)}\n{notes}"


TEXT_HEAD = f"{'network':<24}{'classes':>8}{'layers':>8}{'parameters':>14}{'GFLOPs':>10}  file\n"


def csv_row(row: FileRow, *, sha256: bool = False) -> str:
    """A row as a line of CSV; several warnings with a semicolon between them."""
    cells = plain(row, sha256=sha256) | {"warnings": "; ".join(row.warnings)}
    return _csv_line(["" if cell is None else cell for cell in cells.values()])


def csv_head(*, sha256: bool = False) -> str:
    """The names of the columns as a line of CSV."""
    return _csv_line([*COLUMNS, *(["sha256"] if sha256 else [])])


def _csv_line(cells: list[object]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def json_row(row: FileRow, *, sha256: bool = False) -> str:
    """A row as one line of JSON."""
    return json.dumps(plain(row, sha256=sha256)) + "\n"


def paths_in(file: Path) -> Iterator[str]:
    """The paths of the rows that a file of CSV or JSON lines has; then a last row that is not whole is cut off.

    Raises: TargetError for a file of another kind, which stays as it is.
    """
    head, end = _BEGINNINGS[file.suffix], _end_of_rows(file)
    with file.open("rb") as stream:
        begun = stream.read(len(head))
    if not head.startswith(begun):
        raise _not_ours(file)
    lines = _lines_to(end, file)
    try:
        for row in csv.DictReader(lines) if file.suffix == ".csv" else map(json.loads, lines):
            if not isinstance(row["path"], str):
                raise _not_ours(file)
            yield row["path"]
    except (ValueError, KeyError, TypeError, csv.Error):
        raise _not_ours(file) from None
    os.truncate(file, end)


_BEGINNINGS = {".csv": b"path,", ".jsonl": b'{"path":'}
"""How a file of rows begins."""


def _end_of_rows(file: Path) -> int:
    """The bytes of a file up to the end of its last whole row; in CSV a path in quotes may have line feeds."""
    end = position = quotes = 0
    with file.open("rb") as stream:
        for line in stream:
            position += len(line)
            quotes += line.count(b'"') if file.suffix == ".csv" else 0
            if line.endswith(b"\n") and quotes % 2 == 0:
                end = position
    return end


def _lines_to(end: int, file: Path) -> Iterator[str]:
    """The lines of a file up to that byte."""
    with file.open("rb") as stream:
        while stream.tell() < end:
            yield stream.readline().decode()


def _not_ours(file: Path) -> TargetError:
    return TargetError(
        f"{file}: found something else than rows of a scan, expected CSV or JSON lines with a column path",
        "Name the file that an earlier scan wrote with --format jsonl or csv.",
    )


def parquet(path: str, *, sha256: bool = False) -> AbstractContextManager[Callable[[FileRow], None]]:
    """A Parquet file, as a function that writes rows to it. Raises: TargetError without pyarrow."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise TargetError("--format parquet needs pyarrow", "pip install pyarrow") from None

    @contextmanager
    def opened() -> Iterator[Callable[[FileRow], None]]:
        kinds = {
            "classes": pyarrow.int64(), "layers": pyarrow.int64(), "parameters": pyarrow.int64(),
            "gradients": pyarrow.int64(), "gflops": pyarrow.float64(), "fused_layers": pyarrow.int64(),
            "fused_parameters": pyarrow.int64(), "fused_gflops": pyarrow.float64(), "stripped": pyarrow.bool_(),
            "epoch": pyarrow.int64(), "fitness": pyarrow.float64(), "bytes": pyarrow.int64(),
            "warnings": pyarrow.list_(pyarrow.string()),
        }  # fmt: skip
        names = [*COLUMNS, *(["sha256"] if sha256 else [])]
        schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in names])
        waiting: list[dict[str, object]] = []
        with pyarrow.parquet.ParquetWriter(path, schema) as writer:

            def write(row: FileRow) -> None:
                path = os.fsencode(row.path).decode("utf-8", "backslashreplace")
                waiting.append(plain(row, sha256=sha256) | {"path": path})
                if len(waiting) >= PARQUET_ROWS:
                    flush()

            def flush() -> None:
                writer.write_table(pyarrow.Table.from_pylist(waiting, schema))
                waiting.clear()

            try:
                yield write
            finally:
                flush()

    return opened()
