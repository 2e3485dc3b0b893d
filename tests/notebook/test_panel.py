"""The panel in a real kernel, spoken to as a page does: presses act while a guarded cell runs, and nothing is lost."""

import os
import subprocess
import uuid

from tests.notebook.book import BOTH
from tests.support.page import opened

pytestmark = BOTH

LOOP = """%%checkpointed {name} --every 1h
import os, time
n = 0
while {condition}:
    n += 1
    time.sleep({sleep})
print("the end of {name}")
"""


def loop(page, name, condition="n < 10**6"):
    """Starts a guarded loop, and waits until the panel knows it; the cell's id."""
    cell = page.run(LOOP.format(name=name, condition=condition, sleep=0.005))
    page.until(lambda: page.states[-1]["cell"] and page.states[-1]["cell"]["name"] == name)
    return cell


def stop(page, cell):
    """Ends a guarded loop by its button; what came of the press."""
    press = page.press("stop")
    assert page.finish(cell)["content"].get("ename") == "Pause"
    return page.answer(press)


def snapshots(page, name):
    """What the panel's timeline has of a cell."""
    return [one for one in page.states[-1]["timeline"] if one["name"] == name]


def value(page, expression):
    """The value of an expression in the kernel."""
    return page.kernel.run(f"print({expression})", hidden=True).check().text.strip()


def test_buttons_act_while_a_guarded_cell_runs_and_each_press_is_answered(page):
    cell = loop(page, "train")
    before = page.states[-1]["saved"]["at"] or 0
    press = page.press("save")
    assert page.answer(press) == {"state": "done", "text": "saved"}
    state = page.states[-1]
    assert state["saved"]["at"] > before
    assert state["cell"]["running"], "it goes on"
    assert (state["verdict"]["word"], state["verdict"]["tone"]) == ("Safe", "safe")
    assert stop(page, cell)["text"] == "train is stopped, and saved: run the cell again to go on"
    at = int(value(page, "n"))
    again = page.run(LOOP.format(name="train", condition=f"n < {at + 3}", sleep=0))
    page.finish(again)
    assert int(value(page, "n")) == at + 3, "it went on where it was stopped"
    assert page.printed().endswith("the end of train\n")


def test_no_queued_cell_is_lost_or_reordered_by_a_hundred_presses(page):
    cell = loop(page, "busy")
    cells, presses = [], []
    for number in range(50):
        cells.append(page.run(f"print('turn', {number})"))
        presses.append(page.press(("save", "free-gpu")[number % 2]))
        page.press("nothing of ours")
        page.listen()
    assert page.answer(presses[-1])["state"] == "done"
    assert "turn" not in page.printed(), "they wait for their turn"
    stop(page, cell)
    page.finish(cells[-1])
    assert [line for line in page.printed().splitlines() if "turn" in line] == [f"turn {i}" for i in range(50)]
    replies = [reply["parent_header"]["msg_id"] for reply in page.replies if reply["msg_type"] == "execute_reply"]
    assert replies[-50:] == cells
    page.until(lambda: all(page.idle_of(cells)))


def test_an_error_drops_the_cells_behind_it_as_ever(page):
    cell = loop(page, "failing")
    code = "import time; time.sleep(0.5); 1 / 0"  # so that those behind it are there when it fails
    failing = page.run(code, stop_on_error=True)
    behind = [page.run(f"print('behind {i}')", stop_on_error=True) for i in range(5)]
    page.answer(page.press("save"))
    stop(page, cell)
    assert page.finish(failing)["content"]["ename"] == "ZeroDivisionError"
    assert {page.finish(one)["content"]["status"] for one in behind} == {"aborted"}
    assert page.finish(page.run("print('later')"))["content"]["status"] == "ok"


HELD = """
import os, time
from colab_guard.store.folder import Folder
write_new = Folder.write_new
def held(self, name, chunks):
    while os.path.exists("held"):
        time.sleep(0.01)
    write_new(self, name, chunks)
Folder.write_new = held
"""


