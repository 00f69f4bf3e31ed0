"""What people type is understood: a file alone, a folder, the hosts' own options."""

from __future__ import annotations

import re
from os import utime
from pathlib import Path
from shutil import copyfile

import pytest

from tests.conftest import Probe
from tests.exhaustive import exhaustively
from yolo_probe.cli.command import COMMANDS
from yolo_probe.cli.spellings import respelled


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("best.pt", "fuse-diff best.pt"),
        ("yolov5s", "fuse-diff yolov5s"),
        ("yolov5s@v6.1 --nc 2", "fuse-diff yolov5s@v6.1 --nc 2"),
        ("info best.pt", "info best.pt"),
        ("info --weights best.pt", "info best.pt"),
        ("info best.pt --weights", "info best.pt --weights"),
        ("info model=best.pt imgsz=640", "info best.pt --imgsz 640"),
        ("layers best.pt --img 320", "layers best.pt --imgsz 320"),
        ("layers best.pt --img-size 640 480 --top 3", "layers best.pt --imgsz 640,480 --top 3"),
        ("layers best.pt --imgsz 480x640", "layers best.pt --imgsz 480x640"),
        ("info yolov5s imgsz=[480,640] nc=2", "info yolov5s --imgsz 480,640 --nc 2"),
        ("--weights best.pt --img 640", "fuse-diff best.pt --imgsz 640"),
        ("--weights=best.pt --img=640", "fuse-diff best.pt --imgsz 640"),
        ("best.pt --imgsz (640,480)", "fuse-diff best.pt --imgsz 640,480"),
        ("inspect model=best.pt", "inspect best.pt"),
        ("inspect weights=best.pt --cfg yolov5s.yaml", "inspect best.pt --cfg yolov5s.yaml"),
        ("gradients cfg=yolov5s.yaml imgsz=320", "gradients yolov5s.yaml --imgsz 320"),
        ("YOLOv5s", "fuse-diff YOLOv5s"),
        ("best.pt 480x640", "fuse-diff best.pt --imgsz 480x640"),
        ("info best.pt 640 480 --fused", "info best.pt --imgsz 640,480 --fused"),
        ("compare yolov5n yolov5s 320", "compare yolov5n yolov5s --imgsz 320"),
        ("layers yolov5s --top 100", "layers yolov5s --top 100"),
        ("explain yolov5s 640", "explain yolov5s 640"),
        ("yolo predict model=best.pt source=bus.jpg imgsz=320 half=True", "fuse-diff best.pt --imgsz 320"),
        ("python val.py --img 640 --weights best.pt --data coco.yaml --half", "fuse-diff best.pt --imgsz 640"),
        ("torchrun --nproc_per_node 2 train.py --cfg yolov5s.yaml --batch 64", "fuse-diff yolov5s.yaml"),
        ("export.py --weights=best.pt --img-size 640 480", "fuse-diff best.pt --imgsz 640,480"),
        ("train yolov5 --weights yolov5s.pt --img 640", "train yolov5 --weights yolov5s.pt --img 640"),
        ("inspect w.pt --cfg yolov5s.yaml", "inspect w.pt --cfg yolov5s.yaml"),
        ("--lang zh info best.pt", "info --lang zh best.pt"),
        ("--lang=zh best.pt", "fuse-diff best.pt --lang=zh"),
        ("--lang zh", "--help"),
        ("no-such-command", "no-such-command"),
        ("--help", "--help"),
        ("", ""),
    ],
)
def test_words_in_the_spelling_of_the_hosts(typed: str, meant: str) -> None:
    assert respelled(typed.split(), COMMANDS) == meant.split()


def test_a_pasted_line_or_a_log_alone_is_explained(tmp_path: Path, probe: Probe) -> None:
    line = "213 layers, 7225885 parameters, 0 gradients"
    assert respelled([line, "--format", "json"], COMMANDS) == ["explain", line, "--format", "json"]
    log = tmp_path / "train.log"
    log.write_text(f"epoch 1\n{line}\n", encoding="utf-8")
    assert "yolov5s with 80 classes" in probe(log).stdout


