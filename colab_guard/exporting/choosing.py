"""Which snapshot is meant, by whomever asks from a shell that knows no notebook."""

from __future__ import annotations

from colab_guard.core.errors import StoreError, UntrustedSnapshot, UsageError
from colab_guard.store.manifest import Damaged, Manifest
from colab_guard.store.repository import Repository
from colab_guard.variables.loading import variables_of
from colab_guard.variables.store import ID, LOOP, PREFIX, refuse_unknown

Entry = Manifest | Damaged


def chosen(repository: Repository, words: list[str], *, trust: bool) -> tuple[Manifest, list[str]]:
    """The snapshot that the first word names, which is then taken away, else the newest sound one; and what was passed
    over for it. All its bytes were read back. Raises UsageError and StoreError.
    """
    entries = repository.snapshots()
    if words and ID.fullmatch(words[0]):
        found = _numbered(repository, entries, words.pop(0))
        manifest = _usable(found, trust)
        if manifest is None:
            assert isinstance(found, Damaged)
            raise found.error
        _refuse_loop(manifest)
        repository.check(manifest)
        return manifest, []
    if words and (named := [one for one in entries if _is_called(one, words[0])]):
        _refuse_ambiguous(entries, words[0])
        words.pop(0)
        entries = named
    return _newest_sound(repository, entries, trust=trust)


def wanted_of(manifest: Manifest, words: list[str]) -> set[str]:
    """The variables that the words name, or all. Raises UsageError for one that the snapshot has not."""
    there = [*variables_of(manifest.body), *manifest.body.get("links", {})]
    refuse_unknown(words, there, manifest, "snapshot", "written")
    return set(words or there)


def _numbered(repository: Repository, entries: list[Entry], word: str) -> Entry:
    found = [one for one in entries if word == str(one.seq) or word == _id(one)]
    if not found:
        raise UsageError(f"There is no snapshot {word} in {repository.place}. `colab-guard list` shows what there is.")
    if len(found) > 1:
        raise UsageError(
            f"Two sessions wrote a snapshot no. {word} at once: say {' or '.join(map(_id, found))} instead."
        )
    return found[0]


def _newest_sound(repository: Repository, entries: list[Entry], *, trust: bool) -> tuple[Manifest, list[str]]:
    refused: list[StoreError] = []
    loops = False
    for entry in entries:
        manifest = _usable(entry, trust)
        if manifest is None:
            assert isinstance(entry, Damaged)
            refused.append(entry.error)
            continue
        if manifest.cell.startswith(LOOP):
            loops = True
            continue
        try:
            repository.check(manifest)
            return manifest, list(map(str, refused))
        except StoreError as error:
            refused.append(error)
    if refused:
        raise refused[0]
    only = " but those of loops, whose programs go on with them when they are started again" if loops else ""
    raise UsageError(f"There are no snapshots in {repository.place}{only}. Nothing was written.")


def _usable(entry: Entry, trust: bool) -> Manifest | None:
    if isinstance(entry, Manifest):
        return entry
    return entry.manifest if trust and isinstance(entry.error, UntrustedSnapshot) else None


def _is_called(entry: Entry, word: str) -> bool:
    manifest = entry if isinstance(entry, Manifest) else entry.manifest
    if manifest is None:
        return False
    return word == manifest.cell or (manifest.cell.startswith(PREFIX) and manifest.cell.split(" ", 2)[2:] == [word])


def _refuse_ambiguous(entries: list[Entry], word: str) -> None:
    newest = next((one for one in entries if isinstance(one, Manifest)), None)
    if newest is not None and word in variables_of(newest.body):
        raise UsageError(
            f"{word} is a variable, and a cell or save is called that too: give the number of the snapshot, as "
            f"`colab-guard list` shows it. Nothing was written."
        )


def _refuse_loop(manifest: Manifest) -> None:
    if manifest.cell.startswith(LOOP):
        raise UsageError(
            f"Snapshot no. {manifest.seq} is that of a loop, {manifest.cell}, which only its program can read: start "
            f"it again, and it goes on. Nothing was written."
        )


def _id(entry: Entry) -> str:
    return entry.id if isinstance(entry, Manifest) else entry.name.rpartition("-")[2].removesuffix(".json")
