"""One file of cells/: text cut into notebook cells, with what its header promises.

A file is never imported. Its header is comment lines ``# key: value`` or bare words before the first
``# %%`` line:

    # results: model, history     the variables compared at the end
    # files: out.txt              files it writes (in its working directory), compared too
    # needs: torch, sklearn       modules without which the cell is left out
    # seeded                      begins the same in every process; otherwise its start is dumped and shared
    # slow                        killed by command only (python -m tests.chaos), for its imports take seconds
    # hashed                      what it does depends on the order of a set of strings
"""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "cells"
MAGIC = "%%checkpointed"


@dataclass(frozen=True)
class Cell:
    """The guarded cell of one file, and the cells around it."""

    name: str
    above: tuple[str, ...]
    guarded: str
    after: tuple[str, ...]
    results: tuple[str, ...]
    files: tuple[str, ...]
    needs: tuple[str, ...]
    seeded: bool
    hashed: bool
    slow: bool

    @property
    def plain(self) -> str:
        """The guarded cell without its magic line."""
        return self.guarded.split("\n", 1)[1]


def read_cell(path: Path) -> Cell:
    """Cut *path* into cells; ValueError unless exactly one of them is guarded and results are named."""
    header, *sections = re.split(r"^# %%[ \t]*\n", path.read_text(), flags=re.MULTILINE)
    keys = dict(re.findall(r"^# (\w+)(?::[ ]*(.*))?$", header, flags=re.MULTILINE))
    cells = [section.strip("\n") for section in sections]
    guarded = [index for index, cell in enumerate(cells) if cell.startswith(MAGIC)]
    if len(guarded) != 1 or not keys.get("results"):
        raise ValueError(f"{path} must have one guarded cell and a line '# results: …'")

    def names(key: str) -> tuple[str, ...]:
        return tuple(name for name in re.split(r"[,\s]+", keys.get(key, "")) if name)

    return Cell(
        name=path.stem,
        above=tuple(cells[: guarded[0]]),
        guarded=cells[guarded[0]],
        after=tuple(cells[guarded[0] + 1 :]),
        results=names("results"),
        files=names("files"),
        needs=names("needs"),
        seeded="seeded" in keys,
        hashed="hashed" in keys,
        slow="slow" in keys,
    )


def all_cells() -> list[Cell]:
    """Every cell there is, by name."""
    return [read_cell(path) for path in sorted(FOLDER.glob("*.py"))]
