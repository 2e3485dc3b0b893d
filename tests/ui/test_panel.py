"""A panel over a long time, by a clock that is set, with stand-ins for the page and the notebook: they only count.

What a real page and a real kernel make of it is in tests/notebook and tests/browser.
"""

import gc
import json
import re
import sys

import pytest

from colab_guard.session import Session
from colab_guard.ui.abilities import Abilities, End
from colab_guard.ui.panel import Panel
from colab_guard.ui.readings import Readings
from colab_guard.ui.telling import html_of, text_of

GB = 10**9


class Clock:
    def __init__(self):
        self.now = 1_795_000_000.0

    def __call__(self):
        return self.now


class Shown:
    def __init__(self):
        self.count, self.last, self.longest = 0, {}, 0

    def tell(self, state):
        self.count += 1
        self.last = state
        self.longest = max(self.longest, len(json.dumps(state)))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def panel(tmp_path, clock):
    """A panel that is shown, of a session on a store that is empty."""
    session = Session({}, print, str(tmp_path / "store"), clock=clock)
    able = Abilities(
        hears=True, waits=lambda: False, pump=lambda: None, soon=lambda: None, mount=lambda: None,
        arm=str, channels=lambda: [{"name": "page", "state": "ok", "text": "", "at": clock.now}],
    )  # fmt: skip

    def beat():
        at = clock.now // 10 * 10
        return {"t": at, "ram": [at % 7 * GB, 12 * GB], "disk": [4 * GB, 100 * GB], "gpu": [[GB, 15 * GB, 0.5]]}

    made = Panel(session, able, Readings(beat), "kernel", clock=clock)
    made.shown, made.hurry = Shown(), lambda: None  # no look but the test's own
    return made


def seconds(panel, clock, count, seen=True):
    """So many seconds pass, with all that happens in a session; a look every third second."""
    for second in range(0, count, 3):
        clock.now += 3
        if seen and second % 30 == 0:
            panel.heard({"do": "view", "view": "one", "arg": True})
        if second % 60 == 0:
            panel.began(f"cell [{second}]")
            panel.heard({"do": "free-gpu", "press": f"{clock.now}"})
        if second % 60 == 51:
            panel.ended()
            panel.act()
        panel.look()


def test_twelve_hours_grow_nothing(panel, clock):
    seconds(panel, clock, 1800)
    gc.collect()
    blocks, sent, longest = sys.getallocatedblocks(), panel.shown.count, panel.shown.longest
    seconds(panel, clock, 12 * 3600)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 500
    assert panel.shown.count - sent <= 12 * 3600 / 3
    assert panel.shown.longest <= longest + 20, "a state is as long after twelve hours as after one"
    assert len(panel.shown.last["ram"]["spark"]) == 60


def test_a_view_that_went_away_without_a_word_is_sent_nothing_more(panel, clock):
    seconds(panel, clock, 30)
    count = panel.shown.count
    seconds(panel, clock, 30 + 90, seen=False)
    gone = panel.shown.count
    assert gone > count
    panel.session.clock = clock
    for _ in range(300):
        clock.now += 1
        panel.look()
    assert panel.shown.count == gone


def idle(panel, clock, count):
    """So many seconds in which nothing runs but the recorder; a look every tenth, and a view's sign every thirtieth
    where it is to give one. How many states were sent.
    """
    before = panel.shown.count
    for second in range(0, count, 10):
        clock.now += 10
        if second % 30 == 0 and not panel.shown.last.get("quiet"):
            panel.heard({"do": "view", "view": "one", "arg": True})
        panel.look()
    return panel.shown.count - before


def test_an_idle_kernel_says_nothing_more_until_something_happens(panel, clock):
    """For a server ends idle kernels, and takes a message for activity: an open page must not keep one alive."""
    assert idle(panel, clock, 290) == 29
    assert not panel.shown.last["quiet"]
    assert idle(panel, clock, 60) == 3
    assert panel.shown.last["quiet"]
    assert "not asked" in panel.shown.last["channels"][0]["text"]
    assert idle(panel, clock, 12 * 3600) == 0
    panel.log = {"at": clock.now, "text": "snapshots reach Drive again"}
    assert idle(panel, clock, 20) == 2
    assert not panel.shown.last["quiet"]


