"""The command `playground`: opens the window, or lists, sums up and trains without one."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from playground import document
from playground.document import DocumentError, Loaded
from playground.examples import EXAMPLES, Example
from playground.summary import SummaryError, summarize

if TYPE_CHECKING:
    from playground.headless import Outcome
    from playground.session import Session

DONE, WRONG, DIVERGED, INTERRUPTED = 0, 2, 3, 130
DEFAULT_EPOCHS = 10
MAX_THREADS = 256
BAR = 24


class UsageError(Exception):
    """What the user must put right; the text is one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code: 0 done, 2 bad arguments or file, 3 diverged."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"examples": _examples, "summary": _summary, "train": _train}
    try:
        if words and words[0] in commands:
            return commands[words[0]](words[1:])
        return _window(words)
    except (UsageError, DocumentError, SummaryError) as error:
        print(f"playground: {_one_line(error)}", file=sys.stderr)
        return WRONG
    except BrokenPipeError:  # The reader of a pipe has gone, as in `| head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


# -- commands -------------------------------------------------------------------------------------


def _window(words: list[str]) -> int:
    parser = _Parser("playground", "Drag layers into a network and watch it learn.", epilog=(
        "Without a window: playground examples | summary | train (each with --help). A FILE that "
        "is not there ends with exit code 2 and a line on stderr; started from a desktop, "
        "without a terminal, the window opens and says so instead."))
    parser.add_argument("what", nargs="?", metavar="FILE|EXAMPLE", help="what to open")
    parser.add_argument("--version", action="version", version=f"playground {_version()}")
    parser.add_argument("--theme", choices=("dark", "light", "system"), help="colours")
    parser.add_argument("--screenshot", metavar="PNG", help="draw the window to a file and end")
    options = parser.parse_args(words)
    what, shoots = options.what, options.screenshot is not None
    if what is not None and what not in EXAMPLES and not Path(what).exists() and not (
            _is_document(what) and not shoots and _from_desktop()):
        raise _unknown(what)
    try:
        from ui.app import main as open_window
    except ImportError as error:
        raise UsageError(f"The window cannot open: {error}. On Debian and Ubuntu the README "
                         "names the packages to install.") from error
    return open_window(words)


def _is_document(what: str) -> bool:
    return Path(what).suffix in (document.SUFFIX, ".json")


