"""A folder of files for any web server: the page in which a browser runs this package on a file that is dropped there.

The page is a program, built from the sources in ``page`` into ``page/built``. It runs Pyodide, which is Python for
browsers and comes from npm, and in that this package and PyYAML and click as they are installed here. Nothing is
downloaded to write it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from io import BytesIO
from os import PathLike
from pathlib import Path
from shutil import copyfile
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from yolo_probe import __version__
from yolo_probe.errors import TargetError
from yolo_probe.networks.generations import GENERATIONS
from yolo_probe.render.report_page import BUILT
from yolo_probe.shipped_files import path as shipped

PYODIDE = "314.0.7"
"""The release of Pyodide that the page is tested with; as in page/package.json."""
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""Its files that the page loads."""
PROGRAMS = ("report.js", "report.css", "open.js", "open.css", "worker.js", "offline.js")
"""The programs of the page and their styles, as `make page-bundle` builds them."""
DEPENDENCIES = {"click": "click", "yaml": "pyyaml"}
"""The packages that this one needs, by the name of their folder."""
NOT_RUN = ("live", "training", "render/page")
"""Folders of this package that need torch, or are for this module alone."""
LICENCES = "licences.txt"


def write(folder: str | PathLike[str], pyodide: Path | None = None) -> int:
    """Write the site; its size in bytes. ``pyodide``: the folder of the npm package, else one that is found.

    Raises: TargetError where there is no Pyodide of the tested release, or the folder cannot be written.
    """
    target, source = Path(folder), _pyodide(pyodide)
    try:
        (target / "pyodide").mkdir(parents=True, exist_ok=True)
        for name in RUNTIME:
            copyfile(source / name, target / "pyodide" / name)
        for name in PROGRAMS:
            copyfile(BUILT / name, target / name)
        (target / "python.zip").write_bytes(_packages())
        (target / LICENCES).write_text(_licences(), encoding="utf-8")
        (target / "index.html").write_text(
            _PAGE.format(version=__version__, hosts=" ".join(GENERATIONS)), encoding="utf-8"
        )
        names = ["index.html", *PROGRAMS, "python.zip", LICENCES, *(f"pyodide/{name}" for name in RUNTIME)]
        (target / "files.json").write_text(json.dumps([*names, "files.json"]), encoding="utf-8")
    except OSError as error:
        raise TargetError(
            f"{error.filename or folder}: the page cannot be written: {error.strerror}", "Name another folder with -o."
        ) from None
    return sum((target / name).stat().st_size for name in names)


def _pyodide(named: Path | None) -> Path:
    """The folder of Pyodide: the named one, that of a clone after `make page`, or that of npm in this folder."""
    places = [named] if named else [BUILT.parent / "node_modules" / "pyodide", Path("node_modules", "pyodide")]
    remedy = f"Get it by npm install pyodide@{PYODIDE} in this folder, or name its folder with --pyodide."
    for place in places:
        if (release := _release(place)) is None:
            continue
        if release != PYODIDE:
            raise TargetError(f"{place}: found Pyodide {release}, expected {PYODIDE}", remedy)
        if missing := [name for name in RUNTIME if not (place / name).is_file()]:
            raise TargetError(f"{place}: found Pyodide without {', '.join(missing)}, expected all its files", remedy)
        return place
    raise TargetError(f"page: found no Pyodide in {places[-1]}, expected Pyodide {PYODIDE}", remedy)


def _release(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _packages() -> bytes:
    """The package and those that it needs as one archive, the same for the same files."""
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED, compresslevel=9) as packed:
        for name, path in sorted({**_own_files(), **_files_of_dependencies()}.items()):
            packed.writestr(ZipInfo(name), path.read_bytes(), ZIP_DEFLATED)
    return archive.getvalue()


def _own_files() -> dict[str, Path]:
    package, configs = Path(__file__).parents[1], shipped("")
    files = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    files = {name: path for name, path in files.items() if not name.startswith(NOT_RUN)}
    files |= {f"configs/{path.relative_to(configs).as_posix()}": path for path in _data(configs)}
    return {f"yolo_probe/{name}": path for name, path in files.items()}


def _data(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in (".json", ".po", ".yaml"))


def _files_of_dependencies() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name in DEPENDENCIES:
        spec = find_spec(name)
        for folder in (spec and spec.submodule_search_locations) or ():
            found |= {f"{name}/{path.name}": path for path in Path(folder).glob("*.py")}
    return found


def _licences() -> str:
    """Who made what is in the site, under which licence."""
    parts = [_WHOSE.format(version=__version__, pyodide=PYODIDE), (BUILT / "report.licences.txt").read_text("utf-8")]
    for name in DEPENDENCIES.values():
        try:
            held = distribution(name)
        except PackageNotFoundError:  # a distribution of Linux may leave this out
            continue
        texts = [str(file.locate()) for file in held.files or () if "LICEN" in file.name.upper()]
        parts += [f"==== {name} {held.version}", *(Path(text).read_text(encoding="utf-8") for text in texts)]
    return "\n\n".join(parts)


_WHOSE = """==== yolo-probe {version} (AGPL-3.0-or-later): python.zip is its source, and its repository has the page's

==== Pyodide {pyodide} (MPL-2.0), unchanged: https://github.com/pyodide/pyodide has its source
It has CPython (PSF-2.0), compiled by Emscripten (MIT)."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
worker-src 'self' blob:; connect-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="yolo-probe {version}">
<title>yolo-probe in the browser</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="report.css">
<link rel="stylesheet" href="open.css">
</head>
<body>
<div id="page" data-hosts="{hosts}"></div>
<noscript><p>This page runs yolo-probe with JavaScript and WebAssembly, which are turned off here. The same answers
without them: the command yolo-probe best.pt.</p></noscript>
<script src="report.js"></script>
<script src="open.js"></script>
</body>
</html>
"""
