"""Frames and series of pandas, with what they know of one another.

pandas shares memory between a frame and its columns, slices and copies, and copies it when one of them is written to;
for that each block counts who looks at its memory. Pickled pandas' own way that knowledge is gone while the memory is
still shared, and a write to a column would change its frame.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from colab_guard.capture import remake

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler


def kinds() -> list[tuple[type, Any]]:
    """The classes, with how to reduce them; none where pandas is not imported, or older than 2.0."""
    pandas = sys.modules.get("pandas")
    internals = sys.modules.get("pandas._libs.internals")
    managers = sys.modules.get("pandas.core.internals.managers")
    if managers is None or not hasattr(internals, "BlockValuesRefs") or not hasattr(pandas, "Index"):
        return []
    return [
        (internals.BlockValuesRefs, reduce_users),  # type: ignore[union-attr]
        (internals.Block, reduce_block),  # type: ignore[union-attr]
        (managers.BlockManager, reduce_manager),
        (managers.SingleBlockManager, reduce_manager),
        (pandas.Index, reduce_index),  # type: ignore[union-attr]
    ]


def reduce_users(pickler: Pickler, users: Any) -> Any:
    """Those who look at a block's memory: each of them says so itself when it is made again."""
    return remake.block_users, ()


def reduce_block(pickler: Pickler, block: Any) -> Any:
    """Some columns of one dtype, with whoever shares their memory."""
    place = block.mgr_locs.indexer
    return remake.block, (block.values, place, block.ndim, block.refs)


def reduce_manager(pickler: Pickler, manager: Any) -> Any:
    """What a frame or series consists of."""
    return remake.blocks, (type(manager), tuple(manager.blocks), list(manager.axes))


def reduce_index(pickler: Pickler, index: Any) -> Any:
    """An index, which may share its memory with a series."""
    users = vars(index).get("_references")
    if users is None:
        return NotImplemented
    make, arguments, *_ = index.__reduce__()
    return remake.index, (make, arguments, users)
