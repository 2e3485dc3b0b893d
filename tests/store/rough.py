"""Backends that fail now and then, and that are slow."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from colab_guard.core.errors import StoreUnavailable
from colab_guard.store.backend import Backend, Entry

CODES = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.ENOTCONN, errno.EDQUOT, errno.ESTALE)
PART_BYTES = 1000

T = TypeVar("T")


class InjectedError(OSError):
    """A failure that a test made."""


class Faulty:
    """Fails every n-th call with each code in turn: before it is done, in its middle, or after; then works again."""

    def __init__(self, inner: Backend, every: int = 3, codes: Sequence[int] = CODES) -> None:
        self.inner, self.every = inner, every
        self.place = inner.place
        self._calls = itertools.count(1)
        self._codes, self._when = itertools.cycle(codes), itertools.cycle(["before", "amid", "after"])

    def write_new(self, name: str, chunks: Iterable[Any]) -> None:
        when = self._due()
        self._fail(when == "before")
        self.inner.write_new(name, self._failing(chunks) if when == "amid" else chunks)
        self._fail(when == "after")

    def read(self, name: str, offset: int, into: memoryview) -> int:
        self._fail(self._due() is not None)
        return self.inner.read(name, offset, into)

    def list(self, folder: str) -> Iterable[Entry]:
        self._fail(self._due() is not None)
        return self.inner.list(folder)

    def delete(self, name: str) -> None:
        when = self._due()
        self._fail(when in ("before", "amid"))
        self.inner.delete(name)
        self._fail(when == "after")

    def _due(self) -> str | None:
        return next(self._when) if next(self._calls) % self.every == 0 else None

    def _failing(self, chunks: Iterable[Any]) -> Iterator[Any]:
        yield from itertools.islice(chunks, 1)
        self._fail(True)

    def _fail(self, now: bool) -> None:
        if now:
            code = next(self._codes)
            raise InjectedError(code, os.strerror(code))


class Retried:
    """Calls again what a test made fail: what a backend guarantees, it guarantees to who tries again too."""

    def __init__(self, inner: Backend) -> None:
        self.inner, self.place = inner, inner.place
        self.failures = 0

    def write_new(self, name: str, chunks: Iterable[Any]) -> None:
        rest, seen = iter(chunks), list[Any]()

        def replayed() -> Iterator[Any]:
            yield from list(seen)
            for chunk in rest:
                seen.append(chunk)
                yield chunk

        self._again(lambda: self.inner.write_new(name, replayed()))

    def read(self, name: str, offset: int, into: memoryview) -> int:
        return self._again(lambda: self.inner.read(name, offset, into))

    def list(self, folder: str) -> Iterable[Entry]:
        return self._again(lambda: list(self.inner.list(folder)))

    def delete(self, name: str) -> None:
        self._again(lambda: self.inner.delete(name))

    def _again(self, call: Callable[[], T]) -> T:
        while True:
            try:
                return call()
            except InjectedError:
                self.failures += 1


class Slow:
    """Goes in small steps, and lets other threads run between any two of them."""

    def __init__(self, inner: Backend) -> None:
        self.inner, self.place = inner, inner.place

    def write_new(self, name: str, chunks: Iterable[Any]) -> None:
        self.inner.write_new(name, self._parts(chunks))

    def read(self, name: str, offset: int, into: memoryview) -> int:
        done = 0
        while done < len(into):
            os.sched_yield()
            part = into[done : done + PART_BYTES]
            count = self.inner.read(name, offset + done, part)
            done += count
            if count < len(part):
                break
        return done

    def list(self, folder: str) -> Iterator[Entry]:
        for entry in self.inner.list(folder):
            os.sched_yield()
            yield entry

    def delete(self, name: str) -> None:
        os.sched_yield()
        self.inner.delete(name)

    def _parts(self, chunks: Iterable[Any]) -> Iterator[memoryview]:
        for chunk in chunks:
            for start in range(0, len(chunk), PART_BYTES):
                os.sched_yield()
                yield memoryview(chunk)[start : start + PART_BYTES]


def refusal(call: Callable[..., object], *arguments: object) -> str | None:
    """What the store says where it can't do what is called; None where it can."""
    try:
        call(*arguments)
    except StoreUnavailable as error:
        return str(error)
    return None
