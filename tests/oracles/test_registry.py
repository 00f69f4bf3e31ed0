"""Many checkpoints: processes that are replaced, a cluster that loses a worker, URLs of which little is sent."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from zipfile import ZIP_STORED, ZipFile

import pyarrow.parquet
import pytest

from tests.conftest import Probe
from tests.environments import ROOT
from yolo_probe.registry.chunk import rows_of_chunk
from yolo_probe.registry.rows import COLUMNS, FileRow, describe, file_row
from yolo_probe.registry.workers import rows_of

COMMAND = (sys.executable, "-m", "yolo_probe", "scan")
FILES = 70
MOST_BYTES = 500_000
"""What may be transferred of a checkpoint of any size."""


@pytest.fixture
def folder(tmp_path: Path, demo_checkpoint: Path) -> Path:
    """Seventy files: checkpoints, every tenth broken."""
    return _filled(tmp_path, demo_checkpoint, FILES)


def _filled(tmp_path: Path, demo_checkpoint: Path, files: int) -> Path:
    home = tmp_path / "runs"
    home.mkdir()
    one = shutil.copy(demo_checkpoint, tmp_path / "one.pt")
    for number in range(files):
        file = home / f"{number:03}.pt"
        if number % 10 == 9:
            file.write_bytes(b"PK\3\4 broken")
        else:
            os.link(one, file)
    return home


def odd_row(path: str, *, sha256: bool) -> FileRow:
    """A row as some files could make it: never, too large, or not at all."""
    if "sleeps" in path:
        time.sleep(60)
    if "ends" in path:
        os._exit(9)
    if "grows" in path:
        bytearray(2**30)
    return FileRow(path)


def test_a_file_that_hangs_grows_or_ends_its_process_is_a_row_and_stops_nothing() -> None:
    paths = ["1", "sleeps", "2", "ends", "3", "grows", "4"]
    rows = list(rows_of(paths, jobs=2, read=odd_row))
    assert [row.path for row in rows] == paths
    errors = {row.path: row.error for row in rows if row.error}
    assert set(errors) == {"sleeps", "ends", "grows"}
    assert errors["sleeps"].startswith("took more than 5 seconds")
    assert errors["ends"] == "ended its process (exit code 9)"
    assert errors["grows"].startswith("needs more memory")


def in_a_daemon(paths: list[str], answers: multiprocessing.Queue[list[FileRow] | Exception]) -> None:
    """The rows of a chunk in a process that may start none by multiprocessing."""
    try:
        answers.put(rows_of_chunk(paths, False, odd_row))
    except Exception as error:
        answers.put(error)


def test_a_worker_of_dask_keeps_the_limits_of_a_file_too() -> None:
    paths = ["1", "sleeps", "ends", "grows", "2"]
    answers: multiprocessing.Queue[list[FileRow] | Exception] = multiprocessing.Queue()
    worker = multiprocessing.Process(target=in_a_daemon, args=(paths, answers), daemon=True)
    worker.start()
    rows = answers.get(timeout=60)
    assert isinstance(rows, list), rows
    assert [(row.path, row.error.partition(" ")[0]) for row in rows] == [
        *(("1", ""), ("sleeps", "took"), ("ends", "ended"), ("grows", "needs"), ("2", "")),
    ]


def test_a_scan_has_a_row_for_every_file_in_every_form(folder: Path, tmp_path: Path, probe: Probe) -> None:
    names = [str(folder / f"{number:03}.pt") for number in range(FILES)]
    table = probe("scan", folder, "--format", "csv")
    assert table.returncode == 0, table.stderr
    assert "70 files, 7 without an answer" in table.stderr
    rows = list(csv.DictReader(table.stdout.splitlines()))
    assert [row["path"] for row in rows] == names
    assert {row["error"].partition(":")[0] for row in rows if row["error"]} == {"cut short"}
    lines = probe("scan", folder, "--format", "jsonl", "--jobs", "1").stdout.splitlines()
    assert [json.loads(line)["path"] for line in lines] == names
    file = tmp_path / "rows.parquet"
    assert probe("scan", folder, "--format", "parquet", "-o", file).returncode == 0
    read = pyarrow.parquet.read_table(file)
    assert (read.num_rows, tuple(read.schema.names)) == (FILES, COLUMNS)
    assert read["path"].to_pylist() == names
    gate = probe("scan", folder, "--max-params", "1000000", "--require", "safe,fp16")
    assert (gate.returncode, "7 break a limit" in gate.stderr) == (1, True)


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_a_scan_that_is_stopped_leaves_whole_rows_and_goes_on(
    engine: str, tmp_path: Path, demo_checkpoint: Path, probe: Probe
) -> None:
    files = 10 * FILES
    folder = _filled(tmp_path, demo_checkpoint, files)
    file = tmp_path / "rows.jsonl"
    scan = subprocess.Popen(
        [*COMMAND, str(folder), "--format", "jsonl", "-o", str(file), "--jobs", "1", "--engine", engine], cwd=ROOT,
        stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # ignored in a background
    )  # fmt: skip
    while not file.exists() or not file.stat().st_size:
        assert scan.poll() is None
        time.sleep(0.01)
    os.killpg(scan.pid, signal.SIGINT)  # as a terminal does
    _, words = scan.communicate(timeout=60)
    assert (scan.returncode, len(words.splitlines())) == (130, 1), words
    assert b"go on with --resume" in words
    before = file.read_text(encoding="utf-8")
    assert before.endswith("\n")
    assert 0 < len(before.splitlines()) < files
    assert probe("scan", folder, "--resume", file).returncode == 0
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [row["path"] for row in rows] == [str(folder / f"{number:03}.pt") for number in range(files)]


# A cluster


def _started(*words: str, **variables: str) -> subprocess.Popen[bytes]:
    command, environment = [sys.executable, "-m", *words], os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=Path(sys.prefix)
    )


def _scheduler() -> tuple[subprocess.Popen[bytes], str]:
    """A scheduler of Dask, and its address."""
    center = _started("distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
    assert center.stderr
    return center, next(found[0] for line in center.stderr if (found := re.search(r"tcp://127\S+", line.decode())))


def _worker(address: str, **variables: str) -> subprocess.Popen[bytes]:
    """A worker of it, started with such environment variables."""
    options = ("--nthreads", "1", "--no-dashboard", "--no-nanny")
    return _started("distributed.cli.dask_worker", address, *options, **variables)


@pytest.fixture
def scheduler() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler of Dask and two worker processes."""
    center, address = _scheduler()
    workers = [_worker(address), _worker(address)]
    yield address, workers
    for process in (*workers, center):
        process.kill()
        process.communicate()


