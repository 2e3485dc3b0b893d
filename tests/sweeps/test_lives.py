"""A sweep of 39 small models, with kills, errors and two ends of sessions: each is trained once, the table complete."""

import csv
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loops.script import Script
from tests.notebook.book import Book
from tests.sweeps.scripts import CELL, HELPERS, NAMES, SCRIPT, TOO_LARGE

RESULTS = "begun, steps, losses, rows, after"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    with Book(tmp_path_factory.mktemp("sweep"), sys.executable) as book:
        (book.folder / "helpers.py").write_text(HELPERS)
        yield book


def cell(name: str, per_session: int | None) -> str:
    above = f"NAMES, TOO_LARGE, PER_SESSION = {NAMES}, {TOO_LARGE}, {per_session}"
    return f"%%checkpointed {name}\n{above}\n{CELL}"


def dies_after(book: Book, ticks: int) -> None:
    """Runs the cell, SIGKILLs its kernel after so many steps, and starts the next one."""
    (book.folder / "dies").touch()
    execution = book.kernel.start(cell("zoo", 14))
    while execution.result.text.count("tick") < ticks:
        assert not execution.poll(0.02), execution.result
    book.kernel.kill()
    (book.folder / "dies").unlink()
    book.restart()


def test_in_a_guarded_cell_each_model_is_trained_once_and_ends_with_the_bits_of_a_sweep_left_alone(book):
    draw = random.Random(11)
    dies_after(book, draw.randint(20, 60))
    book.run("%guard config limit=0.001s").check()
    stopped = book.run(cell("zoo", 14))
    assert stopped.error is not None
    assert stopped.error.ename == "Pause"
    assert "0 s are left of this session (from %guard config), and the longest item so far took" in stopped.text
    book.restart()
    dies_after(book, draw.randint(20, 60))
    stopped = book.run(cell("zoo", 14))
    assert stopped.error is not None
    assert stopped.error.ename == "Pause"
    assert "14 items were worked on, as per_session says. " in stopped.text
    book.restart()
    while (last := book.run(cell("zoo", 14))).error is not None:  # on from memory, in the same kernel
        assert last.error.ename == "Pause", last
    killed = book.value(RESULTS)
    assert book.value("held") == [], "what ran out of memory was let go of before the next model began"

    begun, steps, _, rows, _ = killed
    assert steps == dict.fromkeys(NAMES, 8)
    assert begun == {name: 1 + (name in TOO_LARGE) for name in NAMES}
    assert [row[:4] for row in rows] == [(n, "done", 1 + (n in TOO_LARGE), int(n in TOO_LARGE)) for n in NAMES]
    (file,) = (book.store / "jobs").glob("zoo-*.csv")
    with file.open(newline="") as table:
        assert [(row["name"], row["state"]) for row in csv.DictReader(table)] == [(name, "done") for name in NAMES]
    book.run(cell("whole", None)).check()
    assert killed == book.value(RESULTS)


def test_in_a_script_what_a_session_found_done_is_never_begun_again(tmp_path: Path) -> None:
    script, draw, stops, deaths = Script(tmp_path, SCRIPT), random.Random(3), 0, 0
    for _ in range(40):
        if stops < 2 and deaths >= 2 * (stops + 1):
            life = script.run(PER_SESSION="5")
            assert life.code == 1, life.said
            assert "5 items were worked on, as per_session says" in life.said
            stops += 1
            continue
        in_a_commit = draw.random() < 0.5
        life = script.run(file=draw.randint(40, 120)) if in_a_commit else script.run(ticks=draw.randint(3, 10))
        if life.code == 0:
            break
        deaths += 1
    assert life.end is not None
    assert stops == 2

    done, begins, ends = set[str](), Counter[str](), Counter[str]()
    for line in (tmp_path / "log.txt").read_text().splitlines():
        what, *names = line.split()
        if what == "session":
            assert done <= set(names), "what was committed stays"
            done = set(names)
        elif what == "begins":
            assert not done.intersection(names)
            begins.update(names)
        else:
            ends.update(names)
    assert set(ends) == set(NAMES)
    assert sum(ends.values()) - len(NAMES) <= deaths, "done again is only what a death kept from being committed"
    (file,) = (tmp_path / ".colab_guard").glob("*/jobs/zoo-*.json")
    rows = {row["name"]: row for row in json.loads(file.read_text())}
    assert {name: row["state"] for name, row in rows.items()} == dict.fromkeys(NAMES, "done")
    assert all(rows[name]["tries"] >= begins[name] for name in NAMES)
    assert {name for name, row in rows.items() if row["failures"]} == set(TOO_LARGE)
