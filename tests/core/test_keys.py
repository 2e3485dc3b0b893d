"""The signing key is found where docs/format.md says, made once, and never made up for one that is damaged."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from colab_guard.core import keys
from colab_guard.core.errors import KeyUnusable, UsageError
from colab_guard.core.keys import Folder, Keyring, key_folders
from colab_guard.core.places import Place

MINE, OTHER, THIRD = "1a" * 32, "2b" * 32, "3c" * 32


@pytest.fixture(autouse=True)
def _no_other_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COLAB_GUARD_KEY")
    monkeypatch.setattr(keys, "_in_memory", [])
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home/.config/colab_guard/keys"


@pytest.fixture
def drive(tmp_path: Path) -> Folder:
    """A stand-in for Drive, which can't be mounted here: an ordinary folder, whose permissions are not looked at."""
    return Folder(tmp_path / "drive/keys", private=False)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def put(folder: Path, text: str, name: str = "signing.key", mode: int = 0o600) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text)
    file.chmod(mode)
    return file


def on(drive: Folder) -> Callable[[], list[Folder]]:
    return lambda: [drive, *key_folders()]


def test_all_places_are_looked_at_in_their_order_and_the_first_key_signs(
    home: Path, drive: Folder, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLAB_GUARD_KEY", OTHER)
    put(drive.path, THIRD)
    put(home, "4d" * 32)
    keyring = Keyring(lambda: MINE, on(drive))
    assert [key.secret.hex() for key in keyring.found()] == [MINE, OTHER, THIRD, "4d" * 32]
    assert [key.where for key in keyring.found()] == [
        "the Colab secret COLAB_GUARD_KEY",
        "the environment variable COLAB_GUARD_KEY",
        str(drive.path / "signing.key"),
        str(home / "signing.key"),
    ]
    assert keyring.signing(store) == keyring.found()[0]
    assert Keyring(folders=on(drive)).signing(store) == keyring.found()[1]
    monkeypatch.delenv("COLAB_GUARD_KEY")
    assert Keyring(folders=on(drive)).signing(store) == keyring.found()[1]
    assert Keyring().signing(store) == keyring.found()[2]


def test_a_key_is_made_on_first_use_for_its_owner_only_and_found_again(home: Path, store: Path) -> None:
    assert Keyring().found() == ()
    assert not home.exists(), "to look is not to make"
    key = Keyring().signing(store)
    assert (Keyring().found(), Keyring().signing(store)) == ((key,), key)
    assert os.listdir(home) == ["signing.key"]
    assert stat.S_IMODE((home / "signing.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / "signing.key").read_text() == key.secret.hex() + "\n"
    assert not store.exists()


def test_no_two_keys_are_the_same_and_none_shows_itself(tmp_path: Path, store: Path) -> None:
    made = [Keyring(folders=lambda n=n: [Folder(tmp_path / str(n))]).signing(store) for n in range(5)]
    assert len({key.secret for key in made}) == len({key.id for key in made}) == 5
    assert not any(key.secret.hex() in repr(key) or key.secret.hex().startswith(key.id) for key in made)


PROCESS = """
import sys
from pathlib import Path
from colab_guard.core.keys import Folder, Keyring
print("ready", flush=True)
sys.stdin.read(1)
for number in range(int(sys.argv[2])):
    folder = Path(sys.argv[1], str(number))
    print(Keyring(folders=lambda: [Folder(folder)]).signing(Path(sys.argv[1], "store")).id)
"""


def test_processes_that_make_it_at_once_end_with_one_key(tmp_path: Path) -> None:
    folders = 150
    command = [sys.executable, "-c", PROCESS, str(tmp_path), str(folders)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("!")
        process.stdin.flush()
    first, *others = [process.communicate()[0].splitlines() for process in processes]
    assert len(set(first)) == folders
    assert all(other == first for other in others)
    assert {file.name for file in tmp_path.glob("*/*")} == {"signing.key"}


def test_where_there_are_no_links_two_at_once_keep_both_keys(
    drive: Folder, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Drive. That its folders answer so is not shown here."""

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    keys._make(drive.path, MINE)
    keys._make(drive.path, OTHER)
    keyring = Keyring(folders=lambda: [drive])
    assert {key.secret.hex() for key in keyring.found()} == {MINE, OTHER}
    assert keyring.signing(store) == keyring.found()[0]


def test_a_write_that_was_cut_off_is_no_key(home: Path, store: Path) -> None:
    put(home, MINE[:10], "77aa.tmp")
    key = Keyring().signing(store)
    assert key.where == str(home / "signing.key")


@pytest.mark.parametrize("text", ["", MINE[:-1], MINE + "0", "x" * 64, "\0" * 64, "é" * 64, MINE.upper(), MINE * 1000])
def test_a_damaged_key_file_is_named_left_alone_and_not_passed_over(home: Path, store: Path, text: str) -> None:
    file = put(home, text)
    for use in (Keyring().found, lambda: Keyring().signing(store)):
        with pytest.raises(KeyUnusable, match=r"is damaged: .* Put a copy of it back; or delete it") as caught:
            use()
        assert str(file) in str(caught.value)
    assert file.read_text() == text
    file.unlink()
    assert Keyring().signing(store)


def test_a_key_that_others_can_read_is_refused_with_the_command_that_mends_it(home: Path, store: Path) -> None:
    file = put(home, MINE, mode=0o644)
    with pytest.raises(KeyUnusable, match="can be read or written by others") as caught:
        Keyring().signing(store)
    assert MINE not in str(caught.value)
    command = str(caught.value).partition("yours alone: ")[2].partition(". If")[0]
    subprocess.run(command, shell=True, check=True)
    assert Keyring().signing(store).secret.hex() == MINE
    assert file.exists()


def test_what_drive_says_of_permissions_is_not_looked_at(drive: Folder, store: Path) -> None:
    put(drive.path, MINE, mode=0o644)
    assert Keyring(folders=on(drive)).signing(store).secret.hex() == MINE


def test_a_key_folder_that_can_not_be_read_is_told(home: Path, drive: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead mount; here its answer is made up. To go on with another key would be to lose what this one signed."""
    listdir = os.listdir

    def dead(path: Path) -> list[str]:
        if path == drive.path:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", dead)
    with pytest.raises(KeyUnusable, match=r"endpoint is not connected.*Set COLAB_GUARD_KEY"):
        Keyring(folders=on(drive)).found()


@pytest.mark.parametrize("text", ["short", MINE[:-1], "g" * 64])
def test_a_given_text_that_is_no_key_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(KeyUnusable, match="the Colab secret COLAB_GUARD_KEY holds no signing key") as caught:
        Keyring(lambda: text).found()
    monkeypatch.setenv("COLAB_GUARD_KEY", text)
    with pytest.raises(KeyUnusable, match="the environment variable COLAB_GUARD_KEY holds no signing key"):
        Keyring().found()
    assert text not in str(caught.value)
    assert "secrets.token_hex(32)" in str(caught.value)


def test_when_drive_comes_the_key_at_home_is_copied_there(home: Path, drive: Folder, store: Path) -> None:
    before = Keyring().signing(store)
    after = Keyring(folders=on(drive)).signing(store)
    assert (after.secret, after.where) == (before.secret, str(drive.path / "signing.key"))
    assert (home / "signing.key").exists()


def test_where_one_folder_can_not_be_written_the_next_one_serves(
    home: Path, drive: Folder, tmp_path: Path, store: Path
) -> None:
    (tmp_path / "drive").write_text("a file in the way")
    assert Keyring(folders=on(drive)).signing(store).where == str(home / "signing.key")


def test_where_no_folder_can_be_written_the_key_lasts_as_long_as_the_process_and_that_is_said(
    tmp_path: Path, store: Path
) -> None:
    (tmp_path / "home").write_text("a file in the way")
    key = Keyring().signing(store)
    assert Keyring().signing(store) == key == Keyring().found()[0]
    said = key.warning(Place(store, ""))
    for part in ("dies with this kernel", "--trust", "Set COLAB_GUARD_KEY to 64 hex digits"):
        assert part in said


def test_a_key_at_home_that_dies_with_the_vm_before_the_store_does_is_told(
    home: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable, local = Place(store, "", outlives_vm=True), Place(store, "")
    assert Keyring().signing(store).warning(durable) == ""
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
    key = Keyring().signing(store)
    assert f"{home}/signing.key, dies with this VM" in key.warning(durable)
    assert key.warning(local) == "", "both die together"
    monkeypatch.setenv("COLAB_GUARD_KEY", MINE)
    assert Keyring().signing(store).warning(durable) == ""


@pytest.mark.parametrize("store", [".config/colab_guard/keys", ".config/colab_guard", "."])
def test_a_store_in_which_the_key_would_lie_is_refused(home: Path, store: str) -> None:
    place = home.parents[2] / store
    with pytest.raises(UsageError, match="who gets the snapshots would get the key"):
        Keyring().signing(place)
    assert not home.exists()
    assert Keyring(lambda: MINE).signing(place).secret.hex() == MINE, "it lies elsewhere"
