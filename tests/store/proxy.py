"""A proxy between a client and a server that speak HTTP over real connections; breaks the requests that a test names.

A request is "busy" or "denied" (the proxy says so itself), "cut before", "cut in the request", "cut in the answer", has
its "answer lost" when all is done, gets "no answer", or the proxy "stops reading" it.

One request a connection: after each answer, or fault, the connection is closed.
"""

from __future__ import annotations

import re
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BLOCK_BYTES = 65_536
REFUSED = (
    "HTTP/1.1 {status} No\r\nContent-Type: application/xml\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n{body}"
)
HANGING = ("no answer", "stops reading")


class Proxy:
    """Passes on what comes, until told otherwise."""

    def __init__(self, port: int) -> None:
        self.upstream, self.requests = port, list[str]()
        self.hanging = threading.Event()  # set: those that hang go on, to their end
        self.edit: Callable[[bytes], bytes] = lambda head: head
        self._lock, self._fault = threading.Lock(), lambda number, line: ""
        self.port = 0

    def arm(self, fault: Callable[[int, str], str]) -> None:
        """From now on, requests are numbered from 1; ``fault`` is given the number and the first line of each."""
        with self._lock:
            self.requests, self._fault = [], fault

    def fault_of(self, line: str) -> str:
        with self._lock:
            self.requests.append(line)
            return self._fault(len(self.requests), line)


class _Connection(socketserver.BaseRequestHandler):
    request: socket.socket

    def handle(self) -> None:
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        received = b""
        while b"\r\n\r\n" not in received:
            more = self.request.recv(BLOCK_BYTES)
            if not more:
                return  # a connection that was kept, and is not needed any more
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        size = int(found[1]) if found else 0
        fault = proxy.fault_of(head.split(b"\r\n")[0].decode())
        if fault in ("busy", "denied"):
            self._drain(body, size)
            self.request.sendall(refusal(fault))
        elif fault == "cut before":
            self._cut()
        elif fault == "cut in the request":
            self._drain(body, size // 2)
            self._cut()
        elif fault in HANGING:
            if fault == "no answer":
                self._drain(body, size)
            proxy.hanging.wait()
        else:
            answer = self._asked(proxy, head, self._drain(body, size))
            if fault == "answer lost":
                self._cut()
            elif fault == "cut in the answer":
                self.request.sendall(answer[: len(answer) - max(1, len(answer.partition(b"\r\n\r\n")[2]) // 2)])
                self._cut()
            else:
                self.request.sendall(answer)

    def _drain(self, body: bytes, size: int) -> bytes:
        if len(body) < size:
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        parts = [body]
        while size > sum(map(len, parts)):
            parts.append(self.request.recv(BLOCK_BYTES))
            if not parts[-1]:
                break
        return b"".join(parts)

    def _asked(self, proxy: Proxy, head: bytes, body: bytes) -> bytes:
        kept = proxy.edit(re.sub(rb"(?i)\r\n(expect|connection): [^\r]*", b"", head))
        with socket.create_connection(("127.0.0.1", proxy.upstream)) as server:
            server.sendall(kept + b"\r\nConnection: close\r\n\r\n" + body)
            answer = bytearray()
            while more := server.recv(BLOCK_BYTES):
                answer += more
        return bytes(answer)

    def _cut(self) -> None:
        """With a reset, as of a peer that is gone."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = False
    allow_reuse_address = True
    request_queue_size = 50

    def handle_error(self, request: object, client_address: object) -> None:
        """The client went away first, which is what it is made to do."""


@contextmanager
def proxied(port: int) -> Iterator[Proxy]:
    """A proxy on loopback, before the server on ``port``."""
    proxy = Proxy(port)
    with _Server(("127.0.0.1", 0), _Connection) as server:
        server.proxy = proxy  # type: ignore[attr-defined]
        proxy.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.hanging.set()
            server.shutdown()
            thread.join()


def refusal(fault: str) -> bytes:
    """What S3 says when it is too busy, or denies."""
    status, code = {"busy": (503, "SlowDown"), "denied": (403, "AccessDenied")}[fault]
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}, please</Message></Error>'
    return REFUSED.format(status=status, size=len(body), body=body).encode()
