"""A real server with S3's protocol, on loopback: moto's, as a process of its own.

It stands in for Amazon's: it can't show durability, nor what comes with distance and load.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from colab_guard.store.objects import Objects

BUCKET = "bucket"
KEYS = {"key": "test", "secret": "test"}
RUNNING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Server:
    """Where it listens; it has one bucket."""

    port: int
    _numbers: Iterator[int]

    def url(self) -> str:
        """A place in the bucket where nothing is yet."""
        return f"s3://{BUCKET}/repository-{next(self._numbers)}"

    def objects(self, url: str, port: int = 0, **options: Any) -> Objects:
        """A backend there, with its own connections; over another port where one is given."""
        return Objects(url, **{**KEYS, "endpoint_url": f"http://127.0.0.1:{port or self.port}", **options})


@contextmanager
def serving(log: Path) -> Iterator[Server]:
    """Starts a server on a free port, and ends it."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with open(log, "wb") as out, open(log) as lines:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
        try:
            text = ""
            while not (found := RUNNING.search(text)):
                assert process.poll() is None, text
                text += lines.read()
            server = Server(int(found[1]), count())
            server.objects(f"s3://{BUCKET}")._file_system().mkdir(BUCKET)
            yield server
        finally:
            process.kill()
            process.wait()
