"""The commands about several networks, and about numbers that stand in a log or a thread."""

from __future__ import annotations

import os.path
import re
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yolo_probe.cli.guide_pages import SURE, Passage, close, in_plain_text, passages
from yolo_probe.cli.options import ImageSize, of_networks, speak_chinese, spoken
from yolo_probe.cli.output import UNEXPLAINED, say, show, write
from yolo_probe.counters.conventions import CONVENTIONS, choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import NoLineError, TargetError, shown
from yolo_probe.language import is_chinese

if TYPE_CHECKING:
    from yolo_probe.hosts.images import Size
    from yolo_probe.hosts.printed_line import PrintedLine
    from yolo_probe.hosts.quoted_figures import Candidate, Quoted
    from yolo_probe.hosts.tool_prints import ToolPrint
    from yolo_probe.networks.generations import Generation
    from yolo_probe.reports.explain import Answer, Explanation
    from yolo_probe.reports.tool_figures import CountedBy


MOST_WORDS_OF_FIGURES = 4
"""Most words that stand beside figures without a question: their names and units."""


@click.command("explain")
@click.argument("lines", nargs=-1, metavar="[LINE | LOG]...")
@of_networks("format", "lang")
def explain_command(lines: tuple[str, ...], form: str) -> None:
    """Say which network prints a line, and what its numbers mean.

    LINE is text such as "213 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs", or a part of one, such as "157
    layers" or "7.5M 17.5", or what a FLOP counter prints; LOG is a file with such lines; without either, standard input
    is read. Two lines are explained against each other; of an error message that is known, such as "No module named
    'models'", the cause and the remedy are told; a question in words is looked up in the guide.
    """
    from yolo_probe.hosts.printed_line import LARGEST_TEXT

    if len(lines) > 1 and not any(re.search(r"\s", each) or os.path.exists(each) or _is_path(each) for each in lines):
        lines = (" ".join(lines),)  # a line or a question without quotes
    is_piped = lines in ((), ("-",))
    texts = [_piped(_standard_input(LARGEST_TEXT))] if is_piped else [*map(text_of, lines)]
    if any(text.is_in_chinese for text in texts):
        speak_chinese()
    empty = [text for text in texts if not (text.lines or text.tools)]
    for text in [each for each in empty if not each.quoted] if len(empty) < len(texts) else ():
        say(f"{text.name}: found no summary line in it, so it is left out")
    try:
        report = explained(texts)
    except NoLineError as problem:
        if form == "json" or any(text.is_log for text in texts):
            raise
        asked = " ".join(text.words or text.content for text in texts)
        answers = passages(asked, spoken())
        if not answers or (_FAILURE.search(asked) and answers[0].score < SURE):
            raise _no_answer(texts[0].name, problem) from None
        write(with_own_numbers(asked, answers))
        return
    words = " ".join(text.words for text in texts)
    is_question = bool(report.quoted or report.answers or report.tools) and form == "text" and _is_question(words)
    answers = passages(words, spoken()) if is_question else ()
    sure = tuple(answer for answer in answers if answer.score >= SURE)
    has_line = any(text.lines or text.tools for text in texts)
    are_apart = len(report.answers) > 1 and not _is_of_one_fuse(report.answers)
    are_apart |= len(report.answers) == 1 and bool(_OF_NO_LINE.search(words))
    answers = close(sure) if has_line else answers
    if sure and (are_apart or not has_line):  # what is asked of several networks is mostly not what their lines are
        write(f"{in_plain_text(answers if has_line else sure)}\n")
    show(report, form)
    if answers and (not sure or (has_line and not are_apart)):
        write(f"\n{in_plain_text(answers)}")
    if is_question and report.quoted:
        write(own_numbers(words, told=[quoted.name for quoted, _ in report.quoted]))
    if not report.exact:
        sys.exit(UNEXPLAINED)


