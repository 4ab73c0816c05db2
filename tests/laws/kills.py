"""Real kills: a process is ended by kill -9 before its Nth statement reaches the database."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from itertools import count

from sqlalchemy import Engine, event

from reconciler.shell.connections.access import Access
from tests.laws.resale import Resale


def killed(act: Callable[[], object], last: int) -> bool:
    """Whether a process that does it was killed, before statement number ``last``; a commit is one too."""
    number = count(1)

    def before(*_: object) -> None:
        if next(number) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        event.listen(Engine, "before_cursor_execute", before)
        event.listen(Engine, "commit", before)
        act()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def in_a_child(world: Resale) -> Resale:
    """The same world as another process opens it: its connections are its own."""
    child = object.__new__(Resale)
    child.__dict__.update(world.__dict__)
    child.access = Access(world.root, os.environ)
    return child
