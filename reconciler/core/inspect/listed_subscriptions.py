"""The subscriptions of a tenant: what each mirrors, and what is pending between mirror and source (SUB-19)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.core.subscriptions import SUBSCRIPTION, mirror_key
from reconciler.model.plans.plan import Change, DeferralReason, FieldChange, TenantPlan
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId, address
from reconciler.model.values.plain_values import Body


@dataclass(frozen=True, slots=True)
class PendingChanges:
    """A change of its source that a mirror (``address``) does not have yet. ``why``: why not; ``None``: the next
    apply, `watch` round or action makes it.
    """

    address: str
    action: str
    rule: str
    fields: tuple[FieldChange, ...]
    why: DeferralReason | None = None

    @property
    def verdict(self) -> str:
        return self.why.reason if self.why else "apply"


@dataclass(frozen=True, slots=True)
class ListedSubscription:
    """A subscription of a tenant. ``body`` is ``None`` for a mirror that does not exist yet.

    ``follows``: the address of its source, at a reseller. ``mirror``: the address of its own mirror, at the distributor
    above. ``pending``: the pending changes of both.
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
    """A tenant's subscriptions by key. ``plan``: of the mirrors to it. ``above``: its distributor, that one's state,
    and the plan of the mirrors there.
    """
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
    """The source's key from the mirror's ``<reseller>.<key>`` (SUB-04), for an existing or a wanted mirror."""
    reseller, dot, key = id.key.partition(".")
    if origin is None and not any(each.action == "create" for each in pending):
        return None
    return address(reseller, EntityId(SUBSCRIPTION, key)) if dot and origin in (None, reseller) else None


def _pending(plan: TenantPlan | None) -> dict[EntityId, tuple[PendingChanges, ...]]:
    """By subscription, what a plan changes or defers; unmanaged differences are not pending."""
    found: dict[EntityId, tuple[PendingChanges, ...]] = {}
    changes: list[tuple[Change, DeferralReason | None]] = []
    if plan is not None:
        changes += [(each, None) for each in plan.changes]
        changes += [(each.change, each.why) for each in plan.deferred if each.reason != "unmanaged"]
    for change, why in changes:
        if change.entity.kind == SUBSCRIPTION:
            one = PendingChanges(
                change.address, change.action.value, why.rule if why else change.rule, change.fields, why
            )
            found[change.entity] = (*found.get(change.entity, ()), one)
    return found
