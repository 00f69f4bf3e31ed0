"""The networks of one release of ultralytics, built, fused and counted by itself. Run with the release on the path.

Takes its task as JSON: folders of thop by the name of their rules, entries that are known already, names
of networks (none: all that a pattern is found in). Writes one JSON object for each network on a line of standard
output.
"""

from __future__ import annotations

import gc
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from importlib import import_module
from typing import Any

import torch
from torch import nn

from tests.known_lines.curves import LAST, Figures, curves_of, difference_of, figure_at, sum_of, without
from yolo_probe.errors import ModelYamlError
from yolo_probe.hosts.ultralytics_names import shipped_yamls
from yolo_probe.hosts.ultralytics_rebuild import Weightless, activation_kept, silent
from yolo_probe.live.live import Live
from yolo_probe.model.fusion import Fusion, difference
from yolo_probe.yaml_file import YamlKind, read_yaml

MODELS = {
    "seg": "SegmentationModel",
    "pose": "PoseModel",
    "obb": "OBBModel",
    "cls": "ClassificationModel",
    "world": "WorldModel",
    "worldv2": "WorldModel",
    "sem": "SemanticSegmentationModel",
    "depth": "DepthModel",
}
"""The class of a network's model, by a part of its name; else that of a detector."""

OTHERS = re.compile(r"world-t2i|resnet18|yolov8x6")
"""Networks that are not recorded: rare ones, one of which cannot be built without its weights."""

BATCH_NORM_FLOPS = 8
"""What every thop here charges for one value of a BatchNorm, in FLOPs."""

SIDE = 640

WIDTHS = [64, 128, 256, 512]
"""Numbers of classes that are widths of rows too. To 8.4.102 such a row keeps its width: ``if c2 != nc``."""

MOST_WIDTH = 100
"""The most classes that widen the class branches of a head."""

COPIED = re.compile("rtdetr|yolov6")
"""Networks that thop must count on a copy, as hosts do: a pass fails, or an activation is the class's own."""

FEW_CLASSES = re.compile("-")
"""Networks that are not asked with more than the first of these."""

PROMPT = 512
"""Numbers of an embedded prompt of YOLOE."""

COUNTS_PRODUCTS = ("ultralytics-thop-2.2",)
"""Rules by which the products of an image with the prompts have FLOPs."""

UNSCALED = re.compile("resnet")
"""Networks whose YAML has scales that change nothing."""

NOTHING_ALIKE: dict[str, str] = {}

KEYPOINTS = {"3": 3, "2": 2}
"""Numbers of a keypoint: with or without whether it is seen."""

Entry = dict[str, Any]


def torch_utils() -> Any:
    """The module with the functions of the line; it moved with 8.0.136."""
    try:
        return import_module("ultralytics.utils.torch_utils")
    except ImportError:
        return import_module("ultralytics.yolo.utils.torch_utils")


class Release:
    """The release of ultralytics on the path, with several releases of thop, each of which it imports in its turn."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self.thops = {name: self._loaded(folder) for name, folder in folders.items()}
        self.utils = torch_utils()
        self.merges_train = Network("yolov8n", self).merges_train()
        """Whether what fuse() with autograd merges trains after it."""
        first, second = (parameters(Network("yolov8n", self).built(classes).model[0]) for classes in (64, 63))
        self.keeps_widths = first != second
        """Whether it takes a number of classes for the width of a row, which it then does not scale."""

    def _loaded(self, folder: str) -> dict[str, Any]:
        for name in self._imported():
            del sys.modules[name]
        sys.path.insert(0, folder)
        try:
            import_module("thop")
        finally:
            sys.path.remove(folder)
        return {name: sys.modules[name] for name in self._imported()}

    @staticmethod
    def _imported() -> list[str]:
        return [name for name in sys.modules if name.split(".")[0] == "thop"]

    def use_each_thop(self) -> Iterator[str]:
        """The name of each one's rules, while it is the one that the host imports."""
        for name, modules in self.thops.items():
            sys.modules.update(modules)
            if hasattr(self.utils, "thop"):
                self.utils.thop = modules["thop"]
            yield name


def model_class(network: str) -> Any:
    """The class of a network's model."""
    kind = next((MODELS[part] for part in network.split("-") if part in MODELS), "DetectionModel")
    if network.startswith("yoloe"):
        kind = "YOLOESegModel" if kind == "SegmentationModel" else "YOLOEModel"
    return getattr(import_module("ultralytics.nn.tasks"), "RTDETRDetectionModel" if "rtdetr" in network else kind)


