"""What a tenant should have, as values: the common end of every source of a desired state.

Delegation, price lists and mirrors each compute a `Desired`; the diff, the judgement and the plan know no more of them.
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
_NOTHING: Mapping[Any, Any] = {}


def _nothing() -> Mapping[Any, Any]:
    """One for all: there are very many wanted entities, and of few of them anything particular is said."""
    return _NOTHING


@dataclass(frozen=True, slots=True)
class InheritedBlock:
    """An entity that an upstream does not get, or not active, and why: ``body`` is what it would have."""

    root: Root
    body: Body


@dataclass(frozen=True, slots=True)
class HeldValue:
    """A value that a field does not get although nothing else differs, and why: the ``root`` at another level, or what
    must change first."""

    value: Value
    root: Root | None = None
    obstacles: tuple[Obstacle, ...] = ()


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a tenant's upstream offers: its entities, amounts as in force, and the documents that declare them.

    ``documents`` lacks what is a reseller's own; of its copies, they are the originals', and ``originals`` what those
    say, amounts as in force. ``hidden_templates``: by key, the notification templates that resellers do not see, at
    whatever level they are used (CB-20). ``held``: what is withheld or blocked there, and so below (TREE-02).
    ``labels``: by plan, those that a copy has of its original, where they were asked for. ``names``: every key that
    entities had, or here still have, by what they are called now (AP-21). ``origin``: that of its own copies, empty
    for a provider.
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
        """What the catalog means by an identity, as it is called here or would be: until a rename comes, as ever."""
        if id in self.state:
            return id
        olds = self.names.get(id, ())
        there = (old for old in olds if old in self.state and self.state[old].origin == self.origin)
        held = (old for old in olds if old in self.held and id not in self.held)
        return next(chain(there, held), id)

    def called_now(self) -> Mapping[EntityId, EntityId]:
        """What is called so no more, except here: by what it is called here, what the catalog calls it."""
        return {old: new for new, olds in self.names.items() for old in olds if self.called(new) == old}

    def wanted(self, id: EntityId, body: Body, place: Place | None = None, *, requested: bool = False) -> "Wanted":
        """One of its entities, as a tenant should have it. ``place``: what asks for it, where no document says it."""
        document, original = self.documents.get(id), self.originals.get(id)
        if document is None or original is None:
            return Wanted(id, body, requested=requested, document=document, place=None if document else place)
        return Wanted(id, body, requested=requested, document=document, stated=original.body, place=place)

    def labels_of(self, id: EntityId) -> Mapping[str, str]:
        """A plan's labels: its original's, and over them those that it has here."""
        have = self.state.get(id)
        own: Mapping[str, str] = have.body.get("labels", {}) if have else {}
        return {**self.labels.get(id, {}), **own}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entity that the tenant should have.

    ``body`` is the upstream's. ``requested``: it is wanted for itself, not only by what needs it; with
    ``requested_by``, as long as one of those is a copy in the tenant (IW-12). ``only_fields``: the only top-level
    fields that are compared (``None``: all that are declared). ``rules``: by path, a rule that stands in for the
    declared one. ``ignored_fields``: top-level fields of which no source speaks; they are not compared.
    ``accompanies``: by path, the entities of which one must be there for a difference below it to be one (IW-07).
    ``document``, ``place`` and, by path, ``places`` tell where it was declared; ``stated``: what the document says,
    where a copy stands between that may say otherwise. ``obstacles`` are known beforehand. ``root``: why the upstream
    itself does not get it, where it is withheld or blocked there (TREE-02). ``held``: by path, a value that a field
    would have, and why it does not get it (SUB-13); ``notes``: by path, why one has it.
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
    def context_free(self) -> bool:
        """Whether what becomes of it depends on nothing else in the tenant but what needs it."""
        return not (self.requested_by or self.accompanies or self.obstacles or self.root)

    @property
    def for_itself(self) -> bool:
        """Whether it is wanted, whatever else is in the tenant."""
        return self.requested and not self.requested_by

    def speaks_of(self, name: str) -> bool:
        """Whether a top-level field is compared, where it is declared at all."""
        return name not in self.ignored_fields and (self.only_fields is None or name in self.only_fields)

    def declared_at(self, path: Path) -> Place | None:
        """Where a field of it was declared, or the thing around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        if self.document and (self.stated is None or self._says_the_same(self.stated, path)):
            return self.document.place_of(path)
        return self.place

    def _says_the_same(self, stated: Body, path: Path) -> bool:
        """Whether the upstream's copy has what the document states; no document states an item's origin."""
        if get(stated, path) == get(self.body, path):
            return True
        fields = fields_of(self.id.kind)
        return bool(get(without_origins(stated, fields), path) == get(without_origins(self.body, fields), path))


@dataclass(frozen=True)
class Desired:
    """A tenant's desired state, and the upstream that it came from. ``needs``: what each wanted entity needs."""

    upstream: Upstream
    wanted: Mapping[EntityId, Wanted]
    needs: Mapping[EntityId, frozenset[EntityId]]

    @cached_property
    def holders(self) -> Mapping[EntityId, tuple[EntityId, ...]]:
        """By what is needed, what needs it."""
        found: dict[EntityId, list[EntityId]] = {}
        for id, needs in self.needs.items():
            for each in needs:
                found.setdefault(each, []).append(id)
        return {id: tuple(each) for id, each in found.items()}


@dataclass(frozen=True, slots=True)
class Reachable(Container[EntityId]):
    """What is wanted for itself, and what is needed by that of it which came down or is coming (CB-16).

    What only newcomers need that do not come is not delegated, and left alone. It is looked for from what is asked
    about, upwards to what needs it. ``holders``: what needs an entity. ``stays``: whether a holder came down, or comes.
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
        """It, and what needs it and stays, however many steps up."""
        seen, queue = {id}, [id]
        while queue:
            yield (each := queue.pop())
            for by in self.holders(each):
                if by not in seen and self.stays(by):
                    seen.add(by)
                    queue.append(by)
