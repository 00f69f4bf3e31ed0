"""Many checkpoints: a row for each whatever it is, limits that say by how much, files of rows that are gone on with."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from tests.attacks.families import control
from tests.checkpoint_files import save
from tests.conftest import Probe
from yolo_probe.errors import TargetError
from yolo_probe.registry.files import checkpoints
from yolo_probe.registry.limits import Limits
from yolo_probe.registry.rows import COLUMNS, FileRow, describe, file_row, plain
from yolo_probe.registry.tables import csv_head, csv_row, json_row, rows_in


def test_a_row_has_the_figures_of_a_fuse_diff(demo_checkpoint: Path, probe: Probe) -> None:
    row = describe(demo_checkpoint)
    assert tuple(row) == COLUMNS
    report = json.loads(probe("fuse-diff", demo_checkpoint, "--format", "json").stdout)
    before, after = report["training"], report["validation"]
    assert (row["layers"], row["parameters"], row["gradients"], row["gflops"]) == (
        before["layers"], before["parameters"], before["gradients"], before["flops"] / 1e9,
    )  # fmt: skip
    assert (row["fused_layers"], row["fused_parameters"], row["fused_gflops"]) == (
        after["layers"], after["parameters"], after["flops"] / 1e9,
    )  # fmt: skip
    assert (row["host"], row["network"], row["classes"]) == ("YOLOv5 7.0.14 (PyPI)", "narrow", 2)
    assert (row["dtype"], row["stripped"], row["epoch"], row["bytes"]) == ("FP16", True, -1, 382_831)
    assert (row["warnings"], row["error"]) == ([], "")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "an empty file"), (b"PK\3\4 and no more", "cut short"), (b"hello", "text, not a checkpoint")],
)
def test_a_broken_file_is_a_row_with_its_reason(content: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "broken.pt"
    file.write_bytes(content)
    row = file_row(str(file))
    assert (row.bytes, row.network, row.is_known) == (len(content), None, False)
    assert row.error.startswith(words)
    assert str(tmp_path) not in row.error


def test_a_file_that_is_not_there_or_cannot_be_named_is_a_row() -> None:
    assert file_row("gone.pt").error == "no such file"
    assert file_row("a\0b.pt").error
    assert file_row(".").error.startswith("a directory")


def test_a_fault_of_ours_is_a_row_and_says_whose_it_is(demo_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: str) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("yolo_probe.registry.rows.resolve_file", fails)
    assert file_row(str(demo_checkpoint)).error == "yolo-probe failed: RuntimeError: boom"


def test_the_hash_is_that_of_the_whole_file(demo_checkpoint: Path) -> None:
    import hashlib

    row = file_row(str(demo_checkpoint), sha256=True)
    assert row.sha256 == hashlib.sha256(demo_checkpoint.read_bytes()).hexdigest()
    assert list(plain(row, sha256=True))[-1] == "sha256"


def test_a_pipe_has_no_digest_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    row = file_row(str(tmp_path / "pipe.pt"), sha256=True)
    assert row.sha256 is None
    assert "a pipe" in row.error


def test_files_come_in_order_and_only_those_that_are_checkpoints_by_name(tmp_path: Path) -> None:
    for name in ("b/last.pt", "b/best.pt", "a/x.pth", "a/notes.txt", "top.pt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "link").symlink_to(tmp_path)
    found = [Path(path).relative_to(tmp_path).as_posix() for path in checkpoints([str(tmp_path)])]
    assert found == ["top.pt", "a/x.pth", "b/best.pt", "b/last.pt"]
    named = str(tmp_path / "a" / "notes.txt")
    assert list(checkpoints([named])) == [named]
    with pytest.raises(TargetError, match="no such file or folder"):
        next(checkpoints([named, str(tmp_path / "gone")]))


def test_a_file_of_two_places_comes_once_however_they_are_written(tmp_path: Path) -> None:
    for name in ("a/x.pt", "a/b/y.pt", "z.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    whole, below = f"{tmp_path}", f"{tmp_path}/a/../a/b"
    assert list(checkpoints([whole, f"{tmp_path}/a", whole, f"{tmp_path}/a/x.pt", f"{whole}/"])) == [
        f"{tmp_path}/a/x.pt",
        f"{tmp_path}/a/b/y.pt",
    ]
    assert list(checkpoints([below, f"{tmp_path}/a/x.pt", whole])) == [f"{below}/y.pt", f"{tmp_path}/a/x.pt"]
    assert list(checkpoints([whole, f"{tmp_path}/z.bin"]))[2:] == [f"{tmp_path}/z.bin"]


def test_a_folder_that_may_not_be_read_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "closed", "z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "best.pt").touch()
    closed, scandir = str(tmp_path / "closed"), os.scandir

    def refused(path: str) -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)  # the superuser may read everything
    monkeypatch.setattr(os, "access", lambda path, _: path != closed)
    found = list(checkpoints([str(tmp_path)]))
    assert [Path(path).relative_to(tmp_path).as_posix() for path in found] == ["a/best.pt", "closed", "z/best.pt"]
    assert file_row(closed).error == "a directory, permission denied"


@pytest.mark.parametrize("name", ["=cmd.pt", "-dash.pt", "+1.pt", "@x.pt"])
def test_no_path_of_a_table_begins_as_a_formula_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert list(checkpoints([name, f"./{name}"])) == [f"./{name}"]


def test_a_network_that_is_called_as_a_formula_is_none_in_csv() -> None:
    row = FileRow("x.pt", network="=HYPERLINK(1)")
    assert next(csv.DictReader(StringIO(csv_head() + csv_row(row))))["network"] == "'=HYPERLINK(1)"
    assert json.loads(json_row(row))["network"] == "=HYPERLINK(1)"


ODD_NAMES = ("a\nb.pt", "a\rb.pt", "a\"b',.pt", "\x1b[31m.pt", os.fsdecode(b"bad\xff.pt"), "\t.pt")


def test_an_odd_path_is_the_same_in_every_form_and_is_gone_on_with(
    tmp_path: Path, probe: Probe, demo_checkpoint: Path
) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ODD_NAMES:
        (folder / name).write_bytes(demo_checkpoint.read_bytes())
    files = {form: tmp_path / f"rows.{form}" for form in ("csv", "jsonl")}
    for form, file in files.items():
        assert probe("scan", folder, "--format", form, "-o", file).returncode == 0
        assert "0 files" in probe("scan", folder, "--resume", file).stderr
    rows = [list(rows_in(file)) for file in files.values()]
    assert rows[0] == rows[1]
    assert len(rows[0]) == len(ODD_NAMES)


def test_numbers_that_no_table_holds_are_not_known(tmp_path: Path) -> None:
    for fitness in (float("nan"), float("inf"), 10**400, True):
        save(tmp_path / "x.pt", {**control(), "best_fitness": fitness})
        row = file_row(str(tmp_path / "x.pt"))
        assert (row.fitness, row.error) == (None, "")
    content = control()
    content["model"].__dict__.update(nc=2**70, yaml={"nc": 2**70})
    save(tmp_path / "x.pt", content)
    row = file_row(str(tmp_path / "x.pt"))
    assert (row.classes, row.parameters, row.error) == (None, 20, "")


def test_a_hash_is_of_a_regular_file_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    row = file_row(str(tmp_path / "pipe.pt"), sha256=True)  # which would wait for a writer
    assert (row.sha256, row.error) == (None, "a device, a pipe or a socket, expected a regular file")


def test_a_file_with_other_columns_is_not_gone_on_with(tmp_path: Path, probe: Probe, demo_checkpoint: Path) -> None:
    for form in ("csv", "jsonl"):
        file = tmp_path / f"rows.{form}"
        assert probe("scan", demo_checkpoint, "--format", form, "-o", file).returncode == 0
        before = file.read_bytes()
        done = probe("scan", demo_checkpoint, "--resume", file, "--sha256")
        assert (done.returncode, "found other columns" in done.stderr, file.read_bytes()) == (2, True, before)


def test_a_gate_that_is_gone_on_with_holds_the_earlier_rows_too(
    tmp_path: Path, probe: Probe, demo_checkpoint: Path
) -> None:
    for form in ("csv", "jsonl"):
        file = tmp_path / f"rows.{form}"
        assert probe("scan", demo_checkpoint, "--format", form, "-o", file).returncode == 0
        done = probe("scan", demo_checkpoint, "--resume", file, "--max-params", "100")
        assert (done.returncode, "0 files, 0 without an answer, 1 break a limit" in done.stderr) == (1, True)
        assert probe("scan", demo_checkpoint, "--resume", file, "--require", "safe,fp16,stripped").returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
@pytest.mark.parametrize("form", ["text", "csv", "jsonl", "parquet"])
def test_a_full_disk_is_one_message(form: str, probe: Probe, demo_checkpoint: Path) -> None:
    done = probe("scan", demo_checkpoint, "--format", form, "-o", "/dev/full")
    assert (done.returncode, done.stdout) == (2, "")
    assert "/dev/full: cannot be written: No space left on device" in done.stderr or "needs pyarrow" in done.stderr


ROW = FileRow(
    "best.pt", "YOLOv5 v7.0", "yolov5s", 80, 214, 7_235_389, 7_235_389, 16.6227968, 157, 7_225_885, 16.4335616,
    dtype="FP16", stripped=True, epoch=-1, bytes=14_462_000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(gflops=16), ["16.6228 GFLOPs, at most 16 allowed: 0.6228 too many"]),
        (Limits(parameters=7_000_000), ["7,235,389 parameters, at most 7,000,000 allowed: 235,389 too many"]),
        (Limits(megabytes=14), ["14.462 MB, at most 14 allowed: 0.462 too many"]),
        (Limits(7_235_389, 16.7, 14.5, ("stripped", "fp16", "known", "safe")), []),
    ],
)
def test_a_limit_says_what_was_found_and_by_how_much_it_is_broken(limits: Limits, words: list[str]) -> None:
    assert list(limits.broken(ROW)) == words


def test_what_is_not_known_or_not_there_breaks_a_limit() -> None:
    empty = FileRow("best.pt", "YOLOv5 v7.0", "fork", 80, 214, 7_235_389)
    assert list(Limits(gflops=16).broken(empty)) == ["GFLOPs not known, at most 16 allowed"]
    needs = Limits(require=("stripped", "fp16", "known"))
    unknown = ["stripped is required, and not known", "fp16 is required, and not known", "not every number is known"]
    assert list(needs.broken(empty)) == unknown
    other = replace(empty, stripped=False, dtype="FP32")
    assert list(needs.broken(other)) == ["not stripped", "not FP16", "not every number is known"]
    assert list(needs.broken(FileRow("x.pt", error="an empty file"))) == ["an empty file"]
    hostile = FileRow("x.pt", warnings=("would run posix.system when it is loaded",))
    assert list(Limits(require=("safe",)).broken(hostile)) == ["not safe to load"]


def test_a_table_can_be_read_again() -> None:
    row = FileRow("odd, name\n.pt", network="yolov5s", gflops=16.5, warnings=("one", "two"), error="")
    read = next(csv.DictReader(StringIO(csv_head() + csv_row(row))))
    assert (read["path"], read["gflops"], read["warnings"], read["classes"]) == (row.path, "16.5", "one; two", "")
    assert json.loads(json_row(row)) == plain(row)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_file_of_rows_loses_only_its_unfinished_line(ending: str, tmp_path: Path) -> None:
    rows = [FileRow("a.pt"), FileRow("b.pt")]
    head, write = (csv_head(), csv_row) if ending == "csv" else ("", json_row)
    whole = head + "".join(map(write, rows))
    file = tmp_path / f"rows.{ending}"
    file.write_text(whole + write(FileRow("c.pt"))[:7], encoding="utf-8")
    assert list(rows_in(file)) == rows
    assert file.read_text(encoding="utf-8") == whole
    file.write_text("nothing,of,ours\n1,2,3\n", encoding="utf-8")
    with pytest.raises(TargetError, match="expected CSV or JSON lines"):
        list(rows_in(file))


def test_a_path_with_quotes_commas_and_line_feeds_is_cut_off_as_a_whole_row(tmp_path: Path) -> None:
    whole, cut = (csv_row(FileRow(path=path)) for path in ("a,b.pt", 'runs\n/"c",\n.pt'))
    for length in range(len(cut) + 1):
        file = tmp_path / "rows.csv"
        file.write_bytes((csv_head() + whole + cut[:length]).encode())
        is_whole = length == len(cut)
        assert [row.path for row in rows_in(file)] == ["a,b.pt", *(['runs\n/"c",\n.pt'] if is_whole else [])]
        assert file.read_bytes() == (csv_head() + whole + (cut if is_whole else "")).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", b"\xff\xfe"),
        ("rows.jsonl", b'{"epoch": 1}'),
        ("rows.jsonl", b'{"path": 1}\nunfinished'),
        ("rows.csv", b"epoch,loss\n1,2"),
        ("rows.csv", b"epoch,loss"),
    ],
)
def test_a_file_of_something_else_is_refused_and_stays_as_it_is(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TargetError, match="found something else than rows of a scan"):
        list(rows_in(tmp_path / name))
    assert (tmp_path / name).read_bytes() == content


def test_check_exits_with_1_and_says_which_limit_by_how_much(probe: Probe, demo_checkpoint: Path) -> None:
    done = probe("check", "yolov5s", "--max-gflops", "16")
    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        ["yolov5s: 7,235,389 parameters, 16.62 GFLOPs", "! 16.6228 GFLOPs, at most 16 allowed: 0.6228 too many"],
    )
    assert probe("check", demo_checkpoint, "--require", "safe,fp16,stripped,known", "--max-mb", "1").returncode == 0
    for most, code in (("7235389", 0), ("7,235,388", 1), ("7.2M", 1), ("7_300k", 0), ("7.2", 2), ("7 M", 2), ("-1", 2)):
        assert probe("check", "yolov5s", "--max-params", most).returncode == code
    wrong = probe("check", "yolov5s", "--require", "fast")
    assert (wrong.returncode, "expected one of stripped, fp16, known, safe" in wrong.stderr) == (2, True)


def test_check_annotates_the_file_of_a_workflow(probe: Probe, demo_checkpoint: Path, tmp_path: Path) -> None:
    done = probe("check", demo_checkpoint, "--max-params", "100000", "--format", "github")
    error, notice = done.stdout.splitlines()
    assert error.startswith("::error file=")
    assert error.endswith("title=yolo-probe::115,071 parameters, at most 100,000 allowed: 15,071 too many")
    assert notice.startswith("::notice file=")
    (tmp_path / "empty.pt").touch()
    done = probe("check", tmp_path / "empty.pt", "--format", "github")
    assert done.returncode == 2
    assert done.stdout.startswith("::error file=")
    assert done.stdout.endswith("empty.pt: an empty file (0 bytes)\n")


def test_check_says_by_how_much_a_change_is_heavier(probe: Probe, tmp_path: Path) -> None:
    yaml = tmp_path / "net.yaml"
    small = "nc: 80\ndepth_multiple: 0.33\nwidth_multiple: 0.25\nanchors: 3\nbackbone:\n" + BACKBONE
    yaml.write_text(small, encoding="utf-8")
    git_in(tmp_path, "init", "-q")
    git_in(tmp_path, "add", ".")
    git_in(tmp_path, "commit", "-q", "-m", "first")
    yaml.write_text(small.replace("width_multiple: 0.25", "width_multiple: 0.5"), encoding="utf-8")
    done = probe("check", yaml, "--against", "HEAD")
    assert done.returncode == 0, done.stderr
    (tmp_path / "first.yaml").write_text(small, encoding="utf-8")
    old, new = (
        json.loads(probe("info", tmp_path / name, "--format", "json").stdout)["summary"]["parameters"]
        for name in ("first.yaml", "net.yaml")
    )
    assert f"; against HEAD: {new - old:+,} parameters (+" in done.stdout
    lost = probe("check", yaml, "--against", "no-such-branch")
    assert (lost.returncode, "found no such revision" in lost.stderr) == (2, True)
    (tmp_path / "new.yaml").write_text(small, encoding="utf-8")
    assert "not in HEAD: it is new" in probe("check", tmp_path / "new.yaml", "--against", "HEAD").stdout
    assert "; against yolov5n: -" in probe("check", yaml, "--against", "yolov5n").stdout


def test_check_follows_a_file_that_was_renamed(probe: Probe, tmp_path: Path) -> None:
    small = f"nc: 80\ndepth_multiple: 0.33\nwidth_multiple: 0.25\nanchors: 3\nbackbone:\n{BACKBONE}"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "old.yaml").write_text(small, encoding="utf-8")
    git_in(tmp_path, "init", "-q")
    git_in(tmp_path, "add", ".")
    git_in(tmp_path, "commit", "-q", "-m", "first")
    git_in(tmp_path, "mv", "models/old.yaml", "new.yaml")
    (tmp_path / "new.yaml").write_text(small.replace("nc: 80", "nc: 81"), encoding="utf-8")
    told = probe("check", tmp_path / "new.yaml", "--against", "HEAD").stdout
    assert "; renamed since HEAD, where it is models/old.yaml; against HEAD: +" in told


def test_check_goes_on_after_a_target_without_an_answer(probe: Probe, demo_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.pt").touch()
    done = probe("check", tmp_path / "empty.pt", demo_checkpoint, "--max-params", "100")
    assert (done.returncode, "an empty file" in done.stderr, "too many" in done.stdout) == (2, True, True)


def git_in(folder: Path, *words: str) -> None:
    """Run git there."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, "-C", str(folder), *words], check=True, capture_output=True)