def test_a_cluster_that_loses_a_worker_loses_and_doubles_no_row(
    tmp_path: Path, demo_checkpoint: Path, scheduler: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    files = 5 * FILES
    folder, file = _filled(tmp_path, demo_checkpoint, files), tmp_path / "rows.jsonl"
    address, workers = scheduler
    words = (*COMMAND, str(folder), "--engine", "dask", "--scheduler", address, "--format", "jsonl", "-o", str(file))
    scan = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE)
    while not file.exists() or not file.stat().st_size:
        assert scan.poll() is None
        time.sleep(0.01)
    workers[0].kill()
    _, said = scan.communicate(timeout=120)
    assert (scan.returncode, f"{files} files".encode() in said) == (0, True), said
    paths = [json.loads(line)["path"] for line in file.read_text(encoding="utf-8").splitlines()]
    assert sorted(paths) == [str(folder / f"{number:03}.pt") for number in range(files)]


def test_a_scheduler_that_goes_away_is_one_message_and_leaves_whole_rows(
    tmp_path: Path, demo_checkpoint: Path, probe: Probe
) -> None:
    files = 10 * FILES
    folder, file = _filled(tmp_path, demo_checkpoint, files), tmp_path / "rows.jsonl"
    center, address = _scheduler()
    workers = [_worker(address), _worker(address)]
    try:
        words = (*COMMAND, str(folder), "--engine", "dask", "--scheduler", address, "--format", "jsonl")
        scan = subprocess.Popen([*words, "-o", str(file)], cwd=ROOT, stderr=subprocess.PIPE)
        while not file.exists() or not file.stat().st_size:
            assert scan.poll() is None
            time.sleep(0.01)
        center.kill()
        _, said = scan.communicate(timeout=120)
    finally:
        for process in (*workers, center):
            process.kill()
            process.communicate()
    assert (scan.returncode, len(said.splitlines())) == (2, 2), said
    assert b"--engine dask: the connection to the scheduler is lost" in said
    before = len([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])
    assert 0 < before < files
    assert probe("scan", folder, "--resume", file).returncode == 0
    paths = [json.loads(line)["path"] for line in file.read_text(encoding="utf-8").splitlines()]
    assert sorted(paths) == [str(folder / f"{number:03}.pt") for number in range(files)]


