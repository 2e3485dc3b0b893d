"""A store that fails or holds damage: the cell says so, and an older snapshot is used."""

import json
import re

from tests.notebook.book import BOTH, printed, said

CELL = """%%checkpointed {} --every 1it
seen = []
for i in range(8):
    die(i == 6)
    seen.append(os.urandom(400))
len(seen), len(set(seen))"""

FAILURES = """
from colab_guard.saving.writer import WRITER
failed = []
def is_failing():
    return not WRITER.job.is_over or WRITER.job.error is not None
def failures():
    "How many snapshots could not be written so far."
    if WRITER.job.is_over and WRITER.job.error and WRITER.job not in failed:
        failed.append(WRITER.job)
    return len(failed)
"""


@BOTH
def test_a_store_that_can_not_be_made_is_told_with_what_to_do_and_the_cell_runs(new_book, tmp_path):
    (tmp_path / "file").touch()
    book = new_book(COLAB_GUARD_STORE=str(tmp_path / "file/store"))
    result = book.run("%%checkpointed nowhere --every 1it\nfor i in range(9): pass\nprint('RUNS')").check()
    assert printed(result) == ["RUNS"]
    _, message, last = said(result)
    assert last.endswith("After a death it begins anew. When that is mended, `%guard save` stores its variables.")
    assert f"{tmp_path}/file/store" in message
    assert "Not a directory" in message
    assert "--store" in message
    for view in ("status", "history", "verify"):
        result = book.run(f"%guard {view}")
        assert result.error is None or result.error.ename == "StoreUnavailable"
    elsewhere = book.run(f"%%checkpointed nowhere --store {tmp_path}/elsewhere\nfor i in range(3): print(i)").check()
    assert printed(elsewhere) == ["0", "1", "2"]


def test_a_full_store_is_told_once_the_cell_goes_on_and_snapshots_come_back(new_book, small_disk):
    book = new_book(COLAB_GUARD_STORE=str(small_disk))
    cell = """%%checkpointed full --every 1it
ballast = b""
for i in range(12):
    if i == 3: ballast = os.urandom(2_000_000)
    if i == 8: ballast = b""
    stop(i == 11)
i"""
    first = book.run(cell)
    assert first.error.ename == "RuntimeError"
    told = [line for line in said(first) if "No space left" in line]
    book.restart()
    assert len(told) == 1
    assert "The cell goes on" in told[0]
    result = book.run(cell).check()
    assert said(result)[0].startswith("full resumed at line 3 ")
    assert printed(result) == ["11"]


def test_a_store_that_fills_up_between_two_snapshots_by_the_clock(new_book, small_disk):
    """The writer's news are told at the next safe point, and those after it are quiet again."""
    book = new_book(COLAB_GUARD_STORE=str(small_disk))
    (book.folder / "watching.py").write_text(FAILURES)
    cell = """%%checkpointed timed --every 0.2s
import watching
ballast = os.urandom(2_000_000)
while watching.failures() < 3: time.sleep(0.01)
ballast = b""
while watching.is_failing(): time.sleep(0.01)
"""
    told = said(book.run(cell).check())
    assert sum("No space left" in line for line in told) == 1
    assert told[-1] == "snapshots are taken again."
    assert "end" in book.run("%guard history").text


def test_a_store_full_from_the_first_snapshot_on(new_book, small_disk):
    book = new_book(COLAB_GUARD_STORE=str(small_disk))
    cell = "%%checkpointed full --every 1it\nfor i in range(3): ballast = len(big)\nbig = b''\nballast"
    book.run("big = os.urandom(2_000_000)").check()
    result = book.run(cell).check()
    assert printed(result) == ["2000000"]
    assert sum("No space left" in line for line in said(result)) == 1
    assert "end" in book.run("%guard history").text


