"""A browser that is back, on Colab, with stand-ins for its package, for Drive's mount and for the frame."""

from tests.notebook.test_drive import new_vm as new_vm
from tests.support.frame import turned_on
from tests.support.page import opened


def test_a_mount_that_died_while_nobody_was_there_is_mounted_again_when_a_browser_is_back(new_drive, new_vm):
    drive = new_drive()
    vm = new_vm(drive, COLAB_GUARD_PANEL="on")
    page = opened(vm.kernel)
    frame = turned_on(page)
    page.finish(page.run("%autoreconnect --check 0.3"))
    frame.answer(frame.beat())
    page.until(lambda: "no browser is there any more" in str(page.states[-1]["log"]))
    drive.kill()
    assert not drive.alive
    page.until(lambda: frame.beat() and drive.alive)
    page.finish(page.run("%autoreconnect status"))
    page.until(lambda: "Drive's mount had died → mounted again" in page.printed())
    assert "lost → connected" in page.printed()
