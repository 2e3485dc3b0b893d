"""A session of its own: commits to a repository, and may be killed. Arguments: folder, cell, count.

Says the number of each snapshot once it is committed. Each has a blob that never changes, and one of its own.
"""

import sys

from colab_guard.store.repository import Repository
from colab_guard.store.retention import Retention

FOLDER, CELL, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
KEEP = 2

repository = Repository.open(FOLDER)
print("ready", flush=True)
for n in range(COUNT):
    own = (b"%s %d." % (CELL.encode(), n)) * 50_000
    manifest = repository.commit(CELL, {"n": n}, [CELL.encode() * 100_000, own])
    print(manifest.seq, flush=True)
    repository.prune(CELL, Retention(KEEP))
