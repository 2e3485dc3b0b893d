"""A runtime that is released once the work is done, with stand-ins for Colab's package and for Drive's mount: it can be
kept to the last second, and goes when nothing would be lost with it.
"""

from tests.notebook.book import BOTH
from tests.notebook.test_drive import BRIEF, CELL, wait_for
from tests.notebook.test_drive import new_vm as new_vm

AT_THE_END = CELL.format(items=3).replace("1it", "1it --release-when-done")
HANDLER = "print('handler', get_ipython().kernel.saved_sigint_handler)"  # between two cells


def release(vm):
    """What the status says of the runtime's end."""
    lines = vm.run("%keepalive status").check().text.splitlines()
    return next((line.split(maxsplit=1)[1] for line in lines if line.startswith("release")), "")


@BOTH
def test_it_is_kept_by_the_magic_and_by_an_interrupt_and_goes_behind_the_last_cell(new_drive, new_vm):
    vm = new_vm(new_drive())
    before = vm.run(HANDLER).check().text
    assert "released 60 s after everything is durable" in vm.run(AT_THE_END).check().text
    wait_for(lambda: release(vm).startswith("in "))
    vm.run("%keepalive off")
    assert release(vm) == "the runtime is kept: %keepalive off"

    vm.run(BRIEF.replace("0.5", "3600"))  # it shall not be over before it is interrupted
    vm.run(AT_THE_END.replace("train", "second")).check()
    wait_for(lambda: release(vm).startswith("in "))
    ends = "get_ipython().find_line_magic('keepalive').__self__._keepalive.board.countdown.at"
    first = vm.kernel.run(f"print({ends})").check().text
    wait_for(lambda: vm.kernel.run(f"print({ends})").check().text not in ("None\n", first))  # behind each cell anew
    wait_for(lambda: vm.kernel.interrupt() or release(vm) == "the runtime is kept: it was interrupted")
    wait_for(lambda: before in vm.run(HANDLER).check().text)
    endless = vm.kernel.start("print('on', flush=True)\nwhile True: pass")
    wait_for(lambda: endless.poll() or "on" in endless.result.text)
    vm.kernel.interrupt()
    wait_for(endless.poll)
    assert endless.result.error.ename == "KeyboardInterrupt", "cells are interrupted as ever"
    assert vm.colab.unassigned == 0

    vm.run(BRIEF)
    done = vm.kernel.start(AT_THE_END.replace("train", "third"))
    behind = vm.kernel.start("import time; time.sleep(1); open('behind', 'w').close()")
    wait_for(done.poll)
    wait_for(behind.poll)
    assert (vm.disk / "behind").exists()
    wait_for(lambda: vm.colab.unassigned)
    assert vm.colab.unassigned == 1


def test_a_cell_that_fails_or_runs_again_without_the_option_ends_nothing_nor_does_one_whose_end_would_lose_something(
    new_drive, new_vm, tmp_path
):
    vm = new_vm(new_drive())
    vm.run(BRIEF)
    assert vm.run(AT_THE_END.replace("print(i, total)", "0 / 0")).error
    vm.run(CELL.format(items=3)).check()
    assert release(vm) == ""
    vm.run("%keepalive --release-when-done").check()
    vm.run("1 + 1").check()
    assert release(vm) == "when a guarded cell has come to its end"
    said = (
        vm.run(CELL.format(items=3).replace("train", "here").replace("1it", f"1it --store {tmp_path}/here"))
        .check()
        .text
    )
    assert "the runtime is kept, for this would be lost" in said
    assert f"{tmp_path}/here (on this machine's disk only)" in said
    assert "the runtime is kept" in release(vm)
    assert vm.colab.unassigned == 0