@BOTH
def test_a_flipped_byte_and_a_truncated_pack_are_told_and_an_older_snapshot_is_used(new_book):
    book = new_book()
    book.dies_in(CELL.format("damage"))
    newest, second, _ = sorted((book.store / "packs").iterdir(), key=lambda p: p.stat().st_mtime_ns, reverse=True)[:3]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    second.write_bytes(second.read_bytes()[:100])
    verified = book.run("%guard verify").check().text
    assert newest.name in verified
    assert second.name in verified
    assert "truncated" in verified
    result = book.run(CELL.format("damage")).check()
    told = said(result)
    assert [line.partition(":")[0] for line in told[:2]] == ["passed over"] * 2
    assert newest.name in told[0]
    assert second.name in told[1]
    assert told[2].startswith("damage resumed at line 3 ")
    assert printed(result) == ["(8, 8)"]
    assert "every byte is what was written" in book.run("%guard verify").check().text


def test_a_missing_pack_and_a_manifest_of_a_newer_format_are_told_by_name(new_book):
    book = new_book()
    book.dies_in(CELL.format("newer"))
    newest, second, _ = sorted((book.store / "snapshots").iterdir(), reverse=True)[:3]
    pack = json.loads(second.read_text())["blobs"][0]["pack"]
    (book.store / f"packs/{pack}.pack").unlink()
    newest.write_text(json.dumps({**json.loads(newest.read_text()), "format": 7}))
    assert "has format 7" in book.run("%guard verify").check().text
    assert "has format 7" in book.run("%guard history").check().text
    result = book.run(CELL.format("newer")).check()
    told = said(result)
    assert re.search(rf"{newest.name} has format 7.*%pip install -U colab-guard", told[0])
    assert f"{pack}.pack is missing" in told[1]
    assert told[2].startswith("newer resumed at line 3 ")
    assert printed(result) == ["(8, 8)"]


def test_a_repository_of_a_newer_format_is_refused_and_left_alone(new_book):
    book = new_book()
    book.dies_in(CELL.format("later"))
    config = book.store / "config.json"
    sound = config.read_text()
    config.write_text(json.dumps({"format": 9}))
    before = sorted(book.store.rglob("*"))
    kind, message = book.refusal(CELL.format("later"))
    assert kind == "UnknownFormat"
    assert "format 9" in message
    assert "%pip install -U colab-guard" in message
    assert sorted(book.store.rglob("*")) == before
    config.write_text(sound)
    assert "resumed" in said(book.run(CELL.format("later")).check())[0]


def test_a_store_that_is_deleted_while_the_cell_runs_is_told_of_and_made_again(new_book):
    book = new_book()
    cell = f"""%%checkpointed deleted --every 1it
import shutil
import numpy as np
from colab_guard.saving.writer import WRITER
weights = np.arange(100_000)
for i in range(6):
    if i == 3 and WRITER.finish(60): shutil.rmtree({str(book.store)!r})  # nothing is written into it meanwhile
    die(i == 5)
i, int(weights.sum())"""
    book.dies_in(cell)
    result = book.run(cell).check()
    assert said(result)[0].startswith("deleted resumed at line ")
    assert printed(result) == ["(5, 4999950000)"]


def test_a_store_that_is_full_at_the_end_is_told_then_too(new_book, small_disk):
    book = new_book(COLAB_GUARD_STORE=str(small_disk / "store"))
    cell = """%%checkpointed filling --every 1it
import os
for i in range(6):
    if i == 3: noise = os.urandom(2_000_000)
i"""
    result = book.run(cell).check()
    assert printed(result) == ["5"]
    *_, told, last = said(result)
    assert "no snapshot could be taken: " in told
    assert "No space left" in told
    assert last.startswith(f"the end of filling is in memory only: {small_disk}/store: no snapshot of 'filling' was ")
    assert "After a death it goes on from the snapshot of " in last
    assert "nothing since is saved:" in book.run("%guard status").check().text
    assert "what filling did since its newest snapshot (" in book.run("%guard release").error.evalue
    book.run("del noise\n%guard save").check()
