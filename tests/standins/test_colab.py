"""The stand-in for google.colab speaks the real protocol, in real kernels, the newest's and Colab's own."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.colab import Colab
from tests.standins.drive import CHECKOUT
from tests.standins.fixtures import NewDrive
from tests.support.kernel import Kernel


@pytest.fixture(scope="module")
def colab() -> Iterator[Colab]:
    with Colab(secrets={"KEY": "the secret", "WITHHELD": "another"}) as colab:
        colab.withheld = {"WITHHELD"}
        yield colab


@pytest.fixture(scope="module", params=["newest", "colab"])
def kernel(request: pytest.FixtureRequest, colab: Colab) -> Iterator[Kernel]:
    python = sys.executable
    if request.param == "colab":
        python = os.environ.get("COLAB_PINS_PYTHON") or str(CHECKOUT / ".venv-colab/bin/python")
        if not Path(python).exists():
            pytest.skip("no Python with Colab's pins: set COLAB_PINS_PYTHON, or run `make venvs`")
    with Kernel(python, env=colab.environment) as kernel:
        kernel.page = colab.page
        kernel.run("from google.colab import drive, files, output, runtime, userdata").check()
        yield kernel


def told(kernel: Kernel, code: str) -> str:
    """What a cell prints and shows, or the class and message of its error."""
    result = kernel.run(code)
    return f"{result.error.ename}: {result.error.evalue}" if result.error else result.text.strip()


def test_secrets(kernel: Kernel) -> None:
    assert told(kernel, "userdata.get('KEY')") == "'the secret'"
    assert told(kernel, "userdata.get('NONE')") == "SecretNotFoundError: Secret NONE does not exist."
    assert told(kernel, "userdata.get('WITHHELD')").startswith("NotebookAccessError: Notebook does not have access")


def test_scripts_and_callbacks(colab: Colab, kernel: Kernel) -> None:
    colab.evaluate = {"1 + 1": 2, "void 0": None}.__getitem__
    assert told(kernel, "output.eval_js('1 + 1')") == "2"
    assert told(kernel, "print(output.eval_js('void 0', timeout_sec=30))") == "None"
    assert told(kernel, "output.eval_js('oops')").startswith("MessageError: ")
    assert told(kernel, "output.eval_js('1 + 1', ignore_result=True)") == ""
    assert told(kernel, "output.register_callback('f', lambda a, b: a + b)") == ""
    assert told(kernel, """output._invoke_function('f', '[1]', '{"b": 2}')""") == "3"
    assert told(kernel, "output.unregister_callback('g')").startswith("ValueError: ")


def test_with_no_browser_attached_nothing_is_answered(colab: Colab, kernel: Kernel) -> None:
    colab.attached = False
    try:
        assert told(kernel, "print(output.eval_js('1 + 1', timeout_sec=0.1))") == "None"
    finally:
        colab.attached = True
    colab.evaluate = lambda script: script
    assert told(kernel, "output.eval_js('next')") == "'next'"


def test_a_cells_own_question_is_still_answered(kernel: Kernel) -> None:
    result = kernel.run("print(input('name? '), userdata.get('KEY'))", answer="me").check()
    assert (result.asked, result.text) == (["name? "], "me the secret\n")


def test_downloads_and_the_end_of_the_vm(colab: Colab, kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "results.zip").write_bytes(b"zipped")
    assert told(kernel, f"files.download({str(tmp_path / 'results.zip')!r})") == ""
    assert colab.downloads[-1] == ("results.zip", b"zipped")
    assert told(kernel, "files.download('none')").startswith("FileNotFoundError: ")
    before = colab.unassigned
    assert told(kernel, "runtime.unassign()") == ""
    assert colab.unassigned == before + 1
    assert colab.scripts[-1] == "google.colab.kernel.disconnect();"
    colab.releases = False
    assert told(kernel, "runtime.unassign()").startswith("RuntimeManagementError: ")
    colab.releases = True


def test_mounting_asks_the_user_and_then_mounts(colab: Colab, kernel: Kernel, new_drive: NewDrive) -> None:
    drive = colab.drive = new_drive(paused=True)
    mount = f"drive.mount({str(drive.mount)!r})"
    assert told(kernel, mount).startswith("Drive already mounted at")
    (drive.my_drive / "file").write_bytes(b"x")
    assert told(kernel, "drive.flush_and_unmount()") == ""
    assert (drive.mounted, (drive.cloud / "MyDrive" / "file").read_bytes()) == (False, b"x")
    assert told(kernel, "drive.flush_and_unmount()") == "Drive not mounted, so nothing to flush and unmount."
    colab.consents = False
    assert told(kernel, mount).startswith("MessageError: ")
    colab.consents = True
    (drive.mount / "stray").touch()
    assert told(kernel, mount) == "ValueError: Mountpoint must not already contain files"
    (drive.mount / "stray").unlink()
    assert told(kernel, mount) == f"Mounted at {drive.mount}"
    assert (drive.my_drive / "file").read_bytes() == b"x"
    drive.kill()
    assert told(kernel, mount) == f"Mounted at {drive.mount}"
    assert told(kernel, f"drive.mount({str(drive.mount)!r}, force_remount=True)") == f"Mounted at {drive.mount}"
    assert (drive.my_drive / "file").read_bytes() == b"x"
    assert told(kernel, "drive.mount('/another')") == "ValueError: mount failed"
