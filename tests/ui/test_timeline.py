"""What the panel makes of the snapshots there are, of this session and of earlier ones."""

from pathlib import Path

import pytest

from colab_guard.session import Session
from colab_guard.ui.timeline import Timeline

OPEN, ENDED = {"cursor": {"frames": []}, "place": "epoch 3"}, {"cursor": None}
SAVE = {"cursor": None, "groups": []}  # of all variables


@pytest.fixture
def timeline(tmp_path: Path) -> Timeline:
    return Timeline(Session({}, print, str(tmp_path / "store")))


def committed(timeline: Timeline, *snapshots: tuple[str, dict[str, object]]) -> list[str]:
    """Reads a store with these, a second apart, each with its session; their ids."""
    repository = timeline.session.repository(timeline.session.store)
    found = [
        repository.commit("train", {**body, "session": session}, [b""], created=1000.0 + second)
        for second, (session, body) in enumerate(snapshots)
    ]
    thread = timeline.refresh()
    assert thread is not None
    thread.join()
    assert timeline.trouble == ""
    return [one.id for one in found]


def died(timeline: Timeline) -> list[bool]:
    return [bool(one["died"]) for one in timeline.shown({})]


def test_a_session_died_behind_its_last_snapshot_if_it_was_in_the_middle_of_a_cell(timeline: Timeline) -> None:
    """A save of all variables in between, as of a cell that was stopped, does not hide it."""
    ids = committed(timeline, ("a", OPEN), ("a", OPEN), ("b", ENDED), ("c", OPEN), ("c", SAVE))
    assert died(timeline) == [False, True, False, False, True]
    found = timeline.unfinished()
    assert found is not None
    assert found.id == ids[3]


def test_the_session_that_looks_has_not_died(timeline: Timeline) -> None:
    here = timeline.session.id
    committed(timeline, ("a", OPEN), (here, OPEN), (here, SAVE))
    assert died(timeline) == [True, False, False]
    assert timeline.unfinished() is None


def test_what_came_to_its_end_is_not_gone_on_with(timeline: Timeline) -> None:
    committed(timeline, ("a", OPEN), ("b", ENDED))
    assert timeline.unfinished() is None
