"""Each check says what it saw, and how to mend what is not right.

Colab, Drive's mount, GPUs, how full the disk is and ages are put in at the seams: that shows what is made of them, not
that a real Colab answers so. Models, files, snapshots and flights are real.
"""

import json
import subprocess
import weakref

import pytest
import torch

from colab_guard import checklist as package
from colab_guard.checklist import checklist, checklist_text, machine, places
from colab_guard.core.memory import Memory
from colab_guard.guards.disk import Disk
from colab_guard.guards.gpu import Gpu
from colab_guard.guards.lifetime import HOUR, Lifetime
from colab_guard.session import Session

GB = 1_000_000_000
T4 = Gpu(0, "Tesla T4", GB, 15 * GB)


class Before:
    """A session before its long run, on a machine as a test says."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.patch = folder, monkeypatch.setattr
        self.session = Session({"__name__": "__main__"}, print, str(folder / "store"))

    def on_colab(self):
        for module in (machine, places):
            self.patch(module, "on_colab", lambda: True)

    def mounted(self):
        drive = self.folder / "drive"
        (drive / "MyDrive").mkdir(parents=True)
        self.patch(places, "drive_mount", lambda: drive)
        return drive

    def unfinished(self, **body):
        self.session.repository().commit("train", {"cursor": {"frames": []}, **body}, [b"x"])

    def flight(self, session, lines, **start):
        """A flight that an earlier session left in the store."""
        folder = self.folder / "store/flight"
        folder.mkdir(parents=True, exist_ok=True)
        head = {"kind": "start", "t": 1.0, "session": session, **start}
        text = "".join(json.dumps(line) + "\n" for line in [head, *lines])
        (folder / f"20261121T165217Z-{session}-0001.jsonl").write_text(text)

    def check(self, name):
        return next(check for check in checklist(self.session) if check.name == name)


@pytest.fixture
def before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine, "disk", lambda path: Disk(100 * GB, 50 * GB, 50 * GB))
    return Before(tmp_path, monkeypatch)


def test_elsewhere_than_on_colab_with_nothing_run_there_is_nothing_to_mend(before):
    text = checklist_text(before.session)
    assert text.endswith("nothing to mend.")
    assert [line.split()[0] for line in text.splitlines()[:-1]] == ["ok"] * 8, text


def test_a_gpu_that_is_missing_another_or_the_right_one(before):
    assert before.check("GPU").fine
    before.unfinished(environment={"cuda": {"gpus": ["Tesla T4"]}})
    missing = before.check("GPU")
    assert (missing.fine, "Tesla T4" in missing.said, "Change runtime type" in missing.mend) == (False, True, True)
    before.patch(machine, "gpus", lambda: [Gpu(0, "NVIDIA L4", 0, 24 * GB)])
    other = before.check("GPU")
    assert not other.fine
    assert "not with the same bits" in other.mend
    before.patch(machine, "gpus", lambda: [T4])
    assert before.check("GPU").said == "Tesla T4 (14.0 GB of 15.0 GB free)"
    assert before.check("GPU").fine


def test_torch_on_colab_without_a_gpu(before):
    before.on_colab()
    assert before.check("GPU").fine is False


def test_the_memory_for_the_largest_model(before):
    """40 MB of weights are 160 MB with gradients and Adam's moments, of which 40 are there already."""
    before.session.namespace |= {"small": torch.nn.Linear(2, 2), "net": torch.nn.Linear(10_000, 1_000, bias=False)}
    before.patch(machine, "memory", lambda: Memory(10 * GB, 121_000_000))
    fits = before.check("memory")
    assert fits.fine
    assert "net has 40.0 MB of weights, some 160 MB" in fits.said
    before.patch(machine, "memory", lambda: Memory(10 * GB, 119_000_000))
    assert before.check("memory").fine is False
    assert "%gpumem suggest" in before.check("memory").mend
    before.patch(machine, "gpus", lambda: [T4])
    assert before.check("memory").fine, "it will be trained there"


