"""The panel's page side in Chromium, its kernel played by the page: how it looks, ticks, and is pressed.

The stand-in (page.html) has the part of anywidget's model that the panel uses. What it can't show is what a notebook's
own page does with a widget: tests/browser/test_stacks.py does that.
"""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import states
from tests.browser.states import State

NOW = 1795266151  # when the pages of these tests think it is
WIDE, NARROW = 540, 280


@pytest.fixture(autouse=True)
def clock(page: Page) -> None:
    """Time in the page passes only where a test says so."""
    page.clock.install(time=NOW - 60)
    page.clock.pause_at(NOW)
    page.reload()
    page.wait_for_function("window.ready")


def show(page: Page, state: State, width: int = WIDE, notebook: str = "window", *, answers: bool = True) -> int:
    """Draws a panel, whose kernel *answers* its first sign with that very state: its model's number."""
    number = page.evaluate(f"([state, width]) => show(state, width, {notebook})", [state, width])
    page.wait_for_function("n => models[n].sent.some(message => message.do === 'view')", arg=number)
    assert isinstance(number, int)
    if answers:
        tell(page, state, number)
    return number


def tell(page: Page, state: State, number: int = 0) -> None:
    """The kernel sends a state."""
    page.evaluate("([n, state]) => models[n].set(state)", [number, state])


def pressed(page: Page, number: int = 0) -> list[dict[str, Any]]:
    """The presses that were sent."""
    return [m for m in page.evaluate("n => models[n].sent", number) if m["do"] != "view"]


def views(page: Page, number: int = 0) -> list[bool]:
    """What was said of the view being visible."""
    return [m["arg"] for m in page.evaluate("n => models[n].sent", number) if m["do"] == "view"]


def later(state: State, seconds: float, **changes: Any) -> State:
    """The same, sent so much later."""
    return {**copy.deepcopy(state), "now": state["now"] + seconds, **changes}


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_wrong(page: Page, axe: Callable[[Page, str], list[Any]], theme: str, width: int) -> None:
    """At any width, in any theme, in any state, in several panels at once, with a snapshot and a question open."""
    page.evaluate("light => { document.body.dataset.jpThemeLight = light }", json.dumps(theme == "light"))
    page.set_viewport_size({"width": 1100, "height": 4000})  # only what is visible is drawn
    page.clock.resume()  # axe waits by timers,
    page.clock.set_fixed_time(NOW)  # and no kernel falls silent meanwhile
    for state in (states.safe, states.sweep, states.at_risk, states.ended, states.unprotected):
        show(page, state(NOW), width, "{}")
    page.locator("summary").click()
    show(page, states.safe(NOW - 3600), width, "{}", answers=False)  # as saved with a notebook
    page.locator(".newest").first.click()
    page.get_by_role("button", name="Restore…").click()
    expect(page.get_by_role("group", name="colab_guard")).to_have_count(6)
    assert axe(page, "main") == []
    for panel in page.locator(".panel").all():
        assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth")


def test_ages_tick_by_the_pages_own_clock(page: Page) -> None:
    show(page, states.safe(NOW))
    panel = page.get_by_role("group", name="colab_guard")
    expect(panel).to_contain_text("a crash costs 12 s, losing the VM 1 min 40 s")
    page.clock.run_for(9000)
    expect(panel).to_contain_text("a crash costs 21 s, losing the VM 1 min 49 s")
    expect(panel).to_contain_text("next in 39 s")
    page.clock.fast_forward(3000)  # one tick for three, as in a throttled page
    expect(panel).to_contain_text("a crash costs 24 s")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_moves_by_itself(page: Page, width: int) -> None:
    """Neither ages that grow, nor a press and its answer, nor bars and the log shift the buttons or the panel's end."""
    state = states.safe(NOW)
    show(page, state, width)
    button = page.get_by_role("button", name="Save now")

    def places() -> tuple[Any, ...]:
        panel = page.get_by_role("group", name="colab_guard").bounding_box()
        return panel, button.bounding_box(), page.locator(".bar").first.bounding_box()

    before = places()
    for seconds in (1, 48, 90, 600, 1300, 3600, 7100):
        tell(page, later(state, seconds, log={"at": NOW, "text": "saved `train` at line 3"}))
        assert places() == before, seconds
    tell(page, later(state, 7101))
    button.click()
    assert places() == before
    press = pressed(page)[0]["press"]
    tell(page, later(state, 7102, presses={press: {"state": "done", "text": "saved"}}))
    assert places() == before


