"""Unit: what a fork's own fuse() did to a network that was saved after it, and which networks are a fork's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.exhaustive import exhaustively
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.errors import UnknownModuleError
from yolo_probe.hosts.subject import Saved, Subject
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.yolov5 import of_fork
from yolo_probe.model.forks.registry import fork_of, fuse_as_host, unfused_as_host
from yolo_probe.model.forward import recipe_of
from yolo_probe.model.freezing import as_built, fixed_names, with_gradients
from yolo_probe.model.fusion import new_batch_norm
from yolo_probe.model.structure import Module, Tensor, count_gradients, count_layers, count_parameters, named_modules
from yolo_probe.model.trace import trace, unknown_modules
from yolo_probe.networks.shipped import FORKS, fork_network_names
from yolo_probe.render.text import render
from yolo_probe.reports.counters import counters
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.info import info
from yolo_probe.reports.question import Question

NETWORKS = [f"{name}@{fork}" for fork in FORKS for name in fork_network_names(fork)]
NOT_RESTORED = {f"{name}@yolov5-lite" for name in ("v5Lite-g", "repyolov5s", "yolov5-repvgg_A1", "yolov5_repvgg_prune")}
"""Networks with RepVGGBlock, of which the merged one does not tell what it was."""
SAVED = Saved("model", -1, False, True, False, "FP32", None)


def merged(subject: Subject) -> Module:
    return fuse_as_host(with_gradients(subject.root, False), grad_enabled=False).root


def file_of(subject: Subject, root: Module) -> Subject:
    return replace(subject, kind="checkpoint", root=root, saved=SAVED)


def asked(subject: Subject) -> Question:
    return Question(subject, (640, 640), choose_counter("thop-0.1", None))


@pytest.mark.parametrize("network", exhaustively(sorted({*NETWORKS} - NOT_RESTORED), few=2))
def test_what_a_fuse_merged_is_put_back(network: str) -> None:
    subject = resolve(network)
    root = with_gradients(subject.root, False)
    restored = unfused_as_host(merged(subject))
    assert restored is not None
    assert (count_layers(restored), count_parameters(restored)) == (count_layers(root), count_parameters(root))
    assert [each.class_path for _, each in named_modules(restored)] == [
        each.class_path for _, each in named_modules(root)
    ]
    image = (1, 3, 128, 128)
    assert [(each.operator, each.path, each.output) for each in trace(restored, image).records] == [
        (each.operator, each.path, each.output) for each in trace(root, image).records
    ]
    assert unfused_as_host(root) is root


@pytest.mark.parametrize("network", exhaustively(["yolov7@yolov7", "gelan-s@yolov9", "v5Lite-e@yolov5-lite"]))
def test_a_fused_file_gets_the_columns_of_one_that_is_not(network: str) -> None:
    subject = resolve(network)
    before = fuse_diff(asked(file_of(subject, with_gradients(subject.root, False))))
    after = fuse_diff(asked(file_of(subject, merged(subject))))
    assert after.saved_fused
    assert not before.saved_fused
    for state in ("training", "validation"):
        assert getattr(after, state).line.counts == getattr(before, state).line.counts
        assert getattr(after, state).summary.flops == getattr(before, state).summary.flops
    assert {ledger.unexplained for _, ledger in after.ledgers if ledger} == {0}


@pytest.mark.parametrize("network", sorted(NOT_RESTORED))
def test_what_is_not_told_is_not_known(network: str) -> None:
    subject = resolve(network)
    question = asked(file_of(subject, merged(subject)))
    for report in (fuse_diff, counters):
        with pytest.raises(UnknownModuleError, match=r"what it was before fuse\(\) is not known"):
            report(question)
    found = info(question, fused=False)
    assert found.state.summary.flops == asked(subject).state(merged(subject)).summary.flops


def test_a_class_that_is_not_the_hosts_may_have_held_more_before() -> None:
    subject = resolve("yolov5n@v7.0")
    root = merged(subject)
    rows = root.child("model")
    other = replace(rows.child("9"), class_path="models.common.Branches")
    changed = replace(root, children={"model": replace(rows, children={**rows.children, "9": other})})
    with pytest.raises(UnknownModuleError, match="Branches may have held more"):
        fuse_diff(asked(replace(file_of(subject, changed), unknown=(("model.9", "models.common.Branches"),))))


def tree(state: str) -> Module:
    """A network of a class of nobody's: a block in a stem, and one in a list of stages; its BatchNorms are ``norm``."""

    def block(channels: tuple[int, int]) -> Module:
        weight = Tensor((channels[1], channels[0], 3, 3), "float32", requires_grad=False)
        bias = Tensor((channels[1],), "float32", requires_grad=False)
        convolution = Module("torch.nn.modules.conv.Conv2d", {}, {"weight": weight})
        if state == "unfused":
            return Module("nets.BaseConv", {}, {}, {}, {"conv": convolution, "norm": new_batch_norm(bias)})
        merged = replace(convolution, parameters={"weight": weight, "bias": bias})
        return Module("nets.BaseConv", {}, {}, {}, {"conv": merged})

    stages = Module("torch.nn.modules.container.ModuleList", {}, {}, {}, {"0": block((8, 16)), "1": block((16, 16))})
    return Module("nets.Net", {}, {}, {}, {"stem": block((3, 8)), "stages": stages})


