"""The deaths: each maker ends a session by one cause, in variants, and gives its recording with the truth."""

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.flights.lab import Lab, Recording, control_group, elsewhere

HOUR = 3600.0
MB = 1_000_000
GROUP_BYTES = 400 * MB
Maker = Callable[[Path], Recording]
MAKERS: dict[str, Maker] = {}

# Cells: what they print tells that they run.
TRAIN = """%%checkpointed train --every 20it
import time
kept = []
for epoch in range(50):
    for batch in range(200):
        time.sleep(0.02)
        {body}
        print(batch)
"""
PLAIN = """import time
kept = []
for batch in range(10_000):
    time.sleep(0.02)
    {body}
    print(batch)
"""
CELLS = {"guarded": TRAIN, "plain": PLAIN}
LEAK = "kept.append(bytearray(b'x' * 4_000_000))"
GPU_ERROR = (
    "raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of "
    "14.75 GiB of which 1.06 GiB is free.')"
)
FATAL = {
    "SIGSEGV": "ctypes.string_at(0)", "SIGABRT": "os.abort()", "SIGFPE": "signal.raise_signal(signal.SIGFPE)",
    "SIGILL": "signal.raise_signal(signal.SIGILL)",
    "SIGBUS": "f = open('empty', 'w+b'); f.truncate(4096); m = mmap.mmap(f.fileno(), 4096); f.truncate(0); print(m[0])",
}  # fmt: skip


def variants(*named: tuple[str, ...]) -> Callable[[Callable[..., Recording]], Callable[..., Recording]]:
    """Registers a maker once for each tuple of arguments, the first of which is also the end of its name."""

    def register(make: Callable[..., Recording]) -> Callable[..., Recording]:
        for arguments in named:
            name = "-".join([make.__name__.replace("_", "-"), *arguments])
            assert name not in MAKERS
            MAKERS[name] = lambda folder, arguments=arguments: make(folder, *arguments)
        return make

    return register


def last_words(lab: Lab, how: str) -> None:
    """Ends a kernel in order: by restart_kernel or shutdown_kernel of jupyter_client's, or by quit()."""
    if how == "restart":
        lab.manager.restart_kernel()
    elif how == "shutdown":
        lab.manager.shutdown_kernel()
    else:
        lab.run("quit()")
        lab.dead()


# ---- RAM ----------------------------------------------------------------------------------------------------


@variants(
    ("guarded", "same"),
    ("plain", "same"),
    ("guarded", "other"),
    ("plain", "other"),
    ("sudden", "same"),
    ("sudden", "other"),
)
def ram(folder: Path, cell: str, reader: str) -> Recording:
    """A real kill for memory in a control group, by a leak or by one large step."""
    with Lab(folder, group_bytes=GROUP_BYTES) as lab:
        if cell == "sudden":
            lab.start("import time; print('.')\ntime.sleep(1.5)\nx = bytearray(b'x' * 10**9)")
        else:
            lab.start(CELLS[cell].format(body=LEAK))
        assert not lab.until(lambda: lab._ended), lab.printed[-500:]
        return lab.recording("ram", f"killed for memory in a control group, {cell}", inside_group=reader == "same")


@variants(("restart",), ("shutdown",), ("quit",))
def memory_error(folder: Path, then: str) -> Recording:
    """A real MemoryError, which the kernel survives, and somebody ends the session for it."""
    with Lab(folder) as lab:
        lab.run(TRAIN.format(body="kept.append(bytearray(10**15))"))
        lab.pass_time(40)
        last_words(lab, then)
        return lab.recording("ram", f"MemoryError, then {then}")


# ---- GPU ----------------------------------------------------------------------------------------------------


@variants(
    ("guarded", "restart"),
    ("plain", "restart"),
    ("guarded", "shutdown"),
    ("plain", "quit"),
    ("guarded", "lost"),
    ("plain", "lost"),
)
def gpu(folder: Path, cell: str, then: str) -> Recording:
    """The error that torch raises, raised by the cell itself."""
    lost = then == "lost"
    with Lab(folder, drive=lost, host="Colab", up=2 * HOUR) as lab:
        lab.stand_ins.append("torch.OutOfMemoryError, raised by the cell: there was no GPU")
        lab.run("import torch")
        lab.run(CELLS[cell].format(body=f"if batch == 30: {GPU_ERROR}"))
        lab.pass_time(40 if not lost else 400)
        if lost:
            lab.killed()
            return lab.recording_of_lost_machine("gpu-memory", "out of memory on a GPU, then the runtime was deleted")
        last_words(lab, then)
        return lab.recording("gpu-memory", f"out of memory on a GPU, then {then}")


