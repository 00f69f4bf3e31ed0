"""Rows written one by one: text, JSON lines, CSV, Parquet; and those that a file has already."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from errno import ENOSPC
from io import StringIO
from pathlib import Path
from typing import Any

from yolo_probe.errors import TargetError, first_words, visible
from yolo_probe.registry.files import FORMULA
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
    """A row as a line of CSV; several warnings with a semicolon between them.

    A text that a spreadsheet would take for a formula has an apostrophe before it: files can name networks so.
    """
    cells = _stored(row, sha256=sha256)
    cells["warnings"] = BETWEEN.join(cells["warnings"])
    return _csv_line([_unlike_a_formula(name, cell) for name, cell in cells.items()])


def csv_head(*, sha256: bool = False) -> str:
    """The names of the columns as a line of CSV."""
    return _csv_line(list(_columns(sha256=sha256)))


def _columns(*, sha256: bool) -> tuple[str, ...]:
    return (*COLUMNS, *(["sha256"] if sha256 else []))


def _stored(row: FileRow, *, sha256: bool) -> dict[str, Any]:
    """A row as plain data whose texts are Unicode, as files and readers of tables expect it."""
    cells: dict[str, Any] = plain(row, sha256=sha256)
    texts = {name: stored_text(cell) for name, cell in cells.items() if isinstance(cell, str)}
    return cells | texts | {"warnings": [stored_text(words) for words in cells["warnings"]]}


def stored_text(text: str) -> str:
    """A text as tables have it: bytes of a path that are not Unicode are written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _unlike_a_formula(name: str, cell: object) -> object:
    if name != "path" and isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return "" if cell is None else cell


def _csv_line(cells: list[object]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)  # it puts in quotes what has a character of its line's end
    return text.getvalue().removesuffix("\r\n") + "\n"


def json_row(row: FileRow, *, sha256: bool = False) -> str:
    """A row as one line of JSON."""
    return json.dumps(_stored(row, sha256=sha256)) + "\n"


def rows_in(file: Path, *, sha256: bool = False) -> Iterator[FileRow]:
    """The rows that a file of CSV or JSON lines has; then a last row that is not whole is cut off.

    Raises: TargetError for a file of another kind or with other columns, which stays as it is.
    """
    is_csv = file.suffix == ".csv"
    head = csv_head(sha256=sha256).encode() if is_csv else b'{"path":'
    end = _end_of_rows(file)
    with file.open("rb") as stream:
        begun = stream.read(len(head)).replace(b"\r\n", b"\n")
    if not head.startswith(begun):
        raise _other_columns(file) if begun.startswith(b"path,") else _not_ours(file)
    lines = _lines_to(end, file)
    try:
        for cells in csv.DictReader(lines) if is_csv else map(json.loads, lines):
            if not isinstance(cells["path"], str):
                raise _not_ours(file)
            if tuple(cells) != _columns(sha256=sha256):
                raise _other_columns(file)
            yield _row_of_csv(cells) if is_csv else row_of_json(cells)
    except (ValueError, KeyError, TypeError, csv.Error):
        raise _not_ours(file) from None
    os.truncate(file, end)


KINDS: dict[str, type] = {
    **dict.fromkeys(("classes", "layers", "parameters", "gradients", "fused_layers", "fused_parameters"), int),
    **dict.fromkeys(("gflops", "fused_gflops", "fitness"), float),
    "stripped": bool,
    "epoch": int,
    "bytes": int,
    "warnings": tuple,
}
"""What the columns hold that are not texts."""
BETWEEN = "; "
"""What is between two warnings in CSV."""


def row_of_json(cells: dict[str, Any]) -> FileRow:
    """A row from its columns as JSON has them."""
    return FileRow(**cells | {"warnings": tuple(cells["warnings"])})


def _row_of_csv(cells: dict[str, str]) -> FileRow:
    found: dict[str, Any] = {}
    for name, cell in cells.items():
        kind = KINDS.get(name, str)
        if kind is tuple:
            found[name] = tuple(cell.split(BETWEEN)) if cell else ()
        elif cell or name in ("path", "error"):
            found[name] = cell == "True" if kind is bool else kind(cell)
    return FileRow(**found)


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


def _other_columns(file: Path) -> TargetError:
    return TargetError(
        f"{file}: found other columns than this scan has, expected the same",
        "Go on with --sha256 where it began with it, and without it where not; or begin a new file.",
    )


@contextmanager
def writing(path: str, *, resumable: bool = False) -> Iterator[None]:
    """Write to the file at that path. Raises: TargetError where the system refuses."""
    try:
        yield
    except OSError as error:
        remedy = f"Make room, then go on with --resume {path}." if resumable and error.errno == ENOSPC else ""
        reason = os.strerror(error.errno) if error.errno else first_words(error)
        raise TargetError(f"{path}: cannot be written: {reason}", remedy or "Check the path.") from None


@contextmanager
def appended(path: str, *, is_new: bool) -> Iterator[tuple[Callable[[str], None], bool]]:
    """A file, as a function that writes a whole row to it, and whether it is empty. Raises: TargetError."""
    with writing(path):
        file = open(path, "wb" if is_new else "ab", buffering=0)  # noqa: SIM115  # so that no part of a row waits
    with file:

        def put(text: str) -> None:
            left = text.encode()
            with writing(path, resumable=path.endswith((".csv", ".jsonl"))):
                while left:
                    left = left[file.write(left) :]

        yield put, not file.seekable() or file.tell() == 0


def parquet(path: str, *, sha256: bool = False) -> AbstractContextManager[Callable[[FileRow], None]]:
    """A Parquet file, as a function that writes rows to it.

    Raises: TargetError without pyarrow, or where the file cannot be written.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise TargetError("--format parquet needs pyarrow", "pip install pyarrow") from None

    @contextmanager
    def opened() -> Iterator[Callable[[FileRow], None]]:
        types = {int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_(), str: pyarrow.string()}
        kinds = types | {tuple: pyarrow.list_(pyarrow.string())}
        schema = pyarrow.schema([(name, kinds[KINDS.get(name, str)]) for name in _columns(sha256=sha256)])
        waiting: list[dict[str, Any]] = []
        with writing(path):
            writer = pyarrow.parquet.ParquetWriter(path, schema)

        def write(row: FileRow) -> None:
            waiting.append(_stored(row, sha256=sha256))
            if len(waiting) >= PARQUET_ROWS:
                flush()

        def flush() -> None:
            with writing(path):
                writer.write_table(pyarrow.Table.from_pylist(waiting, schema))
            waiting.clear()

        try:
            yield write
        finally:
            flush()
            with writing(path):
                writer.close()

    return opened()
