"""What follows from beats, over twelve hours by a clock that is set: channels, the browser's absence, what is left."""

import gc
import re
import sys
from pathlib import Path

import pytest

from colab_guard.keepalive.board import Board
from colab_guard.keepalive.channels import IN_FORCE, NOT_POSSIBLE, OFF, WAITING
from colab_guard.keepalive.countdown import Countdown
from colab_guard.keepalive.outside import outside as channel_outside
from colab_guard.keepalive.policy import LINGER_SECONDS, Policy
from colab_guard.keepalive.status import chips, status_html, status_text

HOUR = 3600
BROWSER = -7200.0  # its clock is two hours behind


class Clock:
    def __init__(self):
        self.now = 1_795_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def board(clock):
    """Of a notebook on Colab whose keep-alive is on, the frame shown."""
    board = Board("Colab", clock)
    board.no_frame = ""
    board.turn_on(Policy())
    board.hears()
    return board


def beat(board, *, sent=0.0, page=None, n=0, **more):
    """A beat as the frame sends it, ``sent`` seconds ago."""
    at = (board.clock() + BROWSER - sent) * 1000
    content = {"what": "beat", "view": "one", "n": n, "sent": at, "rtt_ms": 12.0, "hidden": False, "page": page}
    board.heard({**content, "audio": "off", "wake_lock": "off", "interacted": None, **more})


def states(board):
    return {channel.name: channel.state for channel in board.channels()}


def channel(board, name):
    return next(one for one in board.channels() if one.name == name)


def test_each_channel_is_in_force_only_while_its_signs_come(board, clock):
    assert states(board) == {
        "page": WAITING, "frame": WAITING, "output": OFF, "kernel": NOT_POSSIBLE, "outside": OFF,
    }  # fmt: skip
    begun = clock.now
    board.began("train", None, deaf=False)
    for minute in range(10):
        board.updated()
        beat(board, n=minute, page={"at": (clock.now + BROWSER) * 1000, "connect": "connected", "presses": 2})
        clock.now += 60
    assert (states(board)["page"], states(board)["frame"], states(board)["output"]) == (IN_FORCE,) * 3
    frame = channel(board, "frame")
    assert (frame.since, frame.last) == (begun, clock.now - 60)
    assert "there and back in 12 ms" in frame.why
    assert "the connect button is connected, pressed 2 times" in channel(board, "page").why
    clock.now += 91
    assert (states(board)["page"], states(board)["frame"]) == (WAITING, WAITING)
    assert "the last was sent 3 min ago" in channel(board, "frame").why
    beat(board, n=11)
    assert channel(board, "frame").since == clock.now, "it begins anew"
    assert states(board)["page"] == WAITING, "the frame is there, the script in the page is not"


def test_a_beat_that_waited_behind_a_cell_is_as_old_as_it_is(board, clock):
    beat(board)
    sent = clock.now
    board.began("In[2]", clock.now, deaf=True)
    clock.now += HOUR
    assert channel(board, "frame").why == "a cell runs that lets no message through: its beats wait for that"
    board.ended()
    beat(board, sent=HOUR - 60, n=1)
    assert board.last_beat == pytest.approx(sent + 60)
    assert states(board)["frame"] == WAITING


def test_a_browser_that_goes_and_comes_back_is_noticed_and_logged(board, clock):
    def look():
        return board.look_for_browser(30)[1].state

    assert look() == "not known", "nobody was ever there"
    board.began("train", clock.now, deaf=False)
    beat(board)
    assert look() == "connected"
    clock.now += 151
    assert look() == "suspect"
    clock.now += 150
    assert look() == "lost"
    lost = clock.now
    clock.now += 2 * HOUR
    beat(board, n=1)
    assert look() == "connected"
    moves = [(step.who, step.before, step.after) for step in board.log.steps]
    assert moves == [
        ("kernel", "not known", "connected"), ("kernel", "connected", "suspect"), ("kernel", "suspect", "lost"),
        ("kernel", "lost", "connected"),
    ]  # fmt: skip
    assert [step.at for step in board.log.steps][2:] == [lost, clock.now]


def test_silence_behind_a_cell_that_lets_no_message_through_or_at_rest_is_no_loss(board, clock):
    beat(board)
    assert board.look_for_browser(30)[1].state == "connected"
    board.began("In[2]", clock.now, deaf=True)
    clock.now += 3 * HOUR
    assert board.look_for_browser(30)[1].state == "connected"
    board.ended()
    assert board.look_for_browser(30)[1].state == "connected", "the beats that waited may just be coming"
    clock.now += LINGER_SECONDS + 1
    assert not board.decision().acts
    assert board.look_for_browser(30)[1].state == "connected", "it rests, and the frame sends nothing"


def test_what_the_page_says_of_its_own_transitions_is_logged_at_its_time(board, clock):
    beat(board)
    at = (clock.now + BROWSER - 100) * 1000
    for told in (at, at + 5):  # two frames tell of it
        board.heard({"what": "moved", "who": "page", "from": "lost", "to": "connected", "at": told, "why": "new VM"})
    [step] = board.log.in_order()
    assert (step.who, step.before, step.after, step.why) == ("page", "lost", "connected", "new VM")
    assert step.at == pytest.approx(clock.now - 100)


@pytest.mark.parametrize(
    "content",
    [
        {"what": "beat"}, {"what": "beat", "view": 1, "n": 1, "sent": 1.0},
        {"what": "beat", "view": "a", "n": "1", "sent": 1}, {"what": "beat", "view": "a", "n": 1, "sent": float("nan")},
        {"what": "beat", "view": "a", "n": 1, "sent": 10**400},
        {"what": "beat", "view": "a", "n": True, "sent": 1}, {"what": "moved", "from": 1, "to": [], "at": 2},
        {"what": ["beat"]}, {},
    ],
)  # fmt: skip
def test_what_is_no_beat_changes_nothing(board, content):
    board.heard(content)
    assert board.last_beat is None
    assert not board.log.steps


