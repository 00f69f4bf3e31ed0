"""Which line a host's own ``model_info`` prints, recognised by its code.

The code of the function, and of the host's ``get_flops`` where that counts, is compared with a table of what YOLOv5,
YOLOv3, YOLOv7, YOLOv9, yolov5-face and ultralytics have published, by a digest of the source without comments,
docstrings and annotations. What is not in the table is not known, however much it looks like something that is: its own
line stands.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from textwrap import dedent
from typing import Any, NamedTuple

from yolo_probe.hosts.summary_line import FORMS, ULTRALYTICS_FORMS, LineForm

_NOT_COMPARED = frozenset({"annotation", "returns", "type_comment", "type_params", "kind"})
"""Fields of a syntax tree that do not change what a function does, or that not every Python has."""


class KnownFunction(NamedTuple):
    """What is known of a host's ``model_info``."""

    form: LineForm
    """The line that it prints."""
    table: bool
    """Whether its table of parameters is known too."""


@lru_cache(maxsize=16)
def known_function(function: Callable[..., Any]) -> KnownFunction | None:
    """What is known of this ``model_info``; None for one that is not in the table, or whose source is not there."""
    try:
        return _KNOWN.get(digest(*_sources(function)))
    except (OSError, TypeError, SyntaxError, RecursionError):
        return None


def _sources(function: Callable[..., Any]) -> list[str]:
    """The source of a function, and of the host's function that counts FLOPs for it.

    Raises: OSError, TypeError where it is not there.
    """
    counting = function.__globals__.get("get_flops") if "get_flops" in function.__code__.co_names else None
    return [inspect.getsource(each) for each in (function, counting) if each is not None]


def digest(*sources: str) -> str:
    """The first 12 digits of a digest of what these functions do. Raises: SyntaxError."""
    trees = [_compared(ast.parse(dedent(source)).body[0]) for source in sources]
    return sha256(repr(trees).encode()).hexdigest()[:12]


def _compared(node: Any) -> object:
    """What is compared of a part of a syntax tree."""
    if isinstance(node, list):
        return [_compared(each) for each in node]
    if not isinstance(node, ast.AST):
        return node
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
        fields["body"] = node.body[1:]
    return type(node).__name__, [
        (name, _compared(value))
        for name, value in fields.items()
        if value is not None and value != [] and name not in _NOT_COMPARED
    ]


_V4_0 = FORMS["v4.0"]
_V6_0 = FORMS["v6.0"]
_V6_1_NAMED = replace(_V6_0, named_after="yolov5")
_V7_0 = FORMS["v7.0"]
_V3_OF_V5_NAMED = replace(_V7_0, written="YOLOv3")
_V3_NAMED = replace(_V7_0, named_after="yolov3")
_EXTRAPOLATED, _LEAVES, _SEPARATED, _PLAIN = (form for _, form in ULTRALYTICS_FORMS)
_NO_TUPLES = replace(_EXTRAPOLATED, takes_tuple=False)
_UNWRAPPED = replace(_LEAVES, looks_into="all")
_OF_ANY_TYPE = replace(_UNWRAPPED, fed="of_model")
_NOT_COPIED = replace(_OF_ANY_TYPE, copies=False)
_ONE_IMAGE = replace(_PLAIN, whole_image_too=False)

_KNOWN: Mapping[str, KnownFunction] = {
    code: KnownFunction(form, table)
    for form, table, codes in (
        (FORMS["v1.0"], True, ("71560fb227eb",)),  # YOLOv5 May and June 2020, YOLOv3 April to November 2020
        (FORMS["v2.0"], True, (
            "26a16f56563e", "b31ac603f87a",  # YOLOv5 July to November 2020: v2.0, v3.0, v3.1
        )),
        (replace(_V4_0, channels="always 3"), True, ("7c7de612d422",)),  # YOLOv5 and YOLOv3 December 2020
        (_V4_0, True, ("2f09c05f5bcd",)),  # YOLOv5 v4.0, YOLOv3 v9.1, yolov5-face
        (FORMS["v5.0"], True, ("1bf7a0d304df",)),  # YOLOv5 February to June 2021, YOLOv3 v9.5.0, YOLOv7, YOLOv5-Lite
        (_V6_0, True, (
            "bd570ef8ae35", "cbff87656d96", "00c418b5f921",  # YOLOv5 June to October 2021
            "a847d3753e60",  # YOLOv5 v6.1, YOLOv3 v9.6.0
        )),
        (_V6_1_NAMED, True, ("98f725615267", "628cb7727baf")),  # YOLOv5 March to August 2022, the package 6.1
        (_V7_0, True, (
            "db1ecb4f332e", "d1b01c850e19",  # YOLOv5 v6.2
            "abf796744e10", "04f3af53bdef",  # YOLOv5 v7.0 to June 2026, YOLOv7 u6 and u7, YOLOv9
        )),
        (_V7_0, False, ("35ad8e75992b",)),  # YOLOv5 June and July 2026
        (_V3_OF_V5_NAMED, True, ("a9eaf4fa21b2",)),  # YOLOv3 February 2023 to June 2026
        (_V3_NAMED, True, ("c0b6bd87d758", "d6a09f565337")),  # YOLOv3 June 2026
        (_V3_NAMED, False, ("284b2297c919",)),  # YOLOv3 June and July 2026
        (_ONE_IMAGE, False, ("2099ab968362",)),  # ultralytics 8.0.108 to 8.0.235
        (_PLAIN, False, ("dc107fa9e512",)),  # 8.0.236 to 8.2.54
        (_SEPARATED, False, ("445349829e13", "fc488df73939", "34a597e66970")),  # 8.2.55 to 8.3.75
        (_LEAVES, True, (
            "769476a3d92f", "0286c82c952c", "f4f4f0e9dbd9", "2f633ec79433",  # 8.3.76 to 8.3.195
        )),
        (_UNWRAPPED, True, ("975598b59702", "aa671664e86b")),  # 8.3.196 to 8.4.51
        (_OF_ANY_TYPE, True, ("a4e0bc6f72ac",)),  # 8.4.52 to 8.4.106
        (_NOT_COPIED, True, ("d205c3140f76",)),  # 8.4.107 and 8.4.108
        (_NO_TUPLES, True, ("372b09b297d5", "99a631b08f30", "a72a9ba7b2c3")),  # 8.4.109 to 8.4.163
        (_EXTRAPOLATED, True, ("da9e693aa2ac",)),  # 8.4.164 to 8.4.190
    )
    for code in codes
}  # fmt: skip
