"""A report as text in 80 columns, for a terminal, a pipe or an issue tracker; colour adds nothing but colour."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from yolo_probe.ledger import CONVOLUTIONS, Ledger
from yolo_probe.render.layout import HUES, WIDTH, Paint, cause, footer, note, plain, row, sentences, signed
from yolo_probe.report import FuseDiff, Info, Question, State
from yolo_probe.structure import LayerCounts, Module, named_modules, named_parameters
from yolo_probe.subject import Subject
from yolo_probe.summary import HostLine


def render(report: FuseDiff | Info, paint: Paint = plain, columns: int | None = None) -> str:
    """The whole report. ``columns``: width of the terminal, if it is one; a host's line is broken only there."""
    lines = _fuse_diff(report, paint, columns) if isinstance(report, FuseDiff) else _info(report, paint, columns)
    return "\n".join(line.rstrip() for line in lines) + "\n"


# fuse-diff


def _fuse_diff(report: FuseDiff, paint: Paint, columns: int | None) -> Iterator[str]:
    subject = report.question.subject
    host = f"YOLOv5 {subject.origin.title}"
    yield from sentences(_heading(subject))
    yield ""
    yield f"When training starts, {host} prints"
    yield from _host_line(report.training, report.question, paint, columns)
    yield f"When it validates{' this file' if subject.saved else ''}, it prints"
    yield from _host_line(report.validation, report.question, paint, columns)
    yield ""
    yield from sentences(_answer(report))
    yield ""
    yield paint("dim", row("", "training", "validation", "change"))
    yield from _block("layers", report.layers, paint, _layers_note(report))
    yield ""
    yield from _block("parameters", report.parameters, paint)
    yield ""
    yield from _block("gradients", report.gradients, paint, _gradients_note(report))
    yield ""
    if report.flops is None:
        yield from _unknown_flops(report.unknown)
    else:
        yield from _block("FLOPs", report.flops, paint, _flops_note(report), _rounded(report))
    yield ""
    yield from _footers(report.question, paint, _fuse_diff_options(report), report.alternatives)


def _heading(subject: Subject) -> str:
    network = subject.network or "a network without a name"
    classes = "" if subject.classes is None else f", {subject.classes} class{'es' * (subject.classes != 1)}"
    if subject.saved:
        copy = ", its copy model" if subject.saved.copy == "model" and subject.saved.has_ema else ""
        return f"{subject.label}: {network}{classes}, trained with YOLOv5 {subject.origin.title}{copy}"
    return f"{subject.label}: as YOLOv5 {subject.origin.title} builds it{classes}"


def _host_line(state: State, question: Question, paint: Paint, columns: int | None) -> Iterator[str]:
    yield from _verbatim(state.line.text or state.line.counts, paint, columns)
    if state.line.text is None:
        yield paint("yellow", "  GFLOPs are not known: see FLOPs below.")
    elif state.line.missing:
        counted = "" if state.summary.flops is None else f" Counted by yolo-probe: {_giga(state.summary.flops)} GFLOPs."
        for line in note(f"No GFLOPs: {state.line.missing}, and the error is hidden.{counted}"):
            yield paint("yellow", line)


def _verbatim(line: str, paint: Paint, columns: int | None) -> Iterator[str]:
    """A host's line, unbroken unless a terminal is too narrow for it."""
    parts = [line]
    while columns is not None and len(parts[-1]) > columns and " " in parts[-1][4:columns]:
        cut = parts[-1].rindex(" ", 4, columns)
        parts[-1:] = [parts[-1][:cut], "    " + parts[-1][cut + 1 :]]
    for part in parts:
        yield _figures(part, paint)


def _figures(line: str, paint: Paint) -> str:
    """Each of the four figures of a host's line in its own colour."""
    names = {"GFLOPS": "FLOPs", "GFLOPs": "FLOPs"}
    pieces = re.split(r"([\d,.]*\d (?:layers|parameters|gradients|GFLOP[sS]))", line)
    painted = []
    for piece in pieces:
        name = piece.rpartition(" ")[2]
        hue = HUES.get(names.get(name, name)) if piece[:1].isdigit() else None
        painted.append(paint(f"bold {hue}" if hue else "bold", piece) if piece else "")
    return "".join(painted)


