"""In a real kernel that is not Colab's, the report says so, and what there is no page for."""

from __future__ import annotations

import json

from colab_guard.selfchecks.page import API, SCRIPT
from colab_guard.selfchecks.page import FACTS as PAGE_FACTS
from tests.notebook.book import BOTH
from tests.selfchecks.test_report import lines_of, true_of_this_machine
from tests.standins.colab import Colab
from tests.support.kernel import Kernel
from tests.support.notebook_page import page_of


@BOTH
def test_in_a_kernel(book):
    told = book.run("import colab_guard as cg; cg.selfcheck(wait=0)").check().text
    assert "in a notebook's kernel: Python 3." in told
    assert f"colab_guard {book.value('cg.__version__')}.\n" in told
    lines = lines_of(told)
    true_of_this_machine(lines)
    for key in ("page-answers", "frame-api", "frame-apart", "frame-timers", "busy-messages", "page-notebook"):
        assert lines[key][1].endswith("Could not be checked: this kernel has no google.colab.")
    assert f"process {book.kernel.pid} started" in lines["kernel-restart"][1]
    names = "('msg_queue', 'shell_stream', 'shell_handlers', 'session', 'comm_manager')"
    all_there = book.value(f"all(hasattr(get_ipython().kernel, name) for name in {names})")
    assert lines["draining"][0] == ("Confirmed" if all_there else "Different")


@BOTH
def test_on_colab_the_page_is_asked_over_its_own_protocol(python, tmp_path):
    """google.colab is a stand-in that speaks it (tests/standins/colab.py); the page answers what the test says."""
    found = dict.fromkeys(API, True) | {"button": False, "parent": False, "ticks": 30, "worker_ticks": 30}
    with Colab() as colab, Kernel(python, tmp_path, colab.environment) as kernel:
        colab.evaluate = lambda script: json.dumps(found) if script == SCRIPT else True

        def lines():
            text = kernel.run("cg.selfcheck(wait=0)").check().text
            assert "This is not Colab" not in text
            assert "diary" not in text
            return {key: verdict for key, (verdict, _) in lines_of(text).items() if key in asked}

        asked = [fact.key for fact in PAGE_FACTS if fact.key != "draining"]
        kernel.page = page_of(colab, "my diary.ipynb")
        kernel.run("import google.colab, colab_guard as cg; from colab_guard.selfchecks import page").check()
        kernel.run("page.BUSY_SECONDS = 0.1; page.PAGE_SECONDS = page.NOTEBOOK_SECONDS = 60").check()
        colab.requests.clear()
        assert lines() == dict.fromkeys(asked, "Confirmed")
        assert colab.requests == ["cell_javascript_eval", "cell_javascript_eval", "get_ipynb"]
        colab.attached = False
        kernel.run("page.PAGE_SECONDS = page.NOTEBOOK_SECONDS = 0.5").check()
        assert lines() == dict.fromkeys(asked, "Could not be checked") | {"page-answers": "Different"}
