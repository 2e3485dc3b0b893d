"""The stand-in for Colab's page, open in Chromium, with what a test asks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from playwright.sync_api import BrowserContext, Frame

from colab_guard.keepalive.page import frame_module, snippet, userscript

SCRIPT = "window['colab_guard.page']"


class ColabPage:
    """One page. *clock*: time is Playwright's, which replaces Date and timers, and moves only by ``passes``; it has no
    Worker, whose timers would go on in real time.

    *manager*: the userscript is there, as a manager's of userscripts at ``document-idle``, on each load. What the page
    and its frames write to the console is in ``lines``, errors that nothing caught are in ``errors``.
    """

    def __init__(
        self, context: BrowserContext, address: str, query: str = "", *, clock: bool = False, manager: bool = False
    ) -> None:
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.page = context.new_page()
        self.page.on("console", lambda line: self.lines.append(line.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        if clock:
            self.page.add_init_script("delete window.Worker")
            self.page.clock.install(time=1_800_000_000)
            self.page.clock.pause_at(1_800_000_060)
        if manager:
            idle = f"if (window.top === window) addEventListener('load', () => {{ {userscript()} }})"
            self.page.add_init_script(idle)
        self.page.goto(f"{address}colab?{query}")
        self.page.wait_for_function("window.stand?.ready")
        self.lines.clear()

    def script(self) -> None:
        """Pastes the snippet into the console."""
        self.page.evaluate(snippet())

    def state(self) -> dict[str, Any]:
        """What the page's script says of itself."""
        return dict(self.page.evaluate(f"{SCRIPT}.state()"))

    def works(self) -> None:
        """A frame says that there is work."""
        self.frame()
        self.page.wait_for_function(f"{SCRIPT}.state().frames === 1 && {SCRIPT}.state().working")

    def look(self, times: int = 1) -> None:
        """The page's script looks now, and need not wait for its time."""
        self.page.evaluate(f"times => {{ for (let n = 0; n < times; n++) {SCRIPT}.look() }}", times)

    def becomes(self, state: str) -> None:
        """Colab's button shows another state, and the script looks."""
        self.page.evaluate("state => stand.become(state)", state)
        self.look()

    def passes(self, minutes: float, step_minutes: float = 1) -> None:
        """Lets time pass, in steps, between which the messages between page and frames arrive."""
        for _ in range(round(minutes / step_minutes)):
            self.page.clock.run_for(round(step_minutes * 60_000))
            self.page.evaluate("stand.settle()")

    def frame(self, interval_s: float = 60, **settings: Any) -> Frame:
        """An output with the frame of keep-alive, for a kernel that works."""
        told = {"interval_s": interval_s, "working": True, "cell": "train", "done": 0} | settings
        self.page.evaluate("([esm, settings]) => stand.frame(esm, settings)", [frame_module(), told])
        return self.page.frames[-1]

    def clicks(self) -> list[dict[str, Any]]:
        """What was pressed in Colab's page, and whether by a person's hand."""
        return list(self.page.evaluate("stand.clicks"))

    def heard(self, what: str) -> list[dict[str, Any]]:
        """What a kernel was sent."""
        return [message for message in self.page.evaluate("stand.heard") if message["what"] == what]

    def badge(self) -> str:
        """What the page's script shows."""
        shown = (
            "document.querySelector('colab-guard-page')?.shadowRoot.querySelector('[role=status]').textContent ?? ''"
        )
        return str(self.page.evaluate(shown))


NewColab: TypeAlias = Callable[..., ColabPage]
