"""Where saves are written to, and found again."""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from colab_guard.capture.take import PROCESS, SOURCES
from colab_guard.cell.naming import check_name
from colab_guard.core.errors import CorruptSnapshot, StoreUnavailable, UsageError
from colab_guard.core.words import ago, count_of, size
from colab_guard.loops.where import program
from colab_guard.saving import Blobs, Saver
from colab_guard.saving.saver import HANG_SECONDS
from colab_guard.saving.writer import FINISH_SECONDS, WRITER
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.repository import Repository
from colab_guard.tiers import opening
from colab_guard.variables.loading import Loaded, variables_of
from colab_guard.variables.plan import Plan, planned
from colab_guard.variables.taking import take

PREFIX = "session "
LOOP = "loop ", "jobs "  # how the names of those begin whose program goes on with them
ID = re.compile(r"\d+|[0-9a-f]{12}")

_repositories: dict[str, Repository] = {}  # by place: one knows which of its blobs are sound, and need no second copy
_savers: dict[tuple[str, str], Saver] = {}


@dataclass(frozen=True)
class Saved:
    """A save: ``id`` and ``number`` name it for a restore. ``not_kept``, in words, is what will be stand-ins;
    ``new_bytes`` are those that no earlier snapshot had stored.
    """

    id: str
    number: int
    name: str
    place: str
    variables: int
    size_bytes: int
    new_bytes: int
    not_kept: tuple[str, ...]

    def __str__(self) -> str:
        lost = f" Not kept: {', '.join(self.not_kept)}." if self.not_kept else ""
        return (
            f"{count_of(self.variables, 'variable')} saved as no. {self.number} ({size(self.size_bytes)}, of which "
            f"{size(self.new_bytes)} are new) in {self.place}.{lost} `%guard restore` puts them back."
        )


def save(namespace: dict[str, Any], place: str, name: str | None = None) -> Saved:
    """Saves the user's variables; when this returns, they are stored. The newest three saves of a name are kept.

    Raises UsageError for a name that is none, StoreUnavailable where they could not be stored.
    """
    key = _key(name)
    said: list[str] = []
    saver = _savers.pop((place, key), None) or Saver(key, lambda: _repository(place), said.append)
    saver.say, saver.sentences = said.append, lambda notes: ()
    content = take(namespace)
    before = saver.last
    if saver.save(lambda spare: content, "", FINISH_SECONDS) and WRITER.job is not None:
        WRITER.job.wait_while_moving(HANG_SECONDS)
    saver.finish(0.0)
    saver.release()  # the next save may never come
    last = saver.last
    if last is None or last is before:
        why = " ".join(said) or "another snapshot is still being written to a store that does not answer."
        raise StoreUnavailable(f"The variables were not saved: {why} Mend that, or give another place, and save again.")
    _savers[place, key] = saver
    return Saved(
        last.id, last.seq, key, place, len(variables_of(last.body)), last.size_bytes, last.new_bytes,
        tuple(last.body["notes"]),
    )  # fmt: skip


def prepare(
    namespace: dict[str, Any],
    place: str,
    wanted: Iterable[str] = (),
    clock: Callable[[], float] = time.time,
    trust: bool = False,
) -> Plan:
    """Loads a save, or a guarded cell's snapshot, and says what putting it back would do; changes nothing.

    ``wanted``: first, if you like, the number, id or name of the snapshot, else it is the newest save; then the
    variables, else all. ``trust``: also what somebody else wrote. Raises UsageError where there is no such snapshot or
    variable, and StoreError.
    """
    words = list(wanted)
    repository = opening.repository(place, trust=True) if trust else _repository(place)
    manifest, problems = _chosen(repository, words)
    there = variables_of(manifest.body)
    refuse_unknown(words, there, manifest, "save", "changed")
    names = set(words or there)
    everything = not words and "groups" in manifest.body
    extra = {PROCESS, SOURCES} if everything else {SOURCES} if "groups" in manifest.body else set()
    loaded = Loaded(Blobs(repository, manifest), namespace, manifest.body, names | extra)
    taken = ago(clock() - manifest.created)
    title = f"no. {manifest.seq}, {manifest.cell}, {taken}: {len(names):,} of {count_of(len(there), 'variable')}"
    return planned("\n".join([*problems, title]), loaded, namespace, everything=everything)


def _chosen(repository: Repository, words: list[str]) -> tuple[Manifest, list[str]]:
    """The snapshot that the first word names, which is then taken away; else the newest sound save; and what was
    passed over for it.
    """
    entries = repository.snapshots()
    manifests = [entry for entry in entries if isinstance(entry, Manifest)]
    unusable = [one for one in entries if isinstance(one, Damaged) and (one.manifest is None or _is_ours(one.manifest))]
    if words and (found := _named(repository, manifests, words)):
        words.pop(0)
        repository.check(found)
        return found, []
    problems = [f"passed over: {one.error}" for one in unusable]
    for manifest in (one for one in manifests if _is_ours(one)):
        try:
            repository.check(manifest)
            return manifest, problems
        except CorruptSnapshot as error:
            problems.append(f"passed over: {error}")
    if problems:
        raise (type(unusable[0].error) if unusable else CorruptSnapshot)(" ".join(problems))
    others = [f"no. {one.seq} ({one.cell})" for one in manifests if not one.cell.startswith(LOOP)][:3]
    also = f" There are other snapshots: {', '.join(others)}; `%guard restore NUMBER` takes one." if others else ""
    raise UsageError(
        f"No variables of this notebook are saved in {repository.place} yet: `%guard save`, or `cg.save()`, does that."
        f"{also}"
    )


def _named(repository: Repository, manifests: list[Manifest], words: list[str]) -> Manifest | None:
    word = words[0]
    if ID.fullmatch(word):
        found = [one for one in manifests if word in (str(one.seq), one.id)]
        if not found:
            where = repository.place
            raise UsageError(f"There is no snapshot {word} in {where}. `%guard history` lists what there is.")
        if len(found) > 1:
            ids = " or ".join(one.id for one in found)
            raise UsageError(f"Two sessions wrote a snapshot no. {word} at once: say {ids} instead.")
        if found[0].cell.startswith(LOOP):
            raise UsageError(
                f"Snapshot {word} is that of a loop, {found[0].cell}: start its program again to go on with it."
            )
        return found[0]
    saves = [one for one in manifests if one.cell == _key(None) + f" {word}"]
    if saves and any(word in variables_of(one.body) for one in manifests if _is_ours(one)):
        raise UsageError(
            f"{word} is a variable, and a save is called that too: give the save's number, {saves[0].seq}."
        )
    return saves[0] if saves else None


def refuse_unknown(words: list[str], there: list[str], manifest: Manifest, other: str, done: str) -> None:
    """Raises UsageError for a word that is none of the variables that are ``there``, nor an ``other`` thing's name;
    nothing was ``done``.
    """
    for word in words:
        if word not in there:
            near = difflib.get_close_matches(word, there) or there[:5]
            raise UsageError(
                f"There is no variable {word} in snapshot no. {manifest.seq} ({manifest.cell}), and no {other} of "
                f"that name. It has, among {len(there):,}: {', '.join(near)}. Nothing was {done}."
            )


def _key(name: str | None) -> str:
    own = f"{PREFIX}{program()[:100]}"
    return f"{own} {check_name(name)}" if name is not None else own


def _is_ours(manifest: Manifest) -> bool:
    return manifest.cell == _key(None) or manifest.cell.startswith(_key(None) + " ")


def _repository(place: str) -> Repository:
    if place not in _repositories:
        _repositories[place] = opening.repository(place)
    return _repositories[place]
