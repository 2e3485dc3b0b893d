"""A notebook whose snapshots go to an object store (a real server with S3's protocol, see tests/store/s3.py): what was
durable is gone on with on another machine.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.book import Book, printed, said
from tests.notebook.test_drive import wait_for
from tests.store.s3 import KEYS, Server, serving

CELL = """%%checkpointed train --every 1it --store {store}
seen = []
for i in range(6):
    seen.append(i)
    if i == 3 and "FIRST" in os.environ:
        raise RuntimeError("stopped")
print(seen)"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


def machine(folder: Path, python: str, server: Server, **more: str) -> Book:
    folder.mkdir()
    return Book(
        folder, python, {
            "AWS_ACCESS_KEY_ID": KEYS["key"], "AWS_SECRET_ACCESS_KEY": KEYS["secret"],
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}", "AWS_DEFAULT_REGION": "us-east-1", **more,
        },
    )  # fmt: skip


def test_another_machine_goes_on_from_what_was_durable(tmp_path, python, server):
    cell = CELL.format(store=server.url())
    first = machine(tmp_path / "first", python, server, FIRST="1")
    try:
        result = first.run(cell)
        assert "RuntimeError" in result.error.ename
        wait_for(lambda: re.search(r"· durable \d+ \w+ ago ·", first.run("%guard status").check().text))
    finally:
        first.close()
    shutil.rmtree(tmp_path / "first")
    second = machine(tmp_path / "second", python, server)
    try:
        result = second.run(cell).check()
        assert any("train resumed" in line for line in said(result))
        assert printed(result) == ["[0, 1, 2, 3, 4, 5]"]
    finally:
        second.close()


def test_a_store_that_cannot_be_reached_is_told_and_nothing_is_run(tmp_path, python, server):
    with_none = machine(tmp_path / "none", python, server)
    try:
        kind, message = with_none.refusal("%%checkpointed x --store s3://no-such-bucket/x\nprint('RUNS')")
        assert kind == "StoreUnavailable"
        assert "no-such-bucket" in message
    finally:
        with_none.close()
