"""A stand-in for Colab around a real kernel: the package google.colab, the page, and what releases the VM.

    with Colab(drive, secrets={"COLAB_GUARD_KEY": "…"}) as colab, Kernel(env=colab.environment) as kernel:
        kernel.page = colab.page
        kernel.run(f"from google.colab import drive; drive.mount({str(drive.mount)!r})")
        kernel.run("from google.colab import runtime; runtime.unassign()")
        assert colab.unassigned == 1

In the kernel, `google.colab` is the package below colab_path/: it speaks to the page as the real one does (a
`colab_request` on iopub, a `colab_reply` in an `input_reply` on stdin), and was written from what colabtools' sources
do. What Colab's programs would do there (mount, flush, release, hand a file to the browser) the test's own process
does.

What it can't show: what the real page asks its user and when, what it does with scripts, that a VM goes; how Drive's
program starts and fails; the comm that carries downloads; anything of google.colab that is not in colab_path/. The real
package is imported before the first cell, this one when a cell says so.
"""

import json
import os
import socketserver
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.standins.drive import Drive

PACKAGE = Path(__file__).parent / "colab_path"
MESSAGES = {"request_auth": "_allow", "GetSecret": "_secret", "cell_javascript_eval": "_evaluate"}


class Colab:
    """What a notebook meets on Colab. Its public attributes may be changed at any time, and are read on other threads.

    *drive* is what `drive.mount` mounts, at `drive.mount` and nowhere else. *secrets* are those of the user; this
    notebook may not read the *withheld*.
    """

    def __init__(self, drive: Drive | None = None, *, secrets: dict[str, str] | None = None) -> None:
        self.drive, self.secrets = drive, secrets or {}
        self.withheld: set[str] = set()
        self.attached = True  # whether a browser is there to answer
        self.consents = True  # whether its user lets the notebook mount Drive
        self.releases = True  # whether the service can be reached that releases the VM
        self.evaluate: Callable[[str], Any] = lambda script: None  # what a script gives; an exception is an error
        self.scripts: list[str] = []
        self.requests: list[str] = []
        self.downloads: list[tuple[str, bytes]] = []
        self.unassigned = 0
        self._allowed = False

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="colab-")
        self._server = _Server(os.path.join(self._folder.name, "control"), _Answer)
        self._server.colab = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    @property
    def environment(self) -> dict[str, str]:
        """What a kernel needs, on top of this process's environment."""
        paths = [str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            "PYTHONPATH": os.pathsep.join(paths),
            "COLAB_STAND_IN": str(self._server.server_address),
            "COLAB_RELEASE_TAG": "release-stand-in",
        }

    def page(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """The value of the `input_reply` to a `colab_request`; None where nothing is answered."""
        kind, number = message["metadata"]["colab_request_type"], message["metadata"].get("colab_msg_id")
        self.requests.append(kind)
        if not self.attached or number is None:
            return None
        try:
            answer = {"data": getattr(self, MESSAGES[kind])(message["content"]["request"])}
        except Exception as error:  # noqa: BLE001 - the page tells the kernel, whatever it was
            answer = {"error": {"name": type(error).__name__, "message": str(error)}}
        return {"type": "colab_reply", "colab_msg_id": number, **answer}

    def _allow(self, request: dict[str, str]) -> None:
        self._allowed = self.consents and request == {"authType": "dfs_ephemeral"}
        if not self._allowed:
            raise PermissionError("Error: credential propagation was unsuccessful")

    def _secret(self, request: dict[str, str]) -> dict[str, Any]:
        key = request["key"]
        if key not in self.secrets:
            return {"exists": False}
        if key in self.withheld:
            return {"exists": True, "access": False}
        return {"exists": True, "access": True, "payload": self.secrets[key]}

    def _evaluate(self, request: dict[str, str]) -> Any:
        self.scripts.append(request["script"])
        return self.evaluate(request["script"])

    # ---- what Colab's own programs do -------------------------------------------------------------------

    def mount(self, mountpoint: str, readonly: bool) -> None:
        """Raises ValueError where Colab does."""
        if not self._allowed or self.drive is None or Path(mountpoint) != self.drive.mount:
            raise ValueError("mount failed")
        assert not readonly, "the stand-in has no read-only mounts"
        self._allowed = False
        self.drive.remount()

    def flush_and_unmount(self) -> bool:
        """Whether there was something alive to unmount."""
        if self.drive is None or not self.drive.alive:
            return False
        self.drive.flush_and_unmount()
        return True

    def unassign(self) -> None:
        """The VM is given back."""
        if not self.releases:
            raise ValueError("Unable to request VM unassignment.")
        self.unassigned += 1

    def download(self, path: str) -> None:
        """The user gets a file."""
        self.downloads.append((os.path.basename(path), Path(path).read_bytes()))


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    colab: Colab


class _Answer(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        try:
            answer = {"value": getattr(self.server.colab, asked.pop("do"))(**asked)}
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            answer = {"error": str(error)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")
