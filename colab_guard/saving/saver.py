"""The snapshots of one cell or loop in their repository: what fails there is said, and never stops a training."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from colab_guard.capture.memory import SMALL_BYTES
from colab_guard.core.errors import NoRoom, StoreError, StoreUnavailable
from colab_guard.core.words import ago
from colab_guard.resume.held import Held
from colab_guard.saving.freezing import Blob, Found, Freezer, Key, key_of
from colab_guard.saving.writer import FINISH_SECONDS, WRITER, Job
from colab_guard.store.manifest import BlobRef, Manifest
from colab_guard.store.packs import Chunks
from colab_guard.store.repository import Repository
from colab_guard.store.retention import DEFAULT, Retention
from colab_guard.store.sessions import named, other_writers
from colab_guard.tiers.durability import Durability
from colab_guard.tiers.opening import Tier, tier_of

HANG_SECONDS = 60.0  # without any progress: the store is told of, and a cell that is held goes on

Content = tuple[Mapping[str, Any], Sequence[Any]]  # a snapshot's body and blobs: bytes, BlobRefs, Pieces


def not_kept(notes: Sequence[str]) -> list[str]:
    """What is said of the notes of a snapshot."""
    return [f"not kept in snapshots: {', '.join(notes)}."]


class _Busy(Exception):
    """Another thread's snapshot was handed over meanwhile."""


def _ignore(manifest: Manifest | None) -> None:
    pass


