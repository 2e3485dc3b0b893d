"""The panel on Colab, with stand-ins for its package, for Drive's mount and a GPU's driver: Drive is mounted, memory is
freed, and the runtime released, by buttons, while the guarded cell runs. How long a press takes is printed, not judged.
"""

import time
from collections.abc import Callable

from tests.notebook.book import BOTH
from tests.notebook.test_drive import BRIEF, Vm, wait_for
from tests.support.fake_gpu import KERNEL as GPU
from tests.support.page import Page

pytestmark = BOTH
CELL = """%%checkpointed train --every 1h
import os, time
n = 0
while os.path.exists("wait"):
    n += 1
    time.sleep(0.01)
"""


def test_the_buttons_act_while_the_cell_runs(
    new_drive, python, tmp_path, record_property: Callable[[str, object], None]
):
    drive = new_drive()
    drive.lose_vm()
    vm = Vm(drive, python, tmp_path / "vm", COLAB_GUARD_PANEL="on")
    try:
        (vm.disk / "wait").touch()
        page = Page(vm.kernel)
        page.finish(page.run(f"{GPU}\n{BRIEF}\n%reload_ext colab_guard"))
        page.until(lambda: page.comm)
        page.view("one", visible=True)
        cell = page.run(CELL)
        page.until(lambda: page.states[-1]["verdict"]["word"] == "At risk")
        assert "mount Drive to survive that" in page.states[-1]["verdict"]["why"]
        [main] = [button["do"] for button in page.states[-1]["buttons"] if button["main"]]
        assert main == "mount"

        def pressed(do: str) -> dict[str, str]:
            begun = time.monotonic()
            answer = page.answer(page.press(do))
            took = round((time.monotonic() - begun) * 1000)
            record_property(do, took)
            print(f"{do} {took} ms")
            return answer

        assert pressed("mount") == {"state": "done", "text": "Drive is mounted"}
        assert drive.mounted
        page.until(lambda: "mount" not in {button["do"] for button in page.states[-1]["buttons"]})
        page.until(lambda: (page.states[-1]["durable"] or {}).get("where") == "Drive, confirmed")
        assert page.states[-1]["durable"]["at"]
        assert pressed("save")["state"] == "done"
        page.until(lambda: page.states[-1]["durable"]["at"] == page.states[-1]["saved"]["at"])
        page.until(lambda: page.states[-1]["verdict"]["word"] == "Safe")
        assert "losing the VM {age:" in page.states[-1]["verdict"]["why"]
        assert pressed("free-gpu")["text"] == "0 B freed, 0 B given back to the GPU"
        assert pressed("release-when-done")["text"] == "the runtime ends when the guarded cell is done"
        assert page.states[-1]["cell"]["running"], "all that while the cell ran"
        (vm.disk / "wait").unlink()
        page.finish(cell)
        wait_for(lambda: vm.colab.unassigned)
        assert vm.colab.unassigned == 1
    finally:
        vm.end()