_OF_NO_LINE = re.compile(
    r"\bfps\b|\b(?:inference|forward|detection|training|run) ?time\b"
    r"|\b(?:speed|slower|faster|latency|memory|mAP)\b|\baccuracy\b|\bprun(?:e|ed|ing)\b|\bMB\b|\bfile size"
    r"|\bresum\w+|\bexport\w*|\bonnx\b"
    r"|\u901f\u5ea6|\u53d8\u6162|\u66f4\u6162|\u53d8\u5feb|\u66f4\u5feb|\u663e\u5b58|\u526a\u679d|\u7cbe\u5ea6|\u5bfc\u51fa",
    re.IGNORECASE,
)
"""What no number of a line is of: a question about it is answered first."""


def _is_of_one_fuse(answers: Sequence[Answer]) -> bool:
    """Whether lines are of one network in several states: what is asked is mostly what is between them, then."""
    networks = {answer.matches[0].network.network if answer.exact else "" for answer in answers}
    return len(networks) == 1 and "" not in networks and len({answer.line.text for answer in answers}) > 1


_FAILURE = re.compile(r"\b\w+(?:Error|Exception|Warning):|Traceback")
"""What the message of an error has: single words of one, such as those of a shape, ask nothing of the guide."""


def _no_answer(name: str, problem: NoLineError) -> NoLineError:
    """The error of a text that neither has a line nor is a question that the guide answers."""
    from yolo_probe.hosts.quoted_figures import is_foreign, name_in

    if meant := _as_meant(name):
        return NoLineError(str(problem), f"Did you mean {meant}?")
    if _FAILURE.search(name):
        return NoLineError(
            f"{name}: found an error that is not known here, expected a summary line or one about a network's file, "
            "fuse(), thop or callbacks",
            "yolo-probe guide lists its topics; yolo-probe inspect best.pt shows what a file holds.",
        )
    if re.search(r"\d[\d.]{2}", name):
        return NoLineError(str(problem), f"{problem.remedy} The guide has nothing on these words either.")
    expected = "a summary line, or a question about layers, parameters, gradients, FLOPs, fuse(), --freeze or a file"
    if is_foreign(foreign := name_in(name)):
        return NoLineError(
            f"{name}: found {foreign}, which is none of the known networks, expected {expected}",
            "Its checkpoint or model YAML goes to yolo-probe info, a line that its code prints to explain.",
        )
    return NoLineError(
        f"{name}: found nothing on these words in the guide, expected {expected}",
        "yolo-probe guide lists its topics; a line of a log goes here in quotes.",
    )


def with_own_numbers(question: str, answers: tuple[Passage, ...]) -> str:
    """The sections that answer a question, and the numbers of the network that it names: first where it asks for them.

    ``answers``: as ``guide_pages.passages`` finds them.
    """
    told, numbers = in_plain_text(answers), own_numbers(question)
    if numbers and _ASKS_FOR_NUMBERS.search(question):
        return f"{numbers.lstrip()}\n{told}"
    return f"{told}{numbers}"


def own_numbers(question: str, told: Sequence[str] = ()) -> str:
    """Two lines of the network that a question names, and the command that shows more if it can be built here.

    Of a series without a scale, such as YOLO11, one line for each of its networks. ``told``: names that are told above.
    """
    from yolo_probe.hosts.known_lines import known_networks
    from yolo_probe.hosts.quoted_figures import is_known, name_in, own_lines, series_in

    name = name_in(question)
    if name in told and is_known(name):
        return ""
    lines = [_with_host(each) for each in own_lines(name)[:2]]
    is_series = re.fullmatch(r"yolov?\d+", name) and (not is_known(name) or _EACH.search(question))
    if is_series and _NUMBERS.search(question):
        lines += [_in_short(each) for each in series_in(question)]
    if any(each.network == name and each.family != "ultralytics" for each in known_networks()):
        lines.append(f"yolo-probe info {name}")
    return "".join(f"{each}\n" for each in ("", *lines) if lines)


_ASKS_FOR_NUMBERS = re.compile(
    r"\bhow many (?:\w+[ /]+){0,3}?(?:param\w*|weights|layers|g?flops)"
    r"(?: (?:are|is|does|do|has|have|there|in|of|the|a))* (?=yolo|gelan|rt-?detr)"
    r"|\u6709?\u591a\u5c11 ?\u4e2a?(?:\u53c2\u6570|\u5c42)|(?:\u53c2\u6570\u91cf|\u8ba1\u7b97\u91cf)\u662f\u591a\u5c11",
    re.IGNORECASE,
)
"""A question for the numbers of a network themselves: how many parameters does yolov3 have."""

