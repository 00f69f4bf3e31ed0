"""Computes ``configs/known_lines.json`` anew: ``python -m tests.known_lines``, with ``ultralytics`` or ``own`` a part.

The networks of YOLOv5 and its forks are computed here; those of ultralytics by its own releases, which are fetched, and
whose answers are kept in ``.cache/known_lines``. That takes hours, and minutes where the answers are there. A pattern
behind ``ultralytics`` asks for the networks alone in whose names it is found, such as ``yoloe``, and keeps the others;
``own`` computes those of YOLOv5 and its forks, and keeps what ultralytics has answered.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.known_lines.curves import unshared
from tests.known_lines.ours import (
    FIGURES,
    YOLOV9_AT_FIRST,
    Made,
    detector,
    entry,
    fused_as,
    leaky,
    resized,
    segmenter,
)
from tests.known_lines.releases import periods, stretches
from yolo_probe import shipped_files
from yolo_probe.hosts.summary_line import FORMS
from yolo_probe.hosts.target import resolve
from yolo_probe.networks.generations import GENERATIONS, Generation
from yolo_probe.networks.shipped import FORKS, fork_network_names, network_names

FILE = shipped_files.path("known_lines.json")

LATER: Sequence[tuple[Generation, Sequence[Generation], str]] = (
    (
        "v6.2", ("v7.0", "head"),
        "loaded from a file whose Conv have an activation each: all of before 16 September 2022, the official ones too",
    ),
    ("v5.0", ("v6.0", "v6.1", "v6.2", "v7.0", "head"), "loaded from a file of v5.0 or v4.0"),
    ("v3.1", ("v4.0", "v5.0"), "that of v3.1: loaded from its file, or built by a master of November or December 2020"),
)  # fmt: skip
"""Networks of one generation that later ones print in another way than their own, and which files these are."""

FUSED_AT_FIRST = (
    "fused by a YOLOv9 of before 26 February 2024, or by yolov9pip: its fuse() leaves the two branches of each RepConvN"
)

LATER_OF_YOLOV9 = re.compile(r"-[tsm](?:-|$)")
"""Networks that YOLOv9 did not have then."""

OFFICIAL = re.compile(r"yolov5[nsmlx]6?")
"""Networks whose files YOLOv5 publishes."""

SIZES = ("n", "s", "m", "l", "x")

Entry = dict[str, Any]


def of_yolov5() -> Iterator[Entry]:
    """Every network of every generation, and those of older files as later generations print them."""
    for generation in GENERATIONS:
        for name in network_names(generation):
            yield _entry(name, generation, generation)
    for made_by, printed_by, note in LATER:
        for generation in printed_by:
            for name in network_names(made_by):
                published = note if OFFICIAL.fullmatch(name) else note.removesuffix(", the official ones too")
                yield _entry(name, made_by, generation, published)
    for made_by, generation, note in (
        ("v6.2", "v6.2", ""), ("v7.0", "v7.0", ""), ("v6.2", "v7.0", LATER[0][2]), ("head", "head", ""),
        ("v6.2", "head", LATER[0][2]),
    ):  # fmt: skip
        for size in SIZES:
            yield _entry(f"yolov5{size}", made_by, generation, note, cls="-cls")
    yield from of_segmenters()
    yield from of_june_2020()
    yield from of_yolov3()


def of_june_2020() -> Iterator[Entry]:
    """The networks of the YAML files that v1.0 replaced: its yolov5-fpn in all sizes. Source: c14368d76 of YOLOv5."""
    for size in SIZES[1:]:
        made = resized("yolov5-fpn@v1.0", f"yolov5{size}@v1.0")
        yield entry(
            made, FORMS["v1.0"], network=f"yolov5{size}", family="YOLOv5", hosts=["v1.0"], forms=["v1.0"],
            note="built from its YAML of 9 to 21 June 2020, before the tag v1.0",
        )  # fmt: skip


def of_yolov3() -> Iterator[Entry]:
    """The networks of ultralytics/yolov3 to v9.5, with LeakyReLU. Source: models/common.py there.

    Those of later releases have SiLU, and are those of YOLOv5. Before v9.0 the same networks are built from the .cfg
    files of Darknet, and what prints and fuses them is that of YOLOv5 v1.0. Source: models.py and utils/torch_utils.py
    of the tags v7 and v8.
    """
    for name in ("yolov3", "yolov3-spp", "yolov3-tiny"):
        yield entry(
            leaky(f"{name}@v5.0"), FORMS["v5.0"], network=name, family="YOLOv3", hosts=[], forms=["v5.0"],
            note="of ultralytics/yolov3 v9.0 to v9.5, whose activation is LeakyReLU",
        )  # fmt: skip
        yield entry(
            fused_as(leaky(f"{name}@v5.0"), "yolov3-spp@v1.0"), FORMS["v1.0"], network=name, family="YOLOv3", hosts=[],
            forms=["v1.0"], note="of ultralytics/yolov3 of October 2019 to November 2020, from a .cfg file of Darknet",
        )  # fmt: skip


def of_segmenters() -> Iterator[Entry]:
    """The published files of v7.0's segmentation networks, as v7.0 and HEAD print them."""
    for generation in LATER[0][1]:
        for size in SIZES:
            yield _entry(f"yolov5{size}-seg", "v7.0", generation, LATER[0][2], make=segmenter)