def test_a_question_in_chinese_needs_no_space(probe: Probe) -> None:
    for question in (
        "\u526a\u679d\u524d\u540e\u53c2\u6570\u91cf\u6ca1\u53d8",
        "yolov8\u526a\u679d\u524d\u540e\u53c2\u6570\u91cf\u6ca1\u53d8",
        "\u53c2\u6570\u91cf/\u8ba1\u7b97\u91cf\u600e\u4e48\u7b97",
    ):
        assert respelled([question], COMMANDS) == ["explain", question]
        assert "(yolo-probe guide " in probe(question).stdout
    file = "\u6743\u91cd.pt"
    assert respelled([file], COMMANDS) == ["fuse-diff", file]
    assert "no such file" in probe(file).stderr


def test_a_text_may_be_longer_than_the_name_of_a_file(probe: Probe) -> None:
    question = "Why do the numbers of layers and parameters of one network differ in training and validation? " * 60
    assert respelled([question], COMMANDS) == ["explain", question]
    for words in ((question,), ("explain", question), ("explain", question.replace(" ", "\u5c42"))):
        assert "(yolo-probe guide " in probe(*words, "--lang", "en").stdout
    assert probe("info", "yolov5s" * 60).returncode == 2


def test_a_folder_of_a_run_stands_for_its_best_checkpoint(probe: Probe, tmp_path: Path, demo_checkpoint: Path) -> None:
    (tmp_path / "weights").mkdir()
    copyfile(demo_checkpoint, tmp_path / "weights" / "best.pt")
    done = probe(str(tmp_path))
    assert done.returncode == 0
    assert "this is its" in done.stderr
    assert "showing fuse-diff" in done.stderr
    assert done.stdout == probe("fuse-diff", str(tmp_path / "weights" / "best.pt")).stdout


def test_a_folder_of_runs_names_them_the_newest_first(probe: Probe, tmp_path: Path, demo_checkpoint: Path) -> None:
    for age, run in enumerate(("exp2", "exp")):
        weights = tmp_path / "runs" / "train" / run / "weights"
        weights.mkdir(parents=True)
        copyfile(demo_checkpoint, weights / "best.pt")
        utime(weights / "best.pt", (1e9 - age, 1e9 - age))
    for folder in (tmp_path / "runs", tmp_path / "runs" / "train"):
        told = probe(str(folder)).stderr
        first, second = (str(tmp_path / "runs" / "train" / run) for run in ("exp2", "exp"))
        assert f"Pass one of its runs, the newest first: {first}, {second}." in told


@pytest.mark.parametrize(
    ("tag", "generation"),
    [("3.1", "v3.1"), ("V7", "v7.0"), ("HEAD", "head"), ("master", "head"), ("7.0.14", "v7.0"), ("v5", "v5.0")],
)
def test_a_generation_is_known_by_all_its_names(tag: str, generation: str, probe: Probe) -> None:
    expected = probe("info", "yolov5s", "--host", generation).stdout
    assert probe("info", "yolov5s", "--host", tag).stdout == expected
    named = probe("info", f"yolov5s@{tag}")
    assert (named.returncode, named.stdout.splitlines()[2:4]) == (0, expected.splitlines()[2:4])


@pytest.mark.parametrize(
    ("typed", "name"), [("YOLOv5s@v7.0", "yolov5s@v7.0"), ("v5lite-e", "v5Lite-e"), ("YOLOv5S-CLS", "yolov5s-cls"),
                        ("YOLOV7-Tiny", "yolov7-tiny"), ("yolov5s-leakyrelu.yaml", "yolov5s-LeakyReLU")],
)  # fmt: skip
def test_the_letters_of_a_name_may_be_large_or_small(typed: str, name: str, probe: Probe) -> None:
    found, expected = probe("info", typed), probe("info", name)
    assert (found.returncode, found.stdout.splitlines()[2:8]) == (0, expected.stdout.splitlines()[2:8])


