"""What the panel costs the kernel while a guarded cell runs, and how soon a press acts: a real kernel, and a page by
hand that draws nothing. What is counted is the processor time of all threads but the cell's, with a view that is seen
and with none.
"""

from __future__ import annotations

import sys
import tempfile
import time

from benchmarks.measure import Row
from tests.support.kernel import Kernel
from tests.support.page import Page

ITERATION_SECONDS = 0.01
CELL = """%%checkpointed bench --every 1h
import threading, time
def cpu_seconds():
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(thread.ident)) for thread in others)
before, until = cpu_seconds(), time.monotonic() + {seconds}
for epoch in range(10**9):
    for batch in range(100):
        time.sleep({iteration})
    if time.monotonic() > until:
        break
print("cpu", cpu_seconds() - before)
"""


def rows(seconds: float, presses: int) -> list[Row]:
    """The rows, from a cell of so many seconds with a view and one without, and from so many presses."""
    with tempfile.TemporaryDirectory() as folder:
        given = {"COLAB_GUARD_STORE": f"{folder}/store", "COLAB_GUARD_PANEL": "on"}
        with Kernel(sys.executable, cwd=folder, env=given) as kernel:
            page = Page(kernel)
            page.finish(page.run("%load_ext colab_guard"))
            page.until(lambda: page.comm)
            unseen = _cpu_seconds(page, seconds)
            page.say(do="view", view="one", arg=True)
            states = len(page.states)
            seen = _cpu_seconds(page, seconds)
            states = len(page.states) - states
            delays = _delays(page, presses)
    share, delay = (seen - unseen) / seconds * 100, max(delays) * 1e3
    return [
        Row("the panel, seen, of one core", f"{states} states", f"in {seconds:.0f} s", share, "%", 0.1),
        Row("– a press acts, at the latest", f"{delay:.0f} ms", f"of {presses}", delay, "ms", 500.0),
    ]


def _cpu_seconds(page: Page, seconds: float) -> float:
    page.finish(page.run(CELL.format(seconds=seconds, iteration=ITERATION_SECONDS)), seconds + 60)
    return float(page.printed().rpartition("cpu ")[2])


def _delays(page: Page, presses: int) -> list[float]:
    """Seconds from each press until the state of the cell that its snapshot holds."""
    cell, delays = page.run(CELL.format(seconds=3600, iteration=ITERATION_SECONDS)), list[float]()
    page.until(lambda: page.states[-1]["cell"]["running"])
    page.answer(page.press("save"))
    for _ in range(presses):
        begun = time.time()
        page.answer(page.press("save"))
        delays.append(page.states[-1]["saved"]["at"] - begun)
    page.press("stop")
    page.finish(cell)
    return delays
