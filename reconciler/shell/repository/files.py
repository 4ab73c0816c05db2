"""Files that a person names, or that stand in a workspace: they may be anything, and may change while they are read.

Only regular files are read, and only so much of them. A named pipe would hang, a device would fill the memory. Whatever
is wrong is an `OSError` with the path and words for people.
"""

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

MOST_OF_DOCUMENTS = 256_000_000
"""Bytes of one file of documents, of standard input, and of a document of a commit."""
MOST_OF_A_PLAN = 2_000_000_000
"""Bytes of one saved plan."""
_PIECE = 1_000_000
_SUFFIX = ".partial"

_WORDS = (
    (stat.S_ISDIR, errno.EISDIR, "it is a folder"),
    (stat.S_ISFIFO, errno.EINVAL, "it is a named pipe, not a file"),
    (stat.S_ISSOCK, errno.EINVAL, "it is a socket, not a file"),
    (lambda _: True, errno.EINVAL, "it is a device, not a file"),
)


def read_bounded(path: Path | str, most: int = MOST_OF_DOCUMENTS, *, pipes: bool = False) -> bytes:
    """The bytes of a regular file. Raises `OSError`, also for what is none, and for more than ``most`` bytes.

    ``pipes``: take a pipe that has no name in the file system as well, as a shell makes it for ``<(command)`` and
    ``/dev/stdin``.
    """
    _refuse_odd(path, Path(path).stat(), pipes=pipes)  # before it is opened: to open a device may do something
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        found = os.fstat(handle)
        _refuse_odd(path, found, pipes=pipes)  # it may be another file by now
        if hasattr(os, "set_blocking"):
            os.set_blocking(handle, True)
        if found.st_size > most:
            raise _too_long(path, most)
        return _bounded(lambda size: os.read(handle, size), path, most, found.st_size)
    finally:
        os.close(handle)


def read_stream(stream: BinaryIO, name: str, most: int = MOST_OF_DOCUMENTS) -> bytes:
    """All that a stream gives. Raises `OSError` for more than ``most`` bytes."""
    return _bounded(stream.read, name, most, 0)


def _bounded(read: Callable[[int], bytes], path: Path | str, most: int, expected: int) -> bytes:
    """A file may grow while it is read: no more than ``most`` bytes, and one, are asked for."""
    pieces: list[bytes] = []
    got = 0
    while piece := read(min(max(expected + 1 - got, _PIECE), most + 1 - got)):
        pieces.append(piece)
        got += len(piece)
        if got > most:
            raise _too_long(path, most)
    return b"".join(pieces)


def _too_long(path: Path | str, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it is longer than the {most // 1_000_000} MB that are read", os.fspath(path))


def _refuse_odd(path: Path | str, found: os.stat_result, *, pipes: bool) -> None:
    if stat.S_ISREG(found.st_mode) or (pipes and stat.S_ISFIFO(found.st_mode) and _has_no_name(path)):
        return
    number, words = next((number, words) for fits, number, words in _WORDS if fits(found.st_mode))
    raise OSError(number, words, os.fspath(path))


def _has_no_name(path: Path | str) -> bool:
    return os.path.realpath(path).startswith("/proc/") or os.fspath(path).startswith("/dev/fd/")


def write_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file whole or not at all; a link is followed, the file's mode kept. Raises `OSError`.

    A device or a pipe is written to, not replaced; a pipe that nobody reads from is an error, not waited for.
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
        # "x": nothing that stands there, and no link, is written to.
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
            raise OSError(errno.ENXIO, "nobody reads from this pipe", os.fspath(target)) from error
        raise
    if hasattr(os, "set_blocking"):
        os.set_blocking(handle, True)
    with open(handle, "wb") as file:  # noqa: PTH123 - it is open already
        file.writelines(pieces)
