"""What the machine says of itself, and how full its disks are."""

import os
import shutil
from pathlib import Path

import pytest

from colab_guard.guards import machine
from colab_guard.guards.disk import disk

VMSTAT = "nr_free_pages 17\noom_kill 3\nswap_ra 0\n"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for /proc and /sys: shows which files are read, and how; not what a kernel writes there."""
    monkeypatch.setattr(machine, "PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "cgroup")
    (tmp_path / "proc/self").mkdir(parents=True)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_here_everything_can_be_read():
    assert machine.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert machine.uptime() == pytest.approx(float(Path("/proc/uptime").read_text().split()[0]), abs=60)
    assert 1e6 < machine.rss_bytes() < 1e12
    assert machine.load() >= 0
    assert machine.process_id().startswith(f"{os.getpid()}-")
    assert machine.oom_kills()["machine"] >= 0


def test_nothing_is_known_where_there_is_nothing_to_read(system):
    assert (machine.boot_id(), machine.uptime(), machine.rss_bytes(), machine.oom_kills()) == (None, None, None, {})
    assert machine.process_id() == str(os.getpid())


@pytest.mark.parametrize("inside", ["jobs/7", ""])
def test_kills_are_counted_in_a_group_of_either_version(system, inside):
    """``inside``: in a container the path may be the host's, and the group is the root of what is mounted."""
    write(system / "proc/vmstat", VMSTAT)
    write(system / "proc/self/cgroup", "5:memory:/jobs/7\n1:cpu:/\n")
    v1 = system / "cgroup/memory" / inside / "memory.oom_control"
    write(v1, "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert machine.oom_kills() == {"machine": 3, "cgroup": 2}
    v1.unlink()
    write(system / "proc/self/cgroup", "0::/jobs/7\n")
    write(system / "cgroup" / inside / "memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 1\noom_group_kill 0\n")
    assert machine.oom_kills() == {"machine": 3, "cgroup": 1}


def test_a_disk_is_what_the_system_says_also_for_a_folder_that_is_still_to_be_made(small_disk):
    usage = shutil.disk_usage(small_disk)
    for place in (small_disk, small_disk / "not" / "yet"):
        found = disk(place)
        assert (found.total_bytes, found.free_bytes) == (usage.used + usage.free, usage.free)


def test_a_file_system_without_a_size_is_no_disk():
    assert disk("/proc/nowhere") is None


def test_a_disk_that_is_full_is_full(small_disk):
    assert disk(small_disk).used_share < 0.1
    with pytest.raises(OSError, match="space"):
        (small_disk / "big").write_bytes(bytes(2_000_000))
    assert disk(small_disk).used_share == 1.0
    assert disk(small_disk).free_bytes == 0
