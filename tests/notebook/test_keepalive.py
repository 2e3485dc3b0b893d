"""Keep-alive in a real kernel, under the newest packages and under Colab's. The frame is a stand-in that says by hand
what js/keepalive.js says: what a browser makes of that module is in tests/browser.
"""

from tests.notebook.book import BOTH
from tests.support.frame import deaf, end, status, train, turned_on

pytestmark = BOTH


def test_a_beat_is_answered_at_once_between_cells_and_at_a_safe_point_of_a_guarded_one(page, panel_book):
    frame = turned_on(page, "--interval 60")
    answer = frame.answer(frame.beat())
    assert answer["kernel"].startswith(str(panel_book.kernel.pid))
    assert answer["vm"]
    assert answer["working"] is True
    assert status(page)["frame"].startswith("in force for")
    cell = train(page, frame, "beats")
    frame.answer(frame.beat())
    assert not [r for r in page.replies if r["parent_header"]["msg_id"] == cell], "the cell runs on"
    end(page, panel_book, cell, "beats")
    page.until(lambda: frame.settings()["cell"] is None)


def test_while_a_cell_lets_no_message_through_the_frame_hears_that_the_kernel_lives(page, panel_book):
    frame = turned_on(page)
    cell = deaf(page, frame, "unheard")
    unasked = len([one for one in frame.heard() if one["n"] is None])
    number = frame.beat()
    page.until(lambda: len([one for one in frame.heard() if one["n"] is None]) > unasked + 1)
    end(page, panel_book, cell, "unheard")
    frame.answer(number)


def test_the_output_is_kept_up_to_date_while_cells_run_and_nothing_piles_up(page, panel_book):
    frame = turned_on(page)
    shown = [m["content"] for m in page.heard if m["msg_type"] == "display_data"]
    name = [one["transient"]["display_id"] for one in shown if one["transient"].get("display_id")][-1]

    def updates():
        found = [m for m in page.heard if m["msg_type"] == "update_display_data"]
        return [m for m in found if m["content"]["transient"]["display_id"] == name]

    cell = deaf(page, frame, "shown")
    before = len(updates())
    page.until(lambda: len(updates()) >= before + 3)
    assert "acts: a cell runs" in updates()[-1]["content"]["data"]["text/plain"]
    end(page, panel_book, cell, "shown")
    own = [m for m in page.heard if m["parent_header"].get("msg_id") == cell]
    printed = "".join(m["content"]["text"] for m in own if m["msg_type"] == "stream")
    assert printed == "the end of shown\n"
    assert not [m for m in own if m["msg_type"] == "display_data"]
    page.until(lambda: status(page)["output"].startswith("in force for"))
    assert frame.settings()["working"]


def test_unloading_leaves_the_shell_as_it_was(page):
    look = """
import threading  # one that ends does so behind what is under way; the writer waits for what comes next
[t.join(60) for t in threading.enumerate() if "colab_guard" in t.name and "writer" not in t.name]
events = {name: len(hooks) for name, hooks in get_ipython().events.callbacks.items()}
magics = sorted(set(get_ipython().magics_manager.magics["line"]) & {"keepalive", "autoreconnect"})
print(events, len(get_ipython().kernel.comm_manager.comms), magics, sorted(t.name for t in threading.enumerate()))
"""
    page.finish(page.run("%unload_ext colab_guard"))
    without = page.kernel.run(look, hidden=True).check().text
    page.finish(page.run("%load_ext colab_guard\n%keepalive --interval 1\n%autoreconnect\n%unload_ext colab_guard"))
    assert page.kernel.run(look, hidden=True).check().text == without
    page.finish(page.run("%load_ext colab_guard"))