def test_what_a_revision_has_is_compared_as_git_checks_it_out(
    probe: Probe, demo_checkpoint: Path, tmp_path: Path
) -> None:
    git_in(tmp_path, "init", "-q")
    (tmp_path / "runs").mkdir()
    for name in ("runs/best.pt", "pointed.pt", "broken.pt"):
        (tmp_path / name).write_bytes(demo_checkpoint.read_bytes())
    (tmp_path / "link.pt").symlink_to("runs/best.pt")
    (tmp_path / ".gitattributes").write_text("pointed.pt filter=pointers", encoding="utf-8")
    git_in(tmp_path, "config", "filter.pointers.clean", "echo a pointer")
    git_in(tmp_path, "config", "filter.pointers.smudge", f"cat '{demo_checkpoint}'")
    (tmp_path / "broken.pt").write_bytes(b"")
    git_in(tmp_path, "add", ".")
    git_in(tmp_path, "commit", "-q", "-m", "first")
    (tmp_path / "broken.pt").write_bytes(demo_checkpoint.read_bytes())
    for name, words in (
        ("link.pt", "against HEAD: as heavy as before"),
        ("pointed.pt", "against HEAD: as heavy as before"),
        ("broken.pt", "in HEAD it has no answer: an empty file (0 bytes)"),
    ):
        done = probe("check", tmp_path / name, "--against", "HEAD")
        assert (done.returncode, words in done.stdout) == (0, True), done


