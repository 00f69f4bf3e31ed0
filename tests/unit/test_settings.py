"""Contract: every setting has its default in the shipped file, and a wrong one is named with its file."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import yaml

from tests.environments import ROOT
from yolo_probe.errors import SettingsError
from yolo_probe.training.settings import Settings, is_first_rank, read_settings

SHIPPED = (ROOT / "configs" / "probe.yaml").read_text(encoding="utf-8")


def test_the_shipped_file_has_every_setting_in_order_with_one_comment_each() -> None:
    lines = [line for line in SHIPPED.splitlines() if line and not line.startswith("#")]
    assert [line.partition(":")[0] for line in lines] == [field.name for field in fields(Settings)]
    assert all(line.count(" # ") == 1 for line in lines)


def test_without_a_file_the_settings_are_the_shipped_ones() -> None:
    shipped = {
        key: tuple(value) if isinstance(value, list) else value for key, value in yaml.safe_load(SHIPPED).items()
    }
    assert asdict(read_settings()) == shipped


def test_a_file_changes_what_it_names_and_keyword_arguments_change_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("imgsz: [320, 640]\nverify: false\nevents: [end, start]\n")
    settings = read_settings(str(file), verify=True, counter="torch", files=())
    assert (settings.imgsz, settings.events, settings.verify) == ((320, 640), ("start", "end"), True)
    assert (settings.counter, settings.files, settings.loggers) == ("torch", (), True)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("# nothing yet\n")
    assert read_settings(str(file)) == read_settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imgz: 64", "found the key 'imgz', expected imgsz, counter, events, files, loggers, verify, verbosity"),
        ("1: 64", "found the key 1, expected imgsz"),
        ("imgsz: 64.0", "imgsz: found 64.0, expected pixels, 1 to 65536: 640, or [height, width]; or null"),
        ("imgsz: true", "imgsz: found True, expected pixels"),
        ("imgsz: 0", "imgsz: found 0, expected pixels"),
        ("imgsz: [1, 2, 3]", "imgsz: found [1, 2, 3], expected pixels"),
        ("imgsz: []", "imgsz: found [], expected pixels"),
        ("imgsz: {}", "imgsz: found {}, expected pixels"),
        ("counter: thop", "counter: found 'thop', expected one of thop-2019, "),
        ("counter: [torch]", "counter: found ['torch'], expected one of"),
        ("events: start", "events: found 'start', expected a list of start, validation, end"),
        ("events: [start, stop]", "events: found ['start', 'stop'], expected a list of start, validation, end"),
        ("files: null", "files: found None, expected a list of json, md, png, html"),
        ("files: [[json]]", "files: found [['json']], expected a list of json, md, png"),
        ("loggers: 1", "loggers: found 1, expected true or false"),
        ("verify: 'no'", "verify: found 'no', expected true or false"),
        ("verbosity: 2", "verbosity: found 2, expected short or full"),
        ("verify: true\nverify: false", "found verify 2 times, expected once"),
        ("verify: true\nloggers: 1", ", line 2: loggers: found 1, expected true or false"),
        ("verify: true\n\nfile: [md]", ", line 3: found the key 'file', expected imgsz, counter"),
        ("- imgsz", "found ['imgsz'], expected lines `key: value`"),
        ("imgsz: [1,\nverify: x", ", line 2: broken YAML"),
        ("imgsz: !!python/object/apply:os.getcwd []", "broken YAML"),
        ("? [a]\n: 1", "broken YAML"),
        ("imgsz: 2026-13-45", "broken YAML"),
        ("\x00", "broken YAML"),
        ("# " + "x" * 100_000, "found more than 100,000 bytes, expected a settings file"),
    ],
)
def test_a_wrong_file_is_told_with_its_name_the_key_what_was_found_and_what_was_expected(
    text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_settings(str(file))
    assert str(caught.value).startswith(str(file))
    assert message in str(caught.value)
    assert caught.value.remedy


def test_a_file_that_is_not_text_or_not_there_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    with pytest.raises(SettingsError, match=r"mine\.yaml: cannot be read: No such file"):
        read_settings(str(file))
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_settings(str(tmp_path))
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"mine\.yaml: broken YAML"):
        read_settings(str(file))


def test_a_wrong_keyword_argument_is_told() -> None:
    with pytest.raises(SettingsError, match=r"^settings: verbosity: found 'loud', expected short or full$"):
        read_settings(verbosity="loud")


def test_settings_are_copied_and_pickled_as_they_are() -> None:
    settings = read_settings(imgsz=64)
    assert copy.deepcopy(settings) == pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301  # our own


@pytest.mark.parametrize(
    ("rank", "local", "first"),
    [
        (None, None, True),
        ("-1", None, True),
        ("0", "0", True),
        ("", "0", True),
        ("1", "1", False),
        ("4", "0", False),
        (None, "1", False),
    ],
)
def test_the_first_process_of_a_training_is_told_by_its_rank(
    rank: str | None, local: str | None, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("RANK", rank), ("LOCAL_RANK", local)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert is_first_rank() is first
