"""Processes that start with torch and what all hosts import already there: forks of one process that has imported it.

A host's process takes ten seconds of imports before its first line, and a test run starts hundreds of them. A fork has
its own path, variables, folder and streams, imports host, counter and probe itself, and ends as any Python does.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TextIO

from tests.environments import ROOT, environment

PRELOADED = (
    "cv2",
    "matplotlib.pyplot",
    "numpy",
    "pandas",
    "requests",
    "scipy.signal",
    "seaborn",
    "torchvision",
    "yaml",
)
"""None of them is in a host's folder in another release."""


class Started:
    """A process that runs; the names are those of ``subprocess.Popen``."""

    def __init__(self, status: TextIO, words: Sequence[str]) -> None:
        self._status, self._words = status, words
        self.pid = int(self._status.readline())

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or minus the signal that ended it.

        Raises: subprocess.TimeoutExpired if it takes more than ``timeout`` seconds; it is killed then.
        """
        if timeout is not None and not select.select([self._status], [], [], timeout)[0]:
            self.kill()
            self.wait()
            raise subprocess.TimeoutExpired(list(self._words), timeout)
        with self._status:
            return int(self._status.readline())

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def start(words: Sequence[str], *, env: Mapping[str, str], cwd: Path, streams: Sequence[TextIO]) -> Started:
    """What ``python WORDS`` starts: a script, ``-c`` and a source text, or ``-m`` and a module.

    streams: its standard input, output and errors.
    """
    told, its = pipe()
    with its, tempfile.TemporaryFile("w") as request:
        json.dump({"words": words, "env": dict(env), "cwd": str(cwd)}, request)
        request.flush()
        descriptors = [stream.fileno() for stream in (request, *streams, its)]
        socket.send_fds(_server(), [b"!"], descriptors)
    return Started(told, words)


def pipe() -> tuple[TextIO, TextIO]:
    """What one process reads, and what another one writes there."""
    ours, its = os.pipe()
    return os.fdopen(ours), os.fdopen(its, "w")


def run_python(
    script: Path | str,
    *args: object,
    paths: Sequence[Path],
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    timeout: float = 600,
    anew: bool = False,
) -> subprocess.CompletedProcess[str]:
    """The finished run of a script (a file, or source text) with these folders on its path, in order; as ``run``.

    Raises: RuntimeError with the end of its output if it fails, TimeoutExpired if it takes too long.
    """
    source = [str(script)] if isinstance(script, Path) else ["-c", script]
    words, variables = [*source, *map(str, args)], environment(paths) | dict(env or {})
    done = run(words, env=variables, cwd=cwd, timeout=timeout, anew=anew)
    if done.returncode != 0:
        name = script.name if isinstance(script, Path) else "source text"
        raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done


def run(
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float,
    together: bool = False,
    anew: bool = False,
) -> subprocess.CompletedProcess[str]:
    """The finished run of ``python WORDS``.

    together: errors stand in their places between the other lines.
    anew: not a fork; Python itself is started, as a user starts it.

    Raises: subprocess.TimeoutExpired.
    """
    if anew:
        return subprocess.run(
            [sys.executable, *words],
            env=env,
            cwd=cwd,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if together else subprocess.PIPE,
            text=True,
        )
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, Path(os.devnull).open() as nothing:
        streams = (nothing, out, out if together else err)
        code = start(words, env=env, cwd=cwd, streams=streams).wait(timeout)
        return subprocess.CompletedProcess(words, code, _written(out), _written(err))


def _written(stream: TextIO) -> str:
    stream.seek(0)
    return stream.read()


_STARTING = Lock()


def _server() -> socket.socket:
    """The way to this process's server, which ends with it."""
    with _STARTING:
        return _started_server()


@cache
def _started_server() -> socket.socket:
    ours, its = socket.socketpair()
    with its:
        command = [sys.executable, "-m", __name__, str(its.fileno())]
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment(()), pass_fds=[its.fileno()], stdin=subprocess.DEVNULL
        )
    atexit.register(_end, ours, server)
    return ours


def _end(requests: socket.socket, server: subprocess.Popen[bytes]) -> None:
    requests.close()
    server.terminate()
    server.wait()


def _serve(requests: socket.socket) -> list[str]:
    """Fork for each request; the words to run, in a fork that is ready for them. Ends when nobody can ask any more."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    added = os.environ["PYTHONPATH"].split(os.pathsep)
    path = [folder for folder in sys.path[1:] if folder not in added]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch
    while True:
        asked, descriptors, *_ = socket.recv_fds(requests, 1, 5)
        if not asked:
            sys.exit()
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _fork_and_tell(descriptors.pop())
            return _prepare(path, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _fork_and_tell(status: int) -> None:
    """Return in a fork; the process itself tells its number and how it ended."""
    process = os.fork()
    if process == 0:
        os.close(status)
        return
    with os.fdopen(status, "w", buffering=1) as told:
        print(process, file=told)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), file=told)
    os._exit(0)


def _prepare(path: list[str], request: int, *streams: int) -> list[str]:
    """Give this process the streams, folder, variables and path that a new one has."""
    with os.fdopen(request) as file:
        file.seek(0)
        asked = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    added = asked["env"]["PYTHONPATH"].split(os.pathsep)
    sys.path[:] = ["", *added, *(folder for folder in path if folder not in added)]
    random.seed()
    words: list[str] = asked["words"]
    return words


def _become(words: list[str]) -> None:
    """Run what ``python WORDS`` runs."""
    first, *rest = words
    if first == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)  # noqa: S102 - as Python does with -c
    elif first == "-m":
        sys.path[0], sys.argv[:] = str(Path.cwd()), rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0], sys.argv[:] = str(Path(first).resolve().parent), words
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
