"""Error messages that people paste beside a summary line or instead of one: what they mean, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class KnownError:
    """One error message of a host, of torch or of thop."""

    pattern: str
    """A regular expression that finds it in a text."""
    cause: str
    remedy: str


KNOWN_ERRORS = (
    KnownError(
        r"\bon_\w+\(\) (?:missing|takes|got an)[^\n]* arguments?\b[^\n]*|'Callbacks' object has no attribute '\w+'"
        r"|No module named 'utils\.callbacks'",
        "YOLOv5 has callbacks since v6.0, and what they are given changed in v6.1, v6.2 and v7.0: on_train_batch_end "
        "gets (ni, model, ...) to v6.2, and (model, ni, ...) since v7.0; v6.2 brought on_train_start and other events "
        "without arguments.",
        "Write def on_train_batch_end(*args, **kwargs), and find the model among them by its type. "
        "yolo_probe.register(callbacks) does that for all versions.",
    ),
    KnownError(
        r"module \w+ is treated as a zero-op|Cannot find rule for|[Tt]reat it as zero[^\n]*|\b0\.\d+ GMacs?\b",
        "This counter puts hooks on classes that it knows, and warns of every other class. Containers, such as "
        "Sequential and blocks of known layers, lose nothing by it: their parts are counted. But what a class of your "
        "own computes by functions, such as F.conv2d and products of matrices, counts as 0: an EfficientNet then has "
        "0.01 GMac, not 0.39. It counts MACs, and each is 2 FLOPs.",
        "Count operators instead: yolo_probe.compare_counters(model) shows each counter's figure and what it leaves "
        "out, yolo-probe counters best.pt the same of a file.",
    ),
    KnownError(
        r"\[INFO\] (?:Register|Customize rule) [^\n]{1,200}",
        "thop says once for each class by which of its rules it is counted. zero_ops() is 0: for containers, whose "
        "parts are counted, and for what costs little, such as activations. It is no error: convolutions, BatchNorm "
        "and fully connected layers have rules of their own.",
        "Pass verbose=False to thop.profile. yolo-probe counters best.pt shows what each thop charges, and for what.",
    ),
    KnownError(
        r"The following submodules of the model were never called[^\n]*",
        "fvcore names the modules whose call its trace did not see: what forward does not use, and what it uses "
        "without a call, as F.conv2d(x, self.conv.weight). What runs by functions is counted all the same, in the "
        "module around it.",
        "Nothing, if their numbers are not missing in the total: yolo_probe.compare_counters(model) shows it beside "
        "the other counters.",
    ),
    KnownError(
        r"(?:Unsupported operator|Skipped operation) \w+::\w+(?: encountered)?[^\n]*",
        "fvcore has no rule for this operator, and adds 0 for it; it is torch that runs the operator, so the network "
        "itself works. fvcore has rules for convolutions, matrix products and norms, which cost nearly everything; it "
        "counts MACs and calls them flops.",
        "Nothing, if these are additions and activations: the figure can be used, with the name of the tool. "
        "yolo_probe.count_flops(model) lists the share of what has no rule.",
    ),
    KnownError(
        r"'?RecursiveScriptModule\b'? object has no attribute '?\w+\b'?|looks like a TorchScript archive[^\n]*"
        r"|with TorchScript archives passed to[^\n]*|torch/jit/[^\n]*in forward_magic_method",
        "The file is TorchScript, an exported program, and this code takes a checkpoint, which is a dict with ema or "
        "model. A program is exported from a checkpoint, and there is no way back.",
        "Give it the .pt file that was exported. To predict with TorchScript, name the file best.torchscript: "
        "detect.py of YOLOv5 since v6.1 and yolo predict know it by that; v6.0 by torchscript anywhere in its name, "
        "and YOLOv7 and older code not at all. In code of your own it is torch.jit.load.",
    ),
    KnownError(
        r"Expected more than 1 value per channel when training[^\n]*",
        "BatchNorm in training mode needs more than one value of a channel, and got a batch of 1 on a map of 1x1. The "
        "counting run of a host takes one image as small as the stride, so a block that pools to 1x1 fails there: the "
        "line then has no GFLOPs.",
        "It does no harm to a training with a batch of 2 or more. yolo-probe info best.pt counts without that run.",
    ),
    KnownError(
        r"\bforward_fuse\b|\bself\.bn\b",
        "fuse() deletes the BatchNorm bn and lets forward_fuse run in place of forward. A forward_fuse that still "
        "computes self.bn fails then, as that of Conv2 in ultralytics does.",
        "In it, leave self.bn out: return self.act(self.conv(x)). yolo-probe train tries fuse() before the first "
        "epoch, and compares the outputs of each row after the last.",
    ),
    KnownError(
        r"isinstance\(\) arg 2 must be a type[^\n]*",
        "DWConv is a function in YOLOv5 to v5.0, YOLOv7 and others, and the fuse() of v6.0 and later asks whether a "
        "module is of the class DWConv. The code is a mixture of both.",
        "Make it a class: class DWConv(Conv), as models/common.py has it since v6.0.",
    ),
    KnownError(
        r"has no attribute '?in_channels\b'?",
        "fuse() makes a new nn.Conv2d from the conv of each Conv, and this one is no nn.Conv2d: a deformable or "
        "another convolution of your own stands there.",
        "Do not derive the block from Conv, or give its convolution another name than conv: fuse() then leaves it and "
        "its BatchNorm as they are.",
    ),
    KnownError(
        r"'NoneType' object has no attribute '(?:fuse|float|yaml|names|state_dict)'",
        "There is no model: the file has None or nothing where this code takes one. An unstripped file of ultralytics "
        "has its model in 'ema' alone since 8.1.39, and files of other projects have other keys.",
        "In code: ckpt.get('ema') or ckpt['model']. yolo-probe inspect best.pt shows what the file holds.",
    ),
    KnownError(
        r"'(?:Detect' object has no attribute 'm|Model' object has no attribute 'yaml)'",
        "The file is of YOLOv5 v1.0, of June 2020: its Detect has no convolutions, and its Model no yaml.",
        "Load it with the code of v1.0, or train from the weights of a newer release. yolo-probe inspect reads both.",
    ),
    KnownError(
        r"'\w*(?:Detect|Segment)' object has no attribute '(?:grid|anchor_grid)'",
        "The code of YOLOv5 has loaded a file of ultralytics, whose head is another and has no anchors.",
        "Load it with ultralytics: YOLO('best.pt'). torch.hub.load('ultralytics/yolov5', ...) takes files of "
        "YOLOv5 alone.",
    ),
    KnownError(
        r"has no attribute '?fuse\b'?",
        "This is not the model but something around it, such as AutoShape, DataParallel or DetectMultiBackend. What "
        "torch.hub and DetectMultiBackend load is fused already.",
        "Take the model in it: model.model, or model.module. torch.hub.load(..., autoshape=False) loads it without "
        "fuse() since v6.2.",
    ),
    KnownError(
        r"has no attribute '?_non_persistent_buffers_set\b'?",
        "torch 1.6 brought this attribute, and a file that an older torch saved has not.",
        "For every module: m._non_persistent_buffers_set = set(), as attempt_load does since v3.1.",
    ),
    KnownError(
        r"element 0 of tensors does not require grad[^\n]*",
        "Nothing trains: every parameter has requires_grad=False. A finished file is marked so, and so are all rows "
        "that are frozen.",
        "Before the training: for p in model.parameters(): p.requires_grad = True, as train.py does; and freeze fewer "
        "rows. yolo-probe gradients best.pt says which rows train, and who decided it.",
    ),
    KnownError(
        r"a (?:view of a )?leaf Variable that requires grad[^\n]*",
        "A parameter that trains is changed in place while autograd is on: fuse() of YOLOv7's IDetect does so with a "
        "model that trains, and the Detect of YOLOv5 to v3.1 when it is built with a newer torch.",
        "Run it under with torch.no_grad().",
    ),
    KnownError(
        r"No module named '(?:models|utils)(?:\.\w+)*'",
        "The checkpoint is a pickle of whole modules, and names their classes where YOLOv5 (or a fork of it) has them. "
        "torch.load looks for the folder models on the path, and it is not there.",
        "Run in the clone of the code that trained the file, or torch.hub.load('ultralytics/yolov5', 'custom', "
        "'best.pt'). yolo-probe reads the file without that code.",
    ),
    KnownError(
        r"No module named '?thop\b'?",
        "thop counts the FLOPs of a summary line. Without it hosts leave GFLOPs out, and nothing else changes.",
        "pip install ultralytics-thop, which is imported as thop, and not the old thop beside it. yolo-probe info "
        "best.pt counts without it.",
    ),
    KnownError(
        r"No module named 'ultralytics\.(?:nn\.modules|utils|yolo)\b[^\n]*|appears to require 'ultralytics\.[^\n]*",
        "The file is of another release of ultralytics than the one that loads it, and its modules have moved: "
        "ultralytics.nn.modules.conv, .block and .head are there since 8.0.98, ultralytics.utils since 8.0.136, and "
        "ultralytics.yolo only before that.",
        "pip install -U ultralytics: newer releases read older files. A folder named ultralytics beside the script, of "
        "an older clone, is imported in place of it: rename it. yolo-probe inspect best.pt shows the release that "
        "saved the file.",
    ),
    KnownError(
        r"No module named '(?:ultralytics|yolov5)(?:\.\w+)*'",
        "The checkpoint is a pickle of whole modules, and names classes of a package that is not installed.",
        "pip install the package that the message names. yolo-probe reads the file without it.",
    ),
    KnownError(
        r"unexpected keyword argument 'weights_only'|'weights_only' is an invalid keyword argument[^\n]*",
        "weights_only is an argument of torch.load alone, since torch 1.13: neither YOLO(...) nor torch.hub.load takes "
        "it, nor does an older torch.",
        "Give it to the torch.load in the code of the host, or set TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 in the "
        "environment, which needs no change of code. Do either only with a file that you trust: yolo-probe inspect "
        "shows what loading would run.",
    ),
    KnownError(
        r"Model Summary: Params: [\d.]+M, Gflops: [\d.]+",
        "So prints the code of YOLOX, and that of Meituan's YOLOv6: parameters in millions, and the MACs of thop times "
        "2, of one image of the size that is tested. It has no layers and no gradients, and the networks of both are "
        "none of the known ones.",
        "yolo-probe inspect shows what is in a checkpoint of them. A network of the same name in ultralytics, such as "
        "yolov6s, is another one.",
    ),
    KnownError(
        r"STACK_GLOBAL requires str|unpickling stack underflow",
        "torch.load is given a file that another program wrote in another way: mostly the .cache of labels beside the "
        "dataset, which YOLOv5 since v6.0 writes with numpy, and older code and forks of it with torch.",
        "Delete the .cache files beside the labels, such as train.cache: they are written anew.",
    ),
    KnownError(
        r"Weights only load failed|WeightsUnpickler error",
        "Since torch 2.6 torch.load refuses whatever is not weights, unless it is told otherwise, and a checkpoint of "
        "YOLOv5 is a pickle of whole modules.",
        "If you trust the file: torch.load(path, weights_only=False), or YOLOv5's newest code, which says so itself. "
        "Code that you cannot change does so with TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 in the environment. "
        "yolo-probe inspect shows what loading would run.",
    ),
    KnownError(
        r"Can't get attribute 'Model' on <module '[\w.]*models\.yolo'",
        "Every YOLOv5 has Model in models/yolo.py, so Python has found another models.yolo first, such as the folder "
        "of that name in ultralytics.",
        "Load a file of YOLOv5 with the code of YOLOv5, in its folder and in a process without other code that has a "
        "models; ultralytics does not load it.",
    ),
    KnownError(
        r"Can't get attribute '\w+' on <module",
        "The file names a class that this code does not have: it was trained by a newer version, or by a fork. SPPF "
        "came with YOLOv5 v6.0, DetectionModel with v6.2; RepNCSPELAN4 with ultralytics 8.1.23, SCDown and PSA with "
        "8.2.38, C3k2 and C2PSA with 8.3.0, A2C2f with 8.3.78. v10DetectLoss is of YOLOv10's own code.",
        "Use the code that trained it; the line Version of yolo-probe fuse-diff says which one that is.",
    ),
    KnownError(
        r"\S* not implemented for 'Half'",
        "A finished checkpoint holds FP16 weights, and the CPU operators of that torch compute FP32 only.",
        "model.float() before the first pass, or leave --half out.",
    ),
    KnownError(
        r"has no attribute '?bn\b'?|delattr\(\w+, ?['\"]bn['\"]\)[^\n]*|AttributeError: bn\b",
        "fuse() takes the bn of each Conv. This one has none: it is fused already, perhaps by another thread in this "
        "moment, or it is a class of your own that inherits from Conv and does not build one.",
        "Call fuse() once; for a class of your own, yolo-probe train tries fuse() before the first epoch and names the "
        "module. Where it ends a training, best.pt was saved before and is whole: correct the class, and validate it "
        "again.",
    ),
    KnownError(
        r"has no attribute '?(?:\w*fuse\w+|\w+fuse)\b'?",
        "The fuse() of this code calls a method of a block that the class of the block does not have: they are of two "
        "versions, or only one of them was changed. Training does not need the method.",
        "Give the class the method, or take the block out of fuse(); yolo-probe train tries fuse() before the first "
        "epoch and names the module.",
    ),
    KnownError(
        r"has no attribute '?total_(?:ops|params)\b'?|\btotal_(?:ops|params) \+=[^\n]*",
        "thop keeps its counts as buffers of the modules. Two counts at once, or one that failed, leave its hooks "
        "behind while the buffers are gone, or are on another device.",
        "Count a copy: thop.profile(deepcopy(model), ...). yolo_probe.count_flops(model) changes nothing.",
    ),
    KnownError(
        r"has no attribute '?(?:accumulate_(?:flops|params)|__(?:flops|params|batch_counter)__|start_flops_count)\b'?",
        "ptflops gives each module methods and numbers of these names while it counts, and takes them away again. "
        "After a count that failed, or in a copy of such a model, a part of them is left.",
        "Count a fresh copy: get_model_complexity_info(deepcopy(model), ...). yolo_probe.compare_counters(model) has "
        "its figure and changes nothing.",
    ),
    KnownError(
        r"'list' object has no attribute 'clone'",
        "The table of ultralytics' predict(profile=True) copies what a row gets as if it were one map, and the head "
        "gets a list of maps. Releases of the middle of 2023, such as 8.0.123, do so.",
        "Update ultralytics, or leave the table: yolo-probe layers best.pt has FLOPs and parameters of each row.",
    ),
    KnownError(
        r"loaded state dict (?:contains a parameter group that doesn't match|has a different number of parameter)"
        r"[^\n]*",
        "The optimizer in the file has other groups of tensors than that of this training: the file is not stripped, "
        "and its network has other rows, or its code groups them otherwise. YOLOv5 to v6.1 takes the optimizer of such "
        "a file over also where it is given as --weights.",
        "strip_optimizer('last.pt') of utils/general.py, and start a new training with it; or resume it with the "
        "network and the code that began it. yolo-probe inspect last.pt shows what the file still holds.",
    ),
    KnownError(
        r"(?:Missing|Unexpected) key\(s\)[^\n]*total_(?:ops|params)",
        "thop.profile left its buffers total_ops and total_params in the model, and they were saved with it.",
        "Take them out of the state_dict before loading: its keys that end with total_ops or total_params.",
    ),
    KnownError(
        r"(?:Missing|Unexpected) key\(s\) in state_dict[^\n]*",
        "The file and the network name their tensors differently. Keys such as epoch, model and optimizer are those of "
        "a whole checkpoint. Where keys of bn are missing and a bias is too many, or the other way round, one of them "
        "is fused. Where each begins with the word module, one of them is in a wrapper. Else they are of two YAMLs or "
        "two releases: Focus, for one, went with YOLOv5 v6.0.",
        "model.load_state_dict((ckpt.get('ema') or ckpt['model']).float().state_dict()), before fuse(), on a network "
        "of the same YAML. Or take the model of the file as it is: it needs no load_state_dict. yolo-probe inspect "
        "best.pt shows what is in it.",
    ),
    KnownError(
        r"'(?:collections\.)?(?:Ordered)?[dD]ict' object has no attribute '\w+'",
        "torch.load of a checkpoint gives a dict: the network is one of its values, under 'ema' or 'model'. A file of "
        "a state_dict gives names and tensors alone, without a network.",
        "model = (ckpt.get('ema') or ckpt['model']).float().eval(). For a state_dict, build the network from its YAML, "
        "and call its load_state_dict. yolo-probe inspect best.pt shows which of both the file is.",
    ),
    KnownError(
        r"Input type \([^)\n]*\) and weight type \([^)\n]*\) should be the same[^\n]*"
        r"|expected (?:object of )?scalar type (?:Half|Float)\b[^\n]*",
        "Two tensors are of two precisions, or on two devices: Half is FP16, Float FP32, and cuda the GPU. A finished "
        "checkpoint holds FP16 weights, and an image is FP32 unless it is made FP16.",
        "model.float() after torch.load, as attempt_load does, or image.half() on a GPU, and both on one device by "
        ".to(device). In a block of your own: x = x.to(self.weight.dtype). val.py without --half computes all in FP32.",
    ),
    KnownError(
        r"Pruning model\.\.\.[^\n]*|\bglobal sparsity\b|\b(?:l1|ln|random)_(?:un)?structured\b",
        "torch.nn.utils.prune sets weights to 0. They are still there and still counted, so layers, parameters, "
        "GFLOPs, the size of the file and the speed stay as they are.",
        "A network gets smaller where whole channels are taken out, as Torch-Pruning does. yolo-probe info best.pt "
        "--weights counts the zeros.",
    ),
    KnownError(
        r"no model scale passed[^\n]*",
        "The model YAML of ultralytics has all scales, and the letter behind the number in its name picks one: "
        "yolov8s of yolov8s.yaml, also of yolov8s-mine.yaml. A name without that letter is built as the "
        "first scale of the file, mostly n, however its weights are named: yolov8n has 3.2 M parameters, yolov8s "
        "11.2 M.",
        "Name the file, or the argument, with the letter. yolo-probe diff yolov8n.yaml yolov8s.yaml shows what it "
        "changes.",
    ),
    KnownError(
        r"size mismatch for [^\n]*",
        "A tensor of the file has another shape than that of the network: it was built for another number of classes, "
        "of which a head of YOLOv5 makes 3 x (classes + 5) channels, such as 255 for 80, or from another YAML or "
        "scale.",
        "Build the network with the file's own classes and YAML, which yolo-probe inspect best.pt shows, or leave out "
        "the tensors whose shapes differ, as train.py does.",
    ),
    KnownError(
        r"\.grad attribute of a Tensor that is not a leaf[^\n]*",
        "fuse() was called with autograd on: it computes the merged weights from those that train, so they are no "
        "leaves, and no optimizer can train them. The line then has as many gradients as parameters.",
        "To predict, nothing. To train, load the file again; fuse() within torch.no_grad() leaves no such tensors.",
    ),
    KnownError(
        r"Inference tensors cannot be saved for backward[^\n]*|Inplace update to inference tensor[^\n]*",
        "The tensors were made in inference mode, in which hosts run predict() and val(), and fuse() there; autograd "
        "takes none of them.",
        "Load the file again before it trains: predict() and val() have fused the network in memory.",
    ),
    KnownError(
        r"Given groups=\d+, weight of size \[\d+, [1-9], [^\n]*expected input\[\d+, [1-9], [^\n]*",
        "The image has other channels than the network is built for: the second number of the input is the image's, "
        "that of the weight the network's. A grey image has 1, a colour image 3, a PNG with transparency 4.",
        "Read the images with 3 channels (cv2.IMREAD_COLOR), or build the network for theirs: ch: 4 in the model YAML "
        "of YOLOv5, channels: 4 in the data YAML of ultralytics.",
    ),
    KnownError(
        r"Given groups=\d+, weight of size \[[^\n]*|__init__\(\) missing \d+ required positional arguments?: 'c\d'",
        "A block is given other channels than it needs, or none. In a YAML of your own it is mostly a class that "
        "parse_model does not know: it is built with the arguments as they are written, without the channels that come "
        "in, and the rows behind it count on other ones.",
        "Add the class to the list of parse_model that passes them on. yolo-probe layers model.yaml names the first "
        "row that does not fit.",
    ),
    KnownError(
        r"Sizes of tensors must match except in dimension 1[^\n]*|\[?ch\[x\] for x in f\]?[^\n]*",
        "A row of the YAML gets the outputs of other rows than are meant. Its from counts rows from the first on, so "
        "after a row was added or taken out each number behind it is another row, whose map has another size, or none "
        "is there.",
        "Correct the from of each Concat and of Detect behind that row. yolo-probe layers model.yaml lists the rows "
        "with their numbers, and names the one that does not fit.",
    ),
    KnownError(
        r"KeyError: '[A-Z]\w+'|NameError: name '[A-Z]\w+' is not defined",
        "The YAML names a class that the file with parse_model does not know: models/yolo.py of YOLOv5, nn/tasks.py of "
        "ultralytics. It is not imported there, or another copy of the package is the one that runs.",
        "Import it there. python -c 'import ultralytics; print(ultralytics.__file__)' shows which copy runs.",
    ),
    KnownError(
        r"'AAttn' object has no attribute '(?:qkv?|v)'[^\n]*",
        "The file is of another YOLO12 than the code. ultralytics has a qkv in its attention since 8.3.78; the code of "
        "the authors of YOLOv12 has a qk and a v in its newer version. Both name the class alike, so that the file "
        "loads, and fails when it runs.",
        "Use the code that trained the file. Both packages are named ultralytics: pip uninstall the one before the "
        "other is installed.",
    ),
    KnownError(
        r"KeyError: '?model\.\d+\.(?:ia|im|m2|m)\.\d+\.\w+'?",
        "tools/reparameterization.ipynb takes the head of a row by its number, and the file has no such head there. "
        "Either it is converted already, as yolov7.pt is, so that it has a Detect in place of IDetect, or its head is "
        "another row: 105 of yolov7, 77 of yolov7-tiny, 121 of yolov7x.",
        "Convert yolov7_training.pt or your own best.pt, with the number of its head, the last row that "
        "yolo-probe layers best.pt shows. A file that is converted needs nothing.",
    ),
    KnownError(
        r"has no attribute '?recompute_scale_factor\b'?",
        "nn.Upsample has this attribute since torch 1.11, and a file that an older torch saved has not.",
        "Use YOLOv5 v6.2 or newer, which puts it in after loading: m.recompute_scale_factor = None.",
    ),
    KnownError(
        r"invalid load key, '(?:v|<)'",
        "The file is no checkpoint: it begins as a pointer of git-lfs (v) or as a web page (<).",
        "git lfs pull, or download the file itself again.",
    ),
    KnownError(
        r"failed finding central directory|PytorchStreamReader failed",
        "The end of the file is missing: the download or the copy was cut short.",
        "Download or copy it again.",
    ),
)
"""The more special of two that a text may match first."""


def errors_in(text: str) -> Iterator[tuple[str, KnownError]]:
    """The known errors in a text, each once with the words that were found."""
    for known in KNOWN_ERRORS:
        if found := re.search(known.pattern, text):
            yield found[0], _with_classes(found[0], known)
            text = re.sub(known.pattern, "", text)


def _with_classes(message: str, known: KnownError) -> KnownError:
    """The error with the two numbers of classes, if the shapes in a message are those of heads with anchors."""
    sizes = _OF_A_HEAD.search(message)
    (file, more), (network, others) = (divmod(int(size), 3) for size in (sizes.groups() if sizes else (0, 0)))
    if more or others or min(file, network) <= _OF_A_BOX:
        return known
    counts = f"Classes: {file - _OF_A_BOX} in the file, {network - _OF_A_BOX} in the network."
    return replace(known, cause=f"{counts} {known.cause}")


_OF_A_HEAD = re.compile(r"(?:\.m\.\d|[cC]onv2d|conv_\d+|yolo_head_\w+)\.\w+: .*?Size\(\[(\d+).*?Size\(\[(\d+)")
"""A tensor of the last convolutions of YOLOv5, YOLOv3 and their kin: 3 anchors of a box and the classes each."""

_OF_A_BOX = 5
"""Channels of an anchor beside its classes: the box and whether there is an object."""
