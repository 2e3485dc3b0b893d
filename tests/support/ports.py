"""A port of this machine for a server that is told its number."""

import socket


def reserved() -> socket.socket:
    """Bound to a free port, which nobody else is given until it is closed. It does not listen, which a server may that
    binds with the same option, as tornado does.
    """
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", 0))
    return found
