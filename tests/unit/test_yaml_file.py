"""Unit: one reader of YAML: plain data and lines out, everything else refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolo_probe.errors import SettingsError
from yolo_probe.yaml_file import YamlKind, read_yaml

KIND = YamlKind("a list of fruit", SettingsError, "Write fruit.", largest=5_000)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "fruit.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_gives_its_values_and_the_line_of_each_key_and_item(tmp_path: Path) -> None:
    found = read_yaml(written(tmp_path, "# fruit\npears: 2\nred:\n  - apple\n  -\n    cherry: [1, [2]]\n"), KIND)
    assert found.document == {"pears": 2, "red": ["apple", {"cherry": [1, [2]]}]}
    assert found.lines == {("pears",): 2, ("red",): 3, ("red", 0): 4, ("red", 1): 6, ("red", 1, "cherry"): 6}


TOO_MANY = ": more than 100,000 values, expected some hundred"


def test_an_empty_file_is_nothing(tmp_path: Path) -> None:
    found = read_yaml(written(tmp_path, "# nothing\n"), KIND)
    assert (found.document, found.lines) == (None, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", ", line 3: found a 2 times, expected once"),
        ("a:\n  b: 1\n  'b': 2\n  b: 3\n", ", line 3: found b 3 times, expected once"),
        ("[{a: 1, a: 1}]", ", line 1: found a 2 times, expected once"),
        ('"\\e[1m": 1\n"\\e[1m": 2', ", line 2: found '\\x1b[1m' 2 times, expected once"),
        ("- " * 40, ", line 1: nested deeper than 32 levels, expected 4 at most"),
        ("a: &a [*a, *a]", TOO_MANY),
        pytest.param("a: &a [*a]", TOO_MANY, marks=pytest.mark.exhaustive),
        pytest.param(
            "a: &a {b: *a}", ": more than 100,000 values, expected some hundred", marks=pytest.mark.exhaustive
        ),
        ("a: !!python/name:os.system", ", line 1: broken YAML, could not determine a constructor for the tag"),
        ("a: *b", ", line 1: broken YAML, found undefined alias"),
        ("--- 1\n--- 2", ", line 2: broken YAML, but found another document"),
        ("a: [1,\nb: 2", ", line 2: broken YAML"),
        ("#" * 5001, ": found more than 5,000 bytes, expected a list of fruit"),
    ],
)
def test_what_is_no_plain_data_within_limits_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_yaml(path, KIND)
    assert str(caught.value).removeprefix(str(path)).startswith(message)
    assert caught.value.remedy == "Write fruit."


def test_of_two_equal_keys_the_last_counts_where_a_host_reads_the_file_so(tmp_path: Path) -> None:
    hosts = YamlKind("a list of fruit", SettingsError, "Write fruit.", last_counts=True, ascii_alone=True)
    assert read_yaml(written(tmp_path, "a: ä\na: bä\n"), hosts).document == {"a": "b"}


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: Is a directory, which is no regular file$"):
        read_yaml(tmp_path, KIND)
