"""What keep-alive and reconnect say in a real kernel: of a browser that goes, of what is no beat, of what makes no
sense. The frame is a stand-in, as in test_keepalive.py.
"""

import os
import subprocess
import time

import pytest

from tests.support.frame import end, status, train, turned_on

# Goes on when what it told was seen: connected, suspect, lost; then it stands still.
CLOCK = """
board = get_ipython().find_line_magic("keepalive").__self__._keepalive.board
board.clock = lambda: {at} + min(sum(step.who == "kernel" for step in board.log.steps), 2)
"""


def test_a_browser_that_was_gone_is_noticed_when_it_is_back_and_gets_the_whole_panel(page, panel_book):
    frame, at = turned_on(page), time.time()
    page.finish(page.run(CLOCK.format(at=at) + "%autoreconnect --check 0.3"))
    cell = train(page, frame, "gone")
    page.until(lambda: page.states[-1]["cell"] and page.states[-1]["cell"]["name"] == "gone")
    frame.answer(frame.beat(sent=at * 1000))
    page.until(lambda: "no browser is there any more" in str(page.states[-1]["log"]))
    page.until(lambda: any(c["text"].startswith("no browser for") for c in page.states[-1]["channels"]))
    count = len(page.states)
    frame.beat(sent=(at + 2) * 1000)
    page.until(lambda: "a browser is back after" in str(page.states[-1]["log"]))
    assert len(page.states) > count
    end(page, panel_book, cell, "gone")
    log = "\n".join(status(page, "%autoreconnect").values())
    assert "connected → suspect" in page.printed()
    assert "suspect → lost: no beat came" in page.printed()
    assert "lost → connected" in page.printed(), log
    page.finish(page.run("board.clock = time.time"))


def test_it_is_paused_and_resumed_by_the_panels_button_while_the_guarded_cell_runs(page, panel_book):
    frame = turned_on(page, "--interval 30")
    cell = train(page, frame, "paused")
    page.until(lambda: page.states[-1]["cell"] and page.states[-1]["cell"]["name"] == "paused")
    frame.answer(frame.beat())
    page.until(lambda: [c for c in page.states[-1]["channels"] if c["text"].startswith("keep-alive: frame")])
    assert page.answer(page.press("keep-alive"))["text"] == "keep-alive is paused"
    page.until(lambda: not frame.settings()["working"] and frame.settings()["paused"])
    page.until(lambda: "Resume keep-alive" in [button["label"] for button in page.states[-1]["buttons"]])
    assert page.answer(page.press("keep-alive"))["text"] == "keep-alive goes on"
    page.until(lambda: frame.settings()["working"])
    end(page, panel_book, cell, "paused")
    page.finish(page.run("%keepalive off"))
    page.until(lambda: "keep-alive" not in [button["do"] for button in page.states[-1]["buttons"]])


def test_what_the_page_tells_of_its_own_machine_is_in_the_log(page):
    frame = turned_on(page)
    at = time.time() * 1000
    frame.say(
        {"what": "moved", "who": "page", "from": "reconnecting", "to": "connected", "at": at, "why": "new kernel"}
    )
    page.finish(page.run("%autoreconnect status"))
    page.until(lambda: "page    reconnecting → connected: new kernel" in page.printed())


RECORD = """
import time
def record():
    from colab_guard.flight.recorder import RECORDER
    RECORDER._beat()
    print(f"the newest beat: {RECORDER.last['browser']} {time.time()}")
"""


def test_the_flight_recorder_counts_from_the_newest_beat(page, panel_book):
    frame, begun = turned_on(page), time.time()
    page.finish(page.run(RECORD))
    cell = train(page, frame, "recorded", "record()")
    time.sleep(1.5)
    asked = time.time()
    frame.answer(frame.beat())
    end(page, panel_book, cell, "recorded")
    page.until(lambda: "the newest beat: " in page.printed())
    heard, now = map(float, page.printed().partition("the newest beat: ")[2].split()[:2])
    assert -0.1 <= heard <= now - asked + 0.1 < now - begun, "not from the cell's request"


def test_an_output_that_fails_ends_no_other_channel(page):
    """The stand-in for a page's output that is gone: a handle that raises."""
    frame = turned_on(page)
    handle = "get_ipython().find_line_magic('keepalive').__self__._keepalive._handle"
    page.finish(page.run(f"{handle}.update = lambda *_, **__: 1 / 0"))
    page.until(lambda: "can't be updated any more (ZeroDivisionError" in status(page)["output"])
    unasked = len([one for one in frame.heard() if one["n"] is None])
    page.until(lambda: len([one for one in frame.heard() if one["n"] is None]) > unasked)
    turned_on(page)
    page.until(lambda: status(page)["output"].startswith("in force"))


def test_a_page_that_says_nonsense_breaks_nothing(page):
    frame = turned_on(page)
    frame.say({"what": "beat", "view": None, "n": "a", "sent": []})
    frame.say({"what": "moved", "at": "now"})
    frame.say([1, 2])
    frame.answer(frame.beat(page={"at": "x", "connect": {}, "presses": "many"}))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%keepalive maybe", "invalid choice"), ("%keepalive --interval 700", "out of bounds"),
        ("%keepalive --interval soon", "no interval"), ("%keepalive --max-hours -1", "hours above zero"),
        ("%keepalive --max-hours nan", "hours above zero"),
        ("%keepalive --release-when-done", "This is not Colab"), ("%autoreconnect --check 0", "out of bounds"),
        ("%%checkpointed a --release-when-done\n1", "This is not Colab"), ("%keepalive 'on", "No closing quotation"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words_and_changes_nothing(panel_book, line, words):
    since = "get_ipython().find_line_magic('keepalive').__self__._keepalive.board.on_since"
    before = panel_book.value(since)
    kind, text = panel_book.refusal(line)
    assert kind == "UsageError"
    assert words in text
    assert panel_book.value(since) == before


def test_the_plain_functions_do_and_tell_the_same(page):
    page.finish(page.run("import colab_guard as cg\nprint(cg.keep_alive(interval=2, max_hours=3))"))
    page.until(lambda: "on for 0 s of 3 h" in page.printed())
    page.finish(
        page.run("print(cg.keep_alive('off')); print(cg.auto_reconnect(check=5)); print(cg.auto_reconnect('off'))")
    )
    page.until(lambda: "off: %autoreconnect turns it on" in page.printed())
    assert "on, looks every 5 s" in page.printed()
    page.finish(page.run("cg.keep_alive('sideways')"))
    page.until(lambda: [m for m in page.heard if m["msg_type"] == "error"])


def test_without_widgets_the_frame_says_so_and_the_output_goes_on(new_book):
    """The stand-in for a missing package: one that can't be imported."""
    book = new_book(COLAB_GUARD_PANEL="off")
    book.run("import sys; sys.modules['anywidget'] = None").check()
    [shown] = book.run("%keepalive").check().displays
    assert "frame      not possible: it is a widget, and anywidget can't be imported" in shown["text/plain"]
    assert "output     in force" in shown["text/plain"]


def test_in_a_terminal_each_channel_says_why_not(python, tmp_path):
    code = "get_ipython().run_line_magic('load_ext', 'colab_guard'); get_ipython().run_line_magic('keepalive', '')"
    environment = {"COLAB_GUARD_STORE": str(tmp_path / "store"), "IPYTHONDIR": str(tmp_path / "ipython")}
    command = [python, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "page       not possible: a terminal has no page" in done.stdout
    assert "frame      not possible: a terminal shows no widgets" in done.stdout
    assert "output     not possible: a terminal has no output that could be updated" in done.stdout
