"""The subscriptions of a tenant: what a mirror follows, and what is pending between the two (SUB-19)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.core.subscriptions import SUBSCRIPTION, mirror_key
from reconciler.model.plans.plan import Change, FieldChange, Said, TenantPlan
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId, address
from reconciler.model.values.plain_values import Body


@dataclass(frozen=True, slots=True)
class PendingChanges:
    """What a mirror (``address``) has not yet of its source. ``said``: why not; ``None``: the next apply, round of
    `watch` or action makes it."""

    address: str
    action: str
    rule: str
    fields: tuple[FieldChange, ...]
    said: Said | None = None

    @property
    def verdict(self) -> str:
        return self.said.reason if self.said else "apply"


@dataclass(frozen=True, slots=True)
class ListedSubscription:
    """A subscription of a tenant. ``body`` is ``None`` for a mirror that is not made yet.

    ``follows``: the address of what it mirrors, at a reseller; ``mirror``: that of its own mirror, at the distributor
    above. ``pending``: of both.
    """

    key: str
    body: Body | None
    origin: str | None
    follows: str | None
    mirror: str | None
    pending: tuple[PendingChanges, ...]


def list_subscriptions(
    tenant: str, state: State, plan: TenantPlan | None, above: tuple[str, State, TenantPlan | None] | None
) -> Iterator[ListedSubscription]:
    """A tenant's subscriptions by key. ``plan``: of what is mirrored to it; ``above``: its distributor, the state of
    that, and the plan of what is mirrored there."""
    here = _pending(plan)
    distributor, theirs, planned = above or ("", {}, None)
    there = _pending(planned)
    for id in sorted({each for each in (*state, *here) if each.kind == SUBSCRIPTION}):
        held = state.get(id)
        mirror = EntityId(SUBSCRIPTION, mirror_key(tenant, id.key))
        pending = (*here.get(id, ()), *there.get(mirror, ()))
        made = above is not None and (mirror in theirs or mirror in there)
        yield ListedSubscription(
            key=id.key,
            body=held.body if held else None,
            origin=held.origin if held else id.key.partition(".")[0],
            follows=_followed(id, held.origin if held else None, pending),
            mirror=address(distributor, mirror) if made else None,
            pending=pending,
        )


def _followed(id: EntityId, origin: str | None, pending: Iterable[PendingChanges]) -> str | None:
    """A mirror's key is ``<reseller>.<key>`` (SUB-04); one that is not made yet is wanted as such."""
    reseller, dot, key = id.key.partition(".")
    if origin is None and not any(each.action == "create" for each in pending):
        return None
    return address(reseller, EntityId(SUBSCRIPTION, key)) if dot and origin in (None, reseller) else None


def _pending(plan: TenantPlan | None) -> dict[EntityId, tuple[PendingChanges, ...]]:
    """By subscription: what a plan changes, and what it holds back; what nobody synchronises is not pending."""
    found: dict[EntityId, tuple[PendingChanges, ...]] = {}
    changes: list[tuple[Change, Said | None]] = []
    if plan is not None:
        changes += [(each, None) for each in plan.changes]
        changes += [(each.change, each.said) for each in plan.deferred if each.reason != "unmanaged"]
    for change, said in changes:
        if change.entity.kind == SUBSCRIPTION:
            one = PendingChanges(
                change.address, change.action.value, said.rule if said else change.rule, change.fields, said
            )
            found[change.entity] = (*found.get(change.entity, ()), one)
    return found
