"""What the page's script does at the top of Colab's page, which a stand-in plays, and what nothing does from a frame.

The stand-in has the connect button's shapes as users' scripts know them. It can't show that Colab's page is so.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from colab_guard.keepalive.page import bookmarklet, snippet
from tests.browser.colab_page.book import ColabPage, NewColab

# As they are pasted into cells, all over the web; the last is as one tries next.
FOLKLORE = {
    "2020": 'document.querySelector("colab-toolbar-button#connect").click()',
    "2021": 'document.querySelector("colab-connect-button").shadowRoot.getElementById("connect").click()',
    "2023": 'document.querySelector("colab-connect-button").shadowRoot.querySelector("#connect").click()',
    "through the parent": 'parent.document.querySelector("colab-connect-button").click()',
}
SHAPES = {
    "new": "colab-connect-button › #connect › #button",
    "middle": "colab-connect-button › #connect",
    "old": "colab-toolbar-button#connect",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_scripts_that_people_paste_into_cells_press_nothing(colab: NewColab, shape: str) -> None:
    """In an output's frame each of them fails; from the page itself, those of its time press the button."""
    page = colab(f"shape={shape}")
    frame = page.frame()
    tried = "script => { try { Function(script)() } catch (error) { return error.name } }"
    for script in FOLKLORE.values():
        assert frame.evaluate(tried, script) in ("TypeError", "SecurityError")
    assert page.clicks() == []
    for script in FOLKLORE.values():
        page.page.evaluate(tried, script)
    pressed = page.clicks()
    assert all(click["trusted"] is False for click in pressed)
    assert len(pressed) == {"new": 2, "middle": 2, "old": 1}[shape]


def test_our_script_says_in_a_frame_that_it_is_one(colab: NewColab) -> None:
    page = colab()
    page.frame().evaluate(snippet())
    assert any("this is an output's frame" in line for line in page.lines)
    assert page.clicks() == []


@pytest.mark.parametrize(("shape", "way"), [("new", "snippet"), ("middle", "bookmarklet"), ("old", "userscript")])
def test_ours_presses_reconnect_from_the_page(colab: NewColab, shape: str, way: str) -> None:
    """In each known shape, in each way to start it: once when Colab has disconnected, and never before."""
    page = colab(f"shape={shape}", manager=way == "userscript")
    if way == "snippet":
        page.script()
    elif way == "bookmarklet":
        page.page.evaluate("address => { location.href = address }", bookmarklet())
    page.works()
    page.look(5)
    assert (page.clicks(), page.state()["name"], page.state()["shape"]) == ([], "connected", SHAPES[shape])
    page.becomes("disconnected")
    assert [(click["state"], click["trusted"]) for click in page.clicks()] == [("disconnected", False)]
    page.look()
    assert [move["to"] for move in page.state()["moved"]] == ["connected", "lost", "reconnecting", "connected"]


def test_the_pages_own_word_goes_before_the_buttons(colab: NewColab) -> None:
    """In a language that the script does not speak, where Colab's page has the object that users' scripts use."""
    page = colab("api=1&words=Neu verbinden")
    page.script()
    assert page.state()["connect"] == "connected"
    page.becomes("disconnected")
    assert len(page.clicks()) == 1


@pytest.mark.parametrize(
    "query", ["shape=unknown", "shape=none", "shape=middle&words=Neu verbinden&state=disconnected"]
)
def test_a_button_that_is_not_known_is_a_state_not_an_error(colab: NewColab, query: str) -> None:
    page = colab(query)
    page.script()
    page.becomes("disconnected")
    assert (page.clicks(), page.state()["connect"]) == ([], "unknown")
    assert "none that is known here" in page.badge()


def test_a_page_whose_own_object_fails_is_a_state_not_an_error(colab: NewColab) -> None:
    page = colab()
    page.page.evaluate("window.colab = { global: { notebook: { kernel: { isConnected() { throw Error('new') } } } } }")
    page.script()
    assert page.state()["connect"] == "unknown"
    assert "Colab's page is not as known: Error: new" in page.lines[0]


@pytest.mark.parametrize("kind", ["dialog", "captcha"])
def test_nothing_is_pressed_while_the_page_asks_something(colab: NewColab, kind: str) -> None:
    """Twelve hours of it, and not one click; once it was answered, Reconnect is pressed."""
    page = colab(clock=True)
    page.script()
    page.page.evaluate("kind => { stand.answered = stand.ask(kind) }", kind)
    page.becomes("disconnected")
    page.passes(12 * 60 - 30, step_minutes=30)
    assert (page.clicks(), page.state()["connect"]) == ([], "dialog")
    assert "answer it" in page.badge()
    page.page.evaluate("stand.answered()")
    page.look()
    assert [click["state"] for click in page.clicks()] == ["disconnected"]