_NUMBERS = re.compile(r"param|flop|how many|size|\u53c2\u6570|\u8ba1\u7b97\u91cf|\u591a\u5c11", re.IGNORECASE)
_EACH = re.compile(
    r"\b(?:each|every|all|series|models|scales?)\b|\u7cfb\u5217|\u5404|\u6240\u6709|\u6bcf\u4e2a", re.IGNORECASE
)
"""Words of a question about the numbers of networks, and about all networks of a series."""


def _in_short(own: Candidate) -> str:
    """The parameters and GFLOPs of a network after ``fuse()``."""
    parameters = own.network.parameters(own.classes, own.fused)
    return f"{own.network.network}, fused: {parameters / 1e6:.1f} M parameters, {own.line.gflops} GFLOPs"


def _with_host(own: Candidate) -> str:
    """A line of a network behind the newest host that prints it; all of it as logs have it, so in no language."""
    newest = " ".join(own.hosts[-1:]).split()[-1:]  # of a stretch of releases the last
    host = " ".join([own.network.family, *newest]).replace("head", "HEAD")
    return f"{own.network.network}, {host}{', fused' * own.fused}: {own.line.text}"


UNITS = ("layers", "parameters", "gradients", "GFLOPs")
"""What the numbers of a summary line are of."""


def _as_meant(text: str) -> str:
    """A text with the units of its numbers as hosts spell them; empty where none of them is nearly one."""
    from difflib import get_close_matches

    def spelled(match: re.Match[str]) -> str:
        near = get_close_matches(match["unit"].lower(), [unit.lower() for unit in UNITS], 1, 0.75)
        return next((f"{match['number']}{unit}" for unit in UNITS if near == [unit.lower()]), match[0])

    meant = re.sub(r"(?P<number>\d[\d.,]*[eEMG]?\+?\d*\s+)(?P<unit>[A-Za-z]{4,12})\b", spelled, text)
    return meant if meant != text else ""


def _is_question(text: str) -> bool:
    """Whether a text has words enough beside its figures to be looked up in the guide too."""
    words = re.findall(r"[\u4e00-\u9fff]{2}|[^\W\d_\u4e00-\u9fff]{2,}", text)  # one of Chinese is mostly two characters
    words = [word for word in words if not _UNITS.fullmatch(word)]
    fewest = LEAST_WORDS_OF_A_QUESTION if _BEGINS_TO_ASK.match(text) else MOST_WORDS_OF_FIGURES + 1
    return len(words) >= fewest or bool(re.search(_ASKS_IN_CHINESE, text))


LEAST_WORDS_OF_A_QUESTION = 3
"""Fewest words beside figures that begin as a question does: ``does yolov5s have 7.2M or 7.5M parameters``."""

_BEGINS_TO_ASK = re.compile(r"\W*(?:why|how|what|which|where|when|is|are|does|do|did|can|should)\b", re.IGNORECASE)


_UNITS = re.compile(r"summary|fused|layers?|param(?:eter)?s?|grad(?:ient)?s?|[gm]?flops?|[gm]?macs?", re.IGNORECASE)
"""The words of a line, which ask nothing."""


