"""Of the recorded flights, each is told right, or not known; none is told wrong."""

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from colab_guard.flight.causes import Cause
from colab_guard.flight.plot import picture
from colab_guard.flight.telling import why_line, why_text
from tests.flights.makers import MAKERS
from tests.flights.report import KILLED, judged, summary

JUDGED = judged()
DOCS = Path(__file__).parents[2] / "docs" / "flight.md"
# Causes that can be made here, each by itself or with a named stand-in.
MADE = {*Cause, KILLED} - {Cause.UNKNOWN, Cause.RUNNING}
# What leaves too little to be told by; a rule that gives up more shall be seen.
NOT_KNOWN = {
    "ram-sudden-other",  # one step of a second, and the reader is in another control group
    "restarted-now-guarded", "restarted-now-idle", "restarted-now-plain",  # SIGKILL, as anybody's
    "terminated-plain-1", "terminated-idle-1",  # a SIGTERM that nothing of ours hears
    "read-elsewhere-reclaimed-guarded-1", "read-elsewhere-ram-plain-same",  # nobody knows of the machine
}  # fmt: skip


@pytest.mark.parametrize("one", JUDGED, ids=lambda one: one.name)
def test_each_is_told_right_or_not_known(one):
    assert one.outcome in ("right", "unknown"), one.verdict


def test_there_are_enough_of_each_cause():
    assert len(JUDGED) >= 60
    counts = Counter(one.recording.cause for one in JUDGED)
    assert {cause: counts[cause] for cause in MADE if counts[cause] < 5} == {}
    assert sum(one.recording.apart for one in JUDGED) * 3 >= len(JUDGED)


def test_the_docs_have_the_table():
    assert summary(JUDGED) in DOCS.read_text()


def test_no_more_is_given_up_than_has_to_be():
    assert {one.name for one in JUDGED if one.outcome == "unknown"} == NOT_KNOWN


def test_each_has_words_of_its_own():
    for one in JUDGED:
        text = why_text(one.recording.flight, one.verdict, one.recording.here)
        assert "None" not in text, text
        assert all(len(line) <= 120 for line in text.splitlines()), text
        line = why_line(one.recording.flight, one.verdict, one.recording.here)
        assert line is None or "\n" not in line


def test_the_last_hour_is_drawn():
    drawn = {one.name: picture(one.recording.flight) for one in JUDGED[:12]}
    for name, found in drawn.items():
        words = " ".join(ElementTree.fromstring(found or "").itertext())
        assert re.search(r"In use: .*RAM \d+%.*disk \d+%.* before .*last heard of", words), name
    assert any("cell-failed" in found for found in drawn.values())


@pytest.mark.parametrize("name", ["fatal-SIGABRT-plain", "restarted-idle"])
def test_a_death_made_now_is_told_as_the_recorded_one(name, tmp_path):
    made = MAKERS[name](tmp_path)
    made.write(tmp_path / "flight.jsonl")
    (one,) = [one for one in JUDGED if one.name == name]
    (again,) = judged(tmp_path)
    assert again.verdict.cause is one.verdict.cause
    assert again.outcome == "right"