def _answer(report: FuseDiff) -> str:
    merged, stay = len(report.fusion.merges), len(report.fusion.stays)
    opening = "Nothing is wrong: both lines describe the same network."
    if not report.balanced:
        opening = "Not everything is explained: the rows marked ! show what is left over."
    if merged and not stay:
        fusion = "fuse() merges each BatchNorm into the convolution before it"
    elif merged:
        fusion = f"fuse() merges {merged} of {merged + stay} BatchNorms into the convolution before them"
    else:
        return f"{opening} fuse() finds no BatchNorm to merge here. {_gradients_answer(report)}"
    return (
        f"{opening} Before validation, {fusion}: fewer layers, the same predictions up to rounding. "
        f"{_gradients_answer(report)}"
    )


def _gradients_answer(report: FuseDiff) -> str:
    saved = report.question.subject.saved
    after = report.validation.summary.gradients
    if after:
        return (
            f"Gradients are {after:,} because val.py turns autograd off while fuse() makes its convolutions anew; "
            f"with autograd on, as in train.py, the line says {report.gradients_with_autograd:,}."
        )
    if saved is None:
        reason = "a finished file, and the EMA copy before it, is marked as not trainable"
    elif saved.stripped:
        reason = "the finished file is marked as not trainable"
    elif saved.copy == "ema":
        reason = "the EMA copy is validated, and that never trains"
    else:
        reason = "the file is marked as not trainable"
    return f"Gradients are 0 because {reason}; fuse() has no part in that."


def _block(
    name: str, ledger: Ledger, paint: Paint, words: str = "", second: Sequence[str] = ()
) -> Iterator[str]:
    change = signed(ledger.after - ledger.before)
    yield paint(f"bold {HUES[name]}", row(name, f"{ledger.before:,}", f"{ledger.after:,}", change))
    yield from second
    for entry in ledger.entries:
        yield from cause(f"{entry.cause}: {entry.detail}" if entry.detail else entry.cause, signed(entry.amount))
    yield from _unexplained(ledger.unexplained, paint)
    yield from note(words)


def _unexplained(amount: int, paint: Paint) -> Iterator[str]:
    mark, style = ("!", "bold red") if amount else (" ", "green")
    for line in cause("unexplained", signed(amount), mark):
        yield paint(style, line)
    if amount:
        yield "    No rule covers this. See --layers, and please report it with --format json."


def _layers_note(report: FuseDiff) -> str:
    subject = report.question.subject
    before, after = report.training.summary.layers, report.validation.summary.layers
    convolutions = sum(module.kind in ("nn.Conv2d", "nn.ConvTranspose2d") for _, module in named_modules(subject.root))
    if subject.origin.form.layers == "leaf_modules":
        return (
            f"A layer here is a module that holds no others. {convolutions} of them are convolutions, before and "
            f"after. YOLOv5 v4.0 to v7.0 count any module: {before.modules} and {after.modules}."
        )
    leaves = f"{before.leaf_modules} and {after.leaf_modules}"
    if spare := _spare_activations(subject.root):
        mine = f"Your own {subject.network}" if subject.network else "Your own network"
        return (
            f"{mine} says {before.modules - spare} and "
            f"{after.modules - spare}? It is the same network: since v7.0 the {spare + 1} Conv share one "
            f"{_activation(subject.root)}; {'in this file' if subject.saved else 'here'} each has its own, so {spare} "
            f"more are counted. YOLOv5 since July 2026 prints {before.leaf_modules} and "
            f"{after.leaf_modules} (only modules that hold no others)."
        )
    return (
        f"A layer here is any module, also one that only holds others. {convolutions} of them are convolutions, "
        f"before and after. YOLOv5 since July 2026 counts only modules that hold no others: "
        f"{'for this file ' if subject.saved else ''}it prints {leaves}."
    )


def _activations(root: Module) -> list[Module]:
    acts = [m.children.get("act") for _, m in named_modules(root) if m.kind in ("Conv", "DWConv")]
    return [act for act in acts if act is not None and act.kind == "nn.SiLU"]


def _spare_activations(root: Module) -> int:
    """How many activations would go if all Conv shared one."""
    return max(len({id(act) for act in _activations(root)}) - 1, 0)


