"""What we take for true of Colab, checked on a real one: docs/selfcheck.md says what, and how.

A person runs it once, as ``cg.selfcheck()`` in a cell or ``!colab-guard selfcheck``, and pastes what it prints. It
writes only in a folder of its own on Drive, which it deletes; it waits for a bounded time; nothing makes it fail.
"""

from colab_guard.selfchecks.report import WAIT_SECONDS, run

__all__ = ["WAIT_SECONDS", "run"]
