"""The state of generated workspaces.

The first reseller is applied by the command. The others, who have the same policy, get copies of its rows through the
store's own write path, which takes a fraction of the time; that an apply of everything then finds no changes is the
proof that they are what it would have written.
"""

import shutil
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import orjson

from benchmarks.floors import TABLES, UPSERT
from benchmarks.generate import FIRST, Large, Shop, Subscriptions
from benchmarks.measure import Bench, NotMeasured, Subject
from benchmarks.workspace import NO_CHANGES, NOW, Workspace
from reconciler.model.values.entity import Entity, entity
from reconciler.model.values.keys import EntityId
from reconciler.stores.base import EntityWrite, TenantStore
from reconciler.stores.registry import open_store

AnyShape = TypeVar("AnyShape", Shop, Large)
ACTOR = "benchmarks"
DISK_SHARE = 0.8
"""How much of what is free on the disk may be used."""
WRITTEN_A_ROUND = 4
"""How many times its own size a tenant grows when everything is repriced: before and after, here and in the floor."""


class CannotFill(Exception):
    """A workspace's state could not be made; the message says why."""


def filled(bench: Bench, workspace: Workspace[AnyShape]) -> Workspace[AnyShape]:
    """The workspace with every reseller in sync, made unless it is there already. Raises `CannotFill`."""
    if workspace.is_made():
        run(bench, Subject("in-sync", workspace.apply()))
        return workspace
    bench.say(f"  making {workspace.folder.name}")
    workspace.write_documents()
    run(bench, Subject("first", workspace.apply("--tenant", FIRST)))
    with closing(open_store(workspace.store, root=workspace.catalogs)) as store:
        _copy(bench, workspace, store)
    run(bench, Subject("in-sync", workspace.apply(), told=NO_CHANGES))
    workspace.note()
    return workspace


def with_subscriptions(workspace: Workspace[Subscriptions]) -> Workspace[Subscriptions]:
    """The workspace with a reseller's subscriptions as it writes them itself, none mirrored yet."""
    workspace.write_documents()
    with closing(open_store(workspace.store, root=workspace.catalogs)) as store:
        own = [entity(document) for document in workspace.shape.state()]
        store.overwrite(FIRST, [EntityWrite(each.id, None, each) for each in own], actor=ACTOR, at=NOW)
    return workspace


def rows_of(workspace: Workspace[Shop] | Workspace[Subscriptions], tenant: str, kinds: Iterable[str]) -> Path:
    """A file of the rows that a tenant has of some kinds, for the floors that write them."""
    chosen = frozenset(kinds)
    with closing(open_store(workspace.store, root=workspace.catalogs)) as store:
        entities = store.observe(tenant).entities.values()
    path = workspace.folder / f"rows-{tenant}.json"
    path.write_bytes(orjson.dumps([_row(each) for each in entities if each.id.kind in chosen]))
    return path


def first_of(rows: Path) -> Path:
    """A file of the first row of a file of rows."""
    path = rows.with_name(f"first-{rows.name}")
    path.write_bytes(orjson.dumps(orjson.loads(rows.read_bytes())[:1]))
    return path


def make_floor(database: Path) -> sqlite3.Connection:
    """The floors' database, its tables there."""
    connection = sqlite3.connect(database)
    for table in TABLES:
        connection.execute(table)
    return connection


def run(bench: Bench, subject: Subject) -> None:
    """Run a command that must succeed. Raises `CannotFill`."""
    done = bench.once(subject)
    if isinstance(done, NotMeasured):
        raise CannotFill(done.reason)


def _copy(bench: Bench, workspace: Workspace[AnyShape], store: TenantStore) -> None:
    """Every other reseller's rows, as far as the disk and the time reach; beside them, the same rows for the floors."""
    state = tuple(store.observe(FIRST).entities.values())
    tenants, began = _fitting(bench, workspace, state), time.monotonic()
    with closing(make_floor(workspace.floor)) as floor:
        for made, tenant in enumerate(tenants):
            if time.monotonic() - began > bench.limit:
                tenants = tenants[:made]
                break
            own = [_of(tenant, each) for each in state]
            if tenant != FIRST:
                store.overwrite(tenant, [EntityWrite(each.id, None, each) for each in own], actor=ACTOR, at=NOW)
            _add_floor(floor, tenant, own)
    _leave_out(workspace, tenants)


def _fitting(bench: Bench, workspace: Workspace[AnyShape], state: Sequence[Entity]) -> list[str]:
    """The resellers that the disk can hold, with what every round adds."""
    bytes_each = sum(len(_row(each)[3] or "") + 200 for each in state)
    needed = bytes_each * (2 + WRITTEN_A_ROUND * bench.runs)
    room = int(DISK_SHARE * shutil.disk_usage(workspace.folder).free / needed)
    return workspace.shape.tenants()[: max(1, room)]


def _leave_out(workspace: Workspace[AnyShape], made: Sequence[str]) -> None:
    wanted = workspace.shape.tenants()
    if len(made) == len(wanted) or not isinstance(workspace.shape, Shop):
        return
    workspace.left_out = f"{len(made)} of {len(wanted)} resellers: the disk or the time held no more"
    for tenant in wanted[len(made) :]:
        (workspace.catalogs / "resellers" / f"{tenant}.yaml").unlink()
    workspace.shape = replace(workspace.shape, resellers=len(made))


def _of(tenant: str, each: Entity) -> Entity:
    """An entity of the first reseller as another one has it: only its own document is not the same."""
    if each.id.kind != "Tenant":
        return each
    return replace(each, id=EntityId("Tenant", tenant), body={**each.body, "name": f"Reseller {tenant}"})


def _add_floor(floor: sqlite3.Connection, tenant: str, state: Sequence[Entity]) -> None:
    rows = [_row(each) for each in state]
    digests = [(tenant, kind, key, blake2b(body.encode(), digest_size=32).digest()) for kind, key, _, body in rows]
    with floor:
        floor.executemany(UPSERT, [(tenant, *row) for row in rows])
        floor.executemany("INSERT INTO digests VALUES (?, ?, ?, ?)", digests)


def _row(each: Entity) -> tuple[str, str, str | None, str]:
    return each.id.kind, each.id.key, each.origin, orjson.dumps(each.body, option=orjson.OPT_SORT_KEYS).decode()