class Parts:
    """The modules of a network that its ``fuse()`` changes, by their paths: those of merges, and of each change."""

    def __init__(self, fusion: Fusion) -> None:
        self.convolutions = [merge.convolution_path for merge in fusion.merges]
        self.norms = [merge.batch_norm_path for merge in fusion.merges]
        self.changes = fusion.changes
        self.gone = [[path for path, _ in change.gone] for change in fusion.changes]
        self.new = [[path for path, _ in change.new] for change in fusion.changes]

    def as_json(self) -> dict[str, object]:
        """The number of merges and, of each change, the layers that go and come, all modules and leaves."""
        return {
            "merged": len(self.norms),
            "changes": [
                {
                    "cause": change.cause,
                    "why": change.why,
                    "gone": _layers(change.gone),
                    "new": _layers(change.new),
                }
                for change in self.changes
            ],
        }


def _layers(places: Sequence[tuple[str, Any]]) -> list[int]:
    return [len(places), sum(not module.children for _, module in places)]


class Network:
    """One network of the release."""

    def __init__(self, name: str, release: Release) -> None:
        self._tasks = import_module("ultralytics.nn.tasks")
        self._name, self.release = name, release
        self._alike = NOTHING_ALIKE
        """Of a thop that counts this network as another one does: which one."""
        self._kind = model_class(name)
        self._shape: tuple[int, int] | None = None
        """How many keypoints a network of poses finds, and how many numbers each has; None for those of its YAML."""

    def built(self, classes: int) -> nn.Module:
        """The network for a number of classes, without weights."""
        shape = {"data_kpt_shape": self._shape} if self._shape else {}
        load = getattr(self._tasks, "yaml_model_load", lambda name: name)
        named = f"{self._name}u" if f"{self._name}u" in shipped_yamls() else self._name
        with torch.device("meta"), Weightless(), activation_kept(self._tasks):
            return self._kind(load(f"{named}.yaml"), nc=classes, verbose=False, **shape)

    def fused(self, model: nn.Module) -> nn.Module:
        """The same model after the host's own fuse(), without the line that it prints."""
        model.__dict__["info"] = lambda *_, **__: None
        with torch.device("meta"):
            return model.eval().fuse()

    @cached_property
    def _pair(self) -> tuple[nn.Module, nn.Module]:
        """The network with two classes before fuse(), and after it with autograd off."""
        model = self.built(2)
        with torch.no_grad():
            return model, self.fused(deepcopy(model))

    @cached_property
    def parts(self) -> Parts:
        """What fuse() changes."""
        model, fused = self._pair
        assert gradients(self.fused(deepcopy(model).requires_grad_(False))) == 0
        return Parts(difference(Live(model).root, Live(fused).root))

    def merges_train(self) -> bool:
        """Whether a fuse() with autograd leaves all merged convolutions trainable; else it leaves none."""
        model, fused = self._pair
        trained, merged = self.fused(deepcopy(model)), self.parts.convolutions
        after = _modules(trained)
        found, whole = (count(after[path] for path in merged) for count in (_trainable, _size))
        assert found in (0, whole)
        assert gradients(trained) == gradients(fused) + found
        return found > 0

    def figures(self, classes: int) -> Figures:
        """Every number by its name, for a number of classes."""
        model = self.built(classes)
        parts, before = self.parts, _modules(model)
        found: dict[str, int | None] = {
            "parameters": parameters(model),
            "channels": sum(before[path].weight.numel() for path in parts.norms),
            "merged_gradients": _trainable(before[path] for path in (*parts.convolutions, *parts.norms)),
        }
        for number, gone in enumerate(parts.gone):
            found[f"gone{number}"] = _size(before[path] for path in gone)
            found[f"gone_gradients{number}"] = _trainable(before[path] for path in gone)
        old = self._flops(model)
        with torch.no_grad():
            after = _modules(self.fused(model))
        merged = [after[path] for path in parts.convolutions]
        assert not _trainable(merged)
        trained = _size(merged) if self.release.merges_train else 0
        found |= {
            "fused_parameters": parameters(model),
            "no_grad": gradients(model),
            "autograd": gradients(model) + trained,
            "merged_autograd": trained,
        }
        for number, new in enumerate(parts.new):
            found[f"new{number}"] = _size(after[path] for path in new)
            found[f"new_gradients{number}"] = _trainable(after[path] for path in new)
        fused = self._flops(model)
        return found | {
            f"{thop}/{name}": flops
            for thop in self.release.thops
            for name, flops in self._differences(old[thop], fused[thop]).items()
        }

    def _flops(self, model: nn.Module) -> dict[str, Counted]:
        """FLOPs by each thop as the host finds them for its line, with those of single modules."""
        found: dict[str, Counted] = {}
        for thop in self.release.use_each_thop():
            like = self._alike.get(thop)
            if like:
                found[thop] = found[like]
                continue
            copy = deepcopy(model) if COPIED.search(self._name) else model
            with counted(copy, products=thop in COUNTS_PRODUCTS) as counts:
                counts.total = self.gflops(copy)
            found[thop] = counts
        totals = {thop: counts.total for thop, counts in found.items()}
        alike = {thop: next(other for other in totals if totals[other] == total) for thop, total in totals.items()}
        if self._alike is NOTHING_ALIKE:
            self._alike = {thop: other for thop, other in alike.items() if thop != other}
        return found

    def _differences(self, old: Counted, new: Counted) -> dict[str, int | None]:
        """FLOPs before and after, and of the modules that fuse() changes."""
        found: dict[str, int | None] = {"before": _flops(old.total), "after": _flops(new.total)}
        if old.total is None or new.total is None:
            return found
        found["norms"] = old.sum(self.parts.norms)
        for number, (gone, come) in enumerate(zip(self.parts.gone, self.parts.new, strict=True)):
            found |= {f"gone{number}": old.sum(gone), f"new{number}": new.sum(come)}
        return found

    def gflops(self, model: nn.Module) -> float | None:
        """As the host finds them for its line; None where it prints none."""
        if hasattr(model, "get_cls_pe"):
            # Until a training sets them, hosts count with 80 prompts, as many as heads of 8.4 then have; those of 8.3
            # have one for each class, and if these are not 80 no GFLOPs are printed before the training.
            model.pe = torch.zeros(1, model.model[-1].nc, PROMPT, device="meta")
        self.release.utils.deepcopy = deepcopy if COPIED.search(self._name) else lambda model: model  # for speed
        return float(self.release.utils.get_flops(model)) or None

    def _like(self, known: Sequence[Entry]) -> Entry | None:
        """The first of these entries whose figures for very many classes the network has, as it is in this release."""
        found, structure, rows = self._seen(LAST)
        least: dict[str, int | None] = {}
        for each in known:
            if self.release.keeps_widths and not each["keeps_widths"]:
                continue
            merged = [[a - b for a, b in entry["layers"].values()] for entry in (each, structure)]
            if (each["rows"], each["fixed"], merged[0]) != (rows, structure["fixed"], merged[1]):
                continue
            curves = self._curves_here(each)
            counts = [name for name in found if "/" not in name]
            if any(figure_at(curves[name], LAST) != found[name] for name in counts):
                continue
            unlike = [name for name in found if "/" in name and figure_at(curves.get(name), LAST) != found[name]]
            if unlike:
                least = least or self._seen(80)[0]
                if any(figure_at(curves[name], 80) != least[name] for name in counts):
                    continue
                if not self._with_flops(curves, unlike, found, least):
                    continue
            return each | structure | {"curves": curves}
        return None

    def _with_flops(
        self,
        curves: dict[str, Any],
        names: Sequence[str],
        most: Mapping[str, int | None],
        least: Mapping[str, int | None],
    ) -> bool:
        """Adds curves of FLOPs that differ from those by another thop in the same number for any number of classes."""
        for name in names:
            base = next(curve for key, curve in curves.items() if key.endswith(name[name.index("/") :]))
            pairs = [(figures[name], figure_at(base, at)) for figures, at in ((most, LAST), (least, 80))]
            (a, b), (c, d) = pairs
            if a is None or b is None or c is None or d is None or a - b != c - d:
                return False
            curves[name] = [[first, figure + a - b, *growth] for first, figure, *growth in base]
        for thop in self.release.thops:
            for key in [key for key in curves if key.startswith("ultralytics-thop-2.2/")]:
                curves.setdefault(f"{thop}/{key.partition('/')[2]}", curves[key])
        return True

    def _seen(self, classes: int) -> tuple[dict[str, int | None], Entry, list[list[int]]]:
        """The figures before and after fuse() for a number of classes, the layers, and the parameters of rows."""
        model = self.built(classes)
        fixed = parameters(model) - gradients(model)
        says, layers, rows = [_says_fused(model)], [_layer_counts(model)], [_rows(model)]
        found: dict[str, int | None] = {"parameters": parameters(model)}
        old = self._flops(model)
        with torch.no_grad():
            self.fused(model)
        says, layers, rows = [*says, _says_fused(model)], [*layers, _layer_counts(model)], [*rows, _rows(model)]
        found |= {"fused_parameters": parameters(model), "no_grad": gradients(model)}
        new = self._flops(model)
        for thop in self.release.thops:
            found |= {f"{thop}/before": _flops(old[thop].total), f"{thop}/after": _flops(new[thop].total)}
        structure = {
            "keeps_widths": self.release.keeps_widths,
            "layers": {kind: [layers[0][at], layers[1][at]] for at, kind in enumerate(("modules", "leaf_modules"))},
            "says_fused": says,
            "fixed": fixed,
        }
        return found, structure, rows

    def _curves_here(self, entry: Entry) -> dict[str, Any]:
        """The curves of an entry of another release, as far as they are known to be the same in this one."""
        release, curves = self.release, entry["curves"]
        here = {
            name: curve for name, curve in curves.items() if name.partition("/")[0] in release.thops or "/" not in name
        }
        if entry["keeps_widths"] and not release.keeps_widths:
            here = {name: None if curve is None else without(curve, WIDTHS) for name, curve in here.items()}
        merged = difference_of(here["merged_gradients"], here["channels"]) if release.merges_train else [[1, 0]]
        return here | {"merged_autograd": merged, "autograd": sum_of(here["no_grad"], merged)}

    @property
    def _apart(self) -> Sequence[int]:
        """Numbers of classes with which it is not like with those around them."""
        return (WIDTHS[:1] if FEW_CLASSES.search(self._name) else WIDTHS) if self.release.keeps_widths else ()

    @property
    def _hints(self) -> Sequence[int]:
        """From where on the head's class branches may grow: the width of its first level; and where they stop."""
        convolutions = (each for each in self._pair[0].model[-1].modules() if isinstance(each, nn.Conv2d))
        first = next(convolutions, None)
        return (first.in_channels + 1, MOST_WIDTH + 1) if first else ()

    def whole_entry(self, known: Sequence[Entry]) -> Entry:
        """All that is recorded of the network, of one of poses also what its keypoints change."""
        found = self.entry(known)
        if self._kind.__name__ != MODELS["pose"]:
            return found
        self._alike = NOTHING_ALIKE
        seen = [each["keypoints"] for each in known]
        keypoints = {
            numbers: self._of_keypoints(count, [each[numbers] for each in seen]) for numbers, count in KEYPOINTS.items()
        }
        self._shape = (5, 2)
        for name, figure in self.figures(7).items():
            curves = found["curves"].get(name), keypoints["2"][name], keypoints["3"][name]
            of_classes, two, person = map(figure_at, curves, (7, 5, 17))
            if None not in (figure, of_classes, two, person) and figure != of_classes + two - person:  # type: ignore[operator]
                raise RuntimeError(f"{self._name}: {name} of classes and keypoints does not add up")
        self._shape = None
        return {**found, "keypoints": keypoints}

    def _of_keypoints(self, numbers: int, known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The figures of one class for any number of keypoints that have so many numbers each."""

        def figures(count: int) -> Figures:
            self._shape = (count, numbers)
            return self.figures(1)

        names = figures(2)
        return curves_of(figures, {name: [each[name] for each in known if name in each] for name in names})

    def entry(self, known: Sequence[Entry]) -> Entry:
        """What is recorded of a network; ``known``: entries of other releases, one of which may be the same."""
        known = sorted(known, key=lambda each: each["keeps_widths"] != self.release.keeps_widths)
        if known and (like := self._like(known)):
            return like
        known = [each for each in known if each["keeps_widths"] == self.release.keeps_widths]
        model, fused = self._pair
        layers = [_layer_counts(each) for each in (model, fused)]
        names = self.figures(2)
        curves = {name: [each["curves"][name] for each in known if name in each["curves"]] for name in names}
        return {
            "network": self._name,
            "keeps_widths": self.release.keeps_widths,
            "layers": {kind: [layers[0][at], layers[1][at]] for at, kind in enumerate(("modules", "leaf_modules"))},
            "says_fused": [_says_fused(model), _says_fused(fused)],
            "fixed": parameters(model) - gradients(model),
            "rows": [_rows(model), _rows(fused)],
            **self.parts.as_json(),
            "curves": curves_of(self.figures, curves, self._apart, self._hints),
        }


def _says_fused(model: Any) -> bool:
    return bool(getattr(model, "is_fused", bool)())


def _layer_counts(model: nn.Module) -> list[int]:
    """All modules, and those that hold no others."""
    modules = list(model.modules())
    return [len(modules), sum(not list(module.children()) for module in modules)]


def _rows(model: Any) -> list[int]:
    return [parameters(row) for row in list(model.model)[:-1]]


def _flops(gflops: float | None) -> int | None:
    return None if gflops is None else round(gflops * 1e9)


class Counted:
    """FLOPs of each convolution, BatchNorm and product with prompts in the last pass of a network, by path."""

    def __init__(self) -> None:
        self.total: float | None = None
        """GFLOPs of all, as the host finds them."""
        self._flops: dict[str, int] = {}
        self._area = 1

    def hook(self, path: str) -> Callable[..., None]:
        """What is called after a module; thop's releases all charge convolutions and BatchNorms alike."""

        def charge(module: Any, args: Any, output: torch.Tensor) -> None:
            rate = BATCH_NORM_FLOPS
            if isinstance(module, nn.Conv2d):
                rate = 2 * module.weight[0].numel()
            elif not isinstance(module, nn.BatchNorm2d):
                rate = 2 * PROMPT
            self._flops[path] = rate * output.numel()

        return charge

    def begin(self, module: Any, args: tuple[torch.Tensor, ...]) -> None:
        """Called before a pass."""
        self._area = args[0].shape[2] * args[0].shape[3]

    def sum(self, paths: Iterable[str]) -> int:
        """FLOPs of an image of the host's size in these modules."""
        return sum(self._flops.get(path, 0) for path in paths) * SIDE * SIDE // self._area


@contextmanager
def only_shapes() -> Iterator[None]:
    """Inside, what torch takes long for on the meta device, and no thop counts by its values, only gives shapes."""
    kinds = {kind: kind.forward for kind in (nn.BatchNorm2d, nn.SiLU, nn.ReLU)}
    for kind in kinds:
        kind.forward = lambda module, values: values
    sample = nn.functional.grid_sample
    nn.functional.grid_sample = lambda values, grid, **_: values.new_empty((*values.shape[:2], *grid.shape[1:3]))
    yield
    nn.functional.grid_sample = sample
    for kind, forward in kinds.items():
        kind.forward = forward


@contextmanager
def counted(model: nn.Module, *, products: bool) -> Iterator[Counted]:
    """Inside, passes of a model are counted. ``products``: those of prompts too."""
    counts = Counted()
    handles = [model.register_forward_pre_hook(lambda module, args: counts.begin(module, args))]
    for path, module in model.named_modules():
        prompted = products and type(module).__name__ == "BNContrastiveHead"
        if prompted or isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
            handles.append(module.register_forward_hook(counts.hook(path)))
    yield counts
    for handle in handles:
        handle.remove()


def _modules(model: nn.Module) -> dict[str, Any]:
    return dict(model.named_modules(remove_duplicate=False))


def parameters(model: nn.Module) -> int:
    """Numbers of parameters."""
    return sum(each.numel() for each in model.parameters())


def gradients(model: nn.Module) -> int:
    """Numbers that require a gradient."""
    return sum(each.numel() for each in model.parameters() if each.requires_grad)


def _size(modules: Iterable[nn.Module]) -> int:
    return sum(each.numel() for module in modules for each in module.parameters(recurse=False))


def _trainable(modules: Iterable[nn.Module]) -> int:
    return sum(e.numel() for module in modules for e in module.parameters(recurse=False) if e.requires_grad)


def names() -> list[str]:
    """Every network that the release ships, with the letter of its scale."""
    found = []
    kind = YamlKind("a model YAML", ModelYamlError, "", last_counts=True, ascii_alone=True)
    for stem, path in shipped_yamls().items():
        scales = read_yaml(path, kind).document.get("scales")
        match = re.match(r"(yolo(?:e-)?v?\d+)(.*)$", stem)
        if OTHERS.search(stem):
            continue
        if scales and match and not re.match("[a-z]", match[2]) and not UNSCALED.search(stem):
            found += [f"{match[1]}{letter}{match[2]}" for letter in scales]
        else:
            found.append(re.sub("^(yolov[35].*)u$", r"\1", stem))  # yolov5nu, in 8.0.35 to 8.0.54
    return found


def main(task: str) -> None:
    """Writes the entries."""
    asked = json.loads(task)
    gc.disable()
    with silent(), only_shapes():
        release = Release(asked["thops"])
        for name in asked["networks"] or filter(re.compile(asked["pattern"]).search, names()):
            try:
                found = Network(name, release).whole_entry(asked["known"].get(name, ()))
                print(json.dumps(found), flush=True, file=sys.__stdout__)
            except Exception as error:  # a network that the release ships and cannot build
                print(f"{name}: {type(error).__name__}: {error}"[:200], file=sys.__stderr__, flush=True)
            gc.collect()


if __name__ == "__main__":
    main(sys.stdin.read())
