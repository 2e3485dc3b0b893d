"""``%guard config``: shows the settings and where each comes from, and sets them for this session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from colab_guard.core.config import SETTINGS, configure, origin, setting
from colab_guard.core.errors import UsageError
from colab_guard.core.identity import Identity
from colab_guard.notebook.identity import identity, unknown
from colab_guard.notebook.platforms import default_place
from colab_guard.session import Session
from colab_guard.views import table

NONE = "none"
STORES = ("notebook", "store")  # where snapshots go hangs on these


def config_text(shell: Any, session: Session, words: Sequence[str]) -> str:
    """Sets each ``NAME=VALUE`` of ``words``, or all or none of them; then what is in force, as a table.

    An empty VALUE takes what was set back. Raises UsageError with nothing changed.
    """
    wanted: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name in wanted:
            forms = ", ".join(f"{name}=…" for name in SETTINGS)
            raise UsageError(f"%guard config {word}: give each once, as NAME=VALUE: {forms}. Nothing was changed.")
        wanted[name] = text
    configure(wanted)
    notebook = identity(shell)
    if wanted.keys() & set(STORES):
        place = default_place(notebook)
        session.store, session.store_note = place.store, place.survives
    return _settings(notebook, session)


def _settings(notebook: Identity, session: Session) -> str:
    rows = {name: (setting(name) or NONE, origin(name)) for name in SETTINGS}
    rows["notebook"] = (notebook.name, notebook.how)
    rows["store"] = (session.store, f"{origin('store')}; {session.store_note}")
    lines = [
        table([("setting", "value", "from"), *((name, *row) for name, row in rows.items())]),
        "What a call says itself goes before all of these: %%checkpointed --every 5m, for its cell.",
    ]
    return "\n".join([*lines, *filter(None, [unknown(notebook)])])
