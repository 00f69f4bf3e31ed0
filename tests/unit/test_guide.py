"""Contract: the guide is shown, each figure in it is computed, and its Chinese says the same as its English."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from tests.conftest import Probe
from tests.documents import GUIDE, PAGES, TEXTS, chinese, fences, figures, prose, sections
from tests.exhaustive import exhaustively
from yolo_probe.cli import guide_pages
from yolo_probe.cli.guide_pages import TOPICS, passages, plain, ways_to_ask
from yolo_probe.cli.line_commands import Text
from yolo_probe.hosts.known_lines import KnownNetwork, known_networks
from yolo_probe.hosts.target import resolve
from yolo_probe.model.structure import distinct_modules
from yolo_probe.networks.network import Network
from yolo_probe.render.text_layout import cells

WHY = sections(TEXTS["why-the-numbers-differ"])


def test_the_topics_are_the_pages() -> None:
    assert sorted(TOPICS) == sorted(path.stem for path in GUIDE.glob("*.md"))
    assert {path.stem for path in (GUIDE / "zh").glob("*.md")} == {*TOPICS, "README"}


@pytest.mark.parametrize("options", [(), ("--lang", "zh")])
def test_the_topics_are_listed_one_a_line(options: tuple[str, ...], probe: Probe) -> None:
    lines = probe("guide", *options).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [*TOPICS]
    assert all(len(line.split(maxsplit=1)[1]) > 10 and len(line) <= 84 for line in lines)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_shown_as_plain_text(topic: str, probe: Probe) -> None:
    shown = probe("guide", topic[:4], "--lang", "en").stdout
    assert shown == plain(TEXTS[topic])
    assert not re.search(r"```|\*\*|\]\(", shown)


def test_an_environment_in_chinese_gets_chinese(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("LC_MESSAGES", "zh_CN.UTF-8")
    assert probe("guide", "why").stdout == plain(chinese("why-the-numbers-differ").read_text(encoding="utf-8"))
    assert probe("guide", "why", "--lang", "en").stdout == plain(TEXTS["why-the-numbers-differ"])


def test_an_unknown_topic_names_those_that_there_are(probe: Probe) -> None:
    done = probe("guide", "nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected one of why-the-numbers-differ, questions, counters-and-rules" in done.stderr


@pytest.mark.parametrize("name", TOPICS)
def test_the_lines_of_the_guide_fit_in_a_terminal(name: str) -> None:
    assert [line for line in prose(TEXTS[name]).splitlines() if len(line) > (88 if line.startswith("|") else 80)] == []


@pytest.fixture(scope="module")
def asked(probe: Probe) -> dict[str, Any]:
    """The reports that have the figures of why-the-numbers-differ, as data."""
    questions = {
        "diff": "fuse-diff yolov5s@v7.0", "old": "fuse-diff yolov5s@v6.1", "v5": "info yolov5s@v5.0",
        "two": "info yolov5s@v7.0 --nc 2", "three": "info yolov5s@v7.0 --nc 3",
        "thop": "fuse-diff yolov5s@v7.0 --counter thop-0.0.31", "counters": "counters yolov5s",
        "freeze": "gradients yolov5s --freeze 10", "gradients": "gradients yolov5s",
        "memory": "layers yolov5s --memory", "large": "info yolov5s --imgsz 1280",
        "attention": "info yolov5s-transformer --imgsz 1280 --stride-scaled", "v9": "info yolov9-c",
    }  # fmt: skip
    return {name: json.loads(probe(*words.split(), "--format", "json").stdout) for name, words in questions.items()}


def gigas(flops: float, digits: int = 1) -> str:
    return f"{flops / 1e9:.{digits}f}"


def test_what_fuse_does(asked: dict[str, Any], probe: Probe) -> None:
    before, after = asked["diff"]["training"], asked["diff"]["validation"]
    bn, layers, lost = 57, before["layers"], before["parameters"] - after["parameters"]
    (v3,) = re.findall(r"merges (\d+) of (\d+) BatchNorms", probe("fuse-diff", "yolov5s@v3.1").stdout)
    assert layers - bn == after["layers"]
    assert {*figures(WHY["What fuse() does with the algebra"])} == {
        *map(str, (bn, layers, after["layers"], 2, 1, *v3, int(v3[1]) - int(v3[0]))), f"{lost:,}", f"{2 * lost:,}",
    }  # fmt: skip


def test_the_meanings_of_layers(asked: dict[str, Any]) -> None:
    of = [asked["diff"][state]["layers_by_definition"] for state in ("training", "validation")]
    old = [asked["old"][state]["layers"] for state in ("training", "validation")]
    shared = old[0] - of[0]["modules"]
    rows = len(asked["gradients"]["rows"])
    assert {*figures(WHY["Layers: four meanings"])} == {
        str(each)
        for each in (
            rows, *(each for state in of for each in state.values()), 60, *old, shared, shared + 1, 1,
        )
    }  # fmt: skip
    table = [figures(line) for line in WHY["Layers: four meanings"].splitlines() if re.match(r"\| [tY]", line)]
    kinds = ("parameter_tensors", "modules", "leaf_modules")
    assert table == [[str(rows)] * 2, *([str(state[kind]) for state in of] for kind in kinds)]


def test_parameters(asked: dict[str, Any]) -> None:
    before, after = asked["diff"]["training"], asked["diff"]["validation"]
    two = asked["two"]["summary"]["parameters"]
    info = asked["counters"]["counters"]
    assert {*figures(WHY["Parameters: the surest of the four"])} == {
        f"{asked['three']['summary']['parameters'] - two:,}", "2", f"{two:,}", "0",
        f"{before['parameters'] - after['parameters']:,}", f"{asked['v5']['summary']['parameters']:,}",
        f"{info['ptflops']['parameters']['fused']:,}", f"{info['torchinfo']['parameters']['unfused']:,}",
    }  # fmt: skip
    assert info["ptflops"]["parameters"]["fused"] == info["calflops"]["parameters"]["fused"]


def test_gradients(asked: dict[str, Any]) -> None:
    fused = asked["gradients"]["validation"]["fused"]
    v9 = asked["v9"]["summary"]
    fixed = v9["parameters"] - v9["gradients"]
    figures_of_table = [
        f"{asked['gradients']['copies']['model']['gradients']:,}",
        f"{asked['freeze']['copies']['model']['gradients']:,}",
        *("0", "0"),
        f"{fused['grad_on']:,}",
        f"{fused['no_grad']:,}",
    ]
    text = WHY["Gradients: a switch, not a size"]
    rows = [line.split("|")[2].strip() for line in text.splitlines() if line.startswith("| a")]
    assert rows == figures_of_table[:2] + figures_of_table[3:]
    assert {*figures(text)} == {*figures_of_table, "9", str(fixed // 2 - 1), str(fixed // 2), str(fixed)}


def test_flops_macs_and_memory(asked: dict[str, Any]) -> None:
    report = asked["counters"]["counters"]
    flops = asked["diff"]["training"]["flops"]
    assert {*figures(WHY["FLOPs against FLOPS"])} == {"1", gigas(flops), "10", f"{flops / 10e12 * 1e3:.2f}"}
    assert "GFLOPS" in asked["v5"]["line"]
    assert "GFLOPs" in asked["old"]["host_lines"]["training"]
    convolutions = report["ptflops-aten"]["terms"]["convolution"]["unfused"]
    assert report["torch"]["unfused"] == 2 * convolutions
    moved = asked["memory"]["total"]["memory_access_cost"]
    assert {*figures(WHY["MAC: two meanings"])} == {
        "2", f"{convolutions:,}", f"{2 * convolutions:,}", f"{moved:,}",
    }  # fmt: skip


def test_why_gflops_drop(asked: dict[str, Any]) -> None:
    before, after = asked["diff"]["training"]["flops"], asked["diff"]["validation"]["flops"]
    torch = asked["counters"]["counters"]["torch"]
    thop = [asked["thop"][state]["flops"] for state in ("training", "validation")]
    values = (before - after) // 8
    assert torch["unfused"] == torch["fused"] == after
    assert {*figures(WHY["Why GFLOPs drop although nothing gets cheaper"])} == {
        f"{after:,}", "8", f"{values:,}", f"{8 * values:,}", gigas(before), gigas(after), gigas(torch["fused"], 2), "4",
        *map(gigas, thop),
    }  # fmt: skip
    assert thop[0] - thop[1] == (4 - 2) * values


def test_why_counters_differ(asked: dict[str, Any]) -> None:
    shared = asked["counters"]["counters"]["calflops"]["terms"]["shared modules again"]["unfused"]
    assert shared == 56 * 23_654_400
    charged = {
        each["terms"].get("BatchNorm", {}).get(mode, 0) / 23_654_400
        for each in asked["counters"]["counters"].values()
        if each["unit"] == "MACs"
        for mode in ("train", "unfused")
    }
    assert charged - {19_008 / 23_654_400} == {0, 1, 2, 4, 5}
    assert {*figures(WHY["Why counters differ"])} == {"1", "2", "4", "5", "57", f"{shared:,}"}


def test_why_the_size_hardly_matters(asked: dict[str, Any]) -> None:
    large, small = asked["large"]["summary"], asked["diff"]["training"]
    scaled, direct = (asked["attention"]["stride_scaled"][key] for key in ("flops", "direct"))
    assert large["flops"] == 4 * small["flops"]
    assert {*figures(WHY["Why the image size hardly matters to the line"])} == {
        "640", "32", str(640 * 640 // (32 * 32)), "1280", gigas(small["flops"]), gigas(large["flops"]), gigas(scaled),
        gigas(direct), f"{(direct - scaled) / direct:.2%}",
    }  # fmt: skip


def test_the_other_sections_have_no_figure() -> None:
    assert figures(WHY["Why the numbers differ"]) == ["80"]
    assert figures(WHY["When something is wrong"]) == ["0"]
    assert len(WHY) == 2 + 9, "a section without a test of its figures"


def headings(text: str) -> list[str]:
    return re.findall(r"^(#+) ", prose(text), flags=re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_the_chinese_page_has_the_headings_blocks_and_figures_of_the_english(name: str) -> None:
    english, other = TEXTS[name], chinese(name).read_text(encoding="utf-8")
    assert headings(other) == headings(english)
    assert fences(other) == fences(english)
    assert Counter(figures(other)) == Counter(figures(english))


def paragraphs(text: str) -> list[str]:
    """The paragraphs, items of lists and rows of tables of a page, and how many sentences each has."""
    return [part for part in re.split(r"\n\n+|\n(?=[-|#])", prose(text)) if part.strip()]


def sentences(paragraph: str) -> int:
    """How many sentences of a paragraph end, in English or in Chinese."""
    bare = re.sub(r"`[^`]*`|\]\([^)]*\)", "x", paragraph)
    return len(re.findall(r"[.?!](?=[\s)*\"|]|$)|[\u3002\uff1f\uff01]", bare))


@pytest.mark.parametrize("name", PAGES)
def test_no_sentence_and_no_code_word_is_missing_in_chinese(name: str) -> None:
    english, other = paragraphs(TEXTS[name]), paragraphs(chinese(name).read_text(encoding="utf-8"))
    assert len(other) == len(english)
    for ours, theirs in zip(english, other, strict=True):
        words = [Counter(re.findall(r"`([^`]+)`", part)) for part in (ours, theirs)]
        assert words[0] == words[1], ours
        assert sentences(theirs) == sentences(ours), ours
        assert re.search(r"[一-鿿]", theirs) or not re.search(r"[a-z]{3}", re.sub(r"`[^`]*`|yolo-probe", "", ours)), (
            ours
        )


# questions


FEWER = "Why are there fewer parameters after fuse(), and why are gradients 0?"
MISSING = "Why are GFLOPs missing in my line after I added a module?"
TWICE = "How are FLOPs computed: why twice the MACs (x2), and what is the stride for?"
RANKS = "Why do I see the line twice, once for each rank, or never, with several GPUs?"
DDP = "Do FLOPs, layers and parameters change in DDP or DataParallel?"
OUTPUTS = "Does fuse() change the predictions or the mAP?"
LAST = "best.pt or last.pt: which do I use, and from which can I resume?"
HALF = "Is best.pt FP16 or FP32, why is a file twice the size, how do I convert it?"
RELEASES = "Why do the numbers of a network change between releases of ultralytics?"
FEW = "Why few parameters and many GFLOPs, or a lighter block and no fewer GFLOPs?"
CONVERTED = "Reparameterization: why has yolov9-c twice the published parameters?"
MERGING = "Reparameterization: do I convert the model after training, and how?"
PRUNING = "What does pruning change, and how do I save and fine-tune a pruned network?"
ZERO = "Why does another tool print 0 parameters, or 0.01 GMac, or half?"
DISPLAY = "How do I see or calculate parameters and FLOPs of a .pt file, per layer?"
CLASSES = "Do I need to change nc in the model YAML, and what do classes cost?"
TRANSFERRED = 'What does "Transferred 343/349 items from yolov5s.pt" mean?'
BIG = "Why is my file best.pt 4 times the size of yolov5s.pt, in MB?"
KEY = "KeyError: 'ema' or KeyError: 'model': which file has no such key?"
QUESTIONS = {
    "why not fuse in training": "Why not fuse() before training?",
    "best.pt is 56 MB but should be 14 MB": "Why is my file best.pt 4 times the size of yolov5s.pt, in MB?",
    "why best.pt small, epoch.pt is big": "Why is my file best.pt 4 times the size of yolov5s.pt, in MB?",
    "which is used, ema or model": "A checkpoint has model and ema: which one is used?",
    "callback arguments": "What arguments do on_fit_epoch_end and the other callbacks get?",
    "when was the callback API born or changed": "Which callbacks does YOLOv5 have, and what are they given?",
    "Torch-Pruning MACs same, Params=0": "Why does another tool print 0 parameters, or 0.01 GMac, or half?",
    "does freeze 10 mean 0..10": "What does --freeze 10 freeze, and why does the line not show it?",
    "How many layers to freeze": "What does --freeze 10 freeze, and why does the line not show it?",
    "Relationship between FPS and GFLOPS":
        "How many FPS does a Jetson or another device reach with so many GFLOPs?",
    "ghost is slower than the original": "Why is a network with fewer GFLOPs slower, with fewer FPS?",
    "FLOPs 12B is that billion": "What are FLOPs (B), BFLOPS, GMac and Mult-Adds?",
    "is MACs equal to FLOPs": TWICE,
    "memory access cost": "MAC: two meanings",
    "imgsz affect on GFLOPS": "Does GFLOPs depend on the image size or on the batch size?",
    "torchinfo summary starts a training run": "Why does torchinfo.summary(YOLO) start a training?",
    "GFLOPs vanished after adding CoordAttention": MISSING,
    "difference between Detect and IDetect deploy yaml yolov7":
        "Is YOLOv7's training YAML another network than the deploy YAML?",
    "Why is the number of layers different between training and testing, train.py val.py":
        "Why do the lines of train.py and val.py differ in layers, parameters, GFLOPs?",
    "modules are defined while not participating in the forward": (
        "Do modules count that are defined and not used in forward?"
    ),
    "GFLOPs of a custom MBConv and CBAM increased": "Why did GFLOPs rise so much when I replaced one block?",
    "Interrupted the training process and got best.pt three times bigger than original file": (
        "Why is my file best.pt 4 times the size of yolov5s.pt, in MB?"
    ),
    "Passing a single layer resulted in 0 params": "Why does another tool print 0 parameters, or 0.01 GMac, or half?",
    "BatchNorm is not fused in BottleneckCSP": "What fuse() does with the algebra",
    "Why is layer info different in train and test?":
        "Why do the lines of train.py and val.py differ in layers, parameters, GFLOPs?",
    "\u540c\u4e00\u4e2a\u6a21\u578b\uff0c\u8bad\u7ec3\u548cval\u5c42\u6570\u4e0d\u4e00\u6837":
        "Why do the lines of train.py and val.py differ in layers, parameters, GFLOPs?",
    "params/FLOPs differ from docs": "Why does the README list another number of parameters or FLOPs?",
    "attention matmul not counted": "Why does another tool print 0 parameters, or 0.01 GMac, or half?",
    "dfs_count wrong total": "thop: why is the total of dfs_count wrong, or another when it runs twice?",
    "fuse crashes": "My block trains, and fuse() fails or crashes at the end: can I know before?",
    "torchinfo.summary(YOLO) starts a training run": "Why does torchinfo.summary(YOLO) start a training?",
    "two outputs for one model, version of thop":
        "Why does the same model print other GFLOPs with another version of thop?",
    "ONNX layers": "Do ONNX and TensorRT have the same number of layers?",
    "pruning zeros parameters": PRUNING,
    "How to print model summary of a .pt file":
        "How do I see or calculate parameters and FLOPs of a .pt file, per layer?",
    "README FLOPs different from documentation table":
        "Why does the README list another number of parameters or FLOPs?",
    "FLOPs went from 6 to 20 after replacing Conv by Identity":
        "Why did GFLOPs rise so much when I replaced one block?",
    "DDP prints the summary on every rank": RANKS,
    "ptflops Params=0": "Why does another tool print 0 parameters, or 0.01 GMac, or half?",
    "Conv2 forward_fuse self.bn": "My block trains, and fuse() fails or crashes at the end: can I know before?",
    "yaml has few rows, summary says 214": "The YAML has few rows: why does the summary say hundreds of layers?",
    "how deep is yolov5, 19 convolutional layers":
        "How many convolutional layers does it have, and how deep is it?",
    "\u8bad\u7ec3\u597d\u7684 best.pt \u6587\u4ef6\u592a\u5927":
        "Why is my file best.pt 4 times the size of yolov5s.pt, in MB?",
    "\u8f93\u5165\u5c3a\u5bf8\u4e0d\u540c GFLOPs \u5374\u76f8\u540c":
        "Does GFLOPs depend on the image size or on the batch size?",
    # in the words of readers who did not find the section at first
    "GFLOPs vanished": MISSING, "GFLOPs missing": MISSING, "GFLOPs disappeared": MISSING, "GFLOPs gone": MISSING,
    "GFLOPs not shown": MISSING, "no GFLOPs": MISSING, "GFLOPs \u4e0d\u663e\u793a": MISSING,
    "thop dfs_count wrong total": "thop: why is the total of dfs_count wrong, or another when it runs twice?",
    "thop twice on the same model": "thop: why is the total of dfs_count wrong, or another when it runs twice?",
    "why stride 32 and x2 in FLOPs": TWICE, "stride": TWICE, "why times 2": TWICE, "why multiply by 2": TWICE,
    "tensorboard model/GFLOPs same for imgsz 320 and 1280":
        "Why does a logger such as TensorBoard ignore the image size?",
    "yolov5s-cls GFLOPs at 224": "Why does a classifier print GFLOPs of 640x640, when it trains at 224?",
    "profile shows wrong params": "Why does the host's own profile table show wrong params?",
    "FLOPs with DDP": DDP, "DistributedDataParallel": DDP, "DataParallel": DDP, "de_parallel": DDP, "DDP": DDP,
    "FLOPs with DDP: is the model unwrapped by de_parallel": DDP,
    "multi GPU": RANKS,
    "several GPUs": RANKS,
    "Model summary printed twice": RANKS,
    "added SE block, GFLOPs did not change": "I added a block such as SE: why did GFLOPs not change?",
    "do frozen layers' BatchNorm statistics still change":
        "Do BatchNorm statistics of frozen rows still change, and how do I stop it?",
    "freeze=10 in ultralytics": "What does freeze=10 freeze in ultralytics, and what does its line say?",
    "does fuse change mAP": OUTPUTS, "does fuse change accuracy": OUTPUTS, "does fuse() change predictions": OUTPUTS,
    "fuse changes predictions": OUTPUTS, "are the results the same after fuse": OUTPUTS,
    "do outputs differ after fusing": OUTPUTS,
    "torchsummary shows more params than yolov5":
        "Why do torchinfo or torchsummary show more parameters?",
    "torchinfo parameters differ": "Why do torchinfo or torchsummary show more parameters?",
    "on_fit_epoch_end arguments": "What arguments do on_fit_epoch_end and the other callbacks get?",
    "FPS from GFLOPs": "How many FPS does a Jetson or another device reach with so many GFLOPs?",
    "how many FPS on Jetson": "How many FPS does a Jetson or another device reach with so many GFLOPs?",
    "best.pt or last.pt": LAST, "difference between best.pt and last.pt": LAST, "resume training": LAST,
    "nothing to resume": LAST, "last.pt": LAST,
    "is best.pt FP16": HALF, "fuse \u4e4b\u540e\u7cbe\u5ea6\u4f1a\u53d8\u5417": OUTPUTS,
    "how is the BN of frozen layers kept from changing":
        "Do BatchNorm statistics of frozen rows still change, and how do I stop it?",
    "freeze=10 yolov8": "What does freeze=10 freeze in ultralytics, and what does its line say?",
    "can a fused model be trained": "Why not fuse() before training?",
    "training a fused model": "Why not fuse() before training?",
    "is best.pt FP16, how to FP32": HALF, "convert FP16 to FP32": HALF, "best.pt double the size": HALF,
    "half precision checkpoint": HALF,
    "how are FLOPs computed": TWICE, "\u6a21\u578b\u8ba1\u7b97\u91cf\u600e\u4e48\u7b97": TWICE,
    "KeyError: 'ema'": KEY, "KeyError: 'model'": KEY,
    "torchinfo.summary(YOLO) starts a training": "Why does torchinfo.summary(YOLO) start a training?",
    # of other threads
    "number of layers and parameters in training and inference, which should I use to compare models":
        "Which of the two lines do I report, that of training or that of validation?",
    "why did FLOPs of yolo11n-cls change between ultralytics versions": RELEASES,
    "FLOPs of yolov8n-cls changed after updating ultralytics": RELEASES,
    "\u4e3a\u4ec0\u4e48\u66ff\u6362\u4e4b\u540e\u5e76\u6ca1\u6709\u964d\u4f4e\u53c2\u6570\u91cf\u4ee5\u53caGFLOPs": FEW,
    "why does a model with 50k parameters take 1.1 GFLOPs": FEW,
    "why is --freeze 50 for yolov7 and not 51": "What does --freeze 10 freeze, and why does the line not show it?",
    "why are the parameters and FLOPs of yolov9-c twice as much as published in the paper": CONVERTED,
    "what is reparameterization in yolov9": CONVERTED,
    "difference between yolov9-c-converted, yolov9-c and gelan-c": CONVERTED,
    "reparameterizing a yolov7 model does not change file size or inference speed": MERGING,
    "\u8bad\u7ec3\u5b8c\u6210\u540e\u5982\u4f55\u8fdb\u884c\u6a21\u578b\u91cd\u53c2\u6570\u8f6c\u6362": MERGING,
    "batchsize\u6539\u4e86\u4e4b\u540eGFLOPs\u4f1a\u53d8\u5417":
        "Does GFLOPs depend on the image size or on the batch size?",
    "yolox nano \u6a21\u578b\u53c2\u6570\u66f4\u5c11\uff0c\u53cd\u800c\u6bd4yolov5n \u6162":
        "Why is a network with fewer GFLOPs slower, with fewer FPS?",
    "\u600e\u4e48\u770byolov8\u6bcf\u4e00\u5c42\u7684\u53c2\u6570\u91cf\u548c\u8f93\u51fa\u5c3a\u5bf8": DISPLAY,
    "\u81ea\u5df1\u52a0\u7684CA\u6ce8\u610f\u529b\uff0c\u540e\u9762\u6ca1GFLOPs\u4e86\uff0c\u548b\u56de\u4e8b": MISSING,
    "what's the difference between yolov7.pt and yolov7_training.pt":
        "Is YOLOv7's training YAML another network than the deploy YAML?",
    "different input image sizes, same parameter count?": "Why the image size hardly matters to the line",
    "input 512 and 640 give the same GFLOPs": "Does GFLOPs depend on the image size or on the batch size?",
    "will torch.matmul be regarded as zero_ops in thop": ZERO, "thop got 0 ops for nn.MultiheadAttention": ZERO,
    "thop warns there are no hooks for SiLU and counts zero macs": ZERO,
    "small discrepancy between fvcore and pytorch FlopCounterMode": "Why counters differ",
    "thop and ptflops give different FLOPs for the same model": "Why counters differ",
    "how to make the final model smaller after training was interrupted":
        "Why is my file best.pt 4 times the size of yolov5s.pt, in MB?",
    "different size of weights: 89M before, now 354M": "Why is my file best.pt 4 times the size of yolov5s.pt, in MB?",
    "why does it not show the GFLOPs like YOLOv5, how to show them": MISSING,
    "how to display GFLOPS value of a trained model": DISPLAY,
    "how to calculate parameters and GFLOPs before training starts": DISPLAY,
    "do I need to change nc in yolov5s.yaml": CLASSES,
    "why does nc exist in the model yaml when the data yaml has it": CLASSES,
    "how many parameters does one more class cost": CLASSES,
    "which activation functions does yolov5s use": "Does another activation (SiLU, ReLU, LeakyReLU) change parameters "
    "or speed?",
    "Transferred 349/355 items from pretrained weights": TRANSFERRED,
    "Transferred 198/349 items from yolov5s.pt": TRANSFERRED,
    "yolov8-p2: why do the parameters of Detect decrease when the p2 head is added":
        "Why has Detect of ultralytics fewer parameters with a P2 head?",
    "custom callbacks are not called in DDP training": "Why are the callbacks that I added not called in DDP?",
    "slightly fewer FLOPs but much higher latency": "Why is a network with fewer GFLOPs slower, with fewer FPS?",
    "why can't I display GFLOPs when initializing the YOLO class": MISSING,
    "FLOPS missing for a model with P3-P4 only": MISSING,
    "GFLOPs increased a lot after adding CBAM": "Why did GFLOPs rise so much when I replaced one block?",
    "FLOPs of yolov8l-obb only 169, documentation says 433.8":
        "Why does the README list another number of parameters or FLOPs?",
    "what do Params, Module and GFLOPS mean in profiling": "Why does the host's own profile table show wrong params?",
    "\u6743\u91cd\u6587\u4ef6\u592a\u5927": "Why is my file best.pt 4 times the size of yolov5s.pt, in MB?",
    "\u4e3a\u4ec0\u4e48fuse\u4e4b\u540e\u53c2\u6570\u91cf\u53d8\u5c11\u4e86": FEWER,
    "gradients \u4e3a\u4ec0\u4e48\u662f0": FEWER,
    "yolov7-tiny.cfg Total BFLOPS 5.525 avg_outputs = 166033": "What are FLOPs (B), BFLOPS, GMac and Mult-Adds?",
    "twice output of the architecture of yolov8, GFLOPs of the first and the second are different": CLASSES,
    "model.info() and model.train() print different parameters": CLASSES,
    "why can't I print GFLOPS when I'm training with RT-DETR": MISSING,
    "layer number is wrong when converting to ncnn": "Do ONNX and TensorRT have the same number of layers?",
    "same MACs and Params before and after pruning": PRUNING,
    "the saved weight is too large on training": "Why is my file best.pt 4 times the size of yolov5s.pt, in MB?",
    "\u8ba1\u7b97\u91cf\u548c\u8bba\u6587\u4e0d\u4e00\u81f4":
        "Why is my figure 2, 4 or 10 times that of the paper?",
    "why 0 gradients after training": FEWER,
    "\u8bad\u7ec3\u548c\u9a8c\u8bc1\u53c2\u6570\u91cf\u4e0d\u4e00\u6837":
        "Why do the lines of train.py and val.py differ in layers, parameters, GFLOPs?",
}  # fmt: skip
"""Questions of public threads, and the section of the guide that answers each."""


HEADINGS = {
    (topic, heading): translated
    for topic in TOPICS
    for heading, translated in zip(
        list(sections(TEXTS[topic]))[1:],
        list(sections(chinese(topic).read_text(encoding="utf-8")))[1:],
        strict=True,
    )
}
"""The heading of each section in English, with its topic, and in Chinese."""
IN_CHINESE = {heading: translated for (_, heading), translated in HEADINGS.items()}


@pytest.mark.parametrize("question", exhaustively(QUESTIONS, few=6))
def test_a_question_in_words_finds_its_section(question: str) -> None:
    assert passages(question, "en")[0].heading in (QUESTIONS[question], IN_CHINESE.get(QUESTIONS[question]))


WAYS = [(heading, way) for heading, ways in ways_to_ask().items() for way in ways]


def test_every_way_to_ask_is_of_a_section() -> None:
    assert {heading for heading, _ in WAYS} <= {heading for _, heading in HEADINGS}
    assert len({way for _, way in WAYS}) == len(WAYS)


@pytest.mark.parametrize("number", exhaustively(range(len(WAYS)), few=10))
def test_a_way_to_ask_finds_its_section(number: int) -> None:
    heading, way = WAYS[number]
    assert passages(way, "en")[0].heading in (heading, IN_CHINESE[heading])


@pytest.mark.parametrize(
    "question",
    [
        "I get 7,235,389 first and 7,225,885 later",
        "yolov8n 225 layers and 168 layers",
        "\u4e24\u6b21\u6253\u5370\u7684\u53c2\u6570\u91cf\u4e0d\u4e00\u6837\uff0c\u4e00\u4e2a\u662f7235389"
        "\u4e00\u4e2a\u662f7225885",
    ],
)
def test_two_figures_of_one_network_are_known_as_those_before_and_after_fuse(question: str) -> None:
    heading = "Why do the lines of train.py and val.py differ in layers, parameters, GFLOPs?"
    assert passages(question, "en")[0].heading in (heading, IN_CHINESE[heading])


FOUND, NAMED = 0.65, 0.87
"""What part of questions in words that the guide has not seen find their section: as the best, and as one of those."""


@pytest.mark.parametrize("step", exhaustively((3, 1)))
def test_most_questions_in_new_words_find_their_section(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {language: guide_pages._index(language) for language in ("en", "zh")}
    best = named = 0
    for heading, way in WAYS[::step]:
        without = {
            language: tuple(_without(way, each) if each.passage.heading in (heading, IN_CHINESE[heading]) else each
                            for each in index)
            for language, index in whole.items()
        }  # fmt: skip
        monkeypatch.setattr(guide_pages, "_index", without.__getitem__)
        guide_pages._guide.cache_clear()
        guide_pages._rarity.cache_clear()
        found = [each.heading in (heading, IN_CHINESE[heading]) for each in passages(way, "en")]
        best, named = best + (found[:1] == [True]), named + any(found)
    guide_pages._guide.cache_clear()
    guide_pages._rarity.cache_clear()
    assert best >= FOUND * len(WAYS[::step])
    assert named >= NAMED * len(WAYS[::step])


def _without(way: str, section: guide_pages._Indexed) -> guide_pages._Indexed:
    """A section as it is looked up where one way to ask for it is not known."""
    found = next(each for each in guide_pages._sections("en") if section.passage.heading in each[1])
    _, headings, text = found
    others = [each for each in ways_to_ask()[headings[0]] if each != way]
    return guide_pages._indexed(section.passage, text, (*headings, *others))


OTHERWISE = (
    "how to train on custom dataset", "CUDA out of memory", "loss is nan", "how to label images", "license",
    "what learning rate should I use", "how to track objects in a video", "webcam detection not working",
    "AssertionError: train: No labels found in train.cache", "early stopping patience", "what is autoanchor",
    "how to install pytorch with cuda", "how to count objects in zones", "which GPU should I buy",
    "no labels found in my dataset", "training is stuck at the first epoch",
    "how do I change the confidence threshold in detect.py", "how to detect small objects in large images",
    "how to run inference on a folder of images", "val loss goes up while train loss goes down",
    "confusion matrix background", "how many images do I need", "\u663e\u5b58\u4e0d\u8db3\u600e\u4e48\u529e",
    "\u5982\u4f55\u8bad\u7ec3\u81ea\u5df1\u7684\u6570\u636e\u96c6", "\u600e\u4e48\u5b89\u88c5 pytorch",
)  # fmt: skip
"""Questions of public threads about something else."""


@pytest.mark.parametrize("question", exhaustively(OTHERWISE, few=4))
def test_a_question_about_something_else_gets_no_section(question: str) -> None:
    assert passages(question, "en") == ()


def test_a_section_about_other_networks_is_no_answer() -> None:
    best = passages("yolov7-tiny has 5.2 GFLOPs in the paper, and 13.7 in a table", "en")[0]
    assert best.heading == "Why is my figure 2, 4 or 10 times that of the paper?"
    best = passages("yolov10n has 2.8M parameters, and 2.3M in a table", "en")[0]
    assert best.heading.startswith("Why has YOLOv10 or YOLO26")


def test_a_section_about_a_subject_of_its_own_is_no_answer_to_a_question_without_it() -> None:
    """Those of several GPUs have the words of every question: layers, parameters, FLOPs, change."""
    headings = [each.heading for each in passages("Focus or a 6x6 conv, which has more parameters and layers", "en")]
    assert not [heading for heading in headings[:1] if "DDP" in heading or "GPU" in heading]
    assert "GPUs" in passages("do parameters and layers change with several GPUs", "en")[0].heading


def test_a_section_about_a_network_answers_a_question_that_names_it() -> None:
    question = "the parameters and GFLOPs are not those of the paper"
    assert not passages(question, "en")[0].heading.startswith("Has RT-DETR")
    assert passages(f"{question}, RT-DETR", "en")[0].heading.startswith("Has RT-DETR")


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("best.pt is 52 MB here and 27 MB there", HALF),
        ("the weights have 359M while it trains, 90M at the end", BIG),
        ("I train with yolov5x.pt, and the model has 668MB when it is finished", BIG),
    ],
)
def test_the_sizes_of_two_files_say_what_is_in_the_larger_one(question: str, heading: str) -> None:
    assert passages(question, "en")[0].heading == heading


@pytest.mark.parametrize(
    "question", ["3.2M parameters here, and 11.2M there", "pt of 14 MB, onnx of 28 MB, int8 of 7 MB"]
)
def test_millions_and_three_files_are_no_two_sizes(question: str) -> None:
    assert guide_pages._times(question) == ""


def test_a_question_without_a_subject_of_the_guide_is_answered_if_its_words_are_of_one_section() -> None:
    question = "the backbone was modified, can its original weights be used in the changed network or are they lost"
    assert not (frozenset(guide_pages._words(question)) & guide_pages._subjects())
    assert passages(question, "en")[0].heading == TRANSFERRED


def test_each_of_several_questions_is_answered() -> None:
    one, another = "Why is best.pt 56 MB instead of 14 MB?", "How many layers has the backbone?"
    headings = [each.heading for each in guide_pages.close(passages(f"{another} {one}", "en"))]
    assert {"How many convolutional layers does it have, and how deep is it?", BIG} <= {*headings}
    assert [each.heading for each in passages(f"{one} Is this expected?", "en")][:1] == [BIG]
    assert guide_pages._questions(f"I trained it. {one} Is this expected? Thanks!") == (one,)


def test_particles_join_no_words_of_chinese() -> None:
    best = passages("thop\u51fd\u6570\u7684\u7248\u672c\u95ee\u9898", "zh")[0]
    assert best.heading == IN_CHINESE["Why does the same model print other GFLOPs with another version of thop?"]


@pytest.mark.parametrize("words", ["hello", "my cat", "please help me with this issue", "how to water the garden"])
def test_words_that_the_guide_has_not_find_nothing(words: str, probe: Probe) -> None:
    assert passages(words, "en") == ()
    assert probe("guide", *words.split()).returncode == probe("explain", words).returncode == 2


@pytest.mark.parametrize("place", exhaustively(HEADINGS, few=4))
def test_a_heading_finds_its_section(place: tuple[str, str]) -> None:
    topic, heading = place
    for words in (heading, HEADINGS[topic, heading]):
        best, *_ = passages(words, "en")
        assert (best.topic, best.heading) in ((topic, heading), (topic, HEADINGS[topic, heading]))


def test_sections_that_answer_nearly_as_well_are_shown_and_the_next_are_named(probe: Probe) -> None:
    for words, number in (
        ("does fuse change mAP", 1),
        ("how many layers to freeze", 2),
        ("mmdetection counts half of the official Gflops", 2),  # with the third they would not fit a screen
    ):
        answers = passages(words, "en")
        shown, named = answers[:number], answers[number:]
        assert guide_pages.close(answers)[:number] == shown
        told = probe("explain", words, "--lang", "en").stdout
        assert all(f"{each.heading} (yolo-probe guide {each.topic})\n\n" in told for each in shown)
        assert told.endswith("\n\n" + "".join(f'yolo-probe guide "{each.heading}"\n' for each in named))


def test_the_guide_too_begins_with_the_numbers_that_are_asked_for(probe: Probe) -> None:
    words = "how many parameters does yolov3 have"
    told = probe("guide", *words.split(), "--lang", "en").stdout
    assert told.startswith("yolov3, YOLOv5 HEAD: 152 layers, 61,949,149 parameters, ")
    assert told == probe("explain", words, "--lang", "en").stdout


def test_no_more_is_shown_than_fits_a_screen() -> None:
    for _, way in WAYS[::20]:
        answers = passages(way, "en")
        best, told = (len(guide_pages.in_plain_text(each).splitlines()) for each in (answers[:1], answers))
        assert told <= max(guide_pages.SCREEN, best) + guide_pages.MOST


def test_of_the_opening_of_a_page_only_the_command_is_shown(probe: Probe) -> None:
    assert probe("guide", "glossary", "terms", "--lang", "en").stdout == "yolo-probe guide glossary\n"


def test_chinese_is_answered_in_chinese_in_lines_that_fit(probe: Probe) -> None:
    shown = probe("explain", "GFLOPs \u4e0d\u663e\u793a", "--lang", "en").stdout
    assert shown.startswith(IN_CHINESE[MISSING])
    assert all(cells(line) <= 80 for line in shown.splitlines()[1:] if not line.startswith("yolo-probe guide "))


def test_where_the_guide_has_nothing_nobody_is_sent_to_it(probe: Probe) -> None:
    told = probe("explain", "how to water the garden").stderr
    assert "found nothing on these words in the guide, expected a summary line, or a question about layers" in told
    assert "The guide has nothing on these words either." in probe("explain", "garden 12345").stderr


def test_the_guide_is_searched_for_words_of_any_subject(probe: Probe) -> None:
    assert "(yolo-probe guide many-files)" in probe("guide", "dask", "scheduler", "--lang", "en").stdout
    about_something_else = "how to install pytorch with cuda"
    assert passages(about_something_else, "en", searched=True)
    assert passages(about_something_else, "en") == ()


@pytest.mark.parametrize(
    "words",
    [
        "_pickle.UnpicklingError: Weights only load failed. This file can still be loaded, you have two options",
        "AttributeError: Can't get attribute 'SPPF' on <module 'models.common' from 'models/common.py'>",
        "YOLOv5s summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs",
        "why yolo8s.pt have 86M",
    ],
)
def test_what_explain_tells_the_guide_tells_too(words: str, probe: Probe) -> None:
    told = probe("guide", *words.split(), "--lang", "en")
    assert (told.returncode, told.stdout) == (0, probe("explain", words, "--lang", "en").stdout)
    assert "(yolo-probe guide" not in told.stdout


def test_a_heading_with_figures_of_an_error_is_a_heading(probe: Probe) -> None:
    assert Text(ZERO, ZERO).is_told
    assert probe("guide", ZERO, "--lang", "en").stdout.startswith(f"{ZERO} (yolo-probe guide questions)")


def test_both_commands_show_the_sections(probe: Probe) -> None:
    shown = probe("guide", "file", "size", "best.pt", "--lang", "en").stdout
    assert shown == probe("explain", "file size best.pt", "--lang", "en").stdout
    assert shown.startswith(
        "Why is my file best.pt 4 times the size of yolov5s.pt, in MB? (yolo-probe guide questions)\n"
    )
    chinese_ = probe("guide", "file", "size", "best.pt", "--lang", "zh").stdout
    assert sections(chinese("questions").read_text(encoding="utf-8")).keys() >= {chinese_.partition(" (yolo")[0]}


def _networks(name: str, release: str) -> list[KnownNetwork]:
    """A network as a release of ultralytics prints it, which begins or ends a stretch of them."""
    return [
        each for each in known_networks()
        if (each.network, each.family) == (name, "ultralytics")
        and any(release in host.split(" to ") for host in each.hosts)
    ]  # fmt: skip


def known_figures(name: str, release: str, *, fused: bool, layers: bool = False) -> set[str]:
    """Parameters in millions, GFLOPs and layers of a network of ultralytics, as a release prints them."""
    network = _networks(name, release)[0]
    numbers = network.numbers(80)
    gflops = list(numbers.gflops.values())[-1][fused]
    assert gflops
    found = {f"{numbers.parameters[fused] / 1e6:.1f}", f"{gflops:.1f}"}
    return found | ({str(network.layers[fused])} if layers else set())


def _own(name: str, family: str) -> tuple[tuple[int, float], tuple[int, float]]:
    """Parameters and GFLOPs of a network as the newest of a family's hosts prints it, after fuse() and before it."""
    network = [each for each in known_networks() if (each.network, each.family) == (name, family) and not each.note][-1]
    numbers = network.numbers(80)
    after, before = ((numbers.parameters[fused], list(numbers.gflops.values())[-1][fused]) for fused in (True, False))
    assert after[1]
    assert before[1]
    return (after[0], after[1]), (before[0], before[1])


