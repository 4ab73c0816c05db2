"""Finds out whether a write was made whose COMMIT, or the reply to it, failed.

A database that fails at COMMIT may have committed, if the reply was lost or the disk failed afterwards; repeating the
write could make it twice. So the writer looks it up with a new connection, under the lock that all writers take. Only
if that fails too is the outcome unknown (docs/decisions/052).
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from reconciler.model.values.quotes import readable
from reconciler.model.values.urls import redacted
from reconciler.stores.base import Committed, OutcomeUnknown, StoreError, TenantWrite
from reconciler.stores.recorded_origins import fingerprint_with_origins, mentioned_entities
from reconciler.stores.sql import schema
from reconciler.stores.sql.statements import Statement

_log = logging.getLogger(__name__)


@contextmanager
def settled(look: Callable[[], bool | None]) -> Iterator[None]:
    """Run a write. Where its outcome is not known, ``look``, which says whether it was made (``None``: it cannot tell).

    If it was, a warning is logged, and nothing is raised. If it was not, `StoreError` says so: it is safe to repeat.
    Otherwise `OutcomeUnknown` is raised again.
    """
    try:
        yield
    except OutcomeUnknown as doubt:
        try:
            made = look()
        except StoreError as error:
            raise OutcomeUnknown.of(doubt.where, f"{doubt.why} (and then: {error})", doubt.failure) from doubt
        if made is None:
            raise
        if not made:
            said = f"{doubt.where}: {doubt.why}, during the commit; nothing was written"
            raise StoreError(said, doubt.failure) from doubt
        said = f"{doubt.where}: {doubt.why}, after the commit; the write was looked up, and it was made"
        _log.warning("%s", readable(redacted(said)))


@dataclass(frozen=True, slots=True)
class Intended:
    """The intended write to one tenant: the part, the resulting state, and the journal row."""

    part: TenantWrite
    left: Committed
    row: Mapping[str, Any] | None = None


def was_made(connection: Connection, intended: Iterable[Intended]) -> bool | None:
    """Whether the transaction with all of these writes was made; ``None`` if that can no longer be determined.

    ``connection``: in a later transaction that locks the tenants.
    """
    with_records_first = sorted(intended, key=lambda each: each.row is None)
    found = (_is_there(connection, each) for each in with_records_first)
    return next((each for each in found if each is not None), None)


def _is_there(connection: Connection, intended: Intended) -> bool | None:
    """Checks the journal record, which is unique; without one, the write log and the written entities."""
    tenant, left = intended.part.tenant, intended.left
    standing = next(iter(_STANDING.rows(connection, tenant=tenant)), None)
    if standing is None or standing[0] < left.revision:
        return False
    if intended.row is not None:
        rows = _RECORD.rows(connection, tenant=tenant, plan=intended.row["plan"])
        return [*map(tuple, rows)] == [tuple(intended.row[name] for name in _OF_RECORD)]
    if not _is_logged(connection, intended):
        return False
    revision, fingerprint, lineage = standing
    if revision == left.revision and fingerprint is not None:
        return bool(fingerprint_with_origins(fingerprint, lineage) == left.fingerprint)
    return _stands(connection, intended)


def _is_logged(connection: Connection, intended: Intended) -> bool:
    part = intended.part
    rows = _LOGGED.rows(connection, tenant=part.tenant, revision=intended.left.revision)
    written = mentioned_entities((each.entity for each in part.writes), part.record)
    return {*map(tuple, rows)} == {(id.kind, id.key, part.by, part.at) for id in written}


def _stands(connection: Connection, intended: Intended) -> bool | None:
    """Whether entities without later writes are as intended; ``None`` if all have later writes.

    The log alone cannot distinguish two writes of the same actor to the same entities in the same second.
    """
    part = intended.part
    since = {*map(tuple, _SINCE.rows(connection, tenant=part.tenant, revision=intended.left.revision))}
    after = {(*each.entity,): each.after.digest() if each.after else None for each in part.writes}
    here = {(kind, key): digest for kind, key, digest in _DIGESTS.rows(connection, tenant=part.tenant)}
    known = [id for id in after if id not in since and (id not in here or here[id] is not None)]
    return all(here.get(id) == after[id] for id in known) if known else None


_OF_RECORD = ("at", "by", "commit", "changes", "notes")
_tenants, _journal, _moves, _entities = schema.tenants.c, schema.journal.c, schema.moves.c, schema.entities.c
_AT_REVISION: BindParameter[int] = bindparam("revision")
_STANDING = Statement(
    select(_tenants.revision, _tenants.fingerprint, _tenants.lineage).where(_tenants.tenant == bindparam("tenant"))
)
_RECORD = Statement(
    select(*(_journal[name] for name in _OF_RECORD)).where(
        _journal.tenant == bindparam("tenant"), _journal.plan == bindparam("plan")
    )
)
_LOGGED = Statement(
    select(_moves.kind, _moves["key"], _moves.actor, _moves.at).where(
        _moves.tenant == bindparam("tenant"), _moves.revision == _AT_REVISION
    )
)
_SINCE = Statement(
    select(_moves.kind, _moves["key"]).where(_moves.tenant == bindparam("tenant"), _moves.revision > _AT_REVISION)
)
_DIGESTS = Statement(
    select(_entities.kind, _entities["key"], _entities.digest).where(_entities.tenant == bindparam("tenant"))
)