@dataclass
class Saver:
    """Takes the snapshots of one cell or loop, has them written, and reads them; used by the thread of that cell.
    ``never`` lists the errors of taking one that the caller handles; ``sentences`` are what is said of notes that are
    new; ``measured`` tells what the body says of the best one; ``stored`` is told of each snapshot that was written,
    None for one that was not; ``wake`` is called in the background when there is something to say.
    """

    name: str
    open_repository: Callable[[], Repository]
    say: Callable[[str], None]
    repository: Repository | None = None
    never: tuple[type[Exception], ...] = ()
    sentences: Callable[[Sequence[str]], Sequence[str]] = not_kept
    stored: Callable[[Manifest | None], None] = _ignore
    wake: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.time
    retention: Retention = DEFAULT
    measured: Callable[[], Mapping[str, Any]] = dict
    last: Manifest | None = None
    held: Held | None = None  # memory that was filled when the snapshot to be restored was compared
    skipped: int = 0  # snapshots that were due while another was being written
    stall_seconds: float = 0.0  # how long the cell waited for the newest snapshot that was no rescue
    rescued: bool = False  # whether the newest rescue is stored
    _freezer: Freezer = field(default_factory=lambda: Freezer(WRITER.pool))
    _known: dict[Key, BlobRef] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)
    _noted: set[str] = field(default_factory=set)
    _failing: bool = False
    _reason: str = ""
    _slow: bool = False
    _claimed: bool = False
    _first: int = 0  # the number of the first snapshot it wrote
    _job: Job | None = None
    _otherwise: str = ""

    def opened(self) -> Repository:
        """The repository, opened when it is first needed. Raises StoreError."""
        if self.repository is None:
            self.repository = self.open_repository()
        tier = self._tier()
        if tier is not None and not self._claimed:
            tier.uploads.claim(self.name)
        self._claimed = True
        return self.repository

    @property
    def durability(self) -> Durability | None:
        """What of its snapshots is durable; None where the store is a single folder."""
        tier = self._tier()
        return None if tier is None else tier.uploads.state(self.name)

    @property
    def newest(self) -> Manifest | None:
        """The newest snapshot that is stored, also one that nobody has settled yet; for any thread."""
        job = self._job
        return job.result[0] if job is not None and job.is_over and job.error is None and job.result else self.last

    @property
    def trouble(self) -> str:
        """Why no snapshot can be taken at present; for any thread."""
        job = self._job
        failed = job.error if job is not None and job.is_over else None
        return _reason(failed) if failed is not None else self._reason

    def _tier(self) -> Tier | None:
        return None if self.repository is None else tier_of(self.repository.place)

    def blobs(self, manifest: Manifest) -> Blobs:
        """What a manifest lists; what of it is ``held`` goes to the first who asks."""
        held, self.held = self.held, None
        return Blobs(self.opened(), manifest, held)

    def save(
        self, take: Callable[[bool], Content], otherwise: str, wait_seconds: float = 0.0, *, rescue: bool = False
    ) -> bool:
        """Takes a snapshot, and has it written; whether that was begun. What goes wrong is said once, with what happens
        ``otherwise``, and again only after it went well in between. ``take`` is told whether to spare memory, and gives
        what may only be written while the cell is held, if so.

        While another is being written it is waited for, for at most ``wait_seconds``, then this one is skipped; a
        store that took longer than that once is not waited for again until it is back. A ``rescue`` waits for long, and
        takes no memory for copies: the cell is held until it is written.
        """
        begun, self.rescued = time.perf_counter(), self.rescued and not rescue
        if not WRITER.finish(HANG_SECONDS if rescue else 0.0 if self._slow else wait_seconds):
            self._slow = wait_seconds > 0
            self._skip(otherwise)
            return False
        self._slow = False
        self.settle()
        self._otherwise = otherwise
        try:
            try:
                hold, (body, blobs) = rescue, take(rescue)
            except NoRoom:
                if rescue:
                    raise
                hold, (body, blobs) = True, take(True)
            held = self._hand_over({**body, **self.measured()}, blobs, hold)
        except self.never:
            raise
        except _Busy:
            return self.save(take, otherwise, wait_seconds, rescue=rescue)
        except Exception as error:  # noqa: BLE001 - a flaw of ours, or of a class's own pickling
            self._failed(error)
            return False
        if held is not None:
            held.wait_while_moving(HANG_SECONDS)
        if rescue:
            self.rescued = held is not None and held.is_over and held.error is None
        else:
            self.stall_seconds = time.perf_counter() - begun
        if held is not None and not rescue:
            self.say_once(
                f"what changed does not fit into the free memory a second time, so the cell waited "
                f"{self.stall_seconds:.1f} s while its snapshot was written, and will again."
            )
        if new := [note for note in body["notes"] if note not in self._noted]:
            self._noted.update(new)
            self.say_once(*self.sentences(new))
        return True

    def finish(self, seconds: float = FINISH_SECONDS) -> bool:
        """Waits until what is being written is stored; whether it is. Says so where that took too long."""
        over = WRITER.finish(seconds)
        self.settle()
        if not over and seconds >= FINISH_SECONDS:
            self.say(f"the newest snapshot of {self.name} is still being written.")
        return over and not self._failing

    def tell_end(self, advice: str = "") -> None:
        """Says so where what has ended just now could not be stored."""
        if not self.trouble:
            return
        age = None if self.last is None else ago(self.clock() - self.last.created)
        then = "it begins anew" if age is None else f"it goes on from the snapshot of {age}"
        self.say(f"the end of {self.name} is in memory only: {self.trouble} After a death {then}. {advice}".rstrip())

    def release(self) -> None:
        """Gives the memory for copies back: the cell or loop has ended."""
        with WRITER.handing_over() as pool:
            if not WRITER.is_busy:
                pool.empty(0)

    def settle(self) -> None:
        """Takes note, and tells, of what has been written and uploaded since."""
        tier, job = self._tier(), self._job
        for text in tier.uploads.news() if tier else ():
            self.say(text)
        if job is None or (not job.is_over and WRITER.job is job):
            return
        self._job = None
        if not job.is_over:  # and not the writer's: this is a child of the process that has it
            return
        if job.error is not None:
            with WRITER.handing_over():
                self._freezer.failed()
            self._known.clear()
            self.stored(None)
            self._failed(job.error)
            return
        self.last, found, remarks = job.result
        with WRITER.handing_over():
            self._freezer.written(found)
        self._known = {key: ref for (_, key), ref in zip(found, self.last.blobs, strict=True) if key}
        self.stored(self.last)
        self.say_once(*remarks)
        if self._failing:
            self.say("snapshots are taken again.")
        self._failing, self._reason = False, ""

    def say_once(self, *texts: str) -> None:
        """Says what was not said before."""
        for text in texts:
            if text not in self._said:
                self._said.add(text)
                self.say(text)

    def _hand_over(self, body: Mapping[str, Any], blobs: Sequence[Any], hold: bool) -> Job | None:
        """The job that writes a snapshot, if the cell must be held until it is over. Raises _Busy."""
        taken_at, body = self.clock(), json.loads(json.dumps(body))  # a copy: parts of it may be the cell's own
        with WRITER.handing_over():
            if WRITER.is_busy:  # by now: by another thread's
                raise _Busy
            frozen, held = self._freezer.freeze(blobs, hold=hold)
            self._job = Job(lambda job: self._write(job, body, frozen, taken_at), self._written)
            WRITER.submit(self._job)
        return self._job if held else None

    def _write(
        self, job: Job, body: Mapping[str, Any], frozen: Sequence[Blob | BlobRef], taken_at: float
    ) -> tuple[Manifest, list[Found], list[str]]:
        # In the writer's thread; the cell's touches none of this until the job is over.
        found, contents = list[Found](), list[BlobRef | Chunks]()
        for blob in frozen:
            if isinstance(blob, BlobRef):
                found.append((None, None))
                contents.append(blob)
                continue
            chunks = _Chunks(job, blob)
            key = blob.key or _key(chunks)
            found.append((blob.where, key))
            # One that is as it was has no chunks: to write those would be silently wrong.
            contents.append(self._known[blob.key] if blob.key else self._known.get(key, chunks) if key else chunks)
        repository = self.opened()
        manifest = repository.commit(self.name, body, contents, created=taken_at)
        job.step()
        self._first = self._first or manifest.seq
        try:
            pruned = repository.prune(self.name, self.retention)
        except StoreError as error:
            return manifest, found, [str(error)]
        others = other_writers(pruned.seen, str(body.get("session")), self._first)
        return manifest, found, [*pruned.remarks, *(named(other, str(body.get("machine"))) for other in others)]

    def _written(self, job: Job) -> None:
        if job.error is not None or self._failing:
            self.wake()

    def _skip(self, otherwise: str) -> None:
        self.skipped += 1
        job = WRITER.job
        if job is not None and job.still_seconds > HANG_SECONDS:
            self._otherwise = otherwise
            self._failed(StoreUnavailable(f"the store has not answered for {job.still_seconds:.0f} s."))

    def _failed(self, error: BaseException) -> None:
        self._reason = _reason(error)
        if not self._failing:
            self.say(f"no snapshot could be taken: {self._reason}{self._otherwise}")
        self._failing = True


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, StoreError | NoRoom) else f"{type(error).__name__}: {error}."