@dataclass(frozen=True)
class Text:
    """A text in which a summary line is looked for."""

    name: str
    """What stands for it in a message."""
    content: str
    is_log: bool = False

    @cached_property
    def tools(self) -> tuple[tuple[ToolPrint, tuple[CountedBy, ...]], ...]:
        """What FLOP counters print in it, each with the networks for which they do."""
        from yolo_probe.hosts.tool_prints import tool_prints

        if not (prints := [*tool_prints(self.content)]):
            return ()
        from yolo_probe.reports.tool_figures import counted_by

        found = ((each, counted_by(each)) for each in prints)
        return tuple((each, networks) for each, networks in found if networks)

    @cached_property
    def beside(self) -> str:
        """The text without what FLOP counters print."""
        rest = self.content
        for each, _ in self.tools:
            rest = rest.replace(each.whole, "\n")
        return rest

    @cached_property
    def lines(self) -> tuple[PrintedLine, ...]:
        """The summary lines in it."""
        from yolo_probe.hosts.printed_line import lines_in
        from yolo_probe.hosts.quoted_figures import name_in

        found = tuple(lines_in(self.beside, log=self.is_log))
        if self.is_log or len(found) != 1 or found[0].name.lower() not in ("", "model"):
            return found
        return (replace(found[0], name=name_in(self.content) or found[0].name),)

    @property
    def is_told(self) -> bool:
        """Whether it has a summary line or a known error, so that no section of the guide is looked for."""
        from yolo_probe.reports.known_errors import errors_in

        return bool(self.lines or self.tools) or any(errors_in(self.content))

    @property
    def is_in_chinese(self) -> bool:
        """Whether somebody has written Chinese in it, asking or not; of a whole log that may be the name of a file."""
        return is_chinese(self.words if self.is_long else self.content)

    @property
    def is_long(self) -> bool:
        """Whether it has more lines than anybody writes: most of them are those of a log."""
        return self.content.count("\n") > MOST_PASTED

    @cached_property
    def words(self) -> str:
        """What stands beside its summary lines and tables, where that asks something; of a whole log nothing."""
        from yolo_probe.hosts.printed_line import as_printed, without_tables
        from yolo_probe.hosts.quoted_figures import without_rows

        if self.is_log and self.is_long:
            return ""
        rest = without_rows(self.beside)
        if self.lines:
            lines = "|".join(re.sub(r"(?:\\\s)+|\s+", r"\\s+", re.escape(line.text)) for line in self.lines)
            rest = re.sub(lines, " ", without_tables(as_printed(self.beside)))
            rest = rest if _WONDERS.search(rest) else ""
        return "\n".join(filter(_is_asked, rest.splitlines())) if self.is_long else rest

    @cached_property
    def quoted(self) -> tuple[Quoted, ...]:
        """The figures in it, if it has no line and is no log."""
        from yolo_probe.hosts.quoted_figures import quoted_in
        from yolo_probe.reports.known_errors import errors_in

        if self.is_log or self.lines or self.tools:
            return ()
        content = self.beside
        for error, _ in errors_in(content):
            content = content.replace(error, " ")
        return tuple(quoted_in(content))


_ASKS_IN_CHINESE = (
    r"\u4ec0\u4e48|\u600e|\u5417|\u5462|\u5982\u4f55|\u54ea|\u591a\u5c11"
    r"|\u533a\u522b|\u610f\u601d|\u542b\u4e49|\u8bf7\u95ee"
    r"|\u548b|\u5565|\u4e3a\u4f55|\u662f\u4e0d\u662f|\u6b63\u5e38\u4e0d|\u6c42(?:\u89e3|\u52a9|\u6559)"
)
"""What, how, which, how many, what is the difference, what does it mean, please: what a question in Chinese has.

Also as people say it: how come, what, is it so, is that normal, who can help.
"""

_WONDERS = re.compile(
    r"[?\uff1f]|\b(?:why|how|what|which|should|however|differ|different|inconsistent|instead|my|but|than|same|reason|normal"
    r"|confus\w+|wonder\w*|strange|weird|unexpected\w*|understand)\b"
    rf"|{_ASKS_IN_CHINESE}|\u4e0d\u4e00|\u53cd\u800c|[\u5c11\u591a\u6ca1]\u4e86?|\u5927\u4e00\u500d",
    re.IGNORECASE,
)
"""What the words beside a line have if they ask something."""


def _is_asked(line: str) -> bool:
    """Whether a line of a long text is what somebody asks about it, and none of a log."""
    begins_or_ends = _BEGINS_TO_ASK.match(line) or line.rstrip().endswith(("?", "\uff1f"))
    return bool((begins_or_ends and _WONDERS.search(line)) or re.search(_ASKS_IN_CHINESE, line))


