"""One loop that is under way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from colab_guard.capture.process import random_state, set_random_state
from colab_guard.core.errors import UsageError
from colab_guard.core.settings import Interval
from colab_guard.loops.inplace import refusal
from colab_guard.loops.kinds import is_random, random_state_of, set_random_state_of
from colab_guard.loops.roots import parts, tells_its_state


@dataclass(eq=False)
class Level:
    """A loop, ``depth`` loops around it, and its place: ``count`` items were given, ``item`` is the last. ``key`` tells
    it from all others of its run: the names of the loops around it, and which of its name it is in their item.
    """

    name: str
    iterable: Any
    state: Sequence[Any]
    interval: Interval
    depth: int
    key: str
    line: int

    iterator: Any = None
    count: int = 0
    item: Any = None
    replays: bool = False  # its iterator can't be saved: items are gone through again instead
    begun: dict[str, int] = field(default_factory=dict)  # inner loops that began since the last item, by name
    ended: list[Level] = field(default_factory=list)  # those of them that are over
    before: dict[str, list[Any]] = field(default_factory=dict)  # what inner loops held in the last item, by key

    def __post_init__(self) -> None:
        for index, thing in enumerate(self.state):
            if not tells_its_state(thing) and (why := refusal(thing)):
                raise UsageError(
                    f"state[{index}] of the loop {self.name!r} is a {type(thing).__qualname__}, {why}: its value could "
                    f"not be put back into your variable. Hold it in a dict or a list, and give that: "
                    f"state=[progress], with progress = {{'best': 0.9}}."
                )
        # Before anybody iterates: later a loader may hold what no new process has yet.
        self._parts = [] if hasattr(self.iterable, "__next__") else list(parts(self.iterable))
        self.over = _described(self.iterable)
        self.holds = [type(thing).__qualname__ for thing in self.state]
        self._entry = self._random()

    def roots(self) -> dict[str, Any]:
        """What this process made itself, by the keys that stand for it in pickles."""
        found = {f"{self.key} state[{index}]": thing for index, thing in enumerate(self.state)}
        return found | {f"{self.key} iterable{path}": part for path, part in self._parts}

    def contents(self) -> dict[str, Any]:
        """The roots whose contents belong into a snapshot: the state, and the iterable's generators of numbers."""
        return {key: root for key, root in self.roots().items() if " state[" in key or is_random(root)}

    def gave(self, item: Any) -> None:
        """A new item begins: what inner loops did in the last one is over."""
        self.count += 1
        self.item = item
        if self.begun:
            self.before = {level.key: list(level.contents().values()) for level in self.ended}
            self.ended.clear()
            self.begun.clear()

    def told(self) -> dict[str, Any]:
        """The loop as a snapshot's body has it."""
        return {
            "name": self.name,
            "count": self.count,
            "replays": self.replays,
            "begun": self.begun,
            "over": self.over,
            "holds": self.holds,
            "line": self.line,
        }

    def check(self, told: Mapping[str, Any]) -> None:
        """Raises UsageError where the loop that was saved is plainly another one."""
        for was, now in ((told["over"], self.over), (", ".join(told["holds"]), ", ".join(self.holds))):
            if was != now:
                raise UsageError(
                    f"The loop {self.name!r} was begun with {was or 'no state'}, and here it has {now or 'no state'}. "
                    f"Nothing was run. Undo the change to go on with it; fresh=True starts over; a loop that is "
                    f"another one needs another name."
                )

    def entry(self) -> Any:
        """The random states when the loop began."""
        return self._entry

    def replay(self, told: Mapping[str, Any], entry: Any) -> None:
        """Begins again under the saved ``entry``, and goes through the items that were given."""
        self.replays = True
        self._entry = entry
        overall, own = entry
        set_random_state(overall)
        for part, state in zip(self._generators(), own, strict=True):
            set_random_state_of(part, state)
        self.iterator = iter(self.iterable)
        for _ in range(told["count"]):
            self.item = next(self.iterator)

    def _generators(self) -> list[Any]:
        return [root for root in self.roots().values() if is_random(root)]

    def _random(self) -> Any:
        return random_state(), [random_state_of(part) for part in self._generators()]


def _described(iterable: Any) -> str:
    try:
        return f"{type(iterable).__qualname__} of {len(iterable)}"
    except Exception:  # noqa: BLE001 - a length that somebody else computes
        return type(iterable).__qualname__
