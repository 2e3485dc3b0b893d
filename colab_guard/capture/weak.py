"""Weak references: to what the snapshot holds anyway, or dead.

What such a reference leads to is pickled with it, and is one object with what is reached otherwise; where nothing
else holds it, it dies when the restore is done, and the reference with it.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from colab_guard.capture import remake

if TYPE_CHECKING:
    from colab_guard.capture.pickler import Pickler

PROXIES = (weakref.ProxyType, weakref.CallableProxyType)


def reduce_reference(pickler: Pickler, reference: Any) -> Any:
    """A ``weakref.ref`` or ``WeakMethod``, with its callback; other subclasses belong to a container."""
    kind = type(reference)
    if kind not in (weakref.ref, weakref.WeakMethod):
        raise TypeError("a weak reference that belongs to something else")
    callback = None if kind is weakref.WeakMethod else reference.__callback__
    return remake.weak_reference, (kind, reference(), callback)


def reduce_proxy(pickler: Pickler, proxy: Any) -> Any:
    """A ``weakref.proxy``."""
    try:
        target = proxy.__repr__.__self__  # of the target: a proxy hands everything on
    except ReferenceError:
        target = None
    return remake.weak_proxy, (target,)


def reduce_mapping(pickler: Pickler, mapping: Any) -> Any:
    """A ``WeakValueDictionary`` or ``WeakKeyDictionary``, by the items that are alive."""
    return type(mapping), (), None, None, iter(list(mapping.items()))


def reduce_finalizer(pickler: Pickler, finalizer: Any) -> Any:
    """A ``weakref.finalize``, alive or not."""
    alive = finalizer.peek()
    return remake.finalizer, ((*alive, finalizer.atexit) if alive else None,)
