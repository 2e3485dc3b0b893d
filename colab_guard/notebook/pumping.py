"""Messages to our widget, taken while a guarded cell runs; docs/panel.md says which. All that is private to ipykernel,
pyzmq and comm, and that this needs, is named in this module.

A kernel reads its shell channel only between two cells. The channel's stream can be told at a safe point to read what
is there, and hands each message to a callback. Ours stands before the kernel's own: it handles what is for our widget
itself, and hands on everything else, which the kernel then queues in its order. So nothing is ever taken out of a queue
and put back, and a message that we do not know is never touched.

- ipykernel 6: ``kernel.shell_stream``, https://github.com/ipython/ipykernel/blob/v6.17.1/ipykernel/kernelbase.py
- ipykernel 7: the main thread's end of a socket pair, behind a thread that reads the channel:
  https://github.com/ipython/ipykernel/blob/v7.0.0/ipykernel/subshell_manager.py
"""

from __future__ import annotations

import inspect
import selectors
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

COMMS = frozenset({"comm_open", "comm_msg", "comm_close"})
CONTROL = "jupyter.widget.control"  # the comm by which a page that is loaded anew asks for all widgets
# What such a page asks first. The answers only tell of the kernel and its comms.
QUESTIONS = frozenset({"kernel_info_request", "comm_info_request"})


class Pump:
    """Stands before one kernel's main shell; made, used and removed on the main thread, but for ``is_waiting``.

    ``is_ours`` tells of a comm's id whether it is one of our widgets'. Raises AttributeError where a name that this
    needs is missing: messages are then handled when the cell has ended, as ever.
    """

    def __init__(self, kernel: Any, is_ours: Callable[[str], bool]) -> None:
        self._kernel, self._is_ours = kernel, is_ours
        self._stream = _main_stream(kernel)
        self._own = self._stream._recv_callback
        self._thread = threading.get_ident()
        self._pumping = False
        for name in ("comm_manager", "shell_handlers", "session", "iopub_socket", "get_parent", "_topic"):
            getattr(kernel, name)
        if self._own is None or self._stream._recv_copy:
            raise AttributeError("the kernel reads its shell channel otherwise")
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stream.socket.FD, selectors.EVENT_READ)
        self._look = selectors.DefaultSelector()
        self._look.register(self._stream.socket.FD, selectors.EVENT_READ)
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._stream.on_recv(self._received, copy=False)

    def remove(self) -> None:
        """Leaves the kernel as it was."""
        if self._stream._recv_callback == self._received:
            self._stream.on_recv(self._own, copy=False)
        self._selector.close()
        self._look.close()
        self._woken.close()
        self._waker.close()

    def wait(self, seconds: float | None) -> None:
        """Waits until something is there that nobody has looked at yet, or ``wake`` is called; for one thread."""
        # The descriptor of a zmq socket tells that something is new, and tells so until the socket is used.
        if any(key.fileobj is self._woken for key, _ in self._selector.select(seconds)):
            self._woken.recv(4096)

    def wake(self) -> None:
        """Ends a ``wait`` under way, else the next."""
        with suppress(BlockingIOError):  # so often already that nobody can miss it
            self._waker.send(b".")

    def is_waiting(self) -> bool:
        """Whether something is there that nobody has looked at yet; for any thread."""
        with suppress(OSError):  # removed meanwhile
            return bool(self._look.select(0))
        return False

    def pump(self) -> None:
        """Handles what has arrived for us so far; at a safe point, on the thread that made this."""
        if self._pumping or threading.get_ident() != self._thread:
            return
        with _uninterrupted():
            self._pumping = True
            try:
                # Again until nothing is left: ipykernel 6 sends its answers on the same stream, and the last thing that
                # a flush does is a look at the socket's events. What arrives just before it raises the descriptor no
                # more, and whoever sleeps on that would sleep until the cell ends.
                while self._stream.flush() or self._stream.socket.poll(0):
                    pass
            finally:
                self._pumping = False

    def _received(self, frames: list[Any]) -> Any:
        """In the place of the kernel's own callback."""
        try:
            message = self._for_us(frames)
        except Exception:  # noqa: BLE001 - whatever it is, it is for the kernel to judge
            message = None
        if message is None:
            return self._own(frames)
        try:
            self._answer(*message)
        except Exception:  # as the kernel does with what its own handlers raise
            self._kernel.log.error("colab_guard: a message to the panel was not handled", exc_info=True)
        return None

    def _for_us(self, frames: list[Any]) -> tuple[list[bytes], dict[str, Any]] | None:
        session = self._kernel.session
        idents, parts = session.feed_identities(frames, copy=False)
        kind = session.unpack(parts[1].bytes)["msg_type"]
        if kind in COMMS:
            if not self._is_for_widget(kind, session.unpack(parts[4].bytes)):
                return None
        elif not (kind in QUESTIONS and self._pumping):
            return None
        # Not before here: a message whose signature was checked in full once is refused the second time.
        return idents, session.deserialize(parts, content=True, copy=False)

    def _is_for_widget(self, kind: str, content: dict[str, Any]) -> bool:
        if kind == "comm_open":
            return bool(content["target_name"] == CONTROL)
        comm = self._kernel.comm_manager.comms.get(content["comm_id"])
        return comm is not None and (comm.target_name == CONTROL or self._is_ours(content["comm_id"]))

    def _answer(self, idents: list[bytes], message: dict[str, Any]) -> None:
        kernel, manager, kind = self._kernel, self._kernel.comm_manager, message["header"]["msg_type"]
        self._tell("busy", message)
        try:
            if kind == "comm_msg":
                # Not by `handle_msg`, which also fires IPython's pre_execute and post_execute: in the middle of a
                # cell, matplotlib would show and close the cell's figures.
                callback = manager.comms[message["content"]["comm_id"]]._msg_callback
                if callback is not None:
                    callback(message)
            elif kind in COMMS:
                getattr(manager, kind)(None, idents, message)
            else:
                _finish(kernel.shell_handlers[kind](_reply_stream(kernel, self._stream), idents, message))
        finally:
            self._tell("idle", message)
            if self._pumping:
                self._tell("busy", kernel.get_parent("shell"))  # for the cell goes on

    def _tell(self, state: str, parent: dict[str, Any]) -> None:
        kernel, content = self._kernel, {"execution_state": state}
        kernel.session.send(kernel.iopub_socket, "status", content, parent=parent, ident=kernel._topic("status"))


def _main_stream(kernel: Any) -> Any:
    thread = getattr(kernel, "shell_channel_thread", None)
    return kernel.shell_stream if thread is None else thread.manager._shell_channel_to_main.to_stream


def _reply_stream(kernel: Any, stream: Any) -> Any:
    thread = getattr(kernel, "shell_channel_thread", None)
    return stream if thread is None else thread.manager._main_to_shell_channel.from_socket


def _finish(answer: Any) -> None:
    """Runs a coroutine that waits for nothing to its end."""
    if not inspect.iscoroutine(answer):
        return
    try:
        answer.send(None)
    except StopIteration:
        return
    answer.close()
    raise RuntimeError("the kernel's answer waits for something")


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """An interrupt comes behind this: in the middle of it, a message that was read would be lost."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        for number in asked[:1]:
            signal.raise_signal(number)