SERIES = {"YOLOv5": "yolov5", "YOLOv8": "yolov8", "YOLO11": "yolo11", "YOLO26": "yolo26"}


def _figures_of_series() -> set[str]:
    """The figures of the table of series, each held in its place."""
    found = set()
    text = sections(TEXTS["questions"])["How do n, s, m, l, x differ, how many parameters and GFLOPs has each network?"]
    for title, series in SERIES.items():
        (row,) = (line for line in text.splitlines() if line.startswith(f"| {title} "))
        cells_ = [_own(series + scale, "YOLOv5" if series == "yolov5" else "ultralytics")[0] for scale in "nsmlx"]
        assert row.split(" | ")[1:] == [f"{p / 1e6:.1f} M, {g:.1f}" + " |" * (p == cells_[-1][0]) for p, g in cells_]
        found |= {figure for p, g in cells_ for figure in (f"{p / 1e6:.1f}", f"{g:.1f}")}
    return found


def _figures_of_rtdetr() -> set[str]:
    """The figures of RT-DETR: the paper has those before fuse() without their decimals, but for R50 and R101."""
    large, extra, r50, r101 = (_own(f"rtdetr-{each}", "ultralytics")[1] for each in ("l", "x", "resnet50", "resnet101"))
    paper = {"32", "110", "67", "234", "42", "136", "76", "259", "60", "92"}
    assert {str(int(figure)) for p, g in (large, extra) for figure in (p / 1e6, g)} == {"32", "110", "67", "234"}
    exact = {f"{each[0] / 1e6:.2f}" for each in (large, extra)} | {f"{each[0] / 1e6:.1f}" for each in (r50, r101)}
    return paper | exact | {f"{g:.1f}" for _, g in (large, extra, r50, r101)}


