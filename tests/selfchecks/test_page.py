"""What the page answers, or does not, is told as it is; it is never asked without a time limit.

A stand-in for google.colab in this process has the names of the real one; the script is not run by it.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from colab_guard.selfchecks import page, run
from colab_guard.selfchecks import report as module
from colab_guard.selfchecks.page import API, CALL, SCRIPT
from tests.selfchecks.test_report import lines_of

FOUND = {
    **dict.fromkeys(API, True), "button": False, "parent": "threw SecurityError", "hidden": False,
    "ticks": 29, "worker_ticks": 30,
}  # fmt: skip


class Colab:
    """google.colab as far as it is used: answers the script with ``found``, and calls back at once if ``eager``."""

    def __init__(self, found: Any, notebook: Any = None, eager: bool = False) -> None:
        self.found, self.notebook, self.eager = found, notebook, eager
        self.callbacks: dict[str, Callable[[], None]] = {}
        self.asked: list[str] = []

    def eval_js(self, script: str, ignore_result: bool = False, timeout_sec: float | None = None) -> Any:
        assert timeout_sec, "without a browser this would wait for ever"
        self.asked.append(script)
        if script == SCRIPT:
            if isinstance(self.found, Exception):
                raise self.found
            return self.found if self.found is None else json.dumps(self.found)
        [name] = self.callbacks
        assert script == CALL.format(name=name)
        if self.eager:
            self.callbacks[name]()
        return True

    def register_callback(self, name: str, callback: Callable[[], None]) -> None:
        self.callbacks[name] = callback

    def unregister_callback(self, name: str) -> None:
        del self.callbacks[name]

    def blocking_request(self, kind: str, request: str = "", timeout_sec: float | None = None) -> Any:
        assert (kind, bool(timeout_sec)) == ("get_ipynb", True)
        return self.notebook


def told(monkeypatch: pytest.MonkeyPatch, colab: Colab) -> dict[str, tuple[str, str]]:
    names = {"google": None, "google.colab": None, "google.colab.output": colab, "google.colab._message": colab}
    for name, thing in names.items():
        monkeypatch.setitem(sys.modules, name, thing or types.ModuleType(name))
    shell = types.SimpleNamespace(kernel=types.SimpleNamespace())
    monkeypatch.setattr(module, "_shell", lambda: shell)
    monkeypatch.setattr(module, "FACTS", page.FACTS)
    monkeypatch.setattr(page, "BUSY_SECONDS", 0.01)
    said: list[str] = []
    run(0, said.append)
    return lines_of("\n".join(said))


def test_a_page_that_is_as_we_assume(monkeypatch):
    notebook = {"ipynb": {"metadata": {"colab": {"name": "my diary.ipynb", "provenance": []}}}}
    colab = Colab(FOUND, notebook)
    lines = told(monkeypatch, colab)
    assert {key: verdict for key, (verdict, _) in lines.items() if key != "draining"} == dict.fromkeys(
        [fact.key for fact in page.FACTS if fact.key != "draining"], "Confirmed"
    )
    assert colab.asked.count(SCRIPT) == 1, "the page is asked once"
    assert "it holds name, provenance" in lines["page-notebook"][1]
    assert "diary" not in str(lines)
    [late] = colab.callbacks.values()
    late()
    assert colab.callbacks == {}, "a call that comes after the cell leaves nothing"


def test_a_page_that_is_otherwise(monkeypatch):
    found = FOUND | {"proxyPort": False, "comms": "threw TypeError", "button": True, "worker_ticks": -1}
    lines = told(monkeypatch, Colab(found, {"ipynb": {"metadata": {}}}, eager=True))
    for key in ("frame-api", "frame-apart", "frame-timers", "busy-messages", "draining", "page-notebook"):
        assert lines[key][0] == "Different"
    assert "missing: proxyPort (False), comms (threw TypeError)" in lines["frame-api"][1]
    assert "the button: reached" in lines["frame-apart"][1]


def test_without_a_browser(monkeypatch):
    colab = Colab(None)
    lines = told(monkeypatch, colab)
    assert lines["page-answers"][0] == "Different"
    for key in ("frame-api", "frame-apart", "frame-timers", "busy-messages", "page-notebook"):
        assert lines[key][0] == "Could not be checked"
        assert "no browser answered" in lines[key][1]
    assert colab.asked == [SCRIPT], "one wait, not five"


def test_a_page_that_fails(monkeypatch):
    lines = told(monkeypatch, Colab(ValueError("for somebody@example.org")))
    assert "Could not be checked: ValueError: for [address]." in lines["page-answers"][1]
    assert "it failed: see page-answers" in lines["frame-api"][1]