def _activation(root: Module) -> str:
    return _activations(root)[0].kind.removeprefix("nn.")


def _gradients_note(report: FuseDiff) -> str:
    saved = report.question.subject.saved
    meaning = '"gradients" counts the parameters that training may change.'
    after = report.validation.summary.gradients
    if saved and saved.freeze:
        left = report.gradients.before + sum(e.amount for e in report.gradients.entries[:1])
        return f"The training line is printed before --freeze acts: {left:,} really trained."
    if after or saved is None:
        return meaning
    if saved.stripped and saved.freeze is None:
        return f"{meaning} A new training that starts from this file sets all of them back to trainable."
    if saved.stripped:
        return f"{meaning} An unstripped\nfile gives 0 as well: its EMA copy is validated, and that never trains."
    return f"{meaning} The finished file gives 0 as well: strip_optimizer() marks it as not trainable."


def _rounded(report: FuseDiff) -> tuple[str, ...]:
    """The figures as the lines have them, where the lines are about this size and this counter."""
    question = report.question
    before, after = report.training, report.validation
    same = question.size == (640, 640) and question.counter.of_host is question.counter.convention
    if same and before.line.gflops is not None and after.line.gflops is not None:
        printed = [f"{state.line.gflops:.1f} GFLOPs" for state in (before, after)]
        return (row("  printed as", *printed, ""),)
    return (row("  rounded to", *(f"{_giga(state.summary.flops or 0)} GFLOPs" for state in (before, after)), ""),)


def _flops_note(report: FuseDiff) -> str:
    question = report.question
    convention = question.counter.convention
    words = ["No convolution got cheaper."]
    rates = _batch_norm_rates(report)
    if convention.name == "torch":
        words.append("This counter charges only convolutions and matrix products, 2 FLOPs per MAC.")
    elif rates:
        per = 2 if convention.unit == "MACs" else 1
        words.append(f"This counter charges BatchNorm {rates} FLOPs per output value ({rates // per} MACs, 1 MAC = 2 "
                     f"FLOPs)." if not _old_log(report) else
                     f"This counter charges BatchNorm {rates} FLOPs per output value.")  # fmt: skip
    words += _differs(report)
    if old := _old_log(report):
        words.append(old)
    elif convention.name != "torch" and rates:
        words.append("With --counter torch nothing drops.")
    return " ".join(words)


def _batch_norm_rates(report: FuseDiff) -> int:
    """FLOPs for one value of a BatchNorm, where all are charged alike; else 0."""
    convention = report.question.counter.convention
    records = report.training.run.records if report.training.run else ()
    rates = {
        convention.flops_per_count * (convention.count(r) or 0) // max(_size(r.output), 1)
        for r in records
        if r.operator == "batch_norm"
    }
    return rates.pop() if len(rates) == 1 else 0


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for axis in shape:
        total *= axis
    return total


def _old_log(report: FuseDiff) -> str:
    """What logs of 2021 say of this network: they were counted by thop 0.0.31."""
    question = report.question
    if question.subject.origin.generation not in ("v5.0", "v6.0", "v6.1") or question.size != (640, 640):
        return ""
    if question.counter.convention.name == "thop-0.0.31":
        return ""
    from yolo_probe.conventions import CONVENTIONS

    counter = CONVENTIONS["thop-0.0.31"]
    runs = (report.training.run, report.validation.run)
    before, after = (_giga(counter.flops(run.records)) if run else "?" for run in runs)
    return f"Logs of 2021 say {before} and {after}: see --counter thop-0.0.31."


def _differs(report: FuseDiff) -> Iterator[str]:
    """Where the lines' own figure is not this one: another size, another counter, or a cost that area does not scale."""
    question = report.question
    lines = [state.line.gflops for state in (report.training, report.validation)]
    if None in lines:
        return
    figures = " and ".join(f"{gflops:.1f}" for gflops in lines)
    if question.counter.of_host is not question.counter.convention:
        yield f"The lines say {figures}: a host counts with thop, here by the rules of {question.counter.of_host.title}."
    elif question.size != (640, 640):
        yield f"The lines say {figures}, whatever --imgsz: YOLOv5 counts at 640x640."
    else:
        differences = [
            round((gflops or 0) * 1e9) - (state.summary.flops or 0)
            for gflops, state in zip(lines, (report.training, report.validation), strict=True)
        ]
        if any(differences):
            cell = max(question.subject.stride, 32)
            yield (
                f"The lines are {' and '.join(signed(d) for d in differences)} FLOPs off: YOLOv5 counts one {cell}x{cell} "
                "image and multiplies by the area, but attention and pooling do not grow with it."
            )


