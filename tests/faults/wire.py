"""A wire between a client and PostgreSQL: what is on it is seen, and may be lost, statement by statement."""

from __future__ import annotations

import socket
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from threading import Thread

from tests.postgresql import Server

SOCKET = ".s.PGSQL.5432"
_STATEMENTS = b"QPdc"
"""A query, one with parameters, data of a COPY and their end, by the first letter of the protocol's messages."""


class Fate(Enum):
    """What becomes of a statement, and of the wire."""

    PASSES = "passes"
    IS_LOST = "is lost, and so is the connection"
    IS_NOT_ANSWERED = "is carried out, and the connection is lost before the answer"


@dataclass
class Wire:
    """Asks ``fate`` of every statement from the first ``BEGIN`` of a transaction that writes on; it gets the
    statement's number, counted from 1, and its text.
    """

    url: str
    fate: Callable[[int, str], Fate] = lambda *_: Fate.PASSES
    statements: list[str] = field(default_factory=list)

    def of(self, text: str) -> Fate:
        if not self.statements and "READ WRITE" not in text:
            return Fate.PASSES
        self.statements.append(text)
        return self.fate(len(self.statements), text)


@contextmanager
def a_wire(server: Server, schema: str) -> Iterator[Wire]:
    """A wire to a schema of a server."""
    with tempfile.TemporaryDirectory(prefix="wire-") as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(Path(folder, SOCKET)))
        listening.listen()
        wire = Wire(server.url(schema, folder=Path(folder)))
        Thread(target=_take_connections, args=(listening, server.folder / SOCKET, wire), daemon=True).start()
        yield wire
        listening.shutdown(socket.SHUT_RDWR)


def before(statement: str, act: Callable[[], object]) -> Callable[[int, str], Fate]:
    """Something is done before a statement reaches the server, once."""
    done: list[str] = []

    def fate(_: int, text: str) -> Fate:
        if not done and statement in text:
            done.append(text)
            act()
        return Fate.PASSES

    return fate


def _take_connections(listening: socket.socket, to: Path, wire: Wire) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(to))
        except OSError:
            client.close()
            continue
        _Connection(client, server, wire).start()


class _Connection:
    """Both directions of one connection, a thread each."""

    def __init__(self, client: socket.socket, server: socket.socket, wire: Wire) -> None:
        self._client, self._server, self._wire = client, server, wire
        self._answers = True

    def start(self) -> None:
        for direction in (self._up, self._down):
            Thread(target=self._until_the_end, args=(direction,), daemon=True).start()

    def _until_the_end(self, direction: Callable[[], None]) -> None:
        """Whichever end goes, the other goes too."""
        with suppress(OSError):
            direction()
        for each in (self._client, self._server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _up(self) -> None:
        """To the server: a message that begins the connection has no letter in front of its length."""
        with self._client.makefile("rb") as stream:
            letter = b""
            while size := stream.read(4):
                body = stream.read(struct.unpack("!I", size)[0] - 4)
                text = body.decode("utf-8", "replace").strip("\0")
                fate = self._wire.of(text) if letter and letter in _STATEMENTS else Fate.PASSES
                if fate is Fate.IS_LOST:
                    return
                self._answers = fate is not Fate.IS_NOT_ANSWERED
                self._server.sendall(letter + size + body)
                if not (letter := stream.read(1)):
                    return

    def _down(self) -> None:
        while data := self._server.recv(65536):
            if not self._answers:
                return
            self._client.sendall(data)