def test_a_sweeps_table_is_opened_and_stays_open_as_it_changes(page: Page) -> None:
    state = states.sweep(NOW)
    show(page, state)
    table = page.locator("details dl")
    expect(page.locator("summary")).to_have_text("11 of 39 done, 1 failed (vit-large-patch16)")
    expect(table).to_be_hidden()
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(table.locator(".row")).to_have_count(14)
    expect(table.locator(".bad")).to_contain_text("OutOfMemoryError")
    changed = later(state, 5)
    changed["jobs"]["rows"][12][1:3] = ["accuracy 0.97", "5 min"]
    tell(page, changed)
    expect(table.locator(".row").nth(12)).to_have_text(re.compile("convnext-tiny.*accuracy 0.97.*5 min"))
    expect(table.get_by_text("5 min", exact=True)).to_be_visible()
    tell(page, later(changed, 5, jobs=None))
    expect(page.locator("details")).to_have_count(0)


def test_a_press_is_sent_once_acknowledged_at_once_and_answered(page: Page) -> None:
    """However often it is clicked before its answer comes; the button keeps the focus."""
    state = states.safe(NOW)
    show(page, state)
    button, line = page.get_by_role("button", name="Save now"), page.locator(".log")
    button.dblclick()
    button.press("Enter")
    [press] = pressed(page)
    assert (press["do"], press["arg"]) == ("save", None)
    expect(line).to_have_text("Save now: waiting for the cell")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_name("Save now (waiting for the cell)")
    expect(button).to_be_focused()
    tell(page, later(state, 1, presses={press["press"]: {"state": "waiting", "text": "at the next safe point"}}))
    expect(line).to_have_text("Save now: at the next safe point")
    tell(page, later(state, 2, presses={press["press"]: {"state": "done", "text": "saved `train`"}}))
    expect(line).to_have_text("Save now: saved train")
    expect(page.get_by_role("status")).to_contain_text("Save now: saved train")
    expect(button).to_have_accessible_name("Save now")
    button.press("Space")
    assert len({one["press"] for one in pressed(page)}) == 2


def test_what_another_view_pressed_is_seen_in_all_and_not_pressed_again(page: Page) -> None:
    """Two views of one model; each can go while the other stays, and the last leaves nothing behind."""
    state = states.at_risk(NOW)
    show(page, state)
    page.evaluate("again(0)")
    page.wait_for_function("models[0].sent.length === 2")  # that it is seen is said, of each
    buttons = page.get_by_role("button", name="Save now")
    expect(buttons).to_have_count(2)
    for button in buttons.all():
        expect(button).to_have_accessible_name("Save now (waiting for the cell)")
        button.click(force=True)
    assert pressed(page) == []
    page.evaluate("document.querySelector('main').firstChild.leave()")
    expect(buttons).to_have_count(1)
    tell(page, states.safe(NOW))
    expect(page.get_by_role("group", name="colab_guard")).to_contain_text("Safe")
    page.evaluate("document.querySelector('main').lastChild.leave()")
    assert page.evaluate("models[0].handlers.length") == 0
    assert page.evaluate("document.querySelectorAll('main > div > *').length") == 0
    assert sorted(views(page)) == [False, False, True, True]


def test_a_button_that_can_do_harm_asks_first(page: Page) -> None:
    """Its "No" has the focus, Escape is no, and a double click on the button does nothing."""
    show(page, states.safe(NOW))
    release = page.get_by_role("button", name="Release when done", exact=True)
    release.dblclick()
    no = page.get_by_role("button", name="No, leave it")
    expect(no).to_be_focused()
    page.keyboard.press("Escape")
    expect(no).to_have_count(0)
    expect(release).to_be_focused()
    assert pressed(page) == []
    release.click()
    page.locator(".question").get_by_role("button", name="Release when done").click()
    assert [one["do"] for one in pressed(page)] == ["release-when-done"]


