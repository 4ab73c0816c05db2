"""A server on loopback that speaks so much of PostgreSQL's protocol as to ask for a password in clear text."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
CLEARTEXT = b"R" + struct.pack("!ii", 8, 3)
REFUSED = b"SFATAL\x00C28P01\x00Mno %s\x00\x00"


@dataclass
class Asking:
    """``heard``: what each connection sent, byte for byte; ``passwords``: the answers to the question."""

    port: int
    heard: list[bytes] = field(default_factory=list)
    passwords: list[bytes] = field(default_factory=list)


@contextmanager
def asking(address: str = "127.0.0.1") -> Iterator[Asking]:
    """It takes connections until it is left; each is asked for a password, told that it is wrong, and closed."""
    with socket.create_server((address, 0)) as listening:
        found = Asking(listening.getsockname()[1])
        Thread(target=_serve, args=(listening, found), daemon=True).start()
        yield found
        listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket, found: Asking) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(10)
            _ask(connection, found)


def _ask(connection: socket.socket, found: Asking) -> None:
    number = len(found.heard)
    found.heard.append(b"")
    while True:
        size = _read(connection, 4)
        if not size:
            return
        body = _read(connection, struct.unpack("!i", size)[0] - 4)
        found.heard[number] += size + body
        if struct.unpack("!i", body[:4])[0] not in (SSL_REQUEST, GSS_REQUEST):
            break
        connection.sendall(b"N")
    connection.sendall(CLEARTEXT)
    head = _read(connection, 5)
    if not head:
        return
    answer = _read(connection, struct.unpack("!i", head[1:])[0] - 4)
    found.heard[number] += head + answer
    found.passwords.append(answer.rstrip(b"\0"))
    said = REFUSED % answer.rstrip(b"\0")
    connection.sendall(b"E" + struct.pack("!i", len(said) + 4) + said)


def _read(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        try:
            more = connection.recv(size - len(found))
        except OSError:
            return b""
        if not more:
            return b""
        found += more
    return found
