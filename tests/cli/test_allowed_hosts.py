"""No policy sends a variable, or contacts a host, where `RECONCILE_ALLOWED_HOSTS` does not say so."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest

from reconciler.shell.connections.access import Access, StoreLocation
from reconciler.shell.pools import executors
from reconciler.stores import registry
from reconciler.stores.base import StoreError, TenantStore
from reconciler.stores.sql import postgresql_databases
from tests.cli.postgres_that_asks import asking
from tests.cli.runner import Shop
from tests.postgresql import Server

TOKEN = "Zq-token-7"
READS = ("plan", "status", "history", "tenant show two", "tenant export two", "plan --executor threads", "tenant list")
WRITES = ("apply --auto-approve --allow-dirty", "tenant import two -")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_databases, "WAITS", ())
    for name in ("PGPASSWORD", "PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE", "PGPORT", "RECONCILE_ALLOWED_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGPASSFILE", "/dev/null")


def _points(shop: Shop, store: str, token: str = "RECONCILE_TWO") -> None:
    with (shop.root / "acme/resellers/two.yaml").open("a", encoding="utf-8") as file:
        file.write(f"store: {store}\n" + (f"token_env: {token}\n" if token else ""))


@pytest.mark.parametrize("command", [*READS, *WRITES])
def test_a_server_on_loopback_gets_no_variable_that_it_is_not_listed_with(shop: Shop, command: str) -> None:
    with asking() as server:
        _points(shop, f"postgresql://x@127.0.0.1:{server.port}/db")
        for allowed in ("", f"127.0.0.1:{server.port}", "RECONCILE_ONE@127.0.0.1", "RECONCILE_TWO@127.0.0.1:1"):
            env = {"RECONCILE_TWO": TOKEN, "RECONCILE_ONE": TOKEN, "RECONCILE_ALLOWED_HOSTS": allowed}
            done = shop.run(command, env=env, stdin="kind: Role\nkey: x\n")
            told = f"add RECONCILE_TWO@127.0.0.1:{server.port} to RECONCILE_ALLOWED_HOSTS"
            assert told in done.out + done.err
            assert TOKEN not in done.out + done.err
        assert server.heard == [], "not even a connection"


def test_a_listed_server_gets_the_variable_and_the_message_does_not_repeat_it(shop: Shop) -> None:
    with asking() as server:
        _points(shop, f"postgresql://x@127.0.0.1:{server.port}/db")
        env = {"RECONCILE_TWO": TOKEN, "RECONCILE_ALLOWED_HOSTS": f"a.example, RECONCILE_TWO@127.0.0.*:{server.port}"}
        done = shop.run("status", env=env)
        assert set(server.passwords) == {TOKEN.encode()}
        assert TOKEN not in done.out + done.err
        assert "no ***" in done.out


def test_loopback_without_a_variable_needs_no_entry_and_gets_the_operators_own(shop: Shop) -> None:
    with asking() as server:
        _points(shop, f"postgresql://x@localhost:{server.port}/db", token="")
        shop.run("status")
        assert server.heard
        assert server.passwords == []
        shop.run("status", env={"PGPASSWORD": "the-operators"})
        assert set(server.passwords) == {b"the-operators"}


def test_the_hosts_of_the_url_are_contacted_and_no_other_of_the_environment(shop: Shop) -> None:
    with asking() as server, asking() as other:
        _points(shop, f"postgresql://x@127.0.0.1:{server.port}/db", token="")
        shop.run("status", env={"PGHOSTADDR": "127.0.0.2", "PGPORT": str(other.port), "PGHOST": "/nowhere"})
        assert server.heard
        assert other.heard == []


ODD = (
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "127.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "localhost.",
    "a.localhost",
    "localhost.localdomain",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
    "[::]",
    "[::ffff:7f00:1]",
    "db.example",
    "DB.Example",
    "xn--bcher-kva.example",
    "10.0.0.1",
    "[2001:db8::1]",
)


@pytest.mark.parametrize("host", ODD)
@pytest.mark.parametrize(
    "form", ["//x@{}/db", "//x@{}:7/db", "//x@/db?host={}", "//x@localhost,{}/db", "//x@localhost/db?hostaddr={}"]
)
def test_what_is_not_loopback_for_certain_is_not_contacted(
    host: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> None:
        raise AssertionError("it was contacted")

    monkeypatch.setattr(psycopg, "connect", connect)
    written = host.strip("[]") if "=" in form else host
    place = StoreLocation("postgresql:" + form.format(written))
    for opened in (Access.reader, Access.writer):
        with pytest.raises(StoreError, match="may not be contacted; add ") as raised:
            opened(Access(tmp_path, {}), place)
        assert f"add {host.lower().rstrip(']')[:4]}" in str(raised.value)
    entry = host if ":7" not in form else f"{host}:7"
    with pytest.raises(AssertionError, match="it was contacted"):
        Access(tmp_path, {"RECONCILE_ALLOWED_HOSTS": f"localhost {entry}"}).reader(place).tenants()


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.9.8.7", "[::1]", "[0:0:0:0:0:0:0:1]"])
def test_what_is_loopback(host: str, tmp_path: Path) -> None:
    access = Access(tmp_path, {"RECONCILE_TWO": TOKEN})
    access.reader(StoreLocation(f"postgresql://x@{host}:1/db"))
    with pytest.raises(StoreError, match="RECONCILE_TWO may not go to"):
        access.reader(StoreLocation(f"postgresql://x@{host}:1/db", "RECONCILE_TWO"))


@pytest.mark.parametrize(
    ("allowed", "ok"),
    [
        ("db.example", True),
        ("DB.example.", True),
        ("db.example:5432", True),
        ("db.example:5433", False),
        ("*.example", True),
        ("*", True),
        ("*.org db.*:5432", True),
        ("example", False),
        ("RECONCILE_X@db.example", True),
        ("", False),
    ],
)
def test_entries(allowed: str, ok: bool, tmp_path: Path) -> None:
    access = Access(tmp_path, {"RECONCILE_ALLOWED_HOSTS": allowed})
    if ok:
        access.reader(StoreLocation("postgresql://x@db.example/db"))
        return
    with pytest.raises(StoreError, match=r"add db\.example to RECONCILE_ALLOWED_HOSTS"):
        access.reader(StoreLocation("postgresql://x@db.example/db"))


def test_a_pattern_of_addresses_is_none_of_names(tmp_path: Path) -> None:
    access = Access(tmp_path, {"RECONCILE_ALLOWED_HOSTS": "10.1.*"})
    access.reader(StoreLocation("postgresql://x@10.1.2.3/db"))
    with pytest.raises(StoreError, match=r"add 10\.1\.evil\.example to"):
        access.reader(StoreLocation("postgresql://x@10.1.evil.example/db"))


@pytest.mark.parametrize(
    "entry", ["db.example:0", "db.example:x", "a@b@c", "https://db.example", "db.example:", "A-B@x"]
)
def test_an_entry_that_is_none_allows_nothing(entry: str, tmp_path: Path) -> None:
    access = Access(tmp_path, {"RECONCILE_ALLOWED_HOSTS": f"db.example {entry}"})
    with pytest.raises(StoreError, match="RECONCILE_ALLOWED_HOSTS: an entry is HOST"):
        access.reader(StoreLocation("postgresql://x@db.example/db"))


def test_the_operators_own_host_needs_no_entry_unless_a_variable_goes_there(tmp_path: Path) -> None:
    given = {"PGHOST": "db.example", "RECONCILE_TWO": TOKEN}
    url = "postgresql://x@/db"
    Access(tmp_path, given).reader(StoreLocation(url))
    with pytest.raises(StoreError, match=r"add RECONCILE_TWO@db\.example to"):
        Access(tmp_path, given).reader(StoreLocation(url, "RECONCILE_TWO"))
    Access(tmp_path, {**given, "RECONCILE_ALLOWED_HOSTS": "RECONCILE_TWO@db.example"}).reader(
        StoreLocation(url, "RECONCILE_TWO")
    )
    with pytest.raises(StoreError, match="names no host"):
        Access(tmp_path, {"PGSERVICE": "x", "RECONCILE_TWO": TOKEN}).reader(StoreLocation(url, "RECONCILE_TWO"))


def test_a_sockets_folder_needs_no_entry(postgresql: Server, tmp_path: Path) -> None:
    place = StoreLocation(postgresql.url(postgresql.new_schema()), "RECONCILE_TWO")
    assert Access(tmp_path, {"RECONCILE_TWO": "any"}).reader(place).tenants() == []


def _connected_with(place: StoreLocation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    class Connected(Exception):
        pass

    given: dict[str, object] = {}

    def connect(_: str, **settings: object) -> None:
        given.update(settings)
        raise Connected

    monkeypatch.setattr(psycopg, "connect", connect)
    with pytest.raises(Connected):
        Access(tmp_path, {"RECONCILE_ALLOWED_HOSTS": "*"}).reader(place).tenants()
    return given


def test_tls_is_verify_full_unless_the_operator_weakens_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    far, near = StoreLocation("postgresql://x@db.example/db"), StoreLocation("postgresql://x@localhost/db")
    found = _connected_with(far, monkeypatch, tmp_path)
    assert (found["sslmode"], found["gssencmode"], found["hostaddr"]) == ("verify-full", "disable", "")
    assert "sslmode" not in _connected_with(near, monkeypatch, tmp_path)
    both = StoreLocation("postgresql://x@localhost,db.example/db")
    assert _connected_with(both, monkeypatch, tmp_path)["sslmode"] == "verify-full"
    monkeypatch.setenv("PGHOST", "db.example")
    assert _connected_with(StoreLocation("postgresql:///db"), monkeypatch, tmp_path)["sslmode"] == "verify-full"
    monkeypatch.setenv("PGSSLMODE", "require")
    assert "sslmode" not in _connected_with(far, monkeypatch, tmp_path)


def test_a_url_does_not_weaken_tls_of_the_operators_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGHOST", "db.example")
    store = Access(tmp_path, {}).reader(StoreLocation("postgresql:///db?sslmode=disable"))
    with pytest.raises(StoreError, match="only PGSSLMODE may say otherwise"):
        store.tenants()


def _opened(url: str, *, root: Path, token: str | None, writing: bool) -> TenantStore:
    raise StoreError(f"opened {url} with {token}")


def test_the_host_of_a_plugins_url_is_judged_before_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point = EntryPoint("shelf", "there_is_no_such_module:store", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda *, group, name="shelf": [point] if name == "shelf" else [])
    for url, entry in (("shelf://crm.example/a", "crm.example"), ("shelf://crm.example:8/a", "crm.example:8")):
        with pytest.raises(StoreError, match=f"add {entry} to"):
            Access(tmp_path, {}).reader(StoreLocation(url))
        with pytest.raises(StoreError, match=f"add RECONCILE_A@{entry} to"):
            Access(tmp_path, {"RECONCILE_A": TOKEN, "RECONCILE_ALLOWED_HOSTS": entry}).writer(
                StoreLocation(url, "RECONCILE_A")
            )
    with pytest.raises(StoreError, match="it names no host that RECONCILE_A could be listed with"):
        Access(tmp_path, {"RECONCILE_A": TOKEN, "RECONCILE_ALLOWED_HOSTS": "*"}).reader(
            StoreLocation("shelf:x", "RECONCILE_A")
        )
    with pytest.raises(StoreError, match="cannot be loaded"):
        Access(tmp_path, {"RECONCILE_ALLOWED_HOSTS": "crm.example"}).reader(StoreLocation("shelf://crm.example/a"))


class Elsewhere(Executor):
    """Does tasks at once, with the environment of another machine."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.sent: list[bytes] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.sent += [each for each in args if isinstance(each, bytes)]
        done: Future[Any] = Future()
        with patch.dict(os.environ, self.environment, clear=True):
            done.set_result(fn(*args, **kwargs))
        return done


