"""The snapshot engine: what a snapshot of a cell or loop costs, and when.

In the cell's thread only what consistency needs: the pickle, and a copy of the memory that changed
(``freezing``), in a pool of memory that is used again (``pool``). Everything else happens in one thread in the
background (``writer``): digests, the pack, the manifest, retention. At most one snapshot is in flight; one
that comes due meanwhile is skipped and counted. ``saver`` is what the layers above see of it.
"""

from __future__ import annotations

from colab_guard.saving.saver import Blobs, Content, Saver

__all__ = ["Blobs", "Content", "Saver"]
