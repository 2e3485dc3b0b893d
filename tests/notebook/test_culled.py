"""A real jupyter_server that ends idle kernels: keep-alive reads that it does, and keeps its kernel while it acts."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.support.ports import reserved

SECONDS = 60.0
TOKEN = "of-the-test"


# A server's clock is as many seconds on as its file has bytes, so that what is slow is not idle.
CLOCK = """
import os
from datetime import datetime, timedelta, timezone
from jupyter_server.services.kernels import kernelmanager
begun = datetime.now(timezone.utc)
kernelmanager.utcnow = lambda: begun + timedelta(seconds=os.stat({path!r}).st_size)
"""


class Server:
    """A server without a page, which ends a kernel that was idle for three seconds of its clock, connected or not."""

    def __init__(self, folder: Path) -> None:
        self._reserved = reserved()
        port = self._reserved.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api"
        told = {"ServerApp.ip": "127.0.0.1", "ServerApp.port": port, "ServerApp.port_retries": 0}
        told |= {"IdentityProvider.token": TOKEN, "ServerApp.allow_root": True}
        told |= {f"MappingKernelManager.cull_{name}": value for name, value in CULLS.items()}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
        self.runtime, self._clock = folder / "runtime", folder / "clock"
        self._clock.touch()
        (folder / "config").mkdir()
        (folder / "config/jupyter_server_config.py").write_text(CLOCK.format(path=str(self._clock)))
        own = {"HOME": folder, "JUPYTER_RUNTIME_DIR": self.runtime, "JUPYTER_CONFIG_DIR": folder / "config",
               "COLAB_GUARD_STORE": folder / "store", "JUPYTER_PREFER_ENV_PATH": "1"}  # fmt: skip
        environment |= {name: str(value) for name, value in own.items()}
        command = [sys.executable, "-m", "jupyter_server", *(f"--{name}={value}" for name, value in told.items())]
        self._log = (folder / "log").open("wb")
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=self._log, stderr=self._log)

    def ask(self, path: str, data: bytes | None = None) -> Any:
        """What its REST interface answers; None where there is no such thing, or no answer yet."""
        try:
            request = urllib.request.Request(f"{self.url}/{path}", data, {"Authorization": f"token {TOKEN}"})
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return json.load(answer)
        except (urllib.error.HTTPError, ConnectionError, urllib.error.URLError):
            return None

    def pass_second(self) -> None:
        """By its clock, which stands still else."""
        with self._clock.open("ab") as file:
            file.write(b".")

    def kernel(self) -> str:
        """Starts one; its id."""
        return str(until(lambda: self.ask("kernels", b"{}"))["id"])

    def run(self, kernel: str, code: str) -> str:
        """What a cell prints."""
        client = BlockingKernelClient(connection_file=str(self.runtime / f"kernel-{kernel}.json"))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=SECONDS)
        printed = list[str]()
        try:
            client.execute_interactive(
                code, timeout=SECONDS, output_hook=lambda m: printed.append(m["content"].get("text", ""))
            )
        finally:
            client.stop_channels()
            client.context.destroy(linger=0)
        return "".join(printed)

    def close(self) -> None:
        """Ends it, and its kernels."""
        self.process.terminate()
        self.process.wait(SECONDS)
        self._reserved.close()
        self._log.close()


CULLS = {"idle_timeout": 3, "interval": 1, "connected": True}


def until(found: Any) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (answer := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


def test_an_idle_kernel_is_kept_while_keep_alive_acts_and_only_then(server):
    kernel = server.kernel()
    server.run(kernel, "%load_ext colab_guard\n%keepalive --always --interval 1")
    told = server.run(kernel, "%keepalive status")
    assert "the server ends a kernel that was idle for 3 s, also while a page is connected (its command line)" in told

    def active() -> datetime:
        return datetime.fromisoformat(server.ask(f"kernels/{kernel}")["last_activity"])

    begun = active()
    for second in range(1, 2 * CULLS["idle_timeout"]):
        server.pass_second()
        until(lambda: active() - begun >= timedelta(seconds=second))  # noqa: B023 -- called in here
    server.run(kernel, "%keepalive off")
    until(lambda: server.pass_second() or server.ask(f"kernels/{kernel}") is None)
