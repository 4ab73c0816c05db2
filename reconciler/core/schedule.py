"""What is scheduled next: amounts of delegated plans that change on a day to come.

Whether they are let through then is judged on that day; a plan made with that day as its clock shows it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from reconciler.core.delegation import PLAN
from reconciler.core.fold import Fold, upstream_key
from reconciler.core.shape import FieldShape, kind_shapes
from reconciler.model.documents import ACTIVE
from reconciler.model.entity import Entity, State
from reconciler.model.keys import EntityId
from reconciler.model.plan import Scheduled
from reconciler.model.values import Body, Path


def scheduled(fold: Fold, tenants: Iterable[str]) -> tuple[Scheduled, ...]:
    """The next change of every dated amount of the plans that tenants have from above once the plan is applied.

    ``fold``: the one that planned them.
    """
    found: dict[tuple[str, EntityId, Path, str], list[str]] = {}
    for tenant in sorted(tenants):
        for id, body in _delegated(fold, tenant):
            for path, day, amount in _next(body, kind_shapes()[PLAN].fields, fold.on):
                found.setdefault((day, id, path, amount), []).append(tenant)
    return tuple(Scheduled(*what, tuple(who)) for what, who in sorted(found.items()))


def _delegated(fold: Fold, tenant: str) -> Iterator[tuple[EntityId, Body]]:
    """The active plans that came down to a tenant, each with the body of its original."""
    for id, entity in sorted(fold.states.get(tenant, {}).items()):
        if id.kind == PLAN and entity.body.get("status", ACTIVE) == ACTIVE:
            original = _original(fold, tenant, entity)
            if original is not None:
                yield id, original


def _original(fold: Fold, tenant: str, copy: Entity) -> Body | None:
    """What a copy is of, however many levels up; ``None`` for what did not come down, or whose original is gone."""
    above = upstream_key(fold.catalog, tenant)
    if copy.origin != above:
        return None
    if above in fold.catalog.providers:
        document = fold.catalog.providers[above].documents.get(copy.id)
        return document.entity.body if document else None
    state: State = fold.states.get(above, {})
    entity = state.get(copy.id)
    if entity is None:
        return None
    return entity.body if entity.origin is None else _original(fold, above, entity)


def _next(body: Body, fields: tuple[FieldShape, ...], on: date, path: Path = ()) -> Iterator[tuple[Path, str, str]]:
    """Of every dated amount, where it stands, the next day on which it changes, and to what."""
    for field in fields:
        value, here = body.get(field.name), (*path, field.name)
        if field.type == "amount" and isinstance(value, list):
            coming = [each for each in value if each["from"] > on.isoformat()]
            yield from ((here, each["from"], each["amount"]) for each in coming[:1])
        elif field.type == "struct" and isinstance(value, Mapping):
            yield from _next(value, field.fields, on, here)
        elif field.type == "items" and isinstance(value, Mapping):
            for key, item in value.items():
                yield from _next(item, field.fields, on, (*here, key))
