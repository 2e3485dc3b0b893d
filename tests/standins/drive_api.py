"""A stand-in for Drive's API, and for the metadata server of a Colab VM: one HTTP server on loopback.

    with DriveApiServer(drive) as server:  # what it tells is what has arrived at the FUSE stand-in
        api = DriveApi(token=lambda: "token", base=server.base)

It answers what we ask: a file by its id (`md5Checksum`, `size`, `trashed`), the quota, and as the metadata server whose
account it is and a token. It can't show what the real one answers beyond its documentation, nor how soon after an
upload it does.
"""

import hashlib
import json
import os
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.standins.drive import Drive
from tests.standins.drive_files import ID

TOKEN = "ya29.stand-in"


class DriveApiServer:
    """What it answers may be changed at any time: `fault` is None, a status, or "hang"; `spoiled` and `trashed` are the
    ends of files' names; `quota` and `email` are what it says of the account.
    """

    def __init__(self, drive: Drive | None = None) -> None:
        self.drive = drive
        self.fault: int | str | None = None
        self.spoiled = self.trashed = ""
        self.quota: dict[str, str] = {"limit": "1000000000", "usage": "1000"}
        self.email = "someone@example.org"
        self.asked: list[str] = []
        self.released = threading.Event()  # ends what hangs

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
        self._server.daemon_threads = True
        self._server.api = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nobody listens there any more. May be called twice."""
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        """With its port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def base(self) -> str:
        """For DriveApi."""
        return f"http://{self.host}/drive/v3"

    def answer(self, url: str, bearer: str) -> tuple[int, Any]:
        """A status, and JSON."""
        parts = urlsplit(url)
        path = unquote(parts.path)
        self.asked.append(path)
        if path == "/" or path.startswith("/computeMetadata"):
            return 200, self._metadata(path)
        if bearer != f"Bearer {TOKEN}":
            return 401, {}
        if self.fault == "hang":
            self.released.wait()
        if isinstance(self.fault, int):
            return self.fault, {}
        if path == "/drive/v3/about" and parse_qs(parts.query) == {"fields": ["storageQuota"]}:
            return 200, {"storageQuota": self.quota}
        found = self._file(path.removeprefix("/drive/v3/files/"))
        if found is None:
            return 404, {}
        content = found.read_bytes()
        told = {
            "md5Checksum": hashlib.md5(content[:-1] if self._is(found, self.spoiled) else content).hexdigest(),
            "size": str(len(content)),
            "trashed": self._is(found, self.trashed),
        }
        return 200, {name: told[name] for name in parse_qs(parts.query)["fields"][0].split(",")}

    @staticmethod
    def _is(path: Path, end: str) -> bool:
        return bool(end) and str(path).endswith(end)

    def _metadata(self, path: str) -> Any:
        if path.endswith("/token"):
            return {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        return {"email": self.email, "scopes": []} if path.endswith("/default/") else "project"

    def _file(self, file_id: str) -> Path | None:
        assert self.drive is not None
        files = (path for path in self.drive.cloud.rglob("*") if path.is_file())
        return next((path for path in files if os.getxattr(path, ID).decode() == file_id), None)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = self.server.api.answer(self.path, self.headers.get("Authorization", ""))  # type: ignore[attr-defined]
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(OSError):  # who hung too long is not waited for
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
