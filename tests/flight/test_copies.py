"""The copies of a flight in a durable store: what is there when the machine is gone."""

import errno
import threading
from pathlib import Path

import pytest

from colab_guard.flight import copies as module
from colab_guard.flight.lines import SESSIONS, file_name
from colab_guard.flight.reading import flights
from tests.flight.conftest import Recorded
from tests.tiers.remotes import GONE, Later

WAIT = 60.0  # seconds after which a test gives up


@pytest.fixture
def remote(tmp_path: Path) -> Later:
    """A stand-in for Drive: it shows what is written and deleted when; the real mount is in tests/notebook."""
    remote = Later(tmp_path / "drive")
    (tmp_path / "drive" / "flight").mkdir()
    return remote


def copy(recorded: Recorded) -> None:
    assert recorded.recorder.finish(WAIT)


def test_a_copy_tells_the_whole_flight(recorded, remote):
    recorded.begin(remote=lambda: remote)
    assert recorded.watch.looks["flight-copy"]() == module.FIRST_SECONDS
    recorded.beat()
    recorded.recorder.event("cell-began", name="x")
    recorded.beat(2)
    copy(recorded)
    (there,) = flights(remote)
    assert there == recorded.read()
    assert flights(remote, recorded.root) == [there]
    assert flights(recorded.root / "nothing", remote) == [there]


def test_what_only_one_place_has_completes_what_the_other_has(recorded, remote):
    recorded.begin(remote=lambda: remote)
    recorded.watch.looks["flight-copy"]()
    recorded.beat()
    copy(recorded)
    recorded.files()[0].unlink()
    recorded.recorder._beats.clear()
    recorded.beat()
    assert len(flights(remote)[0].beats) == len(recorded.read().beats) == 1
    assert len(flights(remote, recorded.root)[0].beats) == 2


def test_an_older_copy_goes_once_a_newer_one_is_sure_to_be_there(recorded, remote):
    remote.at_once = False
    recorded.begin(remote=lambda: remote)
    recorded.watch.looks["flight-copy"]()
    for _ in range(module.FILES):
        recorded.beat()
        copy(recorded)
    assert len(remote.written) == module.FILES
    assert remote.deleted == []
    remote.arrived.add(remote.written[1])
    copy(recorded)
    assert remote.deleted == remote.written[:1]
    remote.lose()  # the machine dies
    names = [path.name for path in (Path(remote.place) / "flight").iterdir()]
    assert remote.written[1] in {f"flight/{name}" for name in names}
    assert len(flights(remote)[0].beats) >= 2


def test_a_store_that_never_tells_keeps_a_few_copies(recorded, remote):
    remote.knows = False
    recorded.begin(remote=lambda: remote)
    recorded.watch.looks["flight-copy"]()
    for _ in range(10):
        copy(recorded)
    assert len(list(remote.list("flight"))) == module.FILES


def test_the_copies_of_the_newest_sessions_are_kept(recorded, remote):
    for number in range(SESSIONS + 2):
        recorded.begin(f"session-{number}", remote=lambda: remote)
        recorded.watch.looks["flight-copy"]()
        recorded.beat()
        copy(recorded)
        recorded.recorder.end()
        recorded.now += 1
    assert [flight.session for flight in flights(remote)] == [f"session-{number}" for number in range(6, 1, -1)]


def test_a_long_flight_keeps_its_copies_beside_younger_ones(recorded, remote):
    recorded.begin("long", remote=lambda: remote)
    recorded.watch.looks["flight-copy"]()
    for number in range(SESSIONS + 1):
        remote.write_new(file_name(recorded.now + 1 + number, f"younger-{number}", 1), [b""])
    recorded.beat()
    copy(recorded)
    assert "long" in [flight.session for flight in flights(remote)]


@pytest.mark.parametrize("number", [GONE, errno.ENOSPC, errno.EIO])
def test_a_store_that_fails_is_tried_again_and_nothing_else_suffers(recorded, remote, number, capfd):
    recorded.begin(remote=lambda: remote)
    recorded.watch.looks["flight-copy"]()
    remote.broken = number
    recorded.beat()
    copy(recorded)
    assert recorded.recorder._copies.trouble.startswith("OSError")
    remote.broken = None
    assert recorded.watch.looks["flight-copy"]() == module.COPY_SECONDS
    copy(recorded)
    assert recorded.recorder._copies.trouble == ""
    assert flights(remote) == flights(recorded.root)
    assert capfd.readouterr() == ("", "")


def test_a_store_that_hangs_holds_up_neither_beats_nor_events(recorded, remote, monkeypatch):
    going, hanging = threading.Event(), threading.Event()
    write_new = remote.write_new

    def slowly(name, chunks):
        hanging.set()
        assert going.wait(WAIT)
        write_new(name, chunks)

    monkeypatch.setattr(remote, "write_new", slowly)
    recorded.begin(remote=lambda: remote)
    recorded.watch.looks["flight-copy"]()
    recorded.watch.looks["flight-copy"]()
    assert hanging.wait(WAIT)
    recorded.beat(5)
    for number in range(100):
        recorded.recorder.event("shutdown", number=number)
    assert not recorded.recorder.finish(0.0)
    assert len(recorded.read().lines) == 105
    going.set()
    copy(recorded)
    assert len(remote.written) <= 3  # what was wanted meanwhile is one copy
    assert len(flights(remote)[0].lines) == 105


def test_what_may_be_the_last_event_is_copied_at_once(recorded, remote, monkeypatch):
    written, write_new = threading.Event(), remote.write_new

    def told(name, chunks):
        write_new(name, chunks)
        written.set()

    monkeypatch.setattr(remote, "write_new", told)
    recorded.begin(remote=lambda: remote)
    recorded.watch.looks["flight-copy"]()
    recorded.beat()
    recorded.recorder.event("cell-began", name="x")
    assert recorded.recorder._copies._wanted.empty()
    recorded.recorder.event("shutdown", restart=True)
    assert written.wait(WAIT)
    assert [event["what"] for event in flights(remote)[0].events] == ["cell-began", "shutdown"]
