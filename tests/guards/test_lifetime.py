"""How long the runtime lives, and whether the running cell fits into that; ages and hosts are put in at the seam."""

import itertools

import pytest

from colab_guard.core.config import configure
from colab_guard.core.errors import UsageError
from colab_guard.flight import deadlines
from colab_guard.flight.deadlines import Deadlines, cut_off_after
from colab_guard.flight.reading import Flight
from colab_guard.guards import lifetime as module
from colab_guard.guards.lifetime import HOUR, Fit, Lifetime, fit, learn, lifetime

CELL = {"name": "train", "since": 0.0, "loops": [["epoch", 11, 50], ["batch", 3, 10]], "eta": 8 * HOUR}


@pytest.fixture
def on(monkeypatch):
    """The machine's age, on Colab."""

    def set_to(hours):
        monkeypatch.setattr(module, "on_colab", lambda: True)
        monkeypatch.setattr(module, "uptime", lambda: hours * HOUR)

    yield set_to
    configure({"limit": ""})


def test_what_the_user_set_goes_first_and_colab_has_a_limit_that_nobody_promised(on):
    assert (lifetime().limit, lifetime().left) == (None, None), "this is no hosted machine"
    on(3)
    assert lifetime() == Lifetime(3 * HOUR, 12 * HOUR, "the most that the free tier gives, and it may be less")
    on(13)
    assert lifetime().limit == 24 * HOUR, "so it is not the free tier's"
    configure({"limit": "20h"})
    assert lifetime() == Lifetime(13 * HOUR, 20 * HOUR, "from %guard config")
    on(21)
    assert lifetime().left == 0


def test_an_age_at_which_two_earlier_runtimes_ended_is_a_limit(on, monkeypatch):
    monkeypatch.setattr(module, "_ended", [])
    on(3)
    learn([2 * HOUR, 9.1 * HOUR, 5 * HOUR, 9 * HOUR])
    assert lifetime() == Lifetime(3 * HOUR, 9.1 * HOUR, "as two earlier ones ended")
    on(9.2)
    assert lifetime().limit == 12 * HOUR, "this one outlived it"
    learn([2 * HOUR, 5 * HOUR, 9 * HOUR])
    on(1)
    assert lifetime().limit == 12 * HOUR, "each may have died of anything"


def test_a_cell_that_does_not_fit_is_cut_off_somewhere():
    """40 of 50 epochs need 8 h; in 4 h there are 20 of them."""
    found = fit(CELL, Lifetime(8 * HOUR, 12 * HOUR, ""))
    assert found == Fit("train", 8 * HOUR, 4 * HOUR, "epoch 31/50")
    assert fit(CELL, Lifetime(12 * HOUR, 12 * HOUR, "")).place == "epoch 11/50"
    assert fit(CELL, Lifetime(3 * HOUR, 12 * HOUR, "")) == Fit("train", 8 * HOUR, 9 * HOUR, "")


@pytest.mark.parametrize(
    "cell", [None, {}, {"name": "a"}, {**CELL, "eta": None}, {**CELL, "loops": []}, {**CELL, "loops": [["i", 1, None]]}]
)
def test_where_no_end_is_known_nothing_is_claimed(cell):
    assert fit(cell, Lifetime(8 * HOUR, 12 * HOUR, "")) is None


def test_where_there_is_no_limit_nothing_is_claimed():
    assert fit(CELL, Lifetime(8 * HOUR, None, "")) is None


def test_one_warning_a_cell_once_its_pace_is_known():
    beat = {"t": 60.0, "cell": CELL}
    looked = Deadlines(lambda: beat, lambda: Lifetime(8 * HOUR, 12 * HOUR, ""))
    looked.look()
    assert looked.notices() == [], "it has just begun"
    beat["t"] = 600.0
    assert looked.look() == deadlines.LOOK_SECONDS
    looked.look()
    assert [late.place for late in looked.notices()] == ["epoch 31/50"]
    beat["cell"] = {**CELL, "since": 300.0}
    looked.look()
    assert len(looked.notices()) == 1, "it was begun again"
    beat["cell"] = None
    looked.look()
    assert looked.notices() == []


def test_a_cell_that_nearly_fits_is_left_alone():
    beat = {"t": 600.0, "cell": {**CELL, "eta": 4.2 * HOUR}}
    looked = Deadlines(lambda: beat, lambda: Lifetime(8 * HOUR, 12 * HOUR, ""))
    looked.look()
    assert looked.notices() == []


def test_a_limit_in_the_environment_that_is_none_is_named_and_ends_no_looking(monkeypatch):
    monkeypatch.setenv("COLAB_GUARD_LIMIT", "12")
    with pytest.raises(UsageError, match=r"limit=12 is no duration.*variable COLAB_GUARD_LIMIT"):
        lifetime()
    assert Deadlines(dict, lifetime).look() == deadlines.LOOK_SECONDS


def test_before_the_first_beat_nothing_is_known():
    known = Deadlines(dict, lifetime)
    assert known.look() == deadlines.LOOK_SECONDS
    assert known.notices() == []


def test_what_the_limit_turned_out_to_be():
    machines = itertools.count()

    def flight(hours, machine=None, host="colab", end=None, cell=CELL, ram=(1, 10), **event):
        lines = [{"kind": "beat", "t": 1.0, "up": hours * HOUR, "cell": cell, "ram": list(ram)}]
        lines += [{"kind": "event", "what": end, "t": 1.0, **event}] if end else []
        return Flight("s", {"machine": machine or str(next(machines)), "host": host, "boot": "b"}, lines)

    told = [
        flight(9),
        flight(4, end="released"),
        flight(8, machine="this"),
        flight(0.1),
        flight(7, host="jupyter"),
        flight(2, cell=None),
        flight(3, ram=(19, 20)),  # as good as killed for memory
        flight(6, end="crash", text="Fatal Python error: Aborted"),
        flight(5, machine="twice"),
        flight(1, machine="twice"),  # whose machine went on
        Flight("s", {}, []),
    ]
    assert cut_off_after([*told, flight(11.9)], "this") == [9 * HOUR, 5 * HOUR, 11.9 * HOUR]