def _unknown_flops(unknown: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield row("FLOPs", "not known", "not known", "")
    kinds = Counter(kind for _, kind in unknown)
    for kind, count in kinds.items():
        path = next(path for path, other in unknown if other == kind)
        yield from note(f"{kind} ({count} x, first at {path}): yolo-probe does not know what this module computes.")


def _giga(flops: int) -> str:
    """GFLOPs with one decimal, as the hosts round."""
    return f"{flops / 1e9:.1f}"


def _fuse_diff_options(report: FuseDiff) -> str:
    pairs = len(report.fusion.merges)
    counter = "  --nc" if report.question.subject.saved is None else ""
    return f"--layers (the {pairs} pairs)  --imgsz  --counter  --host{counter}  --format json"


# info


def _info(report: Info, paint: Paint, columns: int | None) -> Iterator[str]:
    question = report.question
    subject, state = question.subject, report.state
    state_words = ", fused" if report.is_fused else ", not fused"
    new = ", new" if subject.saved is None and not report.is_fused else ""
    yield from sentences(_heading(subject) + new + state_words)
    yield ""
    height, width = question.size
    size = "" if question.size == (640, 640) else f"img_size={height if height == width else [height, width]}"
    yield f"model.info({size}) prints"
    yield from _host_line(state, question, paint, columns)
    if report.at_640 and report.at_640.line.gflops is not None:
        yield from sentences(
            f"A training log says {report.at_640.line.gflops:.1f} GFLOPs, whatever its --imgsz: YOLOv5 counts at 640x640."
        )
    yield ""
    yield from _info_layers(report, paint)
    yield ""
    yield from _info_parameters(report, paint)
    yield ""
    yield from _info_gradients(report, paint)
    yield ""
    if state.run is None:
        yield from _unknown_flops(report.unknown)
    else:
        yield from _info_flops(report, paint)
    yield ""
    yield from _footers(question, paint, _info_options(report), subject.origin.alternatives)


def _info_layers(report: Info, paint: Paint) -> Iterator[str]:
    form = report.question.subject.origin.form
    counts = report.state.summary.layers
    yield paint("bold cyan", row("layers", f"{form.layer_count(counts):,}"))
    modules = [module for _, module in named_modules(report.state.root)]
    leaves = Counter(module.kind.removeprefix("nn.") for module in modules if not module.children)
    parts = [f"{count}\N{NO-BREAK SPACE}{kind}" for kind, count in sorted(leaves.items(), key=lambda item: (-item[1], item[0]))]
    shared = _sharing(report.state.root)
    parts = [part + (f" (shared by {shared} Conv)" if shared and part.endswith("\N{NO-BREAK SPACE}SiLU") else "") for part in parts]
    yield from note(_layer_meaning(form.layers, counts, " +\N{NO-BREAK SPACE}".join(parts)))


def _sharing(root: Module) -> int:
    """How many Conv share one activation; 0 where each has its own."""
    acts = _activations(root)
    return len(acts) if len(acts) > 1 and len({id(act) for act in acts}) == 1 else 0


def _layer_meaning(definition: str, counts: LayerCounts, parts: str) -> str:
    if definition == "leaf_modules":
        return (
            f"Modules that hold no others: {parts}. v4.0 to v7.0 count all modules, also those that hold others: "
            f"{counts.modules}; v3.1 parameter tensors: {counts.parameter_tensors}."
        )
    return (
        f"All modules, also those that hold others. Without those, as YOLOv5 since July 2026 counts, "
        f"{counts.leaf_modules}: {parts}. v3.1 counts parameter tensors: {counts.parameter_tensors}."
    )


def _info_parameters(report: Info, paint: Paint) -> Iterator[str]:
    total = report.state.summary.parameters
    yield paint("bold blue", row("parameters", f"{total:,}"))
    yield "  Numbers that training learns:"
    rows = list(_parameter_rows(report.state.root))
    for text, amount in rows:
        yield from cause(text, f"{amount:,}")
    yield from _unexplained(total - sum(amount for _, amount in rows), paint)


def _parameter_rows(root: Module) -> Iterator[tuple[str, int]]:
    """Parameters by the kind of module that owns them; each tensor once."""
    owners: dict[tuple[str, str], list[tuple[str, int]]] = {}
    modules = dict(named_modules(root))
    for name, tensor in named_parameters(root):
        path, _, key = name.rpartition(".")
        kind = modules[path].kind.removeprefix("nn.")
        group = "convolutions" if kind in ("Conv2d", "ConvTranspose2d", "DWConvTranspose2d") else kind
        owners.setdefault((group, key if group == "convolutions" else ""), []).append((path, tensor.numel))
    for (group, key), places in sorted(owners.items(), key=lambda item: item[0][0] != "convolutions"):
        total = sum(size for _, size in places)
        if group == "convolutions" and key == "weight":
            yield f"weights of {len(places)} convolutions", total
        elif group == "convolutions":
            yield _bias_row(places, modules), total
        elif group == "BatchNorm2d":
            norms = len({path for path, _ in places})
            yield f"weights and biases of {norms} BatchNorm2d: 2 x {total // 2:,} channels", total
        else:
            yield f"all of {len({path for path, _ in places})} {group}", total


def _bias_row(places: Sequence[tuple[str, int]], modules: dict[str, Module]) -> str:
    head = {path for path, module in modules.items() if module.kind in ("Detect", "Segment")}
    sizes = {size for _, size in places}
    where = " in Detect" if all(any(path.startswith(f"{h}.m.") for h in head) for path, _ in places) else ""
    count = f": {len(places)} x {sizes.pop():,}" if len(sizes) == 1 else ""
    the = "the " if where else ""
    return f"biases of {the}{len(places)} convolutions{where}{count}"


def _info_gradients(report: Info, paint: Paint) -> Iterator[str]:
    subject = report.question.subject
    gradients = report.state.summary.gradients
    yield paint("bold magenta", row("gradients", f"{gradients:,}"))
    if subject.saved is None and not report.is_fused:
        from yolo_probe.gradients import frozen_by_rows

        frozen = frozen_by_rows(subject.root, tuple(range(10)))
        left = sum(tensor.numel for name, tensor in named_parameters(subject.root) if name not in frozen)
        yield from note(
            "Parameters that training may change: in a new model all of them, in a finished best.pt 0. --freeze 10 "
            f"leaves {left:,}, but the line is printed before that."
        )
    elif gradients == 0:
        who = "strip_optimizer()" if subject.saved is None or subject.saved.stripped else "ModelEMA"
        yield from note(
            f"Parameters that training may change: none here, since {who} marked them as not trainable. A new training "
            "that starts from this file sets all of them back."
        )
    else:
        yield from note("Parameters that training may change.")


def _info_flops(report: Info, paint: Paint) -> Iterator[str]:
    state, question = report.state, report.question
    assert state.run is not None and state.summary.flops is not None
    convention = question.counter.convention
    total = state.summary.flops
    yield paint("bold yellow", row("FLOPs", f"{total:,}"))
    yield from note(f"Multiplications and additions for one image, {_giga(total)} GFLOPs. It is not a speed.")
    per = convention.flops_per_count
    rest = total
    free: Counter[str] = Counter()
    groups: dict[str, list[int]] = {}
    values: Counter[str] = Counter()
    for record in state.run.records:
        count = convention.count(record)
        name = "convolutions" if record.operator in CONVOLUTIONS else record.kind.removeprefix("nn.")
        if count:
            groups.setdefault(name, []).append(count)
            values[name] += _size(record.output)
        else:
            free[record.operator if not record.kind.startswith("nn.") else name] += 1
    for name, counts in sorted(groups.items(), key=lambda item: -sum(item[1])):
        amount = per * sum(counts)
        rest -= amount
        detail = f"{per} x {sum(counts):,} MACs" if per == 2 else ""
        if name == "BatchNorm2d" and amount % values[name] == 0:
            detail = f"{amount // values[name]} x {values[name]:,} output values"
        yield from cause(f"{len(counts)} {name}: {detail}" if detail else f"{len(counts)} {name}", f"{amount:,}")
    if names := [name for name in free if name[0].isupper() and name not in groups] + ["Concat"] * ("cat" in free):
        listed = ", ".join(names) + (", ..." if "add" in free or "mul" in free else "")
        yield from cause(f"{listed}: free by these rules", "0")
    yield from _unexplained(rest, paint)
    yield from note(_info_flops_note(report))


def _info_flops_note(report: Info) -> str:
    total, small = report.state.summary.flops, report.at_640
    if small is None or not small.summary.flops or total is None:
        return ""
    height, width = report.question.size
    area = height * width / (640 * 640)
    if total * 640 * 640 == small.summary.flops * height * width:
        return f"{area:g} x the {small.summary.flops:,} at 640x640: {area:g} x the image area."
    return (
        f"{total / small.summary.flops:.3g} x the {small.summary.flops:,} at 640x640, for {area:g} x the image area: "
        "not all of the cost grows with it."
    )


def _info_options(report: Info) -> str:
    question = report.question
    size = "" if question.size == (640, 640) else f" --imgsz {_imgsz(question)}"
    summary, form = report.fused.summary, question.subject.origin.form
    numbers = (
        f"at validation: {form.layer_count(summary.layers)} layers, {summary.parameters:,} parameters, "
        f"{summary.gradients:,} gradients"
    )
    gflops = "" if summary.flops is None else f", {_giga(summary.flops)} GFLOPs"
    classes = "  --nc" if question.subject.saved is None else ""
    return f"yolo-probe fuse-diff {question.subject.path or question.subject.label}{size} ({numbers}{gflops})  --verbose{classes}"


def _imgsz(question: Question) -> str:
    height, width = question.size
    return str(height) if height == width else f"{height},{width}"


# footers


def _footers(question: Question, paint: Paint, options: str, alternatives: Sequence[str]) -> Iterator[str]:
    subject = question.subject
    notes = [("Counted", _counted(question)), ("Version", _version(subject, alternatives))]
    if subject.saved:
        notes.append(("File", _file(subject)))
    notes.append(("More", options))
    for label, text in notes:
        for i, line in enumerate(footer(label, text)):
            yield paint("dim", line[:9]) + line[9:] if i == 0 else line


def _counted(question: Question) -> str:
    counter = question.counter
    thop = counter.installed
    if thop is None:
        beside = "thop is not installed"
    elif thop.counter == counter.convention.name:
        beside = f"{thop.version} is installed"
    else:
        beside = f"{thop.distribution} {thop.version} is installed"
        if thop.counter is None and not counter.asked:
            beside += ", whose rules are not known"
    height, width = question.size
    rounded = ""
    if question.size != question.asked_size:
        asked = "x".join(map(str, question.asked_size))
        rounded = f" ({asked} rounded up to a multiple of the stride, {question.subject.stride})"
    return f"by the rules of {counter.convention.title} ({beside}), at {height}x{width}{rounded}"


def _version(subject: Subject, alternatives: Sequence[str]) -> str:
    origin = subject.origin
    if subject.saved is None:
        label = subject.label.partition("@")[0]
        word = f", or {label}@v7.0" if subject.kind == "name" else ""
        if origin.evidence[0].startswith("--host"):
            return f"{origin.title}, as asked"
        return f"{origin.evidence[0]} (--host v7.0{word})"
    text = f"{origin.title}: {', '.join(origin.evidence)}"
    return "; ".join([text, *alternatives])


def _file(subject: Subject) -> str:
    saved = subject.saved
    assert saved is not None
    if saved.stripped:
        state = f"stripped (epoch {saved.epoch}, no optimizer, no EMA)"
    else:
        has = [name for name, there in (("optimizer", saved.optimizer), ("EMA", saved.has_ema)) if there]
        state = f"not stripped (epoch {saved.epoch}, {' and '.join(has) or 'no optimizer, no EMA'})"
    if saved.freeze is None:
        freeze = ", --freeze not recorded"
    else:
        freeze = f"; {saved.freeze_option}" if saved.freeze else "; no --freeze"
    unusual = f"; names what no YOLOv5 file needs: {', '.join(saved.unusual)}" if saved.unusual else ""
    return f"{state}, {saved.dtype}{freeze}{unusual}"
