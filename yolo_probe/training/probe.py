"""The probe in a training: it gets the host's summary lines and events, and explains each once.

A ``Probe`` listens to classic YOLOv5's ``Callbacks`` or to an ultralytics trainer, and to the drop-in that prints the
summary lines. It never disturbs the training: if anything in it fails, it prints one warning and is silent from then
on.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from yolo_probe.counters.conventions import choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import TargetError, reason_of
from yolo_probe.hosts import ultralytics
from yolo_probe.hosts.yolov5 import origin_of_line
from yolo_probe.language import language_of_log, translated
from yolo_probe.live.live import Live, has_fuse, unwrapped
from yolo_probe.model.fusion import modules_apart
from yolo_probe.render.text import render_ledgers
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.fused_outputs import FusedOutputs
from yolo_probe.reports.training_record import Event as Moment
from yolo_probe.reports.training_record import Started, as_json
from yolo_probe.training import dropin, host_state
from yolo_probe.training.best_file import best_of, found_at_start, validated_copy
from yolo_probe.training.dropin import PrintedLine, unprinted
from yolo_probe.training.fuse_trial import live_state
from yolo_probe.training.host_log import NAME, say
from yolo_probe.training.host_state import Running
from yolo_probe.training.log_lines import (
    change_lines,
    end_lines,
    foreseen_line,
    outputs_line,
    start_lines,
    start_warnings,
    validation_line,
)
from yolo_probe.training.loggers import Scalars, scalars_of
from yolo_probe.training.moments import (
    changed_of,
    ended_of,
    foreseen_after,
    is_fused_of,
    ledger_of,
    run_question,
    start_of,
    trained_in,
    unheld_of,
    validated_of,
)
from yolo_probe.training.old_torch_load import REMEDY, strip_optimizer_will_fail
from yolo_probe.training.output_drift import foreseen_outputs, fused_outputs, outputs_of_file
from yolo_probe.training.run import Run
from yolo_probe.training.settings import Event, Settings, is_first_rank, is_switched_off, read_settings
from yolo_probe.training.without_callbacks import on_steps


def register(target: Any, settings: str | None = None, **overrides: object) -> Probe:
    """A probe that is attached to a training, where it explains the summary lines and records what trains.

    ``target`` is the ``Callbacks`` object of classic YOLOv5, or a model or trainer of ultralytics. ``settings`` is the
    path of a YAML file like ``configs/probe.yaml``; ``overrides`` are single settings by name, which win over the file.
    Call it before the host prints its line. It also calls ``install()``, so that the drop-in prints that line. With
    ``YOLO_PROBE=0`` in the environment the probe does nothing.

    Raises: SettingsError for an unknown setting or a wrong value, TargetError for a target that takes no callbacks.

    Example:
        >>> from collections import defaultdict
        >>> class Trainer:  # what register() asks of an ultralytics trainer
        ...     def __init__(self):
        ...         self.callbacks = defaultdict(list)
        ...     def add_callback(self, event, function):
        ...         self.callbacks[event].append(function)
        >>> trainer = Trainer()
        >>> probe = register(trainer, imgsz=320, events=["start", "end"])
        >>> probe.settings.imgsz, len(trainer.callbacks["on_train_start"])
        ((320, 320), 1)
        >>> probe.detach()
    """
    probe = Probe(read_settings(settings, **overrides))
    if hasattr(target, "register_action"):
        probe.register_classic(target)
    elif hasattr(target, "add_callback"):
        for event, function in probe.events().items():
            others = [each for each in target.callbacks[event] if _owner(each) is not None]
            for other in others:  # one probe a training: the one that is registered last
                target.callbacks[event].remove(other)
            target.add_callback(event, function)
    else:
        raise TargetError(
            f"register: found {type(target).__name__}, expected YOLOv5's Callbacks, or a model or trainer of "
            "ultralytics",
            "Pass the callbacks that YOLOv5's train() gets, or YOLO(...) before its train().",
        )
    if probe.listens:
        dropin.install(watching())
    return probe


def _unpickled(settings: Settings) -> Probe:
    """A probe in another process, with the drop-in, which hands it the lines."""
    probe = Probe(settings)
    if probe.listens and is_first_rank():
        dropin.install(watching())
    return probe


def watching(default: Probe | None = None) -> Callable[[PrintedLine], None]:
    """A function that hands each printed line to the probe of the training that printed it, else to the default.

    Hosts copy their tables of callbacks, and one process may run several trainings: only the stack knows which it is.
    """

    def watch(line: PrintedLine) -> None:
        owner = _started() or next(_owners(), default)
        if owner is not None:
            owner.on_printed(line)

    return watch


def _owners() -> Iterator[Probe]:
    """The probes of the trainings that the stack is in, the innermost first."""
    return (probe for each in host_state.listeners() if (probe := _owner(each)))


def _started() -> Probe | None:
    """The probe of a training that has started and that the stack is in.

    A validator of ultralytics before 8.0.236 has a copy of its trainer's callbacks, with a probe that knows nothing.
    """
    return next((each for each in _owners() if each.has_started), None)


_Table = Mapping[str, Any]
"""The callbacks of a host, a list for each event."""


def _function(action: Any) -> object:
    """What a host calls: classic YOLOv5 keeps it in a table of its own."""
    return action.get("callback") if isinstance(action, dict) else action


def _owner(function: object) -> Probe | None:
    """The probe that a callback belongs to; None for a callback of others."""
    owner = getattr(getattr(function, "func", None), "__self__", None)
    return owner if isinstance(owner, Probe) else None


class Probe:
    """One probe; it keeps only what it has seen of the running training."""

    def __init__(
        self,
        settings: Settings,
        running: Callable[[], Running] = host_state.classic,
        *,
        seen: threading.Event | None = None,
    ) -> None:
        """``running`` returns the state of the training that the caller is in; ``seen`` is that of a probe to copy."""
        self.settings = settings
        self._running = running
        self._seen = seen or threading.Event()
        """Set once a training has started, of this probe or of a copy: a host may copy its table of callbacks."""
        self._language = settings.language or language_of_log()
        self.listens = not is_switched_off()
        """Whether it is active; False after a fault, or if it is switched off."""
        self._run = Run()
        self._evolves = False
        self._lock = threading.RLock()
        self._awaited = False
        self._stop_steps: Callable[[], object] = lambda: None

    def __deepcopy__(self, memo: object) -> Probe:
        """A new probe with the same settings, which has seen no training."""
        return Probe(self.settings, seen=self._seen)

    def __reduce__(self) -> tuple[Callable[[Settings], Probe], tuple[Settings]]:
        """The same probe in another process: ultralytics pickles callbacks to train on several devices."""
        return _unpickled, (self.settings,)

    def register_classic(self, callbacks: Any) -> None:
        """Listen to a ``Callbacks`` object of classic YOLOv5; once, even if all of them share one table."""
        table = getattr(callbacks, "_callbacks", None) or callbacks.get_registered_actions()  # HEAD has the first alone
        handlers = {
            "on_pretrain_routine_start": self._on_new_run,
            "on_train_epoch_start": self._on_epoch_start,
            "on_train_batch_end": self._on_train_start,
            "on_train_epoch_end": self._on_epoch,
            "on_val_start": self._on_validation,
            "on_val_image_end": self._on_validation,
            "on_val_end": self._on_validation,
            "on_train_end": self._on_classic_end,
        }
        functions = {hook: partial(self._guarded, handler.__name__) for hook, handler in handlers.items()}
        functions["on_pretrain_routine_end"] = partial(self._guarded, self._on_prepared.__name__, table)
        functions["on_train_start"] = partial(self._guarded, self._on_classic_ready.__name__, table)
        for hook, function in functions.items():
            if hook in table:
                table[hook][:] = [action for action in table[hook] if action["name"] != NAME]
                callbacks.register_action(hook, name=NAME, callback=function)

    def events(self) -> Mapping[str, Callable[..., None]]:
        """The callbacks for an ultralytics trainer, by event."""
        return {
            "on_pretrain_routine_start": partial(self._guarded, "_on_new_run"),
            "on_train_start": partial(self._guarded, "_on_trainer_ready"),
            "on_train_epoch_start": partial(self._guarded, "_on_trainer_epoch_start"),
            "on_train_epoch_end": partial(self._guarded, "_on_trainer_epoch"),
            "on_val_start": partial(self._guarded, "_on_validation"),
            "on_val_end": partial(self._guarded, "_on_validation"),  # the first that a training of 8.0.50 announces
            "on_train_end": partial(self._guarded, "_on_trainer_end"),
        }

    def on_printed(self, line: PrintedLine) -> None:
        """Take note of a summary line that was just printed."""
        self._guarded("_on_line", line)

    @property
    def moments(self) -> tuple[Moment, ...]:
        """What is on record of its training, in order."""
        return tuple(self._run.moments)

    def as_json(self) -> dict[str, object]:
        """The record as ``probe.json`` has it."""
        return as_json(self._run.moments, self._run.report)

    @property
    def has_started(self) -> bool:
        """Whether its training has begun and not ended."""
        return self._run.start is not None and not self._run.ended

    def on_validation(self, model: nn.Module) -> None:
        """Take note of a validation in a host that has no callbacks for it."""
        self._guarded("_on_unannounced_validation", model)

    def finish(self) -> None:
        """Tell the end of a training whose host has no callbacks: its script has run to the end."""
        self._guarded("_on_finished")

    def is_elsewhere(self) -> None:
        """Take note that the training is in processes of its own, which have the probe too."""
        self._seen.set()

    def begin(self, model: nn.Module) -> None:
        """Print the line of a model that no host prints, and wait for the first step of its optimizer."""
        self._guarded("_on_begun", model)

    def stop(self) -> None:
        """Stop listening, and let go of the training; what is on record stays."""
        self.listens, self._running = False, host_state.classic
        self._stop_steps()

    def detach(self) -> None:
        """Stop listening, and put the host's own ``model_info`` back."""
        if self._running is not host_state.classic:
            self.stop()  # of a loop of the user's own: nothing was installed
            return
        self.listens = False
        self._run = Run()
        self._stop_steps()
        dropin.uninstall()

    def _guarded(self, handler: str, *args: Any, **kwargs: Any) -> None:
        """The only door into the probe: nothing raised behind it reaches the training."""
        if not self.listens or not is_first_rank():
            return
        try:
            with self._lock:
                if threading.current_thread().daemon and not self._awaited:
                    self._awaited = True
                    atexit.register(self._finish)
                if self.listens:
                    getattr(self, handler)(*args, **kwargs)
        except (Exception, SystemExit) as error:  # nothing of ours may stop a training
            logger = self._run.logger
            with suppress(Exception):  # the words of the error and the handlers of the log are not ours
                self.detach()
                words = f"stopped, the training goes on ({reason_of(error)})"
                logger.warning(f"{NAME}: {translated(words, self._language)}")

    def _finish(self) -> None:
        """Wait for a callback in a daemon thread: Python aborts if it ends such a thread inside torch."""
        with self._lock:
            self.listens = False

    # what happens

    def _on_new_run(self, trainer: object = None, *_: object, **__: object) -> None:
        """A training begins; ultralytics to 8.3.183 says so after it has built the model and printed its line."""
        built = self._run.model()
        if built is None or built is not getattr(trainer, "model", None):
            self._run = Run()

    def _on_line(self, line: PrintedLine) -> None:
        """A summary line: of the model that was just built, or of the best one after ``fuse()``."""
        run = self._run
        if host_state.fusing():
            if run.question is None or run.repeats or (run.start is None and self._running().epoch is None):
                return  # not the model of a training that is told
            fused = live_state(line.live, run.question, line.line)
            if run.start is not None and not is_fused_of(run.start.record.fuse, run.moments, fused):
                return  # another network, which code of the training has loaded
            run.fused = fused
            if run.start is None:
                self._end()  # a script that fires no events
            return
        running = self._running()
        builds = running.save_dir is not None and running.model is None
        if run.is_ready and run.start is None and not builds:
            return  # of a model that a callback has made
        if run.start is not None:
            if not run.ended and (running.save_dir is None or running.epoch is not None):
                return  # another line in the middle of a training
            self._on_finished()
        if run.is_ready or run.start is not None:
            run = self._run = Run()  # the next training in this process
        self._ask(line, running)
        run.first_printed = line.line.text is not None
        self._stop_steps()
        self._stop_steps = on_steps(partial(self._guarded, "_on_step"))

    def _ask(self, line: PrintedLine, running: Running) -> None:
        """Begin the record of the training of the model that this line is of."""
        run = self._run
        counter = choose_counter(self.settings.counter, installed_thop())
        ours = ultralytics.is_ultralytics(line.live.root)
        origin = ultralytics.running() if ours else origin_of_line(line.form, line.host, form_known=line.form_known)
        run.ask = partial(run_question, line.live.root, line.stride, line.line, origin, counter)
        run.question = run.ask(running)
        run.logger, run.model = line.logger, weakref.ref(line.model)
        run.printed = live_state(line.live, run.question, line.line)
        run.files.folder, run.built, run.form_known = running.save_dir, running, line.form_known

    def _on_prepared(self, table: _Table, *args: object, **_: object) -> None:
        """What ``on_train_start`` is later: v6.0 and v6.1 announce no more.

        ``table``: all callbacks by event. Where others come after this one, the start is the first step.
        """
        if not host_state.starts_itself():
            self._run.is_ready = True
            if not self._others_come(table, "on_pretrain_routine_end"):
                self._on_train_start(*args)

    def _on_classic_ready(self, table: _Table, *args: object, **_: object) -> None:
        """The start, unless callbacks of others are still to come before the first batch: then it is after them."""
        self._on_ready(table)
        if not self._others_come(table, "on_train_start", later="on_train_epoch_start"):
            self._on_train_start(*args)

    def _others_come(self, table: _Table, event: str, later: str = "") -> bool:
        """Whether callbacks of others come after the probe's own of an event, or at a later one."""
        own, own_later = ([_owner(_function(each)) is self for each in table.get(name, ())] for name in (event, later))
        return not all(own_later + own[own.index(True) if True in own else 0 :])

    def _on_ready(self, table: _Table) -> None:
        """Training is about to start: callbacks of the user's own, at this event or at the next, may freeze rows first.

        ``table``: all callbacks by event; those of the first epoch's start come before the probe's.
        """
        self._run.is_ready = True
        if isinstance(following := table.get("on_train_epoch_start"), list):
            following.sort(key=lambda each: _owner(_function(each)) is self)

    def _on_epoch_start(self, *args: object, **_: object) -> None:
        if self._run.start is None:
            self._on_train_start(*args)
        else:
            self._on_epoch()

    def _on_train_start(self, *args: object, **_: object) -> None:
        if self._run.start is None:
            running = self._running()
            if running.model is None:  # called from another thread
                given = next((each for each in args if isinstance(each, nn.Module)), None)
                running = replace(self._run.built, model=given or self._run.model())
            self._start(running)

    def _on_begun(self, model: nn.Module) -> None:
        if any(map(is_lazy, model.parameters())):  # its first forward pass makes them
            self._stop_steps = on_steps(partial(self._guarded, "_on_step"))
        else:
            dropin.printed(model, self.settings.imgsz or (640, 640), self._on_line)

    def _on_step(self, optimizer: Optimizer) -> None:
        """An optimizer is about to step: if nothing has announced the training, this is its start."""
        run = self._run
        if run.start is None:
            running = self._running()
            if running.model is not None and _trains(running, optimizer):
                if run.question is None and self._running is not host_state.classic:
                    self._on_begun(running.model)
                run.announced = run.is_ready
                if self._running is host_state.classic and not run.announced:
                    self._say(
                        ["this script has no callbacks: what follows is seen at its optimizer's steps and its exit"]
                    )
                run.optimizers.add(optimizer)
                self._start(run.with_steps(running))
            return
        if run.announced:
            self._stop_steps()
            return
        run.optimizers.add(optimizer)  # it may have been made in the middle of the training
        if self._has_changed() and _trains(running := self._running(), optimizer):
            self._changed(running)

    def _on_unannounced_validation(self, model: nn.Module) -> None:
        run, trainee = self._run, self._run.trainee()
        if run.announced or run.ended or run.start is None or run.question is None:
            return
        if trainee is not None and type(unwrapped(model)) is not type(trainee):
            return  # another network, as one that teaches or judges it
        self._on_epoch()
        self._validated(model)
        self._foresee(model, "model" if unwrapped(model) is run.trainee() else "ema")

    def _on_finished(self) -> None:
        run = self._run
        if run.start is None and self._running is not host_state.classic:
            self._warn(
                "no step of an optimizer of this model was seen, so nothing is on record; torch 2.1 shows none after a "
                "torch.compile()"
            )
        elif not self._seen.is_set():
            self._warn(
                "no training was seen in this process; those that a script starts as processes of their own are not "
                "told"
            )
        if run.announced or run.start is None or run.ended:
            return
        self._note_last_change()
        if run.fused is None and run.fused_copy != "ema" and (model := run.trainee()):
            self._foresee(model, "model")
        if run.fused is None:
            run.fused = run.foreseen
        else:
            run.fused_copy = "file"
        self._end()

    def _on_trainer_ready(self, trainer: Any) -> None:
        self._on_ready(trainer.callbacks)

    def _on_trainer_epoch_start(self, trainer: Any) -> None:
        if self._run.start is None:
            self._start(host_state.of_trainer(trainer))
        else:
            self._on_trainer_epoch(trainer)

    def _start(self, running: Running) -> None:
        run = self._run
        if running.model is None:
            return
        self._seen.set()
        run.repeats, self._evolves = running.evolves and self._evolves, running.evolves
        if run.repeats:
            self._stop_steps()
            return
        if run.question is None:
            self._ask(unprinted(unwrapped(running.model)), running)
            run.first_printed = False
        if not run.first_printed:
            self._say(["no summary line was seen: the host printed none here, or before the probe was registered"])
        assert run.question is not None
        run.question = run.ask(running) if run.ask else run.question
        run.end_to_end = running.end_to_end
        run.start = start_of(
            self._at_size(running),
            run.printed if run.first_printed else None,
            run.question,
            announced=run.announced, form_known=run.form_known,
        )  # fmt: skip
        model = unwrapped(running.model)
        run.trainee = weakref.ref(model)
        run.note_trained(None, model, run.start.state.root)
        run.ema = weakref.ref(running.ema) if running.ema is not None else run.ema
        run.files.folder, run.files.loggers = running.save_dir or run.files.folder, running.loggers
        run.files.continues = running.resumes
        if run.files.folder and not running.resumes:  # one that goes on may have saved its best model before
            run.best = found_at_start(run.files.folder)
            run.start = replace(run.start, record=replace(run.start.record, earlier_best=run.best.date))
        run.moments.append(run.start.record)
        if self._tells("start"):
            size_known = (self.settings.imgsz or running.imgsz) is not None
            self._say(start_lines(run.start.record, run.question.subject.origin, size_known=size_known))
        self._say(start_warnings(run.start.record), warning=True)
        self._foresee_outputs(model, run.start.record)
        if strip_optimizer_will_fail():
            self._warn(f"strip_optimizer() will fail when training is over, as torch.load() changed: {REMEDY}")
        state = replace(run.start.state, line=run.printed.line) if run.printed else run.start.state
        self._log(scalars_of(state, run.question.subject.origin.form))
        self._write()

    def _foresee_outputs(self, model: nn.Module, start: Started) -> None:
        """Warn if fuse() will change the outputs of a model, where no pass on shapes shows that."""
        began = time.perf_counter()
        if not (self.settings.verify and start.fuse.merges) or start.fuse.fails:
            return
        channels = self._run.question.subject.channels if self._run.question else 3
        with suppress(Exception, SystemExit):  # of the user's own model: it is told when the training is over
            outputs = foreseen_outputs(model, channels, start.imgsz, self._run.end_to_end)
            if outputs and outputs.first:
                self._warn(foreseen_line(outputs, time.perf_counter() - began))

    def _at_size(self, running: Running) -> Running:
        """The state of a training with the size of its images that the settings name, if they do."""
        size = self.settings.imgsz
        return running if size is None else replace(running, imgsz=size, is_quad=False)

    def _on_epoch(self, *_: object, epoch: int | None = None, **__: object) -> None:
        if self._has_changed():
            running = self._running()
            self._changed(running if epoch is None else replace(running, epoch=epoch))

    def _on_trainer_epoch(self, trainer: Any) -> None:
        if self._has_changed():
            self._changed(host_state.of_trainer(trainer))

    def _has_changed(self) -> bool:
        """Whether a change is to be recorded."""
        return self._run.differs() and not self._run.is_restless

    def _note_last_change(self) -> None:
        """Record a change at the end of a training, also of one whose changes are no longer recorded."""
        if self._run.differs():
            self._changed(self._running())

    def _changed(self, running: Running) -> None:
        run, model = self._run, self._run.trainee()
        if model is None or run.start is None or run.question is None:
            return
        live, last = Live(model), run.history[-1]
        running = run.with_steps(running)
        replaced = unheld_of(model, running, run.new_objects(model))
        if trained_in(live.root) == last.names and not any(modules_apart(last.root, live.root)) and not replaced:
            run.note_flags(model)  # the same parameters, as new objects, for which there may be a new optimizer
            return
        change = changed_of(running, live, run.start, run.question, run.training.gradients, last, replaced)
        run.note_trained(running.epoch, model, live.root)
        run.moments.append(change)
        self._say(change_lines(change), warning=True)
        if run.is_restless and not run.ended:
            self._warn(f"what trains has changed {len(run.history) - 1} times: the next change on record is the last")
        self._write()

    def _on_validation(self, *_: object, **__: object) -> None:
        run = self._run
        if run.start is None and (owner := _started()):
            owner._guarded("_on_validation")
            return
        awaited = run.start is not None and run.announced and not run.validated
        model = host_state.validated() if awaited else None
        if model is not None:
            self._validated(model)

    def _validated(self, model: nn.Module) -> None:
        """Record the first validation of a training, of that model."""
        run = self._run
        if run.start is None or run.question is None or run.validated:
            return
        average = any(unwrapped(model) is each for each in (run.ema(), self._running().ema))
        is_ema = average if run.announced else unwrapped(model) is not run.trainee()
        validated = validated_of(model, run.start, run.question, run.history[-1].names, is_ema=is_ema)
        run.moments.append(validated)
        if self._tells("validation"):
            self._say([validation_line(validated, run.training)])
        self._write()

    def _on_classic_end(self, _last: object, best: Path, *_: object, **__: object) -> None:
        self._on_announced_end(Path(best))

    def _on_trainer_end(self, trainer: Any) -> None:
        self._on_announced_end(trainer.best)

    def _on_announced_end(self, best: Path) -> None:
        """A training ends; its host fuses no best model where it has saved none, and to v5.0 COCO's alone."""
        run = self._run
        if run.fused is None and (model := run.ema() or run.trainee()):
            unsaved: Literal["model", "ema"] = "ema" if model is run.ema() else "model"
            self._foresee(model, "file" if best.is_file() else unsaved)
            run.fused = run.foreseen
        self._end(best)

    def _foresee(self, model: nn.Module, copy: Literal["file", "model", "ema"]) -> None:
        """Find what fuse() will leave of that model, unless that is known and nothing has changed since."""
        run = self._run
        if run.question and (
            run.foreseen is None or copy != run.fused_copy or run.changes_foreseen != len(run.history)
        ):
            run.foreseen = foreseen_after(model, run.question, run.form_known)
            run.fused_copy, run.changes_foreseen = copy, len(run.history)

    def _end(self, best: Path | None = None) -> None:
        run = self._run
        if run.ended or run.question is None or run.printed is None or run.fused is None:
            return
        run.ended = True
        self._note_last_change()
        if best is None and run.files.folder and run.fused_copy != "model":
            best = best_of(run.files.folder)
        if earlier := best is not None and run.best is not None and run.best.is_earlier(best):
            self._warn(f"{best} is of an earlier run in this folder: this one has not written it")
            best = None
        run.fused_copy = validated_copy(best) or run.fused_copy
        report = ledger_of(
            run.question, run.start, run.printed, run.fused, run.history,
            copy=run.fused_copy, resumed=run.files.may_have_thawed,
        )  # fmt: skip
        report = replace(report, first_printed=run.first_printed, second_printed=run.fused is not run.foreseen)
        if self._tells("end"):
            self._say(end_lines(report))
            explained = self.settings.verbosity == "full"
            ledgers = render_ledgers(report, explained=explained, language=self._language)
            for line in ledgers.splitlines() if report.fusion.merges else ():
                run.logger.info(line)
        if self.settings.verify:
            report = replace(report, outputs=self._compare_outputs(best))
        self._log(scalars_of(report.validation, report.question.subject.origin.form, "_fused"))
        known = run.start.known if run.start and run.fused_copy == "model" else None
        trained = run.history[-1].names if run.history else frozenset()
        run.moments.append(ended_of(report, trained, known, earlier_file=earlier))
        run.report = report
        self._write(report)
        run.files.loggers, run.built = None, Running()

    def _compare_outputs(self, best: Path | None) -> FusedOutputs | None:
        """The outputs of the best model before and after fuse(): of that in the file, else of the one that trained.

        A model that cannot be run here costs a warning; None where there is none with a fuse().
        """
        run, began = self._run, time.perf_counter()
        size = run.start.record.imgsz if run.start else (640, 640)
        channels = run.question.subject.channels if run.question else 3
        model = run.trainee() if run.fused_copy == "model" else None
        try:
            if best is not None and best.is_file():
                outputs = outputs_of_file(best, channels, size, run.end_to_end)
            elif model is not None and has_fuse(model):
                outputs = fused_outputs(model, channels, size)
            else:
                return None
        except (Exception, SystemExit) as error:  # the user's own model: whatever it raises, the rest is reported
            self._warn(f"outputs before and after fuse() were not compared ({reason_of(error)})")
            return None
        if outputs.first or self._tells("end"):
            own_loop = bool(run.question and run.question.subject.origin.own_loop)
            line = outputs_line(outputs, time.perf_counter() - began, own_loop=own_loop)
            self._say([line], warning=outputs.first is not None)
        return outputs

    def _log(self, values: Scalars) -> None:
        if self.settings.loggers:
            self._run.files.log(values, self._warn)

    def _write(self, report: FuseDiff | None = None) -> None:
        self._run.files.write(self.settings.files, self._run.moments, report, self._warn)

    def _warn(self, words: str) -> None:
        self._say([words], warning=True)

    def _tells(self, event: Event) -> bool:
        return event in self.settings.events

    def _say(self, lines: Iterable[str], *, warning: bool = False) -> None:
        say(self._run.logger, lines, self._language, warning=warning)


def _trains(running: Running, optimizer: Optimizer) -> bool:
    """Whether that optimizer is the one of this training."""
    held = host_state.held_by(optimizer) or frozenset()
    if running.parameters_held is not None and held and held <= running.parameters_held:
        return True  # one of several may train a part of the model, or copies of its parameters
    return running.model is not None and any(id(parameter) in held for parameter in running.model.parameters())
