"""Output: results to standard output, all else to standard error; colour and progress on a terminal only."""

import codecs
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO, cast

PIECE = 100_000


def ready_streams() -> None:
    """Make standard output and error writable: closed ones discard, limited encodings escape.

    A process may be started without them, and a terminal's encoding may lack characters of names.
    """
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return cast(TextIO, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123 - open until the process ends


def write_result(text: str) -> None:
    """Write a result for people, in the terminal's encoding; characters it lacks are escaped."""
    _write(sys.stdout, text)


def write_data(text: str) -> None:
    """Write a result for programs (JSON, YAML, HTML, Markdown), in UTF-8 whatever the terminal's encoding."""
    _write_bytes(sys.stdout, text.encode("utf-8", "backslashreplace"))


def write_results(pieces: Iterable[str]) -> None:
    """`write_result` for an iterable of pieces, written about 100,000 characters at a time."""
    for each in _gathered(pieces):
        write_result(each)


def write_data_in_pieces(pieces: Iterable[str]) -> None:
    """`write_data` for an iterable of pieces."""
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
    """Write a message to standard error."""
    _write(sys.stderr, text if text.endswith("\n") else text + "\n")


def _write(stream: TextIO, text: str) -> None:
    """Write and flush. A closed pipe (``| head``) neither stops the command nor changes its exit status."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _write_bytes(stream: TextIO, data: bytes) -> None:
    """Write bytes after flushing the text written so far."""
    try:
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def is_unicode(stream: TextIO) -> bool:
    """Whether a stream can show marks that are not ASCII: its encoding is a form of Unicode."""
    return codecs.lookup(stream.encoding or "utf-8").name.startswith("utf")


def coloured(stream: object) -> bool:
    """Whether to colour the stream: a terminal, and ``NO_COLOR`` is not set."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(total: int, title: str) -> Iterator[Callable[[str], None]]:
    """A progress bar on standard error, if it is a terminal and the work takes longer than a second."""
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
