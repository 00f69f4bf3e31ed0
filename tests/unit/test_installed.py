"""Unit: which thop is in effect, and whose rules a release follows."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from yolo_probe.environment import Thop, counter_of, installed_thop, version_of


@pytest.mark.parametrize(
    ("distribution", "version", "counter"),
    [
        ("thop", "0.0.31.post1909021322", None),
        ("thop", "0.0.31.post2001170342", "thop-0.0.31"),
        ("thop", "0.0.31.post2005241907", "thop-0.0.31"),
        ("thop", "0.0.4.post2009191310", "thop-0.0.31"),
        ("thop", "0.0.5.post2110061705", "thop-0.0.31"),
        ("thop", "0.1.0.post2206102148", "thop-0.1"),
        ("thop", "0.1.1.post2209072238", "thop-0.1"),
        ("ultralytics-thop", "0.2.9", "thop-0.1"),
        ("ultralytics-thop", "2.0.14", "thop-0.1"),
        ("ultralytics-thop", "2.0.16", "ultralytics-thop-2.0.16"),
        ("ultralytics-thop", "2.1.1", "ultralytics-thop-2.0.16"),
        ("ultralytics-thop", "2.1.2", "ultralytics-thop-2.1.2"),
        ("ultralytics-thop", "2.1.6", "ultralytics-thop-2.1.3"),
        ("ultralytics-thop", "2.2.3", "ultralytics-thop-2.2"),
        ("ultralytics-thop", "3.0.0", None),
    ],
)
def test_a_release_follows_the_rules_of_its_time(distribution: str, version: str, counter: str | None) -> None:
    assert counter_of(distribution, version) == counter


def install(site: Path, distribution: str, version: str, profile: bytes) -> None:
    """What pip leaves of a thop: its file, and the hash of it in RECORD."""
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    digest = urlsafe_b64encode(sha256(profile).digest()).rstrip(b"=").decode()
    (info / "RECORD").write_text(f"thop/profile.py,sha256={digest},{len(profile)}\n")
    (site / "thop").mkdir(exist_ok=True)
    (site / "thop" / "profile.py").write_bytes(profile)


def test_no_thop_is_told_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path), str(tmp_path / "missing")])
    assert installed_thop() is None
    assert version_of("torch") is None


@pytest.mark.parametrize("last", ["thop", "ultralytics-thop"])
def test_of_two_thops_the_one_whose_files_are_there_is_in_effect(
    last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases = {"thop": ("0.1.1.post2209072238", b"old"), "ultralytics-thop": ("2.2.3", b"new")}
    for name in sorted(releases, key=lambda name: name == last):
        install(tmp_path, name, *releases[name])
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    found = installed_thop()
    assert found
    assert (found.distribution, found.version) == (last, releases[last][0])
    assert found.shadowed.split()[0] != last


def test_one_thop_is_in_effect_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "ultralytics-thop", "2.2.3", b"new")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert installed_thop() == Thop("ultralytics-thop", "2.2.3", "", "ultralytics-thop-2.2")