# ---- the disk -----------------------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@variants(
    ("guarded", "restart"),
    ("plain", "restart"),
    ("guarded", "shutdown"),
    ("plain", "quit"),
    ("numpy", "restart"),
    ("torch", "shutdown"),
)
def disk(folder: Path, cell: str, then: str) -> Recording:
    """A real full disk, under what a cell writes."""
    writes = {
        "numpy": "import numpy; numpy.save(f'disk/{{batch}}.npy', numpy.ones(50_000))",
        "torch": "import torch; torch.save(torch.ones(50_000), f'disk/{{batch}}.pt')",
    }
    usual = "open(f'disk/{{batch}}', 'wb').write(b'x' * 100_000)"
    source = CELLS.get(cell, TRAIN).replace("{body}", writes.get(cell, usual).replace("{{", "{").replace("}}", "}"))
    with Lab(folder) as lab, small_disk(folder):
        lab.run(source)
        lab.pass_time(60)
        last_words(lab, then)
        return lab.recording("disk", f"a full disk under {cell}, then {then}")


# ---- told to end --------------------------------------------------------------------------------------------


def come_to(lab: Lab, when: str) -> None:
    """Where the kernel is told to end: in the middle of a cell, or behind one."""
    if when in CELLS:
        lab.goes(CELLS[when].format(body=""), 60)
    elif when == "after-an-error":
        lab.run(TRAIN.format(body="1 / 0"))
    elif when == "after-a-mended-error":
        lab.run(TRAIN.format(body="kept.append(bytearray(10**15))"))
        lab.run("import time; time.sleep(3)")
    else:
        lab.run("1 + 1")
    if when == "after-hours":
        lab.faster(2000)
        lab.pass_time(2 * HOUR)
        lab.faster(40)
    lab.pass_time(40)


@variants(("idle",), ("guarded",), ("plain",), ("after-an-error",), ("after-a-mended-error",), ("twice",))
def restarted(folder: Path, when: str) -> Recording:
    """restart_kernel of jupyter_client's, as the button does it."""
    with Lab(folder) as lab:
        come_to(lab, when)
        lab.manager.restart_kernel()
        return lab.recording("restarted", f"restart_kernel, {when}")


@variants(("guarded",), ("plain",), ("idle",))
def restarted_now(folder: Path, when: str) -> Recording:
    """restart_kernel(now=True), which is a SIGKILL and leaves no word."""
    with Lab(folder) as lab:
        if when in CELLS:
            lab.goes(CELLS[when].format(body=""), 60)
        lab.pass_time(30)
        lab.manager.restart_kernel(now=True)
        return lab.recording("restarted", f"restart_kernel(now=True), {when}")


@variants(("idle",), ("guarded",), ("plain",), ("after-an-error",), ("after-hours",))
def shut_down(folder: Path, when: str) -> Recording:
    """shutdown_kernel of jupyter_client's, as a server that ends idle kernels does it, too."""
    with Lab(folder) as lab:
        come_to(lab, when)
        lab.manager.shutdown_kernel()
        return lab.recording("shut-down", f"shutdown_kernel, {when}")


@variants(("quit",), ("exit",), ("guarded-first",), ("sys-exit-in-a-thread",), ("after-an-error",))
def ended(folder: Path, how: str) -> Recording:
    """The program ends itself."""
    with Lab(folder) as lab:
        if how == "guarded-first":
            lab.run("%%checkpointed short\nfor i in range(3): pass")
        if how == "after-an-error":
            lab.run("1 / 0")
        if how == "sys-exit-in-a-thread":
            lab.run("import threading, sys; threading.Thread(target=sys.exit).start()")
        lab.pass_time(30)
        lab.run("exit()" if how == "exit" else "quit()")
        lab.dead()
        return lab.recording("ended", f"quit() or exit(), {how}")


# ---- signals ------------------------------------------------------------------------------------------------