def test_a_worker_without_yolo_probe_is_refused_and_lives_on(folder: Path, tmp_path: Path, probe: Probe) -> None:
    (tmp_path / "yolo_probe").mkdir()
    (tmp_path / "yolo_probe" / "__init__.py").write_text("raise ImportError", encoding="utf-8")
    center, address = _scheduler()
    worker = _worker(address, PYTHONPATH=str(tmp_path))
    try:
        done = probe("scan", folder, "--engine", "dask", "--scheduler", address)
        assert (done.returncode, "1 of 1 workers have no yolo-probe" in done.stderr) == (2, True), done.stderr
        assert worker.poll() is None
    finally:
        for process in (worker, center):
            process.kill()
            process.communicate()


def test_a_scheduler_that_is_not_there_is_one_message(folder: Path, probe: Probe) -> None:
    done = probe("scan", folder, "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 2), done.stderr
    assert "no scheduler of Dask answers there" in done.stderr
    assert done.stdout == ""


# URLs


class Ranges(BaseHTTPRequestHandler):
    """A server of files by ranges of bytes, which counts what it sends."""

    def __init__(self, *args: object, home: Path, sent: list[int]) -> None:
        self.home, self.sent = home, sent
        super().__init__(*args)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        file = self.home / self.path.lstrip("/")
        if not file.is_file():
            self.send_error(404)
            return
        size = file.stat().st_size
        asked = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(asked[1]), min(int(asked[2]), size - 1)) if asked else (0, size - 1)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if body:
            with file.open("rb") as stream:
                stream.seek(first)
                self.sent.append(last - first + 1)
                self.wfile.write(stream.read(last - first + 1))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def large(tmp_path: Path, demo_checkpoint: Path) -> Path:
    """The checkpoint of the project with another 280 MB of weights in its archive."""
    large = tmp_path / "large" / "best.pt"
    large.parent.mkdir()
    with ZipFile(demo_checkpoint) as old, ZipFile(large, "w", ZIP_STORED) as new:
        for entry in old.infolist():
            new.writestr(entry, old.read(entry))
        root = old.namelist()[0].partition("/")[0]
        with new.open(f"{root}/data/99999", "w") as weights:
            for _ in range(280):
                weights.write(bytes(1_000_000))
    return large


class WithoutHead(Ranges):
    """A server that answers GET alone, as URLs are that are signed for it."""

    def do_HEAD(self) -> None:
        self.send_error(403)


@pytest.mark.parametrize("server", [Ranges, WithoutHead])
def test_of_a_large_file_behind_a_url_only_the_directory_and_the_pickle_are_read(
    server: type[Ranges], large: Path
) -> None:
    with _served(large.parent, server) as (address, sent):
        row, gone = file_row(f"{address}/best.pt"), file_row(f"{address}/gone.pt")
    here = file_row(str(large))
    assert (row.error, row.network, row.parameters, row.bytes) == ("", "narrow", 115_071, here.bytes)
    assert (row.bytes or 0) > 280_000_000
    assert sum(sent) < MOST_BYTES
    assert gone.error == "no such file"


@contextmanager
def _served(home: Path, server: type[Ranges]) -> Iterator[tuple[str, list[int]]]:
    """The address of a server of the files in a folder, and the bytes that it sends."""
    sent: list[int] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(server, home=home, sent=sent)) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", sent
        running.shutdown()


