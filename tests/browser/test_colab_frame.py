"""What the frame of keep-alive does in an output of a stand-in for Colab's page: it beats, for hours, in tabs that are
hidden or slowed down, on connections that are half dead; and what page and frame tell each other.

The kernel here answers at once, in the page; a real one stands behind the page in test_colab_kernel.py.
"""

import itertools

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, expect

from colab_guard.keepalive.page import frame_module
from tests.browser.colab_page.book import ColabPage, NewColab
from tests.browser.colab_page.hidden import Tab, slow

HOURS, MINUTE_MS = 12, 60_000


def said(frame: Frame) -> str:
    """The line that the frame shows."""
    return str(frame.evaluate("document.body.lastElementChild.shadowRoot.querySelector('span').textContent"))


def until(page: ColabPage, expression: str) -> None:
    page.page.wait_for_function(expression)


def test_a_beat_says_what_is_known_of_the_browser(colab: NewColab) -> None:
    """Its own time and the last round trip; the page's script, once it is there; what keeps the tab awake."""
    page = colab()
    frame = page.frame(interval_s=0.1, audio=True, wake_lock=True)
    until(page, "stand.heard.filter(m => m.what === 'beat').length > 2")
    page.script()
    until(page, "stand.heard.some(m => m.page)")
    first, last = page.heard("beat")[0], page.heard("beat")[-1]
    assert {*first} - {"at"} == {
        "what", "view", "n", "sent", "rtt_ms", "hidden", "page", "audio", "wake_lock", "notify", "interacted"
    }  # fmt: skip
    assert (first["n"], first["rtt_ms"], first["page"], first["hidden"]) == (1, None, None, False)
    assert 0 <= last["rtt_ms"] <= last["sent"] - first["sent"]
    assert last["view"] == first["view"]
    assert last["page"]["connect"] == "connected"
    assert last["audio"] == "waiting for a click"
    assert last["wake_lock"] == "not possible: the page around this frame does not allow it"
    assert last["interacted"] is None
    frame.get_by_role("button", name="Allow sound").click()
    until(page, "stand.heard.at(-1).audio === 'playing'")
    assert page.heard("beat")[-1]["interacted"]
    page.page.evaluate("stand.to(0, 'settings', { working: false })")
    frame.wait_for_function("document.body.lastElementChild.shadowRoot.textContent.includes('nothing is kept awake')")


def test_twelve_hours_of_beats(colab: NewColab) -> None:
    """By a clock that is set: each beat and each look in time within 2 %, and no line in the console but the first."""
    page = colab(clock=True)
    frame = page.frame()
    frame.evaluate(
        "window.looks = []; addEventListener('message', ({ data }) => data.what === 'page' && looks.push(data.at))"
    )
    page.script()
    page.passes(HOURS * 60)
    beats = page.heard("beat")
    assert len(beats) == HOURS * 60 + 1
    assert max(abs(beat["sent"] - beats[0]["sent"] - n * MINUTE_MS) for n, beat in enumerate(beats)) <= 0.02 * MINUTE_MS
    looks = sorted(set(frame.evaluate("looks")))[1:]  # the first was for the frame that it met
    assert len(looks) >= HOURS * 60 - 2
    assert all(0.98 <= (at - was) / MINUTE_MS <= 1.02 for was, at in itertools.pairwise(looks))
    assert page.state()["name"] == "connected"
    assert len(page.heard("moved")) == 2, "that of the frame, and that of the page"
    assert len(page.lines) <= 1

    before = held(page, frame)  # what is compiled in the first hours takes memory, too
    page.passes(HOURS * 60 / 2)
    grown = [now - was for was, now in zip(before, held(page, frame), strict=True)]
    assert max(grown) <= 20_000, "bytes, or timers"


def held(page: ColabPage, frame: Frame) -> list[int]:
    """Of page and frame: the bytes of their heap behind a collection, and a million for each timer."""
    page.page.evaluate("stand.heard.length = 0")  # which only the test keeps
    sizes = []
    for target in (page.page, frame):
        cdp = page.page.context.new_cdp_session(target)
        cdp.send("HeapProfiler.collectGarbage")
        sizes.append(cdp.send("Runtime.getHeapUsage")["usedSize"])
        sizes.append(1_000_000 * target.evaluate("__pwClock.controller._timers.size"))
        cdp.detach()
    return sizes