def test_a_tree_of_unknown_blocks_without_batch_norm_is_not_told_as_one_before_fuse() -> None:
    subject = resolve("yolov5n")
    for state in ("unfused", "fused"):
        root = tree(state)
        unknown = tuple(
            (path, module.class_path) for path, module in named_modules(root) if "nets." in module.class_path
        )
        question = asked(replace(file_of(subject, root), unknown=unknown))
        if state == "unfused":
            assert not question.may_be_fused
            assert not fuse_diff(question).saved_fused
            continue
        with pytest.raises(UnknownModuleError, match=r"saved after it, or its network is built without BatchNorm"):
            fuse_diff(question)
        assert "fused or built without BatchNorm" in " ".join(render(info(question, fused=False)).split())


def test_a_head_for_other_points_than_those_of_a_person_is_of_yolov7_face_whose_fuse_leaves_rep_conv() -> None:
    pose = resolve("yolov7-w6-pose@yolov7")
    rows = pose.root.child("model")
    last = [*rows.children][-1]
    head, rep_conv = rows.child(last), resolve("yolov7@yolov7").root.child("model").child("102")
    children = {**rows.children, "0": rep_conv, last: replace(head, attributes={**head.attributes, "nkpt": 5})}
    root = replace(pose.root, children={"model": replace(rows, children=children)})
    fork, other = fork_of(root), fork_of(pose.root)
    assert fork is not None
    assert other is not None
    assert (fork.name, other.name) == ("yolov7-face", "YOLOv7")
    assert fuse_as_host(root, grad_enabled=False).root.child("model").child("0") is rep_conv


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("models.common.SimAM", True),
        ("models.attention.simam.SimAM", True),
        ("elsewhere.SimAM", False),
    ],
)
def test_a_pasted_block_is_known_in_any_module_of_models(path: str, known: bool) -> None:
    act = Module("torch.nn.modules.activation.Sigmoid", {"training": False})
    assert (recipe_of(Module(path, {"e_lambda": 1e-4}, children={"activaton": act})) is not None) == known


def test_a_head_that_is_not_yolov9s_is_not_its_for_the_dfl_inside() -> None:
    subject = resolve("gelan-t@yolov9")
    rows = subject.root.child("model")
    last = [*rows.children][-1]
    head = replace(rows.child(last), class_path="models.yolo.V8_Detect")
    assert fork_of(subject.root) is not None
    assert (
        fork_of(replace(subject.root, children={"model": replace(rows, children={**rows.children, last: head})}))
        is None
    )


@pytest.mark.parametrize("block", ["SPPCSPC", "RepConv", "MP", "StemBlock", "ShuffleV2Block", "ADown", "DFL", "CBH"])
@pytest.mark.parametrize("kind", ["Model", "DetectionModel"])
def test_a_block_of_a_fork_in_a_network_of_yolov5_does_not_make_it_the_forks(block: str, kind: str) -> None:
    head = Module(
        "models.yolo.Detect",
        {"nc": 2, "no": 7, "inplace": True},
        children={"m": Module("torch.nn.modules.container.ModuleList")},
    )
    rows = {"0": Module(f"models.common.{block}"), "1": head}
    root = Module(
        f"models.yolo.{kind}", children={"model": Module("torch.nn.modules.container.Sequential", children=rows)}
    )
    assert fork_of(root) is None


@pytest.mark.parametrize(
    ("name", "kind", "marks", "head"),
    [
        ("YOLOAir", "Model", {"loss_category": None, "model_type": "yolov5"}, "models.yolo.Detect"),
        ("YOLOv7", "Model", {"traced": False}, "models.yolo.Detect"),
        ("YOLOU", "DetectionModel", {}, "models.yolov5.Detect"),
        (None, "Model", {"loss_category": None}, "models.yolo.Detect"),
        ("YOLOAir", "Model", {"loss_category": None, "model_type": ""}, "models.Detect.MuitlHead.IDetect"),
        (None, "Model", {"loss_category": None, "model_type": ""}, "models.common.IDetect"),
        (None, "Model", {"loss_category": None, "model_type": ""}, "models.common.RepVGGBlock"),
        (None, "DetectionModel", {"traced": False}, "models.yolo.Detect"),
    ],
)
def test_a_fork_is_known_by_its_model_or_by_the_module_of_its_head(
    name: str | None, kind: str, marks: dict[str, object], head: str
) -> None:
    last = Module(head, {"inplace": True}, children={"m": Module("torch.nn.modules.container.ModuleList")})
    rows = Module("torch.nn.modules.container.Sequential", children={"0": last})
    fork = fork_of(Module(f"models.yolo.{kind}", marks, children={"model": rows}))
    assert (fork and fork.name) == name


