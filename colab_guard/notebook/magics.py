"""The magics: each parses its line, calls one plain function, prints."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import MagicArgumentParser

from colab_guard import ends, explain
from colab_guard.checklist import checklist_text
from colab_guard.core.config import setting
from colab_guard.core.errors import UsageError
from colab_guard.core.places import described
from colab_guard.core.settings import parse_interval
from colab_guard.notebook import why
from colab_guard.notebook.config import config_text
from colab_guard.notebook.drive import mount, unassign
from colab_guard.notebook.identity import identity
from colab_guard.notebook.panel import NotebookPanel
from colab_guard.notebook.platforms import default_place
from colab_guard.releasing import release
from colab_guard.session import Options, Session
from colab_guard.store.retention import Retention, parse_best, parse_budget
from colab_guard.variables import restore, save
from colab_guard.views import history_table, status_text, verify_text

YES, TRUST, FORCE = "--yes", "--trust", "--force"


@dataclass(frozen=True)
class Request:
    """A parsed ``%%checkpointed`` line."""

    options: Options
    explain: bool
    release: bool  # the runtime, once the cell is done and durable


def _parser() -> Any:
    parser = MagicArgumentParser(prog="checkpointed", add_help=False)
    parser.add_argument("name", nargs="?", help="the cell's name; derived from its source where none is given")
    parser.add_argument("--every", default=None, help="how often to take a snapshot: 60s, 5m, 100it; default auto")
    parser.add_argument("--store", default="", help="the folder for snapshots")
    parser.add_argument("--keep", default=None, help="how many of the newest snapshots to keep; default 3")
    parser.add_argument("--keep-best", default=None, help="keep the best by a variable too: val_loss:min, accuracy:max")
    parser.add_argument("--budget", default=None, help="what the kept may take: 10GB, 500MB; the oldest go first")
    parser.add_argument("--fresh", action="store_true", help="start over, whatever snapshots there are")
    parser.add_argument("--resume-anyway", action="store_true", help="resume although code that already ran was edited")
    parser.add_argument("--rerun", action="append", default=[], help="a variable to make anew at resume")
    parser.add_argument("--replay", action="store_true", help="at resume, load again what loops had already got")
    parser.add_argument(
        "--files", nargs="+", action="extend", default=[], help="what the cell writes, put back at resume"
    )
    parser.add_argument("--link", action="append", default=[], help="an input to keep by name, not by content; or: off")
    parser.add_argument("--exact", action="store_true", help="refuse what might not end with the same bits")
    parser.add_argument("--trust", action="store_true", help="resume from a snapshot that is not signed with your key")
    parser.add_argument("--explain", action="store_true", help="run nothing: show where the cell can be left")
    parser.add_argument("--release-when-done", action="store_true", help="end the runtime once all is done and durable")
    return parser


def parse_line(line: str) -> Request:
    """The request in a ``%%checkpointed`` line. Raises UsageError."""
    parser = _parser()

    usage = "Usage: %%checkpointed [NAME] [--every 60s] [--store PATH] [--fresh] …; %%checkpointed? lists all options"

    def fail(message: str) -> None:
        raise UsageError(f"%%checkpointed {line}: {message}. {usage}")

    parser.error = fail
    words = _words("%%checkpointed", line)
    if apart := re.search(r"--every[ =]+(\d[\d.]* +[A-Za-z]+)", line):
        parse_interval(apart[1])  # which says how to write it
    found = parser.parse_args(words)
    every = parse_interval(found.every if found.every is not None else setting("every"))
    store = described(found.store).store if found.store else ""
    options = Options(
        name=found.name,
        every=every,
        store=store,
        fresh=found.fresh,
        resume_anyway=found.resume_anyway,
        rerun=tuple(found.rerun),
        replay=found.replay,
        exact=found.exact,
        files=tuple(found.files),
        link=tuple(found.link),
        trust=found.trust,
        retention=_retention(found),
    )
    return Request(options, found.explain, found.release_when_done)


def _retention(found: Any) -> Retention:
    keep = found.keep if found.keep is not None else setting("keep")
    if not keep.isdecimal():
        raise UsageError(f"--keep {keep} is no number of snapshots: give one from 1 on, such as 5.")
    best = None if found.keep_best is None else parse_best(found.keep_best)
    return Retention(int(keep), best, None if found.budget is None else parse_budget(found.budget))


def _words(magic: str, line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{magic} {line}: {error}") from None


@magics_class
class GuardMagics(Magics):  # type: ignore[misc]
    """``%%checkpointed`` and ``%guard``."""

    def __init__(self, shell: Any, session: Session, panel: NotebookPanel) -> None:
        super().__init__(shell)
        self._session, self._panel = session, panel

    @cell_magic  # type: ignore[untyped-decorator]
    def checkpointed(self, line: str, cell: str) -> None:
        """Run a cell with snapshots; resume it if an unfinished run of it exists.

        %%checkpointed [NAME] [--every auto|60s|100it] [--store PATH] [--fresh] [--resume-anyway] [--explain]
                       [--exact] [--replay] [--rerun NAME] [--link NAME|off] [--files PATH…] [--trust]
                       [--keep N] [--keep-best NAME:min|max] [--budget 10GB] [--release-when-done]

        NAME is the cell's own (derived from its source where none is given). When the kernel dies, run all
        cells again: the cell goes on where its newest snapshot was taken, in its own loops and in those of the
        notebook's functions that it calls. A cell that finished in an earlier kernel is not run again, its results
        are put back. An interrupt pauses it: run it again to go on.

        --fresh          start over, whatever snapshots there are
        --resume-anyway  go on although code that already ran was edited
        --explain        run nothing: show where the cell can be left
        --exact          refuse what might not end with the same bits
        --replay         load again what loops over loaders had got, instead of skipping it
        --rerun NAME     make a variable, or what a `with` gives, anew at a resume
        --link NAME      keep an input by name and fingerprint, not by content; `off`: none
        --files PATH…    put these files and folders back as they were at the snapshot
        --trust          resume from a snapshot that somebody else wrote: loading it runs code of theirs
        --keep N         keep the newest N snapshots (3); --keep-best NAME:min|max keeps the best by a variable too
        --budget 10GB    what they may take: the oldest go first, then the best, never the newest
        --release-when-done  end the runtime once the cell is done and everything is durable, as %guard release does
        """
        self.shell.run_cell(f"%%checkpointed {line}\n{cell}")

    @line_magic  # type: ignore[untyped-decorator]
    def guard(self, line: str) -> None:
        """Look after snapshots, and keep all variables.

        %guard status   what is running, saved when, where
        %guard panel    the same and more, alive: shows the panel
        %guard history  the snapshots there are
        %guard verify   read every snapshot back and compare
        %guard checklist  before a long run: what is to be mended, and how
        %guard mount    mount Google Drive, or mount it again, and upload what has waited for it
        %guard why [SESSION]   what ended the last session, with the evidence, and what to change
        %guard explain [TEXT]  what is behind an error message, and what helps; the last error, where none is given
        %guard release [--force]   end the runtime, once everything is durable
        %guard config [NAME=VALUE…]           the settings, and where each comes from; sets them for this session
        %guard save [NAME]                    save all variables
        %guard restore [ID] [NAMES…] [--yes] [--trust]
                                       put them back, or those named: shows what it would do, then asks

        ID is the number of a save or of a guarded cell's snapshot, as the history shows it, or a save's NAME; the
        newest save, where none is given.
        """
        if line.split(maxsplit=1)[:1] == ["explain"]:  # a text as it was copied, apostrophes and all
            print(explain(line.strip().removeprefix("explain").strip().strip("\"'")))
            return
        command, *arguments = _words("%guard", line) or ["status"]
        views = {"status": status_text, "history": history_table, "verify": verify_text, "checklist": checklist_text}
        store = self._session.store
        if command == "mount" and not arguments:
            mount(self._session.say)
            self._session.move(default_place(identity(self.shell)))
        elif command == "release" and arguments in ([], [FORCE]):
            release(self._session, unassign, force=bool(arguments))
        elif command == "panel" and not arguments:
            self._panel.show()
        elif command == "why" and len(arguments) < 2:
            label, keys = identity(self.shell).label, self._session.keys
            why.show(ends.end(store, *arguments, notebook=label, keys=keys), self.shell)
        elif command in views and not arguments:
            print(views[command](self._session))
        elif command == "config":
            print(config_text(self.shell, self._session, arguments))
        elif command == "save" and len(arguments) < 2:
            print(save(arguments[0] if arguments else None, store))
        elif command == "restore" and all(word in (YES, TRUST) or not word.startswith("-") for word in arguments):
            words = [word for word in arguments if word not in (YES, TRUST)]
            restore(words, store, YES in arguments, tell=print, trust=TRUST in arguments)
        else:
            raise UsageError(
                f"%guard {line} is not known. There are: %guard status, %guard panel, %guard history, %guard verify, "
                f"%guard checklist, %guard why [SESSION], %guard explain [TEXT], %guard mount, "
                f"%guard release [{FORCE}], %guard config [NAME=VALUE…], %guard save [NAME], "
                f"%guard restore [ID] [NAMES…] [{YES}] [{TRUST}]."
            )
