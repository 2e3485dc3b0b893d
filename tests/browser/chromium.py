"""Chromium, and the pages that stand in for a notebook (page.html) and Colab's (colab_page), as context managers."""

import contextlib
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

CHECKOUT = Path(__file__).parents[2]
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PATIENCE_MS = 120_000  # what has not come by then never comes, on however busy a machine
COLAB = Path(__file__).parent / "colab_page"
FILES = {
    "/": Path(__file__).with_name("page.html"),
    "/panel.js": CHECKOUT / "js/panel.js",
    "/colab": COLAB / "page.html",
    "/colab/frame": COLAB / "frame.html",  # asked of another host name, it is of another origin
    "/colab/kernel.js": COLAB / "kernel.js",
    "/html-manager": Path(__file__).with_name("html_manager.html"),
    "/html-manager.js": CHECKOUT / "build/html-manager/package/dist/libembed-amd.js",
    "/anywidget.js": Path(sys.prefix) / "share/jupyter/nbextensions/anywidget/index.js",
}


def found() -> str:
    """Where Chromium is."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "this needs Chromium: apt-get install chromium"
    return path


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found(), args=FLAGS.split(), timeout=PATIENCE_MS)
        yield browser
        browser.close()


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The stand-in's address, on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files) as server:
        server.daemon_threads = True  # browsers open connections that they never use
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class _Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = FILES.get(self.path.partition("?")[0])
        self.send_response(200 if found else 404)
        kind = "text/javascript" if found and found.suffix == ".js" else "text/html"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(found.read_bytes() if found else b"")

    def log_message(self, *_: object) -> None:
        """Nothing of it belongs into a test's output."""
