"""The values of a desired state, which all of its sources share.

Delegation, price lists and mirrors each produce a `Desired`; the diff and the judge know nothing else about them.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

from reconciler.core.schema import fields_of, without_origins
from reconciler.model.documents.kinds import TENANT
from reconciler.model.documents.source import SourceDocument
from reconciler.model.plans.change import Obstacle, Root
from reconciler.model.values.diagnostics import Place
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value, get

STATUS_ONLY = frozenset({"status"})
NOTHING: Mapping[Any, Any] = {}
"""One shared empty mapping: there are very many wanted entities, and most of their fields are empty."""


def _nothing() -> Mapping[Any, Any]:
    return NOTHING


@dataclass(frozen=True, slots=True)
class InheritedBlock:
    """An entity that is withheld or blocked at an upstream, or not active there. ``root``: why. ``body``: what it would
    be.
    """

    root: Root
    body: Body


@dataclass(frozen=True, slots=True)
class HeldValue:
    """A value that a field does not get although nothing else differs, and why: the ``root`` at another level, or the
    obstacles here.
    """

    value: Value
    root: Root | None = None
    obstacles: tuple[Obstacle, ...] = ()


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a tenant's upstream offers: its entities with effective amounts, and the documents that declare them.

    ``documents``: without a reseller's own entities; for its copies, the originals' documents. ``originals``: the
    entities in those documents, with effective amounts. ``hidden_templates``: the notification templates hidden from
    resellers, by key, at whatever level they are used (CB-20). ``held``: entities withheld or blocked there, and so
    below (TREE-02). ``labels``: the originals' labels by plan, if they were requested. ``names``: all former keys, and
    keys still in use here, by current identity (AP-21). ``origin``: the origin of its own copies; empty for a provider.
    """

    key: str
    state: State
    documents: Mapping[EntityId, SourceDocument]
    hidden_templates: Mapping[str, SourceDocument] = field(default_factory=dict)
    held: Mapping[EntityId, InheritedBlock] = field(default_factory=dict)
    labels: Mapping[EntityId, Mapping[str, str]] = field(default_factory=dict)
    names: Mapping[EntityId, tuple[EntityId, ...]] = field(default_factory=dict)
    originals: State = field(default_factory=dict)
    origin: str = ""

    def called(self, id: EntityId) -> EntityId:
        """The identity that this upstream still uses for an identity of the catalog: the old one until the rename is
        applied.
        """
        if id in self.state:
            return id
        olds = self.names.get(id, ())
        there = (old for old in olds if old in self.state and self.state[old].origin == self.origin)
        held = (old for old in olds if old in self.held and id not in self.held)
        return next(chain(there, held), id)

    def called_now(self) -> Mapping[EntityId, EntityId]:
        """The identities that this upstream still uses although the catalog renamed them, with the catalog's
        identity.
        """
        return {old: new for new, olds in self.names.items() for old in olds if self.called(new) == old}

    def wanted(self, id: EntityId, body: Body, place: Place | None = None, *, requested: bool = False) -> "Wanted":
        """One of its entities, as wanted. ``place``: what requests it, used if no document declares it."""
        document, original = self.documents.get(id), self.originals.get(id)
        if document is None or original is None:
            return Wanted(id, body, requested=requested, document=document, place=None if document else place)
        return Wanted(id, body, requested=requested, document=document, stated=original.body, place=place)

    def labels_of(self, id: EntityId) -> Mapping[str, str]:
        """A plan's labels: those of its original, overridden by its own."""
        have = self.state.get(id)
        own: Mapping[str, str] = have.body.get("labels", {}) if have else {}
        return {**self.labels.get(id, {}), **own}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entity that the tenant should have.

    ``body`` is the upstream's. ``requested``: it is wanted for itself, not only as a dependency; with ``requested_by``,
    only while the tenant has a copy of one of those (IW-12). ``only_fields``: the only top-level fields that are
    compared (``None``: all declared ones). ``rules``: by path, a rule that replaces the declared one.
    ``ignored_fields``: top-level fields that no source sets; they are not compared. ``accompanies``: by path, entities
    of which one must exist or be created for a difference to count (IW-07). ``document``, ``place`` and ``places`` (by
    path): where it is declared. ``stated``: the document's content, if a copy in between may differ from it.
    ``obstacles``: those known to the source. ``root``: why the upstream itself does not get it, if it is withheld or
    blocked there (TREE-02). ``held``: by path, a value that a field does not get, and why (SUB-13). ``notes``: by path,
    why a field has its value.
    """

    id: EntityId
    body: Body
    requested: bool = False
    requested_by: frozenset[EntityId] = frozenset()
    only_fields: frozenset[str] | None = None
    rules: Mapping[Path, str] = field(default_factory=_nothing)
    ignored_fields: frozenset[str] = frozenset()
    accompanies: Mapping[Path, tuple[EntityId, ...]] = field(default_factory=_nothing)
    places: Mapping[Path, Place] = field(default_factory=_nothing)
    document: SourceDocument | None = None
    stated: Body | None = None
    place: Place | None = None
    obstacles: tuple[Obstacle, ...] = ()
    root: Root | None = None
    held: Mapping[Path, HeldValue] = field(default_factory=_nothing)
    notes: Mapping[Path, str] = field(default_factory=_nothing)

    @property
    def for_itself(self) -> bool:
        """Whether it is wanted independently of the tenant's state."""
        return self.requested and not self.requested_by

    def speaks_of(self, name: str) -> bool:
        """Whether a top-level field is compared, if it is declared."""
        return name not in self.ignored_fields and (self.only_fields is None or name in self.only_fields)

    def declared_at(self, path: Path) -> Place | None:
        """The place where a field, or the nearest value around it, is declared."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        if self.document and (self.stated is None or self._says_the_same(self.stated, path)):
            return self.document.place_of(path)
        return self.place

    def _says_the_same(self, stated: Body, path: Path) -> bool:
        """Whether the upstream's copy has the document's value; documents state no origins of items."""
        if get(stated, path) == get(self.body, path):
            return True
        fields = fields_of(self.id.kind)
        return bool(get(without_origins(stated, fields), path) == get(without_origins(self.body, fields), path))


@dataclass(frozen=True)
class Desired:
    """A tenant's desired state, and the upstream that it came from. ``needs``: the dependencies of each wanted
    entity.
    """

    upstream: Upstream
    wanted: Mapping[EntityId, Wanted]
    needs: Mapping[EntityId, frozenset[EntityId]]

    @cached_property
    def holders(self) -> Mapping[EntityId, tuple[EntityId, ...]]:
        """The wanted entities that need an entity, by that entity."""
        found: dict[EntityId, list[EntityId]] = {}
        for id, needs in self.needs.items():
            for each in needs:
                found.setdefault(each, []).append(id)
        return {id: tuple(each) for id, each in found.items()}


@dataclass(frozen=True, slots=True)
class Reachable(Container[EntityId]):
    """The set of entities that are wanted for themselves, or needed by a reachable entity that the tenant has or gets
    (CB-16).

    An entity that only new entities need, none of which is created, is not delegated. Membership is computed on demand,
    from an entity to those that need it. ``holders``: what needs an entity. ``stays``: whether the tenant has or gets a
    holder.

    Needs are the references that fields declare (`Ref`), so CB-16 needs no declaration of its own.
    """

    wanted: Mapping[EntityId, Wanted]
    holders: Callable[[EntityId], Iterable[EntityId]]
    stays: Callable[[EntityId], bool]
    known: dict[EntityId, bool] = field(default_factory=dict)

    def __contains__(self, id: object) -> bool:
        assert isinstance(id, EntityId)
        if id not in self.known:
            self.known[id] = any(self._for_itself(each) for each in self._above(id))
        return self.known[id]

    def _for_itself(self, id: EntityId) -> bool:
        wanted = self.wanted.get(id)
        return wanted is not None and (wanted.for_itself or id.kind == TENANT)

    def _above(self, id: EntityId) -> Iterator[EntityId]:
        """The entity and all holders that stay, transitively."""
        seen, queue = {id}, [id]
        while queue:
            yield (each := queue.pop())
            for by in self.holders(each):
                if by not in seen and self.stays(by):
                    seen.add(by)
                    queue.append(by)