TABLE_OF_RELEASES = {
    "v1.0": ("v1.0",), "v2.0 to v3.1": ("v2.0", "v3.0", "v3.1"), "v4.0, v5.0": ("v4.0", "v5.0"),
    "v6.0 to v6.2": ("v6.0", "v6.1", "v6.2"), "v7.0": ("v7.0",), "HEAD": ("head",),
}  # fmt: skip
"""The rows of the table of releases."""


def _figures_of_releases(probe: Probe) -> set[str]:
    """The figures of the table of the releases of YOLOv5, each held in its place."""
    heading = "Which releases changed the networks of YOLOv5: has yolov5s 7.5, 7.3 or 7.2 M?"
    text, found = sections(TEXTS["questions"])[heading], set()
    for title, hosts in TABLE_OF_RELEASES.items():
        (row,) = (line for line in text.splitlines() if line.startswith(f"| {title} |"))
        for host in hosts:
            report = json.loads(probe("fuse-diff", f"yolov5s@{host}", "--format", "json").stdout)
            states = [report[state] for state in ("training", "validation")]
            lines = [report["host_lines"][state] for state in ("training", "validation")]
            gflops = [re.findall(r"([\d.]+) GFLOP", line)[0] for line in lines]
            layers = [re.findall(r"(\d+) layers", line)[0] for line in lines]
            parameters = [f"{state['parameters']:,}" for state in states]
            assert row == f"| {title} | {' | '.join(map(', '.join, (layers, parameters, gflops)))} |"
            found |= {*layers, *parameters, *gflops}
            found.add(f"{states[0]['parameters'] / 1e6:.1f}")
    assert f"{(7_459_581 - (80 - 6) * 2697) / 1e6:.2f}" == "7.26"  # v3.1 with six classes
    return found | {"7.26", "2,697"}


