"""What is particular to places behind URLs: how files appear, whose name is taken, forks, and what is said."""

import errno
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from colab_guard.cli import main
from colab_guard.core.errors import StoreUnavailable, UsageError
from colab_guard.store.folder import Folder
from colab_guard.store.objects import PART_BYTES, Objects
from colab_guard.store.opening import backend_at
from colab_guard.store.repository import CONFIG, Repository
from tests.store.proxy import proxied
from tests.store.s3 import BUCKET, KEYS, Server


def contents(backend: Objects, name: str, size_bytes: int = 100) -> bytes:
    buffer = memoryview(bytearray(size_bytes))
    return bytes(buffer[: backend.read(name, 0, buffer)])


def names(backend: Objects, folder: str) -> list[str]:
    return sorted(entry.name for entry in backend.list(folder))


def open_uploads(backend: Objects) -> list[Any]:
    return backend._file_system().list_multipart_uploads(BUCKET)


@pytest.fixture(params=["s3", "memory", "moved"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "s3":
        found: Server = request.getfixturevalue("server")
        return found.objects(found.url())
    return Objects(f"{request.param}://{tmp_path}")


def test_what_is_larger_than_a_request_is_seen_whole_or_not_at_all(objects: Objects) -> None:
    written = os.urandom(PART_BYTES) + bytes(PART_BYTES) + b"the end"
    seen: list[list[str]] = []

    def chunks():
        for start in range(0, len(written), 3_000_000):
            seen.append([name for name in names(objects, "packs") if not name.endswith(".tmp")])
            yield memoryview(written)[start : start + 3_000_000]

    objects.write_new("packs/a", chunks())
    assert set(map(tuple, seen)) == {()}
    assert [(entry.name, entry.size_bytes) for entry in objects.list("packs")] == [("packs/a", len(written))]
    assert contents(objects, "packs/a", len(written) + 5) == written
    ends = memoryview(bytearray(10))
    assert objects.read("packs/a", 2 * PART_BYTES - 3, ends) == 10
    assert bytes(ends) == b"\0\0\0the end"


@pytest.mark.parametrize("after_bytes", [10, PART_BYTES + 10, 2 * PART_BYTES])
def test_a_large_write_that_fails_leaves_nothing_and_no_upload(objects: Objects, after_bytes: int) -> None:
    def chunks():
        yield bytes(after_bytes)
        raise FileNotFoundError(errno.ENOENT, "what was to be copied is gone")

    with pytest.raises(FileNotFoundError, match="what was to be copied is gone"):
        objects.write_new("packs/a", chunks())
    assert names(objects, "packs") == []
    if objects.place.startswith("s3"):
        assert open_uploads(objects) == []


@pytest.mark.parametrize("kind", ["s3", "memory"])
def test_of_many_who_want_a_name_one_gets_it(server: Server, tmp_path: Path, kind: str) -> None:
    url = server.url() if kind == "s3" else f"memory://{tmp_path}"

    def claimed(data: bytes) -> bool:
        return (server.objects(url) if kind == "s3" else Objects(url)).create("leases/a-00000001.json", data)

    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(claimed, [b"by %d" % n for n in range(8)]))
    assert sorted(got) == [False] * 7 + [True]
    winner = b"by %d" % got.index(True)
    assert contents(server.objects(url) if kind == "s3" else Objects(url), "leases/a-00000001.json") == winner
    assert claimed(winner), "who asks again is told the same"
    assert not claimed(winner + b", and longer")


def test_a_name_is_got_also_where_the_answer_was_lost(server: Server) -> None:
    url = server.url()
    with proxied(server.port) as proxy:
        proxy.arm(lambda number, line: "answer lost" if number == 1 else "")
        assert server.objects(url, proxy.port).create("leases/a", b"mine")
    assert contents(server.objects(url), "leases/a") == b"mine"


def test_where_names_cannot_be_claimed_that_is_an_error(server: Server, tmp_path: Path) -> None:
    for backend in (Objects(f"moved://{tmp_path}"), Objects("hf://buckets/me/one")):
        assert not backend.exclusive
        with pytest.raises(OSError, match="can't tell who came first") as caught:
            backend.create("leases/a", b"mine")
        assert caught.value.errno == errno.ENOTSUP
    with proxied(server.port) as proxy:  # a server that has never heard of the condition
        proxy.edit = lambda head: head.replace(b"If-None-Match: *", b"X-Unknown: *")
        with pytest.raises(OSError, match="a second time"):
            server.objects(server.url(), proxy.port).create("leases/a", b"mine")


def test_what_others_write_and_delete_is_seen_at_once(objects: Objects, server: Server) -> None:
    other = server.objects(objects.place) if objects.place.startswith("s3") else Objects(objects.place)
    for round_ in range(3):
        assert names(objects, "packs") == names(other, "packs") == []
        other.write_new("packs/a", [b"%d" % round_])
        assert names(objects, "packs") == names(other, "packs") == ["packs/a"]
        assert contents(objects, "packs/a") == b"%d" % round_
        objects.delete("packs/a")


def test_a_forked_process_has_connections_of_its_own(server: Server) -> None:
    objects = server.objects(server.url())
    objects.write_new("packs/before", [b"x"])
    stop = threading.Event()

    def write() -> None:
        n = 0
        while not stop.is_set():
            objects.write_new(f"packs/parent-{n}", [b"parent"])
            n += 1

    writer = threading.Thread(target=write)
    writer.start()
    children = []
    for n in range(3):
        if (child := os.fork()) == 0:
            try:
                objects.write_new(f"packs/child-{n}", [b"child"])
                os._exit(0 if contents(objects, "packs/before") == b"x" else 1)
            finally:
                os._exit(2)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    stop.set()
    writer.join()
    objects.write_new("packs/after", [b"parent"])
    found = {name: contents(objects, name) for name in names(objects, "packs")}
    assert {name for name in found if "child" in name} == {f"packs/child-{n}" for n in range(3)}
    assert all(text == b"parent" for name, text in found.items() if "parent" in name)


def test_only_a_url_brings_fsspec_in() -> None:
    code = "import sys, colab_guard, colab_guard.cli, colab_guard.store.repository; print('fsspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_a_library_that_is_missing_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UsageError, match=rf"Run `%pip install s3fs=={fsspec.__version__}`, then this cell again"):
        backend_at("s3://bucket/place")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match="Run `%pip install fsspec`"):
        backend_at("memory://place")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s4://bucket", "s4://bucket can't be opened: Protocol not known: s4"),
        ("s3://", "s3:// names no bucket: s3://BUCKET/FOLDER does"),
        ("simplecache::s3://bucket", "Give the last of them, s3://bucket"),
    ],
)
def test_a_url_that_makes_no_sense_is_refused(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        backend_at(url)


def test_a_place_is_told_without_its_password(tmp_path: Path) -> None:
    assert Objects(f"memory://me:secret@host{tmp_path}/").place == f"memory://host{tmp_path}"


@pytest.mark.parametrize("scheme", ["file://", "local://", "FILE://", ""])
def test_a_url_of_files_is_a_folder(tmp_path: Path, scheme: str) -> None:
    backend = backend_at(f"{scheme}{tmp_path}/here")
    assert isinstance(backend, Folder)
    assert backend.place == str(tmp_path / "here")


def refusal(place: Objects) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        Repository(place)
    text = str(caught.value)
    assert text.startswith(f"{place.place}: the repository can't be opened: ")
    return text.partition("opened: ")[2]


def test_what_went_wrong_is_said_with_what_to_do(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url()
    assert refusal(server.objects("s3://no-such-bucket/x")).startswith("there is no such bucket. Check its name")
    with proxied(server.port) as proxy:
        there = server.objects(url, proxy.port)
        proxy.arm(lambda number, line: "denied")
        assert refusal(there).startswith("access denied. See to it that these credentials may list, read, write")
        proxy.arm(lambda number, line: "busy")
        assert refusal(there).startswith("the store is too busy to answer (it said 503, slow down, or the like). Wait")
        proxy.arm(lambda number, line: "cut before")
        assert refusal(there).startswith("the connection failed. Check it, and the store's address, then")
        proxy.arm(lambda number, line: "no answer")
        there = server.objects(url, proxy.port, patience_seconds=1.5)
        assert refusal(there).startswith("no answer in time. Check the connection, then try again")
        proxy.hanging.set()
        nobody = proxy.port
    assert refusal(server.objects(url, nobody)).startswith("the connection failed. ")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # or it would look for a cloud machine's own
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    keyless = Objects(url, endpoint_url=f"http://127.0.0.1:{server.port}")
    assert refusal(keyless).startswith("no valid credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET")


def test_the_command_line_takes_urls(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["secret"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    url = server.url()
    assert main(["list", url]) == 2
    assert f"{url} holds no snapshots (it has no {CONFIG})" in capsys.readouterr().err
    assert names(server.objects(url), "") == [], "to look makes nothing"
    repository = Repository.open(url)
    for n in range(3):
        repository.commit("train", {"cursor": None, "line": 1}, [b"%d" % n])
    assert main(["list", url]) == main(["verify", url]) == main(["prune", "--keep", "1", url]) == 0
    assert "deleted: 2 snapshots and 2 other files" in capsys.readouterr().out
    assert [entry.seq for entry in Repository.open(url).snapshots()] == [3]