def test_a_cell_ends_the_quiet_and_asks_the_views_to_give_signs_again(panel, clock):
    idle(panel, clock, 3600)
    panel.began("cell [5]")
    count = panel.shown.count
    for _ in range(300):
        clock.now += 1
        panel.look()
    assert 85 <= panel.shown.count - count <= 95, "90 s, for the view gave no sign"


def test_who_looks_at_a_quiet_panel_is_shown_what_holds_now(panel, clock):
    idle(panel, clock, 3600)
    panel.heard({"do": "view", "view": "one", "arg": False})
    panel.heard({"do": "view", "view": "one", "arg": True})
    panel.look()
    assert panel.shown.last["now"] == round(clock.now, 2)
    assert not panel.shown.last["quiet"]
    assert idle(panel, clock, 290) == 29


def test_views_that_may_be_there_are_sent_a_state_every_half_minute(panel, clock):
    """Their signs wait behind a cell that lets no message through."""
    seconds(panel, clock, 5)
    panel.able.waits = lambda: True
    seconds(panel, clock, 120, seen=False)
    panel.began("cell [1]")
    count = panel.shown.count
    for _ in range(600):
        clock.now += 1
        panel.look()
    assert 19 <= panel.shown.count - count <= 21


def test_what_the_page_makes_up_is_passed_over(panel, clock):
    for nonsense in (
        {}, {"do": "save"}, {"do": "save", "press": 5}, {"do": ["save"], "press": "a"}, {"do": "rm", "press": "a"},
        {"do": "view", "view": "x" * 10**6, "arg": {}}, {"do": None, "press": "a", "arg": 1},
    ):  # fmt: skip
        panel.heard(nonsense)
    assert panel.presses.waiting() == []
    for number in range(1000):
        panel.heard({"do": "view", "view": str(number), "arg": True})
    assert len(panel._sending.views) == 32


def test_why_the_snapshots_can_not_be_listed_is_said_once_and_an_empty_store_is_no_trouble(panel, clock, tmp_path):
    panel.timeline.refresh().join()
    panel.look()
    assert panel.log is None
    (tmp_path / "a file").touch()
    panel.session.store = str(tmp_path / "a file")
    panel.timeline.refresh().join()
    panel.look()
    assert panel.log["text"].startswith("the snapshots can't be listed: ")
    panel.log = None
    panel.look()
    assert panel.log is None


def test_an_event_that_is_heard_of_late_hides_no_newer_one(panel, clock):
    panel.note("no browser is there any more")
    panel.note("saved `train`", clock.now - 1)
    assert panel.log["text"] == "no browser is there any more"
    panel.note("saved `train`", clock.now)
    assert panel.log["text"] == "saved `train`"


def test_the_same_facts_as_text_and_as_html(panel, clock):
    panel.able.end = lambda: End("out of memory <RAM>", "all of it", clock.now - 75)
    found = panel.state()
    text = text_of(found)
    assert text.splitlines()[0] == "Last session ended  out of memory <RAM>, 1 min 15 s ago"
    assert "Disk                4.0 GB of 100 GB" in text
    assert "GPU 0" in text
    page = html_of(found)
    assert "out of memory &lt;RAM&gt;" in page
    assert "script" not in page


def test_a_cell_that_will_not_end_in_time_is_told_of_with_the_place(panel, clock, monkeypatch):
    monkeypatch.setenv("COLAB_GUARD_LIMIT", "1000h")
    panel.able.where = lambda: {"loops": [["epoch", 3, 50], ["batch", 1, 10]], "rate": 2.5, "eta": 7200 * 3600.0}
    panel.began("cell [3]")
    cell = panel.state()["cell"]
    assert re.match(r"will be cut off at epoch 9/50: 999 h \d+ min left, 7200 h 0 min needed", cell["warning"])
    assert cell["ends"] == round(clock.now + 7200 * 3600)
    panel.ended()
    assert panel.state()["cell"] is None
