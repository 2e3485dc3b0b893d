"""A session with variables, a history and a last error, as plain values in place of a notebook's."""

from types import FrameType, TracebackType
from typing import Any

from colab_guard.gpumem.reach import Held, reach


class Session:
    """See ``colab_guard.gpumem.keepers.Keepers``."""

    def __init__(self, **namespace: Any) -> None:
        self.namespace: dict[str, Any] = namespace
        self.out: dict[str, Any] = {}
        self.last: list[BaseException | TracebackType] = []
        self.frames: list[FrameType] = []

    def runners(self) -> list[Any]:
        """Not to be walked into."""
        return [self, self.namespace, self.out]

    def variables(self) -> dict[str, Any]:
        """All of them."""
        return self.namespace

    def history(self) -> dict[str, Any]:
        """As it is."""
        return self.out

    def forget_history(self) -> None:
        """All of it."""
        self.out.clear()

    def errors(self) -> list[BaseException | TracebackType]:
        """The last one."""
        return self.last

    def fails(self, function: Any) -> None:
        """Calls it, and keeps the error that it raises as the last one."""
        try:
            function()
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.last = [error]

    def running(self) -> list[FrameType]:
        """Those given; pytest's own stack is large."""
        return self.frames

    def named(self, tensor: Any) -> Held:
        """What is told of a tensor that no other one is as large as."""
        (found,) = [one for one in reach(self).tensors if one.size_bytes == tensor.untyped_storage().nbytes()]
        return found