WORKERS = {
    "neither": ("", "", "add {} to RECONCILE_ALLOWED_HOSTS"),
    "the worker's alone": ("", "{}", "add {} to RECONCILE_ALLOWED_HOSTS"),
    "the operator's alone": ("{}", "", "add {} to RECONCILE_ALLOWED_HOSTS in the environment of the worker"),
    "the operator's, and another of the worker": ("{}", "*", "in the environment of the worker"),
    "the worker's, and another of the operator": ("*", "{}", "add {} to RECONCILE_ALLOWED_HOSTS"),
    "both": ("{}", "{}", ""),
}
"""Whose list has the server with its variable: the list of the operator, that of the worker, and what is said."""


@pytest.mark.parametrize("whose", WORKERS)
@pytest.mark.parametrize("command", ["plan --verify -o json", "apply plan.json -o json"])
def test_a_worker_contacts_what_its_own_list_and_the_operators_both_have(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, whose: str, command: str
) -> None:
    with asking() as server:
        entry = f"RECONCILE_TWO@127.0.0.1:{server.port}"
        operators, workers, words = (each.format(entry) for each in WORKERS[whose])
        shop.reprice()
        shop.edit("acme/resellers/two.yaml", "veto: {prices: true}", "")
        shop.commit()
        assert shop.run("plan --out plan.json").status == 0
        _points(shop, f"postgresql://x@127.0.0.1:{server.port}/db")
        worker = Elsewhere({"RECONCILE_TWO": TOKEN, "RECONCILE_ALLOWED_HOSTS": workers, "PGPASSFILE": "/dev/null"})
        monkeypatch.setattr(executors, "_POOLS", {executors.PROCESSES: lambda _: executors.Pool(worker, 2)})
        env = {"RECONCILE_TWO": TOKEN, "RECONCILE_ALLOWED_HOSTS": operators}
        told = json.loads(shop.run(f"{command} --executor processes", env=env).out)
        (problem,) = (each["problem"] for each in told.get("tenants", told.get("results")) if each["tenant"] == "two")
        assert problem.endswith(words)
        assert ("in the environment of the worker" in problem) == ("worker" in words)
        assert set(server.passwords) == ({TOKEN.encode()} if whose == "both" else set())
        assert bool(server.heard) == (whose == "both")
        assert worker.sent
        assert TOKEN.encode() not in b"".join(worker.sent)