@pytest.mark.parametrize("path", ["models.common.SPP", "models.Models.yolovii.SPP", "elsewhere.SPP"])
def test_a_block_of_yolov5_is_known_in_any_module_of_models(path: str) -> None:
    children = dict.fromkeys(("cv1", "cv2", "m"), Module("torch.nn.modules.linear.Identity"))
    assert (recipe_of(Module(path, children=children)) is not None) == path.startswith("models.")


def changed(module: Module, change: Callable[[Module], Module]) -> Module:
    """The same structure with each module changed, the innermost first."""
    inside = {name: child and changed(child, change) for name, child in module.children.items()}
    return change(replace(module, children=inside))


def test_scaled_yolov4_prints_and_fuses_as_v3_0() -> None:
    def with_mish(module: Module) -> Module:
        return Module("mish_cuda.MishCuda") if module.kind == "nn.LeakyReLU" else module

    plain = resolve("yolov5s@v3.0")
    root = changed(plain.root, with_mish)
    fork = fork_of(root)
    assert fork is not None
    assert fork.name == "Scaled-YOLOv4"
    origin = of_fork(fork, root)
    assert origin.fuses_as_v3_0
    subject = replace(file_of(plain, with_gradients(root, False)), origin=origin)
    found = fuse_diff(asked(subject))
    assert (
        found.validation.line.text
        == fuse_diff(asked(file_of(plain, with_gradients(plain.root, False)))).validation.line.text
    )
    assert found.validation.summary.gradients == sum(
        merge.fused.parameters[name].numel for merge in found.fusion.merges for name in ("weight", "bias")
    )


@pytest.mark.parametrize(
    ("network", "name", "changes", "outputs"),
    [
        ("yolov5s@v5.0", "KAPAO", {"num_coords": 34}, 0),
        ("yolov5s@v3.1", "rotation-yolov5", {"angle": 180}, 180),
    ],
)
def test_a_head_that_gives_more_is_of_its_fork(
    network: str, name: str, changes: dict[str, object], outputs: int
) -> None:
    def with_more(module: Module) -> Module:
        if module.kind != "Detect":
            return module
        number = module.attributes["no"]
        assert isinstance(number, int)
        sizes = {"no": number + outputs, "inplace": True, **changes}
        convolutions = changed(module.child("m"), lambda each: wider(each, 3 * (number + outputs)))
        return replace(module, attributes={**module.attributes, **sizes}, children={"m": convolutions})

    plain = resolve(network).root
    root = changed(plain, with_more)
    if name == "KAPAO":
        root = replace(root, attributes={**root.attributes, **changes})
    fork = fork_of(root)
    assert fork is not None
    assert fork.name == name
    assert not unknown_modules(root)
    more = Counter(each.operator for each in trace(root, (1, 3, 128, 128)).records)
    more.subtract(Counter(each.operator for each in trace(plain, (1, 3, 128, 128)).records))
    # for each of three levels of KAPAO: four times, less two, in anchors, plus the grid in pixels
    assert {operator: count for operator, count in more.items() if count} == (
        {"mul": 3 * 3, "sub": 3, "add": 3} if name == "KAPAO" else {}
    )


def wider(module: Module, outputs: int) -> Module:
    """A convolution with another number of outputs; any other module as it is."""
    if module.kind != "nn.Conv2d":
        return module
    sizes = {key: replace(tensor, shape=(outputs, *tensor.shape[1:])) for key, tensor in module.parameters.items()}
    return replace(module, attributes={**module.attributes, "out_channels": outputs}, parameters=sizes)


def test_the_numbers_that_a_head_of_yolov6_weighs_never_train() -> None:
    def numbers(*shape: int) -> dict[str, Tensor]:
        return {"proj" if len(shape) == 1 else "weight": Tensor(shape)}

    def head(module: Module) -> Module:
        if module.kind != "Detect":
            return module
        convolution = Module("torch.nn.modules.conv.Conv2d", parameters=numbers(1, 17, 1, 1))
        return replace(module, parameters=numbers(17), children={**module.children, "proj_conv": convolution})

    plain = with_gradients(resolve("yolov5n@v7.0").root, False)
    root = changed(plain, head)
    assert fixed_names(root) == {"model.24.proj", "model.24.proj_conv.weight"}
    assert count_gradients(as_built(root)) == count_parameters(root) - 17 - 17
    trained = changed(root, lambda each: with_gradients(each, True))
    assert fixed_names(trained) == frozenset()