MOST_PASTED = 20
"""Most lines of a text that somebody pastes into standard input; one that is longer is a log."""


def _piped(content: str) -> Text:
    """The text of standard input: a log, or a few lines without a summary line, which are read as an argument is."""
    log = Text("standard input", content, is_log=True)
    is_pasted = content.strip() and not log.lines and content.count("\n") <= MOST_PASTED
    return replace(log, is_log=False) if is_pasted else log


def explained(texts: Sequence[Text]) -> Explanation:
    """The report on the lines and errors in texts.

    Raises: NoLineError where there is neither a summary line, nor figures of one, nor a known error.
    """
    from yolo_probe.hosts.printed_line import misread_in
    from yolo_probe.reports.explain import explanation_of_figures, of_the_network
    from yolo_probe.reports.known_errors import errors_in

    if misread := next(filter(None, (misread_in(text.content) for text in texts if not text.is_log)), ""):
        raise TargetError(
            f"{texts[0].name}: found {misread} in it, expected digits alone",
            "A picture was read wrongly there: l and I may be 1, O is 0, S is 5, B is 8. Correct it by hand.",
        )
    found = [line for text in texts for line in text.lines]
    errors = tuple(error for text in texts for error in errors_in(text.beside))
    asked = _is_question(" ".join(text.words for text in texts if not text.lines))
    tools = tuple(each for text in texts for each in text.tools)
    quoted = of_the_network(found[:1], [each for text in texts for each in text.quoted])
    report = explanation_of_figures(quoted, found, asked=asked)
    if not (found or errors or report.quoted or tools):
        if figures := [each for each in quoted if not each.is_bare]:
            raise NoLineError(
                f"{texts[0].name}: found {figures[0].text}, expected figures that a known network prints",
                "A changed network, another counter or another image size has others: yolo-probe info model.yaml.",
            )
        raise NoLineError(
            f"{texts[0].name}: found no summary line, expected one such as "
            '"213 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs"',
            NO_LINE_OF_A_LOG if any(text.is_log for text in texts) else NO_LINE,
        )
    return replace(report, errors=errors, tools=tools)


NO_LINE = "Copy the whole line from the log, in quotes; a checkpoint goes to yolo-probe fuse-diff."
NO_LINE_OF_A_LOG = (
    "YOLOv5 writes it to standard error, which a file gets with 2>&1: python train.py 2>&1 | tee train.log. Of a "
    "finished run: yolo-probe story runs/train/exp."
)
"""What to do where there is no line, and where a file has none."""


def text_of(argument: str) -> Text:
    """The text of an argument: a file of that name, which is a log, else the argument itself."""
    try:
        if os.path.isfile(argument):  # unlike a Path's, it takes a text that is too long for the name of a file
            return _log(Path(argument))
        if problem := _no_file(argument):
            raise problem
        text = Text(shown(argument), f"{argument}{_unit_of(argument.strip())}")
        content = _with_its_unit(text.content)
        return text if content == text.content or text.tools else replace(text, content=content)
    except (OSError, ValueError) as error:
        raise TargetError(f"{shown(argument)} cannot be read: {error}", "Check the path.") from None


def _log(path: Path) -> Text:
    """The text of a file. Raises: TargetError for a network, a picture and another file that is no text."""
    from yolo_probe.hosts.printed_line import LARGEST_TEXT

    with path.open("rb") as file:
        data = file.read(LARGEST_TEXT)
    expected = f"{shown(str(path))}: found {{}}, expected a line or a log"
    if path.suffix in NETWORK_ENDINGS or data.startswith(b"PK\x03\x04"):
        raise TargetError(expected.format("a network"), f"Run yolo-probe fuse-diff {path}.")
    content = decoded(data)
    if "\0" in content[:FIRST_CHARACTERS]:
        raise TargetError(expected.format("no text"), "Type the line that a picture shows, in quotes.")
    return Text(shown(str(path)), content, is_log=True)


def _standard_input(most: int) -> str:
    """What is piped in, also where its bytes are not those of the terminal's encoding."""
    data = getattr(sys.stdin, "buffer", None)
    return decoded(data.read(most), sys.stdin.encoding or "utf-8") if data else sys.stdin.read(most)