def test_a_double_click_is_one_press(page, panel_book):
    page.finish(page.run(HELD))
    cell = loop(page, "once")
    (panel_book.folder / "held").touch()
    first, second = page.press("save"), page.press("save")
    page.say(do="save", press=first)
    page.until(lambda: {first, second} <= page.states[-1]["presses"].keys())
    (panel_book.folder / "held").unlink()
    assert page.answer(first) == page.answer(second) == {"state": "done", "text": "saved"}
    stop(page, cell)
    page.until(lambda: len(snapshots(page, "once")) > 2)
    taken = snapshots(page, "once")[1:]
    assert len(taken) == 2, "the press's own, and that of the stop"


def test_a_cell_that_a_guarded_cell_runs_does_not_end_it_for_the_panel(page):
    cell = loop(page, "nesting", condition="(n or get_ipython().run_cell('pass')) and n < 10**6")
    page.until(lambda: int(page.states[-1]["saved"]["at"] or 0))
    assert page.answer(page.press("save")) == {"state": "done", "text": "saved"}
    assert page.states[-1]["cell"]["running"]
    stop(page, cell)


LATE = """
import os, select
from colab_guard.notebook.pumping import _main_stream
stream = _main_stream(get_ipython().kernel)
pump, rebuild, flush = stream._recv_callback.__self__, stream._rebuild_io_state, stream.flush
flushes = 0
def counted():
    global flushes
    flushes += 1
    return flush()
def held():
    if pump._pumping and flushes == 2 and os.path.exists("late"):
        os.rename("late", "taken")
        select.select([stream.socket.FD], [], [], 60)
    rebuild()
def pumped(whole=pump.pump):
    global flushes
    flushes = 0
    whole()
stream.flush, stream._rebuild_io_state, pump.pump = counted, held, pumped
"""
AS_BEFORE = "del stream.flush, stream._rebuild_io_state, pump.pump"


def test_what_comes_in_the_last_moment_of_taking_messages_is_taken_too(page, panel_book):
    page.finish(page.run(LATE))
    cell = loop(page, "late")
    (panel_book.folder / "late").touch()
    page.press("free-gpu")
    page.until((panel_book.folder / "taken").exists)
    assert page.answer(page.press("save")) == {"state": "done", "text": "saved"}
    stop(page, cell)
    page.finish(page.run(AS_BEFORE))


def test_what_is_pressed_while_another_cell_runs_acts_behind_it(page, tmp_path):
    end = tmp_path / "end"
    wait = f"import os, time\nwhile not os.path.exists({str(end)!r}): time.sleep(0.01)"
    cell = page.run(f"{wait}\nkept = 1; print('plain')")
    queued = page.run(LOOP.format(name="next", condition="n < 10", sleep=0))
    press = page.press("save")
    end.touch()
    answer = page.answer(press)
    assert answer["state"] == "done", answer
    assert page.finish(cell)["content"]["status"] == page.finish(queued)["content"]["status"] == "ok"
    refused = page.press("stop")
    assert page.answer(refused) == {"state": "done", "text": "no guarded cell is running"}


def test_a_widget_of_the_users_waits_for_the_cell_and_nothing_fires_in_its_middle(page):
    page.finish(
        page.run("""
import ipywidgets
clicks, fired = [], []
button = ipywidgets.Button()
button.on_click(lambda _: clicks.append(n))
get_ipython().events.register("post_execute", lambda: fired.append(globals().get("n")))
n = -1
""")
    )
    theirs = value(page, "button.model_id")
    cell = loop(page, "theirs")
    page.send("comm_msg", {"comm_id": theirs, "data": {"method": "custom", "content": {"event": "click"}}})
    page.answer(page.press("save"))
    stop(page, cell)
    assert value(page, "clicks == [n]") == "True"
    assert value(page, "{i for i in fired if i not in (-1, n)}") == "set()"