def test_nothing_that_a_page_says_is_trusted_beyond_its_type(board, clock):
    page = {"at": (clock.now + BROWSER) * 1000, "connect": "<i>", "presses": -5, "version": "x" * 10**6}
    beat(board, page=page, rtt_ms="soon", audio="\x1b[2J<i>" + "a" * 10**6, view="v" * 10**6, hidden="yes")
    text = status_text(board, "")
    assert "the connect button is unknown, pressed 0 times" in text
    assert len(text) < 2000
    assert "\x1b" not in text
    assert "<i>" not in status_html(board, "")
    beat(board, sent=-10 * HOUR, n=2)  # from the future
    assert board.last_beat <= clock.now


def test_without_a_page_script_and_a_cell_it_says_how_long_is_left_and_since_what(board, clock):
    board.began("In[1]", clock.now, deaf=False)
    assert "A cell runs" in status_text(board, "")
    clock.now += HOUR
    board.ended()
    clock.now += 20 * 60
    found = status_text(board, "")
    assert "No cell runs: about 70 min left, until " in found
    assert "counted since a cell ended, 20 min ago" in found
    beat(board, interacted=(clock.now + BROWSER - 300) * 1000)
    assert "counted since a key or the mouse was used in the output, 5 min ago" in status_text(board, "")
    clock.now += 2 * HOUR
    assert "is over: the runtime may go at any time" in status_text(board, "")
    beat(board, page={"at": (clock.now + BROWSER) * 1000, "connect": "connected", "presses": 0}, n=3)
    assert "the idle limit counts all the same" in status_text(board, "")


def test_the_cell_that_asks_is_not_the_work(board, clock):
    board.began("In[1]", clock.now, deaf=True)
    assert "A cell runs" not in status_text(board.without_the_cell(), "")
    assert "A cell runs" in status_text(board, "")


def test_a_cell_is_worth_a_word_when_somebody_may_have_waited_for_it(board, clock):
    for seconds in (1, 29, 30, 4000):
        board.began("In[1]", None, deaf=False)
        clock.now += seconds
        board.ended()
    assert board.settings({})["done"] == 2


def test_the_panel_shows_what_is_in_force_and_what_is_not(board, clock):
    def shown():
        return [(chip["state"], chip["text"]) for chip in chips(board, reconnects=False)]

    board.updated()
    assert shown() == [("warn", "keep-alive: output")]
    beat(board)
    assert shown() == [("ok", "keep-alive: frame, output")]
    board.paused = True
    assert shown()[0][0] == "off"
    board.paused = False
    board.began("In[1]", None, deaf=True)
    clock.now += 1000
    board.updated()
    assert shown() == [("off", "keep-alive: output (beats wait for the cell)")]
    board.ended()
    ended = clock.now
    clock.now += HOUR
    assert shown() == [("off", f"keep-alive rests, {{in:{ended + 5400:.0f}}} left at the most")]
    board.countdown = Countdown(clock.now + 42)
    assert shown()[0] == ("warn", f"the runtime is released in {{in:{clock.now + 42:.0f}}}")
    board.turn_off()
    assert shown() == []


def test_twelve_hours_of_beats_grow_nothing(board, clock):
    def hours(count):
        for second in range(0, count * HOUR, 60):
            clock.now += 60
            beat(board, n=second, view=f"view {second % 7200}")
            board.look_for_browser(30)
            board.heard({"what": "moved", "from": "a", "to": "b", "at": (clock.now + BROWSER) * 1000, "why": ""})
            board.updated()
        return sum(sys.getsizeof(value) for value in [*vars(board).values(), *gc.get_referents(board.log.steps)])

    before = hours(12)
    assert hours(12) <= before
    assert len(board.log.steps) == 500


@pytest.mark.parametrize(
    ("platform", "page", "outside", "words"),
    [
        ("Colab", WAITING, OFF, "colab new -s train --gpu T4"), ("Kaggle", NOT_POSSIBLE, OFF, "Save Version"),
        ("Jupyter", NOT_POSSIBLE, NOT_POSSIBLE, "no browser is needed"),
        ("VS Code", NOT_POSSIBLE, NOT_POSSIBLE, "VS Code has no page"),
        ("IPython", NOT_POSSIBLE, NOT_POSSIBLE, "a terminal has no page"),
    ],
)  # fmt: skip
def test_each_host_says_why_a_channel_is_not_possible(clock, platform, page, outside, words):
    board = Board(platform, clock)
    board.turn_on(Policy())
    board.outside = channel_outside(platform, None)
    assert (states(board)["page"], states(board)["outside"]) == (page, outside)
    assert words in status_text(board, "")


def test_a_kernel_that_no_page_started_is_probably_kept_from_outside():
    state, words = channel_outside("Colab", False)
    assert state == WAITING
    assert "probably Google's command line" in words


def test_the_tests_that_the_table_names_are_there():
    checkout = Path(__file__).parents[2]
    named = set(re.findall(r"`(test_\w+)`", (checkout / "docs/keepalive.md").read_text()))
    files = [*(checkout / "tests").rglob("test_*.py")]
    defined = {name for path in files for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}
    assert named
    assert named - defined == set()
    paths = re.findall(r"`(tests/[\w/]+\.py)`", (checkout / "docs/keepalive.md").read_text())
    assert [path for path in paths if not (checkout / path).exists()] == []
