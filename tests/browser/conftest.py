"""A page in Chromium for each test, and what judges it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import CHECKOUT, PATIENCE_MS, chromium, served
from tests.browser.colab_page.book import ColabPage, NewColab

expect.set_options(timeout=PATIENCE_MS)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The one Chromium of a module: as long as it lives, an event loop runs in this thread, which others can't bear."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the page that stands in for a notebook is served; its thread, too, is nothing that others can bear."""
    with served() as address:
        yield address


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without a past; an error of the panel's that nothing caught fails the test."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1100, "height": 800}, timezone_id="Europe/Berlin")
    context.set_default_timeout(PATIENCE_MS)
    context.on("weberror", lambda error: errors.append(f"{error.error}\n{error.error.stack}"))
    yield context
    context.close()
    assert [error for error in errors if "panel" in error or "blob:" in error] == []  # the notebooks' own are not ours


@pytest.fixture
def page(context: BrowserContext, address: str) -> Page:
    """The stand-in, open: `show(state, width)` there draws a panel of a new model, `models` has them."""
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("window.ready")
    return page


@pytest.fixture(scope="session")
def axe() -> Callable[[Page, str], list[Any]]:
    """What axe-core finds wrong in a part of a page, by WCAG 2.2 AA and its own best practice."""
    script = CHECKOUT / "build/npm/node_modules/axe-core/axe.min.js"
    assert script.exists(), "axe-core is not there: make build/npm/.ready"

    def violations(page: Page, part: str) -> list[Any]:
        page.evaluate(script.read_text())
        found = page.evaluate("([part, rules]) => axe.run(part, { runOnly: rules })", [part, RULES])["violations"]
        return [(one["id"], one["help"], [node["html"] for node in one["nodes"]]) for one in found]

    return violations


@pytest.fixture
def colab(context: BrowserContext, address: str) -> Iterator[NewColab]:
    """Opens the stand-in; an error that nothing caught fails the test, unless it looked at ``errors`` itself."""
    opened: list[ColabPage] = []

    def new(*arguments: Any, **options: Any) -> ColabPage:
        opened.append(ColabPage(context, address, *arguments, **options))
        return opened[-1]

    yield new
    assert [error for page in opened for error in page.errors] == []
