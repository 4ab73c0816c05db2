"""Leftovers: copies in a tenant that are no longer wanted and that no option removes (docs/rules.md, `unmanaged`).

For instance a category whose plans were moved. An entity that another entity of the tenant still references is not a
leftover; nor is a retired plan or product.
"""

from collections.abc import Iterable, Iterator, Mapping

from reconciler.core.desired import Desired, has_needs
from reconciler.core.planning.scope import EVERYTHING, Scope
from reconciler.core.schema import RuleBook, kinds_in, references
from reconciler.core.states import fetched
from reconciler.model.documents.catalog import DISABLED
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value

LEFT_OVER = "nothing wants it any more, and no option removes it; remove it in the tenant, or leave it"
_RETIRED: Mapping[str, tuple[str, Value]] = {"Plan": ("status", DISABLED), "Product": ("active", False)}
"""By kind, the field and value of an entity that was taken off sale rather than removed (CB-08, IW-23)."""


def leftovers(
    desired: Desired, actual: State, rules: RuleBook, *, spared: Iterable[EntityId], scope: Scope = EVERYTHING
) -> list[Entity]:
    """The leftovers of a tenant, by identity. ``spared``: entities that are wanted under another key (AP-21).

    ``scope``: excludes entities that need not be checked.
    """
    kinds = rules.kinds
    left = {id for id in scope.unwanted(desired, actual) if id.kind in kinds and not is_removable(id.kind, rules)}
    left -= desired.wanted.keys()
    left -= desired.upstream.held.keys() | set(spared)
    left = {id for id in left if not scope.is_named(id)}
    if left:
        left -= _wanted_by_what_is_held(desired, rules)
        left -= set(_referred_to(left, actual, rules, scope))
    state = fetched(actual, left)
    return [state[id] for id in sorted(left) if not _is_retired(state[id])]


def is_removable(kind: str, rules: RuleBook) -> bool:
    """Whether an option removes copies of a kind that are no longer wanted (IW-16)."""
    return kind in rules.kinds and rules.kinds[kind].sync.removed is not None


def _is_retired(entity: Entity) -> bool:
    field, value = _RETIRED.get(entity.id.kind, ("", None))
    return bool(field) and entity.body.get(field) == value


def named_by(id: EntityId, body: Body, rules: RuleBook) -> set[EntityId]:
    """The entities of a tenant that a body references, except itself."""
    return set(references(body, rules.reference_nodes(id.kind, "any"))) - {id}


def _wanted_by_what_is_held(desired: Desired, rules: RuleBook) -> set[EntityId]:
    """The dependencies of entities that are wanted but withheld above or blocked.

    They are not in the desired state, so that they are not created alone, but they are not leftovers either.
    """
    upstream = desired.upstream
    queue = [(id, each.body) for id, each in desired.wanted.items() if each.only_fields is None and not has_needs(each)]
    found: set[EntityId] = set()
    while queue:
        id, body = queue.pop()
        for target in _needed_by(id, body, rules) - found:
            found.add(target)
            above = upstream.state.get(target) or upstream.held.get(target)
            if above is not None:
                queue.append((target, above.body))
    return found


def _needed_by(id: EntityId, body: Body, rules: RuleBook) -> set[EntityId]:
    return set(references(body, rules.reference_nodes(id.kind)))


def _referred_to(left: set[EntityId], actual: State, rules: RuleBook, scope: Scope) -> Iterator[EntityId]:
    """The given entities that an entity of the tenant references, whatever its origin, except entities known to be in
    sync.
    """
    if not left:
        return
    kinds = {id.kind for id in left}
    naming = {kind for kind in rules.kinds if not kinds.isdisjoint(kinds_in(rules.reference_nodes(kind, "any")))}
    ids = [id for id in actual if id.kind in naming and not scope.in_sync(id)]
    state = fetched(actual, ids)
    for id in ids:
        yield from named_by(id, state[id].body, rules) & left
