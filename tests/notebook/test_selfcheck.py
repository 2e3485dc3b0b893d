"""In a real kernel that is not Colab's, the report says so, and what there is no page for."""

from __future__ import annotations

from tests.notebook.book import BOTH
from tests.selfchecks.test_report import lines_of, true_of_this_machine


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
