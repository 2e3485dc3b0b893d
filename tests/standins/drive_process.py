"""The process of the Drive stand-in: `python -m tests.standins.drive_process SETTINGS`, which `drive.Drive` starts.

SETTINGS is a JSON object, see `main`. It prints "ready" once it is mounted, listens on a UNIX socket, and unmounts and
ends when its stdin does, so that it does not outlive the test that started it. Each connection brings one line, a JSON
object {"do": command, …arguments}, and gets one line: {"value": …} or {"error": …}.
"""

import json
import os
import shutil
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.standins.drive_files import Files
from tests.standins.drive_mount import Mount
from tests.standins.drive_watch import Log, Watch
from tests.standins.uploads import Uploads


class Controls:
    """The commands: what is public here. Called from several threads."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._seconds = 0.0 if settings["by_hand"] else None
        self._files = Files(Path(settings["folder"]), settings["quota_bytes"])
        self._uploads = Uploads(settings["delay_seconds"], settings["bytes_per_second"], paused=settings["paused"])
        self._watch = Watch(Log(Path(settings["log"])))
        self.fail, self.slow, self.heal = self._watch.fail, self._watch.slow, self._watch.heal
        self.operations, self.reset_operations = self._watch.operations, self._watch.reset
        self.mount = Mount(self._files, self._uploads, self._watch, self._now)
        self.upload = self.mount.upload_next

    def advance(self, seconds: float) -> None:
        """Time passes, of a clock that only goes when told to."""
        with self.mount.changed:
            assert self._seconds is not None, "by_hand=True is needed for that"
            self._seconds += seconds
            self.mount.upload_due()

    def pause_uploads(self) -> None:
        with self.mount.changed:
            self._uploads.pause()

    def resume_uploads(self) -> None:
        with self.mount.changed:
            self._uploads.resume(self._now())
            self.mount.upload_due()
            self.mount.changed.notify_all()

    def wait_uploaded(self, timeout_seconds: float) -> bool:
        with self.mount.changed:
            return self.mount.changed.wait_for(lambda: not self._uploads.paths(), timeout_seconds)

    def waiting(self) -> list[str]:
        with self.mount.changed:
            return self._uploads.paths()

    def trash_bytes(self) -> int:
        return self._files.trash_bytes

    def used_bytes(self) -> int:
        with self.mount.changed:
            return self._files.live_bytes + self._files.trash_bytes

    def empty_trash(self) -> None:
        with self.mount.changed:
            self._files.empty_trash()

    def _now(self) -> float:
        return time.monotonic() if self._seconds is None else self._seconds

    def _upload_forever(self) -> None:
        with self.mount.changed:
            while True:
                seconds = self.mount.upload_due()
                self.mount.changed.wait(seconds if self._seconds is None else None)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    controls: Controls


class _Answer(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        try:
            command: Callable[..., Any] = getattr(self.server.controls, asked.pop("do"))
            answer = {"value": command(**asked)}
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            answer = {"error": repr(error)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def _end_with_stdin(mount: str, listening: str) -> None:
    sys.stdin.buffer.read()
    subprocess.run(["fusermount3", "-uz", mount], check=False)
    shutil.rmtree(os.path.dirname(listening), ignore_errors=True)
    os._exit(0)


def main(settings: dict[str, Any]) -> None:
    """Mounts, and serves until it is unmounted."""
    from mfusepy import FUSE  # here, where libfuse is needed

    controls = Controls(settings)
    server = _Server(settings["socket"], _Answer)
    server.controls = controls
    for work in (
        server.serve_forever,
        controls._upload_forever,
        lambda: _end_with_stdin(settings["mount"], settings["socket"]),
    ):
        threading.Thread(target=work, daemon=True).start()
    # Nothing is kept by the system for a while, so that every call is counted, and meets a fault from its first moment.
    uncached = {"attr_timeout": 0, "entry_timeout": 0, "negative_timeout": 0}
    FUSE(
        controls.mount,
        settings["mount"],
        foreground=True,
        fsname="drive",
        subtype="drive",
        hard_remove=True,
        **uncached,
    )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
