"""A loop whose memory runs out is saved right before its process is killed: in a real control group of 800 MB."""

import os
import re
import signal
import subprocess
import sys

from tests.support.groups import group

SCRIPT = """
import sys
import numpy as np
import colab_guard as cg
held = []
for number in cg.loop(range(60), name="leaking", every="1h", state=[held]):
    held.append(np.ones(10_000_000 // 8))
    held.append(bytes([number]) * 10_000_000)
    print(number, flush=True)
"""


def test_the_loop_goes_on_at_most_four_items_before_the_kill(tmp_path):
    (tmp_path / "leak.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "leak.py"]
    with group(800_000_000) as bounded:
        killed = subprocess.run(
            command, cwd=tmp_path, env=environment, preexec_fn=bounded.enter, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        assert (killed.returncode, bounded.oom_kills()) == (-signal.SIGKILL, 1), killed.stderr
    assert "a snapshot was taken here, out of turn" in killed.stderr
    reached = int(killed.stdout.split()[-1])
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    behind = int(re.search(r"leaking goes on behind item (\d+)", again.stderr)[1])
    assert reached + 1 - behind < 5
    assert again.stdout.split() == [str(number) for number in range(behind, 60)]