@variants(*((name, cell) for name in FATAL for cell in CELLS))
def fatal(folder: Path, name: str, cell: str) -> Recording:
    """A fatal signal that the process raises itself."""
    with Lab(folder) as lab:
        lab.run("import ctypes, mmap, os, signal")
        lab.start(CELLS[cell].format(body=f"if batch == 80: {FATAL[name]}"))
        assert not lab.until(lambda: lab._ended), lab.printed[-500:]
        return lab.recording("signal", f"{name} in a {cell} cell", name)


@variants(("guarded", "1"), ("guarded", "2"), ("plain", "1"), ("idle", "1"))
def terminated(folder: Path, cell: str, number: str) -> Recording:
    """SIGTERM from outside; of a cell that is not guarded, nothing of ours hears it."""
    with Lab(folder) as lab:
        if cell in CELLS:
            lab.goes(CELLS[cell].format(body=""), 60 * int(number))
        lab.manager.provisioner.process.send_signal(signal.SIGTERM)
        lab.dead()
        return lab.recording("signal", f"SIGTERM in a {cell} cell", "SIGTERM")


@variants(("guarded",), ("plain",), ("idle",), ("os-exit",), ("memory-high",))
def killed(folder: Path, when: str) -> Recording:
    """SIGKILL from outside, or os._exit: nothing tells. With much memory in use, but no kill for it."""
    with Lab(folder, group_bytes=GROUP_BYTES if when == "memory-high" else 0) as lab:
        if when in CELLS:
            lab.goes(CELLS[when].format(body=""), 60)
        elif when == "os-exit":
            lab.run("import os; os._exit(1)")
            return lab.dead().recording("killed", "os._exit()")
        elif when == "memory-high":
            lab.goes(PLAIN.format(body="len(kept) < 60 and " + LEAK), 200)
        lab.killed()
        return lab.recording("killed", f"SIGKILL, {when}")


@variants(("before",), ("long-before",))
def worker_killed(folder: Path, when: str) -> Recording:
    """A child of the kernel's is killed for memory, and told of in a beat; the kernel goes on, and gets a SIGKILL."""
    child = (
        "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'bytearray(b\"x\" * 10**9)']).returncode)"
    )
    with Lab(folder, group_bytes=GROUP_BYTES) as lab:
        lab.run(child)
        assert "-9" in lab.printed, lab.printed[-500:]
        lab.goes(PLAIN.format(body="len(kept) < 60 and " + LEAK), 60 if when == "before" else 200)
        lab.killed()
        return lab.recording("killed", f"a worker is killed for memory, then SIGKILL, {when}")


@variants(("small",), ("large",))
def neighbour_killed(folder: Path, memory: str) -> Recording:
    """SIGKILL, and behind it a process in another control group is killed for memory."""
    with Lab(folder, group_bytes=GROUP_BYTES) as lab:
        lab.goes(PLAIN.format(body="len(kept) < 60 and " + LEAK if memory == "large" else "pass"), 200)
        lab.killed()
        with control_group(20 * MB) as group:
            hog = [sys.executable, "-c", "bytearray(b'x' * 10**9)"]
            enter = lambda: (group / "cgroup.procs").write_text(str(os.getpid()))  # noqa: E731
            assert subprocess.run(hog, preexec_fn=enter, check=False).returncode == -9
        return lab.recording("killed", f"SIGKILL, then a neighbour is killed for memory, {memory}")


# ---- the machine goes ---------------------------------------------------------------------------------------


@variants(
    ("guarded", "11.2"),
    ("plain", "11.3"),
    ("guarded", "23.3"),
    ("plain", "23.2"),
    ("guarded", "11.1"),
    ("idle", "11.3"),
)
def limit(folder: Path, cell: str, hours: str) -> Recording:
    """The machine dies at an age of 12 or 24 hours; the flight is what had reached Drive."""
    age = float(hours) * HOUR
    with Lab(folder, drive=True, up=age, host="Colab", speed=300.0) as lab:
        if cell in CELLS:
            lab.goes(CELLS[cell].format(body=""), 0)
        lab.pass_time(HOUR * (12 if age < 12 * HOUR else 24) - age - 60)
        lab.killed()
        return lab.recording_of_lost_machine("limit", f"the machine dies at its limit, {cell} since {hours} h")


