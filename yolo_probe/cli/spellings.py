"""What people type, in the spelling of this command: the hosts' own options, a file without a command, a folder."""

from __future__ import annotations

import os.path
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from yolo_probe.language import is_chinese

DEFAULT_COMMAND = "fuse-diff"
"""The command where only a network is named."""

_SIZES = ("--img", "--img-size", "--image-size", "--imgsz", "--size")
_TARGETS = ("--weights", "--cfg", "--model")
"""Options of the hosts that name a network."""
_TARGET_KEYS = (*_TARGETS, "model", "weights", "cfg")
"""The same before ``=``, as ultralytics writes them too."""
_KEYS = {"imgsz": "--imgsz", "img": "--imgsz", "nc": "--nc", "classes": "--nc", "source": "--source"}
"""Options that ultralytics writes as ``key=value``."""
_NETWORK = re.compile(r"\.(?:pt|pth|ya?ml)$", re.IGNORECASE)
_NAMED = re.compile(r"yolo(?!-probe)|gelan|rtdetr|v5lite", re.IGNORECASE)
"""How the names of networks begin, also of those that nobody ships: the error then names those that are near."""
_NOT_HERE = ("train",)
"""Commands whose arguments are another program's."""
_OWN_CFG = ("inspect",)
"""Commands whose ``--cfg`` is their own."""
_OF_TEXTS = ("explain", "guide")
"""Commands that take words: a size among them is one of these."""
_LAUNCHERS = re.compile(r"(?:.*/)?(?:python[\d.]*|torchrun|yolo|yolov5|[\w.-]+\.py)$")
"""What the command of a host begins with: ``python val.py``, ``yolo predict``."""
_SIZE = re.compile(r"(?:\d{3,5}|\d{2,5}[x,]\d{2,5})$")
"""An image size without its option."""


def respelled(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """The arguments as this command takes them. ``commands``: its subcommands."""
    words = _language_behind(list(arguments))
    if any(word in _NOT_HERE for word in words[:1]):
        return words
    words = _without_launcher(words)
    own = _TARGETS if any(word in _OWN_CFG for word in words[:1]) else ()
    takes_sizes = not any(word in _OF_TEXTS for word in words[:1])
    made: list[str] = []
    while words:
        word = words.pop(0)
        key, equals, value = word.partition("=")
        if equals and key in _TARGET_KEYS and key not in own:
            made.append(value)
        elif equals and key in _KEYS:
            made += [_KEYS[key], _plain(value)]
        elif equals and key in _SIZES:
            made += ["--imgsz", _plain(value)]
        elif word.startswith("-") and re.search(r"\s", word):
            made.append(f" {word}")  # a text, as a question about --freeze is
        elif word in _SIZES:
            made += ["--imgsz", *_size(words)]
        elif word in _TARGETS and word not in own and words and _is_named_by(word, words[0]):
            made.append(words.pop(0))
        elif takes_sizes and _SIZE.match(word) and made and _is_target(made[-1]):
            words.insert(0, word)
            made += ["--imgsz", *_size(words)]
        else:
            made.append(word)
    first = next((word for word in made if not word.startswith("-")), "")
    if first and first not in commands:
        if _is_text(first):
            return ["explain", *made]
        if _is_network(first):
            return [DEFAULT_COMMAND, *made]
    return made


def _without_launcher(words: list[str]) -> list[str]:
    """The network and the image size of a host's command, ``python val.py --weights best.pt --data coco.yaml``.

    Whatever else it says changes no figure. Other words, and a command that names no network, stay as they are.
    """
    named = any(word.partition("=")[0] in _TARGET_KEYS for word in words)
    if not named or not _LAUNCHERS.match(words[0]):
        return words
    kept: list[str] = []
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        key, equals, _ = word.partition("=")
        if equals and key in (*_TARGET_KEYS, *_KEYS, *_SIZES) and key != "source":
            kept.append(word)
        elif word in _SIZES:
            kept += ["--imgsz", *_size(rest)]
        elif word in _TARGETS and rest and rest[0] and not rest[0].startswith("-"):
            kept.append(f"model={rest.pop(0)}")
    of_networks = [word for word in kept if word.partition("=")[0] in _TARGET_KEYS]
    return [*of_networks[:1], *(word for word in kept if word not in of_networks)]


def _is_named_by(option: str, word: str) -> bool:
    """Whether an option of the hosts names a network with the next word; ``--weights`` alone is one of ``info``."""
    return bool(_NETWORK.search(word) or os.path.isdir(word) or (option != "--weights" and _is_target(word)))


def _is_target(word: str) -> bool:
    """Whether a word that may stand before an image size names a network."""
    return not word.startswith("-") and _is_network(word)


def _plain(size: str) -> str:
    """An image size without the signs that stand around lists and tuples."""
    return size.strip("[]()").replace(" ", "")


def _language_behind(words: list[str]) -> list[str]:
    """The same words with ``--lang`` behind the command, or the file, that it stands before; alone it asks for help."""
    first = words[0] if words else ""
    own = 2 if first == "--lang" else int(first.startswith("--lang="))
    if own and len(words) <= own:
        return ["--help"]
    return [*words[own : own + 1], *words[:own], *words[own + 1 :]]


def _is_text(word: str) -> bool:
    """Whether a word that is no command is a pasted line, a question, or the file of a log.

    Chinese has no spaces between its words: there a question may be a single one.
    """
    from yolo_probe.hosts.printed_line import LOG_ENDINGS

    if os.path.exists(word):  # unlike a Path's, it takes a question that is too long for the name of a file
        return Path(word).suffix in LOG_ENDINGS and os.path.isfile(word)
    return bool(re.search(r"\s", word.strip())) or (is_chinese(word) and not _NETWORK.search(word))


def _size(words: list[str]) -> list[str]:
    """The value of an image size, taken from the words that follow: one, or height and width apart."""
    sides: list[str] = []
    while words and len(sides) < 2 and words[0].isdecimal():
        sides.append(words.pop(0))
    return [",".join(sides)] if sides else [_plain(words.pop(0))] if words else []


def _is_network(word: str) -> bool:
    """Whether a word that is no command names a network: a file, a folder, a name."""
    if _NETWORK.search(word) or "://" in word or _NAMED.match(word) or os.path.exists(word):
        return True
    from yolo_probe.hosts.ultralytics_names import name_in
    from yolo_probe.networks.shipped import find_fork_network, is_shipped

    name = word.partition("@")[0]
    return is_shipped(name) or name_in(word) is not None or find_fork_network(name) is not None
