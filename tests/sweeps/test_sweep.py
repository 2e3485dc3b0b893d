"""Outside of guarded cells: each item is done once, what fails is recorded, and the table is what the store has.

A session that ends is a sweep that is let go of: what another process would find is in the store, and nowhere else.
Clocks, rests and limits are given, where the test is about them.
"""

import csv
import gc
import json
import math
import pickle
import re
import shutil
import weakref
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import colab_guard as cg
from colab_guard.capture.tally import tally
from colab_guard.core.errors import LostValue, UntrustedSnapshot, UsageError
from colab_guard.guards.lifetime import Lifetime
from colab_guard.store.repository import Repository
from colab_guard.sweeps.around import Around
from colab_guard.sweeps.latest import latest
from colab_guard.sweeps.sweep import Jobs
from colab_guard.sweeps.table import Row
from colab_guard.tiers import opening
from colab_guard.views import history_of

TOKEN = "hf_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """Makes a sweep; ``files`` are in its store."""
    monkeypatch.chdir(tmp_path)

    def make(items="abcd", **options):
        return cg.jobs(items, name="zoo", store=tmp_path / "store", **options)

    return make


@pytest.fixture
def said(capsys):
    def read():
        return [line.removeprefix("colab_guard: ") for line in capsys.readouterr().err.splitlines()]

    return read


@pytest.fixture
def time(monkeypatch):
    """A clock that only rests and works move on."""

    class Time:
        now, limit = 0.0, None

        def __init__(self):
            self.rests = []

        def rest(self, seconds):
            self.rests.append(seconds)
            self.now += seconds

        def life(self):
            return Lifetime(self.now, self.limit, "as it is said here")

    time = Time()
    monkeypatch.setattr(Jobs, "around", Around(lambda: time.now, time.rest, time.life))
    return time


def states(sweep):
    return {row.name: (row.state, row.tries) for row in sweep.rows}


def cut_off(sweep, count=1):
    """The session ends in the middle of an item."""
    given = iter(sweep)
    return [next(given) for _ in range(count)][-1]


def files(tmp_path, ending):
    return [path.read_text() for path in (tmp_path / "store" / "jobs").glob(f"*.{ending}")]


# -- once ---------------------------------------------------------------------------------------------------


def test_what_is_done_is_not_given_again_and_new_items_are(zoo, said):
    assert list(zoo("ab")) == ["a", "b"]
    assert list(zoo("ab")) == []
    assert list(zoo("cba")) == ["c"]
    sweep = zoo("b")
    assert states(sweep) == {"b": ("done", 1), "a": ("done", 1), "c": ("done", 1)}, "no row is ever lost"
    assert list(sweep) == []
    assert "zoo begins: 2 of 3 done. It goes on with 'c'." in " ".join(said())


def test_fresh_starts_over_and_says_so(zoo, said):
    list(zoo())
    assert list(zoo(fresh=True)) == list("abcd")
    assert "afresh. Take fresh=True out again" in " ".join(said())


def test_an_item_in_whose_middle_a_session_ends_begins_anew(zoo):
    assert cut_off(zoo(), 2) == "b"
    sweep = zoo()
    assert list(sweep) == list("bcd")
    assert states(sweep)["b"] == ("done", 2)


def test_one_in_which_two_sessions_ended_comes_after_all_others(zoo):
    cut_off(zoo())
    cut_off(zoo())
    assert list(zoo()) == list("bcda")


def test_a_loop_left_by_break_begins_that_item_anew_in_the_same_sweep_too(zoo):
    sweep = zoo()
    for name in sweep:
        if name == "b":
            break
    assert list(sweep) == list("bcd")
    assert states(sweep)["b"] == ("done", 2)


def test_with_a_body_that_ends_is_committed_at_once(zoo):
    sweep = zoo()
    for _ in sweep:
        with sweep:
            pass
        break
    assert states(zoo())["a"] == ("done", 1)


def test_what_an_item_held_is_let_go_of_when_it_is_done(zoo):
    class Config:
        def __repr__(self):
            return "config"

    sweep = zoo(iter([Config()]))
    gone = []
    for config in sweep:
        gone.append(weakref.ref(config))
        del config
    assert gone[0]() is None


# -- errors -------------------------------------------------------------------------------------------------


def work(sweep, fails=(), error=RuntimeError):
    """Goes through a sweep; what was given."""
    given = []
    for name in sweep:
        with sweep:
            given.append(name)
            if name in fails:
                raise error(f"no room for {name}\nsecond line")
    return given


def test_continue_records_the_error_and_passes_over_in_later_sessions_too(zoo, said):
    assert work(zoo(on_error="continue"), "b") == list("abcd")
    row = zoo().rows[1]
    assert (row.state, row.error) == ("failed", "RuntimeError: no room for b")
    assert 'raise error(f"no room for {name}\\nsecond line")' in row.traceback
    assert work(zoo(on_error="continue")) == []
    lines = said()
    assert "b failed (RuntimeError: no room for b); it is passed over." in lines
    assert any("zoo is over: 3 of 4 done, 1 failed (b)." in line for line in lines)


def test_retry_gives_the_same_item_three_times_in_all(zoo, said):
    assert work(zoo(on_error="retry"), "b") == list("abbbcd")
    assert states(zoo())["b"] == ("failed", 3)
    assert said().count("b failed (RuntimeError: no room for b); it is tried again.") == 2


def test_what_failed_is_tried_again_where_a_later_session_asks_for_that(zoo):
    work(zoo(on_error="continue"), "bc")
    assert work(zoo(on_error="retry"), "b") == list("bbc")
    assert work(zoo()) == ["b"]
    sweep = zoo()
    assert [row.state for row in sweep.rows] == ["done"] * 4
    assert sweep.rows[1].error == ""


def test_raise_records_the_error_and_raises_it(zoo):
    with pytest.raises(RuntimeError, match="no room for b"):
        work(zoo(), "b")
    assert states(zoo()) == {"a": ("done", 1), "b": ("failed", 1), "c": ("waiting", 0), "d": ("waiting", 0)}
    assert work(zoo()) == list("bcd")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, LostValue])
def test_an_interrupt_an_exit_and_our_own_errors_are_no_failure_of_the_item(zoo, error):
    with pytest.raises(error):
        work(zoo(on_error="continue"), "b", error)
    assert states(zoo())["b"] == ("waiting", 1)
    assert work(zoo(on_error="continue")) == list("bcd")


def test_the_frames_of_an_error_are_let_go_of_before_the_next_item_begins(zoo):
    gone, seen = [], []

    def train():
        batch = torch.zeros(9)
        gone.append(weakref.ref(batch))
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        except RuntimeError as error:
            kept = error  # a cycle, as many libraries make them
            kept.add_note("9 values")
            raise

    sweep = zoo("ab", on_error="continue")
    gc.collect()
    gc.disable()
    try:
        for _ in sweep:
            seen.append([one() for one in gone])
            with sweep:
                train()
    finally:
        gc.enable()
    assert seen == [[], [None]]


def test_an_error_outside_of_with_ends_the_loop_and_it_is_said_that_with_is_needed(zoo, said):
    def without_it():
        for name in zoo(on_error="continue"):
            if name == "c":
                raise RuntimeError

    with pytest.raises(RuntimeError):
        without_it()
    assert sum("needs `with sweep:` around the body" in line for line in said()) == 1
    assert states(zoo())["c"] == ("waiting", 1)


def test_an_item_that_is_tried_again_is_one_of_those_that_a_session_works_on(zoo, said):
    sweep, given = zoo(per_session=2, on_error="retry"), []
    for name in sweep:
        with sweep:
            given.append(name)
            if name == "a":
                raise ValueError(name)
    assert given == ["a", "a", "a", "b"]
    assert any("zoo stops here: 2 items were worked on" in line for line in said())
    again = zoo(per_session=1, on_error="retry")
    assert list(again) == ["c"]
    assert any("1 item was worked on" in line for line in said())


def test_items_that_were_taken_out_of_the_list_are_kept_and_not_counted(zoo):
    list(zoo("abc"))
    sweep = zoo("cde")
    assert sweep.summary == "1 of 3 done"
    assert [row.name for row in sweep.rows] == ["c", "d", "e", "a", "b"]
    assert list(sweep) == ["d", "e"]


# -- when it stops ------------------------------------------------------------------------------------------


def test_per_session_stops_and_the_next_run_goes_on(zoo, said):
    first, second = zoo(per_session=3), zoo(per_session=3)
    assert list(first) == list("abc")
    assert first.left == ["d"]
    assert (
        "zoo stops here: 3 items were worked on, as per_session says. 3 of 4 done. Run this again in a new "
        "session: it goes on with 'd'." in said()
    )
    assert list(zoo(per_session=3)) == ["d"]
    del second


def test_an_item_that_would_not_end_before_the_runtime_does_is_not_begun(zoo, time, said):
    time.limit = 94.0
    sweep, given = zoo(cool_down="5s"), []
    for name in sweep:
        given.append(name)
        time.now += {"a": 20, "b": 30}.get(name, 0)
    assert given == ["a", "b", "c"], "30 s fit into the 34 s that are left, but not with 5 s of rest"
    assert (
        "zoo stops here: 34 s are left of this session (as it is said here), and the longest item so far took 30 s. 3 "
        "of 4 done. Run this again in a new session: it goes on with 'd'." in said()
    )
    time.now = 65.0
    assert list(zoo()) == []
    time.limit = None
    assert list(sweep) == ["d"], "the same loop may be begun again"


def test_the_first_item_begins_whatever_is_left(zoo, time):
    time.limit, given = 0.0, []
    for name in zoo():
        given.append(name)
        time.now += 1
    assert given == ["a"]


def test_it_rests_between_two_items_only(zoo, time):
    assert list(zoo("abc", cool_down="30s")) == list("abc")
    assert sum(time.rests) == pytest.approx(60)


def test_memory_is_freed_between_items_where_that_is_asked_for(zoo, monkeypatch):
    freed = []
    monkeypatch.setattr(cg, "free_gpu_memory", lambda: freed.append(None))
    work(zoo(clear_gpu=True, on_error="continue"), "b")
    assert freed == [None] * 4
    list(zoo("xyz"))
    assert freed == [None] * 4


def test_garbage_of_a_long_item_is_collected(zoo, time):
    class Node:
        pass

    node = Node()
    node.self, gone = node, weakref.ref(node)
    gc.disable()
    try:
        for _ in zoo("a"):
            del node
            time.now += 2
        assert gone() is None
    finally:
        gc.enable()


def test_seconds_are_those_of_all_sessions_and_a_pause_makes_them_unknown(zoo, time, monkeypatch):
    sweep = zoo("ab")
    given = iter(sweep)
    next(given)
    time.now += 10
    whole = pickle.dumps((sweep, given))
    time.now += 1000
    sweep, given = pickle.loads(whole)
    time.now += 5
    assert next(given) == "b"
    assert sweep.rows[0].seconds == 15
    time.now += 1
    monkeypatch.setattr("colab_guard.sweeps.sweep._run_number", lambda: 7)  # as if a cell had been paused since
    assert list(given) == []
    assert sweep.rows[1].seconds is None


# -- the table ----------------------------------------------------------------------------------------------


def test_numbers_and_texts_are_reported_and_read_back_by_a_later_session(zoo):
    sweep = zoo("a")
    for _ in sweep:
        sweep.report(loss=1.0, epochs=3)
        sweep.report(
            loss=np.float32(0.5), top=torch.tensor(0.25), size=np.array([7]), how="adam", ok=True, bad=math.nan
        )
    (row,) = zoo("a").rows
    assert isinstance(row, Row)
    assert math.isnan(row.metrics["bad"])
    others = {name: value for name, value in row.metrics.items() if name != "bad"}
    assert others == {"loss": 0.5, "epochs": 3, "top": 0.25, "size": 7, "how": "adam", "ok": True}


@pytest.mark.parametrize(
    ("metrics", "why"),
    [({"losses": [1, 2]}, "losses is a list"), ({"w": torch.zeros(2)}, "w is a Tensor"), ({"state": 1}, "column")],
)
def test_what_no_table_can_hold_is_refused(zoo, metrics, why):
    sweep = zoo()
    cut_off(sweep)
    with pytest.raises(UsageError, match=why):
        sweep.report(**metrics)


def test_the_files_and_the_data_frame_say_what_the_rows_say(zoo, tmp_path, time):
    sweep = zoo("ab", on_error="continue")
    for name in sweep:
        with sweep:
            time.now += 3
            sweep.report(loss=math.inf if name == "b" else 0.5)
            if name == "b":
                raise ValueError("odd, and <tagged>")
    (text,) = files(tmp_path, "csv")
    rows = [*csv.DictReader(text.splitlines())]
    assert rows == [
        {"name": "a", "state": "done", "tries": "1", "seconds": "3.0", "loss": "0.5", "error": ""},
        {"name": "b", "state": "failed", "tries": "1", "seconds": "3.0", "loss": "inf",
         "error": "ValueError: odd, and <tagged>"},
    ]  # fmt: skip
    assert sweep.table.astype(str).to_dict("records") == rows
    (text,) = files(tmp_path, "json")
    assert [row["metrics"]["loss"] for row in json.loads(text)] == [0.5, "inf"]
    assert "ValueError" in json.loads(text)[1]["traceback"]
    (svg,) = files(tmp_path, "svg")
    assert svg == sweep.plot()._repr_svg_()
    assert svg.count("<rect") == 4, "the ground, two for seconds, one for the finite loss"
    assert "b     failed  1      3.0      inf   ValueError: odd" in str(sweep)
    assert repr(sweep) == "<zoo: 1 of 2 done, 1 failed (b)>"


def test_of_the_files_only_the_newest_are_there_and_those_of_other_sweeps(zoo, tmp_path):
    folder = tmp_path / "store" / "jobs"
    folder.mkdir(parents=True)
    for name in ("zoo-1.csv", "zoo-2.csv.0123abcd.tmp", "zoo-two-1.csv", "notes.txt"):
        (folder / name).touch()
    list(zoo())
    names = {path.name for path in folder.iterdir()}
    assert {"zoo-two-1.csv", "notes.txt"} < names
    assert [name.partition(".")[2] for name in sorted(names) if re.match(r"zoo-\d", name)] == ["csv", "json", "svg"]


def test_results_zip_holds_the_files_and_overwrites_nothing_else(zoo, tmp_path):
    sweep = zoo("a")
    list(sweep)
    for _ in range(2):
        with zipfile.ZipFile(sweep.zip()) as archive:
            assert archive.namelist() == ["zoo.csv", "zoo.json", "zoo.svg"]
    assert [path.name for path in tmp_path.glob("*.zip")] == ["results.zip"]
    with pytest.raises(UsageError, match="nothing is overwritten"):
        sweep.zip("results.zip")


def test_no_secret_is_written(zoo, tmp_path):
    sweep = zoo([{"token": TOKEN}], on_error="continue")
    for _ in sweep:
        with sweep:
            sweep.report(key=TOKEN)
            raise RuntimeError(f"refused: {TOKEN}")
    written = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert b"refused" in written
    assert TOKEN.encode() not in written


def test_how_far_a_loop_is_can_be_told(zoo):
    given = iter(zoo())
    assert tally(given) == (0, 4)
    next(given)
    assert tally(given) == (1, 3)


# -- the store ----------------------------------------------------------------------------------------------


def test_a_store_that_fails_is_said_once_and_what_it_missed_comes_with_the_next_item(zoo, tmp_path, said):
    store, away, lines = tmp_path / "store", tmp_path / "away", []
    for name in zoo():
        if name == "b":
            lines += said()
            store.rename(away)
            store.touch()
        if name == "d":
            lines += said()
            store.unlink()
            away.rename(store)
    assert sum("no snapshot could be taken" in line for line in lines) == 1
    assert sum("The sweep goes on" in line for line in lines) >= 1
    assert list(zoo()) == []


def test_a_table_that_somebody_else_signed_is_refused_and_trusted_on_request(zoo, monkeypatch):
    list(zoo("ab"))
    monkeypatch.setenv("COLAB_GUARD_KEY", "51" * 32)
    with pytest.raises(UntrustedSnapshot):
        zoo("ab")
    assert list(zoo("abc", trust=True)) == ["c"]


def test_another_session_that_goes_through_the_same_sweep_is_named(zoo, monkeypatch, said):
    given = iter(zoo())
    next(given)
    with monkeypatch.context() as other:  # as another process would write
        other.setattr("colab_guard.sweeps.keeping.SESSION", "ffffffffffff")
        cut_off(zoo())
    next(given)
    assert sum("another session" in line for line in said()) == 1


def test_a_damaged_table_gives_way_to_the_one_before(zoo, tmp_path, said):
    list(zoo("ab"))
    newest = max((tmp_path / "store" / "snapshots").iterdir())
    newest.write_bytes(newest.read_bytes()[:-9])
    assert list(zoo("ab")) == ["b"]
    assert any("passed over" in line for line in said())


def test_a_snapshot_of_a_sweep_is_nothing_to_restore(zoo, tmp_path):
    list(zoo())
    newest = max((tmp_path / "store" / "snapshots").iterdir())
    with pytest.raises(UsageError, match="start its program again"):
        cg.restore(int(newest.name.partition("-")[0]), store=tmp_path / "store", yes=True)


def test_a_store_behind_a_url_has_the_files_too(tmp_path, monkeypatch):
    monkeypatch.setenv("COLAB_GUARD_LOCAL", str(tmp_path))
    from colab_guard.store.objects import Objects

    sweep = cg.jobs("ab", name="far", store="memory://sweeps")
    assert list(sweep) == ["a", "b"]
    assert [*cg.jobs("abc", name="far", store="memory://sweeps")] == ["c"]
    names = [entry.name for entry in Objects("memory://sweeps").list("jobs")]
    assert [Path(name).suffix for name in sorted(names)] == [".csv", ".json", ".svg"]


def test_on_drive_the_table_and_its_files_outlive_the_machine(drive, tmp_path, monkeypatch):
    monkeypatch.setenv("COLAB_GUARD_DRIVE", str(drive.mount))
    store = drive.my_drive / "notebook"
    for machine, items, given in (("one", "ab", ["a", "b"]), ("other", "abc", ["c"])):
        monkeypatch.setenv("COLAB_GUARD_LOCAL", str(tmp_path / machine))
        monkeypatch.setattr(opening, "_tiers", {})
        assert list(cg.jobs(items, name="zoo", store=store)) == given
        assert opening.finish(60)
        drive.wait_uploaded()
        drive.lose_vm()
        drive.remount()
    assert sorted(path.suffix for path in (store / "jobs").iterdir()) == [".csv", ".json", ".svg"]


# -- what makes no sense ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"name": None}, r"needs a name outside of a %%checkpointed cell: cg.jobs\(…, name=\"zoo\"\)"),
        ({"name": "a/b"}, "can't be a name"),
        ({"on_error": "ignore"}, "none of 'raise', 'continue', 'retry'"),
        ({"per_session": 0}, "per_session=0 is no number of items"),
        ({"per_session": "2"}, "per_session='2' is no number of items"),
        ({"cool_down": "3it"}, "cool_down='3it' is no time"),
        ({"cool_down": "auto"}, "cool_down='auto' is no time"),
        ({"cool_down": 30}, "cool_down=30 is no time"),
        ({"cool_down": "soon"}, "cool_down=soon is no interval"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, why):
    with pytest.raises(UsageError, match=why):
        cg.jobs("ab", **{"name": "zoo", "store": tmp_path / "store", **options})
    assert not (tmp_path / "store").exists()


def test_with_and_report_belong_into_the_loop(zoo):
    sweep = zoo()
    with pytest.raises(UsageError, match="belongs into its loop"), sweep:
        pass
    with pytest.raises(UsageError, match="no item is under way"):
        sweep.report(loss=1)


def test_a_store_that_was_deleted_begins_anew(zoo, tmp_path):
    list(zoo())
    shutil.rmtree(tmp_path / "store")
    assert list(zoo()) == list("abcd")


def test_the_history_says_how_far_a_sweep_was(zoo, tmp_path):
    cut_off(zoo(), 2)
    assert "1 of 4 done" in history_of(Repository.open(tmp_path / "store")).splitlines()[1]


def test_a_copy_that_is_read_beside_it_does_not_take_its_place_in_the_panel(zoo):
    sweep = zoo()
    next(iter(sweep))
    pickle.loads(pickle.dumps(sweep))
    assert latest() is sweep
