"""Preconditions: why a permitted change cannot be made. One entry each, by the id of its rule.

A precondition sees a target and its use, and names everything that must change first. To add one, write its function
and enter it in `PRECONDITIONS`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from reconciler.core.desired import Wanted
from reconciler.core.planning.diff import Comparison
from reconciler.core.records import RELEASE_RULE
from reconciler.core.schema import RuleBook, rule_book
from reconciler.model.documents.declarations import OWN_BLOCKS
from reconciler.model.plans.change import Obstacle
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId, noun
from reconciler.model.values.plain_values import Body, Path


@dataclass(frozen=True, slots=True)
class ItemTakeover:
    """The takeover of an own item of the target, at ``path``, which has this ``origin``."""

    path: Path
    origin: str | None


Use: TypeAlias = Literal["create", "update", "need", "remove"] | ItemTakeover
"""What is about to happen to a target: it is created or taken over, a field changes, a new entity needs it, it is
removed, or one of its items is taken over.
"""


@dataclass(frozen=True, slots=True)
class PreconditionContext:
    """The input of preconditions: the comparison, whether the policy adopts, and the conflicting service terms."""

    comparison: Comparison
    adopts: bool
    conflicting_terms: tuple[str, ...]

    @classmethod
    def of(cls, comparison: Comparison, *, adopts: bool) -> "PreconditionContext":
        """The circumstances of one tenant; conflicts are computed once, over all of its new plans."""
        new = (
            wanted
            for wanted in comparison.compared()
            if wanted.id.kind == "Plan" and wanted.only_fields is None and not comparison.ours(wanted.id)
        )
        terms = {plan.body.get("service_term", "") for plan in new}
        return cls(comparison, adopts, tuple(sorted(term for term in terms if _undelegated(comparison, term))))

    def wanted(self, id: EntityId) -> Wanted | None:
        return self.comparison.desired.wanted.get(id)


ADOPT = "adopt: true"
"""The setting that lets a tenant's own entities be taken over."""

Precondition: TypeAlias = Callable[[PreconditionContext, EntityId, Use], Iterator[Obstacle]]


def _known_beforehand(case: PreconditionContext, target: EntityId, _use: Use) -> Iterator[Obstacle]:
    """AP-04, AP-05: obstacles that the source of the desired state found."""
    wanted = case.wanted(target)
    if wanted:
        yield from wanted.obstacles


def _service_terms(case: PreconditionContext, target: EntityId, use: Use) -> Iterator[Obstacle]:
    """AP-17 to AP-19: one conflicting service term blocks every new plan; the message names all conflicts."""
    if target.kind == "Plan" and use == "create" and case.conflicting_terms:
        named = ", ".join(f'"{term}"' for term in case.conflicting_terms)
        detail = f"the tenant has service terms of its own (delegated: false) with the same keys: {named}"
        wanted = case.wanted(target)
        own = wanted is not None and wanted.body.get("service_term") in case.conflicting_terms
        rule = "AP-17" if own else "AP-19"
        yield Obstacle(rule, f"{detail}; none of the new plans can be delegated until they are gone")


def _undelegated(comparison: Comparison, term: str) -> bool:
    """AP-20: in a tenant's own document the default of ``delegated`` is false."""
    have = comparison.actual.get(EntityId("ServiceTerm", term))
    return have is not None and have.body.get("delegated", False) is False


def _hidden_templates(case: PreconditionContext, target: EntityId, _use: Use) -> Iterator[Obstacle]:
    """CB-20: every notification template of a schedule must be visible to resellers."""
    wanted = case.wanted(target)
    if target.kind != "NotificationSchedule" or wanted is None:
        return
    hidden = sorted(templates_of(wanted.body) & case.comparison.desired.upstream.hidden_templates.keys())
    if hidden:
        named = ", ".join(f'"{template}"' for template in hidden)
        detail = f'notification schedule "{target.key}" uses templates that resellers cannot see: {named}'
        yield Obstacle("CB-20", f"{detail}; set visible_to_resellers: true on each")


def templates_of(schedule: Body) -> set[str]:
    """The notification templates that a schedule uses."""
    return set(schedule.get("notices", {}).values())


