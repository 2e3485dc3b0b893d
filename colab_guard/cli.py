"""``colab-guard``: looks after snapshots from a shell, where there is no notebook; and gives the browser's script.

Ends with 0, with 1 where it found problems or the store fails, with 2 where the call makes no sense.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial

from colab_guard.core.errors import ColabGuardError, UsageError
from colab_guard.core.places import local_folder, on_colab
from colab_guard.core.stores import folder_at, is_url, store_at
from colab_guard.core.words import count_of, size
from colab_guard.exporting import export
from colab_guard.flight.reading import flights
from colab_guard.flight.why import ended
from colab_guard.store.failures import unavailable
from colab_guard.store.manifest import Damaged
from colab_guard.store.opening import backend_at
from colab_guard.store.repository import CONFIG, Repository
from colab_guard.store.retention import KEEP, Retention, parse_budget
from colab_guard.views import history_of, table, verified_text

MAX_WAIT_SECONDS = 3600
OK, PROBLEMS, USAGE = 0, 1, 2  # how the program ends


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command, on ``sys.argv`` where no arguments are given; prints, and returns how the program ends."""
    parser = _parser()
    try:
        found, rest = parser.parse_known_args(arguments)
        # argparse takes the words before the first option for all there are.
        if rest and (not hasattr(found, "words") or any(word.startswith("-") for word in rest)):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        if rest:
            found.words += rest
    except SystemExit as end:  # argparse has said what there was to say
        return int(end.code or OK)
    if "wait" in found:
        return _selfcheck(found.wait)
    if "store" not in found:
        return _userscript()
    command: Callable[[Repository, argparse.Namespace], int] = found.command
    try:
        if "session" in found:
            return _why(found.store, found.session)
        return command(_opened(found.store), found)
    except UsageError as error:
        print(f"colab-guard: {error}", file=sys.stderr)
        return USAGE
    except ColabGuardError as error:
        print(f"colab-guard: {error}", file=sys.stderr)
        return PROBLEMS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="colab-guard", description="Looks after the snapshots in a store.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("list", _list, "the snapshots there are, newest first"),
        ("verify", _verify, "read every snapshot back and compare"),
        ("prune", _prune, "delete old snapshots, and what nobody needs"),
        ("export", _export, "write a snapshot's variables, and the files it has, to plain files"),
        ("why", _why, "what ended the last session, or one that is named"),
    ):
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        added.set_defaults(command=command)
        added.add_argument("store", metavar="STORE", help="the folder or URL with the snapshots")
        if name == "prune":
            added.add_argument("--dry-run", action="store_true", help="only tell what would be deleted")
            added.add_argument(
                "--keep", type=int, default=KEEP, help=f"of each cell, the newest so many (default {KEEP})"
            )
            added.add_argument("--budget", default=None, help="of each cell, what the kept may take: 10GB, 500MB")
        if name == "export":
            added.add_argument(
                "words", nargs="*", metavar="ID | NAMES",
                help="first the number of a snapshot (else the newest), then variables or saved files (else all)",
            )  # fmt: skip
            added.add_argument("--to", default=None, help="a new or empty folder; by default a new one, here")
            added.add_argument("--zip", action="store_true", help="make one .zip of it")
            added.add_argument("--trust", action="store_true", help="also what somebody else wrote: its code may run")
        if name == "why":
            added.add_argument("session", nargs="?", default="", help="a session's name, or how it begins")
    text = "on Colab: check what we take for true of it, and print a report to paste into an issue"
    added = commands.add_parser("selfcheck", help=text, description=f"{text[0].upper()}{text[1:]}.")
    added.add_argument(
        "--wait", type=_seconds, default=300.0, help="for uploads, at most so many seconds (default 300)"
    )
    text = "the script that presses Colab's Reconnect, for a userscript manager in your browser"
    commands.add_parser(
        "userscript", help=text, description=f"{text[0].upper()}{text[1:]}; save it as a .user.js file."
    )
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds from 0 to {MAX_WAIT_SECONDS}")
    return seconds


def _selfcheck(wait_seconds: float) -> int:
    from colab_guard.selfchecks import run  # not imported until used

    run(wait_seconds, partial(print, flush=True))
    return OK


def _userscript() -> int:
    from colab_guard.keepalive.page import userscript  # not imported until used

    print(userscript(), end="")
    return OK


def _why(store: str, session: str) -> int:
    # To open a folder makes it where it is missing, which a mistyped path must not.
    place = backend_at(store) if is_url(store) else folder_at(store)
    # A shell may be anywhere: that this is another machine than the flight's does not mean that that one has gone.
    print(ended(flights(place, local_folder(store_at(store))), session, successor=False))
    return OK


def _opened(store: str) -> Repository:
    # To open a repository makes one where there is none, which a mistyped path must not.
    if not _has_config(store):
        raise UsageError(f"{store} holds no snapshots (it has no {CONFIG}): give the folder or URL that --store named.")
    return Repository.open(store)


def _has_config(store: str) -> bool:
    if not is_url(store):
        return (folder_at(store) / CONFIG).is_file()
    backend = backend_at(store)
    with unavailable(backend.place, "the repository can't be opened"):
        try:
            return backend.read(CONFIG, 0, memoryview(bytearray(1))) > 0
        except FileNotFoundError:
            return False


def _list(repository: Repository, found: argparse.Namespace) -> int:
    print(history_of(repository))
    return PROBLEMS if any(isinstance(entry, Damaged) for entry in repository.snapshots()) else OK


def _verify(repository: Repository, found: argparse.Namespace) -> int:
    report = repository.verify()
    print(verified_text(report))
    return PROBLEMS if report.problems else OK


def _prune(repository: Repository, found: argparse.Namespace) -> int:
    retention = Retention(found.keep, None, None if found.budget is None else parse_budget(found.budget))
    pruned = repository.prune(None, retention, dry_run=found.dry_run)
    gone = {name: entry for entry in pruned.seen if (name := entry.name) in pruned.deleted}
    rows = [("no.", "cell"), *((str(entry.seq), entry.cell) for entry in gone.values())]
    if gone:
        print(table(rows))
    verb = "would be deleted" if found.dry_run else "deleted"
    others = count_of(len(pruned.deleted) - len(gone), "other file")
    print(f"{verb}: {count_of(len(gone), 'snapshot')} and {others}, {size(pruned.freed_bytes)}")
    for remark in pruned.remarks:
        print(remark)
    return OK


def _export(repository: Repository, found: argparse.Namespace) -> int:
    exported = export(repository, found.words, found.to, zipped=found.zip, trust=found.trust)
    print(exported)
    if found.zip and on_colab():  # this is no kernel, which alone can speak to the browser
        print(f"To download it, run in a cell: from google.colab import files; files.download({str(exported.path)!r})")
    return OK


if __name__ == "__main__":
    sys.exit(main())
