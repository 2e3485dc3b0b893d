"""What one thread leaves for another."""

from __future__ import annotations

from collections import deque
from typing import TypeVar

T = TypeVar("T")


def taken(left: deque[T]) -> list[T]:
    """Takes out what other threads have left so far, oldest first; what they add meanwhile stays for the next time. For
    one thread, without a lock.
    """
    return [left.popleft() for _ in range(len(left))]