def _own_key(case: PreconditionContext, target: EntityId, use: Use) -> Iterator[Obstacle]:
    """ORIGIN-01: the tenant has an own plan or product under a delegated key."""
    have = case.comparison.actual.get(target)
    shape = case.comparison.rules.kinds.get(target.kind)
    changes = use == "update" or isinstance(use, ItemTakeover)
    if have is None or shape is None or shape.sync.own != OWN_BLOCKS or changes or case.adopts:
        return
    if case.comparison.released(target):
        return
    if have.origin != case.comparison.origin:
        upstream = case.comparison.desired.upstream
        theirs = f"{upstream.key}'s {_named(upstream.state.get(target), target)}"
        detail = f"{_whose(have.origin)} {_named(have, target)} is in the way of {theirs}, which has the same key"
        mend = "set adopt: true in its policy to take it over, or rename one of them"
        yield Obstacle("ORIGIN-01", f"{detail}; {mend}", set=ADOPT)


def _own_item(case: PreconditionContext, target: EntityId, use: Use) -> Iterator[Obstacle]:
    """ORIGIN-04: the tenant has an own rate or period under a delegated key."""
    if not isinstance(use, ItemTakeover) or case.adopts:
        return
    field, key = use.path
    items = case.comparison.rules.kinds[target.kind].field(field).items
    assert items is not None
    item, plan = f'{items.noun} "{key}"', _named(case.comparison.actual.get(target), target)
    theirs = f"{case.comparison.desired.upstream.key}'s {item}"
    detail = f"{_whose(use.origin)} {item} of {plan} is in the way of {theirs}, which has the same key"
    mend = "set adopt: true in its policy to take it over, or rename or remove one of them"
    yield Obstacle("ORIGIN-04", f"{detail}; {mend}", set=ADOPT)


def _whose(origin: str | None) -> str:
    return "the tenant's own" if origin is None else f"{origin}'s"


def _named(entity: Entity | None, id: EntityId) -> str:
    name = entity.body.get("name") if entity else None
    return f'{noun(id.kind)} "{id.key}"' + (f' ("{name}")' if name else "")


def _missing_upstream(case: PreconditionContext, target: EntityId, use: Use) -> Iterator[Obstacle]:
    """AP-01: the dependencies of a copy must exist upstream or in the tenant; those held upstream do not (TREE-02).

    For a mirror's missing customer, the message names the source's key, which the reseller knows (SUB-03).
    """
    upstream, wanted = case.comparison.desired.upstream, case.wanted(target)
    to_come = wanted is not None and wanted.root is None
    known = target in case.comparison.actual or target in upstream.state or to_come
    if use == "need" and not known and target.kind != "Customer":
        yield Obstacle("AP-01", f'{upstream.key} has no {noun(target.kind)} "{target.key}"')


def _vanished(case: PreconditionContext, target: EntityId, use: Use) -> Iterator[Obstacle]:
    """SUB-41: a subscription that disappeared at the reseller without status deleted does not count as deleted."""
    if target.kind == "Subscription" and use == "remove":
        reseller = case.comparison.origin
        source = target.key.removeprefix(f"{reseller}.")
        detail = f'{reseller} has no subscription "{source}" any more, though it was not deleted there'
        yield Obstacle("SUB-41", f"{detail}; bring it back there, or delete it there as the business does")


def _released_and_gone(case: PreconditionContext, target: EntityId, use: Use) -> Iterator[Obstacle]:
    """ORIGIN-03: a released entity is not created again, even if another entity needs it."""
    if use == "need" and case.comparison.released(target) and target not in case.comparison.actual:
        what = f'{noun(target.kind)} "{target.key}" was released to the tenant, which does not have it'
        undo = f"reconcile tenant release {case.comparison.tenant} {target} --undo"
        yield Obstacle(RELEASE_RULE, f"{what}; create it there, or run `{undo}`")


PRECONDITIONS: Mapping[str, Precondition] = {
    "AP-01": _missing_upstream,
    "AP-04": _known_beforehand,
    "AP-17": _service_terms,
    "CB-20": _hidden_templates,
    "ORIGIN-01": _own_key,
    "ORIGIN-03": _released_and_gone,
    "ORIGIN-04": _own_item,
    "SUB-41": _vanished,
}


@cache
def declared_rules() -> RuleBook:
    """All declared rules, with every precondition."""
    return rule_book(frozenset(PRECONDITIONS))
