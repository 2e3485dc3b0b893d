"""Who sees the panel: the views that said so, and how long that holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

GONE_SECONDS = 90.0  # a view that was silent for so long is not there any more
SILENT_SECONDS = 300.0  # after which it is worth a word that no page was heard of
MOST = 32  # more are no person's


@dataclass
class Views:
    """The visible ones, and when each last said so, in seconds since 1970. For any thread."""

    heard_at: float | None = None  # of any of them, whatever it said
    _at: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def sign(self, view: str, now: float, *, visible: bool) -> bool:
        """A view says whether it is visible; whether that is new."""
        if not visible:
            self._at.pop(view, None)
            return False
        new = view not in self._at
        if not new or len(self._at) < MOST:
            self._at[view] = now
        return new and view in self._at

    def fresh(self, now: float) -> bool:
        """Whether one was heard of lately."""
        return any(now - at < GONE_SECONDS for at in list(self._at.values()))

    def drop_gone(self, now: float) -> None:
        """Those that were silent too long are not there any more."""
        for view, at in list(self._at.items()):
            if now - at >= GONE_SECONDS:
                self._at.pop(view, None)

    def channel(self, now: float, *, quiet: bool) -> list[dict[str, Any]]:
        """The browser as one of the fields ``channels``; none before any was heard of."""
        if (at := self.heard_at) is None:
            return []
        state, text = ("ok", f"browser, {{age:{at:.0f}}} ago")
        if quiet:
            state, text = "off", "browser: not asked while nothing runs"
        elif now - at >= SILENT_SECONDS:
            state, text = "warn", f"no browser for {{age:{at:.0f}}}"
        return [{"name": "browser", "state": state, "text": text, "at": at}]

    def renew(self, now: float) -> None:
        """They were not to say anything so far; from now on they are."""
        for view in list(self._at):
            self._at[view] = now
