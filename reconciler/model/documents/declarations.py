"""The declarations of the field table: who owns a field, and which options permit it to change.

They are metadata of the documents' fields (``Annotated[Amount, synced_by(UPDATE_FEES, rule="CB-12")]``) and of kinds. A
field without a declaration belongs to the provider alone: it is never compared or copied.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.model.documents.options import MIRROR

COPIED = "copied"
"""At creation the field gets the upstream's value."""
GATED = "gated"
"""At creation the field is left out; it is a separate difference (CB-21)."""
EMPTY = "empty"
"""At creation the field is left empty."""
LAST_APPLIED = "last_applied"
"""The field of a mirror that stores what was last applied, for the rules that need it."""


@dataclass(frozen=True, slots=True)
class Synced:
    """Compared; any one of ``options`` permits it to change."""

    options: tuple[str, ...]
    rule: str
    at_creation: Any = COPIED
    unless_override: str | None = None
    """An override without which the field is the reseller's (CB-18)."""
    off: str | None = None
    """The rule about what does not happen while all of the options are off, if there is a separate one."""
    until_edited: bool = False
    """The field is the distributor's once its value differs from the one last applied (SUB-13)."""


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """Compared and listed; no option permits it to change. ``at_creation`` may be a constant that stays."""

    rule: str
    at_creation: Any = COPIED


@dataclass(frozen=True, slots=True)
class ResellerOwned:
    """Owned by the reseller: never compared, and never written after creation, which sets ``at_creation``.

    ``follows``: the one exception, a transition of another field that sets it (CB-09). ``owner``: for a mirror, the
    distributor.
    """

    rule: str
    at_creation: Any = COPIED
    follows: "Follows | None" = None
    owner: str = "reseller"


@dataclass(frozen=True, slots=True)
class Follows:
    """When ``field`` changes from ``before`` to ``after``, this field is set to ``value``, under the same options."""

    field: str
    before: str
    after: str
    value: Any
    rule: str


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """Stored by the reconciler: not a difference of its own, but written with any other change of the entity."""

    rule: str
    at_creation: Any = COPIED


Declaration: TypeAlias = Synced | Unmanaged | ResellerOwned | Bookkeeping


@dataclass(frozen=True, slots=True)
class Items:
    """On a map by key: what permits an item to be created and removed. Items have declarations on their own fields.

    ``with_origin``: items have an origin; those without one are the reseller's own, and left alone (ORIGIN-04).
    ``shares_origin``: in a state document, an item without an origin takes that of the document. ``dormant``: a flag of
    the item; while it is off upstream, a missing item is no difference (CB-23).
    """

    created: Synced | None
    removed: Synced | Unmanaged | None
    with_origin: bool = False
    shares_origin: bool = False
    dormant: str | None = None
    noun: str = "item"
    at_creation: Any = COPIED


@dataclass(frozen=True, slots=True)
class Links:
    """On a set of keys: each member is a separate difference, with separate declarations for adding and removing.

    Only members that the tenant has count (IW-10, IW-11).
    """

    created: Synced | Unmanaged | None
    removed: Synced | Unmanaged | None


@dataclass(frozen=True, slots=True)
class Ref:
    """The field references an entity of ``kind``.

    ``with_origin``: only links to copies, present or wanted, are compared; the reseller's own links stay. ``at``: where
    the keys are: the field's ``value`` (a key or a set of keys), or its map's ``keys`` or ``values``. ``gives``: if a
    copy references an entity that the tenant lacks, that one is wanted for itself (IW-12). ``copied``: the entity is
    delegated with the one that references it; otherwise it stays at the provider.
    """

    kind: str
    with_origin: bool = False
    at: str = "value"
    copied: bool = True
    gives: bool = False


@dataclass(frozen=True, slots=True)
class StateOnly:
    """The field, or with ``values`` only those values of it, is allowed only in a tenant's state, not in a catalog."""

    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogOnly:
    """The field is allowed only in catalogs."""


OWN_BLOCKS = "blocks"
"""An own entity of the tenant with that key blocks the copy, unless the policy adopts."""
OWN_LINKS = "links"
"""An own entity of the tenant with that key is linked to, and left as it is (AP-08, AP-20)."""
OWN_SHARED = "shared"
"""The entity is the tenant's whatever its origin, but its declared fields are compared (Tenant)."""


@dataclass(frozen=True, slots=True)
class KindSync:
    """How entities of a kind are created and removed in a tenant.

    ``dependent``: the rule by which one is created because another entity needs it, whatever the options. ``created``:
    what permits creating one that is requested (delegated, in a template, on a price list). ``removed``: what permits
    removing a copy that is no longer wanted; ``None``: it is left alone. ``held_by``: a kind and its field; an unwanted
    entity that such a field references is not removed.
    """

    dependent: str | None = None
    created: Synced | None = None
    removed: Synced | None = None
    held_by: tuple[str, str] | None = None
    own: str = OWN_LINKS


def synced_by(
    *options: str, rule: str, at_creation: Any = COPIED, unless_override: str | None = None, off: str | None = None
) -> Synced:
    """Any of ``options`` permits the field to change; ``rule`` is the id in docs/rules.md."""
    return Synced(options, rule, at_creation, unless_override, off)


def unmanaged(*, rule: str, at_creation: Any = COPIED) -> Unmanaged:
    """No option permits the field to change; a difference is counted, and listed with ``--verbose``."""
    return Unmanaged(rule, at_creation)


def reseller_owned(*, rule: str, at_creation: Any = COPIED, follows: Follows | None = None) -> ResellerOwned:
    """The field belongs to the reseller from its creation on."""
    return ResellerOwned(rule, at_creation, follows)


def distributor_owned(*, rule: str, at_creation: Any = EMPTY) -> ResellerOwned:
    """The field of a mirror belongs to the distributor from its creation on (SUB-38)."""
    return ResellerOwned(rule, at_creation, owner="distributor")


def mirrored(*, rule: str) -> Synced:
    """The field follows the reseller's subscription, and is locked for the distributor (SUB-38)."""
    return Synced((MIRROR,), rule)


def mirrored_until_edited(*, rule: str) -> Synced:
    """The field follows its source until the distributor edits it (SUB-13), which `LAST_APPLIED` shows."""
    return Synced((MIRROR,), rule, until_edited=True)
