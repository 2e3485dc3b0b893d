"""``%guard save`` and ``%guard restore``, ``cg.save()`` and ``cg.restore()``: all variables of a session, at once.

A save (``taking``) holds the user's variables in groups that share nothing (``groups``), so that one which can't be
loaded in a later session takes no other along. A restore loads first (``loading``), shows what it would do
(``plan``), and then puts everything in place or nothing. ``store`` writes and finds them; ``calls`` is what a
notebook or script sees.
"""

from __future__ import annotations

from colab_guard.variables.calls import Restored, restore, save
from colab_guard.variables.store import Saved

__all__ = ["Restored", "Saved", "restore", "save"]
