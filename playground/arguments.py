"""What may stand on the command line, and the sentences about what may not."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from playground import document

MAX_THREADS = 256
LONGEST = 200
"""Letters of a name that are repeated in a sentence."""


class UsageError(Exception):
    """What the user must put right; the text is one sentence."""


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line with the way out."""

    def __init__(self, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(prog=prog, description=description, epilog=epilog, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See {self.prog} --help")


def add_what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="FILE|EXAMPLE", help="a document, or an example's name")


def add_length(parser: argparse.ArgumentParser) -> None:
    """For how long to train, and how."""
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=_count, metavar="N", help="train for N steps")
    length.add_argument("--epochs", type=_count, metavar="N", help="train for N epochs")
    parser.add_argument("--seed", type=_seed, metavar="S", help=(
        "start anew, without saved weights, with S as the seed of weights, order, dropout and "
        "augmentation"))
    parser.add_argument("--threads", type=_threads, default=1, metavar="T",
                        help="threads that share each batch, where that is worth it "
                             f"(1, at most {MAX_THREADS})")


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


def writable_path(text: str) -> Path:
    """Told before training, not after it."""
    path = Path(text)
    try:
        if path.is_dir() or not os.access(path.resolve().parent, os.W_OK):
            raise argparse.ArgumentTypeError(f"{text} cannot be written: choose another file")
        path.exists()  # raises for a name that is too long
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{text[:LONGEST]} cannot be written ({error.strerror}): choose another file"
            ) from error
    return path


def document_path(text: str) -> Path:
    """Only a document holds weights: a .json would keep the graph and lose the training."""
    if Path(text).suffix != document.SUFFIX:
        raise argparse.ArgumentTypeError(
            f"{text} is not a name for a trained network: end it in {document.SUFFIX}")
    return writable_path(text)


def log_path(text: str) -> Path:
    """A table takes the place of a table only."""
    path = writable_path(text)
    if path.suffix.lower() in (document.SUFFIX, ".json"):
        raise argparse.ArgumentTypeError(
            f"{text} is a name for a network, and a log is a table: end it in .csv")
    if not document.is_history(path):
        raise argparse.ArgumentTypeError(
            f"{text} is there already and is no log of this app: choose another name")
    return path
