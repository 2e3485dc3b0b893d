"""A backend that stops before and after everything it does, so that a test can make it fail, or die, right there."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from colab_guard.store.backend import Backend, Entry

OnStep = Callable[[int, str], None]  # the step's number from 1 on, and what is about to happen


class Stepped:
    """Passes everything on to ``inner``, and calls ``on_step`` at each step; what that raises is a failing disk."""

    def __init__(self, inner: Backend, on_step: OnStep = lambda number, what: None) -> None:
        self.inner = inner
        self.steps = 0
        self.on_step = on_step

    @property
    def place(self) -> str:
        return self.inner.place

    def write_new(self, name: str, chunks: Iterable[Any]) -> None:
        self._step(f"write {name}")
        self.inner.write_new(name, self._stepping(name, chunks))
        self._step(f"written {name}")

    def read(self, name: str, offset: int, into: memoryview) -> int:
        self._step(f"read {name}")
        return self.inner.read(name, offset, into)

    def list(self, folder: str) -> Iterable[Entry]:
        self._step(f"list {folder}")
        return self.inner.list(folder)

    def delete(self, name: str) -> None:
        self._step(f"delete {name}")
        self.inner.delete(name)
        self._step(f"deleted {name}")

    def arm(self, on_step: OnStep) -> None:
        """Counts from 1 again."""
        self.steps, self.on_step = 0, on_step

    def _stepping(self, name: str, chunks: Iterable[Any]) -> Iterator[Any]:
        for chunk in chunks:
            yield chunk
            self._step(f"chunk of {name}")

    def _step(self, what: str) -> None:
        self.steps += 1
        self.on_step(self.steps, what)


def failing(at: int, code: int = errno.ENOSPC, *, lasting: bool = False) -> OnStep:
    """Fails with the given errno at step ``at``, and at all later ones where ``lasting``."""

    def on_step(number: int, what: str) -> None:
        if number == at or (lasting and number > at):
            raise OSError(code, os.strerror(code), what)

    return on_step
