"""What came of a sweep so far: its table, for those who look at it."""

from __future__ import annotations

import os
import secrets
import zipfile
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from colab_guard.core.errors import ExportFailed, UsageError
from colab_guard.sweeps.around import Lent
from colab_guard.sweeps.plot import Plot, plot
from colab_guard.sweeps.table import DONE, FAILED, RUNNING, WAITING, Row, csv_of, json_of, records
from colab_guard.views import table as in_columns

ZIP = "results.zip"


class Results:
    """The rows of a sweep by the names of its items."""

    def __init__(self, name: str, known: Iterable[Row], items: Collection[str], lent: Lent) -> None:
        """``known`` were found in a store: what is under way there was cut off. What is no item any more comes last and
        is not counted.
        """
        found = {row.name: replace(row, state=WAITING) if row.state == RUNNING else row for row in known}
        names = dict.fromkeys([*items, *found])
        self.name, self._lent = name, lent
        self._rows = {name: found.get(name, Row(name)) for name in names}
        self._listed = frozenset(items)

    @property
    def rows(self) -> list[Row]:
        """The table, in the order of the items."""
        return list(self._rows.values())

    @property
    def table(self) -> Any:
        """The table as a DataFrame: name, state, tries, seconds, what was reported, error. Needs pandas."""
        import pandas as pd

        columns, values = records(self.rows)
        return pd.DataFrame(values, columns=columns)

    @property
    def summary(self) -> str:
        """How many are done, and which have failed, in words."""
        rows = [row for row in self.rows if row.name in self._listed]
        failed = [row.name for row in rows if row.state == FAILED]
        also = f", {len(failed)} failed ({', '.join(failed)})" if failed else ""
        return f"{sum(row.state == DONE for row in rows)} of {len(rows)} done{also}"

    def plot(self) -> Plot:
        """A bar for each item: the seconds, and each number that was reported. A notebook shows it."""
        return plot(self.name, self.rows)

    def zip(self, to: str | os.PathLike[str] | None = None) -> Path:
        """The table as CSV and JSON, and the plot, in one file, ``results.zip`` in the working directory if no other is
        named; the browser downloads it on Colab, and Jupyter shows a link.

        Raises UsageError where something else is at ``to``, ExportFailed where it can't be written.
        """
        path = Path(ZIP if to is None else to).expanduser().resolve()
        if to is not None and path.exists():
            raise UsageError(f"{path} is there already, and nothing is overwritten: give another name.")
        files = {"csv": csv_of(self.rows), "json": json_of(self.rows), "svg": self.plot().svg}
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            with zipfile.ZipFile(beside, "x", zipfile.ZIP_DEFLATED) as archive:
                for ending, text in files.items():
                    archive.writestr(f"{self.name}.{ending}", text)
            os.replace(beside, path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise ExportFailed(
                f"{path} could not be written: {error.strerror or error}. Name another place."
            ) from error
        self._lent.offer(path)
        return path

    def __str__(self) -> str:
        columns, values = records(self.rows)
        texts = [["" if value is None else str(value) for value in row] for row in values]
        return f"{self.name}: {self.summary}\n{in_columns([columns, *texts])}"

    def __repr__(self) -> str:
        return f"<{self.name}: {self.summary}>"

    def _row(self, name: str) -> Row:
        return self._rows[name]

    def _put(self, row: Row) -> None:
        self._rows[row.name] = row
