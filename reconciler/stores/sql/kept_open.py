"""Limits the connections that a process keeps open between transactions to the most recently used."""

import os
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

MOST_CONNECTIONS = 8
"""Most connections to keep open; a server allows about a hundred, a process about a thousand files."""


class ConnectionCache:
    """The holders of open connections, least recently used first."""

    def __init__(self) -> None:
        self._closing: OrderedDict[int, Callable[[], None]] = OrderedDict()
        self._lock = Lock()

    def used(self, holder: object, close: Callable[[], None]) -> None:
        """Record a use, and close the least recently used connections beyond `MOST_CONNECTIONS`. ``close``: closes the
        holder's.
        """
        with self._lock:
            self._closing[id(holder)] = close
            self._closing.move_to_end(id(holder))
            surplus = [self._closing.popitem(last=False)[1] for _ in range(len(self._closing) - MOST_CONNECTIONS)]
        for each in surplus:
            each()

    def forget(self, holder: object) -> None:
        """Remove a holder that has closed its connection."""
        with self._lock:
            self._closing.pop(id(holder), None)


def kept_open() -> ConnectionCache:
    """The registry of this process; a child process must not close its parent's connections."""
    return _by_process.setdefault(os.getpid(), ConnectionCache())


_by_process: dict[int, ConnectionCache] = {}
