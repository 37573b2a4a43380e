"""The command `playground`: opens the window, or lists, sums up and trains without one."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from playground import document
from playground.arguments import (
    Parser,
    UsageError,
    add_length,
    add_what,
    document_path,
    log_path,
    writable_path,
)
from playground.console import Bar, print_json, print_text, tell
from playground.document import DocumentError, Loaded
from playground.examples import EXAMPLES, Example
from playground.graph import Graph
from playground.opening import exists, lanes_of, open_named, tell_notes
from playground.results import as_table, in_words, mark_of, result_of
from playground.summary import SummaryError, summarize

if TYPE_CHECKING:
    from playground.headless import Outcome

DONE, WRONG, DIVERGED, INTERRUPTED = 0, 2, 3, 130
DEFAULT_EPOCHS = 10
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
"""The environment has one of them where Linux can show a window."""
VARIATION = "EXAMPLE:VARIATION"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code: 0 done, 2 bad arguments or file, 3 diverged."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"examples": _examples, "summary": _summary, "train": _train, "compare": _compare}
    try:
        if words and words[0] in commands:
            return commands[words[0]](words[1:])
        return _window(words)
    except (UsageError, DocumentError, SummaryError) as error:
        tell(error)
        return WRONG
    except BrokenPipeError:  # The reader of a pipe has gone, as in `| head`.
        return DONE


# -- commands -------------------------------------------------------------------------------------


def _window(words: list[str]) -> int:
    parser = Parser("playground", "Drag layers into a network and watch it learn.", epilog=(
        "Without a window: playground examples | summary | train | compare (each with --help). A "
        "FILE that is not there ends with exit code 2 and a line on stderr; started from a "
        "desktop, without a terminal, the window opens and says so instead."))
    parser.add_argument("what", nargs="?", metavar="FILE|EXAMPLE", help="what to open")
    parser.add_argument("--version", action="version", version=f"playground {_version()}")
    parser.add_argument("--theme", choices=("dark", "light", "system"), help="colours")
    parser.add_argument("--screenshot", type=writable_path, metavar="PNG",
                        help="draw the window to a file and end")
    options = parser.parse_args(words)
    what = options.what
    if what is not None and what not in EXAMPLES:
        # Where nobody would read a line, the window says what is wrong with a file.
        is_file = _is_document(what) or (exists(what) and Path(what).is_file())
        if options.screenshot is not None or not (is_file and _from_desktop()):
            open_named(what)
    if sys.platform == "linux" and not any(map(os.environ.get, SCREENS)):
        raise UsageError("The window needs a screen, and here is none: neither DISPLAY nor "
                         "WAYLAND_DISPLAY is set. Without a window: playground examples, summary, "
                         "train or compare.")
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
    parser = Parser("playground examples", "List the networks that come with the app.")
    parser.add_argument("--json", action="store_true", help="as JSON")
    if parser.parse_args(words).json:
        print_json([{"name": e.name, "title": e.title, "description": e.description,
                      "mark": e.mark} for e in EXAMPLES.values()])
        return DONE
    wide = max(map(len, EXAMPLES))
    print_text("\n".join(f"{example.name:<{wide}}  {example.title}: {example.description}"
                     for example in EXAMPLES.values()))
    return DONE


def _summary(words: list[str]) -> int:
    parser = Parser("playground summary", "Show layers, shapes, parameters and memory.")
    add_what(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(words)
    loaded = open_named(options.what)
    summary = summarize(loaded.graph)
    tell_notes(options.what, loaded)
    if options.json:
        print_json(summary.to_json())
    else:
        print_text(str(summary))
    return DONE


def _train(words: list[str]) -> int:
    parser = Parser("playground train", "Train without a window.")
    add_what(parser)
    add_length(parser)
    parser.add_argument("--save", type=document_path, metavar="OUT.playground",
                        help="write the trained network; refused where OUT holds trained weights "
                             "that this run does not go on from")
    parser.add_argument("--replace", action="store_true",
                        help="let --save replace other trained weights")
    parser.add_argument("--log", type=log_path, metavar="OUT.csv", help="write the history")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object: its "
                        "loss is that of the last batch, before that batch's update; train and "
                        "validation judge all their samples with the weights at the end; an "
                        "example trained as long as its mark says tells what it has reached")
    options = parser.parse_args(words)

    seen = document.stamp(options.save) if options.save else None
    loaded = open_named(options.what)
    _check_losses(options, loaded)
    if options.seed is not None:
        loaded = Loaded(_seeded(loaded.graph, options.seed), thumbnail=loaded.thumbnail,
                        notes=_fresh(loaded))
    steps, epochs = _length(options, options.what)

    from playground.compiler import CompileError
    from playground.headless import train
    bar = Bar(sys.stderr.isatty())

    def begin() -> None:
        bar.end()
        tell_notes(options.what, loaded)

    try:
        outcome = train(loaded.graph, steps=steps, epochs=epochs, threads=options.threads,
                        saved=loaded.state, history=loaded.history,
                        preparing=bar.say, progress=bar.show, ready=begin)
    except CompileError as error:
        raise UsageError(str(error)) from error
    finally:
        bar.end()
    elsewhere = _write(options, outcome, seen, loaded.thumbnail)
    result = result_of(options.what, outcome)
    example = EXAMPLES.get(options.what)
    if example is not None and (mark := mark_of(example, outcome)) is not None:
        result["mark"] = mark
    notes = [outcome.message] if outcome.message else []
    if elsewhere is not None:
        notes.append(f"{options.save} was changed by another program while this trained, and "
                     f"stays as it is. The trained network is in {elsewhere}.")
    for note in notes:
        tell(note)
    if options.json:
        print_json(result)
    else:
        print_text(in_words(result))
    if elsewhere is not None:
        return WRONG
    return {"done": DONE, "diverged": DIVERGED, "interrupted": INTERRUPTED}[outcome.state]


def _compare(words: list[str]) -> int:
    parser = Parser("playground compare", "Train networks side by side, on the same batches.",
                     epilog=f"{VARIATION} is a variation of an example that the window offers, as "
                     "exploding:clipping-off. An example alone is compared with all of its own.")
    parser.add_argument("what", nargs="+", metavar=f"FILE|EXAMPLE|{VARIATION}",
                        help="two or more to compare; the first says for how long")
    add_length(parser)
    parser.add_argument("--json", action="store_true", help="the results as one JSON array")
    options = parser.parse_args(words)
    lanes = lanes_of(options.what)
    if options.seed is not None:
        lanes = [replace(lane, graph=_seeded(lane.graph, options.seed), state=None, history=None)
                 for lane in lanes]
    steps, epochs = _length(options, options.what[0].partition(":")[0])

    from playground.comparison import compare
    from playground.compiler import CompileError
    bar = Bar(sys.stderr.isatty())
    try:
        outcomes = compare(lanes, steps=steps, epochs=epochs, threads=options.threads,
                           preparing=bar.say, progress=bar.show, ready=bar.end)
    except CompileError as error:
        raise UsageError(str(error)) from error
    finally:
        bar.end()
    results = [result_of(lane.name, outcome) for lane, outcome in zip(lanes, outcomes, strict=True)]
    if options.json:
        print_json(results)
    else:
        print_text(as_table(results))
    if any(outcome.state == "interrupted" for outcome in outcomes):
        return INTERRUPTED
    return DIVERGED if all(outcome.state == "diverged" for outcome in outcomes) else DONE


# -- what to work on ------------------------------------------------------------------------------


def _check_losses(options: argparse.Namespace, loaded: Loaded) -> None:
    """Refuse, before training, what would replace weights that are still of use."""
    what = options.what
    if loaded.lost and options.seed is None:
        raise UsageError(f"The weights in {what} cannot be read: {loaded.lost}. Train an earlier "
                         "copy of it, or give --seed to start anew.")
    if not (options.save and options.save.exists()):
        return
    if what in EXAMPLES or not options.save.samefile(what):
        if not options.replace:
            _check_other(options.save)
        return
    if loaded.read_only:
        raise UsageError(f"{what} is open read-only, and saving to it would lose what this version "
                         "cannot read. Give --save another name.")
    if options.seed is not None and loaded.state is not None and not options.replace:
        raise UsageError(f"--seed starts anew, and --save would replace the weights of step "
                         f"{loaded.state.step:,} in {what}. Give --save another name, leave --seed "
                         "out to go on, or give --replace to lose them.")


def _check_other(path: Path) -> None:
    """Refuse to save over the trained weights of a document that was not started from."""
    try:
        other = document.load(path)
    except DocumentError:
        return  # It holds no weights that anything could open.
    if not other.lost and (other.state is None or not other.state.step):
        return
    kept = "cannot be read now" if other.state is None else f"are of step {other.state.step:,}"
    raise UsageError(f"{path} holds trained weights that this run does not start from (they "
                     f"{kept}). Give --save another name, or --replace to lose them.")


def _fresh(loaded: Loaded) -> tuple[str, ...]:
    """The notes of a document that is trained anew."""
    if loaded.state is None:
        return loaded.notes
    return (*loaded.notes, f"--seed starts anew; the saved weights of step {loaded.state.step:,} "
            "are not used.")


def _seeded(graph: Graph, seed: int) -> Graph:
    return graph.with_training(graph.training.seeded(seed))


def _length(options: argparse.Namespace, what: str) -> tuple[int | None, int | None]:
    """What was asked for; else as long as the example needs; else some epochs."""
    if options.steps or options.epochs:
        return options.steps, options.epochs
    example: Example | None = EXAMPLES.get(what)
    if example is not None:
        return example.mark.steps, example.mark.epochs
    return None, DEFAULT_EPOCHS


# -- results --------------------------------------------------------------------------------------


def _write(options: argparse.Namespace, outcome: Outcome, seen: document.Stamp | None,
           picture: bytes | None) -> Path | None:
    """Save what was asked for, with the picture that the window has made of it. Gives the name of
    another file, where the one that was `seen` is not there any more, but what somebody else has
    saved meanwhile.
    """
    session, elsewhere = outcome.session, None
    history = session.history.view()
    if options.save:
        if document.is_another(options.save, seen):
            elsewhere = _free_name(options.save)
        document.save(elsewhere or options.save, session.graph, session.saved_state(), history,
                      picture)
    if options.log:
        document.save_history(options.log, history)
    return elsewhere


def _free_name(path: Path) -> Path:
    """net-2.playground, for net.playground."""
    names = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    return next(name for name in names if not name.exists())
