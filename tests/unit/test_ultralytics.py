"""Unit: a checkpoint of the ultralytics package, where ultralytics is not installed, and what may reach its builder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoint_files import Storage, module, parameter, save, tensor
from tests.conftest import Probe
from tests.unit.test_hostile import nested
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.environment import version_of
from yolo_probe.errors import ModelYamlError, UnknownModuleError
from yolo_probe.hosts import target
from yolo_probe.hosts.host import ULTRALYTICS, YOLOV5
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.ultralytics_architecture import architecture, mismatch
from yolo_probe.model.fusion import fused_state
from yolo_probe.model.structure import Module, Tensor
from yolo_probe.render.text import render
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.info import info
from yolo_probe.reports.question import Question

YAML: dict[str, Any] = {
    "nc": 2,
    "scales": {"n": [0.33, 0.25, 1024], "s": [0.33, 0.5, 1024]},
    "scale": "n",
    "yaml_file": "yolov8n.yaml",
    "backbone": [[-1, 1, "Conv", [8, 1, 1]], [-1, 1, "nn.Upsample", ["None", 2, "nearest"]]],
    "head": [[[-1], 1, "Detect", ["nc"]]],
}
"""Three rows, as a file records them."""


def conv() -> Module:
    """A block of two: 8 x 3 weights, and 2 x 8 of its BatchNorm."""
    return Module(
        "ultralytics.nn.modules.conv.Conv",
        {"i": 0, "f": -1},
        children={
            "conv": Module(
                "torch.nn.modules.conv.Conv2d", {"stride": (1, 1), "in_channels": 3}, {"weight": Tensor((8, 3, 1, 1))}
            ),
            "bn": Module("torch.nn.modules.batchnorm.BatchNorm2d", {}, {"weight": Tensor((8,)), "bias": Tensor((8,))}),
        },
    )


def model(yaml: object = YAML, **rows: Module) -> Module:
    """The model of that YAML, with rows in place of its own."""
    own = {
        "0": conv(),
        "1": Module("torch.nn.modules.upsampling.Upsample", {"scale_factor": 2}),
        "2": Module("ultralytics.nn.modules.head.Detect", {"nc": 2}),
    }
    children = own | {name.removeprefix("row"): row for name, row in rows.items()}
    sequence = Module("torch.nn.modules.container.Sequential", children=children)
    return Module("ultralytics.nn.tasks.DetectionModel", {"yaml": yaml, "save": []}, children={"model": sequence})


def saved(path: Path, **contents: object) -> Path:
    """A checkpoint as its trainer writes it, of one block: 8 x 3 weights, and 2 x 8 of its BatchNorm."""
    keys = iter("abc")

    def stored(*shape: int) -> object:
        size = 24 if len(shape) > 1 else 8
        return parameter(tensor(Storage(next(keys), "e", [0.0] * size), shape), False)

    inside: dict[str, object] = {
        "conv": module("torch.nn.modules.conv.Conv2d", {"weight": stored(8, 3, 1, 1)}, in_channels=3),
        "bn": module("torch.nn.modules.batchnorm.BatchNorm2d", {"weight": stored(8), "bias": stored(8)}),
    }
    block = module("ultralytics.nn.modules.conv.Conv", children=inside, i=0, f=-1)
    rows = module("torch.nn.modules.container.Sequential", children={"0": block})
    stride = tensor(Storage("s", "f", [8, 16, 32]), (3,))
    root = module("ultralytics.nn.tasks.DetectionModel", children={"model": rows}, yaml=YAML, stride=stride, nc=2)
    top = {"epoch": -1, "model": root, "ema": None, "version": "8.4.190", "date": "2026-11-22T08:51:48+00:00"}
    return save(path, top | {"train_args": {"freeze": None, "model": "yolov8n.yaml"}} | contents)


def question(path: Path) -> Question:
    return Question(resolve(str(path)), (640, 640), choose_counter(None, None))


without = pytest.mark.skipif(version_of("ultralytics") is not None, reason="ultralytics is installed here")


@without
def test_without_ultralytics_what_fuse_does_is_not_known(tmp_path: Path, probe: Probe) -> None:
    path = saved(tmp_path / "best.pt")
    with pytest.raises(UnknownModuleError, match="what fuse\\(\\) does is not known"):
        fuse_diff(question(path))
    for command in ("fuse-diff", "info"):
        done = probe(command, path)
        assert (done.returncode, "40 parameters" in done.stdout) == (2, True)
        assert done.stderr.endswith("\n  pip install ultralytics\n")


def test_no_yolov5_prints_a_line_of_such_a_file(tmp_path: Path, probe: Probe) -> None:
    done = probe("info", saved(tmp_path / "best.pt"), "--host", "v7.0")
    assert done.returncode == 2
    assert "found --host v7.0 for a ultralytics.nn.tasks.DetectionModel, which no YOLOv5 builds" in done.stderr


@pytest.mark.parametrize(
    ("contents", "version"),
    [
        ({}, "ultralytics: version 8.4.190 in the file, class DetectionModel of ultralytics.nn.tasks"),
        ({"version": None}, "ultralytics: no version in the file, class DetectionModel of ultralytics.nn.tasks"),
        ({"version": "8\x1b[2J"}, "ultralytics: no version in the file, class DetectionModel of ultralytics.nn.tasks"),
    ],
)
def test_a_file_tells_which_release_wrote_it(contents: dict[str, object], version: str, tmp_path: Path) -> None:
    text = " ".join(render(info(question(saved(tmp_path / "best.pt", **contents)), fused=False)).split())
    assert version in text
    assert ("this is how the newest prints it" in text) == ("no version" in version)


def test_a_list_of_rows_is_named_as_a_list_since_a_number_is_of_other_rows() -> None:
    listed = [ULTRALYTICS.freeze_typed(["3"], listed=each) for each in (False, True)]
    assert listed == ["freeze=3", "freeze=[3]"]
    assert ULTRALYTICS.freeze_typed(["0", "5"], listed=True) == ULTRALYTICS.freeze_of_rows((0, 5)) == "freeze=[0, 5]"
    assert YOLOV5.freeze_typed(["0", "5"], listed=True) == "--freeze 0 5"


def test_freeze_names_rows_as_ultralytics_reads_it() -> None:
    assert [ULTRALYTICS.frozen_rows(freeze, 25) for freeze in (None, 3, [3], [0, 30], 10**9, "3")] == [
        (), (0, 1, 2), (3,), (0,), tuple(range(25)), None,
    ]  # fmt: skip


def test_a_block_is_fused_when_its_batchnorm_is_gone() -> None:
    block = conv()
    assert fused_state(block) == "unfused"
    assert fused_state(replace(block, children={"conv": block.child("conv")})) == "fused"
    heads = {"cv2": Module("a.B"), "one2one_cv2": Module("a.B")}
    assert fused_state(Module("ultralytics.nn.modules.head.Detect", children=heads)) == "unfused"
    assert fused_state(Module("ultralytics.nn.modules.head.Detect", children=heads | {"cv2": None})) == "fused"


def test_what_is_recognised_is_passed_on() -> None:
    described = architecture(model(YAML | {"activation": " torch.nn.LeakyReLU(0.1, inplace=True) ", "names": [1]}))
    assert (described.model, described.modules) == ("DetectionModel", 7)
    assert described.document == {
        "nc": 2,
        "depth_multiple": 1.0,
        "width_multiple": 1.0,
        "reg_max": 16,
        "channels": 3,
        "scales": YAML["scales"],
        "scale": "n",
        "activation": "nn.LeakyReLU(0.1, inplace=True)",
        "yaml_file": "yolov8n.yaml",
        "backbone": YAML["backbone"],
        "head": YAML["head"],
    }


def row(index: int, **changed: object) -> Callable[[], dict[str, Any]]:
    """The YAML with one row changed."""
    names = ("sources", "number", "module", "arguments")

    def made() -> dict[str, Any]:
        rows = [*YAML["backbone"], *YAML["head"]]
        rows[index] = [changed.get(name, value) for name, value in zip(names, rows[index], strict=True)]
        return YAML | {"backbone": rows[:2], "head": rows[2:]}

    return made


CODE = "__import__('os').system('id')"
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "code as activation": (lambda: YAML | {"activation": CODE}, "activation"),
    "code in an activation": (lambda: YAML | {"activation": f"nn.ReLU({CODE})"}, "activation"),
    "a call behind an activation": (lambda: YAML | {"activation": "nn.ReLU().__class__.mro()"}, "activation"),
    "a loader as activation": (lambda: YAML | {"activation": "nn.Module.load('a')"}, "activation"),
    "a class as activation": (lambda: YAML | {"activation": "nn.ReLU"}, "activation"),
    "another module as activation": (lambda: YAML | {"activation": "nn.Linear(65536, 65536)"}, "activation"),
    "a text in an activation": (lambda: YAML | {"activation": "nn.GELU('tanh')"}, "activation"),
    "a deep activation": (lambda: YAML | {"activation": "(" * 5000}, "activation"),
    "no text as activation": (lambda: YAML | {"activation": nested(60)}, "activation"),
    "code as argument": (row(0, arguments=[CODE]), "argument"),
    "a variable of the builder": (row(0, arguments=["d"]), "argument"),
    "a literal as argument": (row(0, arguments=["[1" + ", 1" * 100000]), "argument"),
    "a large number": (row(0, arguments=[65537, 1, 1]), "argument"),
    "an endless number": (row(0, arguments=[float("nan"), 1, 1]), "argument"),
    "nested arguments": (row(0, arguments=[nested(60)]), "argument"),
    "a mapping as argument": (row(0, arguments=[{}]), "argument"),
    "no list of arguments": (row(0, arguments="nc"), "expected a list"),
    "a function as module": (row(0, module="deepcopy"), "found deepcopy in the YAML"),
    "another block than the file's": (row(0, module="C3"), "found C3 in the YAML and ultralytics.nn.modules.conv.Conv"),
    "something of torch that is no layer": (
        row(1, module="nn.utils.skip_init"),
        "found nn.utils.skip_init in the YAML",
    ),
    "something of torchvision": (row(1, module="torchvision.ops.Upsample"), "found torchvision.ops.Upsample"),
    "many blocks": (row(0, number=1000), "blocks in the YAML, and only 7 modules"),
    "a number of blocks that is none": (row(0, number=True), "number"),
    "a row that comes later": (row(0, sources=5), "expected rows before it"),
    "rows without end": (row(2, sources=nested(60)), "expected rows before it"),
    "a text for a row": (lambda: YAML | {"head": ["ab"]}, "expected from, number, module and arguments"),
    "no rows": (lambda: YAML | {"head": []}, "found 2 rows in the YAML and 3 in the model"),
    "no list of rows": (lambda: YAML | {"head": {}}, "found head"),
    "a million rows": (lambda: YAML | {"head": YAML["head"] * 10**6}, "expected at most 1000 rows"),
    "classes without end": (lambda: YAML | {"nc": 10**9}, "found nc: 1000000000"),
    "classes that are a text": (lambda: YAML | {"nc": CODE}, "found nc"),
    "a depth without end": (lambda: YAML | {"scales": {"n": [1e300, 1, 1]}}, "found scale n"),
    "a depth that is none": (lambda: YAML | {"scales": {"n": [float("nan"), 1, 1]}}, "found scale n"),
    "scales that are none": (lambda: YAML | {"scales": [1]}, "found scales"),
    "a scale that is not there": (lambda: YAML | {"scale": "x"}, "found scale: 'x', expected one of n, s"),
    "bins without end": (lambda: YAML | {"reg_max": 10**6}, "found reg_max"),
    "points that are none": (lambda: YAML | {"kpt_shape": [17, CODE]}, "found kpt_shape"),
    "no YAML": (lambda: None, "found no model YAML"),
}


@pytest.mark.parametrize("attack", REFUSED)
def test_nothing_else_reaches_the_builder(attack: str) -> None:
    made, words = REFUSED[attack]
    yaml = made()
    began = time.perf_counter()
    with pytest.raises(ModelYamlError) as refusal:
        architecture(model(yaml))
    assert words in str(refusal.value)
    assert len(str(refusal.value)) < 400
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("module", "name"),
    [("torch.nn.modules.sparse.Embedding", "nn.Embedding"), ("torch.nn.modules.utils.Upsample", "nn.utils.Upsample"),
     ("os.Conv", "Conv"), ("ultralytics.nn.modules.conv.Conv", "nn.Conv")],
)  # fmt: skip
def test_a_block_is_built_only_where_file_and_yaml_agree_on_a_class_of_the_package(module: str, name: str) -> None:
    with pytest.raises(ModelYamlError, match=f"found {name} in the YAML and {module}"):
        architecture(model(row(0, module=name)(), row0=Module(module)))


def test_a_block_that_would_load_something_from_elsewhere_is_not_built() -> None:
    block = Module("ultralytics.nn.modules.block.TorchVision")
    with pytest.raises(ModelYamlError, match="row 0: found TorchVision, which loads something from elsewhere"):
        architecture(model(row(0, module="TorchVision")(), row0=block))


def test_a_model_that_needs_more_than_its_yaml_is_not_built() -> None:
    with pytest.raises(ModelYamlError, match="found a model of class WorldModel"):
        architecture(replace(model(), class_path="ultralytics.nn.tasks.WorldModel"))


def edited(**changed: object) -> Module:
    """The model with its first convolution changed."""
    block = conv()
    return model(row0=replace(block, children={**block.children, "conv": replace(block.child("conv"), **changed)}))  # type: ignore[arg-type]


def test_a_network_that_is_alike_has_no_mismatch() -> None:
    assert mismatch(model(), model()) == ""
    assert mismatch(model(row2=Module("ultralytics.nn.modules.head.Detect", {"max_det": 5})), model()) == ""


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (edited(attributes={"stride": [2, 2]}), "model.0.conv: found stride=(2, 2) in the file, (1, 1) when built"),
        (edited(parameters={}), "model.0.conv: found parameters {} in the file, {'weight': (8, 3, 1, 1)} when built"),
        (edited(parameters={"weight": Tensor((8, 3, 3, 3))}), "model.0.conv: found parameters {'weight': (8, 3, 3, "),
        (edited(buffers={"mask": Tensor((8,))}), "model.0.conv: found buffers {'mask': (8,)} in the file, {} when"),
        (edited(class_path="a.Convolution"), "model.0.conv: found Convolution in the file, Conv2d when built"),
        (edited(children={"a": Module("a.B")}), "model.0.conv: found the modules ['a'] in the file, [] when built"),
        (model(row1=conv()), "model.1: found Conv in the file, Upsample when built"),
    ],
)  # fmt: skip
def test_the_first_mismatch_is_named(other: Module, words: str) -> None:
    assert mismatch(other, model()).startswith(words)


def test_what_is_shared_in_the_file_alone_is_a_mismatch() -> None:
    act = Module("torch.nn.modules.activation.SiLU")
    pair = {"a": act, "b": act}
    parts = {"a": Module("torch.nn.modules.activation.SiLU"), "b": Module("torch.nn.modules.activation.SiLU")}
    one, two = (Module("ultralytics.nn.modules.head.Detect", {"nc": 2}, children=each) for each in (pair, parts))
    assert mismatch(model(row2=one), model(row2=two)) == "model.2.b: found a module that is shared in one of them alone"
    assert mismatch(model(row2=two), model(row2=one)) == "model.2.b: found a module that is shared in one of them alone"


def test_a_weight_that_two_blocks_of_the_file_share_is_a_mismatch() -> None:
    weight = Tensor((8, 3, 1, 1))
    shared, apart = (
        Module("ultralytics.nn.modules.head.Detect", {"nc": 2}, children={
            name: Module("torch.nn.modules.conv.Conv2d", {}, {"weight": tensor})
            for name, tensor in (("a", weight), ("b", second))
        })
        for second in (weight, Tensor((8, 3, 1, 1)))
    )  # fmt: skip
    assert mismatch(model(row2=shared), model(row2=apart)) == (
        "the model: found 64 parameters in the file, 88 when built: some are shared"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PackageNotFoundError("torchvision"), ("for want of torchvision: ", "pip install torchvision")),
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), ("for want of cv2: ", "pip install opencv-python")),
        (ImportError("broken", name="ultralytics.nn"), ("cannot be imported: broken", "pip install ultralytics")),
        (ImportError("broken"), ("cannot be imported: broken", "pip install ultralytics")),
    ],
)
def test_what_ultralytics_lacks_is_named_with_how_to_install_it(error: ImportError, said: tuple[str, str]) -> None:
    problem, remedy = target._not_imported(error)
    assert problem.startswith("ultralytics cannot be imported")
    assert said[0] in problem
    assert remedy == said[1]
