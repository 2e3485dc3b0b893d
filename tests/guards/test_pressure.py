"""What is asked for as the memory fills up, and how soon it is looked at again.

The figures come from a probe put at the seam, and the time from a clock: this shows the decisions. That a real kernel
is saved before a real kill shows tests/notebook/test_rescue.py.
"""

import os

import pytest

from colab_guard.core.config import configure
from colab_guard.core.errors import UsageError
from colab_guard.core.memory import Memory
from colab_guard.guards import pressure
from colab_guard.guards.pressure import Pressure

GB = 1_000_000_000


class Machine:
    """Memory of 100 GB, of which ``used`` are in use; what is asked of those who run on it."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(pressure.WATCH, "add", lambda name, look: None)
        monkeypatch.setattr(pressure.WATCH, "drop", lambda name: None)
        self.now, self.used, self.asked, self.told, self.late = 0.0, 10.0, 0, 0, 0.0
        self.pressure = Pressure(self.probe, lambda: self.now)

    def probe(self):
        self.now += self.late
        return Memory(100 * GB, int((100 - self.used) * GB))

    def ask(self):
        self.pressure.ask(self, self.act, self.tell)

    def act(self):
        self.asked += 1

    def tell(self):
        self.told += 1

    def look(self, used, after=10.0):
        """Looks; what is asked for."""
        self.used, self.now = used, self.now + after
        self.wait = self.pressure.look()
        return [kind for kind in ("rescue", "stop") if getattr(self.pressure, f"{kind}_wanted")]

    def notices(self):
        return [(notice.kind, round(100 * notice.memory.used_share)) for notice in self.pressure.notices()]


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


@pytest.fixture
def stop_at():
    yield lambda text: configure({"stop_at": text})
    configure({"stop_at": ""})


def test_one_warning_until_the_memory_is_free_again(machine):
    for used in (84, 86, 88, 84, 86):
        machine.look(used)
    assert machine.notices() == [("warning", 86)]
    for used in (60, 85):
        machine.look(used)
    assert machine.notices() == [("warning", 85)]
    assert machine.notices() == []


def test_who_can_be_asked_is_told_at_once(machine):
    machine.ask()
    machine.look(80)
    told = machine.told
    machine.look(86)
    machine.look(87)
    assert (machine.told, machine.asked) == (told + 1, 0)


def test_a_rescue_then_another_whenever_half_of_the_rest_is_gone(machine):
    machine.ask()
    assert machine.look(91) == []
    assert machine.look(92.1) == ["rescue"]
    machine.ask()  # it was taken, with 7.9 % free
    assert machine.look(93) == []
    assert machine.look(96) == []
    assert machine.look(96.1) == ["rescue"]
    machine.ask()
    assert machine.look(98) == []
    assert machine.look(98.1) == ["rescue"]
    assert [kind for kind, _ in machine.notices()] == ["warning", "rescue", "rescue"]


def test_it_is_asked_for_until_it_is_taken(machine):
    machine.ask()
    for _ in range(3):
        assert machine.look(93) == ["rescue"]
    assert machine.asked == 3
    other = []
    machine.pressure.ask("a loop of another thread", lambda: other.append(1), print)
    assert machine.look(93) == ["rescue"]
    assert (machine.asked, other) == (4, [1])
    machine.pressure.ask_no_more("a loop of another thread")
    assert machine.look(93) == ["rescue"]
    machine.pressure.ask_no_more(machine)
    assert machine.look(99) == []
    assert (machine.asked, other) == (5, [1])


def test_memory_that_comes_and_goes_brings_at_most_one_a_minute(machine):
    machine.ask()
    rescues = 0
    for _ in range(60):
        machine.look(50, after=1)
        if machine.look(93, after=1):
            rescues += 1
            machine.ask()
    assert 2 <= rescues <= 3


def test_the_next_rescue_after_a_quiet_minute_is_at_92_percent_again(machine):
    machine.ask()
    assert machine.look(98) == ["rescue"]
    machine.ask()
    assert machine.look(93) == []
    machine.look(50, after=61)
    assert machine.look(93) == ["rescue"]


def test_where_it_goes_fast_the_first_one_is_earlier(machine):
    machine.ask()
    machine.look(70)
    assert machine.look(82, after=1.0) == ["rescue"], "another 12 would leave little"
    assert machine.look(82, after=60.0) == [], "it went no further"


def test_a_rise_far_from_the_bound_asks_for_nothing(machine):
    machine.ask()
    machine.look(10)
    assert machine.look(79, after=1.0) == []


def test_it_is_looked_at_the_sooner_the_nearer_and_the_faster(machine):
    machine.look(50)
    idle = machine.wait
    machine.ask()
    waits = []
    for used in (50, 89, 91.9):
        machine.look(used, after=600)
        waits.append(machine.wait)
    assert idle > waits[0] > waits[1] >= waits[2] == pressure.RESTING_SECONDS
    machine.look(91.9, after=600)
    machine.look(91.95, after=0.01)
    assert machine.wait == pressure.SHORTEST_SECONDS


def test_where_a_look_may_come_too_late_who_runs_looks_itself(machine):
    """At 10 GB/s, 10 GB before a rescue is due: a look of 0.1 s comes in time, one of a second does not."""
    machine.ask()
    machine.look(60)
    machine.look(70, after=1)
    machine.told = 0
    assert not machine.pressure.near
    machine.late = 1.0
    machine.look(71, after=0.1)
    assert (machine.pressure.near, machine.told) == (True, 1), "whose flag is up from now on"
    machine.late = 0.0
    machine.look(71, after=0.1)
    assert machine.pressure.near, "it is not forgotten at once"
    machine.look(71, after=60)
    assert (machine.pressure.near, machine.told) == (False, 2)


def test_who_has_just_begun_looks_itself_until_its_speed_is_known(machine):
    machine.used = 91.9
    machine.ask()
    assert machine.pressure.near, "0.1 GB are gone within 25 ms"
    machine.used = 95.9
    machine.pressure.look_if_near()
    assert (machine.pressure.rescue_wanted, machine.asked) == (True, 1)
    machine.pressure.look_if_near()
    assert machine.asked == 1, "not again at once"
    machine.now += pressure.SHORTEST_SECONDS
    machine.pressure.look_if_near()
    assert machine.asked == 2
    machine.look(91.9, after=60)
    assert not machine.pressure.near
    machine.used, machine.now = 99, machine.now + 1
    machine.pressure.look_if_near()
    assert machine.asked == 2, "the thread that watches looks"


def test_stop_at(machine, stop_at):
    stop_at("97%")
    machine.ask()
    assert machine.look(96) == ["rescue"]
    machine.ask()
    assert machine.look(97) == ["stop"]


@pytest.mark.parametrize("text", ["97", "0.97", "100%", "20%", "much"])
def test_what_is_no_share_is_refused_by_name(stop_at, text):
    with pytest.raises(UsageError, match=r"stop_at=.*97%"):
        stop_at(text)


def test_where_the_system_does_not_tell_nothing_is_asked_for(machine, monkeypatch):
    silent = Pressure(lambda: None, lambda: machine.now)
    silent.ask(machine, machine.act, machine.tell)
    assert silent.look() == pressure.IDLE_SECONDS
    assert (machine.asked, silent.near) == (0, False)


def test_a_forked_child_waits_for_no_lock_of_its_parent(machine):
    with machine.pressure._lock:
        child = os.fork()
        if not child:
            machine.pressure.ask(machine, machine.act, machine.tell)
            machine.pressure.look()
            machine.pressure.ask_no_more(machine)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