def test_a_file_outside_of_a_git_repository_says_so(
    probe: Probe, demo_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "best.pt").write_bytes(demo_checkpoint.read_bytes())
    done = probe("check", tmp_path / "best.pt", "--against", "main")
    assert (done.returncode, "git cannot be asked about" in done.stderr) == (2, True)
    assert "not a git repository" in done.stderr


BACKBONE = """\
  [[-1, 1, Conv, [64, 6, 2, 2]],
   [-1, 1, Conv, [128, 3, 2]],
   [-1, 3, C3, [128]],
   [-1, 1, Conv, [256, 3, 2]],
   [-1, 1, Conv, [512, 3, 2]],
   [-1, 1, Conv, [1024, 3, 2]]]
head:
  [[[3, 4, 5], 1, Detect, [nc, anchors]]]
"""


def test_a_hostile_file_is_named_for_what_it_would_run(tmp_path: Path) -> None:
    from tests.checkpoint_files import Asked

    save(tmp_path / "x.pt", {**control(), "extra": Asked("os.system", "true")})
    row = file_row(str(tmp_path / "x.pt"))
    assert not row.is_safe
    assert [words for words in (*row.warnings, row.error) if words.startswith("would run os.system")]


def test_a_scan_of_nowhere_prints_no_head_of_a_table(probe: Probe) -> None:
    done = probe("scan", "no/such/folder")
    assert (done.returncode, done.stdout) == (2, "")
