"""Draws the pictures of the panel: `python -m tests.browser.screenshots FOLDER` (`make screenshots`).

They are of states.py, at one time, so that the same sources draw the same pictures.
"""

import sys
from pathlib import Path

from tests.browser import states
from tests.browser.chromium import chromium, served

NOW = 1795266151
WIDE, NARROW = 504, 280
PICTURES = {
    "panel-light": ("true", WIDE, [states.safe, states.at_risk, states.ended, states.unprotected]),
    "panel-dark": ("false", WIDE, [states.safe, states.at_risk, states.ended, states.unprotected]),
    "panel-narrow": ("true", NARROW, [states.safe, states.at_risk]),
}


def main(folder: Path) -> None:
    """Writes each of PICTURES to *folder*."""
    with chromium() as browser, served() as address:
        for name, (light, width, shown) in PICTURES.items():
            page = browser.new_page(viewport={"width": 2 * width + 58, "height": 600}, timezone_id="Europe/Berlin")
            page.clock.install(time=NOW - 60)
            page.goto(address)
            page.clock.pause_at(NOW)
            page.wait_for_function("window.ready")
            page.evaluate("light => { document.body.dataset.jpThemeLight = light }", light)
            columns = f"display: grid; grid-template-columns: {width}px {width}px; column-gap: 22px; align-items: start"
            page.add_style_tag(content=f"main {{ {columns} }}")
            for state in shown:
                page.evaluate("state => show(state)", state(NOW))
            page.wait_for_function("models.every(model => model.sent.length)")
            page.screenshot(path=folder / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
