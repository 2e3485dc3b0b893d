"""A page by hand: speaks to a kernel's widgets as a browser would, message by message. It draws nothing."""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Callable
from typing import Any

from tests.support.kernel import Kernel

SEEN_SECONDS = 30.0  # as js/panel.js has it: how often a view that is visible says so


class Page:
    """Hears all that a kernel says, and sends it what a page sends. For the thread of its kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self._client = kernel, kernel._client
        self.heard: list[dict[str, Any]] = []
        self.replies: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.at: list[float] = []  # when each state came
        self.comm = ""  # of the newest panel
        self.opened: dict[str, dict[str, Any]] = {}
        self._visible: dict[str, float] = {}  # views, and when each last said so

    def run(self, code: str, *, stop_on_error: bool = False) -> str:
        """Asks for a cell, and returns at once: its id."""
        return str(self._client.execute(code, stop_on_error=stop_on_error))

    def finish(self, cell: str, seconds: float = 60.0) -> dict[str, Any]:
        """Waits for a cell's reply, and for all that it printed, which comes by another channel."""
        reply: dict[str, Any] = self.until(lambda: next((r for r in self.replies if _parent(r) == cell), None), seconds)
        self.finish_idle(cell)
        return reply

    def finish_idle(self, message: str) -> None:
        """Waits until the kernel says that it is done with a message."""
        self.until(lambda: self.idle_of([message])[0])

    def idle_of(self, messages: list[str]) -> list[bool]:
        """Of each message whether the kernel said that it is done with it."""
        idle = {
            _parent(m) for m in self.heard if m["msg_type"] == "status" and m["content"]["execution_state"] == "idle"
        }
        return [message in idle for message in messages]

    def until(self, found: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Listens until there is something."""
        deadline = time.monotonic() + seconds
        while not (answer := found()):
            assert time.monotonic() < deadline, [self.printed()[-2000:], self.states[-1:]]
            self.listen(0.02)
        return answer

    def listen(self, seconds: float = 0.0) -> None:
        """Takes in what has come, and says what is visible."""
        for view, at in list(self._visible.items()):
            if time.monotonic() - at >= SEEN_SECONDS:
                self.view(view, visible=True)
        while True:
            try:
                self._take(self._client.get_iopub_msg(timeout=seconds))
            except queue.Empty:
                break
            seconds = 0.0
        while True:
            try:
                self.replies.append(self._client.get_shell_msg(timeout=0))
            except queue.Empty:
                return

    def say(self, **content: Any) -> str:
        """A custom message of the panel's page; its id."""
        return self.send("comm_msg", {"comm_id": self.comm, "data": {"method": "custom", "content": content}})

    def view(self, view: str, *, visible: bool) -> None:
        """A view is visible from now on, or it is not."""
        self._visible.pop(view, None)
        if visible:
            self._visible[view] = time.monotonic()
        self.say(do="view", view=view, arg=visible)

    def press(self, do: str, arg: Any = None) -> str:
        """Presses a button; the press's id."""
        press = uuid.uuid4().hex[:8]
        self.say(do=do, press=press, arg=arg)
        return press

    def send(self, kind: str, content: dict[str, Any], **metadata: str) -> str:
        """Any message, on the shell channel; its id."""
        message = self._client.session.msg(kind, content, metadata=metadata)
        self._client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def answer(self, press: str, seconds: float = 60.0) -> dict[str, str]:
        """What came of a press."""

        def found() -> Any:
            known = self.states[-1]["presses"].get(press) if self.states else None
            return known if known and known["state"] != "waiting" else None

        return dict(self.until(found, seconds))

    def printed(self) -> str:
        """All that cells have printed."""
        return "".join(m["content"]["text"] for m in self.heard if m["msg_type"] == "stream")

    def _take(self, message: dict[str, Any]) -> None:
        self.heard.append(message)
        if message["msg_type"] == "colab_request" and self.kernel.page:
            if answer := self.kernel.page(message):
                self._client.input(answer)
            return
        kind, content = message["msg_type"], message["content"]
        data = content.get("data") or {}
        if kind == "comm_open":
            self.opened[content["comm_id"]] = data.get("state", {})
            if "_esm" in data.get("state", {}) and "state" in data["state"]:
                self.comm = content["comm_id"]
                self._state(data["state"]["state"])
        elif kind == "comm_msg" and content["comm_id"] == self.comm and "state" in data.get("state", {}):
            self._state(data["state"]["state"])

    def _state(self, state: dict[str, Any]) -> None:
        self.states.append(state)
        self.at.append(time.monotonic())


def _parent(message: dict[str, Any]) -> Any:
    return message["parent_header"].get("msg_id")


def opened(kernel: Kernel) -> Page:
    """A page that was there when the panel was shown, and sees it."""
    page = Page(kernel)
    page.finish(page.run("%reload_ext colab_guard"))
    page.until(lambda: page.comm)
    page.view("one", visible=True)
    return page
