"""What a guarded cell printed, kept so that a resume can show it again, folded.

Only text is kept, of sys.stdout and sys.stderr, as a terminal without colours would show it at the end: a progress
bar is one line, in its last state. Rich outputs (figures, tables, widgets) are not, nor is what a subprocess or
a forked worker writes to the file descriptor itself, where no kernel takes that in (``!command`` in a terminal).

The streams stay the objects they are; only their ``write`` is overlaid, as an attribute of the instance. So
whoever holds a stream already (a log handler) is heard, and what ``redirect_stdout`` sends elsewhere is not.
"""

from __future__ import annotations

import html
import itertools
import re
import sys
import threading
from collections import deque
from operator import itemgetter
from typing import Any

from IPython import get_ipython
from IPython.display import display

from colab_guard.core.queues import taken
from colab_guard.core.words import count_of

LIMIT_BYTES = 64 * 1024
PENDING_WRITES = 512
WAIT_SECONDS = 1.0
LONG_TEXT = 4096  # characters in one write that are taken in at once
OURS = "colab_guard: "  # what colab_guard says itself
CUT = "…"  # the first line, where earlier ones were dropped

# What moves the cursor, or is no text at all. An escape sequence whose end is still to come is the last match.
CONTROL = re.compile(
    r"(\r|\x08|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|\x1b[@-Z\\^_=>]"
    r"|[\x00-\x07\x0b-\x1f\x7f])"
)
UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,256}\x1b?)?\Z")
PLAIN = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f]*\Z")
BAR = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*\Z")  # and carriage returns


class Transcript:
    """The newest LIMIT_BYTES of what is printed while it is entered, behind what was printed before.

    Any thread may print. Entering overlays the streams of that moment; leaving takes the overlays away. May be
    entered again, and left twice.
    """

    def __init__(self, text: str = "") -> None:
        self._screen = _Screen(text)
        self.pending: deque[tuple[int, str]] = deque()  # stream, text
        self._lock = threading.Lock()
        self._tees: list[_Tee] = []

    def __enter__(self) -> Transcript:
        for number, stream in enumerate(dict.fromkeys([sys.stdout, sys.stderr])):
            if stream is not None:
                self._tees.append(_Tee(stream, number, self))
        return self

    def __exit__(self, *_: object) -> None:
        while self._tees:
            self._tees.pop().remove()

    def snapshot_text(self) -> str:
        """What goes into a snapshot, and to ``Transcript`` and ``show`` at a resume: lines, at most LIMIT_BYTES."""
        self.take_in(wait=True)
        return self._screen.text()

    def take_in(self, *, wait: bool) -> None:
        """Works off what was printed since the last time."""
        # A write does not wait: it may come from a signal handler or a finalizer, in the middle of this very
        # function. Nor does anybody wait forever: an interrupt may have come before the `try`.
        if not self._lock.acquire(timeout=WAIT_SECONDS if wait else 0):
            return
        try:
            writes = taken(self.pending)
            for stream, group in itertools.groupby(writes, key=itemgetter(0)):
                self._screen.write(stream, "".join(text for _, text in group))
        finally:
            self._lock.release()


class _Tee:
    """Takes the place of a stream's ``write``. Called with each print: cheap."""

    __slots__ = ("_mine", "_number", "_open", "_pending", "_stream", "_transcript", "_write")

    def __init__(self, stream: Any, number: int, transcript: Transcript) -> None:
        self._stream, self._number, self._transcript = stream, number, transcript
        self._pending = transcript.pending
        self._mine = vars(stream).get("write") if hasattr(stream, "__dict__") else None
        self._write = stream.write
        self._open = True
        try:
            stream.write = self
        except AttributeError:
            self._open = False  # a stream that takes no attributes; it is not heard

    def __call__(self, text: str) -> Any:
        written = self._write(text)
        if self._open and isinstance(text, str):
            self._pending.append((self._number, text))
            if len(self._pending) > PENDING_WRITES or len(text) > LONG_TEXT:
                self._transcript.take_in(wait=False)
        return written

    def remove(self) -> None:
        """Takes the overlay away. Where somebody laid another over it meanwhile, it stays, and only passes on."""
        if not self._open:
            return
        self._open = False
        if vars(self._stream).get("write") is self:
            if self._mine is None:
                del self._stream.write
            else:
                self._stream.write = self._mine

    def __reduce__(self) -> Any:
        return getattr, (self._stream, "write")