def test_a_page_that_is_loaded_anew_gets_its_widgets_while_the_cell_runs(page):
    cell = loop(page, "reload")
    asked = [page.send("kernel_info_request", {}), page.send("comm_info_request", {"target_name": "jupyter.widget"})]
    info = page.until(lambda: [r for r in page.replies if r["parent_header"]["msg_id"] == asked[1]])
    assert page.comm in info[0]["content"]["comms"]
    assert page.until(lambda: [r for r in page.replies if r["parent_header"]["msg_id"] == asked[0]])
    control = uuid.uuid4().hex
    page.send("comm_open", {"comm_id": control, "target_name": "jupyter.widget.control", "data": {}}, version="1.0.0")
    page.send("comm_msg", {"comm_id": control, "data": {"method": "request_states"}})
    found = page.until(lambda: [m for m in page.heard if m["content"].get("comm_id") == control])
    assert page.comm in found[0]["content"]["data"]["states"]
    stop(page, cell)


SENT = """
from colab_guard.core.watch import WATCH
with WATCH._due["panel"][1].__self__._looking:
    pass  # a look that was under way is over, and what it found was sent
"""


def test_nothing_is_sent_to_views_that_are_hidden_and_all_of_it_when_one_is_seen_again(page):
    cell = loop(page, "hidden")
    page.view("one", visible=False)
    page.finish_idle(page.say(do="view", view="unknown", arg=False))
    page.kernel.interrupt()
    page.finish(cell)
    page.finish(page.run(SENT))
    count = len(page.states)
    page.finish(page.run(LOOP.format(name="unseen", condition="n < 5", sleep=0)))
    assert len(page.states) == count
    page.view("one", visible=True)
    page.until(lambda: page.states[-1]["saved"] and "unseen" in str(page.states[-1]["log"]))


def test_a_snapshot_of_the_timeline_is_put_back_but_never_under_a_guarded_cell(page):
    page.finish(page.run("kept = 1"))
    answer = page.answer(page.press("save"))
    assert answer["state"] == "done", answer
    saved = page.until(lambda: [one for one in page.states[-1]["timeline"] if one["where"] == "all variables"])[-1]
    assert saved["restore"].startswith("Put back ")
    page.finish(page.run("kept = 2"))
    cell = loop(page, "running")
    answer = page.answer(page.press("restore", saved["id"]))
    assert answer["state"] == "refused"
    assert "A guarded cell is running" in answer["text"]
    stop(page, cell)
    assert value(page, "kept") == "2"
    answer = page.answer(page.press("restore", saved["id"]))
    assert answer["state"] == "done"
    assert "put back" in answer["text"]
    assert value(page, "kept") == "1"
    assert page.answer(page.press("restore", "no such thing"))["state"] == "refused"
    page.answer(page.press("save"))
    page.until(
        lambda: (taken := snapshots(page, "running")) and page.states[-1]["timeline"][-1]["at"] > taken[-1]["at"]
    )
    assert not any(one["died"] for one in page.states[-1]["timeline"]), "all are of this very session"


def test_the_text_of_a_panel_that_is_shown_again_is_of_now(panel_book, page):
    page.finish(page.run(LOOP.format(name="told", condition="n < 3", sleep=0)))
    [shown] = panel_book.run("%guard panel").check().displays
    assert "told is done and saved" in shown["text/plain"]


def test_the_panel_says_where_the_cell_stands(page):
    cell = page.run("%%checkpointed stands\nimport time\nfor epoch in range(99):\n    for batch in range(200):\n"
                    "        time.sleep(0.01)")  # fmt: skip
    page.until(lambda: (page.states[-1]["cell"] or {}).get("rate"))
    (epoch, first, all_epochs), (batch, second, all_batches) = page.states[-1]["cell"]["loops"]
    assert (epoch, all_epochs, batch, all_batches) == ("epoch", 99, "batch", 200)
    assert 1 <= first <= 99
    assert 1 <= second <= 200
    stop(page, cell)


