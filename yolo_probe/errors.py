"""The errors that yolo-probe raises on purpose: what failed, on what, what was found and expected, what to do."""

from reprlib import Repr


def shown(value: object) -> str:
    """A value as messages show it: at most 120 characters, however large the value is."""
    limited = Repr()
    limited.maxlevel, limited.maxtuple, limited.maxlist, limited.maxdict, limited.maxset = 3, 12, 12, 4, 4
    limited.maxstring = limited.maxother = 60
    limited.maxlong = 40
    text = limited.repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def visible(text: str) -> str:
    """A text from a file or a path with its line feeds and control characters written out, so that it is one line."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def first_words(error: BaseException) -> str:
    """The first sentence of an error's message; the name of its class where it has none."""
    try:
        words = str(error).strip().splitlines()
    except Exception:  # the __str__ of somebody else's exception may fail
        words = []
    return words[0].partition(".  ")[0].partition(". This could be because")[0] if words else type(error).__name__


def reason_of(error: BaseException) -> str:
    """The class of an error and its first words, 200 characters at most: ``ValueError: too many values``."""
    kind, words = type(error).__name__, first_words(error)
    return kind if words == kind else f"{kind}: {words[:200]}"


class ProbeError(Exception):
    """A question that cannot be answered; the command prints it and exits with 2.

    ``str()`` is one message: what failed, on what, what was found, what was expected.
    """

    remedy: str
    """What to do next, in one sentence; empty if there is no advice."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.remedy = remedy


class TargetError(ProbeError):
    """A TARGET that is neither a file nor a known network, or an option that does not fit it."""


class NoLineError(TargetError):
    """A text without a summary line, without figures of one, and without a known error."""


class CheckpointError(ProbeError):
    """A file that is no checkpoint of YOLOv5, or a damaged one."""


class NoModulesError(CheckpointError):
    """A file of weights without the modules that they belong to."""


class UnsafeError(CheckpointError):
    """A file that would run something when it is loaded, which no checkpoint needs; the command exits with 3."""


class ModelYamlError(ProbeError):
    """A model YAML that is broken or describes no network."""


class TraceError(ProbeError):
    """A network whose forward pass cannot be followed: an unknown class, or shapes that do not fit."""


class DataDependentError(TraceError):
    """A forward pass for which shapes are not enough: it needs values, or fails for another reason."""


class UnknownModuleError(TraceError):
    """A forward pass that reaches a module of a class that yolo-probe does not know."""


class TooManyOperatorsError(TraceError):
    """A forward pass that was ended because it goes on and on."""


class OtherBlockError(TraceError):
    """A forward pass that fails in a block of a fork, known by what it holds: its class may compute otherwise."""


class CounterError(ProbeError):
    """A FLOP counter that is not known."""


class RulesError(ProbeError):
    """A file of counting rules that cannot be read, or a rule in it that fails."""


class SettingsError(ProbeError):
    """A settings file that cannot be read, or a setting that does not exist or has no such value."""


class StoryError(ProbeError):
    """A run without a record, or a record that the probe did not write."""


class HostError(ProbeError):
    """A training script, a module or a host that is not there, or cannot be run here."""


class PictureError(ProbeError):
    """A picture that cannot be drawn here."""
