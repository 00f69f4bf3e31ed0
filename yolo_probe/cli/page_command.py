"""The command that writes the site in which a browser answers."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from yolo_probe.errors import visible


@click.command("page")
@click.option(
    "-o", "--output", metavar="FOLDER", default="page", show_default=True, help="The folder to write the site into."
)
@click.option(
    "--pyodide",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="The npm package pyodide, unpacked.",
    show_default="node_modules/pyodide",
)
def page_command(output: str, pyodide: Path | None) -> None:
    """Write a page that answers in a browser, with nothing installed.

    Drop a best.pt, a YAML, a log or a run's folder there, or paste a line.

    It is a folder of files for any web server, which sees no file of anybody: yolo-probe itself runs in the browser,
    and after its start the page may connect to nothing.
    """
    from yolo_probe.render.site import write

    size = write(output, pyodide)
    click.echo(f"{visible(output)} is written, {size / 1e6:.1f} MB")
    click.echo(f"To see it: python -m http.server -d {visible(quote(output))}, then open http://localhost:8000")
