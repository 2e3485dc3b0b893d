"""Keep-alive with a real kernel behind the stand-in for Colab's page: what kernel and browser know of each other, and
what when a socket drops or the kernel is another one.

The kernel does not believe itself on Colab. Half-open sockets and new VMs, which can't be had here, test_colab_frame.py
plays.
"""

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.chromium import PATIENCE_MS
from tests.browser.colab_page.book import SCRIPT, ColabPage
from tests.browser.stacks import Server

WORKS = """\
%%checkpointed train --every 1h
import os, time
print("it works")
while not os.path.exists("enough"):
    time.sleep(0.01)
"""
DEAF = """\
import os, time
print("it works")
while not os.path.exists("enough"):
    time.sleep(0.01)
"""
BEGIN = "%load_ext colab_guard\n%autoreconnect on\n%keepalive on --interval 1s"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path, "server", sys.executable) as server:
        yield server


class Notebook(ColabPage):
    """The stand-in with a real kernel behind it."""

    def begin(self, server: Server) -> None:
        """Opens a kernel and shows keep-alive's frame, and starts the page's script."""
        self.server, self.kernel = server, server.ask("api/kernels", "POST")["id"]
        url = f"ws://127.0.0.1:{server.port}/api/kernels/{self.kernel}/channels"
        opened = "async url => { await (await import('/colab/kernel.js')).connect(stand, url) }"
        self.page.evaluate(opened, url)
        self.runs(BEGIN)
        self.until("stand.heard.some(m => m.rtt_ms !== null)")
        self.script()

    def starts(self, code: str) -> str:
        """Runs a cell, and does not wait for it."""
        return str(self.page.evaluate("code => { stand.printed = ''; return stand.run(code) }", code))

    def begun(self) -> None:
        """Waits until the cell is under way; from then on is noted what page and kernel tell each other."""
        self.until("stand.printed.includes('it works')")
        self.page.evaluate("stand.heard.length = stand.told.length = 0")

    def runs(self, code: str) -> str:
        """Runs a cell to its end; what it printed."""
        cell = self.starts(code)
        self.until(f"stand.done.has('{cell}')")
        return str(self.page.evaluate("stand.printed"))

    def until(self, expression: str) -> None:
        self.page.wait_for_function(expression)


def test_a_kernel_knows_its_browser_from_start_to_restart(
    context: BrowserContext, address: str, server: Server
) -> None:
    page = Notebook(context, address)
    page.begin(server)

    # A guarded cell answers beats at its safe points; any other does not, but its kernel still says that it is there.
    cell = page.starts(WORKS)
    page.begun()
    page.until("stand.told.filter(n => n !== null).length > 2 && stand.heard.at(-1)?.page")
    (server.folder / "enough").touch()
    page.until(f"stand.done.has('{cell}')")
    (server.folder / "enough").unlink()
    page.starts(DEAF)
    page.begun()
    page.until("stand.told.length > 4 && stand.heard.filter(m => m.what === 'beat').length > 4")
    assert not any(page.page.evaluate("stand.told")), "unanswered: with no word, it would be suspect"
    shown = "document.body.lastElementChild.shadowRoot.textContent"
    page.page.frames[-1].wait_for_function(f"{shown}.includes('Connected to the kernel')")

    # The socket drops: the page presses, and it is the same kernel.
    page.page.evaluate("stand.drop()")
    page.until("stand.state === 'disconnected' || stand.clicks.length")  # its script may have looked by itself
    page.look()
    page.until("stand.state === 'connected'")
    page.look()
    assert [click["trusted"] for click in page.clicks()] == [False]
    page.until("stand.heard.some(m => m.what === 'moved' && m.why === 'same kernel')")

    # What the kernel knows of it; and what the next one does, which the page and another frame tell.
    (server.folder / "enough").touch()
    deadline = time.monotonic() + PATIENCE_MS / 1000  # a beat of the last 2.5 s is what makes it so
    while not re.search(r"^frame +in force .* there and back in", told := page.runs("%keepalive status"), re.MULTILINE):
        assert time.monotonic() < deadline, told
    (server.folder / "enough").unlink()
    server.ask(f"api/kernels/{page.kernel}/restart", "POST")
    page.runs(BEGIN)
    page.until(f"{SCRIPT}.state().moved.at(-1).why === 'new kernel'")
    page.until("stand.heard.findLast(m => m.what === 'beat').page")
    told = page.runs("%autoreconnect status")
    assert re.search(r"page +lost → reconnecting: pressed Reconnect", told), told
    assert page.errors == []
