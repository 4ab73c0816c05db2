# long: one walk over one entity, with everything that makes a difference of a field
"""Compares a desired state with an actual one, field by field, by the field table; it knows no kinds.

The reseller's fields are never compared. An entity with another origin than the upstream is the tenant's own.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from reconciler.core.desired import Desired, RenamedState, Wanted
from reconciler.core.planning.leftovers import LEFT_OVER, is_removable, leftovers
from reconciler.core.planning.scope import EVERYTHING, Scope
from reconciler.core.records import NOTHING_RESTORED, RESTORE_RULE, RestoredState, origins_that_differ
from reconciler.core.schema import (
    FieldShape,
    KindShape,
    RuleBook,
    Takeover,
    at_creation,
    copy_of,
    copy_of_item,
    field_at,
    is_dormant,
    is_own,
    reference_nodes,
    references,
)
from reconciler.core.states import origin_of
from reconciler.model.documents.declarations import (
    GATED,
    LAST_APPLIED,
    OWN_BLOCKS,
    OWN_SHARED,
    Bookkeeping,
    ResellerOwned,
    Synced,
    Unmanaged,
)
from reconciler.model.plans.change import (
    Create,
    Difference,
    HeldUpdate,
    Remove,
    Restore,
    TakeOver,
    TakeOverItem,
    Update,
    UpdateLink,
)
from reconciler.model.values.amounts import AMOUNTS, canonical, effective_amount
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value, get

STAYS = Unmanaged(rule="FIELDS")
"""The declaration of a leftover: a copy that is no longer wanted (`leftovers`)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The inputs of comparing one tenant. ``overrides``: the ids of the overrides that are on.

    ``on``: the day whose amounts are effective. ``actual``: the tenant's state, with renamed copies under their new
    keys; ``renamed``: the state before that (``None``: nothing is renamed). ``restored``: the entities whose origin was
    corrected by the journal, and those that were released to the tenant (ORIGIN-02, ORIGIN-03). ``scope``: what is
    compared; ``in_full`` makes a comparison without cached outcomes, if the scope has any. ``context_dependent``: the
    entities whose differences depend on other entities of the tenant; filled during the comparison.
    """

    tenant: str
    desired: Desired
    actual: State
    rules: RuleBook
    overrides: frozenset[str]
    on: date
    renamed: RenamedState | None = None
    restored: RestoredState = NOTHING_RESTORED
    scope: Scope = EVERYTHING
    in_full: "Callable[[], Comparison] | None" = None
    context_dependent: set[EntityId] = dataclasses.field(default_factory=set)

    def before(self, id: EntityId) -> Entity | None:
        """The entity as the tenant stores it, perhaps under an earlier key and with another origin."""
        as_it_is = self.restored.before.get(self.renamed.origins.get(id, id) if self.renamed else id)
        return as_it_is or (self.renamed.was(id) if self.renamed else self.actual.get(id))

    def released(self, id: EntityId) -> bool:
        """Whether the entity was released to the tenant (ORIGIN-03). Then it is not compared, created or taken over."""
        return id in self.restored.released

    @property
    def origin(self) -> str:
        return self.desired.upstream.key

    @property
    def takeover(self) -> Takeover:
        """The conversion of an own entity of this tenant to a copy."""
        return Takeover(self.origin, self.own)

    def ours(self, id: EntityId) -> bool:
        """Whether the tenant has a copy of the upstream's entity."""
        return origin_of(self.actual, id) == self.origin

    def own(self, id: EntityId) -> bool:
        """Whether the tenant has an own entity with this identity."""
        return id in self.actual and not self.ours(id)

    def own_item(self, field: FieldShape, item: Body) -> bool:
        """Whether an ``item`` of a map in the tenant is the tenant's own, like ``own`` for an entity (ORIGIN-04).

        The only place that decides this, for judging and for explaining.
        """
        return is_own(item, field, self.origin)

    def compared(self) -> Iterable[Wanted]:
        """The wanted entities to compare."""
        return self.scope.wanted(self.desired)

    def holders(self, id: EntityId) -> Iterable[EntityId]:
        """The wanted entities that need an entity."""
        return self.scope.holders(self.desired, id)

    def may_follow(self, id: EntityId) -> bool:
        """Whether the tenant's entity with this identity may follow the upstream: as a copy, or after a takeover.

        The judge decides whether it is taken over.
        """
        return id in self.desired.wanted

    def may_be_created(self, id: EntityId) -> bool:
        """Whether the tenant lacks the entity and may get it."""
        return id not in self.actual and id in self.desired.wanted