def test_a_cell_has_the_number_that_the_notebook_shows(page):
    page.finish(
        page.run("""
from colab_guard.notebook.platforms import cell_number
get_ipython().events.register("pre_run_cell", lambda info: numbers.append(cell_number(get_ipython())))
numbers = []
""")
    )
    reply = page.finish(page.run("0 / 0"))
    assert value(page, "numbers[0]") == str(reply["content"]["execution_count"])


def test_unloading_leaves_the_kernel_as_it_was(page):
    look = """
from colab_guard.notebook.pumping import _main_stream
events = {name: len(hooks) for name, hooks in get_ipython().events.callbacks.items()}
print(_main_stream(get_ipython().kernel)._recv_callback, events, len(get_ipython().kernel.comm_manager.comms))
"""
    page.finish(page.run("%unload_ext colab_guard"))
    without = page.kernel.run(look, hidden=True).check().text
    page.finish(page.run("%load_ext colab_guard\n%unload_ext colab_guard"))
    assert page.kernel.run(look, hidden=True).check().text == without
    assert page.finish(page.run("1"))["content"]["status"] == "ok"


def test_without_the_private_names_a_press_waits_for_the_cell_and_the_panel_says_so(new_book, tmp_path):
    """The stand-in takes away what finds the kernel's stream; how another ipykernel would differ, it can't show."""
    book = new_book(COLAB_GUARD_PANEL="on")
    book.run(
        "%unload_ext colab_guard\nimport colab_guard.notebook.pumping as pumping\n"
        "pumping._main_stream = lambda kernel: kernel.a_name_that_is_gone\n%load_ext colab_guard"
    ).check()
    page = opened(book.kernel)
    end = tmp_path / "end"
    cell = loop(page, "deaf", condition=f"not os.path.exists({str(end)!r})")

    def why():
        return {one["do"]: one["why"] for one in page.states[-1]["buttons"]}["stop"]

    page.until(lambda: "takes no messages" in why())
    press = page.press("save")
    end.touch()
    assert page.finish(cell)["content"]["status"] == "ok"
    answer = page.answer(press)
    assert answer["state"] == "done", answer


def test_without_widgets_the_same_facts_are_text_and_html(new_book):
    """The stand-in for a missing package: one that can't be imported."""
    book = new_book(COLAB_GUARD_PANEL="off")
    assert len(book.greeting.splitlines()) == 1
    book.run("import sys; sys.modules['anywidget'] = None").check()
    book.run(LOOP.format(name="plain", condition="n < 3", sleep=0)).check()
    [shown] = book.run("%guard panel").check().displays
    assert sorted(shown) == ["text/html", "text/plain"]
    assert shown["text/plain"].startswith("Safe   `plain` is done and saved".replace("`", ""))
    assert "<table>" in shown["text/html"]


def test_widgets_that_fail_keep_nothing_from_being_loaded(new_book):
    """The stand-in for a broken installation: a widget class that raises."""
    book = new_book(COLAB_GUARD_PANEL="off")
    book.run("import ipywidgets; ipywidgets.DOMWidget.__init__ = lambda *a, **k: 1 / 0").check()
    loaded = book.run("%reload_ext colab_guard\n%guard config panel=on\n%reload_ext colab_guard").check()
    assert "the panel can't be shown as a widget: ZeroDivisionError" in loaded.text
    assert "the end of works" in book.run(LOOP.format(name="works", condition="n < 3", sleep=0)).check().text
    assert "`works` is done and saved".replace("`", "") in book.run("%guard panel").check().text


def test_in_a_terminal_it_is_text(python, tmp_path):
    code = "get_ipython().run_line_magic('load_ext', 'colab_guard'); get_ipython().run_line_magic('guard', 'panel')"
    environment = {**os.environ, "COLAB_GUARD_STORE": str(tmp_path / "store"), "IPYTHONDIR": str(tmp_path / "ipython")}
    command = [python, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Not protected  nothing guarded yet: put %%checkpointed above the training cell" in done.stdout
    assert "RAM" in done.stdout
