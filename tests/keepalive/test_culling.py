"""What a Jupyter server was told of idle kernels is read from where it took it, and what can't be read is said.

The servers here are real processes with those arguments, environments and folders, but programs that only wait: what
jupyter_server itself makes of the settings is in tests/browser/test_culling.py.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colab_guard.keepalive.culling import culling

WAITS = "import sys; print('here', flush=True); sys.stdin.read()"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., dict[str, str]]]:
    """Starts a process as a server would be; the environment of a kernel of its."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **environment: str) -> dict[str, str]:
        (tmp_path / "home").mkdir(exist_ok=True)
        surroundings = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"], **environment}
        command = [sys.executable, "-c", WAITS, *arguments]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=tmp_path, env=surroundings))
        assert started[-1].stdout.readline() == b"here\n"
        return {"JPY_PARENT_PID": str(started[-1].pid)}

    yield start
    for process in started:
        process.communicate()


def test_the_command_line_is_read(server):
    manager = "--MappingKernelManager"
    found = culling(server(f"{manager}.cull_idle_timeout=600", f"{manager}.cull_connected", "True"))
    assert (found.idle_timeout, found.interval, found.connected, found.busy) == (600, 300, True, False)
    assert str(found) == (
        "the server ends a kernel that was idle for 10 min, also while a page is connected (its command line)"
    )


def test_files_are_read_the_nearer_ones_win_and_the_command_line_before_all(server, tmp_path):
    (tmp_path / "home/.jupyter").mkdir(parents=True)
    own, here = tmp_path / "home/.jupyter/jupyter_server_config.json", tmp_path / "jupyter_server_config.py"
    own.write_text('{"MappingKernelManager": {"cull_idle_timeout": 900, "cull_busy": true}}')
    assert culling(server()).idle_timeout == 900
    here.write_text("c = get_config()\nc.MappingKernelManager.cull_idle_timeout = 5 * 60\n")
    assert "cull_idle_timeout is computed) may" not in str(culling(server()))
    found = culling(server())
    assert (found.idle_timeout, found.busy) == (900, True)
    assert found.unread == (f"{here}: cull_idle_timeout is computed",)
    here.write_text("c.MappingKernelManager.cull_idle_timeout = 300\n")
    found = culling(server())
    assert (found.idle_timeout, found.where["cull_idle_timeout"]) == (300, str(here))
    assert culling(server("--MappingKernelManager.cull_idle_timeout=60")).idle_timeout == 60


def test_a_file_that_is_none_is_named_and_nothing_of_it_is_run(server, tmp_path):
    broken = tmp_path / "jupyter_server_config.py"
    broken.write_text("open('was run', 'w')\nc.MappingKernelManager.cull_idle_timeout = \n")
    assert f"({broken}: SyntaxError when it was read may say otherwise)" in str(culling(server()))
    broken.write_text("open('was run', 'w')\n")
    culling(server())
    assert not (tmp_path / "was run").exists()


def test_a_folder_that_the_server_was_told_of_is_read(server, tmp_path):
    (tmp_path / "told").mkdir()
    (tmp_path / "told/jupyter_notebook_config.json").write_text('{"MappingKernelManager": {"cull_idle_timeout": 7}}')
    assert culling(server(JUPYTER_CONFIG_DIR=str(tmp_path / "told"))).idle_timeout == 7


def test_what_can_not_be_read_is_said(server, tmp_path):
    assert "what started it is not named in its environment" in str(culling({}))
    environment = server()
    assert "cull_idle_timeout is not set where it could be read" in str(culling(environment))
    assert "can't be looked at (No such file or directory)" in str(culling(environment, tmp_path))