class Whole(Ranges):
    """A server that sends whole files only, as Python's own does."""

    def answer(self, *, body: bool) -> None:
        del self.headers["Range"]
        super().answer(body=body)

    def send_header(self, keyword: str, value: str) -> None:
        if keyword not in ("Accept-Ranges", "Content-Range"):
            super().send_header(keyword, value)


def test_a_server_of_whole_files_is_told_as_one(demo_checkpoint: Path) -> None:
    with _served(demo_checkpoint.parent, Whole) as (address, _):
        row = file_row(f"{address}/{demo_checkpoint.name}")
    assert row.error == "its server sends whole files only, no parts of them"


class Refusing(Ranges):
    """A server that answers with the status of the path."""

    def answer(self, *, body: bool) -> None:
        self.send_error(int(self.path[1:4]))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "cannot be read: 403 Forbidden"),
        (404, "no such file"),
        (500, "cannot be read: 500 Internal Server Error"),
    ],
)
def test_a_server_that_refuses_is_not_one_without_the_file(status: int, words: str, tmp_path: Path) -> None:
    with _served(tmp_path, Refusing) as (address, _):
        assert file_row(f"{address}/{status}.pt").error == words
    assert "Cannot connect" in file_row("http://127.0.0.1:9/best.pt").error


def test_the_digest_of_a_file_behind_a_url_is_that_of_the_file(demo_checkpoint: Path) -> None:
    with _served(demo_checkpoint.parent, Ranges) as (address, _):
        row = file_row(f"{address}/{demo_checkpoint.name}", sha256=True)
    assert row.sha256 == sha256(demo_checkpoint.read_bytes()).hexdigest()


def test_of_a_large_file_in_an_archive_behind_a_url_no_more_is_read(large: Path) -> None:
    with ZipFile(large.parent / "models.zip", "w", ZIP_STORED) as archive:
        archive.write(large, "exp/best.pt")
    with _served(large.parent, Ranges) as (address, sent):
        row = file_row(f"zip://exp/best.pt::{address}/models.zip")
    assert (row.error, row.network, row.bytes) == ("", "narrow", large.stat().st_size)
    assert sum(sent) < MOST_BYTES


def test_of_a_file_on_s3_no_more_is_read(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    server = ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {**keys, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="models")
        client.upload_file(str(large), "models", "runs/exp/best.pt")
        client.put_object(Bucket="models", Key="runs/exp/broken.pt", Body=b"PK\3\4 broken")
        from s3fs import S3FileSystem

        read: list[int] = []
        cat = S3FileSystem._cat_file

        async def counted(self: S3FileSystem, path: str, **words: int) -> bytes:
            content: bytes = await cat(self, path, **words)
            read.append(len(content))
            return content

        monkeypatch.setattr(S3FileSystem, "_cat_file", counted)
        row = describe("s3://models/runs/exp/best.pt")
        assert (row["error"], row["network"], row["parameters"]) == ("", "narrow", 115_071)
        assert sum(read) < MOST_BYTES
        words = [*COMMAND, "s3://models/runs", "--format", "jsonl"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert [row["path"] for row in rows] == [f"s3://models/runs/exp/{name}.pt" for name in ("best", "broken")]
        assert [row["error"].partition(":")[0] for row in rows] == ["", "cut short"]
    finally:
        server.stop()


def test_a_checkpoint_in_an_archive_is_read_through_a_chain_of_urls(tmp_path: Path, demo_checkpoint: Path) -> None:
    with ZipFile(tmp_path / "models.zip", "w") as archive:
        archive.write(demo_checkpoint, "exp/best.pt")
    row = file_row(f"zip://exp/best.pt::{(tmp_path / 'models.zip').as_uri()}")
    assert (row.error, row.network) == ("", "narrow")


def test_a_file_system_that_is_not_installed_says_what_to_do() -> None:
    assert "cannot be used" in file_row("gs://models/best.pt").error
    assert file_row("nonsense://models/best.pt").error