def _from_desktop() -> bool:
    """Whether a file manager or a menu has started this: there is a screen, and no terminal on
    which a sentence would be read."""
    has_screen = sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return has_screen and not any(
        stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def _version() -> str:
    try:
        return metadata.version("playground")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _examples(words: list[str]) -> int:
    parser = _Parser("playground examples", "List the networks that come with the app.")
    parser.add_argument("--json", action="store_true", help="as JSON")
    if parser.parse_args(words).json:
        _print_json([{"name": e.name, "title": e.title, "description": e.description,
                      "mark": e.mark} for e in EXAMPLES.values()])
        return DONE
    wide = max(map(len, EXAMPLES))
    for example in EXAMPLES.values():
        print(f"{example.name:<{wide}}  {example.title}: {example.description}")
    return DONE


def _summary(words: list[str]) -> int:
    parser = _Parser("playground summary", "Show layers, shapes, parameters and memory.")
    _add_what(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(words)
    loaded = _open(options.what)
    summary = summarize(loaded.graph)
    _tell(options.what, loaded)
    if options.json:
        _print_json(summary.to_json())
    else:
        print(summary)
    return DONE


def _train(words: list[str]) -> int:
    parser = _Parser("playground train", "Train without a window.")
    _add_what(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=_count, metavar="N", help="train for N steps")
    length.add_argument("--epochs", type=_count, metavar="N", help="train for N epochs")
    parser.add_argument("--seed", type=_seed, metavar="S", help=(
        "start anew, without saved weights, with S as the seed of weights, order, dropout and "
        "augmentation"))
    parser.add_argument("--threads", type=_threads, default=1, metavar="T",
                        help=f"threads that share a batch (1, at most {MAX_THREADS})")
    parser.add_argument("--save", type=_document, metavar="OUT.playground",
                        help="write the trained network")
    parser.add_argument("--log", type=_writable, metavar="OUT.csv", help="write the history")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    options = parser.parse_args(words)

    loaded = _open(options.what)
    _check_losses(options, loaded)
    if options.seed is not None:
        training = loaded.graph.training.seeded(options.seed)
        loaded = Loaded(loaded.graph.with_training(training), notes=_fresh(loaded))
    steps, epochs = _length(options)

    from playground.compiler import CompileError
    from playground.headless import train
    bar = _Bar(sys.stderr.isatty())

    def begin() -> None:
        bar.end()
        _tell(options.what, loaded)

    try:
        outcome = train(loaded.graph, steps=steps, epochs=epochs, threads=options.threads,
                        saved=loaded.state, history=loaded.history,
                        preparing=bar.say, progress=bar.show, ready=begin)
    except CompileError as error:
        raise UsageError(str(error)) from error
    finally:
        bar.end()
    _write(options, outcome)
    result = _result(options.what, outcome)
    if options.json:
        _print_json(result)
    else:
        _print_result(result)
    if outcome.message:
        print(f"playground: {_one_line(outcome.message)}", file=sys.stderr)
    return {"done": DONE, "diverged": DIVERGED, "interrupted": INTERRUPTED}[outcome.state]


# -- what to work on ------------------------------------------------------------------------------


def _open(what: str) -> Loaded:
    if what in EXAMPLES:
        return Loaded(EXAMPLES[what].graph, EXAMPLES[what].state)
    if not Path(what).exists():
        raise _unknown(what)
    return document.load(what)


def _tell(what: str, loaded: Loaded) -> None:
    """What did not fit. Said when the work can go on; an error is one line, by itself."""
    for note in loaded.notes:
        print(f"playground: {what}: {_one_line(note)}", file=sys.stderr)


def _check_losses(options: argparse.Namespace, loaded: Loaded) -> None:
    """Refuse, before training, what would replace weights that are still of use."""
    what = options.what
    if loaded.lost and options.seed is None:
        raise UsageError(f"The weights in {what} cannot be read: {loaded.lost}. Train an earlier "
                         "copy of it, or give --seed to start anew.")
    if not (options.save and options.save.exists() and what not in EXAMPLES
            and options.save.samefile(what)):
        return
    if loaded.read_only:
        raise UsageError(f"{what} is open read-only, and saving to it would lose what this version "
                         "cannot read. Give --save another name.")
    if options.seed is not None and loaded.state is not None:
        raise UsageError(f"--seed starts anew, and --save would replace the weights of step "
                         f"{loaded.state.step:,} in {what}. Give --save another name, or leave "
                         "--seed out to go on.")


def _fresh(loaded: Loaded) -> tuple[str, ...]:
    """The notes of a document that is trained anew."""
    if loaded.state is None:
        return loaded.notes
    return (*loaded.notes, f"--seed starts anew; the saved weights of step {loaded.state.step:,} "
            "are not used.")


def _unknown(what: str) -> UsageError:
    return UsageError(f"There is no file and no example {what!r}. Give the path of a document, "
                      f"or one of: {', '.join(EXAMPLES)}.")


def _length(options: argparse.Namespace) -> tuple[int | None, int | None]:
    """What was asked for; else as long as the example needs; else some epochs."""
    if options.steps or options.epochs:
        return options.steps, options.epochs
    example: Example | None = EXAMPLES.get(options.what)
    if example is not None:
        return example.mark.steps, example.mark.epochs
    return None, DEFAULT_EPOCHS


# -- results --------------------------------------------------------------------------------------


def _write(options: argparse.Namespace, outcome: Outcome) -> None:
    session = outcome.session
    history = session.history.view()
    if options.save:
        document.save(options.save, session.graph, session.saved_state(), history)
    if options.log:
        document.save_history(options.log, history)


def _result(what: str, outcome: Outcome) -> dict[str, Any]:
    session = outcome.session
    metric = session.metric_name
    return {
        "example": what, "steps": session.step, "epochs": session.epoch,
        "seed": session.graph.training.weight_seed,
        "parameters": session.program.check.total_parameters,
        "loss": session.measured("loss"),
        "train": {"loss": outcome.train.loss, metric: outcome.train.metric},
        "validation": {"loss": outcome.validation.loss, metric: outcome.validation.metric},
        "gradient_norms": {node: {"before": before, "after": after}
                           for node, (before, after) in outcome.gradient_norms.items()},
        "seconds": round(outcome.seconds, 4),
        "steps_per_second": round(outcome.steps / max(outcome.seconds, 1e-9), 1),
        "state": outcome.state,
    }


def _print_result(result: dict[str, Any]) -> None:
    print(f"{result['example']}: {result['state']} at step {result['steps']:,} "
          f"(epoch {result['epochs']:,}), seed {result['seed']}, "
          f"{result['parameters']:,} parameters, {result['seconds']:.1f} s, "
          f"{result['steps_per_second']:,.0f} steps/s")
    for part in ("train", "validation"):
        print(f"{part:<10}  " + "  ".join(
            f"{name} {value:.4f}" for name, value in result[part].items()))
    wide = max(map(len, result["gradient_norms"]), default=0)
    for node, norms in result["gradient_norms"].items():
        print(f"gradient    {node:<{wide}}  {norms['before']:.3e}  "
              f"after clipping {norms['after']:.3e}")


def _print_json(value: Any) -> None:
    """NaN and infinities become null: JSON has no others."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


class _Bar:
    """A line on the terminal that tells how far training is; nothing where there is none."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal

    def say(self, text: str) -> None:
        if self._terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def show(self, session: Session, left: int) -> None:
        done = session.step / max(session.step + left, 1)
        filled = math.floor(done * BAR)
        metric = session.validation.metric if session.validation else math.nan
        self.say(f"{'█' * filled}{'░' * (BAR - filled)} {done:4.0%}  step {session.step:,}  "
                 f"loss {session.measured('loss'):.4f}  "
                 f"validation {session.metric_name} {metric:.4f}")

    def end(self) -> None:
        self.say("")


# -- arguments ------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are one line with the way out."""

    def __init__(self, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(prog=prog, description=description, epilog=epilog, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See {self.prog} --help")


def _add_what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="FILE|EXAMPLE", help="a document, or an example's name")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number between {low} and {high:,}")
        return value
    return parse


_count, _seed, _threads = _whole(1, 10**9), _whole(0, 2**31 - 1), _whole(1, MAX_THREADS)


def _writable(text: str) -> Path:
    """Told before training, not after it."""
    path = Path(text)
    if path.is_dir() or not os.access(path.resolve().parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text} cannot be written: choose another file")
    return path


def _document(text: str) -> Path:
    """Only a document holds weights: a .json would keep the graph and lose the training."""
    if Path(text).suffix != document.SUFFIX:
        raise argparse.ArgumentTypeError(
            f"{text} is not a name for a trained network: end it in {document.SUFFIX}")
    return _writable(text)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