class _Screen:
    """Lines of text and a cursor. Not thread-safe."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._row, self._column = len(self._lines) - 1, len(self._lines[-1])
        self._size_bytes = _size(text)
        self._stream = 0
        self._rest = ""

    def text(self) -> str:
        self._trim()
        return "\n".join(self._lines)

    def write(self, stream: int, text: str) -> None:
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode("utf-8")
        if stream != self._stream:
            self._stream, self._rest = stream, ""
            if self._lines[self._row] and not text.startswith(("\r", "\n")):
                self._down()  # notebooks, too, show what goes to the other stream in lines of its own
        if self._rest:
            text, self._rest = self._rest + text, ""
        if "\x1b" in text and (unfinished := UNFINISHED.search(text)):
            text, self._rest = text[: unfinished.start()], unfinished[0][:LONG_TEXT]
        lines = text.split("\n")
        if PLAIN.match(text) and self._row == len(self._lines) - 1 and self._column == len(self._lines[-1]):
            lines[0] = self._lines.pop() + lines[0]  # what most text is, all at once
            self._lines += lines
            self._row, self._column = len(self._lines) - 1, len(self._lines[-1])
            lines = []
        for number, line in enumerate(lines):
            if number:
                self._down()
            if PLAIN.match(line):
                self._put(line)
            elif BAR.match(line):
                self._bar(line)
            else:
                for part in CONTROL.split(line):
                    self._part(part)
        self._size_bytes += _size(text)  # never less than what it is
        if self._size_bytes > 2 * LIMIT_BYTES:
            self._trim()

    def _put(self, text: str) -> None:
        line = self._lines[self._row]
        if self._column == len(line):
            self._lines[self._row] = line + text
        elif text:
            line = line.ljust(self._column)
            self._lines[self._row] = line[: self._column] + text + line[self._column + len(text) :]
        self._column += len(text)

    def _bar(self, text: str) -> None:
        """A line that begins anew, perhaps many times: each time over what was there."""
        first, *states, last = text.split("\r")
        self._put(first)
        line = last
        for state in [*reversed(states), self._lines[self._row]]:
            if len(state) > len(line):
                line += state[len(line) :]
        self._lines[self._row], self._column = line, len(last)

    def _part(self, part: str) -> None:
        if part.startswith("\x1b["):
            self._sequence(part[2:-1], part[-1])
        elif part == "\r":
            self._column = 0
        elif part == "\x08":
            self._column = max(self._column - 1, 0)
        elif PLAIN.match(part):
            self._put(part)

    def _sequence(self, parameter: str, what: str) -> None:
        count = int(parameter[:4]) if parameter.isdecimal() else 0
        line = self._lines[self._row]
        if what == "A":
            self._row = max(self._row - max(count, 1), 0)
        elif what == "B":
            self._row = min(self._row + max(count, 1), len(self._lines) - 1)
        elif what == "K":
            kept = {0: line[: self._column], 1: " " * self._column + line[self._column :]}.get(count, "")
            self._lines[self._row] = kept
        elif what == "C":
            self._column = min(self._column + max(count, 1), LIMIT_BYTES)
        elif what == "D":
            self._column = max(self._column - max(count, 1), 0)

    def _down(self) -> None:
        self._row, self._column = self._row + 1, 0
        if self._row == len(self._lines):
            self._lines.append("")

    def _trim(self) -> None:
        """Drops the oldest lines beyond LIMIT_BYTES; of one line that is longer than that, its beginning."""
        total = sum(map(_size, self._lines)) + len(self._lines) - 1
        self._size_bytes = min(total, LIMIT_BYTES)
        if total <= LIMIT_BYTES:
            return
        room = LIMIT_BYTES - _size(CUT) - 1
        dropped, left = len(self._lines), room + 1
        while (left := left - _size(self._lines[dropped - 1]) - 1) >= 0:
            dropped -= 1
        last = self._lines[-1].encode()[-room:].decode("utf-8", "ignore")
        self._lines = [CUT, *(self._lines[dropped:] or [last])]
        self._row = max(self._row - dropped + 1, 1)
        self._column = min(self._column, len(self._lines[self._row]))


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def show(text: str) -> None:
    """Displays what earlier lives of a cell printed: folded in a notebook, as one line that counts in a terminal."""
    lines = text.rstrip("\n").split("\n")
    if not any(line.strip() and not line.startswith(OURS) for line in lines):
        return
    newest = "newest " if lines[0] == CUT else ""
    count = f"{newest}{count_of(len(lines) - bool(newest), 'line')} printed before the snapshot"
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        print(f"[{count}: a notebook shows them, folded]")
        return
    body = html.escape("\n".join(lines))
    style = "max-height: 30em; overflow: auto; margin: 0 0 0 1em"
    folded = f"<details><summary>{count}</summary><pre style='{style}'>{body}</pre></details>"
    display({"text/html": folded, "text/plain": f"[{count}: folded]"}, raw=True)
