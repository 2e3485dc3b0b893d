"""The panel in the notebooks that people use, from the load of the extension to the death of the kernel.

Each story is one notebook, one kernel, one page. How long a press takes is written down (`--junitxml`, or the line that
the test prints), and not judged.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.chromium import PATIENCE_MS
from tests.browser.stacks import Book, Server
from tests.notebook.test_drive import BRIEF, wait_for
from tests.standins.colab import Colab
from tests.standins.fixtures import NewDrive
from tests.support.fake_gpu import KERNEL as GPU

CHECKOUT = Path(__file__).parents[2]
GUARDED = """\
%%checkpointed train --every 1s
import os, time
for epoch in range(10_000):
    for batch in range(20):
        time.sleep(0.01)
    if os.path.exists("over"):
        break
"""
PLAIN = """\
import os, time
while not os.path.exists("enough"):
    time.sleep(0.05)
"""
CELLS = ["%load_ext colab_guard", GUARDED, PLAIN, "%load_ext colab_guard\n%guard panel", "%keepalive --interval 1s"]
WIDE = {"width": 1100, "height": 800}
NARROW = {"lab": 640, "notebook": 420, "classic": 420}  # of the page: its panel is not much wider than 280 px
HOST = "[data-lm-suppress-shortcuts='true']"

# From a click, as soon as the button takes one, to the first line below the buttons that matches, both in the page:
# milliseconds.
TIMED = """([button, pattern, patience]) => new Promise((done, fail) => {
    const root = button.getRootNode();
    let begun = 0;
    const said = () => root.querySelector(".log")?.textContent;
    const look = () => begun && new RegExp(pattern).test(said()) && done(performance.now() - begun);
    new MutationObserver(look).observe(root, { subtree: true, childList: true, characterData: true });
    setTimeout(() => fail(new Error(`below the button stands: ${said()}`)), patience);
    const press = () => {
        if (button.ariaDisabled === "true") return setTimeout(press, 20);
        begun = performance.now();
        button.click();
    };
    press();
})"""


@pytest.fixture(params=["lab", "notebook", "classic"])
def book(request: pytest.FixtureRequest, tmp_path: Path, context: BrowserContext) -> Iterator[Book]:
    """A notebook with CELLS: in JupyterLab, in Notebook 7, and in classic Notebook with Colab's pins."""
    python = sys.executable
    if request.param == "classic":
        python = os.environ.get("COLAB_PINS_PYTHON") or str(CHECKOUT / ".venv-colab/bin/python")
        if not Path(python).exists():
            pytest.skip("no Python with Colab's pins: set COLAB_PINS_PYTHON, or run `make venvs`")
    with Server(tmp_path, request.param, python) as server:
        page = context.new_page()
        yield Book(server, page, CELLS)
        page.close()


def panel(book: Book) -> Locator:
    """The newest panel in the page."""
    return book.page.get_by_role("group", name="colab_guard", exact=True).last


def milliseconds(book: Book, name: str, answer: str) -> float:
    """Presses a button, and waits for its answer."""
    button = panel(book).get_by_role("button", name=name).element_handle()
    return float(book.page.evaluate(TIMED, [button, answer, PATIENCE_MS]))


