"""Stores that outlive the machine: a local folder, and behind it a *remote* (Drive, an object store) that is slower.

A snapshot is written to the folder at once: that survives a crash of the kernel, and is what `saved` means. One thread
in the background copies whole files to the remote as they are, packs first, then the manifest that lists them, so that
the remote is a repository by itself at any moment. When the remote has confirmed each of them, and the key they are
signed with outlives the machine too, the snapshot is `durable`: only that word says that it survives the VM.

- `remote` says what a remote can do beside what each backend can; `drive` is Google Drive's mount.
- `tiered` is the backend that a repository is given: both as one. It writes to the folder, and fetches what only the
  remote has.
- `uploads` decides what to copy next and what may be deleted; `uploader` is the thread that does it.
- `leases`: of two sessions that write snapshots of one cell, the later one is the writer.

**What is copied.** The newest snapshot of each cell, newest first; then the best, where one was asked for. What was
superseded before its turn never is. One at a time: where the remote accepts files at once and uploads them later
(Drive), the next one waits until this one is confirmed, so that nothing piles up.

**How old the newest durable one is.** With snapshots at most ``I`` seconds apart, of which each takes at most ``U`` to
upload and to be seen to be durable, and is saved ``W`` seconds after the state that it holds, never older than::

    2 U + I + W, and U + I + W where each is durable before the next is saved

For what an upload begins with is at most ``I + W`` old, and stays the newest durable one while it and the next are
uploaded. With one line nobody could do better than ``max(I, U) + U``. Ours to answer for are ``I + W`` at most, and of
``U`` a twentieth (ten seconds at most): Drive tells nobody when a file is uploaded, so it is looked at. An outage of
``F`` seconds adds at most ``F + min(2 F + 1, 300)``, and the one upload that is begun anew. Tests hold the bounds, in
simulated time.

**What is deleted.** The repository decides; on the remote it is done when a snapshot written after that decision is
durable. So there is never a moment without a durable one. A file of which an upload is under way stays in the folder
until that is over.
"""