def decoded(data: bytes, encoding: str = "utf-8") -> str:
    """The text of bytes: in UTF-16 where they begin as what ``>`` of PowerShell writes does, else in an encoding.

    Of a long log without its progress bars.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        encoding = "utf-16"
    return _without_progress(data.decode(encoding, "replace").removeprefix("\ufeff").replace("\r\n", "\n"))


def _without_progress(text: str) -> str:
    """A long log without its progress bars, which are nearly all of it; one that has a message beside it stays."""
    from yolo_probe.hosts.printed_line import LONGEST_PASTED

    if len(text) <= LONGEST_PASTED:
        return text
    return "\n".join(line for line in re.split("[\r\n]", text) if not _is_progress(line))


def _is_progress(line: str) -> bool:
    """Whether a line is a progress bar and nothing more."""
    return ("it/s" in line or "s/it" in line) and not _MESSAGE.search(line)


_MESSAGE = re.compile(
    r"layer|param|grad|flop|summary|error|warning|\u5c42|\u53c2\u6570|\u68af\u5ea6|\u8ba1\u7b97\u91cf", re.IGNORECASE
)
"""What the message beside a progress bar has."""


FIRST_CHARACTERS = 4096
"""Characters of a file that tell whether it is a text."""


def _no_file(argument: str) -> TargetError | None:
    """The error of a folder, an address, the name of a network, and the path of a file that is not there."""
    from yolo_probe.hosts.quoted_figures import is_known

    expected = f"{shown(argument)}: found {{}}, expected a line or a log"
    if len(argument) < LONGEST_PATH and os.path.isdir(argument):
        return TargetError(expected.format("a folder"), f"Of a run: yolo-probe story {argument}.")
    if re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", argument):
        return TargetError(expected.format("a URL"), f"Download it: curl -LO {argument}.")
    name = re.sub(r"\.(?:pt|ya?ml)$", "", argument)
    if is_known(name.lower()):
        return TargetError(expected.format("the name of a network"), f"Run yolo-probe info {name}.")
    if _is_path(argument):
        return TargetError(f"{shown(argument)}: no such file, expected a log or a summary line", "Check the path.")
    return None


LONGEST_PATH = 4096
"""Characters of a path, at most."""


def _unit_of(number: str) -> str:
    """The unit of a text that is a number alone, by its size; empty for any other text."""
    from yolo_probe.hosts.tool_prints import FEWEST_OPERATIONS

    units = {r"\d[\d,]{4,10}": " parameters", r"\d{2,4}": " layers", r"\d{1,4}\.\d{1,2}": " GFLOPs"}
    if re.fullmatch(r"\d[\d,]*", number) and int(number.replace(",", "")) >= FEWEST_OPERATIONS:
        return ""
    return next((unit for pattern, unit in units.items() if re.fullmatch(pattern, number)), "")


def _with_its_unit(question: str) -> str:
    """A question with the unit behind its one number without, if that is what a known network has of parameters."""
    from yolo_probe.hosts.quoted_figures import has_parameters

    numbers = _WHOLE.findall(question)
    if len(numbers) != 1 or not has_parameters(int(numbers[0].replace(",", ""))):
        return question
    return _WHOLE.sub(r"\g<0> parameters", question)


_WHOLE = re.compile(
    r"(?<![\w.,/=:-])(?:\d{6,9}|\d{1,3}(?:,\d{3}){1,2})(?![\w/-]|[.,]\d|\s*(?:\w*(?:param|grad|layer|flop|mac|byte)|[KMG]?B\b))"
    r"(?!\s*\u4e2a?(?:\u53c2\u6570|\u68af\u5ea6))",
    re.IGNORECASE | re.ASCII,
)
"""A whole number among words, which has no unit."""

NETWORK_ENDINGS = (".pt", ".pth", ".yaml", ".yml", ".onnx")
"""How the names of files end that hold a network."""

_PATH_BEGINS = re.compile(r"(?:~|\.{1,2})?/\S|[A-Za-z]:\\")
_ASKS = re.compile(
    r"[?\uff1f\u4e00-\u9fff]|\b(?:why|what|how|which|where|when|is|are|does|do|can|of)\b.*\s", re.IGNORECASE
)
"""What a question has, and the path of a file has not."""


def _is_path(argument: str) -> bool:
    """Whether a text is meant as the path of a file, which is not there, and neither a line nor a question."""
    from yolo_probe.hosts.printed_line import LOG_ENDINGS, lines_in
    from yolo_probe.hosts.quoted_figures import quoted_in

    if "\n" in argument or any(lines_in(argument)) or any(quoted_in(argument)):
        return False
    if not re.search(r"\s", argument):
        has_folder = re.fullmatch(r".*/.+", argument) and not is_chinese(argument)
        return bool(has_folder) or argument.lower().endswith((*LOG_ENDINGS, *NETWORK_ENDINGS))
    endings = "|".join(map(re.escape, LOG_ENDINGS))
    has_ending = re.search(rf"\w(?:{endings})(?:$|[/\\])", argument) and len(argument.split()) <= MOST_WORDS_OF_A_PATH
    return bool(_PATH_BEGINS.match(argument) or has_ending) and not _ASKS.search(argument)


MOST_WORDS_OF_A_PATH = 4
"""Most words of the name of a file, where nothing else says that it is one."""


@click.command("compare")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET TARGET...")
@of_networks("imgsz", "counter", "host", "nc", "table format", "lang")
def compare_command(
    targets: tuple[str, ...], imgsz: Size, counter: str | None, host: Generation | None, nc: int | None, form: str
) -> None:  # fmt: skip
    """Put the numbers of several networks side by side.

    Each TARGET is a checkpoint, a model YAML, the name of a network, or a summary line in quotes; --host and --nc are
    for names and YAMLs.
    """
    from yolo_probe.reports.side_by_side import as_csv, side_by_side

    report = side_by_side(targets, imgsz, choose_counter(counter, installed_thop()), host=host, classes=nc)
    if form == "csv":
        import csv
        from io import StringIO

        text = StringIO()
        csv.writer(text, lineterminator="\n").writerows(as_csv(report))
        write(text.getvalue())
        return
    show(report, form)


def _recorded_between(first: str, second: str) -> Explanation | None:
    """What is recorded between two lines of one network that cannot be built here; None if they are none."""
    from yolo_probe.hosts.printed_line import lines_in
    from yolo_probe.reports.explain import explanation

    lines = [line for text in (first, second) for line in lines_in(text)]
    report = explanation(lines) if len(lines) == 2 else None
    return report if report and report.exact and report.ledgers and not report.between else None


@click.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--counter-a", type=click.Choice(tuple(CONVENTIONS)), metavar="NAME", help="Counter of A, if another.")
@click.option("--counter-b", type=click.Choice(tuple(CONVENTIONS)), metavar="NAME", help="Counter of B, if another.")
@click.option("--imgsz-a", type=ImageSize(), help="Image size of A, if another.")
@click.option("--imgsz-b", type=ImageSize(), help="Image size of B, if another.")
@of_networks("imgsz", "counter", "nc", "format", "lang")
def diff_command(
    first: str, second: str, counter_a: str | None, counter_b: str | None, imgsz_a: Size | None, imgsz_b: Size | None,
    imgsz: Size, counter: str | None, nc: int | None, form: str,
) -> None:  # fmt: skip
    """Explain every difference between two networks, from A to B.

    A and B are checkpoints, model YAMLs, names of networks (yolov5s@v6.1) or summary lines in quotes.
    """
    from yolo_probe.reports.diff import diff, side

    try:
        sides = [
            side(target, size or imgsz, own or counter, classes=nc)
            for target, size, own in ((first, imgsz_a, counter_a), (second, imgsz_b, counter_b))
        ]
    except TargetError:
        if not (recorded := _recorded_between(first, second)):
            raise
        show(recorded, form)
        return
    report = diff(*sides)
    show(report, form)
    if not report.balanced:
        sys.exit(UNEXPLAINED)