class _Chunks(Chunks):
    """A blob's chunks, as often as they are wanted, a step of the job before each."""

    def __init__(self, job: Job, blob: Blob) -> None:
        self._job, self._blob = job, blob
        if blob.ready:
            blob.ready()

    def __iter__(self) -> Iterator[memoryview]:
        for chunk in self._blob.chunks:
            self._job.step()
            yield chunk


def _key(chunks: _Chunks) -> Key | None:
    key = key_of(chunks)
    return key if key[1] >= SMALL_BYTES else None


class Blobs:
    """The blobs of a manifest by number, see ``resume.loading``."""

    def __init__(self, repository: Repository, manifest: Manifest, held: Held | None = None) -> None:
        self._repository, self._refs, self._held = repository, manifest.blobs, held or Held()

    def read(self, number: int, into: memoryview | None = None) -> memoryview:
        """A whole blob, in new memory or in memory of its size."""
        if into is None or (flat := self.take(number)) is None:
            return self._repository.read(self._refs[number], into)
        into[:] = memoryview(flat.numpy())
        return into

    def take(self, number: int) -> Any:
        """A whole blob as a flat tensor, where it is in memory already; the first who asks owns it. Else None."""
        return self._held.take(self._refs[number])

    def size_bytes(self, number: int) -> int:
        """Its size."""
        return self._refs[number].size_bytes