def test_everything_can_be_reached_by_keyboard_and_the_notebook_hears_no_key(page: Page) -> None:
    """The timeline is one stop; a snapshot is opened, closed, restored after a question."""
    state = states.safe(NOW)
    show(page, state)
    page.keyboard.press("Tab")
    page.evaluate("window.keys = []; document.addEventListener('keydown', event => keys.push(event.key))")
    for key in ("ArrowLeft", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    shot = state["timeline"][-3]
    detail = page.get_by_role("group", name=re.compile("^Snapshot of"))
    expect(detail).to_contain_text("epoch 6, batch 6,100")
    expect(detail).to_contain_text("412 MB · 96.0 MB new · 14 variables · durable")
    for name in ("Restore…", "Close", "Save now"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    for key in ("Enter", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="No, leave it")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert [(one["do"], one["arg"]) for one in pressed(page)] == [("restore", shot["id"])]
    assert page.evaluate("keys") == []


def test_a_hidden_panel_says_so_and_does_nothing(page: Page) -> None:
    """Scrolled away, or in a tab behind another one; back again, it shows what holds now."""
    show(page, states.safe(NOW))
    page.evaluate(
        """() => {
            window.changes = 0;
            const root = document.querySelector("main > div > div").shadowRoot;
            const all = { subtree: true, childList: true, characterData: true };
            new MutationObserver(() => (changes += 1)).observe(root, all);
            document.querySelector("main").style.paddingTop = "3000px";
        }"""
    )
    page.wait_for_function("models[0].sent.at(-1).arg === false")
    page.clock.run_for(5000)
    assert page.evaluate("changes") == 0
    page.evaluate("document.querySelector('main').style.paddingTop = '0'")
    page.wait_for_function("models[0].sent.at(-1).arg === true")
    expect(page.get_by_role("group", name="colab_guard")).to_contain_text("a crash costs 17 s")
    page.clock.run_for(65_000)
    page.evaluate(
        """() => {
            Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    assert views(page) == [True, False, True, True, True, False]  # twice in 65 s that it is still there


def test_a_state_that_was_saved_is_grey_until_a_kernel_speaks(page: Page) -> None:
    """As in a notebook that is opened without a kernel: its time is said, nothing ticks, nothing can be pressed."""
    old = states.safe(NOW - 86400)
    show(page, old, answers=False)
    panel = page.get_by_role("group", name="colab_guard")
    expect(panel).to_contain_text("Connecting")
    page.clock.run_for(6000)
    expect(panel).to_contain_text("No kernelas of 20 Nov 14:02:31: Safe, a crash costs 12 s")
    expect(panel).to_contain_text("at 14:02:19 · local disk")
    expect(panel).to_have_class("panel none")
    page.get_by_role("button", name="Save now").click(force=True)
    assert pressed(page) == []
    tell(page, states.safe(NOW + 6))
    expect(panel).to_have_class("panel safe")
    expect(panel).to_contain_text("12 s ago")


def test_a_kernel_that_never_answers_is_none(page: Page) -> None:
    """However new the state looks: clocks differ. In a cell that lets no message through, it has time."""
    show(page, states.safe(NOW), answers=False)
    panel = page.get_by_role("group", name="colab_guard")
    page.clock.run_for(4000)
    expect(panel).to_have_class("panel safe")
    page.clock.run_for(2000)
    expect(panel).to_contain_text("No kernelas of 14:02:31: Safe")
    plain = states.safe(NOW + 6)
    plain["cell"]["guarded"] = False
    show(page, plain, notebook="{}", answers=False)
    page.clock.run_for(60_000)
    expect(panel.last).to_have_class("panel safe")


def test_a_kernel_that_falls_silent_is_not_called_safe(page: Page) -> None:
    """Presses are kept for it; when it speaks again, all is as before."""
    state = states.safe(NOW)
    show(page, state)
    panel = page.get_by_role("group", name="colab_guard")
    page.clock.run_for(24_000)
    expect(panel).to_have_class("panel safe")
    page.clock.run_for(4000)
    expect(panel).to_contain_text("No newsfrom the kernel for 28 s")
    expect(panel).to_have_class("panel none")
    page.get_by_role("button", name="Save now").click()
    assert len(pressed(page)) == 1
    tell(page, later(state, 29))
    expect(panel).to_have_class("panel safe")


def test_a_quiet_kernel_is_left_in_peace_and_believed_until_somebody_asks_it(page: Page) -> None:
    """No sign is sent to it; its figures have their time; one that then does not answer a press is not called safe."""
    state = states.safe(NOW)
    state["cell"]["running"], state["quiet"] = False, True
    show(page, state)
    panel = page.get_by_role("group", name="colab_guard")
    page.clock.run_for(600_000)
    assert views(page) == [True]
    expect(panel).to_have_class("panel safe")
    expect(panel).to_contain_text("a crash costs 10 min")
    expect(panel.locator(".meter", has_text="as of 14:02")).to_have_count(3)
    page.get_by_role("button", name="Save now").click()
    page.clock.run_for(4000)
    expect(panel).to_have_class("panel safe")
    page.clock.run_for(2000)
    expect(panel).to_contain_text("No newsfrom the kernel for 10 min")
    tell(page, later(state, 606, quiet=False))
    expect(panel).to_have_class("panel safe")
    page.clock.run_for(1000)
    assert views(page) == [True, True]


def test_a_restarted_kernel_is_said_by_the_panels_of_the_old_one(page: Page) -> None:
    """By a newer panel of the same notebook, not by one of another; or by the widget that lost its comm."""
    show(page, states.safe(NOW), notebook="window")
    panel = page.get_by_role("group", name="colab_guard").first
    show(page, {**states.unprotected(NOW), "kernel": "other"}, notebook="document")
    expect(panel).to_have_class("panel safe")
    page.get_by_role("button", name="Stop after saving").click()
    show(page, later(states.unprotected(NOW), 1), notebook="window")
    expect(panel).to_contain_text("Kernel restartedas of 14:02:31: Safe")
    expect(panel.get_by_role("button", name="Stop after saving")).to_have_accessible_name(
        "Stop after saving (there is no kernel)"
    )
    page.evaluate("models[2].trigger('comm_live_update')")
    expect(page.get_by_role("group", name="colab_guard").last).to_contain_text("Kernel restarted")


def test_the_theme_is_the_hosts_and_follows_it(page: Page) -> None:
    """Its own word first, then what lies behind the panel; the system's only where neither says anything."""
    page.emulate_media(color_scheme="dark")
    show(page, states.safe(NOW))
    is_dark = "() => document.querySelector('main > div > div').hasAttribute('dark')"
    assert not page.evaluate(is_dark), "a white page on a dark system"
    for change, dark in (
        ("document.body.dataset.jpThemeLight = 'false'", True),
        ("document.body.dataset.jpThemeLight = 'true'", False),
        ("delete document.body.dataset.jpThemeLight; document.body.dataset.vscodeThemeKind = 'vscode-dark'", True),
        ("document.body.dataset.vscodeThemeKind = 'vscode-high-contrast-light'", False),
        ("delete document.body.dataset.vscodeThemeKind; document.documentElement.setAttribute('theme', 'dark')", True),
        ("document.documentElement.removeAttribute('theme')", False),
        ("document.body.style.background = '#222'", True),
        ("document.body.style.background = 'transparent'", True),
    ):
        page.evaluate(change)
        page.wait_for_function(f"() => ({is_dark})() === {json.dumps(dark)}")


def test_twelve_hours_leave_nothing_behind(page: Page) -> None:
    """As many states as in twelve hours, one in 30 s: no more DOM nodes, listeners or memory than before."""
    show(page, states.safe(NOW))
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")

    def held() -> dict[str, float]:
        metrics.send("HeapProfiler.collectGarbage")
        found = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}
        return {name: found[name] for name in ("Nodes", "JSEventListeners", "JSHeapUsedSize")}

    live = """([first, count]) => {
        for (let n = first; n < first + count; n++) {
            const state = structuredClone(models[0].state);
            state.now += 30;
            state.saved.at = state.now - (n % 60);
            state.cell.loops[1][1] = n % 6989;
            state.ram.spark = [...state.ram.spark.slice(1), (n % 97) / 97];
            state.log = { at: state.now, text: `saved at batch ${n}` };
            state.timeline = [...state.timeline.slice(-20), { ...state.timeline.at(-1), id: `n${n}`, at: state.now }];
            models[0].set(state);
        }
    }"""
    page.evaluate(live, [0, 320])
    before = held()
    page.evaluate(live, [320, 1440])
    after = held()
    assert after["Nodes"] <= before["Nodes"]
    assert after["JSEventListeners"] <= before["JSEventListeners"]
    assert after["JSHeapUsedSize"] < before["JSHeapUsedSize"] + 500_000
