"""The frame of %keepalive by hand: says what js/keepalive.js says, message by message. It draws nothing."""

from __future__ import annotations

import itertools
import time
from typing import Any

from tests.support.page import Page

NUMBERS = itertools.count(1)  # of beats: a kernel has one frame, whoever speaks for it


class Frame:
    """The newest frame of a kernel. For the thread of its kernel."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.comm = page.until(lambda: next((c for c, s in reversed(page.opened.items()) if "settings" in s), None))

    def say(self, content: Any) -> str:
        """A message of the frame's; its id."""
        return self.page.send("comm_msg", {"comm_id": self.comm, "data": {"method": "custom", "content": content}})

    def beat(self, **more: Any) -> int:
        """One beat, of now; its number."""
        number = next(NUMBERS)
        content = {"what": "beat", "view": "one", "n": number, "sent": time.time() * 1000, "rtt_ms": 5}
        more = {"hidden": False, "page": None, "audio": "off", "wake_lock": "off", "interacted": None, **more}
        self.say({**content, **more})
        return number

    def heard(self) -> list[dict[str, Any]]:
        """What the kernel has sent it, but for settings."""
        return [one["content"] for one in self._data() if one.get("method") == "custom"]

    def settings(self) -> dict[str, Any]:
        """As the page has them now."""
        told = [one["state"]["settings"] for one in self._data() if "settings" in one.get("state", {})]
        return dict(told[-1])

    def answer(self, number: int) -> dict[str, Any]:
        """The kernel's answer to a beat."""
        return dict(self.page.until(lambda: next((one for one in self.heard() if one.get("n") == number), None)))

    def _data(self) -> list[dict[str, Any]]:
        return [m["content"]["data"] for m in self.page.heard if m["content"].get("comm_id") == self.comm]


BRISK = """
import colab_guard.notebook.keepalive, colab_guard.notebook.reconnect
# A second is the least that people may ask for.
colab_guard.notebook.keepalive.LEAST_SECONDS = colab_guard.notebook.reconnect.LEAST_SECONDS = 0.1
"""
MAGIC = "%%checkpointed {name} --every 1h\n"
LOOP = """import os, time
n = 0
while not os.path.exists("{name} may end"):
    n += 1
    time.sleep(0.005)
print("the end of {name}")
"""


def turned_on(page: Page, options: str = "--interval 0.3") -> Frame:
    """Turns keep-alive on, as if for the first time, in a cell of its own."""
    page.finish(page.run(BRISK))
    page.finish(page.run(f"%autoreconnect off\n%keepalive off\n%keepalive {options}"))
    return Frame(page)


def status(page: Page, magic: str = "%keepalive") -> dict[str, str]:
    """The rows of a status, by their names."""
    before = len(page.printed())
    page.finish(page.run(f"{magic} status"))
    page.until(lambda: len(page.printed()) > before)
    lines = page.printed()[before:].splitlines()
    return {line.split()[0]: line.split(maxsplit=1)[1].strip() for line in lines if line.strip()}


def train(page: Page, frame: Frame, name: str, then: str = "") -> str:
    """A guarded cell that runs until `end`, and does something then, once the frame knows it; its id."""
    cell = page.run((MAGIC + LOOP).format(name=name) + then)
    page.until(lambda: frame.settings()["cell"] == name)
    return cell


def deaf(page: Page, frame: Frame, name: str) -> str:
    """The same, but not guarded: no message comes through."""
    page.until(lambda: frame.settings()["cell"] is None)
    cell = page.run(LOOP.format(name=name))
    page.until(lambda: frame.settings()["cell"])
    return cell


def end(page: Page, book: Any, cell: str, name: str) -> None:
    """Lets it come to its end."""
    (book.folder / f"{name} may end").touch()
    assert page.finish(cell)["content"]["status"] == "ok"
