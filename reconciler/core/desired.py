"""What a tenant should have, as values: the common end of every source of a desired state.

Delegation, price lists and mirrors each compute a `Desired`; the diff, the judgement and the plan know no more of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.change import Obstacle
from reconciler.model.diagnostics import Place
from reconciler.model.entity import State
from reconciler.model.keys import EntityId
from reconciler.model.source import SourceDocument
from reconciler.model.values import Body, Path

STATUS_ONLY = frozenset({"status"})


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a tenant's upstream offers: its entities, amounts as in force, and the documents that declare them.

    ``documents`` lacks what stands in a reseller's state only. ``templates_hidden``: the notification templates that
    resellers do not see (CB-20), at whatever level they are used. ``renames``: what its entities were called (AP-21).
    """

    key: str
    state: State
    documents: Mapping[EntityId, SourceDocument]
    hidden_templates: frozenset[str] = frozenset()
    renames: Mapping[EntityId, EntityId] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entity that the tenant should have.

    ``body`` is the upstream's. ``given``: it is wanted for itself, not only by what needs it; with ``givers``, as long
    as one of those is a copy in the tenant (IW-12). ``covers``: the only
    top-level fields that are compared (``None``: all that are declared). ``rules``: by path, a rule that stands in for
    the declared one. ``document`` and ``place`` tell where it was declared; ``obstacles`` are known beforehand.
    """

    id: EntityId
    body: Body
    given: bool = False
    givers: frozenset[EntityId] = frozenset()
    covers: frozenset[str] | None = None
    rules: Mapping[Path, str] = field(default_factory=dict)
    document: SourceDocument | None = None
    place: Place | None = None
    obstacles: tuple[Obstacle, ...] = ()

    def declared_at(self, path: Path) -> Place | None:
        """Where a field of it was declared, or the thing around it."""
        if self.place is not None:
            return self.place
        return self.document.place_of(path) if self.document else None


@dataclass(frozen=True, slots=True)
class Desired:
    """A tenant's desired state, and the upstream that it came from. ``needs``: what each wanted entity needs."""

    upstream: Upstream
    wanted: Mapping[EntityId, Wanted]
    needs: Mapping[EntityId, frozenset[EntityId]]
