"""Hostile objects: pickles that play with their memo and stack, tensors that lie, modules with odd attributes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from tests.attacks.containers import members
from tests.attacks.families import Attack, control, writer, written, zipped
from tests.checkpoint_files import (
    Asked,
    Persistent,
    Storage,
    module,
    named,
    network,
    parameter,
    pickled,
    save,
    save_legacy,
    save_zip,
    tensor,
)

FORGED = "x\nFORGED: all is well"


def attacks() -> Iterator[Attack]:
    """Every hostile object."""
    yield from memos()
    yield from calls()
    yield from usual_names()
    yield from storages()
    yield from attributes()
    yield from texts()
    yield from states()


def memos() -> Iterator[Attack]:
    """Stacks and memos as no pickler leaves them."""
    text = b"X\x01\x00\x00\x00a"
    for name, body in {
        "a name under the number of another": b"ccollections\nOrderedDict\nq\x00cos\nsystem\n"
        b"q\x00h\x00X\x04\0\0\0true\x85R.",
        "a call from the memo": b"cos\nsystem\nq\x00X\x04\0\0\0trueq\x010" + b"0h\x00h\x01\x85R.",
        "a call in a key": b"}cos\nsystem\nX\x04\0\0\0true\x85R" + text + b"s.",
        "a call that is dropped": b"cos\nsystem\nX\x04\0\0\0true\x85R0}.",
        "a call that is dropped with its mark": b"(cos\nsystem\nX\x04\0\0\0true\x85R1}.",
        "a call in a set": b"\x8f(cos\nsystem\nX\x04\0\0\0true\x85R\x90.",
        "a call by BUILD": b"ctypes\nSimpleNamespace\n)R}X\x0c\0\0\0__setstate__cos\nsystem\nsbX\x04\0\0\0trueb.",
        "a call of an attribute": b"cbuiltins\ngetattr\ncos\nX\x04\0\0\0path\x86R)R.",
        "a call of a wrapped class": b"(X\x06\0\0\0modulecos\nsystem\nNNtQX\x04\0\0\0true\x85R.",
        "a call by a state of a list": b"ccollections\nOrderedDict\n)R]cos\nsystem\n)RaR.",
    }.items():
        runs = name not in ("a call by a state of a list", "a call of an attribute", "a call by BUILD")
        yield Attack(f"memo {name}", zipped(b"\x80\x02" + body), runs=runs)
    for name, body in {
        "below a mark": b"K\x01(0K\x02.",
        "REDUCE below a mark": b"ccollections\nOrderedDict\n)(R.",
        "SETITEM below a mark": b"}NN(s.",
        "BUILD below a mark": b"ccollections\nOrderedDict\n)R}(b.",
        "TUPLE2 below a mark": b"NN(\x86t.",
        "a mark of nothing": b"((((t.",
        "POP of a mark": b"(0N.",
        "MEMOIZE of nothing": b"\x94N.",
        "PUT of nothing": b"q\x00N.",
        "PUT of a mark": b"(q\x00N.",
        "GET of itself": b"]q\x00h\x00a.",
        "a dict in itself": b"}q\x00Nh\x00s.",
        "a key of itself": b"}q\x00h\x00Ns.",
        "a tuple in itself": b"]q\x00h\x00\x85q\x01a.",
        "a call of itself": b"ccollections\nOrderedDict\n)Rq\x00h\x00b.",
        "a call in its own arguments": b"ccollections\nOrderedDict\n]q\x00\x85Rq\x01h\x01a.",
        "a huge number of the memo": b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff.",
        "EXT2": b"\x83\x01\x01.",
        "EXT4": b"\x84\x01\x01\x01\x01.",
        "EXT of 0": b"\x82\x00.",
        "PERSID of two lines": b"Pa\nb\n.",
        "BINPERSID of a number": b"K\x01Q.",
        "BINPERSID of a list": b"]Q.",
        "BINPERSID of itself": b"]q\x00Qh\x00a.",
        "BYTES of a giant": b"B\xff\xff\xff\x7fa.",
        "TEXT of a giant": b"X\xff\xff\xff\x7fa.",
        "LONG1 of nothing": b"\x8a\x00.",
        "LONG1 of 255 bytes": b"\x8a\xff" + b"\xff" * 255 + b".",
        "PROTO in the middle": b"N\x80\x040N.",
        "FRAME in a frame": b"\x95" + bytes(8) + b"\x95" + bytes(8) + b"N.",
    }.items():
        for kind in ("zip", "alone"):
            attack = zipped(b"\x80\x02" + body) if kind == "zip" else written(b"\x80\x02" + body)
            yield Attack(f"memo {name} {kind}", attack)


RUN = (
    "Conv2d",
    "Parameter",
    "Tensor",
    "Counter",
    "bytearray",
    "complex",
    "slice",
    "_load_from_bytes",
    "qtensor",
    "sparse",
    "wrapper",
)
"""Of the calls below, those that no checkpoint has."""


def calls() -> Iterator[Attack]:
    """Calls of what is usual, with arguments that make it run something or fill the memory."""
    for name, call in {
        "getattr of os": Asked("builtins.getattr", named("os.path"), "system"),
        "getattr of a getattr": Asked(
            "builtins.getattr", Asked("builtins.getattr", named("models.yolo.Detect"), "__init__"), "__globals__"
        ),
        "getattr of a dunder": Asked("builtins.getattr", named("models.yolo.Detect"), "__subclasses__"),
        "getattr of dots": Asked("builtins.getattr", named("models.yolo.Detect"), "forward.__globals__"),
        "getattr of a line": Asked("builtins.getattr", named("models.yolo.Detect"), FORGED),
        "encode by a codec that runs": Asked("_codecs.encode", "x", "rot13"),
        "encode of a giant": Asked("_codecs.encode", "x" * 1000, FORGED),
        "defaultdict of a call": Asked("collections.defaultdict", named("os.system")),
        "OrderedDict of a list": Asked("collections.OrderedDict", [("a", 1)]),
        "Counter": Asked("collections.Counter", {"a": 10**18}),
        "bytearray": Asked("builtins.bytearray", 2**40),
        "set of sets": Asked("builtins.set", [frozenset()]),
        "set of a giant": Asked("builtins.set", [10**300]),
        "range": Asked("builtins.range", 0, 10**30, 1),
        "complex": Asked("builtins.complex", 1.0, 2.0),
        "slice": Asked("builtins.slice", 1, 2, 3),
        "Namespace": Asked("argparse.Namespace", state={"__class__": "os.system", "freeze": [FORGED], "cfg": FORGED}),
        "PosixPath": Asked("pathlib.PosixPath", "/", "..", FORGED),
        "PosixPath of numbers": Asked("pathlib.PosixPath", 1, None),
        "Size": Asked("torch.Size", [2**62] * 9),
        "device": Asked("torch.device", FORGED),
        "dtype of bytes": Asked("numpy.dtype", b"\xff", False, True),
        "scalar": Asked("numpy.core.multiarray.scalar", Asked("numpy.dtype", "f8", False, True), b"\xff" * 7),
        "array": Asked(
            "numpy.core.multiarray._reconstruct",
            named("numpy.ndarray"),
            (0,),
            b"b",
            state=(1, (2**40,), Asked("numpy.dtype", "O8", False, True), False, [Asked("os.system", "true")]),
        ),
        "UntypedStorage": Asked("torch.UntypedStorage", 2**40),
        "Tensor": Asked("torch.Tensor", 2**40),
        "Parameter": Asked("torch.nn.parameter.Parameter", 2**40),
        "Conv2d": Asked("torch.nn.modules.conv.Conv2d", 60_000, 60_000, 3),
        "_load_from_bytes": Asked("torch.storage._load_from_bytes", b"\x80\x02cos\nsystem\n."),
        "qtensor": Asked(
            "torch._utils._rebuild_qtensor",
            Storage("q", "f", [1.0]),
            0,
            (1,),
            (1,),
            (named("torch.per_tensor_affine"), 1.0, 0),
            False,
            OrderedDict(),
        ),
        "sparse": Asked("torch._utils._rebuild_sparse_tensor", named("torch.sparse_coo"), (2**62, 2**62)),
        "wrapper": Asked(
            "torch._utils._rebuild_wrapper_subclass",
            named("os.system"),
            named("torch.float32"),
            (1,),
            (1,),
            0,
            named("torch.strided"),
            "cpu",
            False,
        ),
    }.items():
        for place in ("date", "opt", "names", "w"):
            content: Any = network()
            if place == "names":
                content.__dict__["names"] = call
            elif place == "w":
                content.__dict__["_parameters"] = {"w": call}
            changed = (
                {place: call} if place == "date" else {"opt": {"freeze": call, "hyp": call}} if place == "opt" else {}
            )
            yield Attack(
                f"call {name} in {place}", writer(save, control() | {"model": content} | changed), runs=name in RUN
            )


HANDS_ON = "torch._tensor._rebuild_from_type_v2"
"""A function of usual checkpoints that calls its first argument."""


def _handed(function: object, *args: object) -> Asked:
    return Asked(HANDS_ON, function, named("torch.Tensor"), args, None)


def usual_names() -> Iterator[Attack]:
    """Calls for which every name in the file is one that checkpoints have."""
    conv = named("torch.nn.modules.conv.Conv2d")
    get = Asked(
        "builtins.getattr",
        Asked("builtins.getattr", Asked("builtins.getattr", conv, "__init__"), "__builtins__"),
        "get",
    )
    found = Asked(HANDS_ON, get, Asked("builtins.getattr", get, "__class__"), ("eval",), None)
    code = "__import__('os').system('true')"
    of_a_type = Asked("dill._dill._load_type", "FunctionType")
    appended = b"\x80\x02cargparse\nNamespace\n)R}X\x06\0\0\0append" + _inside(found) + b"sb" + _inside(code) + b"a."
    given = b"\x80\x02cargparse\nNamespace\n}X\x06\0\0\0extend" + _inside(found) + b"s\x85R(" + _inside(code) + b"e."
    for name, call in {
        "what getattr finds, handed on": _handed(found, code),
        "what getattr finds": Asked(HANDS_ON, named(HANDS_ON), conv, (found, conv, (code,), None), None),
        "what getattr finds, in a list": Asked(HANDS_ON, named(HANDS_ON), conv, [found, conv, [code], None], None),
        "a type of dill's": _handed(of_a_type, "true"),
        "a wrapped call": _handed(_handed(conv), "true"),
        "a model of a dict": Asked(
            "models.yolo.DetectionModel", {"nc": 2, "backbone": [[-1, 1, code, []]], "head": []}
        ),
        "a model of ultralytics": Asked("ultralytics.nn.tasks.DetectionModel", {"nc": 2, "head": [[-1, 1, code, []]]}),
        "a model handed on": _handed(named("models.yolo.DetectionModel"), {"backbone": [[-1, 1, code, []]]}),
        "a layer of a giant": Asked("torch.nn.modules.conv.Conv2d", 60_000, 60_000, 3),
    }.items():
        for place in ("optimizer", "ema", "scaler", "date"):
            yield Attack(f"usual {name} in {place}", writer(save, control() | {place: call}), runs=True)
        yield Attack(f"usual {name} in a legacy file", writer(save_legacy, control() | {"optimizer": call}), runs=True)
    for name, body in (("appended", appended), ("extended", given)):
        yield Attack(f"usual {name}", zipped(body), runs=True)


def _inside(value: object) -> bytes:
    """The opcodes that leave a value on the stack."""
    return pickled(value)[2:-1]


def storages() -> Iterator[Attack]:
    """Storages and tensors that lie about each other."""
    four = Storage("s", "f", [1.0, 2.0, 3.0, 4.0])
    shapes = {
        "of no axes": ((), (), 0),
        "empty far away": ((0,), (1,), 10**12),
        "empty giant": ((0, 2**62), (1, 1), 0),
        "of stride 0": ((2**31, 2**31), (0, 0), 0),
        "of a stride past the end": ((1, 1), (2**62, 2**62), 3),
        "over itself": ((3, 2), (1, 1), 0),
        "backwards": ((2, 2), (-2, -1), 3),
        "of True": ((True, True), (1, 1), 0),
        "of floats": ((2.0, 2.0), (2, 1), 0),
        "of None": (None, None, 0),
        "of lists": ([2, 2], [2, 1], 0),
        "of an offset of True": ((2,), (1,), True),
        "of an offset of -1": ((2,), (1,), -1),
        "of 64 axes": ((1,) * 64, (1,) * 64, 0),
        "of 65 axes": ((1,) * 65, (1,) * 65, 0),
        "of 2 ** 63 elements": ((2**63,), (0,), 0),
        "of 2 ** 62 elements": ((2**62,), (0,), 0),
    }
    for name, (shape, strides, offset) in shapes.items():
        for where in ("a parameter", "stride", "a Conv"):
            yield Attack(
                f"storage {name} in {where}",
                lambda path, where=where, told=(offset, shape, strides): _lied(path, where, _rebuilt(four, *told)),
            )
    for name, told in {
        "no key": ("storage", named("torch.FloatStorage"), None, "cpu", 4),
        "a key of dots": ("storage", named("torch.FloatStorage"), "../version", "cpu", 4),
        "the key of the pickle": ("storage", named("torch.FloatStorage"), "../data.pkl", "cpu", 4),
        "a key of a line": ("storage", named("torch.FloatStorage"), FORGED, "cpu", 4),
        "a length of -4": ("storage", named("torch.FloatStorage"), "s", "cpu", -4),
        "a length of 2 ** 70": ("storage", named("torch.FloatStorage"), "s", "cpu", 2**70),
        "a length of True": ("storage", named("torch.FloatStorage"), "s", "cpu", True),
        "a class that runs": ("storage", named("os.system"), "s", "cpu", 4),
        "a text as a class": ("storage", "FloatStorage", "s", "cpu", 4),
        "another type": ("module", named("os.system"), "s", "cpu", 4),
        "a device of a line": ("storage", named("torch.FloatStorage"), "s", FORGED, 4),
        "a device of a call": ("storage", named("torch.FloatStorage"), "s", Asked("os.system", "true"), 4),
        "six parts": ("storage", named("torch.FloatStorage"), "s", "cpu", 4, ("s", -(2**70), 4)),
        "one part": ("storage",),
        "no parts": (),
        "a text": "storage",
        "a number": 7,
        "a quantised one": ("storage", named("torch.QInt8Storage"), "s", "cpu", 4),
        "one of floats of 8 bits": ("storage", named("torch.Float8_e4m3fnStorage"), "s", "cpu", 4),
    }.items():
        made = _rebuilt(Persistent(told), 0, (2, 2), (2, 1))
        runs = name == "a device of a call"
        for kind in (save, save_legacy):
            yield Attack(
                f"storage of {name} {kind.__name__}",
                lambda path, kind=kind, made=made: _lied(path, "a parameter", made, kind),
                runs=runs,
            )
    for kinds in (("f", "e"), ("f", "q"), ("d", "f")):
        first, second = Storage("t", kinds[0], [1.0] * 4), Storage("t", kinds[1], [1] * 4)
        pair: Any = network()
        pair.__dict__["_parameters"] = {"a": parameter(tensor(first, (4,))), "b": parameter(tensor(second, (4,)))}
        yield Attack(f"storage of two types {kinds}", writer(save, control() | {"model": pair}))
    for count, same in ((50, True), (20_000, True), (20_000, False)):
        many: Any = network()
        one = parameter(tensor(four, (4,)))
        many.__dict__["_parameters"] = {f"p{n}": one if same else parameter(tensor(four, (4,))) for n in range(count)}
        yield Attack(f"storage of {count} {'same ' * same}parameters", writer(save, control() | {"model": many}))


def _rebuilt(storage: object, *told: object) -> Asked:
    return Asked("torch._utils._rebuild_tensor_v2", storage, *told, False, OrderedDict())


def _lied(path: Path, where: str, made: Asked, kind: Any = save) -> None:
    """A network with that tensor in one place; a storage of four floats is in the file whatever it is."""
    odd: Any = network()
    real = tensor(Storage("s", "f", [1.0, 2.0, 3.0, 4.0]), (4,))
    odd.__dict__["_buffers"] = {"real": real}
    if where == "a parameter":
        odd.__dict__["_parameters"] = {"w": parameter(made)}
    elif where == "stride":
        odd.__dict__["stride"] = made
    else:
        _first(odd)["conv"].__dict__["_parameters"]["weight"] = parameter(made)
    kind(path, control() | {"model": odd})


def _first(root: Any) -> dict[str, Any]:
    """The children of the first row."""
    rows = root.__dict__["_modules"]["model"].__dict__["_modules"]
    return cast("dict[str, Any]", rows["0"].__dict__["_modules"])


SPECIAL = (
    "__class__",
    "__dict__",
    "__init__",
    "__call__",
    "__getattr__",
    "__setstate__",
    "__reduce__",
    "__del__",
    "__name__",
    "__module__",
    "forward",
    "forward_fuse",
    "_forward_once",
    "fuse",
    "info",
    "parameters",
    "modules",
    "named_modules",
    "children",
    "train",
    "eval",
    "training",
    "_parameters",
    "_buffers",
    "_modules",
    "_version",
    "_backward_hooks",
    "_compiled_call_impl",
    "_slow_forward",
    "names",
    "nc",
    "yaml",
    "yaml_file",
    "stride",
    "save",
    "hyp",
    "inplace",
    "class_weights",
    "task",
    "args",
    "pt_path",
    "criterion",
    "total_ops",
    "total_params",
    "i",
    "f",
    "type",
    "np",
)
"""Names that are more than a name to Python, torch or a host."""


def attributes() -> Iterator[Attack]:
    """Attributes of special names, with values that no host gives them."""
    within: list[object] = []
    within.append(within)
    values = {
        "a text": FORGED,
        "a name": named("os.system"),
        "a list in itself": within,
        "a giant": 10**4000,
        "NaN": float("nan"),
        "an infinity": float("-inf"),
        "a dict of odd keys": {None: 1, 2: 3, (4,): 5, b"x": 6},
        "a module": None,
    }
    for name in SPECIAL:
        for kind, value in values.items():
            if name in ("_parameters", "_buffers", "_modules") and kind == "a module":
                continue
            held = module("torch.nn.modules.linear.Identity") if kind == "a module" else value
            for where in ("the model", "a row", "the Conv2d"):
                if where != "the model" and kind not in ("a text", "a giant", "a list in itself"):
                    continue
                odd: Any = network()
                rows = odd.__dict__["_modules"]["model"].__dict__["_modules"]
                target = {"the model": odd, "a row": rows["0"], "the Conv2d": _first(odd)["conv"]}[where]
                target.__dict__[name] = held
                yield Attack(f"attribute {name} of {where} is {kind}", writer(save, control() | {"model": odd}))


TEXTS = {
    "an escape": "\x1b[2J\x1b[31mred",
    "a title": "\x1b]0;owned\x07",
    "a link": "\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\",
    "C1": "\x9b2J\x9d0;x\x9c",
    "turned": "\u202ecod.exe\u202c",
    "isolated": "\u2066x\u2069",
    "no width": "a\u200b\ufeffb",
    "tags": "\U000e0001\U000e0041",
    "back": "safe\x08\x08\x08\x08evil",
    "return": "good\rFORGED: evil",
    "zero": "a\0b",
    "a feed": "x\x0bFORGED\x0cFORGED",
    "paragraphs": "x\u2029FORGED\u2028FORGED",
    "halves": "\udcff\ud800",
    "wide": "\uff21" * 300,
    "stacked": "e" + "\u0301" * 500,
    "markup": "[bold red]x[/] [link=http://x]y[/link] \\[",
    "Markdown": "`|\n|---|\n<script>alert(1)</script> ![x](http://x) **b**",
    "HTML": "</script><img src=x onerror=alert(1)>",
    "a format": "{0.__class__} %s %n %(x)s ${x}",
    "a path": "../../../../etc/passwd",
    "long": "n" * 100_000,
}
"""Texts that a terminal, a browser or a formatter would obey."""


def texts() -> Iterator[Attack]:
    """Those texts in every place whose text is shown."""
    for name, text in TEXTS.items():
        odd: Any = network()
        odd.__dict__.update(names={0: text, 1: text}, yaml={"nc": 2, "yaml_file": text, text: [text]}, yaml_file=text)
        yield Attack(f"text {name} in the model", writer(save, control() | {"model": odd}))
        options = {"freeze": [text], "cfg": text, "data": text, "hyp": {text: text, "lr0": text}, "name": text, text: 1}
        for place in ("date", "git", "opt", "train_args", "version", "license", "wandb_id", "epoch", "best_fitness"):
            value: object = options if place in ("opt", "train_args", "git") else text
            yield Attack(f"text {name} in {place}", writer(save, control() | {place: value}))
        yield Attack(f"text {name} as a key", writer(save, control() | {text: text}))
        yield Attack(f"text {name} of a class", writer(save, control() | {"model": _of_class(text)}))
        yield Attack(f"text {name} of what is named", writer(save, control() | {"opt": _of_class(text)}))
        yield Attack(f"text {name} of a state_dict", writer(save, {text: tensor(Storage("0", "f", [1.0]), (1,))}))
        kinds: Any = network()
        _first(kinds)["conv"].__dict__.update(padding_mode=text, padding=text, kernel_size=text)
        yield Attack(f"text {name} of a Conv2d", writer(save, control() | {"model": kinds}))


def _of_class(name: str) -> object:
    shown = name.replace("\0", "").encode("utf-8", "replace").decode()  # Python itself makes no class of such a name
    return module("models.yolo.Model", children={"model": module(f"models.common.{shown}", children={})})


def states() -> Iterator[Attack]:
    """Parts of modules that are something else, and networks that are none."""
    leaf = module("torch.nn.modules.linear.Identity")
    for part in ("_parameters", "_buffers", "_modules", "_forward_hooks", "_backward_hooks", "_state_dict_hooks"):
        for name, value in {
            "a list": [leaf],
            "a number": 3,
            "a text": "x",
            "None": None,
            "a module": {"x": leaf},
            "a name": named("os.system"),
            "a dict of numbers": {1: 2},
            "an OrderedDict of a list": Asked("collections.OrderedDict", [["a", leaf]]),
            "a dict of dots": {"a.b": leaf},
            "a dict of nothing": {"": leaf},
            "a set": {"x"},
        }.items():
            odd: Any = network()
            odd.__dict__["_modules"]["model"].__dict__[part] = value
            yield Attack(f"state {part} is {name}", writer(save, control() | {"model": odd}))
    for place in ("model", "ema"):
        for name, value in {
            "a list": [network()],
            "a text": FORGED,
            "a number": 10**400,
            "a tensor": tensor(Storage("0", "f", [1.0]), (1,)),
            "a parameter": parameter(tensor(Storage("0", "f", [1.0]), (1,))),
            "a name": named("models.yolo.Model"),
            "a Sequential": module("torch.nn.modules.container.Sequential", children={}),
            "a DataParallel": module("torch.nn.parallel.data_parallel.DataParallel", children={"module": network()}),
            "a DDP": module("torch.nn.parallel.distributed.DistributedDataParallel", children={"module": network()}),
            "a compiled one": module("torch._dynamo.eval_frame.OptimizedModule", children={"_orig_mod": network()}),
            "a ScriptModule": module("torch.jit._script.RecursiveScriptModule", children={"x": network()}),
            "a GraphModule": module("torch.fx.graph_module.GraphModule", children={"x": network()}),
            "a quantised one": module("torch.ao.nn.quantized.modules.conv.Conv2d", children={}),
            "a leaf": leaf,
            "a Model of nothing": module("models.yolo.Model", children={}),
            "a Model of None": module("models.yolo.Model", children={"model": None}),
            "a Model of a leaf": module("models.yolo.Model", children={"model": leaf}),
        }.items():
            yield Attack(f"state {place} is {name}", writer(save, control() | {place: value}))
    for key, value in {
        "epoch": float("nan"),
        "updates": -(10**400),
        "best_fitness": [FORGED],
        "optimizer": {"param_groups": FORGED},
        "train_metrics": {"x": float("nan")},
        "train_results": {FORGED: [float("inf")]},
        "scaler": leaf,
    }.items():
        yield Attack(f"state {key} of odd values", writer(save, control() | {key: value}))
    for name, raw in (("version", b"\xff" * 100), ("byteorder", b"\x1b[2J"), (".format_version", b"9" * 10**6)):
        yield Attack(f"state {name} of the archive", lambda path, name=name, raw=raw: _beside(path, name, raw))


def _beside(path: Path, name: str, content: bytes) -> None:
    save_zip(path, members() | {f"archive/{name}": content})
