"""Which known message a text speaks of, and what there is to say of it."""

from __future__ import annotations

import re
import sys
import textwrap
import traceback
from collections import Counter

from colab_guard.core.errors import ColabGuardError, UsageError
from colab_guard.messages.known import Known
from colab_guard.messages.of_colab import COLAB
from colab_guard.messages.of_drive import DRIVE
from colab_guard.messages.of_gpu import GPU
from colab_guard.messages.of_python import PYTHON

# In the order in which they are tried: what a library says of itself before what it is wrapped in.
KNOWN: tuple[Known, ...] = (*GPU, *DRIVE, *COLAB, *PYTHON)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
QUOTES = str.maketrans("‘’“”", "''\"\"")
WIDTH = 100
COMMON = frozenset({
    "and", "are", "been", "but", "can", "cannot", "for", "from", "has", "have", "into", "not", "run", "the", "this",
    "was", "will", "with", "you", "your",
})  # fmt: skip
ENOUGH = 1.0  # a word that one entry alone has weighs 1, one that two have a half
SHOWN = 100  # characters of a text that is not known
LONGEST = 20_000  # characters of a traceback that are looked at: its end holds the message


def matching(text: str) -> list[Known]:
    """All entries whose message stands in the text, the likeliest first."""
    line = _line(text)
    return [known for known in KNOWN if known.is_in(line)]


def nearest(text: str) -> Known | None:
    """The entry that shares most with the text, by words that few others have; None where too little is shared, or no
    more than one word of several.
    """
    words = _words(_line(text))
    shared = {known: words & _words(known.says) for known in KNOWN}
    weight = {known: sum(1 / _COUNTS[word] for word in common) for known, common in shared.items()}
    best = max(weight, key=weight.__getitem__)
    return best if weight[best] >= ENOUGH and len(shared[best]) >= min(2, len(words)) else None


def explained(text: str) -> str:
    """What is behind an error message, what to do, and where that is known from; a sentence where it isn't known."""
    found = matching(text)
    if found:
        more = [f"Said in the same text: {known.says}" for known in found[1:3]]
        return "\n".join([_told(found[0]), *more])
    near = nearest(text)
    if near is None:
        last = text.strip().rpartition("\n")[2]
        return (
            f"{last[:SHOWN]!r} is not among the messages known here. Give the last line of an error, without what is "
            f"special in it: %guard explain CUDA out of memory. %guard why says what ended the last session."
        )
    return f"No known message is in this text. The nearest:\n{_told(near)}"


def explained_last() -> str:
    """``explained``, for the error that the interpreter showed last. Raises UsageError where there was none."""
    error = getattr(sys, "last_value", None)
    if error is None:
        raise UsageError("There is no error to explain yet: give its text, as in %guard explain CUDA out of memory.")
    if isinstance(error, ColabGuardError):
        return f"The last error was one of colab_guard's own, and says all that is known: {error}"
    return explained(_said(error))


def offer(error: Exception) -> str | None:
    """One line for a cell that this error ended, where there is something to say of it. Raises nothing."""
    found = matching(_said(error))
    return f"{found[0].says.rstrip('. …')}: %guard explain says what is behind it, and what helps." if found else None


def _said(error: BaseException) -> str:
    # What str() of an error of a user's raises, this takes care of.
    return "".join(traceback.format_exception_only(error))


def _told(known: Known) -> str:
    steps = [_filled(f"{number}. {step}") for number, step in enumerate(known.do, 1)]
    return "\n".join([known.says, _filled(known.because), *steps, _filled(f"Known from: {'; '.join(known.sources)}.")])


def _filled(text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _line(text: str) -> str:
    return " ".join(COLOURS.sub("", text[-LONGEST:]).translate(QUOTES).split())


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"[a-z0-9_]+", text.lower()) if len(word) > 2) - COMMON


_COUNTS = Counter(word for known in KNOWN for word in _words(known.says))
