"""The keys that manifests are signed with: where they are looked for, and made on first use. See docs/format.md."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from colab_guard.core.errors import KeyUnusable, UsageError
from colab_guard.core.folders import make_folder, sync_folder
from colab_guard.core.places import Place, drive_mount, on_colab, on_kaggle
from colab_guard.core.settings import from_environment

NAME = "COLAB_GUARD_KEY"  # of the environment variable and of the Colab secret
HOW = f"""Set {NAME} to 64 hex digits of your own: python -c "import secrets; print(secrets.token_hex(32))"."""
TEXT = re.compile(r"[0-9a-f]{64}")
FILE_BYTES = 1000  # a key is 64; what is longer is none
NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM}


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and where it was found."""

    secret: bytes = field(repr=False)
    where: str  # for people
    dies_with: str = ""  # "this VM" or "this kernel"; empty for one that outlives both

    @property
    def id(self) -> str:
        """Tells one key from another; tells nothing of the key itself."""
        return self.sign(b"colab_guard key")[:12]

    def sign(self, content: bytes) -> str:
        """HMAC-SHA256, in hex."""
        return hmac.new(self.secret, content, hashlib.sha256).hexdigest()

    def warning(self, store: Place) -> str:
        """A sentence, behind a space, where this key dies before the store does; else nothing."""
        if not self.dies_with or (self.dies_with == "this VM" and not store.outlives_vm):
            return ""
        return (
            f" But the key that signs them, {self.where}, dies with {self.dies_with}: after that only --trust "
            f"(trust=True) resumes from them. {HOW}"
        )


@dataclass(frozen=True, slots=True)
class Folder:
    """Where key files may lie."""

    path: Path
    dies_with: str = ""
    private: bool = True  # whether its files' permissions mean something


class Keyring:
    """The user's keys. Any number of threads and processes may use one set of folders at once.

    ``secret`` gives the text of a key that goes before all others, or None. Raises KeyUnusable, as every method does.
    """

    def __init__(
        self, secret: Callable[[], str | None] = lambda: None, folders: Callable[[], Sequence[Folder]] | None = None
    ) -> None:
        self._secret, self._folders = secret, folders or key_folders

    def found(self) -> tuple[Key, ...]:
        """Every key there is; the first one signs. Makes none."""
        files = [key for folder in self._folders() for key in _read(folder)]
        return (*self._given(), *files, *_in_memory)

    def signing(self, store: Path) -> Key:
        """The key that signs what is written to ``store``; made, and durable where its folder is, if there is none.
        Those that die with this machine are copied beside it if it does not: what they signed may be moved up there.

        Raises UsageError for a store in which keys would lie.
        """
        for key in self._given():
            return key
        folders = self._folders()
        for folder in folders:
            if folder.path.resolve().is_relative_to(store.resolve()):
                raise UsageError(
                    f"The store {store} can't be a folder in which your signing key lies ({folder.path}): who gets "
                    f"the snapshots would get the key. Choose another one with --store, such as {store / 'snapshots'}."
                )
        text = next((key.secret.hex() for key in self.found()), None) or secrets.token_hex(32)
        for folder in folders:
            with suppress(OSError):  # a full or read-only place: the next one serves
                if not (keys := _read(folder)):
                    _make(folder.path, text)
                    keys = _read(folder)
                if not folder.dies_with:
                    mortal = {key.id: key for key in self.found() if key.dies_with}
                    for name in mortal.keys() - {key.id for key in keys}:
                        _make(folder.path, mortal[name].secret.hex())
                return keys[0]
        if not _in_memory:
            _in_memory.append(_key(text, "kept in memory, for no folder for it could be written", "this kernel"))
        return self.found()[0]

    def _given(self) -> Iterator[Key]:
        if text := self._secret():
            yield _key(text, f"the Colab secret {NAME}")
        if text := from_environment("KEY", ""):
            yield _key(text, f"the environment variable {NAME}")


def key_folders() -> list[Folder]:
    """Drive's, where it is mounted, and that at home, where there is one."""
    folders = []
    if mount := drive_mount():
        # What Drive says of permissions is the same for every file; its own sharing is what counts.
        folders.append(Folder(mount / "MyDrive" / ".colab_guard" / "keys", private=False))
    with suppress(RuntimeError):  # a user without a home
        dies_with = "this VM" if on_colab() or on_kaggle() else ""
        folders.append(Folder(Path.home() / ".config" / "colab_guard" / "keys", dies_with))
    return folders


_in_memory: list[Key] = []  # of this process


def _key(text: str, where: str, dies_with: str = "") -> Key:
    if not TEXT.fullmatch(text.strip()):
        raise KeyUnusable(f"{where} holds no signing key, which is 64 hex digits (0-9, a-f). {HOW}")
    return Key(bytes.fromhex(text.strip()), where, dies_with)


def _read(folder: Folder) -> list[Key]:
    """The keys in a folder, by name of their files."""
    try:
        names = sorted(name for name in os.listdir(folder.path) if name.endswith(".key"))
    except OSError as error:
        if error.errno in NOT_THERE:
            return []
        raise _unreadable(folder.path, error) from error
    return [_from_file(folder.path / name, folder) for name in names]


def _from_file(path: Path, folder: Folder) -> Key:
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(FILE_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise _unreadable(path, error) from error
    if folder.private and os.name != "nt" and mode & 0o077:
        raise KeyUnusable(
            f"The signing key {path} can be read or written by others on this machine. Nothing was run. If nobody "
            f"did, make it yours alone: chmod 600 '{path}'. If in doubt, delete it: another one is made, and resuming "
            f"what this one signed then takes --trust."
        )
    if not TEXT.fullmatch(text.strip()):
        raise KeyUnusable(
            f"The signing key {path} is damaged: it holds something else than 64 hex digits. Nothing was run. Put a "
            f"copy of it back; or delete it: another one is made, and resuming what it signed then takes --trust."
        )
    return Key(bytes.fromhex(text.strip()), str(path), folder.dies_with)


def _unreadable(path: Path, error: OSError) -> KeyUnusable:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return KeyUnusable(f"Your signing keys can't be read, {path}: {reason}. Mend that, or go without: {HOW}")


def _make(folder: Path, text: str) -> None:
    """Writes a key file, whole and durable or not at all; one that is there already stays. Raises OSError."""
    make_folder(folder, 0o700)
    partial = folder / f"{secrets.token_hex(4)}.tmp"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(partial, folder / "signing.key")  # unlike a rename, this never replaces another session's
        except FileExistsError:
            pass
        except OSError:  # no links there (Drive): under a name of its own, so that of two at once both are kept
            os.replace(partial, folder / f"signing-{secrets.token_hex(4)}.key")
    finally:
        with suppress(OSError):
            partial.unlink()
    sync_folder(folder)
