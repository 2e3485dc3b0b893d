"""A session of its own: commits to a repository, and may be killed. Arguments: folder, cell, count, step to die at.

Says the number of each snapshot once it is committed. Each has a blob that never changes, and one of its own.
"""

import os
import signal
import sys
from pathlib import Path

from colab_guard.store.folder import Folder
from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention
from tests.store.steps import Stepped

FOLDER, CELL, COUNT, DIE_AT = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
KEEP = 2


def on_step(number: int, what: str) -> None:
    if number == DIE_AT:
        os.kill(os.getpid(), signal.SIGKILL)


backend = Stepped(Folder(Path(FOLDER)))
repository = Repository(backend)
backend.arm(on_step)
print("ready", flush=True)
for n in range(COUNT):
    own = (b"%s %d." % (CELL.encode(), n)) * 50_000
    manifest = repository.commit(CELL, {"n": n}, [CELL.encode() * 100_000, own])
    print(manifest.seq, flush=True)
    repository.prune(CELL, Retention(KEEP))