def test_a_connection_that_comes_and_goes_writes_a_line_a_minute_at_most(colab: NewColab) -> None:
    page = colab(clock=True)
    page.page.evaluate("stand.comes = false")
    page.script()
    for _ in range(60):
        for state in ("disconnected", "connecting", "connected"):
            page.becomes(state)
            page.passes(1 / 3, step_minutes=1 / 3)
    assert 30 <= len([line for line in page.lines if line.startswith("colab_guard")]) <= 61


def test_an_hour_in_a_page_whose_timers_come_once_a_minute(colab: NewColab) -> None:
    """As where a tab is hidden for long and no Worker may run: timers wait for full minutes, of a clock that is set."""
    page = colab(clock=True)
    held = """{
        const real = window.setTimeout, minute = 60000;
        window.setTimeout = (run, ms) => real(run, Math.ceil((Date.now() + ms + 1) / minute) * minute - Date.now());
    }"""
    page.page.evaluate(held)
    page.page.clock.run_for(20_000)  # so that the beats' times are no full minutes
    page.script()
    page.frame().evaluate(held)
    page.passes(60)
    beats = page.heard("beat")
    assert 58 <= len(beats) <= 61
    assert sum(beat["sent"] % MINUTE_MS == 0 for beat in beats) >= 55
    assert {move["to"] for move in page.heard("moved")} == {"connected"}


def test_a_hidden_tab_beats_on(browser: Browser, address: str) -> None:
    """In a Chromium that slows such tabs down: the page's own timer comes once a second, the beats keep their pace."""
    with slow(browser.browser_type) as chromium:
        tab = Tab(chromium, f"{address}colab")
        tab.until("window.stand?.ready === true")
        settings = '{ interval_s: 0.1, working: true, cell: "train", done: 0 }'
        tab.evaluate(f"stand.frame({frame_module()!r}, {settings})")
        tab.hide()
        beats = "stand.heard.filter(m => m.what === 'beat')"
        tab.until(f"{beats}.at(-1)?.hidden")  # the frame, which may be in another process, knows it later than the page
        tab.evaluate("void (window.ticks = 0, setInterval(() => ticks++, 100), stand.heard.length = 0)")
        tab.until(f"ticks >= 2 && {beats}.length > 3 * ticks")
        assert tab.evaluate(f"{beats}.every(m => m.hidden)")


@pytest.mark.parametrize("refusal", ["policy", "missing"])
def test_where_no_worker_may_run_the_page_has_timers(colab: NewColab, context: BrowserContext, refusal: str) -> None:
    policy = """addEventListener('DOMContentLoaded', () => {
        const meta = document.createElement('meta');
        Object.assign(meta, { httpEquiv: 'Content-Security-Policy', content: "worker-src 'none'" });
        document.head.append(meta);
    })"""
    context.add_init_script(policy if refusal == "policy" else "delete window.Worker")
    page = colab()
    page.frame(interval_s=0.1)
    until(page, "stand.heard.filter(m => m.what === 'beat').length > 5")


def test_without_work_it_rests(colab: NewColab) -> None:
    """One beat at the start, then none until there is work again; and then at once."""
    page = colab(clock=True)
    page.frame(working=False)
    page.passes(30, step_minutes=5)
    assert len(page.heard("beat")) == 1
    page.page.evaluate("stand.to(0, 'settings', { working: true })")
    until(page, "stand.heard.filter(m => m.what === 'beat').length === 2")
    page.passes(3)
    assert len(page.heard("beat")) == 5


def test_a_half_open_connection_is_noticed(colab: NewColab) -> None:
    """Colab's page says "connected", and nothing comes back: suspect, then lost, and said so; nothing is pressed."""
    page = colab(clock=True, manager=True)
    frame = page.frame()
    page.passes(2)
    page.page.evaluate("stand.answers = false")
    page.passes(7)
    assert "is lost" in said(frame)
    assert "the kernel does not answer" in page.badge()
    page.passes(60)
    assert (page.clicks(), page.heard("moved")[1:]) == ([], page.heard("moved")[1:2])
    page.page.evaluate("stand.answers = true")
    page.passes(2)
    assert [move["to"] for move in page.heard("moved") if move["who"] == "frame"] == [
        "connected", "suspect", "lost", "connected"
    ]  # fmt: skip
    assert page.heard("moved")[-1]["why"] == "same kernel"
    assert page.page.evaluate("stand.answers"), "the page was not loaded anew"


