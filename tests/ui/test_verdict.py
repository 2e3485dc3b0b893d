"""One word says whether work would be lost now, and it is never better than what holds."""

from dataclasses import replace

import pytest

from colab_guard.core.places import Place
from colab_guard.ui.verdict import Work, verdict

NOW = 10_000.0
HOME = Place("/home/me/store", "survives the kernel, on this machine's disk")
VM = Place("/content/store", "survives a kernel crash, NOT the end of this VM: mount Drive first for that")
DRIVE = Place("/content/drive/MyDrive/store", "on Drive: survives this VM once it is durable", outlives_vm=True)
TRAINS = Work(HOME, on_vm=False, name="train", running=True, saved=NOW - 12, every=60.0)
ON_DRIVE = replace(TRAINS, place=DRIVE, on_vm=True, two_tiers=True, durable=NOW - 100)


@pytest.mark.parametrize(
    ("work", "word", "why"),
    [
        (Work(HOME, on_vm=False), "Not protected", "nothing guarded yet: put `%%checkpointed` above the training cell"),
        (Work(HOME, on_vm=False, ended="out of memory"), "Last session ended", "out of memory"),
        (replace(TRAINS, saved=None), "Saving", "the first snapshot of `train`"),
        (replace(TRAINS, saved=None, running=False), "Not protected", "nothing is saved yet"),
        (TRAINS, "Safe", "a crash costs {age:9988.0}"),
        (replace(TRAINS, saving=True), "Saving", "a crash costs {age:9988.0}"),
        (replace(TRAINS, running=False), "Safe", "`train` does not run; it is saved, {age:9988.0} ago"),
        (replace(TRAINS, running=False, finished=True), "Safe", "`train` is done and saved"),
        (replace(TRAINS, trouble="the disk is full"), "At risk", "the disk is full"),
        (
            replace(TRAINS, saved=NOW - 500), "At risk",
            "a snapshot is due every 60 s, and the last was taken {age:9500.0} ago",
        ),
        (
            replace(TRAINS, running=False, plain_since=NOW - 30), "Not protected",
            "the cell that runs is not guarded; `train` is saved, {age:9988.0} ago",
        ),
        (replace(TRAINS, running=False, finished=True, plain_since=NOW - 3), "Safe", "`train` is done and saved"),
        (
            replace(TRAINS, place=VM, on_vm=True), "At risk",
            "a crash costs {age:9988.0}, the end of this VM everything: mount Drive to survive that",
        ),
        (
            replace(TRAINS, place=VM, on_vm=True, running=False, finished=True), "At risk",
            "a crash costs nothing, the end of this VM everything: mount Drive to survive that",
        ),
        (ON_DRIVE, "Safe", "a crash costs {age:9988.0}, losing the VM {age:9900.0}"),
        (replace(ON_DRIVE, durable=None), "Safe", "a crash costs {age:9988.0}, losing the VM all"),
        (
            replace(ON_DRIVE, durable_trouble="Drive: the mount is lost"), "At risk",
            "Drive: the mount is lost; {age:9900.0} of work are on this machine only",
        ),
        (replace(ON_DRIVE, running=False, finished=True), "Safe", "`train` is done and saved; not durable yet"),
        (
            replace(ON_DRIVE, running=False, finished=True, durable=NOW - 12), "Safe",
            "`train` is done and saved, and durable",
        ),
        (
            replace(ON_DRIVE, limit_at=NOW + 600), "At risk",
            "the runtime's time is up in {in:10600}; `train` is saved and goes on",
        ),
    ],
)  # fmt: skip
def test_the_word_and_the_reason(work, word, why):
    found = verdict(work, NOW)
    assert (found["word"], found["why"]) == (word, why)
    assert found["tone"] == {"Safe": "safe", "Saving": "saving", "At risk": "risk"}.get(word, "bad")