def _macs_of_resnet50(*, wide: bool) -> int:
    """The MACs of the convolutions and the last layer of ResNet-50 at 224x224, by the table of its paper.

    ``wide``: whether a block's stride stands in its 3x3 convolution, as torchvision has it, and not in the 1x1 before.
    """
    macs, side, inputs = 3 * 64 * 7 * 7 * 112 * 112, 56, 64
    for width, blocks, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for stride in (first, *(1,) * (blocks - 1)):
            smaller = side // stride
            area, before = smaller**2, (side if wide else smaller) ** 2
            macs += inputs * width * before + (9 + 4) * width * width * area
            macs += inputs * 4 * width * area if inputs != 4 * width or stride > 1 else 0  # the shortcut
            inputs, side = 4 * width, smaller
    return macs + 2048 * 1000


def test_the_figures_of_the_questions(asked: dict[str, Any], probe: Probe) -> None:
    text = "".join(sections(TEXTS["questions"]).values())
    readme = {each: json.loads(probe("explain", each, "--format", "json").stdout)["figures"][0]["networks"][0]
              for each in ("yolov5s 13.2 GFLOPs", "yolov5s 7.5M 17.5", "yolov5s 7.2M 16.5")}  # fmt: skip
    assert [(each["network"], each["hosts"][-1]) for each in readme.values()] == [
        ("yolov5s", "v1.0"), ("yolov5s", "v3.1"), ("yolov5s", "v6.2"),
    ]  # fmt: skip
    yolov7 = json.loads(probe("fuse-diff", "yolov7", "--format", "json").stdout)
    torchinfo = asked["counters"]["counters"]["torchinfo"]["parameters"]
    line = "149 layers, 5453480 parameters, 5453480 gradients, 11.5 GFLOPs"
    assert "yolov5s-cls with 1,000 classes" in probe("explain", line, "--lang", "en").stdout
    (classifier,) = re.findall(r"([\d.]+) GFLOPs", line)
    computed = {
        *("13.2", "17.5", "16.5"), *(gigas(asked["diff"][state]["flops"]) for state in ("training", "validation")),
        *(f"{yolov7[state]['parameters'] / 1e6:.1f}" for state in ("training", "validation")),
        str(max(1, round(9 * 0.33))), "9", "0.33", classifier, f"{float(classifier) * (224 / 640) ** 2:.1f}", "224",
        str(640**2 // 32**2), "1024", f"{(1024 / 640) ** 2:.2f}", f"{2 * 2 * 512 * (512 // 16):,}", "512", "16", "0.1",
        "320", "1280", f"{torchinfo['unfused']:,}", f"{asked['gradients']['copies']['model']['parameters']:,}",
    }  # fmt: skip
    unfused, fused = (asked["diff"][state]["parameters"] for state in ("training", "validation"))
    computed.add(f"{unfused - fused:,}")
    tensors = 57 * (1 + 5) + 3 * 2 + 1  # of Conv, of the convolutions of the head, the anchors
    assert f"Transferred {tensors - 3 * 2}/{tensors} items" in TEXTS["questions"]
    computed |= {str(tensors), str(tensors - 3 * 2 - 1), str(4 * 2), "198", "64", "100"}
    computed |= {"108", "708"}  # as a thread has them
    for scale in "nsmlx":
        kinds = Counter(module.kind for module in distinct_modules(resolve(f"yolov5{scale}").root))
        computed.add(str(kinds["nn.Conv2d"]))
        assert kinds["nn.MaxPool2d"] == 1
    for host in ("v7.0", "v5.0"):
        norms = sum(module.kind == "nn.BatchNorm2d" for module in distinct_modules(resolve(f"yolov5s@{host}").root))
        computed |= {str(norms), str(norms + 3)}
    older = 107 * (1 + 5) + 3 * 2 + 2  # yolov5l of v5.0, whose anchors are two tensors
    assert f"as in {older - 3 * 2 - 2}/{older}" in TEXTS["questions"].replace("\n", " ")
    computed |= {str(older), str(older - 3 * 2 - 2)}
    for host, fused in (("8.3.0", False), ("8.2.103", False)):
        computed |= known_figures("yolov8n", host, fused=fused, layers=True)
    computed |= {str(_networks("yolo11n", release)[0].layers[0]) for release in ("8.3.75", "8.3.253")}
    computed.add(str(2 * 2 * 3))  # weights and biases of two heads of three maps
    computed |= known_figures("yolov10n", "8.3.253", fused=True) | known_figures("yolov10n", "8.3.253", fused=False)
    computed |= {f"{world.parameters(80, False) / 1e6:.1f}" for world in _networks("yolov8x-world", "8.4.190")}
    for release in ("8.3.253", "8.4.190"):
        (world,) = _networks("yolov8s-worldv2", release)
        computed.add(f"{next(iter(world.numbers(80).gflops.values()))[False]:.1f}")
    computed |= {"11", "416", f"{(640 / 416) ** 2:.1f}", str((1280 // 640) ** 2), "8"}
    assert "at\n512x512" in probe("explain", "yolov5s 5.3 GFLOPs", "--lang", "en").stdout
    computed.add(f"{2 * 3 * 3 * 3 * 32 * 416 * 416 / 1e9:.3f}")  # of a convolution in Darknet's table
    assert "at 320x320" in probe("explain", "v5Lite-e 0.73 GFLOPs", "--lang", "en").stdout
    assert "at 416x416" in probe("explain", "v5Lite-s 1.66 GFLOPs", "--lang", "en").stdout
    computed |= _figures_of_releases(probe) | {"28", "14"} | {"0.65", "0.6"}
    computed |= _figures_of_series() | _figures_of_rtdetr() | {"23", "225"}
    elsewhere = {f"{_own(name, 'ultralytics')[0][0] / 1e6:.1f}" for name in ("yolov5n", "yolov3-tiny")}
    assert elsewhere == {"2.6", "12.2"}
    computed |= elsewhere | {f"{_own('yolov3-tiny', 'YOLOv5')[0][0] / 1e6:.1f}", "53", "52", "75"}
    computed |= {f"{_own('yolov5s', 'YOLOv5')[0][0] * 2 / unit:.1f}" for unit in (1e6, 1024**2)} | {"1024"}
    computed |= {"64", str(64 * 4)}  # YOLOv4's in FP32
    for name in ("yolov7-tiny", "yolov7", "yolov7x"):
        parameters, gflops = _own(name, "YOLOv7")[0]
        assert f"`{name}` {parameters / 1e6:.1f} M and {gflops:.1f}" in text.replace("has ", "").replace("\n", " ")
        computed |= {f"{parameters / 1e6:.1f}", f"{gflops:.1f}"}
    parameters, gflops = _own("yolov5s6", "YOLOv5")[0]
    computed |= {f"{parameters / 1e6:.1f}", f"{gflops:.1f}"}
    backbone = probe("layers", "yolov7", "--lang", "en").stdout.count(" backbone ")
    computed |= {str(backbone), str(backbone - 1)}
    fewer = (3 - 1) * 32 * 6 * 6  # the weights of the first convolution for two channels of the image
    computed |= {f"{fewer:,}", f"{(asked['diff']['training']['flops'] - 2 * fewer * 320**2) / 1e9:.1f}"}
    detect, segment = (json.loads(probe("layers", name, "--format", "json").stdout)["lines"][-1]
                       for name in ("yolov5s", "yolov5s-seg"))  # fmt: skip
    computed |= {f"{head['parameters']:,}" for head in (detect, segment)}
    computed |= {f"{head['flops'] / 1e9:.1f}" for head in (detect, segment)}
    for scale in "nsmlx":
        network = resolve(f"yolov5{scale}").source
        assert isinstance(network, Network)
        multiples = f"{network.depth_multiple:g} and {network.width_multiple:g} in {scale}"
        assert multiples in text.replace("\n", " ")
        computed |= {*figures(multiples)}
    of_p5 = _own("yolov5s", "YOLOv5")[1][0] - _own("yolov5-p34", "YOLOv5")[1][0]
    computed |= {f"{of_p5 / 1e6:.1f}", "1000", "14", "13"}
    computed |= {f"{_macs_of_resnet50(wide=wide) / 1e9:.2f}" for wide in (False, True)}
    published = _own("gelan-c", "YOLOv9")[0][0] * 2  # FP16, after fuse()
    assert round(_own("yolov9-c", "YOLOv9")[1][0] * 8 / published) == 8
    plain_figures = {"0", "1", "2", "3", "4", "5", "6", "80", "640", "480", "32"}
    assert {*figures(text)} - computed <= plain_figures
    assert computed <= {*figures(text)}