def differences(comparison: Comparison) -> list[Difference]:
    """All differences, sorted by entity and path."""
    found = [each for wanted in comparison.compared() for each in _of(comparison, wanted)]
    found += _removals(comparison) if comparison.scope.removes else ()
    found += _leftovers(comparison)
    found = [*(comparison.renamed.differences() if comparison.renamed else ()), *_restorations(comparison), *found]
    return sorted(found, key=lambda each: (each.entity, each.path))


def _restorations(comparison: Comparison) -> Iterator[Difference]:
    """The origins that differ from the tenant's journal (ORIGIN-02)."""
    now = {old: new for new, old in comparison.renamed.origins.items()} if comparison.renamed else {}
    for old, before in comparison.restored.before.items():
        id = now.get(old, old)
        for path, mine, theirs in origins_that_differ(before, comparison.actual[id]):
            yield Restore(id, path, mine, theirs, RESTORE_RULE)


def _of(comparison: Comparison, wanted: Wanted) -> Iterator[Difference]:
    shape = comparison.rules.kinds[wanted.id.kind]
    have = comparison.actual.get(wanted.id)
    if have is None:
        yield from _creation(comparison, wanted, shape)
    elif have.origin == comparison.origin or shape.sync.own == OWN_SHARED:
        yield from Walk(comparison, wanted, have.body).differences(shape.fields)
    elif shape.sync.own == OWN_BLOCKS and wanted.requested:
        yield from _takeover(comparison, wanted, have, shape)


def _creation(comparison: Comparison, wanted: Wanted, shape: KindShape) -> Iterator[Difference]:
    copy = copy_of(wanted.body, shape.fields, comparison.origin)
    if wanted.requested and shape.sync.created and wanted.only_fields is None:
        created = shape.sync.created
        needs = references(copy, comparison.rules.reference_nodes(shape.kind))
        yield Create(wanted.id, copy, created, created.rule, needs)
    yield from _gated(comparison, wanted, {}, shape)


def _takeover(comparison: Comparison, wanted: Wanted, have: Entity, shape: KindShape) -> Iterator[Difference]:
    """The takeover of an own entity with the key of a wanted one. Preconditions block it unless the policy adopts."""
    if shape.sync.created is None:
        return
    copy = copy_of(wanted.body, shape.fields, comparison.origin)
    after = comparison.takeover.body(have.body, copy, shape.fields)
    created = shape.sync.created
    needs = references(copy, comparison.rules.reference_nodes(shape.kind))
    yield TakeOver(wanted.id, have.body, after, created, created.rule, needs)
    yield from _gated(comparison, wanted, have.body, shape)
    yield from _left_over(comparison, wanted, have.body, shape)


def _left_over(comparison: Comparison, wanted: Wanted, have: Body, shape: KindShape) -> Iterator[Difference]:
    """The removals of items that the takeover keeps but the copy would lose in the next plan (IW-08)."""
    for field in shape.fields:
        if field.items and not field.items.with_origin and isinstance(field.items.removed, Synced):
            for each in Walk(comparison, wanted, have).differences((field,)):
                if isinstance(each, Update) and each.declared is field.items.removed and each.after is None:
                    yield replace(each, needs=(wanted.id,), requires_existing=True)


def _gated(comparison: Comparison, wanted: Wanted, have: Body, shape: KindShape) -> Iterator[Difference]:
    """The differences in gated fields, which a creation leaves out. They need the entity to exist."""
    fields = tuple(field for field in shape.fields if at_creation(field) == GATED)
    for each in Walk(comparison, wanted, have).differences(fields):
        assert isinstance(each, Update), "no links, and no items that carry an origin, are gated"
        yield replace(each, needs=(wanted.id, *each.needs), requires_existing=wanted.requested)


def _removals(comparison: Comparison) -> Iterator[Difference]:
    """The copies to remove: those that nothing wants any more, of kinds that an option removes."""
    for id, have in comparison.actual.items():
        if not is_removable(id.kind, comparison.rules):
            continue
        if have.origin != comparison.origin or id in comparison.desired.wanted or _stays_named(comparison, id):
            continue
        holders = tuple(_holders(comparison, id))
        if all(comparison.may_follow(holder) for holder in holders):
            removed = comparison.rules.kinds[id.kind].sync.removed
            assert removed is not None, "it is removable"
            yield Remove(id, have.body, removed, removed.rule, blocked_while_referenced_by=holders)


def _leftovers(comparison: Comparison) -> Iterator[Difference]:
    """The copies that nothing wants any more and that no option removes."""
    spared = comparison.renamed.refused.values() if comparison.renamed else ()
    scope = comparison.scope
    found = leftovers(comparison.desired, comparison.actual, comparison.rules, spared=spared, scope=scope)
    for each in found:
        yield Remove(each.id, each.body, STAYS, STAYS.rule, note=LEFT_OVER)


