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
(Drive), the next one waits until this one is confirmed, so that nothing piles up. With snapshots every ``I`` seconds,
of which one takes ``U`` to upload and be confirmed, the newest durable one is then never older than ``max(I, U) + U +
I``, whatever the bandwidth: a bound that tests hold.

**What is deleted.** The repository decides; on the remote it is done when a snapshot written after that decision is
durable. So there is never a moment without a durable one. A file of which an upload is under way stays in the folder
until that is over.
"""
