"""Commands as real processes without the start of an interpreter: a server imports the program once and forks for each.

A forked command has descriptors, an environment, a folder and an exit status of its own. What a start does is not in
it: the encoding of the streams from the locale, what is imported when. Tests of those start an interpreter.

``server()`` runs the server; what it yields is the command line of a client, to which a command's arguments are added.
"""

import importlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[1]
CLIENT = """\
import json, os, resource, socket, sys
limits = {name: resource.getrlimit(name) for name in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)}
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    socket.send_fds(server, [b"-"], [0, 1, 2])
    sent = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ), list(limits.items())]).encode()
    server.sendall(b"%d\\n%b" % (len(sent), sent))
    status = server.recv(8)
sys.exit(int(status))
"""
"""Sends its descriptors, arguments, folder, environment and limits, and ends with the status that comes back.

Where the client is killed, its command is, too.
"""


@contextmanager
def server() -> Iterator[list[str]]:
    """A server for as long as the context lasts; the command line of its client."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path has at most about 100 bytes
        address, client = Path(folder) / "s", Path(folder) / "client.py"
        client.write_text(CLIENT, "utf-8")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.forked", str(address)]
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
            try:
                assert running.stdout is not None
                assert running.stdout.readline() == b"ready\n"
                yield [sys.executable, "-I", "-S", str(client), str(address)]
            finally:
                running.kill()


def _serve(address: str) -> None:
    """Handle each connection in a process of its own, which waits for its command.

    Ends when standard input does: its other end is the starter's alone, so this also holds where that was killed.
    """
    for module, _ in COMMANDS.values():
        importlib.import_module(module)
    for slow in ("git", "reconciler.stores.sql.store"):
        importlib.import_module(slow)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that handle
    while True:
        readable, _, _ = select.select([listening, sys.stdin], [], [])
        if listening not in readable:
            return
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _handle(connection)
            return  # as the command, or after it
        connection.close()


def _handle(connection: socket.socket) -> None:
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb") as stream:
        order = json.loads(stream.read(int(stream.readline())))
    ended, ends = os.pipe()
    if command := os.fork():
        os.close(ends)
        readable, _, _ = select.select([connection.fileno(), ended], [], [])
        if ended not in readable:  # the client is gone
            os.kill(command, signal.SIGKILL)
        _, status = os.waitpid(command, 0)
        code = os.waitstatus_to_exitcode(status)
        with suppress(BrokenPipeError):
            connection.sendall(str(code if code >= 0 else 128 - code).encode())
        os._exit(0)
    connection.close()
    _run(descriptors, *order)


def _run(
    descriptors: list[int],
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    limits: list[tuple[int, tuple[int, int]]],
) -> None:
    """Become the command. It ends as an interpreter does, with what was registered for its exit."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - the command's own, until it ends
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for name, values in limits:
        resource.setrlimit(name, values)
    main(arguments)


if __name__ == "__main__":
    _serve(sys.argv[1])
