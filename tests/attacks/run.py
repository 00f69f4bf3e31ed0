"""Reads each file of a list with the command, in a process of its own that an audit hook watches."""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from yolo_probe.cli import main

SECONDS = 10
WATCHED = (
    "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "subprocess.Popen", "socket.",
    "ctypes.", "shutil.", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "pty.", "webbrowser.", "urllib.",
    "marshal.loads", "pickle.find_class", "code.__new__", "exec", "compile",
)  # fmt: skip
"""Beginnings of the audit events that reading a file must not raise."""


COMMANDS = (("inspect", "--format", "json"), ("fuse-diff",))


def read(path: str, commands: tuple[tuple[str, ...], ...] = COMMANDS) -> dict[str, object]:
    """What the commands did with a file, in this process."""
    events: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            events.append(f"open {arguments[0]} {arguments[1]}")
        elif event.startswith(WATCHED) and not _is_an_import(event, arguments):
            events.append(event)

    done: dict[str, object] = {"traceback": "", "forged": False, "codes": [], "errors": ""}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.addaudithook(hook)
    for command, *options in commands:
        out, err = io.StringIO(), io.StringIO()
        code: object = 0
        try:
            with redirect_stdout(out), redirect_stderr(err):
                main([command, path, *options])
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            done["traceback"] = traceback.format_exc()
        lines = [*out.getvalue().splitlines(), *err.getvalue().splitlines()]
        done["codes"] = [*done["codes"], code]  # type: ignore[misc]  # a list of what came before
        done["forged"] = done["forged"] or any(line.startswith("FORGED") for line in lines)
        done["errors"] = f"{done['errors']}{err.getvalue()[-400:]}"
        if options and out.getvalue():
            done["copies"] = json.loads(out.getvalue())["copies"]
    done["kilobytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return done | {"events": events}


def _is_an_import(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether Python only loads a module of this package or of its own, or writes a class of fields."""
    if event == "marshal.loads":
        return sys._getframe(2).f_code.co_filename.startswith("<frozen importlib")
    if event not in ("exec", "compile"):
        return False
    source = getattr(arguments[0], "co_filename", "") or (arguments[1] if len(arguments) > 1 else "")
    return any(each in str(source) for each in ("site-packages", "yolo_probe", "/python3", "<string>"))


def watched(path: str, commands: tuple[tuple[str, ...], ...]) -> dict[str, object]:
    """The same in a process of its own, which is ended after ``SECONDS``."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        with os.fdopen(writing, "w") as stream:
            json.dump(read(path, commands), stream)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        content = stream.read()
    _, status = os.waitpid(child, 0)
    found: dict[str, object] = json.loads(content) if content else {"hung": status}
    return found


if __name__ == "__main__":
    first, *paths = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    read(first)  # so that what the commands themselves import is there
    for line in paths:
        asked = COMMANDS[:1] if Path(line).name.startswith("flip") else COMMANDS
        print(json.dumps({"path": line} | watched(line, asked)), flush=True)
