"""What docs/kinds.md says is kept comes back in another process as it was, with what it shares; a change to it is seen
in the next snapshot, and nothing else is written again; what is not kept is named, and says so when it is used.

The kinds of a table live together, in one process that writes and one that reads. What this can't show is the death of
a kernel: tests/notebook and tests/chaos do that.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.kinds.kind import Kind
from tests.kinds.table import KINDS, TABLES

SMALL_BYTES = 64 * 1024  # of a snapshot in which nothing large has changed
DOCS = Path(__file__).parents[2] / "docs" / "kinds.md"
WARNINGS = [  # that the libraries give of their own accord
    "ignore:Sparse", "ignore:The PyTorch API of nested", "ignore:__array__ implementation", "ignore:Pickle, copy",
]  # fmt: skip

Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[tuple[Seen, Seen]]]]:
    """What was seen in the life of each table, two tables at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield {module: pool.submit(live, module, tmp_path_factory.mktemp("life")) for module in TABLES}


def live(module: str, folder: Path) -> tuple[Seen, Seen]:
    """Runs the two processes, one after the other."""
    for role in ("write", "read"):
        command = [sys.executable, "-W", "error", *(part for text in WARNINGS for part in ("-W", text))]
        done = subprocess.run(
            [*command, "-m", "tests.kinds.living", role, module, str(folder)],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"KERAS_BACKEND": "torch"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    written, read = (json.loads((folder / f"{role}.json").read_text()) for role in ("write", "read"))
    return written, read


@pytest.mark.parametrize(
    ("module", "kind"),
    [pytest.param(module, kind, id=kind.name) for module, kinds in TABLES.items() for kind in kinds],
)
def test_it_is_kept_as_the_table_says(module: str, kind: Kind, lives: dict[str, Future[tuple[Seen, Seen]]]) -> None:
    written, read = (seen[kind.name] for seen in lives[module].result())
    assert (written.get("error"), read.get("error")) == (None, None)
    first = written["first"]
    assert len(first["notes"]) == len(kind.notes), first["notes"]
    assert all(note.startswith(begin) for note, begin in zip(first["notes"], sorted(kind.notes), strict=True)), first
    if kind.lost:
        assert "can't be kept" in read["lost"] or "was computed before the kernel died" in read["lost"], read["lost"]
        assert read["again"]["notes"] == first["notes"], "a stand-in is still named by the session that got it"
        return
    assert read["before"] == written["before"], "it comes back"
    assert read["isolated"] == written["before"], "as it was at the safe point, though it changed before it was written"
    assert read["mutated"] == written["after"], "what came back can be changed as the original"
    assert read["again"] == read["mutated"], "and is saved again"
    assert read["after"] == written["after"], "the next snapshot has the change"
    assert written["after"] != written["before"], "the table looks at what it changes"
    if kind.large:
        assert first["skeleton"] < SMALL_BYTES / 2, "its memory is outside of the pickle"
        assert written["same"]["new_bytes"] < SMALL_BYTES, "what stays as it is is not written again"
        assert written["changed"]["new_bytes"] < kind.large / 2 + SMALL_BYTES, "but for what has changed"


def test_the_docs_list_what_is_tested() -> None:
    rows = [line.split("|")[1].strip() for line in DOCS.read_text().splitlines() if line.startswith("| ")]
    assert [row for row in rows if row not in ("kind", "---")] == [kind.name for kind in KINDS]