def _entry(
    name: str, made_by: Any, printed_by: Any, note: str = "", *, cls: str = "", make: Callable[[str], Made] = detector
) -> Entry:
    print(name, made_by, printed_by, file=sys.stderr)
    words: dict[str, Any] = {
        "network": f"{name}{cls}",
        "family": "YOLOv5",
        "hosts": [printed_by],
        "forms": [printed_by],
    }
    noted: dict[str, Any] = {"note": note} if note else {}
    return entry(make(f"{name}{cls}@{made_by}"), FORMS[printed_by], loaded=bool(note), **words, **noted)


def of_forks() -> Iterator[Entry]:
    """Every network that a fork ships, and that it names itself."""
    for fork, family in FORKS.items():
        for name in fork_network_names(fork):
            print(name, fork, file=sys.stderr)
            target = f"{name}@{fork}"
            form = resolve(target).origin.form
            least = form.smallest_image
            generation = next(each for each, other in FORMS.items() if replace(other, smallest_image=least) == form)
            words: dict[str, Any] = {"network": name, "family": family, "hosts": [], "forms": [generation]}
            yield entry(detector(target), form, **words)
            if family == "YOLOv9" and not LATER_OF_YOLOV9.search(name):
                yield entry(detector(target), form, fork=YOLOV9_AT_FIRST, only_fused=True, note=FUSED_AT_FIRST, **words)


def of_ultralytics(releases: Sequence[str], pattern: str = "") -> Iterator[Entry]:
    """Every network of every release whose name a pattern is found in."""
    firsts = [period.partition(" ")[0] for period in releases]
    for network, first, last, found in stretches(pattern):
        begin = firsts.index(first)
        end = next(at for at in range(begin, len(releases)) if releases[at].rpartition(" ")[2] == last)
        curves = found["curves"] | NOTHING_TRAINS
        thops = [name.partition("/")[0] for name in curves if name.endswith("/before")]
        theirs = {
            numbers: _of_curves({**found, "curves": each | NOTHING_TRAINS}, thops)
            for numbers, each in found.get("keypoints", {}).items()
        }
        yield {
            "network": network,
            "family": "ultralytics",
            "hosts": [[begin, end]],
            "layers": found["layers"],
            **({"says_fused": found["says_fused"]} if found["says_fused"] != [False, True] else {}),
            "fixed": found["fixed"],
            "rows": found["rows"],
            **_of_curves({**found, "curves": curves}, thops),
            **({"keypoints": theirs} if theirs else {}),
        }


def _of_curves(found: Entry, thops: Sequence[str]) -> Entry:
    """The figures of an entry."""
    curves = found["curves"]
    counted = [thop for thop in thops if f"{thop}/before" in curves]
    return {
        "figures": [curves[name] for name in FIGURES],
        "flops": {thop: [curves[f"{thop}/before"], curves[f"{thop}/after"]] for thop in counted},
        "fusion": _fusion(found, [thop for thop in counted if f"{thop}/norms" in curves]),
    }


NOTHING_TRAINS = {"stripped": [[1, 0]], "merged_no_grad": [[1, 0]]}
"""What is 0 in every release: ``of_ultralytics`` makes sure of it."""


def _fusion(found: Entry, thops: Iterable[str]) -> Entry:
    curves = found["curves"] | NOTHING_TRAINS
    return {
        "merged": found["merged"],
        "channels": curves["channels"],
        "trained": [curves[name] for name in ("merged_gradients", "merged_no_grad", "merged_autograd")],
        "norms": {thop: curves[f"{thop}/norms"] for thop in thops},
        "changes": [
            {
                "cause": [change["cause"], change["why"]],
                "layers": {
                    definition: [change[side][at] for side in SIDES]
                    for at, definition in enumerate(("modules", "leaf_modules"))
                },
                "parameters": [curves[f"{side}{number}"] for side in SIDES],
                "gradients": [curves[f"{side}_gradients{number}"] for side in SIDES],
                "flops": {thop: [curves[f"{thop}/{side}{number}"] for side in SIDES] for thop in thops},
            }
            for number, change in enumerate(found["changes"])
        ],
    }


