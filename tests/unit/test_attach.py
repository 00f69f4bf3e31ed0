"""The import hook acts on a host's modules right after they are loaded, and leaves no trace; the hosts are small."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from yolo_probe.training.attach import Attachment, _with_probe

CLASSIC = """
class Callbacks:
    def __init__(self):
        self._callbacks = {"on_train_start": []}

    def register_action(self, hook, name="", callback=None):
        self._callbacks[hook].append(callback)
"""
SHARED = """
class Callbacks:
    _callbacks = {"on_train_start": []}

    def register_action(self, hook, name="", callback=None):
        self._callbacks[hook].append(callback)
"""
TRAIN = """
from {package}utils.callbacks import Callbacks

def main(callbacks=Callbacks()):
    return callbacks
"""
EVENTS = "default_callbacks = {'on_train_start': [print], 'on_val_start': [], 'on_train_end': print}\n"


class Recorded:
    """Notes what it is asked for, in the place of a probe."""

    def __init__(self) -> None:
        self.registered: list[Any] = []
        self.heard: list[object] = []
        self.detached = False
        self.is_told = False

    def is_elsewhere(self) -> None:
        self.is_told = True

    def register_classic(self, callbacks: Any) -> None:
        self.registered.append(callbacks)

    def events(self) -> Mapping[str, Callable[[object], None]]:
        return dict.fromkeys(("on_train_start", "on_train_end", "on_unknown"), self.heard.append)

    def detach(self) -> None:
        self.detached = True


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Writes the modules of a host, which can be imported; what was imported is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(files: Mapping[str, str]) -> None:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def attached(probe: Recorded) -> Attachment:
    return Attachment(cast("Any", lambda: probe))


@pytest.mark.parametrize("package", ["", "yolov5.", "forks.mine."])
def test_objects_of_callbacks_are_registered_before_train_py_evaluates_its_default_argument(
    package: str, host: Callable[[Mapping[str, str]], None]
) -> None:
    folder = package.replace(".", "/")
    host({f"{folder}utils/callbacks.py": CLASSIC, f"{folder}train.py": TRAIN.format(package=package)})
    probe = Recorded()
    attachment = attached(probe)
    train = importlib.import_module(f"{package}train")
    generation = train.Callbacks()
    attachment.detach()
    after = train.Callbacks()
    assert probe.registered == [train.main(), generation]
    assert after._callbacks == {"on_train_start": []}
    assert train.Callbacks.__init__.__qualname__ == "Callbacks.__init__"
    assert not hasattr(train.Callbacks.__init__, "__wrapped__")
    assert probe.detached


def test_one_table_shared_by_all_objects_is_registered_once(host: Callable[[Mapping[str, str]], None]) -> None:
    host({"utils/callbacks.py": SHARED, "train.py": TRAIN.format(package="")})
    probe = Recorded()
    attachment = attached(probe)
    train = importlib.import_module("train")
    train.Callbacks()
    attachment.detach()
    assert probe.registered == [train.main()]
    assert "__init__" not in vars(train.Callbacks)


def test_modules_and_objects_that_are_there_already_are_taken_in(host: Callable[[Mapping[str, str]], None]) -> None:
    host({"utils/callbacks.py": CLASSIC, "train.py": TRAIN.format(package="")})
    train = importlib.import_module("train")
    probe = Recorded()
    attachment = attached(probe)
    later = train.Callbacks()
    attachment.detach()
    assert probe.registered == [train.main(), later]


def test_tables_of_events_get_the_functions_that_they_know(
    host: Callable[[Mapping[str, str]], None],
) -> None:
    host({"ultralytics/utils/callbacks/base.py": EVENTS})
    probe = Recorded()
    attachment = attached(probe)
    table = importlib.import_module("ultralytics.utils.callbacks.base").default_callbacks
    assert table["on_train_start"][-1] is print
    for function in (*table["on_train_start"][:-1], table["on_train_end"]):
        function("trainer")
    attachment.detach()
    assert probe.heard == ["trainer", "trainer"]
    assert table == {"on_train_start": [print], "on_val_start": [], "on_train_end": print}


TUNER = """
import subprocess
import sys

def tune(*commands):
    return [subprocess.run(command, check=True) for command in commands]

class Tuner:
    def __call__(self, *commands):
        return tune(*commands)