def test_a_panel_from_load_to_the_kernels_death(
    book: Book, axe: Callable[[Page, str], list[Any]], record_property: Callable[[str, object], None]
) -> None:
    """It lives through reloads, its bars move and its buttons act while the cell runs, and it says when that ended."""
    book.run(0)
    expect(panel(book)).to_contain_text("Not protected")
    book.save()
    book.reload()
    expect(panel(book)).to_have_class("panel bad")

    book.run(1)
    expect(panel(book)).to_have_class("panel safe")
    bar = panel(book).get_by_role("progressbar", name="train")
    before = bar.get_attribute("aria-valuetext")
    expect(bar).not_to_have_attribute("aria-valuetext", str(before))
    saved = milliseconds(book, "Save now", "^Save now: saved")
    book.save()
    book.reload()
    expect(panel(book)).to_have_class("panel safe")
    again = milliseconds(book, "Save now", "^Save now: saved")
    assert book.busy(), "all that while the cell ran"

    book.darken()
    book.page.wait_for_function("host => [...document.querySelectorAll(host)].at(-1)?.hasAttribute('dark')", arg=HOST)
    assert axe(book.page, HOST) == []
    book.page.set_viewport_size({"width": NARROW[book.server.kind], "height": 800})
    shown = panel(book).element_handle()
    book.page.wait_for_function("panel => panel.clientWidth < 420", arg=shown)
    inner, outer = shown.evaluate("panel => [panel.scrollWidth, panel.clientWidth]")
    assert inner <= outer, "nothing is cut off"
    assert axe(book.page, HOST) == []
    book.page.set_viewport_size(WIDE)
    stopped = milliseconds(book, "Stop after saving", "^Stop after saving: train is stopped, and saved")
    expect(panel(book)).to_contain_text("train does not run")

    book.run(2)
    expect(panel(book)).to_contain_text("not guarded")
    panel(book).get_by_role("button", name="Save now").press("Enter")
    assert book.mode() == "command", "the key was the panel's"
    line = panel(book).locator(".log")
    expect(line).to_have_text(re.compile("^Save now: (queued until|waiting for|acts when) the cell"))
    (book.server.folder / "enough").touch()
    expect(line).to_have_text(re.compile("^Save now: .*variables saved"))

    book.run(4)  # whose output tells of the frame's beats, and whose frame hears the kernel
    told = book.page.locator("table").filter(has_text="keep-alive").last
    expect(told).to_contain_text(re.compile("frame.*in force for .* there and back in .* ms.*output.*in force"))
    expect(panel(book)).to_contain_text("keep-alive: frame, output")
    expect(panel(book).get_by_role("button", name="Pause keep-alive")).to_be_enabled()

    book.save_widgets()
    book.kill()
    expect(panel(book)).to_contain_text("Kernel restarted")
    for name, value in (("save", saved), ("save after a reload", again), ("stop", stopped)):
        record_property(name, round(value))
        print(f"{book.server.kind}: {name} {value:.0f} ms")
    book.run(3)
    expect(book.page.get_by_role("group", name="colab_guard", exact=True)).to_have_count(3)
    panel(book).scroll_into_view_if_needed()  # for what nobody sees is not kept up to date
    expect(panel(book)).to_contain_text("Last session ended")
    milliseconds(book, "Why", "^Why: ")  # a click in the page itself: the host's own dialog lies over all
    expect(line).to_have_class("log whole")
    expect(line).to_contain_text("somebody's SIGKILL")

    book.reload()
    saved_panel = book.page.get_by_role("group", name="colab_guard", exact=True).first
    saved_panel.scroll_into_view_if_needed()
    expect(saved_panel).to_contain_text("No kernelas of")


# In Colab's page, the part that answers what google.colab asks: here the stand-in does.
ANSWERS = """() => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    kernel.iopubMessage.connect(async (_, { header, metadata, content }) => {
        if (header.msg_type !== "colab_request") return;
        kernel.sendInputReply({ status: "ok", value: await answered({ metadata, content }) }, header);
    });
}"""


def test_the_buttons_of_colab_act_in_a_page_while_the_cell_runs(
    context: BrowserContext, new_drive: NewDrive, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """In JupyterLab, with stand-ins for Colab, Drive's mount and a GPU's driver: Colab's own page can't be run."""
    drive = new_drive()
    drive.lose_vm()
    with Colab(drive) as colab:
        places = {"COLAB_GUARD_DRIVE": str(drive.mount), "COLAB_GUARD_LOCAL": str(tmp_path / "local")}
        with Server(tmp_path, "lab", sys.executable, {**colab.environment, **places, "COLAB_GUARD_KEY": ""}) as server:
            page = context.new_page()
            page.expose_function("answered", colab.page)
            book = Book(server, page, [f"import google.colab\n{GPU}\n{BRIEF}\n%load_ext colab_guard", GUARDED])
            page.evaluate(ANSWERS)
            book.run(0)
            book.run(1)
            expect(panel(book)).to_have_class("panel risk")
            took = {
                "mount": milliseconds(book, "Mount Drive", "^Mount Drive: Drive is mounted"),
                "free-gpu": milliseconds(book, "Free GPU memory", "^Free GPU memory: .* freed"),
            }
            assert drive.mounted
            panel(book).get_by_role("button", name="Release when done").click()
            answer = "^Release when done: the runtime ends when the guarded cell is done"
            took["release"] = milliseconds(book, "Release when done", answer)
            assert book.busy(), "all that while the cell ran"
            for name, value in took.items():
                record_property(name, round(value))
                print(f"{server.kind}: {name} {value:.0f} ms")
            (tmp_path / "over").touch()
            expect(panel(book)).to_contain_text("train is done and saved")
            expect(page.locator(".jp-OutputArea-output", has_text="the work is done. The runtime is")).to_be_visible()
            wait_for(lambda: colab.unassigned)
            assert colab.unassigned == 1
            page.close()
