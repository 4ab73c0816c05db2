"""What is kept open between transactions: of many databases that a process uses, those used last."""

import os
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

KEPT = 8
"""So many connections are kept open: a server has room for a hundred or so, a process for a thousand files."""


class KeptOpen:
    """Who holds a connection, the one that used it last at the end."""

    def __init__(self) -> None:
        self._closing: OrderedDict[int, Callable[[], None]] = OrderedDict()
        self._lock = Lock()

    def used(self, holder: object, close: Callable[[], None]) -> None:
        """Of more than `KEPT`, those that were not used for longest are closed. ``close``: how; the holder lives on."""
        with self._lock:
            self._closing[id(holder)] = close
            self._closing.move_to_end(id(holder))
            surplus = [self._closing.popitem(last=False)[1] for _ in range(len(self._closing) - KEPT)]
        for each in surplus:
            each()

    def forget(self, holder: object) -> None:
        """It holds none any more."""
        with self._lock:
            self._closing.pop(id(holder), None)


def kept_open() -> KeptOpen:
    """By this process; what a parent holds open is not for its child to close."""
    return _by_process.setdefault(os.getpid(), KeptOpen())


_by_process: dict[int, KeptOpen] = {}
