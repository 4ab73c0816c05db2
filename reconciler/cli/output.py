"""Writing to people: results to standard output, all else to standard error; colour and progress on a terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def write_result(text: str) -> None:
    """A result, exactly as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def say(text: str) -> None:
    """A remark, to standard error."""
    sys.stderr.write(text if text.endswith("\n") else text + "\n")
    sys.stderr.flush()


def coloured(stream: object) -> bool:
    """Whether colour is wanted there: a terminal, and no ``NO_COLOR``."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(total: int, title: str) -> Iterator[Callable[[str], None]]:
    """A bar on standard error, if that is a terminal and the work takes longer than a second."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda _: None
        return
    from time import monotonic

    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(title, total=total)
    started = monotonic()

    def step(_: str) -> None:
        if not bar.live.is_started and monotonic() - started > 1:
            bar.start()
        bar.advance(task)

    try:
        yield step
    finally:
        bar.stop()
