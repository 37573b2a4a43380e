"""What is asked of a thread that is busy with something else, and answered when it comes to it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Question(Generic[T]):
    """One thread calls it and so finds the answer; another one waits for that."""

    def __init__(self, find: Callable[[], T]) -> None:
        self._find = find
        self._future: Future[T] = Future()

    def __call__(self) -> None:
        """Find the answer, unless nobody waits for it any more."""
        if not self._future.set_running_or_notify_cancel():
            return
        try:
            self._future.set_result(self._find())
        except Exception as error:
            self._future.set_exception(error)

    def wait(self, timeout: float) -> T:
        """The answer, or the exception that there was instead of one.

        Raises TimeoutError, with a sentence, when it takes longer than `timeout` seconds, and
        concurrent.futures.CancelledError when the question was given up.
        """
        try:
            return self._future.result(timeout)
        except TimeoutError:
            self.give_up()
            raise TimeoutError("The network is busy, as while it is compiled or a long step runs. "
                               "Try again in a moment.") from None

    @property
    def done(self) -> bool:
        """Whether the answer is there, or none will come."""
        return self._future.done()

    def give_up(self) -> None:
        """Need no answer; one that is being found comes nevertheless."""
        self._future.cancel()


def answered(answer: T) -> Question[T]:
    """A question whose answer is known already."""
    question = Question(lambda: answer)
    question()
    return question
