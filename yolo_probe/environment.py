"""Which tools are installed in the environment of yolo-probe, by the names of their ``*.dist-info`` folders.

Nothing is imported: it takes a millisecond, and a broken installation does no harm.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

_THOPS = ("ultralytics-thop", "thop")


@dataclass(frozen=True, slots=True)
class Thop:
    """The thop that ``import thop`` finds."""

    distribution: str
    """``ultralytics-thop`` or ``thop``: both write into the folder ``thop``."""
    version: str
    shadowed: str = ""
    """The other distribution with its version, where both are installed; else empty."""
    counter: str | None = None
    """Name of the counter with its rules; None for a release that is not known."""

    @property
    def title(self) -> str:
        """``ultralytics-thop 2.2.3``."""
        return f"{self.distribution} {self.version}"


def version_of(distribution: str) -> str | None:
    """Installed version of a distribution, or None."""
    found = _found([distribution], sys.path)
    return found[distribution][0] if found else None


def _found(distributions: Iterable[str], folders: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Version and dist-info folder of each that is installed: the first one in these folders."""
    names = "|".join(re.escape(each.replace("-", "_")) for each in distributions)
    folder = re.compile(rf"^({names})-(.+)\.dist-info$", re.IGNORECASE | re.MULTILINE)
    found: dict[str, tuple[str, str]] = {}
    for entry in folders:
        try:
            listed = "\n".join(os.listdir(entry or "."))
        except OSError:
            continue
        for match in folder.finditer(listed):
            found.setdefault(match[1].lower().replace("_", "-"), (match[2], os.path.join(entry, match[0])))
    return found


def installed_thop() -> Thop | None:
    """The thop that ``import thop`` finds, or None where none is installed."""
    loaded = getattr(sys.modules.get("thop"), "__file__", None)
    return _loaded_thop(loaded, tuple(sys.path)) if loaded else _thop_in(sys.path)


def has_thop() -> bool:
    """Whether ``import thop`` finds one, a plain folder included."""
    return sys.modules.get("thop") is not None or find_spec("thop") is not None


@lru_cache(maxsize=4)
def _loaded_thop(file: str, folders: tuple[str, ...]) -> Thop | None:
    """The thop that is imported already; looked up once, as it does not change."""
    beside = os.path.dirname(os.path.dirname(file))
    # lists one folder instead of a dozen: both distributions write their dist-info next to thop
    return (_thop_in([beside]) if beside in folders else None) or _thop_in(folders)


def _thop_in(folders: Iterable[str]) -> Thop | None:
    installed = _found(_THOPS, folders)
    found = [(name, *installed[name]) for name in _THOPS if name in installed]
    if not found:
        return None
    if len(found) == 2 and _wrote_profile(found[1][2]) and not _wrote_profile(found[0][2]):
        found.reverse()
    name, version, _ = found[0]
    shadowed = " ".join(found[1][:2]) if len(found) == 2 else ""
    return Thop(name, version, shadowed, counter_of(name, version))


def _wrote_profile(dist_info: str) -> bool:
    """Whether the file thop/profile.py is the one that this distribution installed, by its recorded hash."""
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    try:
        with open(os.path.join(dist_info, "RECORD"), encoding="utf-8") as file:
            record = file.read()
        with open(os.path.join(os.path.dirname(dist_info), "thop", "profile.py"), "rb") as file:
            digest = urlsafe_b64encode(sha256(file.read()).digest()).rstrip(b"=").decode()
    except OSError:
        return False
    return f"thop/profile.py,sha256={digest}," in record


_ULTRALYTICS_RULES = (
    ((2, 2), "ultralytics-thop-2.2"),
    ((2, 1, 3), "ultralytics-thop-2.1.3"),
    ((2, 1, 2), "ultralytics-thop-2.1.2"),
    ((2, 0, 16), "ultralytics-thop-2.0.16"),
    ((0,), "thop-0.1"),
)
"""The first release of ultralytics-thop with each set of rules, the newest first."""


def counter_of(distribution: str, version: str) -> str | None:
    """Name of the counter with the rules of a release; None if they are not known.

    The releases of the old ``thop`` are ordered by the date in their name, not by their number.
    """
    if distribution == "ultralytics-thop":
        numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:3])
        if numbers >= (2, 3):
            return None
        return next(counter for first, counter in _ULTRALYTICS_RULES if numbers >= first)
    if version.startswith("0.1."):
        return "thop-0.1"
    date = re.search(r"post(\d{6})", version)
    if date is None or not "200101" <= date[1] <= "220610":
        return None
    return "thop-0.0.31" if date[1] < "220601" else "thop-0.1"
