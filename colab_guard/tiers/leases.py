"""Who writes: of the sessions that write snapshots of one cell to a remote, the one with the highest number.

``leases/<cell>-<number>.json``, where <cell> is the first 12 hex digits of the SHA-256 of the cell's name. A session
makes the next number when it first uploads a snapshot of the cell, and looks for a higher one before each manifest, and
before it deletes a pack. Who
finds one uploads no more, and deletes nothing. Where the remote can make a name only once (object stores) two can't
both have a number; on Drive they can, within seconds: then both write, as two did before there were leases.
"""

from __future__ import annotations

import errno
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass

from colab_guard.store.sealed import seal
from colab_guard.tiers.reading import is_there
from colab_guard.tiers.remote import Remote

FOLDER = "leases"
NAME = re.compile(FOLDER + r"/([0-9a-f]{12})-([0-9]{8,})\.json")


@dataclass(frozen=True)
class Lease:
    """The right to write snapshots of a cell, for as long as nobody takes the next number."""

    cell: str
    number: int

    @property
    def name(self) -> str:
        """Its file."""
        key = hashlib.sha256(self.cell.encode()).hexdigest()[:12]
        return f"{FOLDER}/{key}-{self.number:08d}.json"

    def is_lost(self, remote: Remote) -> bool:
        """Whether somebody took a higher number. Raises OSError."""
        if is_there(remote, Lease(self.cell, self.number + 1).name):
            return True
        # Whoever takes one deletes all lower ones: that of somebody who was overtaken twice is gone.
        return not is_there(remote, self.name) and max(_numbers(remote, self.cell), default=0) > self.number


def claim(remote: Remote, cell: str, session: str) -> Lease:
    """Makes this session the writer of a cell's snapshots; deletes the leases before. Raises OSError."""
    numbers = _numbers(remote, cell)
    lease = Lease(cell, max(numbers, default=0) + 1)
    while not _is_made(remote, lease, seal({"cell": cell, "session": session, "number": lease.number})):
        lease = Lease(cell, lease.number + 1)
    for number in numbers:
        with suppress(OSError):  # they mean nothing any more
            remote.delete(Lease(cell, number).name)
    return lease


def _numbers(remote: Remote, cell: str) -> list[int]:
    key = Lease(cell, 0).name.rpartition("-")[0]
    found = [match for entry in remote.list(FOLDER) if (match := NAME.fullmatch(entry.name))]
    return [int(match[2]) for match in found if match[0].startswith(f"{key}-")]


def _is_made(remote: Remote, lease: Lease, data: bytes) -> bool:
    try:
        return remote.create(lease.name, data)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
    remote.write_new(lease.name, [data])  # a remote that can't tell who came first
    return True
