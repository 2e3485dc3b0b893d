"""A connection that breaks anywhere costs the snapshot in progress and nothing else.

The server is moto's and the connections are real; what is between them breaks the requests that a test names.
"""

import errno
import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from colab_guard.store import objects
from colab_guard.store.objects import PART_BYTES, Objects
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from tests.store.proxy import HANGING, Proxy, proxied
from tests.store.rough import refusal
from tests.store.s3 import BUCKET, Server

PATIENCE_SECONDS = 5.0
LASTING = {"busy": True, "cut in the request": True, "cut in the answer": False, "answer lost": False}


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with proxied(server.port) as proxy:
        yield proxy


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request is tried again, which would hide most faults."""
    monkeypatch.setattr(objects, "TRIES", 1)


def both(server: Server, proxy: Proxy) -> tuple[Objects, Objects]:
    """The same new place, without and with the proxy between."""
    url = server.url()
    return server.objects(url), server.objects(url, proxy.port)


def waits(backend: Objects, seconds: float) -> None:
    """From now on, it waits for no answer for longer."""
    backend._patience_seconds = seconds
    backend._file_systems.clear()


def sound(direct: Objects) -> list[int]:
    """The snapshots that a new session finds, all checked, newest first, where verify finds nothing wrong."""
    repository = Repository(direct)
    for manifest in (entries := repository.snapshots()):
        repository.check(manifest)
    assert repository.verify().problems == ()
    return [manifest.seq for manifest in entries]


def from_then_on(step: int, fault: str, lasting: bool) -> Callable[[int, str], str]:
    return lambda number, line: fault if number == step or (lasting and number > step) else ""


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_at_any_request_of_a_commit_leaves_what_was_there(
    server: Server, proxy: Proxy, once: None, fault: str
) -> None:
    direct, through = both(server, proxy)
    first = Repository(direct).commit("train", {"n": 0}, [b"shared", b"own"])
    there = [1]
    for step in itertools.count(1):
        repository = Repository(through)
        repository.newest("train")
        proxy.arm(from_then_on(step, fault, LASTING[fault]))
        said = refusal(repository.commit, "train", {}, [first.blobs[0], b"fresh %d" % step, b"fresher"])
        requests = len(proxy.requests)
        proxy.arm(lambda number, line: "")
        if said is None:
            there.insert(0, there[0] + 1)
        else:
            assert direct.place in said
        found = sound(direct)
        # One that was told to have failed may be there, whole, where only the answer was lost.
        assert found[-len(there) :] == there
        there = found
        if said is None and requests < step:
            break
    assert step > 5, "each listing and each put is a request"


@pytest.mark.parametrize("fault", ["busy", "cut in the request", "cut in the answer"])
def test_one_fault_of_a_put_or_a_read_is_tried_over_and_costs_nothing(server: Server, proxy: Proxy, fault: str) -> None:
    direct, through = both(server, proxy)
    for verb in ("PUT", "GET /bucket/repository-"):
        left = [fault]
        proxy.arm(lambda number, line, verb=verb, left=left: left.pop() if left and line.startswith(verb) else "")
        repository = Repository(through)
        made = repository.commit("train", {}, [verb.encode()])
        assert repository.newest("train") == (made, [])
        assert left == []
    assert len(sound(direct)) == 2


def test_a_fault_at_any_request_of_a_prune_keeps_what_was_to_be_kept(server: Server, proxy: Proxy, once: None) -> None:
    direct, through = both(server, proxy)
    writer = Repository(direct)
    writer.commit("train", {}, [b"the first"])
    for step in itertools.count(1):
        seq = writer.commit("train", {}, [b"%d" % step]).seq
        proxy.arm(lambda number, line: "")
        repository = Repository(through)
        proxy.arm(from_then_on(step, "cut in the answer", lasting=True))
        said = refusal(repository.prune, "train", Retention(1))
        assert sound(direct)[0] == seq
        writer.prune("train", Retention(1))
        if said is None:
            break
    assert step > 8


@pytest.mark.parametrize("fault", ["busy", "cut in the answer"])
def test_what_cannot_be_read_now_is_never_taken_for_no_snapshot(
    server: Server, proxy: Proxy, once: None, fault: str
) -> None:
    direct, through = both(server, proxy)
    made = Repository(direct).commit("train", {}, [b"bytes"])
    for step in itertools.count(1):
        proxy.arm(lambda number, line: "")
        repository = Repository(through)
        proxy.arm(from_then_on(step, fault, lasting=True))
        said = refusal(repository.newest, "train")
        if said is None:
            break
    assert step > 3
    proxy.arm(lambda number, line: "")
    assert repository.newest("train") == (made, [])


@pytest.mark.parametrize(
    ("fault", "part"),
    [("cut in the request", 1), ("cut in the request", 3), ("stops reading", 2), ("no answer", 1), ("no answer", 3)],
)
def test_a_large_upload_that_is_cut_or_stalls_ends_and_leaves_nothing_to_see(
    server: Server, proxy: Proxy, once: None, fault: str, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the server takes no more bytes, of which no library has a limit."""
    monkeypatch.setattr(objects, "SLOWEST_BYTES_PER_SECOND", 10 * PART_BYTES)
    direct, through = both(server, proxy)
    Repository(direct).commit("train", {}, [b"small"])
    repository = Repository(through)
    if fault in HANGING:
        waits(through, PATIENCE_SECONDS)
    proxy.arm(lambda number, line: fault if f"partNumber={part}" in line else "")
    said = refusal(repository.commit, "train", {}, [os.urandom(2 * PART_BYTES), b"the end"])
    proxy.hanging.set()
    assert said is not None
    assert ("no answer in time" if fault in HANGING else "the connection failed") in said
    assert sound(direct) == [1]
    assert direct._file_system().list_multipart_uploads(BUCKET) == []
    assert len(list(direct.list("packs"))) == 1


def test_a_stalled_read_ends(server: Server, proxy: Proxy) -> None:
    direct, backend = both(server, proxy)
    waits(backend, 1.0)
    direct.write_new("packs/a", [bytes(100)])
    proxy.arm(lambda number, line: "no answer")
    with pytest.raises(OSError, match="no answer in time") as caught:
        backend.read("packs/a", 0, memoryview(bytearray(100)))
    assert caught.value.errno == errno.ETIMEDOUT
    proxy.hanging.set()
    proxy.arm(lambda number, line: "")
    waits(backend, objects.PATIENCE_SECONDS)
    assert backend.read("packs/a", 0, memoryview(bytearray(100))) == 100
