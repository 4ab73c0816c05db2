"""Periods of plans carry an origin (ORIGIN-04): those of a plan that came down came with it.

Only plans with an origin change, and of them the periods that have none. What is known of their tenants by digests is
forgotten, and taken anew by the next write.
"""

from collections.abc import Iterator

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ENTITIES = sa.table("entities", *map(sa.column, ("tenant", "kind", "key", "origin", "body", "digest", "synced")))
_TENANTS = sa.table("tenants", *map(sa.column, ("tenant", "fingerprint", "shape", "rest")))
_COPIES = (_ENTITIES.c.kind == "Plan") & _ENTITIES.c.origin.is_not(None)


def upgrade() -> None:
    """Give each period its plan's origin, tenant by tenant, so that one tenant's plans are in memory at a time."""
    connection = op.get_bind()
    tenants = connection.scalars(sa.select(_ENTITIES.c.tenant).where(_COPIES).distinct().order_by(_ENTITIES.c.tenant))
    for tenant in tenants.all():
        changed = list(_changed(connection, tenant))
        if changed:
            connection.execute(_WRITE, changed)
            connection.execute(_FORGET, {"of": tenant})


_WRITE = (
    sa.update(_ENTITIES)
    .where(_ENTITIES.c.tenant == sa.bindparam("of"), _ENTITIES.c.kind == "Plan", _ENTITIES.c.key == sa.bindparam("at"))
    .values(body=sa.bindparam("now"), digest=None, synced=None)
)
_FORGET = (
    sa.update(_TENANTS).where(_TENANTS.c.tenant == sa.bindparam("of")).values(fingerprint=None, shape=None, rest=None)
)


def _changed(connection: sa.Connection, tenant: str) -> Iterator[dict[str, str]]:
    plans = sa.select(_ENTITIES.c.key, _ENTITIES.c.origin, _ENTITIES.c.body).where(
        _COPIES, _ENTITIES.c.tenant == tenant
    )
    for key, origin, body in connection.execute(plans).all():
        if (now := _with_origins(body, origin)) is not None:
            yield {"of": tenant, "at": key, "now": now}


def _with_origins(text: str, origin: str) -> str | None:
    """The body as it is written from now on; ``None`` where it stays, as does what is no body of ours."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    periods = body.get("periods") if isinstance(body, dict) else None
    without = [each for each in _maps(periods) if each.get("origin") is None]
    for each in without:
        each["origin"] = origin
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode() if without else None


def _maps(periods: object) -> list[dict[str, object]]:
    return [each for each in periods.values() if isinstance(each, dict)] if isinstance(periods, dict) else []
