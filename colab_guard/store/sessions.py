"""Who else writes snapshots of the same cell: read from the manifests, so that it costs no file and no beat.

Sessions are told by ``session`` in the manifests' bodies. What came after this session had begun is told by ``seq``,
which grows within a repository, and not by clocks, which differ between machines. A session that is seen so was alive
then; it may have ended since.
"""

from __future__ import annotations

from collections.abc import Iterable

from colab_guard.store.manifest import Manifest


def other_writers(snapshots: Iterable[Manifest], session: str, since: int) -> list[Manifest]:
    """Of each other session the newest snapshot, from the ``seq`` ``since`` on: that of this session's first one.

    ``snapshots`` are those of one cell, newest first.
    """
    newest: dict[str, Manifest] = {}
    for entry in snapshots:
        writer = entry.body.get("session")
        if entry.seq >= since and isinstance(writer, str) and writer != session:
            newest.setdefault(writer, entry)
    return list(newest.values())


def named(other: Manifest, machine: str) -> str:
    """One line about another session, the same each time; ``machine`` is this session's."""
    where = "this machine" if other.body.get("machine") == machine else "another machine"
    return (
        f"another session ({other.body['session']:.12}, on {where}) takes snapshots of {other.cell!r} here too: each "
        f"deletes the other's old ones, and a resume goes on from the newest of both. Stop one, or give it a --store."
    )
