"""Makes the picture of the README: what the demo prints in a terminal of 80 columns, with its colours, as SVG.

``python -m tests.picture_of_terminal`` (`make picture`) runs the command in a pseudo-terminal and writes
configs/demo/narrow-best.svg. The lines below the four numbers are left out: they name what is installed.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from html import escape

from tests.environments import ROOT
from yolo_probe.render.text import STYLES

PICTURE = ROOT / "configs" / "demo" / "narrow-best.svg"
ARGUMENTS = ("fuse-diff", "configs/demo/narrow-best.pt")
LAST = "Counted"
"""The first line that is left out begins so."""
COLUMNS = 80
WIDTH, HEIGHT, MARGIN = 8.4, 19, 16
"""Of a character and of a line, and around all, in pixels."""

HUES = {
    "red": "#ff7b72", "green": "#56d364", "yellow": "#e3b341", "blue": "#79c0ff", "magenta": "#d2a8ff",
    "cyan": "#76e3ea",
}  # fmt: skip
CODES = {code: name for name, code in STYLES.items()}


def main() -> None:
    PICTURE.write_text(picture(printed(ARGUMENTS)), encoding="utf-8")


def printed(arguments: tuple[str, ...]) -> str:
    """What the command writes to a terminal of 80 columns, with its codes for colours."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with subprocess.Popen(
        [sys.executable, "-m", "yolo_probe", *arguments],
        cwd=ROOT, stdout=follower, stdin=follower, stderr=follower, env={**variables, "TERM": "xterm"},
    ):  # fmt: skip
        os.close(follower)
        parts = iter(lambda: _read(leader), b"")
        text = b"".join(parts)
    os.close(leader)
    return text.decode().replace("\r\n", "\n")


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux: the other end is closed
        return b""


def picture(text: str) -> str:
    """An SVG of the lines of a terminal up to ``LAST``, below the command that wrote them."""
    lines = [f"\x1b[1m$ yolo-probe {' '.join(ARGUMENTS)}\x1b[0m", *text.splitlines()]
    shown = lines[: next(number for number, line in enumerate(lines) if LAST in line)]
    while not shown[-1].strip():
        shown.pop()
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(shown) * HEIGHT + 2 * MARGIN
    body = "\n".join(part for number, line in enumerate(shown) for part in _texts(line, number))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height}" viewBox="0 0 {width:g} {height}"'
        ' font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14"'
        ' fill="#e6edf3" xml:space="preserve">\n'
        f"<title>{escape(f'$ yolo-probe {chr(32).join(ARGUMENTS)}')}</title>\n"
        f'<rect width="{width:g}" height="{height}" rx="8" fill="#0d1117"/>\n{body}\n</svg>\n'
    )


def _texts(line: str, number: int) -> Iterator[str]:
    """The elements of a line: each word or gap-free run of one style where its first column is, in any font."""
    column, style = 0, ""
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if code := re.fullmatch(r"\x1b\[([0-9;]*)m", part):
            style = "".join(_attribute(CODES.get(each, "")) for each in code[1].split(";"))
            continue
        for run in re.finditer(r"\S+(?: \S+)*", part):
            x, y = MARGIN + (column + run.start()) * WIDTH, MARGIN + number * HEIGHT + 14
            length = len(run[0]) * WIDTH
            yield (
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"{style}>'
                f"{escape(run[0])}</text>"
            )
        column += len(part)


def _attribute(name: str) -> str:
    """What a style is in SVG; nothing for none."""
    if name in HUES:
        return f' fill="{HUES[name]}"'
    return {"bold": ' font-weight="bold"', "dim": ' opacity="0.6"'}.get(name, "")


if __name__ == "__main__":
    main()
