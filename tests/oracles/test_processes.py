"""A process that starts with all packages there is as one that Python itself starts, but for those packages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.environments import HOSTS, ROOT, environment, host
from tests.processes import run

SAYS = """
import atexit, json, os, sys
from pathlib import Path
print(json.dumps([__name__, sys.argv, sys.path, os.getcwd(), dict(os.environ), sys.stdin.read(), bool(__doc__)]))
print(json.dumps([vars(sys.modules["__main__"]) is globals(), sys.gettrace() is None, "yolov5" in sys.modules]))
print("an error", file=sys.stderr)
atexit.register(print, "the end")
if "leave" in sys.argv:
    sys.exit(3)
if "die" in sys.argv:
    os.abort()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "says.py").write_text(SAYS)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "says_too.py").write_text(SAYS)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [("says.py", "a", "b"), ("elsewhere/says_too.py", "leave"), ("-c", SAYS, "a"), ("-c", SAYS, "leave"),
     ("-m", "says", "a b"), ("-m", "elsewhere.says_too", "leave")],
    ids=lambda words: f"{words[0]} {words[-1]}",
)  # fmt: skip
def test_a_fork_finds_and_leaves_what_a_new_process_does(words: tuple[str, ...], folder: Path) -> None:
    variables = environment([ROOT, host(HOSTS[-1])]) | {"ASKED": "yes"}
    fork, new = (run(words, env=variables, cwd=folder, timeout=60, anew=anew) for anew in (False, True))
    assert (fork.returncode, fork.stdout, fork.stderr) == (new.returncode, new.stdout, new.stderr)
    assert new.stdout.endswith("the end\n")


def test_what_ends_a_fork_is_told_as_of_a_new_process(folder: Path) -> None:
    variables = environment([ROOT])
    for words in (("says.py", "die"), ("-c", "raise ValueError('wrong')")):
        fork, new = (run(words, env=variables, cwd=folder, timeout=60, anew=anew) for anew in (False, True))
        assert fork.returncode == new.returncode != 0
        assert fork.stderr.splitlines()[-1:] == new.stderr.splitlines()[-1:]
    for anew in (False, True):
        with pytest.raises(subprocess.TimeoutExpired):
            run(("-c", "import time; time.sleep(60)"), env=variables, cwd=folder, timeout=2, anew=anew)


NMS = """
import time

def seconds_of_a_loaded_machine():
    start = time.time()
    time.sleep(1)
    return time.time() - start
"""


def test_the_time_limit_of_a_hosts_nms_counts_what_its_process_works(folder: Path) -> None:
    (folder / "utils").mkdir()
    (folder / "utils" / "general.py").write_text(NMS)
    source = "from utils.general import seconds_of_a_loaded_machine as limit; print(limit() < 0.5)"
    for anew in (False, True):
        done = run(("-c", source), env=environment([folder]), cwd=folder, timeout=60, anew=anew)
        assert done.stdout == "True\n", done.stderr


def test_errors_stand_between_the_other_lines_where_that_is_asked_for(folder: Path) -> None:
    source = "import os\nfor at in range(4): os.write(1 + at % 2, b'%d' % at)"
    for anew in (False, True):
        done = run(("-c", source), env=environment([]), cwd=folder, timeout=60, together=True, anew=anew)
        assert done.stdout == "0123"