SIDES = ("gone", "new")


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """Entries that differ in their hosts alone as one."""
    found: dict[str, Entry] = {}
    for each in entries:
        key = json.dumps(
            {name: value for name, value in each.items() if name not in ("hosts", "forms")}, sort_keys=True
        )
        if key in found:
            found[key]["hosts"] += each["hosts"]
            if "forms" in each:
                found[key]["forms"] += each["forms"]
        else:
            found[key] = each
    return list(found.values())


class Shared:
    """Values that are written once, each with its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, value: object) -> int:
        """The number of a value; the same for an equal one."""
        return self._numbers.setdefault(json.dumps(value, separators=(",", ":")), len(self._numbers))

    @property
    def lines(self) -> str:
        """All of them, one a line."""
        return "[\n" + ",\n".join(self._numbers) + "\n]"


def written(networks: Iterable[Entry], releases: Sequence[str]) -> str:
    """The text of the file: what several networks have in common is there once."""
    curves, rows, causes, fusions = Shared(), Shared(), Shared(), Shared()

    def numbered(value: Any) -> Any:
        """A structure of curves as one of their numbers."""
        if isinstance(value, Mapping):
            return {name: numbered(each) for name, each in value.items()}
        if isinstance(value, list) and not _is_curve(value):
            return [numbered(each) for each in value]
        return curves.number(";".join(" ".join(map(str, piece)) for piece in value or ()))

    def shared(each: Entry) -> Entry:
        """Figures and what fuse() does, with numbers in place of the curves."""
        entry = {**each, **{name: numbered(each[name]) for name in ("figures", "flops")}}
        if "fusion" in each:
            fusion = each["fusion"]
            changes = [
                {
                    **change,
                    "cause": causes.number(change["cause"]),
                    **{name: numbered(change[name]) for name in ("parameters", "gradients", "flops")},
                }
                for change in fusion["changes"]
            ]
            merges = {name: numbered(fusion[name]) for name in ("channels", "trained", "norms")}
            entry["fusion"] = fusions.number({**fusion, **merges, "changes": changes})
        return entry

    lines = []
    for each in networks:
        entry = {**shared(each), "rows": rows.number(each["rows"])}
        if "keypoints" in each:
            entry["keypoints"] = {numbers: shared(figures) for numbers, figures in each["keypoints"].items()}
        lines.append(json.dumps(entry, separators=(",", ":")))
    pools = {"curves": curves, "rows": rows, "causes": causes, "fusions": fusions}
    parts = [f'"{name}":{pool.lines}' for name, pool in pools.items()]
    parts += [f'"releases":{json.dumps(releases)}', '"networks":[\n' + ",\n".join(lines) + "\n]"]
    return "{" + ",\n".join(parts) + "}\n"


def _is_curve(value: list[Any]) -> bool:
    """Whether a list is the pieces of a curve, each with whole numbers."""
    return all(isinstance(piece, list) and all(isinstance(number, int) for number in piece) for piece in value)


def main(part: str = "", pattern: str = "") -> None:
    """Writes the file."""
    document = json.loads(FILE.read_text(encoding="utf-8"))
    if part == "own":
        answered = [each for each in unshared(document) if each["family"] == "ultralytics"]
        FILE.write_text(written(merged([*of_yolov5(), *of_forks(), *answered]), document["releases"]), encoding="utf-8")
        return
    releases = periods()
    if part:
        kept = [each for each in unshared(document) if not _is_asked(each, pattern)]
    else:
        document, kept = {"releases": releases}, [*of_yolov5(), *of_forks()]
    ours = [in_releases(each, document["releases"], releases) for each in kept]
    asked = of_ultralytics(releases, pattern)
    FILE.write_text(written(merged([*ours, *asked]), releases), encoding="utf-8")


def _is_asked(entry: Entry, pattern: str) -> bool:
    return entry["family"] == "ultralytics" and bool(re.search(pattern, entry["network"]))


def in_releases(entry: Entry, old: Sequence[str], new: Sequence[str]) -> Entry:
    """An entry with its stretches of releases as numbers of other periods: a network that is new may split one."""
    if entry["family"] != "ultralytics":
        return entry
    firsts, lasts = ([each.split(" to ")[end] for each in new] for end in (0, -1))
    hosts = [
        [firsts.index(old[first].split(" to ")[0]), lasts.index(old[last].split(" to ")[-1])]
        for first, last in entry["hosts"]
    ]
    return {**entry, "hosts": hosts}


if __name__ == "__main__":
    main(*sys.argv[1:])
