"""What the panel says of a sweep: a line for each item, those that count where there are many."""

import gc

import colab_guard as cg
from colab_guard.sweeps.around import Around
from colab_guard.sweeps.sweep import Jobs
from colab_guard.ui.jobs import jobs


def rows():
    return {row[0]: row[1:] for row in jobs(runs=True)["rows"]}


def test_each_item_with_what_came_of_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Jobs, "around", Around(lambda: 0.0))
    sweep = cg.jobs("abcd", name="zoo", store=tmp_path / "store", on_error="continue")
    for item in sweep:
        with sweep:
            if item == "b":
                raise ValueError("no such layer: " + "x" * 200)
            if item == "c":
                shown, stopped = jobs(runs=True), jobs(runs=False)
                break
            sweep.report(accuracy=0.91234567, layers=3)
    assert (shown["name"], shown["text"]) == ("zoo", "1 of 4 done, 1 failed (b)")
    assert [row[0] for row in shown["rows"]] == list("abcd")
    a, b, c, d = (row[1:] for row in shown["rows"])
    assert a == ["accuracy 0.9123 · layers 3", "0 s", ""]
    assert b[0].startswith("ValueError: no such layer: x")
    assert b[0].endswith("x…")
    assert b[1:] == ["0 s", "bad"]
    assert (c, d) == (["running", "", ""], ["waiting", "", ""])
    assert [row[1] for row in stopped["rows"][2:]] == ["stopped", "waiting"]
    del sweep
    gc.collect()
    assert jobs(runs=True) is None


def test_of_many_those_around_the_one_under_way(tmp_path, capsys):
    sweep = cg.jobs(range(100), name="many", store=tmp_path / "store")
    for item in sweep:
        if item == 10:
            assert list(rows()) == [str(number) for number in range(40)]
        if item == 60:
            assert list(rows()) == [str(number) for number in range(24, 64)]
            assert rows()["60"][0] == "running"
            break
    del sweep, item


def test_a_second_try_is_said(tmp_path, capsys):
    sweep = cg.jobs("a", name="again", store=tmp_path / "store", on_error="retry")
    for _ in sweep:
        with sweep:
            if sweep.rows[0].failures < 2:
                raise OSError("busy")
    assert rows()["a"][0] == "3 tries"