def test_a_network_of_ultralytics_is_known_in_large_letters_too(probe: Probe) -> None:
    assert probe("info", "YOLOv8n").stderr == probe("info", "yolov8n").stderr


def test_a_number_that_several_generations_have_names_them(probe: Probe) -> None:
    done = probe("info", "yolov5s@v6")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean v6.0 or v6.1 or v6.2?" in done.stderr


def test_a_url_says_what_to_download(probe: Probe) -> None:
    done = probe("fuse-diff", "https://example.org/runs/best.pt")
    assert done.returncode == 2
    assert "curl -LO https://example.org/runs/best.pt" in done.stderr


def test_a_size_may_be_written_with_an_x(probe: Probe) -> None:
    assert (
        probe("info", "yolov5n", "--imgsz", "320x640").stdout == probe("info", "yolov5n", "--imgsz", "320,640").stdout
    )


WRONG = {
    "flops yolov5s": ("found no command, file or network of that name", "Did you mean info or compare?"),
    "freeze yolov5s": ("found no command, file or network of that name", "Did you mean gradients?"),
    "info yolov5s --half": ("found the option --half", "Leave --half out: neither parameters nor FLOPs depend on it."),
    "lyers yolov5s": ("found no command, file or network of that name", "Did you mean layers?"),
    "layers yolov5s --tpo 3": ("layers: found the option --tpo, expected one of its own", "Did you mean --top?"),
    "info yolov5s --freeze 10": ("info: found the option --freeze, expected", "take --freeze: gradients, report."),
    "info yolov5s half=True batch=4": (
        "info: found 'half=True batch=4' behind",
        "Leave half=True batch=4 out: neither",
    ),
    "info yolov5s fromat=json": ("info: found 'fromat=json' behind all that it takes", "Did you mean --format?"),
    "info yolov5s more": ("info: found 'more' behind all that it takes, expected yolo-probe info", "stands in quotes."),
    "layers yolov5s --top 0": ("--top: found 0, expected a whole number of at least 1", "layers --help lists what"),
    "layers --top": ("--top: found no value behind it, expected a whole number", "layers --help lists what"),
    "info yolov5s --fused=1": ("info: --fused: found a value behind it, expected none", "info --help lists what"),
    "info yolov5s --format xml": ("--format: found xml, expected one of text, md, json", "info --help lists what"),
    "info yolov5s --counter thop-0.2": ("--counter: found thop-0.2, expected one of thop,", "Did you mean thop-0.1 or"),
    "diff yolov5s": ("diff: found no B, expected yolo-probe diff [OPTIONS] A B", "diff --help lists what it takes."),
    "info": ("info: found no TARGET, expected yolo-probe info", "A TARGET is a file, such as best.pt"),
    "--nope": ("found the option --nope, expected one of its own", "yolo-probe --help lists what it takes."),
    "yolov5sx": ("'yolov5sx' is neither a file nor a", "Did you mean yolov5x or yolov5s"),
    "train": ("train: found no TRAIN.PY, expected the path of a training script", "Such as: yolo-probe train train.py"),
}
"""Words that are no command line: what is found and expected, and what to do."""


@pytest.mark.parametrize("words", exhaustively(WRONG, few=6))
def test_wrong_words_are_told_in_four_facts_and_in_both_languages(words: str, probe: Probe) -> None:
    problem, remedy = WRONG[words]
    done = probe("--lang=en", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr
    assert remedy in done.stderr.splitlines()[-1]
    told = probe("--lang=zh", *words.split()).stderr
    assert told.count("\n") == done.stderr.count("\n")
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in told.splitlines() if "train.py --data" not in line)
    assert not re.search(r"\b(?:found|expected|mean|lists)\b", told)
