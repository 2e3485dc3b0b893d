"""A stand-in for the Jupyter server of a Colab VM: a real HTTP server on loopback with the list of sessions.

Its list has the fields that people show of the real one's (googlecolab/colabtools#3207). What the real one holds for
notebooks opened from elsewhere than Drive, and how quick it is, is not shown.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class SessionsServer:
    """Answers ``/api/sessions`` with what was last given to ``lists``; with ``silent``, it hears them and waits."""

    def __init__(self) -> None:
        self.sessions: Any = []
        self.asked: list[dict[str, str]] = []  # the headers of each question
        self.silent = False
        self._end = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(dict(self.headers))
                if outer.silent:
                    outer._end.wait()
                    return
                body = json.dumps(outer.sessions if self.path == "/api/sessions" else {}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """What Colab tells a kernel of its server."""
        port = self._server.server_address[1]
        return {"COLAB_RELEASE_TAG": "release", "COLAB_JUPYTER_IP": "127.0.0.1", "KMP_TARGET_PORT": str(port)}

    def lists(self, name: str, file_id: str, kernel: str = "other") -> None:
        """One session only: of that notebook."""
        self.sessions = [session(name, file_id, kernel)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def session(name: str, file_id: str, kernel: str = "other") -> dict[str, Any]:
    """A notebook that runs, as the list has it."""
    path = f"fileId={file_id}"
    return {
        "id": "5e551011-0000-4000-8000-000000000000",
        "path": path,
        "name": name,
        "type": "notebook",
        "kernel": {"id": kernel, "name": "python3"},
        "notebook": {"path": path, "name": name},
    }
