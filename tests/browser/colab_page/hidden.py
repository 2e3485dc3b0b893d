"""A tab that is really hidden. Playwright keeps each of its pages in front, and lets no timer be slowed down; this is
none of its pages, in a Chromium started without those flags, and is spoken to through the debugger.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, BrowserType, CDPSession

from tests.browser.chromium import FLAGS, PATIENCE_MS, found

AWAKE = [
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
]


class Tab:
    """A tab of *browser*'s, in front until ``hide``."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._cdp: CDPSession = browser.new_browser_cdp_session()
        self._answers: dict[int, Any] = {}
        self._asked = 0
        self._cdp.on("Target.receivedMessageFromTarget", self._receive)
        target = self._cdp.send("Target.createTarget", {"url": url})["targetId"]
        self._session = self._cdp.send("Target.attachToTarget", {"targetId": target, "flatten": False})["sessionId"]

    def hide(self) -> None:
        """Another tab comes before it."""
        self._cdp.send("Target.createTarget", {"url": "about:blank"})
        self.until("document.visibilityState === 'hidden'")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited."""
        answer = self._answer(expression)["result"]
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Waits until something is so, in whichever document comes."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self._answer(expression).get("result", {}).get("result", {}).get("value"):
            assert time.monotonic() < deadline, f"it never came: {expression}"

    def _answer(self, expression: str) -> dict[str, Any]:
        self._asked += 1
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        message = json.dumps({"id": self._asked, "method": "Runtime.evaluate", "params": asked})
        self._cdp.send("Target.sendMessageToTarget", {"sessionId": self._session, "message": message})
        while self._asked not in self._answers:
            self._cdp.send("Target.getTargets")  # to hear what has come
        return self._answers.pop(self._asked)

    def _receive(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[message["id"]] = message


@contextlib.contextmanager
def slow(chromium: BrowserType) -> Iterator[Browser]:
    """A Chromium that treats hidden tabs as everybody's does."""
    flags = {"args": FLAGS.split(), "ignore_default_args": AWAKE}
    browser = chromium.launch(executable_path=found(), timeout=PATIENCE_MS, **flags)
    yield browser
    browser.close()