def test_a_disk_that_is_nearly_full(before):
    before.patch(machine, "disk", lambda path: Disk(100 * GB, 95 * GB, 5 * GB))
    assert before.check("disk").fine is False
    before.patch(machine, "disk", lambda path: Disk(8 * GB, 7 * GB, GB - 1))
    assert "leave the last 1.0 GB free" in before.check("disk").mend


def test_a_store_that_can_not_be_written(before, small_disk):
    for place in ("/proc/nowhere", str(small_disk / "store")):
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        before.session.store = place
        check = before.check("store")
        assert (check.fine, "nothing can be written to /" in check.said) == (False, True), check
        assert "%guard config store=" in check.mend
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert before.check("store").fine
    assert list(small_disk.iterdir()) == []


def test_drive_and_the_store(before):
    before.on_colab()
    before.patch(places, "drive_mount", lambda: None)
    assert (before.check("Drive").fine, before.check("Drive").mend) == (False, "%guard mount")
    before.mounted()
    assert before.check("Drive").fine is None
    assert before.check("store").fine is False, "a folder of the VM's"
    assert before.check("store").mend == "%guard mount"


def test_inputs_on_drive_are_named_wherever_variables_hold_them(before):
    drive = before.mounted()
    data = drive / "MyDrive/data"
    data.mkdir()
    (data / "a.csv").touch()

    class Images:
        def __init__(self):
            self.root = data
            self.bar = weakref.proxy(type("Bar", (), {})())  # whose object is gone at once

    before.session.namespace |= {
        "path": str(data / "a.csv"), "files": [data / "a.csv"], "images": Images(), "gone": str(data / "b.csv"),
        "bar": Images().bar, "bars": [Images().bar],
        "text": "/not a path\n", "local": str(before.folder), "_path": str(data),
    }  # fmt: skip
    found = before.check("inputs")
    assert found.fine is False
    for name in ("files (", "images.root (", "path ("):
        assert name in found.said
    assert "gone" not in found.said
    assert found.mend.startswith("!cp -r ")
    before.session.namespace.clear()
    assert before.check("inputs").fine


def test_the_time_that_an_unfinished_cell_needs_at_the_pace_that_a_flight_tells_of(before):
    before.patch(machine, "lifetime", lambda: Lifetime(HOUR, 12 * HOUR, "as said"))
    assert "no pace of an unfinished cell is known" in before.check("time").said
    before.unfinished()
    cell = {"name": "train", "since": 1.0, "loops": [["epoch", 11, 50]], "eta": 20 * HOUR}
    before.flight("b", [{"kind": "beat", "t": 2.0, "cell": cell}, {"kind": "beat", "t": 3.0, "cell": None}])
    late = before.check("time")
    assert late.fine is False
    assert "train needs about 20 h more: it would be cut off at about epoch 33/50" in late.said
    before.patch(machine, "lifetime", lambda: Lifetime(HOUR, 24 * HOUR, "as said"))
    assert before.check("time").fine
    before.flight("a", [{"kind": "beat", "t": 2.0, "up": 9 * HOUR, "cell": cell}], machine="a", boot="a", host="colab")
    assert "earlier ones were cut off after 9 h" in before.check("time").said


def test_whether_a_browser_is_there_is_asked_now_and_not_told_as_of_the_last_beat(before):
    before.patch(places.RECORDER, "last", {"browser": 3600.0})
    assert before.check("keep-alive").fine
    before.on_colab()
    assert before.check("keep-alive").said.endswith("is not known")
    heard = [3.0, 7200.0]
    before.patch(places.RECORDER, "_probes", {"browser": lambda: {"browser": heard.pop(0)}})
    assert before.check("keep-alive").fine is None
    found = before.check("keep-alive")
    assert found.fine is False
    assert "heard of 2 h ago" in found.said


def test_a_check_that_fails_spoils_no_other(before):
    def broken(known):
        raise ValueError("no answer")

    before.patch(package, "CHECKS", (broken, machine.disks))
    first, second = checklist(before.session)
    assert (first.fine, first.said) == (None, "ValueError: no answer")
    assert second.fine