@variants(("100", "2"), ("130", "5"), ("95", "1"), ("50", "3"), ("240", "4"), ("35", "1"))
def idle(folder: Path, minutes: str, hours: str) -> Recording:
    """No cell runs for so long, then the machine dies."""
    with Lab(folder, drive=True, up=float(hours) * HOUR, host="Colab") as lab:
        lab.run("%%checkpointed short\nfor i in range(3): pass")
        lab.faster(600)
        lab.pass_time(float(minutes) * 60)
        lab.killed()
        return lab.recording_of_lost_machine("idle", f"no cell for {minutes} min, then the machine dies")


@variants(("guarded", "1"), ("plain", "2"), ("guarded", "5"), ("plain", "8"), ("guarded", "10"), ("terminated", "3"))
def reclaimed(folder: Path, cell: str, hours: str) -> Recording:
    """The machine dies while a cell runs."""
    with Lab(folder, drive=True, up=float(hours) * HOUR, host="Colab", speed=200.0) as lab:
        lab.goes(CELLS.get(cell, TRAIN).format(body=""), 1500)
        if cell == "terminated":
            lab.manager.provisioner.process.send_signal(signal.SIGTERM)
            lab.dead()
        else:
            lab.killed()
        return lab.recording_of_lost_machine("reclaimed", f"the machine dies under a cell, {cell}, after {hours} h")


@variants(("1",), ("2",), ("3",), ("force",), ("kernel-outlives",))
def released(folder: Path, how: str) -> Recording:
    """%guard release; what ends the runtime then is a stand-in."""
    with Lab(folder, drive=True, up=2 * HOUR, host="Colab") as lab:
        lab.stand_ins.append("google.colab.runtime.unassign")
        lab.run(f"%%checkpointed short --every 1it\nfor i in range({how if how.isdigit() else 4}): pass")
        lab.run("import colab_guard.notebook.magics as magics; magics.unassign = lambda: None", hidden=True)
        lab.run(f"%guard release{' --force' if how == 'force' else ''}")
        assert "released now" in lab.printed, lab.printed[-500:]
        lab.pass_time(30 if how == "kernel-outlives" else 2)
        lab.killed()
        return lab.recording_of_lost_machine("released", f"%guard release, {how}")


@variants(
    ("guarded", "restart"),
    ("plain", "restart"),
    ("guarded", "shutdown"),
    ("plain", "quit"),
    ("writing", "restart"),
    ("listing", "shutdown"),
)
def store(folder: Path, cell: str, then: str) -> Recording:
    """Drive's mount dies under a cell whose data lie on it."""
    bodies = {"writing": "open(f'{DATA}/{batch}', 'w').write('x')", "listing": "os.listdir(DATA)"}
    body = bodies.get(cell, "open(f'{DATA}/data').read()")
    with Lab(folder, drive=True, host="Colab", up=HOUR) as lab:
        assert lab.drive is not None
        (lab.drive.my_drive / "data").write_text("data")
        lab.run(f"import os; DATA = {str(lab.drive.my_drive)!r}")
        lab.goes(CELLS.get(cell, TRAIN).replace("{body}", body), 100)
        lab.drive.kill()
        assert lab.until(lambda: lab._ended)
        assert "Errno" in lab.printed, lab.printed[-500:]
        lab.pass_time(60)
        last_words(lab, then)
        return lab.recording("store", f"Drive's mount dies under a cell, {cell}, then {then}")


# ---- the same, read from another place; and sessions that live ----------------------------------------------


@variants(("guarded",), ("idle",))
def running(folder: Path, when: str) -> Recording:
    """It lives: only somebody else reads its flight."""
    with Lab(folder) as lab:
        if when in CELLS:
            lab.goes(CELLS[when].format(body=""), 60)
        lab.pass_time(30)
        return lab.recording("running", f"it lives, {when}", after=5)


@variants(
    ("reclaimed-guarded-1",),
    ("limit-guarded-11.2",),
    ("fatal-SIGSEGV-plain",),
    ("ram-plain-same",),
    ("gpu-plain-restart",),
    ("released-1",),
)
def read_elsewhere(folder: Path, of: str) -> Recording:
    """An hour later, on a laptop."""
    return dataclasses.replace(elsewhere(MAKERS[of](folder), after=HOUR))