def _stays_named(comparison: Comparison, id: EntityId) -> bool:
    """Whether a wanted entity references this one. Then it is not obsolete, although it is not wanted itself.

    The upstream lacks it, or the wanted entity is withheld or blocked there (IW-16).
    """
    held_by = comparison.rules.kinds[id.kind].sync.held_by
    wanted = comparison.desired.wanted.values()
    return held_by is not None and any(
        each.id.kind == held_by[0] and each.body.get(held_by[1]) == id.key for each in wanted
    )


def _holders(comparison: Comparison, id: EntityId) -> Iterator[EntityId]:
    """The tenant's entities that reference this one. It is not removed while they do (IW-16, IW-23)."""
    held_by = comparison.rules.kinds[id.kind].sync.held_by
    for other, each in comparison.actual.items():
        if held_by and other.kind == held_by[0] and each.body.get(held_by[1]) == id.key:
            yield other


@dataclass(frozen=True, slots=True)
class Walk:
    """Compares one existing entity: ``have`` is the tenant's body, ``wanted`` what it should be."""

    comparison: Comparison
    wanted: Wanted
    have: Body

    def differences(self, fields: tuple[FieldShape, ...]) -> Iterator[Difference]:
        compared = tuple(field for field in fields if self.wanted.speaks_of(field.name))
        found = list(self._struct(self.have, self.wanted.body, compared, ()))
        yield from found
        yield from self._held_back({each.path for each in found}, compared)
        yield from self._following(found, fields)

    def _held_back(self, differ: set[Path], fields: tuple[FieldShape, ...]) -> Iterator[Difference]:
        """The fields that differ only by a value that is held back (SUB-13)."""
        for path, held in sorted(self.wanted.held.items()):
            field = field_at(fields, path)
            mine = get(self.have, path)
            inside = any(path[: len(each)] == each for each in differ)
            if field is None or not isinstance(field.declared, Synced) or inside or self._edited(mine, field, path):
                continue
            yield HeldUpdate(
                self.wanted.id,
                path,
                mine,
                held.value,
                self._rule(path, field.declared),
                field.declared,
                amount=field.type in AMOUNTS,
                root=held.root,
                obstacles=held.obstacles,
            )

    def _struct(self, have: Body, want: Body, fields: tuple[FieldShape, ...], path: Path) -> Iterator[Difference]:
        for field in fields:
            mine, theirs = have.get(field.name), want.get(field.name)
            here = (*path, field.name)
            if field.links:
                yield from self._links(mine or [], theirs or [], field, here)
            elif field.items:
                yield from self._items(mine or {}, theirs or {}, field, here)
            elif field.type == "struct":
                yield from self._struct(mine or {}, theirs or {}, field.fields, here)
            elif field.type == "amounts":
                for key in sorted({*(mine or {}), *(theirs or {})}):
                    yield from self._leaf((mine or {}).get(key), (theirs or {}).get(key), field, (*here, key))
            else:
                yield from self._leaf(mine, theirs, field, here)

    def _leaf(self, mine: Value, theirs: Value, field: FieldShape, path: Path) -> Iterator[Difference]:
        declared = self._compared(field)
        if declared is None or self._edited(mine, field, path):
            return
        if at_creation(field) not in ("copied", GATED):
            theirs = at_creation(field)
        if field.ref and field.ref.with_origin:
            yield from self._references(mine, theirs, field, path)
            return
        before, after = self._settled(mine, field), self._settled(theirs, field)
        if not _same(before, after, field):
            needs = (EntityId(field.ref.kind, after),) if field.ref and field.ref.copied and after else ()
            found = self._update(path, before, after, declared, needs)
            yield replace(found, amount=True) if field.type in AMOUNTS else found

    def _edited(self, mine: Value, field: FieldShape, path: Path) -> bool:
        """Whether the distributor changed the value after it was last applied (SUB-13)."""
        if not (isinstance(field.declared, Synced) and field.declared.until_edited):
            return False
        return not _same(mine, get(self.have.get(LAST_APPLIED), path), field)

    def _compared(self, field: FieldShape) -> Synced | Unmanaged | None:
        declared = field.declared
        if isinstance(declared, Synced) and declared.unless_override:
            return declared if declared.unless_override in self.comparison.overrides else None
        return None if isinstance(declared, ResellerOwned | Bookkeeping) else declared

    def _settled(self, value: Value, field: FieldShape) -> Value:
        if value is None or value == [] or value == {}:
            value = field.default
        return effective_amount(value, self.comparison.on) if field.type in AMOUNTS else value

    def _is_own(self, kind: str, key: str) -> bool:
        """Whether the tenant has an own entity with this key. Notes that the outcome depends on the tenant."""
        self.comparison.context_dependent.add(self.wanted.id)
        return self.comparison.own(EntityId(kind, key))

    def _is_or_may_be_created(self, id: EntityId) -> bool:
        self.comparison.context_dependent.add(self.wanted.id)
        return id in self.comparison.actual or self.comparison.may_be_created(id)

    def _references(self, mine: Value, theirs: Value, field: FieldShape, path: Path) -> Iterator[Difference]:
        """The difference in a set of links to copies. Links to the tenant's own entities stay as they are."""
        assert field.ref is not None and isinstance(field.declared, Synced)
        kind = field.ref.kind
        many = field.type == "set"
        have, want = _as_set(mine), _as_set(theirs)
        gone = {key for key in have - want if not self._is_own(kind, key)}
        new = {key for key in want - have if not self._is_own(kind, key)}
        if not gone and not new:
            return
        after = sorted((have - gone) | new) if many else theirs
        before = sorted(have) if many else mine
        lacking = new | {key for key in _as_set(after) & want if EntityId(kind, key) not in self.comparison.actual}
        needs = tuple(EntityId(kind, key) for key in sorted(lacking))
        yield self._update(path, before, after or None, field.declared, needs)

    def _links(self, mine: list[str], theirs: list[str], field: FieldShape, path: Path) -> Iterator[Difference]:
        """The relations between two copies to add and to remove, one difference each (IW-10, IW-11)."""
        assert field.links is not None and field.ref is not None
        for key in theirs:
            target = EntityId(field.ref.kind, key)
            if key not in mine and field.links.created and self._is_or_may_be_created(target):
                created, here = field.links.created, (*path, key)
                yield UpdateLink(self.wanted.id, here, None, key, self._rule(here, created), created, (target,))
        for key in mine:
            if key not in theirs and field.links.removed and not self._is_own(field.ref.kind, key):
                removed, here = field.links.removed, (*path, key)
                yield UpdateLink(self.wanted.id, here, key, None, self._rule(here, removed), removed)

    def _items(self, mine: Body, theirs: Body, field: FieldShape, path: Path) -> Iterator[Difference]:
        assert field.items is not None
        for key, item in theirs.items():
            here = (*path, key)
            if key not in mine or self.comparison.own_item(field, mine[key]):
                yield from self._new_item(mine.get(key), item, field, here)
            else:
                yield from self._struct(mine[key], item, field.fields, here)
        for key, item in mine.items():
            if key not in theirs and field.items.removed and not self.comparison.own_item(field, item):
                yield self._update((*path, key), item, None, field.items.removed)

    def _new_item(self, mine: Body | None, item: Body, field: FieldShape, path: Path) -> Iterator[Difference]:
        """The creation of an item that the tenant lacks, or the takeover of its own item under the same key."""
        assert field.items is not None
        created = field.items.created
        if created is None or is_dormant(item, field):
            return
        copy = copy_of_item(item, field, self.comparison.origin)
        needs = references(copy, reference_nodes(field.fields))
        if mine is None:
            yield self._update(path, None, copy, created, needs)
        else:
            after = self.comparison.takeover.item(mine, copy, field)
            yield TakeOverItem(self.wanted.id, path, mine, after, self._rule(path, created), created, needs)

    def _update(
        self, path: Path, before: Value, after: Value, declared: Synced | Unmanaged, needs: tuple[EntityId, ...] = ()
    ) -> Update:
        return Update(
            self.wanted.id,
            path,
            before,
            after,
            self._rule(path, declared),
            declared,
            needs=needs,
            accompanies=self.wanted.accompanies.get(path[:2], ()),
            note=self.wanted.notes.get(path, ""),
        )

    def _rule(self, path: Path, declared: Synced | Unmanaged) -> str:
        return self.wanted.rules.get(path, declared.rule)

    def _following(self, found: list[Difference], fields: tuple[FieldShape, ...]) -> Iterator[Difference]:
        """The changes of reseller's fields that a change of another field causes, under the same options (CB-09)."""
        for field in fields:
            follows = field.declared.follows if isinstance(field.declared, ResellerOwned) else None
            for each in found:
                if (
                    follows
                    and isinstance(each, Update)
                    and (each.path, each.before, each.after)
                    == (
                        (follows.field,),
                        follows.before,
                        follows.after,
                    )
                ):
                    before = self._settled(self.have.get(field.name), field)
                    if before != follows.value:
                        yield replace(
                            each, path=(field.name,), before=before, after=follows.value, rule=follows.rule, needs=()
                        )


def _as_set(value: Value) -> set[str]:
    if value is None:
        return set()
    return {value} if isinstance(value, str) else set(value)


def _same(before: Value, after: Value, field: FieldShape) -> bool:
    if before is None or after is None:
        return before is after
    if field.type in AMOUNTS:
        return canonical(before) == canonical(after)
    if field.type == "set":
        return sorted(before) == sorted(after)
    return bool(before == after)
