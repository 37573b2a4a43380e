"""Training as running a program: run, step, step back. All count the same instructions."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kernels.machine import Machine
from playground.arena import Arena
from playground.compiler import compile_program
from playground.emitter import Instruction, Phase
from playground.evaluator import Evaluation, Evaluator
from playground.film import FilmMaker
from playground.first_weights import draw
from playground.graph import Graph
from playground.history import History, HistoryView
from playground.keyframes import Keyframes
from playground.program import link, same_code
from playground.progress import LARGE, SLOW, Progress
from playground.recorder import Recorder
from playground.saved_tensors import copied, fill, missing_from
from playground.state import Edit, SavedState
from playground.step_clock import StepClock
from playground.training import Training
from playground.trouble import Trouble, find_trouble
from playground.units import Unit, since_start, until_end

__all__ = ["KEYFRAME_SECONDS", "Session", "Unit"]

TIMED = 8
"""Times of an instruction that make its mean: a step done by hand finds cold caches."""
KEYFRAME_SECONDS = 0.1
"""Stepping back replays at most about this long, as long as the keyframe is a recent one."""


class Session:
    """One network in training. Owned by one thread.

    graph: must be trainable, or CompileError is raised. threads: shards of the batch that run in
    parallel. progress: told of whatever takes long: compiling kernels, drawing weights, a step of a
    large network, validating. A step that it ends can go on from there.
    """

    def __init__(self, graph: Graph, *, threads: int = 1, instrument: bool = True,
                 progress: Progress | None = None) -> None:
        self.graph, self.threads, self._progress = graph, threads, progress
        self.program = compile_program(graph, lanes=threads, instrument=instrument)
        self.arena = Arena(self.program.sizes)
        view = self.arena.view
        self._halt = view(self.program.tensors["halt"]).view(np.int64)
        self._counters = view(self.program.tensors["counters"]).view(np.int64)
        self._recorder = Recorder(
            view(self.program.tensors["measurements of many steps"]),
            view(self.program.tensors["steps per bucket"]).view(np.int64), self.program.columns)
        self.row = view(self.program.tensors["measurements"])[:len(self.program.columns)]
        self._machine = Machine(*link(self.program, self.arena, progress), self._halt)
        self.data = self.program.data
        self.evaluator = Evaluator(self.program, self.arena)
        self.film = FilmMaker(self.program, self.evaluator)
        """What the network made on its way, where it makes samples."""
        self.position = 0
        self.has_run = False
        """Whether activations, gradients and measurements hold anything yet."""
        self.trouble: Trouble | None = None
        self.validation: Evaluation | None = None
        self.validation_step = 0
        """After how many steps that was."""
        self._clock = StepClock()
        self._keyframes = Keyframes()
        self._edits: list[Edit] = []
        """Changes of numbers such as the learning rate: (instructions since step 0, values)."""
        self._aside: dict[str, dict[str, NDArray[np.float32]]] = {}
        """What `restore` was given for nodes that take no part, or use the weights of others, by
        part of the state."""
        self._start()

    def _start(self) -> None:
        """Initial weights, step 0, an empty past. The arena is all zeros."""
        self.position, self.trouble, self.validation = 0, None, None
        self.has_run = False
        self.row[:] = self.program.unmeasured_row()
        self._machine.forget_times()
        draw(self.program, self.arena, self.graph.training.weight_seed, self._progress)
        self._write_numbers(self.graph.training.numbers)
        self._forget_past(History(self.program.columns))

    def reset(self) -> None:
        """Back to the initial weights of the seed; `progress` must raise nothing meanwhile."""
        self._aside = {}
        self.arena.values[:] = 0
        self._start()

    # -- where training is --------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Finished steps."""
        return int(self._counters[0])

    @property
    def epoch(self) -> int:
        """Finished epochs, also where some of them had another batch size."""
        return self.steps_of_epochs // self.program.batches_per_epoch

    @property
    def batch_in_epoch(self) -> int:
        return self.steps_of_epochs % self.program.batches_per_epoch

    @property
    def steps_of_epochs(self) -> int:
        """Steps as epochs count them: as if the batch size had always been that of now."""
        return int(self._counters[0] + self._counters[1])

    @property
    def _moment(self) -> int:
        """Instructions since step 0."""
        return self.step * len(self.program.code) + self.position

    @property
    def instruction(self) -> Instruction:
        """The one that comes next."""
        return self.program.instructions[self.position]

    @property
    def can_step_back(self) -> bool:
        first = self._keyframes.first_step
        return first is not None and (self.step, self.position) > (first, 0)

    @property
    def seconds_per_step(self) -> float:
        """Of the machine alone, on a running average; NaN before the first step is through."""
        return self._clock.seconds or float("nan")

    @property
    def metric_name(self) -> str:
        return self.program.metric_name

    @property
    def history(self) -> History:
        """Everything that was measured so far."""
        return self._recorder.history

    def values(self, name: str) -> NDArray[np.float32]:
        """A tensor by name; writing to it changes the network."""
        return self.arena.view(self.program.tensors[name])

    def measured(self, name: str) -> float:
        """A number of the last measured step, as "loss" or "dense_1.grad_norm"."""
        return float(self.row[self.program.column(name)])

    def microseconds(self) -> NDArray[np.float64]:
        """Mean time of each instruction, NaN where unknown."""
        return self._machine.microseconds()

    def instrumentation(self) -> float:
        """The share of a step's time that goes into measuring, 0..1; 0 before it is known."""
        if self._machine.times_measured < TIMED:
            return 0.0
        times = np.nan_to_num(self.microseconds())
        measuring = [i.kernel.function.__module__.endswith("statistics")
                     for i in self.program.instructions]
        return float(times[measuring].sum() / times.sum()) if times.sum() else 0.0

    # -- going on -----------------------------------------------------------------------------

    def run(self, steps: int) -> int:
        """Run to the end of the current step, and on for `steps` steps in all."""
        return self.advance(steps * len(self.program.code) - self.position)

    def run_for(self, seconds: float, most_steps: int | None = None) -> int:
        """Run whole steps for about so long; gives the number of finished steps."""
        before = self.step
        wanted = int(self._clock.steps_in(seconds))
        self.run(max(1, min(wanted, most_steps or wanted)))
        return self.step - before

    def advance(self, count: int) -> int:
        """Run `count` instructions; fewer when something is not finite. Gives how many ran."""
        done = 0
        if self.trouble is not None:
            return 0
        while done < count:
            self._keep_frame()
            if self.position == 0:
                self.film.collect(self.step)
            done += self._run_part(min(count - done, self._at_once()))
            if self._halt[0]:
                self._halt[0] = 0
                self.trouble = find_trouble(self.program, self.arena, self.position, self.step)
                break
        return done

    def forward_to(self, unit: Unit) -> int:
        """Run to the end of the current instruction, layer, phase, pass, batch or epoch."""
        return self.advance(until_end(unit, self.program, self.position, self.batch_in_epoch))

    def run_to(self, node: str, phase: Phase | None = None) -> bool:
        """Run until the node (in the phase) comes next; False when it has no instruction."""
        index = self.program.index_of(node, phase)
        return index is not None and self.run_to_instruction(index)

    def run_to_instruction(self, index: int) -> bool:
        """Run until this instruction of a step comes next; False when there is no such one."""
        length = len(self.program.code)
        if not 0 <= index < length:
            return False
        self.advance((index - self.position - 1) % length + 1)
        return True

    def validate(self) -> Evaluation:
        """Loss and metric of the validation part, added to the history."""
        data = self.data
        result = self.evaluator.evaluate(
            data.x_validation, data.target_validation, progress=self._progress)
        self.validation, self.validation_step = result, self.step
        self.history.append_validation(self.step, result.loss, result.metric)
        return result

    # -- going back ---------------------------------------------------------------------------

    def back(self, unit: Unit) -> bool:
        """Return to the start of the current (or the one before) instruction, layer, ..., epoch.

        The state is restored from a keyframe and replayed; bit for bit what it was. False when
        the past does not reach so far.
        """
        back = since_start(unit, self.program, self.position, self.batch_in_epoch)
        return self.go_to(self._moment - back)

    def go_to(self, instruction: int) -> bool:
        """Return to a moment, counted in instructions since step 0."""
        if not self._return_to(instruction):
            return False
        # From here on, what the user has set since applies.
        self._note_edit(self.graph.training.numbers)
        if self.position == 0:
            self._keep_frame(force=True)
        return True

    def _return_to(self, instruction: int) -> bool:
        """Everything as it was at a moment, and whatever came after it forgotten."""
        length = len(self.program.code)
        step, position = divmod(instruction, length)
        if instruction < 0:
            return False
        # From before the last finished step, if that is still known: replaying it brings back
        # what it left in the nodes that come later in this one.
        again = step - 1 if position == 0 or not self._is_slow else step
        frame = self._keyframes.before(again) or self._keyframes.before(step)
        if not frame:
            return False
        self.row[:] = frame.row
        self.has_run = False
        self.arena.state[:] = frame.state
        self._recorder.rewind(frame.step, frame.bucket, frame.per_bucket)
        self.position, self.trouble = 0, None
        self._halt[0] = 0
        # Changes of the learning rate and the like happen again where they happened.
        now = frame.step * length
        edits = [e for e in self._edits if e[0] < instruction]
        for moment, values in edits:
            if moment >= now:
                self._replay(moment - now)
                self._write_numbers(values)
                now = moment
        self._replay(instruction - now)
        self.history.forget_validations_after(step)
        self.film.forget_after(step)
        self._keyframes.forget_after(step)
        self._edits = edits
        return True

    # -- changes ------------------------------------------------------------------------------

    def set_training(self, training: Training) -> bool:
        """Use other numbers (learning rate, momentum, threshold) from the next instruction on.

        False when the change is more than numbers and needs a new program.
        """
        if training.structure != self.graph.training.structure:
            return False
        self.graph = self.graph.with_training(training)
        self._note_edit(training.numbers)
        return True

    def saved_state(self) -> SavedState:
        """All that is needed to go on from here, as copies.

        A half-done step is saved as its beginning and how far it is; `restore` replays it. What
        was restored for nodes that take no part in training is in it too: a layer that is
        disconnected, or unknown to this version, does not lose its weights.
        """
        position, start = self.position, self._moment - self.position
        edits = [(moment - start, values) for moment, values in self._edits if moment >= start]
        if position:
            self._return_to(start)
            if edits:
                edits = [(0, self._numbers()), *edits]
        saved = SavedState(step=self.step, position=position,
                           edits=tuple(edits) if position else (),
                           ahead=int(self._counters[1]),
                           batches_per_epoch=self.program.batches_per_epoch,
                           **copied(self.program, self.arena, self._aside))
        progress, self._progress = self._progress, None  # a pause must not end it half-way
        try:
            self._redo(saved)
        finally:
            self._progress = progress
        return saved

    def restore(self, saved: SavedState, history: HistoryView | None = None,
                keep_position: bool = True) -> tuple[str, ...]:
        """Go on from a saved state; gives the names of parameters that do not fit or are missing.

        Those keep their initial values, and their nodes begin with a fresh optimizer; running
        statistics stay, for they are of what comes in. Where no parameter fits, training begins
        at step 0. Call it before the first step.
        """
        missing = missing_from(saved, self.program)
        self._aside = fill(self.program, self.arena, saved)
        if len(missing) < len(self.program.parameters):
            self._counters[:2] = saved.step, saved.ahead_for(self.program.batches_per_epoch)
            past = History(self.program.columns)
            if history is not None:
                past.adopt(history)
            self._forget_past(past)
            if keep_position and not missing and 0 < saved.position < len(self.program.code):
                self._redo(saved)
                self._note_edit(self.graph.training.numbers)
        return missing

    def inherit(self, old: Session) -> bool:
        """Go on where `old` is, past and all, as the same network with other names.

        False when it is not the same program: then only what `restore` takes can be kept.
        """
        if not same_code(self.program, old.program):
            return False
        self.arena.values[:] = old.arena.values
        self.position, self.has_run, self.validation = old.position, old.has_run, old.validation
        self.validation_step = old.validation_step
        self._keyframes, self._edits, self._aside = old._keyframes, old._edits, old._aside
        self._clock = old._clock
        self._recorder.inherit(old._recorder)
        self.film.inherit(old.film)
        if old.trouble is not None:
            self.trouble = find_trouble(self.program, self.arena, self.position, self.step)
        self._note_edit(self.graph.training.numbers)
        return True

    # -- inside -------------------------------------------------------------------------------

    @property
    def _is_slow(self) -> bool:
        """Whether a step takes so long that one wants to hear of its layers."""
        if self._clock.seconds:
            return self._clock.seconds > SLOW
        return self.arena.values.nbytes >= LARGE

    def _at_once(self) -> int:
        """Instructions of the next call of the machine; of a slow step one layer's, which is told.
        """
        if not (self._progress and self._is_slow):
            return self._most
        here = self.instruction
        self._progress(f"Step {self.step + 1:,}: {here.phase}" + (
            f" of {here.node}" if here.node else ""))
        return until_end("layer", self.program, self.position, self.batch_in_epoch)

    def _run_part(self, count: int) -> int:
        """One call of the machine, then collect what it measured."""
        length, before = len(self.program.code), self.step
        started = time.perf_counter()
        done = self._machine.run(self.position, count)
        seconds = time.perf_counter() - started
        self.position = (self.position + done) % length
        self.has_run = True
        steps = self.step - before
        self._clock.note(done, seconds, steps, length)
        if steps:
            self._recorder.collect(self.step)
        return done

    @property
    def _most(self) -> int:
        """Instructions of one call of the machine, at most: none of what it leaves may be lost."""
        steps = self.film.steps_left(self.step)
        most = min(self._recorder.most_steps, steps or self._recorder.most_steps)
        return most * len(self.program.code) - (self.position if steps else 0)

    def _redo(self, saved: SavedState) -> None:
        """From the start of a half-done step to where it was, with what was changed in it."""
        for moment, values in saved.edits:
            self.advance(moment - self.position)
            self._note_edit({name: value for name, value in values.items()
                             if name in self._numbers()})
        self.advance(saved.position - self.position)

    def _replay(self, count: int) -> None:
        while count > 0:
            count -= max(1, self._run_part(min(count, self._most)))
            self._halt[0] = 0

    def _keep_frame(self, force: bool = False) -> None:
        if self.position:
            return
        last = self._keyframes.last_step
        if force or last is None or self.step - last >= self._clock.steps_in(KEYFRAME_SECONDS):
            self._keyframes.add(self.step, self.arena.state, self.row,
                                self._recorder.mark(self.step),
                                self.history.per_bucket, self._progress)

    def _forget_past(self, history: History) -> None:
        self._recorder.start(history, self.step)
        self.film.start()
        self._keyframes = Keyframes()
        self._edits = []
        self._keep_frame(force=True)

    def _note_edit(self, values: Mapping[str, float]) -> None:
        current = self._numbers()
        if any(np.float32(values[name]) != np.float32(current[name]) for name in values):
            if self._edits and self._edits[-1][0] == self._moment:
                # A slider that is dragged while paused makes many; only the last one counts.
                self._edits.pop()
            self._edits.append((self._moment, values))
            self._write_numbers(values)

    def _numbers(self) -> dict[str, float]:
        """The learning rate and the like, as the next instruction reads them."""
        return {name: float(self.values(f"training.{name}")[0])
                for name in self.graph.training.numbers}

    def _write_numbers(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.values(f"training.{name}")[0] = value
