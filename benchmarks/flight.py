"""What a beat of the flight recorder costs the cell beside it: processor time, and how long the GIL is held at a time.

A fresh process loads the extension and takes beats in a thread while a guarded cell waits. The GIL is let go at least
wherever a file is opened: the processor time between two of these is the most that it can be held. That is told by the
thread's own clock, for by the wall's it is others on the machine who hold it up.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

from benchmarks.measure import Row
from colab_guard.flight.recorder import BEAT_SECONDS

CODE = """
import json, sys, threading, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "colab_guard")
from colab_guard.flight.recorder import RECORDER
found, opened = [], []
def hook(event, arguments):
    if event == "open" and threading.current_thread().name == "colab_guard-bench":
        opened.append(time.thread_time())
sys.addaudithook(hook)
def beat():
    opened[:] = [time.thread_time()]
    RECORDER._beat()
    opened.append(time.thread_time())
    held = max(after - before for before, after in zip(opened, opened[1:]))
    found.append((opened[-1] - opened[0], held))
def measure():
    for _ in range(int(sys.argv[1])):
        thread = threading.Thread(target=beat, name="colab_guard-bench")
        thread.start()
        thread.join()
shell.user_ns["measure"] = measure
cell = "%%checkpointed bench\\nfor epoch in range(50):\\n    for i, batch in enumerate(range(6989)):\\n"
shell.run_cell(cell + "        measure()\\n        break\\n    break").raise_error()
assert RECORDER.last["cell"]["loops"] == [["epoch", 1, 50], ["(i, batch)", 1, 6989]], RECORDER.last
print(json.dumps(found))
"""


def rows(beats: int) -> list[Row]:
    """The rows, from so many beats: the middle one."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "COLAB_GUARD_STORE": folder}
        command = [sys.executable, "-c", CODE, str(beats)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found = json.loads(done.stdout.splitlines()[-1])
    cpu_ms, held_ms = (statistics.median(column) * 1e3 for column in zip(*found, strict=True))
    what, share = "a beat of the flight recorder", cpu_ms / 1e3 / BEAT_SECONDS * 100
    return [
        Row(f"{what}: processor time", f"{cpu_ms:.2f} ms", "", cpu_ms, "ms", 2.0),
        Row("– of it at most between two times that the GIL is let go", f"{held_ms:.2f} ms", "", held_ms, "ms", 1.0),
        Row("– of one core", f"every {BEAT_SECONDS:g} s", "", share, "%", 0.1),
    ]