def test_a_dropped_connection_is_told_to_the_next_kernel(colab: NewColab) -> None:
    """The page presses; a frame that a new runtime shows passes on what the page went through, and says what is new."""
    page = colab(clock=True)
    page.frame(notify=True)
    page.passes(2)
    page.script()
    page.passes(2)
    page.page.evaluate("stand.answers = false")
    page.becomes("disconnected")
    assert len(page.clicks()) == 1
    page.passes(5)
    assert "Press Runtime › Run all" in page.badge()
    page.page.evaluate("stand.answers = true; stand.session = { kernel: 'k2', vm: 'vm2' }; stand.heard.length = 0")
    page.page.evaluate("stand.frames[0].frame.remove()")
    page.frame()
    page.passes(2)
    assert "Watching" in page.badge()
    told = [move["to"] for move in page.heard("moved") if move["who"] == "page"]
    assert told[-4:] == ["lost", "reconnecting", "connected", "connected"]
    assert page.state()["moved"][-1]["why"] == "new VM"
    assert page.state()["frames"] == 1


def test_only_frames_below_are_heard_and_only_the_page_above(colab: NewColab) -> None:
    page = colab(clock=True)
    page.script()
    frames = [page.frame(), page.frame()]
    page.passes(1)
    page.page.evaluate("postMessage({ colab_guard: 1, what: 'frame', working: true, state: 'connected' }, '*')")
    frames[0].evaluate(
        "parent.frames; top.postMessage({ colab_guard: 1, what: 'frame', state: 7, session: { kernel: {} } }, '*')"
    )
    frames[0].evaluate("postMessage({ colab_guard: 1, what: 'page', id: 'x', connect: 'disconnected' }, '*')")
    page.passes(2)
    assert page.state()["frames"] == 2
    assert {move["to"] for move in page.heard("moved")} == {"connected"}


def test_the_end_of_the_work_and_of_the_connection_are_notified(colab: NewColab) -> None:
    """Where notifications are allowed, which the test's stand-in for them is: once each."""
    page = colab(clock=True)
    page.page.evaluate(
        """() => {
            window.told = [];
            window.Notification = class { static permission = "granted"; constructor(_, { body }) { told.push(body) } };
        }"""
    )
    page.script()
    page.frame(notify=True)
    page.passes(2)
    page.page.evaluate("stand.to(0, 'settings', { done: 1, cell: null })")
    page.passes(2)
    assert page.page.evaluate("told") == ["train is done."]
    page.page.evaluate("stand.comes = false")
    page.becomes("disconnected")
    page.passes(5)
    assert page.page.evaluate("told") == ["train is done.", "Colab has disconnected."]


def test_the_release_of_the_runtime_can_be_called_off(colab: NewColab) -> None:
    page = colab(clock=True)
    frame = page.frame(release={"at": 1_800_000_102})
    page.passes(0.2, step_minutes=0.1)
    assert "released in 30 s" in said(frame)
    frame.get_by_role("button", name="Keep the runtime").click()
    until(page, "stand.heard.some(m => m.what === 'keep')")


def test_what_the_kernel_says_before_its_frame_is_drawn_waits_for_it(colab: NewColab) -> None:
    """The stand-in must neither lose it nor bring it to a frame without a widget, as a real widget manager does not."""
    page = colab()
    told = {"interval_s": 60, "working": True, "cell": "train", "done": 0}
    drawn, early = "stand.frame(esm, settings)", "stand.to(0, 'settings', { working: false })"
    page.page.evaluate(f"([esm, settings]) => Promise.all([{drawn}, {early}])", [frame_module(), told])
    expect(page.page.frames[-1].get_by_text("nothing is kept awake")).to_be_visible()
