"""What came of one killed run, and which of its differences colab_guard had named before the kernel died."""

import re
from dataclasses import dataclass, field

from colab_guard.core.causes import KNOWN

SAID = re.compile(r"^colab_guard: not exact after a death: (.*)\.$", re.MULTILINE)
# What the sentence of a cause says, whatever it is about. Only causes after which a cell may end otherwise.
TEXTS = {
    "set-order": r"line \d+: the order of \w+ as a set is (that of the process|not kept)",
    "clock": "depends on the clock, which goes on while the kernel is dead",
    "entropy": "draws from the system, which no snapshot can put back",
    "outside": "does and reads is done and read again after a death",
    "hash": "differs in each kernel",
    "identity": "is another in each kernel",
    "module-state": "(belongs to a module, not to the cell|sets what no snapshot holds, and does not run again)",
    "cached-random": "remembers its results and calls",
}
assert TEXTS.keys() <= KNOWN.keys()


def named(output: str) -> set[str]:
    """The keys of the causes that a guarded cell's *output* names."""
    said = " ".join(SAID.findall(output))
    return {key for key, text in TEXTS.items() if re.search(text, said)}


@dataclass(frozen=True)
class Kill:
    """A kill that was carried out, *seconds* after the guarded cell of that life began."""

    life: int
    into_write: bool
    seconds: float
    hit_write: bool
    lost_seconds: float  # work that the next life does again: since the newest snapshot, or this life's beginning


@dataclass
class Outcome:
    """What a run ended with: digests by variable and file, and the guarded cell's seconds in the last life."""

    digests: dict[str, str]
    seconds: float


@dataclass
class Report:
    """A killed run. `problems` is empty exactly if all is as it should be; `folder` is kept if not.

    `causes` are those that a life named before it was killed. Where there are any, and a later life resumed, another
    end than the reference's is no problem, but one of the `expected` differences.
    """

    cell: str
    seed: int
    kills: list[Kill] = field(default_factory=list)
    first_lines: list[str] = field(default_factory=list)
    hash_seeds: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    resumes: int = 0
    folder: str = ""

    def heard(self, output: str) -> None:
        """Note what a life that was killed had named until then."""
        self.causes = sorted({*self.causes, *named(output)})

    def differs(self, what: str) -> None:
        """Note a difference from the reference."""
        was_named = self.causes and self.resumes  # a run that never resumed has no excuse
        (self.expected if was_named else self.problems).append(f"{what} differs")
