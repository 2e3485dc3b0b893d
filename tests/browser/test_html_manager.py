"""The panel in ipywidgets' HTML manager, on which VS Code builds its notebooks' widgets: a stand-in for VS Code, whose
extensions nothing here can install, with a stand-in for the kernel, played by the test.

It shows that this manager and anywidget's own script draw the panel, keep it up to date and pass on what is pressed. It
can't show what VS Code does around them: between its page and the kernel, with where scripts come from, with keys.
"""

import json
import time
from typing import Any

from playwright.sync_api import Page, expect

from colab_guard.ui.widget import PanelWidget
from tests.browser import states


def test_the_panel_is_drawn_kept_up_to_date_and_pressed(page: Page, address: str) -> None:
    now = time.time()
    state = states.safe(now)
    page.goto(f"{address}html-manager")
    page.clock.set_fixed_time(now)  # else the state would grow old, and the kernel silent
    page.evaluate("state => show(state)", widget(state))
    panel = page.get_by_role("group", name="colab_guard")
    expect(panel).to_have_class("panel safe")
    page.wait_for_function("sent.some(message => message.do === 'view' && message.arg)")
    assert page.evaluate("document.querySelector('main [dark]') !== null"), "VS Code's own word for its theme"
    page.get_by_role("button", name="Save now").click()
    page.wait_for_function("sent.some(message => message.do === 'save')")
    [press] = [message["press"] for message in page.evaluate("sent") if message["do"] == "save"]
    answered = {**states.safe(now + 1), "presses": {press: {"state": "done", "text": "saved `train`"}}}
    page.evaluate("state => tell(state)", answered)
    expect(panel.locator(".log")).to_have_text("Save now: saved train")


def test_without_a_kernel_the_last_state_is_shown_with_its_time(page: Page, address: str) -> None:
    """As exports to HTML do, which draw with this very manager."""
    page.goto(f"{address}html-manager")
    page.clock.install()
    page.evaluate("state => show(state)", widget(states.safe(time.time() - 86400)))
    panel = page.get_by_role("group", name="colab_guard")
    expect(panel).to_have_class("panel none")
    page.clock.fast_forward(6000)
    expect(panel).to_contain_text("No kernelas of ")


def widget(state: states.State) -> dict[str, Any]:
    """What the real widget tells a page of itself, its layout left out, which is a widget of its own."""
    made = PanelWidget(state, "")
    found = {name: value for name, value in made.get_state().items() if name != "layout"}
    made.layout.close()
    made.close()
    return dict(json.loads(json.dumps(found)))