def test_a_page_that_was_never_connected_is_left_alone(colab: NewColab) -> None:
    """To open a notebook starts no runtime, whatever is installed in the browser; nor does it show anything."""
    page = colab("state=disconnected", manager=True)
    page.look(10)
    assert (page.clicks(), page.state()["name"]) == ([], "waiting")
    assert page.page.locator("colab-guard-page").is_hidden()


def test_a_runtime_that_its_user_ends_is_not_brought_back(colab: NewColab) -> None:
    page = colab(clock=True)
    page.script()
    page.page.mouse.click(300, 300)
    page.becomes("disconnected")
    page.passes(60, step_minutes=10)
    assert page.clicks() == []
    assert "while you were there" in page.badge()


def test_without_work_nothing_is_pressed(colab: NewColab) -> None:
    """The kernel's word goes; and without any, twelve hours are the end."""
    page = colab(clock=True)
    page.script()
    page.frame()
    page.passes(1)
    page.page.evaluate("stand.to(0, 'settings', { working: false })")
    page.page.wait_for_function("document.querySelector('colab-guard-page').shadowRoot.textContent.includes('no work')")
    page.becomes("disconnected")
    page.passes(30, step_minutes=5)
    assert page.clicks() == []

    alone = colab(clock=True)
    alone.script()
    alone.passes(12 * 60 + 1, step_minutes=60)
    alone.becomes("disconnected")
    assert alone.clicks() == []


def test_the_userscript_presses_nothing_without_a_word_of_work(colab: NewColab) -> None:
    """It is in every notebook, and a runtime that ended for want of use is not to begin again."""
    page = colab(manager=True, clock=True)
    page.becomes("disconnected")
    page.passes(60, step_minutes=10)
    assert page.clicks() == []
    assert "no work" in page.badge()


def test_offline_nothing_is_pressed_or_loaded(colab: NewColab, context: BrowserContext) -> None:
    page = colab(manager=True, clock=True)
    page.works()
    context.set_offline(True)
    page.becomes("disconnected")
    page.passes(60, step_minutes=5)
    assert page.clicks() == []
    context.set_offline(False)
    page.page.wait_for_function("stand.clicks.length")


def loads(page: ColabPage, minutes: int) -> list[float]:
    """Lets time pass in which no press helps; the minutes at which the page was loaded anew."""
    at: list[float] = []
    page.becomes("disconnected")
    begun = page.page.evaluate("Date.now()")
    for _ in range(minutes):
        page.page.evaluate("stand.old = true")
        page.page.clock.run_for(60_000)
        page.page.wait_for_function("window.stand?.ready && !stand.leaving && window['colab_guard.page']")
        if not page.page.evaluate("stand.old ?? false"):
            at.append((page.page.evaluate("Date.now()") - begun) / 60_000)
    return at


def test_the_page_is_loaded_anew_when_presses_fail_twice_an_hour_at_most(colab: NewColab) -> None:
    """Back-off and count outlive the reload."""
    page = colab("state=disconnected&comes=no", clock=True, manager=True)
    page.becomes("connected")
    page.works()
    at = loads(page, 130)
    assert 3 <= len(at) <= 5
    assert all(later - earlier >= 59 for earlier, later in zip(at, at[2:], strict=False))


@pytest.mark.parametrize("why", ["unsaved edits", "a snippet would not come back"])
def test_the_page_is_not_loaded_anew(colab: NewColab, why: str) -> None:
    page = colab("state=disconnected&comes=no", clock=True, manager=why == "unsaved edits")
    page.page.evaluate("stand.dirty = true")
    if why != "unsaved edits":
        page.page.evaluate("stand.dirty = false")
        page.script()
    page.becomes("connected")
    page.works()
    assert loads(page, 30) == []


def test_it_can_be_stopped_and_started_twice(colab: NewColab, axe: Callable[[Page, str], list[Any]]) -> None:
    page = colab()
    page.script()
    page.script()
    badge = page.page.locator("colab-guard-page")
    assert badge.count() == 1
    assert axe(page.page, "colab-guard-page") == []
    page.page.get_by_role("button", name="Stop colab_guard").click()
    assert badge.count() == 0
    page.page.evaluate("stand.become('disconnected')")
    page.page.evaluate("window.dispatchEvent(new Event('focus'))")
    assert page.clicks() == []
    assert page.page.evaluate("window['colab_guard.page'] === undefined")