"""


def test_the_first_training_that_each_tuner_starts_has_the_probe(
    host: Callable[[Mapping[str, str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    host({"ultralytics/engine/tuner.py": TUNER})
    probe = Recorded()
    attachment = Attachment(cast("Any", lambda: probe), ["--lang", "zh"])
    tuner = importlib.import_module("ultralytics.engine.tuner")
    monkeypatch.setattr(subprocess, "run", lambda command, **_: command)
    train = [sys.executable, "-m", "ultralytics.cfg.__init__", "train", "lr0=0.1"]
    probed = [sys.executable, "-m", "yolo_probe", "train", "--lang", "zh", "yolo", "train", "lr0=0.1"]
    assert tuner.tune(["ls"], train, train) == [["ls"], probed, train]
    assert probe.is_told
    for own in (tuner.Tuner(), tuner.Tuner()):  # each tune() makes one
        assert own(train, train) == [probed, train]
    assert tuner.subprocess.PIPE == subprocess.PIPE
    attachment.detach()
    assert tuner.subprocess is subprocess


def test_the_command_of_an_earlier_tuner_is_that_of_this_python_or_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: tuple[Any, ...] = (["yolo", "train", "a=b c"], "yolo train a=1")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [_with_probe(command, ["P"]) for command in (*commands, ["yolo", "val"], b"yolo")] == [None] * 4
    (tmp_path / "yolo").touch(0o755)
    assert [_with_probe(command, ["P", "Q"]) for command in commands] == [
        ["P", "Q", "yolo", "train", "a=b c"],
        "P Q yolo train a=1",
    ]


def test_a_module_sees_its_own_loader(host: Callable[[Mapping[str, str]], None]) -> None:
    host({"utils/callbacks.py": "seen = __loader__, __spec__.loader\n" + CLASSIC})
    attachment = attached(Recorded())
    module = importlib.import_module("utils.callbacks")
    attachment.detach()
    assert {type(each) for each in (*module.seen, module.__loader__)} == {SourceFileLoader}
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__
    assert importlib.reload(module) is module


@pytest.mark.parametrize(
    "text", ["", "Callbacks = 1", "class Callbacks: pass", "default_callbacks = model_info = None"]
)
def test_modules_that_only_have_the_name_of_a_hosts_are_left_alone(
    text: str, host: Callable[[Mapping[str, str]], None]
) -> None:
    files = ("utils/callbacks/__init__.py", "utils/callbacks/base.py", "utils/torch_utils.py")
    host(dict.fromkeys(files, text))
    attachment = attached(Recorded())
    held = [dict(vars(importlib.import_module(name))) for name in ("utils.callbacks.base", "utils.torch_utils")]
    attachment.detach()
    assert [vars(sys.modules[name]) for name in ("utils.callbacks.base", "utils.torch_utils")] == held


def test_an_error_in_the_hosts_own_module_is_the_hosts(host: Callable[[Mapping[str, str]], None]) -> None:
    host({"utils/callbacks.py": "raise LookupError('the host')"})
    attachment = attached(Recorded())
    with pytest.raises(LookupError, match="the host"):
        importlib.import_module("utils.callbacks")
    with pytest.raises(ModuleNotFoundError, match=r"utils\.torch_utils"):
        importlib.import_module("utils.torch_utils")
    attachment.detach()


def test_a_fault_of_the_probe_costs_one_warning_and_detaches(
    host: Callable[[Mapping[str, str]], None], caplog: pytest.LogCaptureFixture
) -> None:
    host({"utils/callbacks.py": CLASSIC, "train.py": TRAIN.format(package="")})

    def make() -> Any:
        raise RuntimeError("broken")

    finders = list(sys.meta_path)
    Attachment(make)
    with caplog.at_level(logging.WARNING):
        train = importlib.import_module("train")
        train.Callbacks()
    assert caplog.messages == [
        "yolo-probe: the probe could not be attached (RuntimeError: broken); the training goes on"
    ]
    assert sys.meta_path == finders
    assert isinstance(train, ModuleType)


def test_attaching_imports_nothing_of_torch() -> None:
    imported = _imported_by("import yolo_probe.training.attach, yolo_probe.training.runner")
    assert not any(name.split(".")[0] == "torch" for name in imported)


def _imported_by(statement: str) -> list[str]:
    import subprocess

    script = f"import sys; {statement}; print(*sys.modules)"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
