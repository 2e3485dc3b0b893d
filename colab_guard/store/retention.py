"""Which snapshots of a cell are kept: the newest, the best by a variable of the cell, and as many as a budget allows.

What the variable was is in each manifest's body, where the writer put it::

    "best": {"name": "val_loss", "goal": "min", "value": 0.25}

``value`` is null where there was no finite number: such a snapshot is never the best one, and is kept only while it is
among the newest. Of equals the first is the best, for the variable keeps its value while the weights go on.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colab_guard.core.errors import UsageError
from colab_guard.core.words import count_of, size
from colab_guard.store.manifest import Manifest

FIELD = "best"  # of the body
GOALS = ("min", "max")
KEEP = 3


@dataclass(frozen=True, slots=True)
class Best:
    """What ``--keep-best`` names: the snapshot at which a variable was least (``min``) or greatest (``max``)."""

    name: str
    goal: str

    def recorded(self, namespace: Mapping[str, Any]) -> dict[str, Any]:
        """What goes into a snapshot's body. Numbers, numpy's too, and arrays or tensors of no dimension count."""
        return {FIELD: {"name": self.name, "goal": self.goal, "value": _number(namespace.get(self.name))}}

    def of(self, manifests: Iterable[Manifest]) -> Manifest | None:
        """The best one, None where the variable was never a finite number; looks at none that another goal was for."""
        values = [(value, manifest) for manifest in manifests if (value := self._value(manifest)) is not None]
        sign = 1 if self.goal == "min" else -1
        return min(values, key=lambda pair: (sign * pair[0], pair[1].seq), default=(0.0, None))[1]

    def _value(self, manifest: Manifest) -> float | None:
        found = manifest.body.get(FIELD)
        return _number(found.get("value")) if isinstance(found, Mapping) and _best(found) == self else None

    def __str__(self) -> str:
        return f"{self.name}:{self.goal}"


@dataclass(frozen=True, slots=True)
class Retention:
    """What of a cell's snapshots is to be kept.

    ``best``: kept beside the newest ``keep``; where it is None, what the newest snapshot's body names. ``budget_bytes``
    bounds the packs that all of these need: the oldest go first, then the best; the newest never.
    """

    keep: int = KEEP
    best: Best | None = None
    budget_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise UsageError(f"keep is {self.keep}: at least one snapshot has to be kept.")

    def check(self, cell: str, names: Container[str]) -> None:
        """Raises UsageError where the best is to be told by a variable that is not among ``names``."""
        if self.best and self.best.name not in names:
            raise UsageError(f"--keep-best {self.best}: {cell!r} has no such variable. Nothing was run; mend the name.")

    def recorded(self, namespace: Mapping[str, Any]) -> dict[str, Any]:
        """What goes into a snapshot's body, so that the best can be told."""
        return self.best.recorded(namespace) if self.best else {}


DEFAULT = Retention()


@dataclass(frozen=True, slots=True)
class Choice:
    """What a retention comes to for the snapshots of one cell."""

    newest: tuple[Manifest, ...]  # that are kept, newest first
    best: Manifest | None  # kept beside them, or one of them
    remarks: tuple[str, ...]  # sentences, the same each time: what the budget stands against

    @property
    def kept(self) -> frozenset[str]:
        """Their names."""
        return frozenset(entry.name for entry in (*self.newest, self.best) if entry is not None)


def choose(retention: Retention, mine: Sequence[Manifest], packs_bytes: Mapping[str, int]) -> Choice:
    """Decides on the snapshots of one cell, newest first; ``packs_bytes`` are the sizes of the packs there are."""
    wanted = retention.best or (_best(mine[0].body.get(FIELD)) if mine else None)
    newest, best = list(mine[: retention.keep]), wanted.of(mine) if wanted else None
    budget = retention.budget_bytes
    if budget is None or not newest or _need(newest, best, packs_bytes) <= budget:
        return Choice(tuple(newest), best, ())
    while len(newest) > 1 and _need(newest, best, packs_bytes) > budget:
        newest.pop()
    cell, allowed = mine[0].cell, f"--budget {size(budget)}"
    remark = f"{allowed} holds fewer than the newest {count_of(retention.keep, 'snapshot')} of {cell!r}: older ones go."
    if best not in (None, newest[0]) and _need(newest, best, packs_bytes) > budget:
        remark = f"{allowed} holds no more than the newest snapshot of {cell!r}: the best one by {wanted} goes too."
        best = None
    if _need(newest, best, packs_bytes) > budget:
        remark = (
            f"the newest snapshot of {cell!r} alone needs more than {allowed} allows. It is kept all the same: raise "
            f"the budget, or save less of the cell (--link)."
        )
    return Choice(tuple(newest), best, (remark,))


def parse_best(text: str) -> Best:
    """What ``--keep-best`` says: ``val_loss:min``. Raises UsageError."""
    name, _, goal = text.partition(":")
    if not name.isidentifier() or goal not in GOALS:
        raise UsageError(
            f"--keep-best {text} names no variable and goal: give a variable of the cell, and min or max, such as "
            f"val_loss:min or accuracy:max."
        )
    return Best(name, goal)


def parse_budget(text: str) -> int:
    """Bytes, from ``10GB`` or ``500MB``; powers of 1000. Raises UsageError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(kB|KB|MB|GB|TB)", text.strip())
    bytes_ = round(float(match[1]) * 1000 ** ("kmgt".index(match[2][0].lower()) + 1)) if match else 0
    if not bytes_:
        raise UsageError(f"--budget {text} is no size: give a number above zero with its unit, such as 10GB or 500MB.")
    return bytes_


def _need(newest: Iterable[Manifest], best: Manifest | None, packs_bytes: Mapping[str, int]) -> int:
    kept = (*newest, best) if best else tuple(newest)
    return sum(packs_bytes.get(pack, 0) for pack in {blob.pack for manifest in kept for blob in manifest.blobs})


def _best(found: Any) -> Best | None:
    """What a body names, which may be anything."""
    if not isinstance(found, Mapping):
        return None
    name, goal = found.get("name"), found.get("goal")
    return Best(name, goal) if isinstance(name, str) and goal in GOALS else None


def _number(value: Any) -> float | None:
    try:
        if not isinstance(value, numbers.Real) and getattr(value, "ndim", None) == 0:
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(found := float(value)):
            return None
    except Exception:  # noqa: BLE001 - the user's own class, a tensor without data, an int of a thousand digits
        return None
    return found
