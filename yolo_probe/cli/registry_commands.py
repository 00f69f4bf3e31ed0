"""The commands about many checkpoints, and about limits: a table of folders, a gate for continuous integration."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, cast

import click

from yolo_probe.cli.options import LANG_OPTION, Parameters, spoken
from yolo_probe.cli.output import INTERRUPTED, UNEXPLAINED, code_of, say, write, write_data
from yolo_probe.errors import ProbeError, TargetError, shown, visible
from yolo_probe.language import shown_in, translated

if TYPE_CHECKING:
    from yolo_probe.registry.limits import Limits
    from yolo_probe.registry.rows import FileRow

Command = Callable[..., None]


def limit_options(command: Command) -> Command:
    """The options that make a command a gate."""
    for option in (
        click.option("--require", help="What a file has to be, with commas: stripped, fp16, known, safe."),
        click.option("--max-mb", type=click.FloatRange(0), help="Most MB of the file, 1 MB = 1,000,000 bytes."),
        click.option("--max-gflops", type=click.FloatRange(0), help="Most GFLOPs of one 640x640 image, unfused."),
        click.option("--max-params", type=Parameters(), help="Most parameters, unfused: 7200000 or 7.2M."),
    ):
        command = option(command)
    return command


def _limits(max_params: int | None, max_gflops: float | None, max_mb: float | None, require: str | None) -> Limits:
    from yolo_probe.registry.limits import REQUIREMENTS, Limits, Requirement

    names = [name.strip() for name in (require or "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in REQUIREMENTS]:
        expected = f"one of {', '.join(REQUIREMENTS)}"
        raise TargetError(f"--require: found {', '.join(unknown)}, expected {expected}", "Several stand with commas.")
    return Limits(max_params, max_gflops, max_mb, tuple(cast("list[Requirement]", names)))


@click.command("scan")
@click.argument("where", nargs=-1, required=True, metavar="WHERE...")
@click.option("--jobs", type=click.IntRange(1), show_default="one for each core", help="Number of processes.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "jsonl", "csv", "parquet")),
    default="text",
    show_default=True,
    help="A table to read, JSON lines, CSV, or a Parquet file (needs pyarrow).",
)
@click.option("-o", "--output", metavar="FILE", help="Write the rows to a file, not to standard output.")
@click.option("--resume", metavar="FILE", help="Go on with a .jsonl or .csv file that an earlier scan has written.")
@click.option(
    "--engine",
    type=click.Choice(("processes", "dask")),
    default="processes",
    show_default=True,
    help="Who reads the files: processes of this machine, or the workers of a Dask cluster.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    show_default="a cluster on this machine",
    help="With --engine dask: a scheduler that is running, tcp://host:8786.",
)
@click.option("--sha256", is_flag=True, help="Add the hash of each file, for which all of it is read.")
@limit_options
@LANG_OPTION
def scan_command(
    where: tuple[str, ...], jobs: int | None, form: str, output: str | None, resume: str | None,
    engine: str, scheduler: str | None, sha256: bool,
    max_params: int | None, max_gflops: float | None, max_mb: float | None, require: str | None,
) -> None:  # fmt: skip
    """Read every checkpoint below folders: one row each, in order.

    WHERE is a folder, whose .pt and .pth files are read, or a file. A broken or hostile file is a row with its reason.
    With a limit the command is a gate: it exits with 1 if a file breaks one.
    """
    from yolo_probe.registry.files import checkpoints
    from yolo_probe.registry.tables import stored_text

    limits = _limits(max_params, max_gflops, max_mb, require)
    if resume:
        form, output = _form_of(resume, output), resume
    if form == "parquet" and not output:
        raise TargetError("--format parquet: found no file to write, expected one", "Name it: -o runs.parquet.")
    tally = _Tally(limits)
    known = _known(resume, sha256, tally) if resume else frozenset()

    def paths() -> Iterator[str]:
        return (path for path in checkpoints(where) if stored_text(path) not in known)

    is_shown = not output and sys.stdout is not None and sys.stdout.isatty()  # rows on a terminal are progress enough
    shows_bar = sys.stderr is not None and sys.stderr.isatty() and not is_shown
    total = sum(1 for _ in paths()) if shows_bar else None
    rows = _rows(paths(), jobs or cpu_count() or 1, engine, scheduler, sha256)
    try:
        with (
            closing(rows),  # and with them their processes
            _writer(form, output, resume is not None, sha256) as put,
            _progress(rows, total, tally) as shown,
        ):
            for row in shown:
                put(row)
                tally.add(row)
    except KeyboardInterrupt:
        on = f"; go on with --resume {output}" if output and form in ("jsonl", "csv") else ""
        click.echo(f"yolo-probe: {_told([f'stopped after {tally.done:,} files{on}'], sys.stderr)}", err=True)
        sys.exit(INTERRUPTED)
    if not tally.done and not known:
        raise TargetError(f"{', '.join(where)}: found no checkpoint", "Files below a folder end with .pt or .pth.")
    gate = f", {tally.offenders:,} break a limit" if limits else ""
    files = f"{tally.done:,} file{'s' * (tally.done != 1)}"
    told = _told([f"{files}, {tally.faults:,} without an answer{gate}"], sys.stderr)
    click.echo(f"yolo-probe: {told}", err=True)
    if tally.offenders:
        sys.exit(UNEXPLAINED)


@dataclass(slots=True)
class _Tally:
    """What a scan has seen so far."""

    limits: Limits
    done: int = 0
    faults: int = 0
    """Files without an answer."""
    offenders: int = 0
    """Files that break a limit, those of an earlier scan that is gone on with too."""

    def add(self, row: FileRow) -> None:
        """Count a row of this scan."""
        self.done += 1
        self.faults += bool(row.error)
        self.judge(row)

    def judge(self, row: FileRow) -> None:
        """Name a file that breaks a limit."""
        if self.limits and (broken := list(self.limits.broken(row))):
            self.offenders += 1
            click.echo(f"yolo-probe: {visible(row.path)}: {_told(broken, sys.stderr)}", err=True)


def _rows(
    paths: Iterable[str], jobs: int, engine: str, scheduler: str | None, sha256: bool
) -> Generator[FileRow, None, None]:
    if engine == "dask":
        from yolo_probe.registry.cluster import rows_from_cluster

        return rows_from_cluster(paths, scheduler=scheduler, jobs=jobs, sha256=sha256)
    from yolo_probe.registry.workers import rows_of

    if scheduler:
        raise TargetError(
            "--scheduler: found no Dask cluster, expected --engine dask", "Add it, or leave --scheduler out."
        )
    return rows_of(paths, jobs=jobs, sha256=sha256)


def _form_of(resume: str, output: str | None) -> str:
    """The form of a file that is gone on with. Raises: TargetError where it is not one that can be."""
    form = {".jsonl": "jsonl", ".csv": "csv"}.get(Path(resume).suffix)
    if form is None or output not in (None, resume):
        raise TargetError(
            f"--resume: found {shown(resume)}{' beside -o' if form else ''}, expected a file that ends with .jsonl or "
            ".csv",
            "It is gone on with and written to, so -o is not needed.",
        )
    return form


def _known(resume: str, sha256: bool, tally: _Tally) -> frozenset[str]:
    """The paths that a file has rows of, which are held against the limits too."""
    from yolo_probe.registry.tables import rows_in

    def judged() -> Iterator[str]:
        for row in rows_in(file, sha256=sha256):
            tally.judge(row)
            yield row.path

    file = Path(resume)
    try:
        return frozenset(judged()) if file.exists() else frozenset()
    except (OSError, UnicodeError) as error:
        raise TargetError(f"{resume}: cannot be read: {error}", "Check the path.") from None


@contextmanager
def _writer(form: str, output: str | None, append: bool, sha256: bool) -> Iterator[Callable[[FileRow], None]]:
    """A function that writes one row."""
    from yolo_probe.registry import tables

    with ExitStack() as stack:
        if form == "parquet":
            assert output
            yield stack.enter_context(tables.parquet(output, sha256=sha256))
            return
        put: Callable[[str], object] = write if form == "text" else write_data
        empty = True
        if output:
            put, empty = stack.enter_context(tables.appended(output, is_new=not append))
        heads = {"text": tables.TEXT_HEAD, "csv": tables.csv_head(sha256=sha256)}
        if form in heads and empty:
            put(heads[form])
        forms: dict[str, Callable[[FileRow], str]] = {
            "text": tables.text_row,
            "csv": lambda row: tables.csv_row(row, sha256=sha256),
            "jsonl": lambda row: tables.json_row(row, sha256=sha256),
        }

        def put_row(row: FileRow) -> None:
            put(forms[form](row))

        yield put_row


@contextmanager
def _progress(rows: Iterable[FileRow], total: int | None, tally: _Tally) -> Iterator[Iterable[FileRow]]:
    """The rows, with a bar on standard error if that is a terminal: rate, time left, faults so far."""
    if total is None:
        yield rows
        return
    start = time.monotonic()

    def told(_: FileRow | None) -> str:
        rate = tally.done / max(time.monotonic() - start, 0.001)
        return f"{rate:.0f} files/s, {tally.faults} without an answer"

    with click.progressbar(rows, length=total, file=sys.stderr, item_show_func=told, show_pos=True) as bar:
        yield bar


@click.command("check")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--against", metavar="REVISION", help="Also say by how much it is heavier than in that git revision.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "github")),
    default="text",
    show_default=True,
    help="Plain text, or annotations of a GitHub workflow.",
)
@limit_options
@LANG_OPTION
def check_command(
    targets: tuple[str, ...], against: str | None, form: str, max_params: int | None, max_gflops: float | None,
    max_mb: float | None, require: str | None,
) -> None:  # fmt: skip
    """Hold networks against limits; exit with 1 where one is broken.

    TARGET is a checkpoint, a model YAML or the name of a network. --against is a git revision that has the file too,
    such as origin/main, or another TARGET.
    """
    limits = _limits(max_params, max_gflops, max_mb, require)
    codes = [_checked(target, limits, against, form) for target in targets]
    if worst := max(codes):
        sys.exit(worst)


def _checked(target: str, limits: Limits, against: str | None, form: str) -> int:
    """Write what is found of one target; the exit code."""
    from yolo_probe.registry.rows import target_row

    try:
        row = target_row(target)
        said = [_in_short(row), *(_beside(against, target, row) if against else ())]
    except ProbeError as error:
        if form == "github":
            write(f"{_annotation('error', target, str(error))}\n")
        say(str(error), error.remedy)
        return code_of(error)
    broken = list(limits.broken(row))
    lines = _annotations(target, broken, said) if form == "github" else _lines(target, broken, said)
    write("".join(f"{line}\n" for line in lines))
    return UNEXPLAINED if broken else 0


def _told(words: Iterable[str], stream: TextIO) -> str:
    """Several findings in one line, in the language of the command."""
    return translated("; ".join(words), shown_in(spoken(), stream))


def _in_short(row: FileRow) -> str:
    parameters = "parameters not known" if row.parameters is None else f"{row.parameters:,} parameters"
    return f"{parameters}, GFLOPs not known" if row.gflops is None else f"{parameters}, {row.gflops:.4g} GFLOPs"


def _beside(against: str, target: str, row: FileRow) -> Iterator[str]:
    """What changed since a revision, in a few words."""
    from yolo_probe.registry.against import changes, row_in

    before = row_in(against, target)
    if before is None:
        yield f"not in {against}: it is new"
        return
    if before.path not in (target, against):
        yield f"renamed since {against}, where it is {before.path}"
    if before.error:
        yield f"in {against} it has no answer: {before.error}"
    else:
        yield f"against {against}: {changes(before, row)}"


def _lines(target: str, broken: Iterable[str], said: Iterable[str]) -> Iterator[str]:
    yield f"{visible(target)}: {_told(said, sys.stdout)}"
    yield from (f"! {_told([words], sys.stdout)}" for words in broken)


def _annotations(target: str, broken: Iterable[str], said: Iterable[str]) -> Iterator[str]:
    """Workflow commands of GitHub: an error for each limit that is broken, a notice of the figures."""
    yield from (_annotation("error", target, words) for words in broken)
    yield _annotation("notice", target, "; ".join(said))


def _annotation(kind: Literal["error", "notice"], target: str, words: str) -> str:
    place = f"file={_escaped(target)}," if Path(target).is_file() else ""
    return f"::{kind} {place}title=yolo-probe::{_escaped(words, is_property=False)}"


def _escaped(text: str, *, is_property: bool = True) -> str:
    """Text as workflow commands take it."""
    pairs = [("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), *([(":", "%3A"), (",", "%2C")] if is_property else [])]
    for found, code in pairs:
        text = text.replace(found, code)
    return text
