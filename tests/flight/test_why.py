"""Which session is meant, and what a machine still knows of it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colab_guard.core.errors import UsageError
from colab_guard.flight import here as evidence
from colab_guard.flight.causes import Cause
from colab_guard.flight.here import here
from colab_guard.flight.reading import Flight
from colab_guard.flight.why import ended
from colab_guard.guards import machine


def flight(session: str, notebook: str = "train", **start: object) -> Flight:
    now = time.time()
    begun = {
        "kind": "start",
        "t": now - 100,
        "session": session,
        "notebook": notebook,
        "host": "colab",
        "boot": "another",
    }
    beat = {"kind": "beat", "t": now - 50, "up": 900.0, "cell": {"name": "train"}, "ram": [1, 10]}
    return Flight(session, begun | start, [beat])


def test_it_is_the_newest_of_this_notebook_that_has_ended_and_never_our_own():
    own = flight("own", boot=machine.boot_id(), kernel=machine.process_id())
    lives = flight("lives", boot=machine.boot_id(), kernel=machine.process_id(os.getppid()))
    found = [own, lives, flight("theirs", "other"), flight("ours"), flight("older")]
    assert ended(found, notebook="train").flight.session == "ours"
    assert ended(found, notebook="other").flight.session == "theirs"
    assert ended(found[2:], notebook="new").flight.session == "theirs"
    assert ended(found[:2], notebook="train").verdict.cause is Cause.RUNNING
    with pytest.raises(UsageError, match="No earlier session"):
        ended([own])
    with pytest.raises(UsageError, match="No earlier session"):
        ended([Flight("torn", {}, [])])


def test_only_a_session_of_the_same_notebook_takes_another_boot_id_for_a_machine_that_has_gone():
    assert ended([flight("ours")], notebook="train").verdict.cause is Cause.RECLAIMED
    assert ended([flight("theirs", "other")], notebook="train").verdict.cause is Cause.RUNNING
    assert ended([flight("ours")], notebook="train", successor=False).verdict.cause is Cause.RUNNING
    assert ended([flight("theirs", "other")], "theirs", notebook="train").verdict.cause is Cause.RUNNING


def test_a_name_may_be_cut_but_must_be_ones_own():
    found = [flight("abc1"), flight("abd2")]
    assert ended(found, "abc").flight.session == "abc1"
    for name, reason in (("ab", "several"), ("x", "none")):
        with pytest.raises(UsageError, match=f"{reason}.*abc1.*abd2"):
            ended(found, name)


def test_a_process_is_there_until_it_is_gone_also_as_a_zombie():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    flown = flight("s", boot=machine.boot_id(), kernel=machine.process_id(process.pid))
    assert here(flown).alive is True
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has asked for its status
    assert here(flown).alive is False
    process.communicate()
    assert here(flown).alive is False
    assert here(flight("s", kernel=flown.start["kernel"])).alive is None, "the number is another machine's"


def test_of_colabs_log_the_telling_lines_count_with_their_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(
        b'{"pid":7,"msg":"started","time":"2026-11-21T10:00:00.000Z","v":0}\n'
        b'{"msg":"tcmalloc: large alloc 3221225472 bytes == 0x55 @ 0x7f","time":"2026-11-21T10:00:05.250Z"}\n'
        b'{"msg":"KernelRestarter: restarting kernel (1/5)","time":"2026-11-21T10:00:09.000+00:00"}\n'
        b'{"msg":"tcmalloc: large alloc 1 bytes, and no time"}\n\xff\xfe cut\n'
        b'{"msg":"tcmalloc: large alloc 1 bytes","time":"2026-99-99T10:00:00Z"}'
    )
    monkeypatch.setattr(evidence, "LOG", log)
    begun = 1795255200.0
    assert here(flight("s")).log == (
        (begun + 5.25, "tcmalloc: large alloc 3221225472 bytes"),
        (begun + 9.0, "KernelRestarter: restarting kernel (1/5)"),
    )
    monkeypatch.setattr(evidence, "LOG", tmp_path / "missing")
    assert here(flight("s")).log == ()
