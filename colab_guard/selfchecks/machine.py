"""Facts about the VM: how it is told from others, and what it says of itself."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from colab_guard.core.server import listed
from colab_guard.selfchecks.facts import Fact, Finding, Situation, confirmed, different, unchecked

HOSTNAME, APP_LOG = Path("/var/colab/hostname"), Path("/var/colab/app.log")
MARKERS = ("COLAB_RELEASE_TAG", "TBE_RUNTIME_ADDR", "COLAB_GPU", "COLAB_BACKEND_VERSION")
BOOT_ID, UPTIME = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/uptime")
CGROUPS = tuple(
    Path("/sys/fs/cgroup") / name
    for name in (
        "memory.max", "memory.current", "memory.events",  # version 2
        "memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.oom_control",  # version 1
    )
)  # fmt: skip
GB = 1e9


def _markers(situation: Situation) -> Finding:
    missing = [name for name in MARKERS if name not in os.environ]
    missing += [] if HOSTNAME.exists() else [str(HOSTNAME)]
    return different(f"missing here: {', '.join(missing)}") if missing else confirmed("all are there")


def _boot_id(situation: Situation) -> Finding:
    digest = hashlib.sha256(BOOT_ID.read_bytes().strip()).hexdigest()[:4]
    hours = float(UPTIME.read_text().split()[0]) / 3600
    return unchecked(
        f"one report can't tell. Compare with one from another VM: here the hash of {BOOT_ID.name} begins with "
        f"{digest}, and the machine has been up for {hours:.1f} h"
    )


def _kernel_start(situation: Situation) -> Finding:
    # The name of the command may hold blanks and brackets; what follows it begins with the third field.
    fields = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()
    return confirmed(f"process {os.getpid()} started at tick {fields[19]}")


def _cgroup(situation: Situation) -> Finding:
    readable = [path for path in (*CGROUPS, *_named()) if os.access(path, os.R_OK)]
    names = ", ".join(str(path) for path in readable)
    limits = [_limit(path) for path in readable if path.name in ("memory.max", "memory.limit_in_bytes")]
    if not readable:
        return different("none of those names can be read")
    return confirmed(f"{names} can be read; limit: {' and '.join(limits) or 'in none of them'}")


def _named() -> list[Path]:
    """The files that Colab names in its environment, which it watches itself."""
    return [Path(word) for word in os.environ.get("CGROUP_MEMORY_EVENTS", "").split()]


def _limit(path: Path) -> str:
    text = path.read_text().strip()
    # Version 1 says "no limit" by a number near 2 to the 63rd.
    return f"{int(text) / GB:.1f} GB" if text.isdecimal() and int(text) < 2**62 else "none"


def _app_log(situation: Situation) -> Finding:
    if not APP_LOG.exists():
        return different("there is no such file")
    with APP_LOG.open("rb") as log:
        log.read(1)
    return confirmed(f"it can be read, {APP_LOG.stat().st_size / 1e3:.0f} kB")


def _sessions(situation: Situation) -> Finding:
    if "COLAB_JUPYTER_IP" not in os.environ:
        return unchecked("COLAB_JUPYTER_IP is not set here, so there is no such server to ask")
    found = listed()
    if found is None:
        return different("it does not answer, or not with a list of this kernel's session")
    told = f"a name: {'yes' if found.name else 'no'}; a file id: {'yes' if found.file_id else 'no'}"
    return confirmed(told) if found.name and found.file_id else different(told)


FACTS = (
    Fact(
        "markers",
        f"a Colab VM has {HOSTNAME} and the environment variables {', '.join(MARKERS)}",
        _markers,
    ),
    Fact("new-vm", f"{BOOT_ID} tells one VM from the next", _boot_id),
    Fact(
        "kernel-restart",
        "the kernel's start time, to a hundredth of a second, can be read in /proc",
        _kernel_start,
        in_kernel=True,
    ),
    Fact("cgroup", "a control group's files can be read, which hold the memory limit and count kills", _cgroup),
    Fact("app-log", f"{APP_LOG} can be read, where the kernel's crashes are told", _app_log),
    Fact("sessions", "the VM's Jupyter server lists this notebook by its Drive file id and its name", _sessions),
)
