"""``%keepalive`` and ``%autoreconnect``, and the same as functions."""

from __future__ import annotations

import shlex
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import MagicArgumentParser

from colab_guard.core.errors import ColabGuardError, UsageError
from colab_guard.core.settings import parse_interval
from colab_guard.keepalive.policy import Policy
from colab_guard.notebook.keepalive import KeepAlive
from colab_guard.notebook.platforms import unregister
from colab_guard.notebook.reconnect import CHECK_SECONDS
from colab_guard.session import Session
from colab_guard.views import found_text

STATES = ("on", "off", "status")
USAGE = (
    "Usage: %keepalive [on|off|status] [--interval 60] [--max-hours 12] [--audio] [--notify] [--always] "
    "[--release-when-done]"
)
USAGE_RECONNECT = "Usage: %autoreconnect [on|off|status] [--check 30]"


@magics_class
class KeepAliveMagics(Magics):  # type: ignore[misc]
    """Both, of one shell."""

    def __init__(self, shell: Any, session: Session, keepalive: KeepAlive) -> None:
        super().__init__(shell)
        self._session, self._keepalive = session, keepalive

    def begin(self) -> None:
        """Registers them; keep-alive hears of cells from now on."""
        self.shell.register_magics(self)
        self._keepalive.begin()

    def end(self) -> None:
        """Leaves the shell as it was."""
        self._keepalive.end()
        unregister(self.shell, self)

    @line_magic  # type: ignore[untyped-decorator]
    def keepalive(self, line: str) -> None:
        """Keep tab and runtime alive while work runs, and see by what.

        %keepalive [on]     from now on; shows the frame, what keeps the page's tab awake, and how each channel stands
        %keepalive off      no more; a runtime that was to be released is kept
        %keepalive status   how each channel stands, and how long is left where nothing keeps the runtime

        It acts while a cell runs, and for 10 min behind it.

        --interval 60          seconds between two beats
        --max-hours 12         never longer than that
        --audio                plays a tone that nobody hears, lest the browser slow the tab down; needs one click
        --notify               a notification and a sound when the connection is lost or a long cell is done
        --always               also while nothing runs: that burns compute units
        --release-when-done    end the runtime once a guarded cell is done, everything durable, and a minute is over
        """
        found = _parsed(line, _keepalive_parser(), f"%keepalive {line}", USAGE)
        policy = Policy(
            seconds_of(found.interval, "--interval "), found.max_hours, found.audio, found.notify, found.always,
            found.release_when_done,
        )  # fmt: skip
        if found.state == "status":
            print(self.kept("status", policy))
        else:
            self.kept(found.state, policy)
            if found.state == "off":
                print("keep-alive is off")

    def kept(self, state: str, policy: Policy) -> str:
        """Does it, and tells how each channel stands."""
        if state == "on":
            self._keepalive.on(policy)
        elif state == "off":
            self._keepalive.off()
        elif state != "status":
            raise UsageError(f"keep_alive({state!r}): there are {', '.join(STATES)}.")
        return self._keepalive.status()

    @line_magic  # type: ignore[untyped-decorator]
    def autoreconnect(self, line: str) -> None:
        """Notice a browser that is gone, and one that is back: the panel is sent again, a dead mount of Drive mounted.

        %autoreconnect [on] [--check 30]   looks every so many seconds
        %autoreconnect off
        %autoreconnect status              what is seen, and every transition with its time
        """
        found = _parsed(line, _reconnect_parser(), f"%autoreconnect {line}", USAGE_RECONNECT)
        text = self.reconnected(found.state, seconds_of(found.check, "--check "))
        print("autoreconnect is off" if found.state == "off" else text)

    def reconnected(self, state: str, check: float) -> str:
        """Does it, and tells what is seen."""
        reconnect = self._keepalive.reconnect
        if state == "on":
            reconnect.on(check)
        elif state == "off":
            reconnect.off()
        elif state != "status":
            raise UsageError(f"auto_reconnect({state!r}): there are {', '.join(STATES)}.")
        return reconnect.status(self._waiting())

    def _waiting(self) -> str:
        """What an earlier kernel left, while nothing was guarded in this one."""
        if self._session.runs:
            return ""
        try:
            return " ".join(found_text(self._session))
        except ColabGuardError:
            return ""


def seconds_of(text: str, option: str) -> float:
    """A number of seconds, or a time such as 1m. Raises UsageError."""
    try:
        return float(text)
    except ValueError:
        found = parse_interval(text, option).seconds
        if found is None:
            raise UsageError(f"{option}{text} is no time: give seconds, such as 60.") from None
        return found


def keep_alive_here(state: str, policy: Policy) -> str:
    """``%keepalive`` in the notebook that this is called in. Raises UsageError where there is none."""
    return _here().kept(state, policy)


def auto_reconnect_here(state: str, check: float) -> str:
    """``%autoreconnect`` in the notebook that this is called in. Raises UsageError where there is none."""
    return _here().reconnected(state, check)


def _here() -> KeepAliveMagics:
    shell = get_ipython()
    magic = shell and shell.find_line_magic("keepalive")
    owner = getattr(magic, "__self__", None)
    if not isinstance(owner, KeepAliveMagics):
        raise UsageError("Only a notebook that has loaded the extension can be kept alive: %load_ext colab_guard")
    return owner


def _keepalive_parser() -> Any:
    parser = MagicArgumentParser(prog="keepalive", add_help=False)
    parser.add_argument("state", nargs="?", default="on", choices=STATES)
    parser.add_argument("--interval", default=f"{Policy.interval:g}")
    parser.add_argument("--max-hours", type=float, default=Policy.max_hours)
    for option in ("--audio", "--notify", "--always", "--release-when-done"):
        parser.add_argument(option, action="store_true")
    return parser


def _reconnect_parser() -> Any:
    parser = MagicArgumentParser(prog="autoreconnect", add_help=False)
    parser.add_argument("state", nargs="?", default="on", choices=STATES)
    parser.add_argument("--check", default=f"{CHECK_SECONDS:g}")
    return parser


def _parsed(line: str, parser: Any, told: str, usage: str) -> Any:
    def fail(message: str) -> None:
        raise UsageError(f"{told}: {message}. {usage}")

    parser.error = fail
    try:
        return parser.parse_args(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"{told}: {error}. {usage}") from None
