"""Facts about the page, seen from an output frame and from the kernel, within the cell that runs.

The page is asked through ``google.colab.output.eval_js``, always with a time limit: without a browser it would wait for
ever. Nothing of the page is changed, clicked or read beyond what the script below says.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
import uuid
from dataclasses import dataclass
from typing import Any

from colab_guard.selfchecks.facts import Fact, Finding, NotHere, Situation, confirmed, different, unchecked

PAGE_SECONDS = 15  # for an answer; the script itself takes three
NOTEBOOK_SECONDS = 10  # the whole notebook is sent
BUSY_SECONDS = 3.0  # a message is waited for while the cell runs
NO_PAGE = f"no browser answered within {PAGE_SECONDS} s"
API = ("accessAllowed", "invokeFunction", "proxyPort", "comms", "element")

# An expression whose value is a promise of JSON. Ticks: of 100 ms each, in three seconds.
SCRIPT = """
(async () => {
  const tried = (f) => { try { return f(); } catch (error) { return 'threw ' + error.name; } };
  const kernel = google.colab.kernel;
  const found = {
    accessAllowed: tried(() => kernel.accessAllowed === true),
    invokeFunction: tried(() => typeof kernel.invokeFunction === 'function'),
    proxyPort: tried(() => typeof kernel.proxyPort === 'function'),
    comms: tried(() => typeof kernel.comms === 'object' || typeof kernel.comms === 'function'),
    element: tried(() => window.element instanceof Element),
    button: tried(() => document.querySelector('colab-connect-button') !== null),
    parent: tried(() => parent.document !== null),
    hidden: document.hidden,
  };
  let ticks = 0, worker_ticks = 0, worker = null;
  try {
    const source = 'setInterval(() => postMessage(0), 100)';
    worker = new Worker(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})));
    worker.onmessage = () => { worker_ticks += 1; };
    worker.onerror = () => { worker_ticks = -1; };
  } catch (error) { worker_ticks = -1; }
  const timer = setInterval(() => { ticks += 1; }, 100);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  clearInterval(timer);
  if (worker) worker.terminate();
  return JSON.stringify({...found, ticks, worker_ticks});
})()
"""
# Does not wait for the kernel's answer, which comes when the cell has ended, or never.
CALL = "(() => {{ google.colab.kernel.invokeFunction('{name}', [], {{}}).catch(() => null); return true; }})()"


@dataclass(frozen=True)
class Answer:
    """What the script found; else why it found nothing."""

    found: dict[str, Any] | None
    why: str = ""


def _colab(module: str) -> Any:
    """A module of google.colab, where this kernel has that: none but Colab's own does, from its start on."""
    if "google.colab" not in sys.modules:
        raise NotHere("this kernel has no google.colab")
    return importlib.import_module(f"google.colab.{module}")


def _asked(situation: Situation) -> dict[str, Any]:
    """The page's answer, asked for once. Raises NotHere where nobody answers."""
    output = _colab("output")
    if situation.answer is None:
        situation.answer = Answer(None, "it failed: see page-answers")  # not asked twice, should it
        text = output.eval_js(SCRIPT, timeout_sec=PAGE_SECONDS)
        situation.answer = Answer(None, NO_PAGE) if text is None else Answer(dict(json.loads(text)))
    if situation.answer.found is None:
        raise NotHere(situation.answer.why)
    return situation.answer.found


def _answers(situation: Situation) -> Finding:
    try:
        _asked(situation)
    except NotHere as nobody:
        return different(str(nobody)) if situation.answer else unchecked(str(nobody))
    return confirmed("it did")


def _api(situation: Situation) -> Finding:
    found = _asked(situation)
    missing = [f"{name} ({found.get(name)})" for name in API if found.get(name) is not True]
    return different(f"missing: {', '.join(missing)}") if missing else confirmed("all are there")


def _apart(situation: Situation) -> Finding:
    found = _asked(situation)
    seen = f"the button: {_reached(found.get('button'))}; the page's document: {_reached(found.get('parent'))}"
    return different(seen) if True in (found.get("button"), found.get("parent")) else confirmed(seen)


def _reached(what: Any) -> str:
    return "reached" if what is True else "not reached" + (f" ({what})" if isinstance(what, str) else "")


def _timers(situation: Situation) -> Finding:
    found = _asked(situation)
    ticks, worker = found.get("ticks", 0), found.get("worker_ticks", 0)
    tab = "hidden" if found.get("hidden") else "visible"
    seen = f"in a {tab} tab, of 30 ticks in 3 s, {ticks} came, in a worker {worker if worker >= 0 else 'none: refused'}"
    return confirmed(seen) if worker >= 20 else different(seen)


def _busy(situation: Situation) -> Finding:
    output = _colab("output")
    _asked(situation)
    name, heard = f"colab_guard.selfcheck.{uuid.uuid4().hex[:8]}", threading.Event()

    def called() -> None:
        output.unregister_callback(name)  # whenever it comes, also after this cell
        heard.set()

    output.register_callback(name, called)
    output.eval_js(CALL.format(name=name), timeout_sec=PAGE_SECONDS)
    if heard.wait(BUSY_SECONDS):
        return different(f"it was handled within {BUSY_SECONDS:g} s, while the cell was running")
    return confirmed(f"it was not in {BUSY_SECONDS:g} s of a running cell; what comes after it was not looked at")


def _draining(situation: Situation) -> Finding:
    kernel = situation.shell.kernel
    names = ("msg_queue", "shell_stream", "shell_handlers", "session", "comm_manager")
    missing = [name for name in names if not hasattr(kernel, name)]
    return different(f"missing: {', '.join(missing)}") if missing else confirmed("all are there")


def _notebook(situation: Situation) -> Finding:
    answer = _colab("_message").blocking_request("get_ipynb", timeout_sec=NOTEBOOK_SECONDS)
    if answer is None:
        return unchecked(f"no browser answered within {NOTEBOOK_SECONDS} s")
    metadata = answer.get("ipynb", {}).get("metadata", {}).get("colab", {})
    seen = f"it holds {', '.join(sorted(map(str, metadata))) or 'nothing'}"
    return confirmed(seen) if metadata.get("name") else different(seen)


FACTS = (
    Fact("page-answers", "with the notebook's tab open, the page answers what a running cell asks", _answers, True),
    Fact(
        "frame-api",
        f"an output frame has google.colab.kernel with {', '.join(API[:-1])}, and window.element",
        _api,
        True,
    ),
    Fact("frame-apart", "an output frame reaches neither the page's document nor its connect button", _apart, True),
    Fact("frame-timers", "a worker's timer keeps its pace in an output frame", _timers, True),
    Fact(
        "busy-messages",
        "a call from the page to the kernel is handled only after the running cell has ended",
        _busy,
        True,
    ),
    Fact("draining", "the kernel has what is needed to handle messages in a running cell", _draining, True),
    Fact("page-notebook", "the page gives the notebook's name, with metadata.colab.name", _notebook, True),
)
