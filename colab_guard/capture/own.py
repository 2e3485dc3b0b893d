"""What a snapshot says of functions and classes that the session has itself: put back only when a restore is sure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Attributes:
    """The ``values`` that attributes of ``thing``, a function or class of the session's, are to have. Called, it sets
    them, all or none, and returns what undoes that.
    """

    thing: Any
    values: dict[str, Any]

    def here(self) -> dict[str, Any]:
        """Those that the session has of them now."""
        if isinstance(self.thing, type):
            return {name: value for name, value in vars(self.thing).items() if name in self.values}
        return {name: getattr(self.thing, name) for name in self.values if hasattr(self.thing, name)}

    def __call__(self) -> Callable[[], None]:
        before, done = self.here(), list[str]()

        def undo() -> None:
            for name in done:
                if name in before:
                    setattr(self.thing, name, before[name])
                else:
                    delattr(self.thing, name)

        try:
            for name, value in self.values.items():
                setattr(self.thing, name, value)
                done.append(name)
        except BaseException:
            undo()
            raise
        return undo
