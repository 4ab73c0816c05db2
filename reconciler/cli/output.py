"""Writing to people: results to standard output, all else to standard error; colour and progress on a terminal."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO, cast

PIECE = 100_000


def ready_streams() -> None:
    """Make standard output and error fit to be written to: closed ones swallow, odd encodings escape.

    A process may be started without them, and a terminal may lack the characters that names are made of.
    """
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return cast(TextIO, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123 - it lives as long as we do


def write_result(text: str) -> None:
    """A result for people, in the terminal's encoding; a character that it lacks is escaped."""
    _write(sys.stdout, text)


def write_data(text: str) -> None:
    """A result for programs (JSON, YAML, HTML, Markdown): UTF-8, whatever the terminal's encoding."""
    _write_bytes(sys.stdout, text.encode("utf-8", "backslashreplace"))


def write_results(pieces: Iterable[str]) -> None:
    """`write_result` in pieces, written by about a hundred thousand characters."""
    for each in _gathered(pieces):
        write_result(each)


def write_data_in_pieces(pieces: Iterable[str]) -> None:
    """`write_data` in the same way."""
    for each in _gathered(pieces):
        write_data(each)


def _gathered(pieces: Iterable[str]) -> Iterator[str]:
    some: list[str] = []
    size = 0
    for piece in pieces:
        some.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield "".join(some)
            some, size = [], 0
    yield "".join(some)


def say(text: str) -> None:
    """A remark, to standard error."""
    _write(sys.stderr, text if text.endswith("\n") else text + "\n")


def _write(stream: TextIO, text: str) -> None:
    """Write and flush. A reader that went away (``| head``) changes nothing of what is done, nor the exit status."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _write_bytes(stream: TextIO, data: bytes) -> None:
    """The same for bytes, after the text that was written before."""
    try:
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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
