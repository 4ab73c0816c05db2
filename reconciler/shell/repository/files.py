"""Safe reading and writing of files that users name or that are in a workspace.

Such a file may be anything and may change while it is read. Only regular files are read, up to a limit: a named pipe
would block, a device would fill the memory. Every error is an `OSError` with the path and a message for users.
"""

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

MOST_OF_DOCUMENTS = 256_000_000
"""Most bytes of one document file, of standard input, and of a document in a commit."""
MOST_OF_A_PLAN = 2_000_000_000
"""Most bytes of one saved plan."""
PIECE = 1_000_000
_SUFFIX = ".partial"

_WORDS = (
    (stat.S_ISDIR, errno.EISDIR, "it is a directory"),
    (stat.S_ISFIFO, errno.EINVAL, "it is a named pipe, not a file"),
    (stat.S_ISSOCK, errno.EINVAL, "it is a socket, not a file"),
    (lambda _: True, errno.EINVAL, "it is a device, not a file"),
)


def read_bounded(path: Path | str, most: int = MOST_OF_DOCUMENTS, *, pipes: bool = False) -> bytes:
    """The bytes of a regular file. Raises `OSError`, also if it is not a regular file or longer than ``most`` bytes.

    ``pipes``: also read a pipe without a name in the file system, as a shell makes for ``<(command)`` and
    ``/dev/stdin``.
    """
    with _opened(path, most, pipes=pipes) as (handle, size):
        return b"".join(_pieces(lambda size: os.read(handle, size), path, most, size))


def read_pieces(path: Path, most: int) -> Iterator[bytes]:
    """The same in pieces of at most `PIECE` bytes, pipes included."""
    with _opened(path, most, pipes=True) as (handle, _):
        yield from _pieces(lambda size: os.read(handle, size), path, most, 0)


@contextmanager
def _opened(path: Path | str, most: int, *, pipes: bool) -> Iterator[tuple[int, int]]:
    """A file opened for reading: its descriptor and its size in bytes. Raises like `read_bounded`."""
    before = os.stat(path)  # noqa: PTH116 - a workspace has many small files, and a `Path` costs as much as reading one
    _refuse_odd(path, before, pipes=pipes)  # before opening: opening a device may have side effects
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        found = os.fstat(handle)
        _refuse_odd(path, found, pipes=pipes)  # the path may name another file by now
        if hasattr(os, "set_blocking"):
            os.set_blocking(handle, True)
        if found.st_size > most:
            raise _too_long(path, most)
        yield handle, found.st_size
    finally:
        os.close(handle)


def require_regular(path: Path) -> None:
    """Raises `OSError` if a path does not lead to a regular file."""
    _refuse_odd(path, path.stat(), pipes=False)


def read_stream(stream: BinaryIO, name: str, most: int = MOST_OF_DOCUMENTS) -> bytes:
    """All bytes of a stream. Raises `OSError` for more than ``most`` bytes."""
    return b"".join(_pieces(stream.read, name, most, 0))


def _pieces(read: Callable[[int], bytes], path: Path | str, most: int, expected: int) -> Iterator[bytes]:
    """Read at most ``most`` bytes, plus one to detect more: a file may grow while it is read.

    ``expected``: the size of the file, 0 if it is unknown. What is asked for is allocated, so it is no more than that.
    """
    got = 0
    while piece := read(min(expected + 1 - got if 0 < expected >= got else PIECE, most + 1 - got)):
        got += len(piece)
        if got > most:
            raise _too_long(path, most)
        yield piece


def _too_long(path: Path | str, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than the limit of {most // 1_000_000} MB", os.fspath(path))


def _refuse_odd(path: Path | str, found: os.stat_result, *, pipes: bool) -> None:
    if stat.S_ISREG(found.st_mode) or (pipes and stat.S_ISFIFO(found.st_mode) and _has_no_name(path)):
        return
    number, words = next((number, words) for fits, number, words in _WORDS if fits(found.st_mode))
    raise OSError(number, words, os.fspath(path))


def _has_no_name(path: Path | str) -> bool:
    return os.path.realpath(path).startswith("/proc/") or os.fspath(path).startswith("/dev/fd/")


def write_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file completely or not at all, following links and keeping the mode. Raises `OSError`.

    A device or a pipe is written to, not replaced; a pipe without a reader is an error.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        _write_through(target, mode, pieces)
        return
    partial = target.with_name(f".{secrets.token_hex(8)}{_SUFFIX}")
    try:
        # "x": never write to an existing file or link.
        with partial.open("xb") as file:
            file.writelines(pieces)
        if mode is not None:
            partial.chmod(stat.S_IMODE(mode))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _write_through(target: Path, mode: int, pieces: Iterable[bytes]) -> None:
    if stat.S_ISDIR(mode) or stat.S_ISSOCK(mode):
        _, number, words = next(each for each in _WORDS if each[0](mode))
        raise OSError(number, words, os.fspath(target))
    try:
        handle = os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    except OSError as error:
        if error.errno == errno.ENXIO and stat.S_ISFIFO(mode):
            raise OSError(errno.ENXIO, "no process reads from this pipe", os.fspath(target)) from error
        raise
    if hasattr(os, "set_blocking"):
        os.set_blocking(handle, True)
    with open(handle, "wb") as file:  # noqa: PTH123 - it is open already
        file.writelines(pieces)
