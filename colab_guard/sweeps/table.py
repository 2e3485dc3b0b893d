"""The table of a sweep: a row for each item, as data, and as text in the forms that people and programs read."""

from __future__ import annotations

import csv
import io
import json
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from colab_guard.core.errors import UsageError
from colab_guard.core.secrets import mask

Value: TypeAlias = bool | int | float | str | None

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
FIRST, LAST = ("name", "state", "tries", "seconds"), ("error",)  # the columns around the metrics
TEXT_CHARS = 200  # of a text that is reported
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}  # as JSON, which has no such numbers, holds them


@dataclass(frozen=True)
class Row:
    """One item: how often it was begun (``tries``) and failed, how many ``seconds`` its last try took (None: not
    known), what was reported, and of the last failure a line and the traceback.
    """

    name: str
    state: str = WAITING
    tries: int = 0
    failures: int = 0
    seconds: float | None = None
    metrics: Mapping[str, Value] = field(default_factory=dict)
    error: str = ""
    traceback: str = ""

    @property
    def cut_off(self) -> int:
        """How often a session ended in it."""
        return self.tries - self.failures - (self.state in (DONE, RUNNING))


def reported(metrics: Mapping[str, Any]) -> dict[str, Value]:
    """What was reported, as a table can hold it: numbers, those of numpy and torch too, and short texts.

    Raises UsageError for anything else, and for the names that columns have already.
    """
    if taken := {*FIRST, *LAST} & set(metrics):
        raise UsageError(f"{sorted(taken)[0]!r} is a column of the table already: report it by another name.")
    return {name: _value(name, value) for name, value in metrics.items()}


def _value(name: str, value: Any) -> Value:
    if hasattr(value, "item"):
        with suppress(ValueError, RuntimeError, TypeError):  # of an array or a tensor with more than one element
            value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, str):
        return mask(value)[:TEXT_CHARS]
    raise UsageError(
        f"{name} is a {type(value).__qualname__}: report a number or a short text, such as {name}=float(…). "
        f"What is larger belongs into a file or a variable of yours."
    )


def as_plain(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows as JSON holds them."""
    return [vars(row) | {"metrics": {name: _finite(value) for name, value in row.metrics.items()}} for row in rows]


def from_plain(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows that ``as_plain`` gave."""
    return [
        Row(**{**one, "metrics": {name: _number(value) for name, value in one["metrics"].items()}}) for one in found
    ]


def _finite(value: Value) -> Value:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Value) -> Value:
    return NOT_FINITE.get(value, value) if isinstance(value, str) else value


def metrics_of(rows: Iterable[Row]) -> list[str]:
    """The names that were reported, in the order in which they came."""
    return list(dict.fromkeys(name for row in rows for name in row.metrics))


def records(rows: Sequence[Row]) -> tuple[list[str], list[list[Value]]]:
    """The columns, and the values of each row; tracebacks left out."""
    metrics = metrics_of(rows)
    return [*FIRST, *metrics, *LAST], [
        [row.name, row.state, row.tries, None if row.seconds is None else round(row.seconds, 3),
         *(row.metrics.get(name) for name in metrics), row.error]
        for row in rows
    ]  # fmt: skip


def csv_of(rows: Sequence[Row]) -> str:
    """The table as CSV, its first line the columns."""
    text = io.StringIO()
    columns, values = records(rows)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(values)
    return text.getvalue()


def json_of(rows: Sequence[Row]) -> str:
    """The table as JSON, with the tracebacks."""
    return json.dumps(as_plain(rows), ensure_ascii=False, allow_nan=False, indent=1)
