"""The declarations of the field table: who owns a field, and which options let it change.

They stand on the fields of the documents (``Annotated[Amount, synced_by(UPDATE_FEES, rule="CB-12")]``) and on kinds.
A field without one is the provider's alone: never compared, never copied.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.model.documents.options import MIRROR

COPIED = "copied"
"""At creation the field takes the upstream's value."""
GATED = "gated"
"""At creation the field is left out; it is a difference of its own (CB-21)."""
EMPTY = "empty"
"""At creation the field is left empty."""
LAST_APPLIED = "last_applied"
"""The field of a mirror that holds what was applied last, where a rule needs to know it."""


@dataclass(frozen=True, slots=True)
class Synced:
    """Compared; any one of ``options`` lets it change."""

    options: tuple[str, ...]
    rule: str
    at_creation: Any = COPIED
    unless_override: str | None = None
    """An override without which the field is the reseller's (CB-18)."""
    off: str | None = None
    """The rule that says what does not happen while all of the options are off, where there is one of its own."""
    until_edited: bool = False
    """The field is the distributor's once it has another value than the one last applied (SUB-13)."""


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """Compared and listed; no option lets it change. ``at_creation`` may be a constant that holds from then on."""

    rule: str
    at_creation: Any = COPIED


@dataclass(frozen=True, slots=True)
class ResellerOwned:
    """The reseller's: never compared, never written after creation, which gives it ``at_creation``.

    ``follows``: the one exception, a transition of another field that sets it (CB-09). ``owner``: of a mirror it is
    the distributor's.
    """

    rule: str
    at_creation: Any = COPIED
    follows: "Follows | None" = None
    owner: str = "reseller"


@dataclass(frozen=True, slots=True)
class Follows:
    """When ``field`` goes from ``before`` to ``after``, this field is set to ``value``, under the same options."""

    field: str
    before: str
    after: str
    value: Any
    rule: str


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """What the reconciler remembers: no difference of its own, but written with whatever else of the entity is."""

    rule: str
    at_creation: Any = COPIED


@dataclass(frozen=True, slots=True)
class Unconditional:
    """What no option is needed for: a rename (AP-21), or an origin that was changed in the tenant (ORIGIN-02)."""

    rule: str


Declaration: TypeAlias = Synced | Unmanaged | ResellerOwned | Bookkeeping


@dataclass(frozen=True, slots=True)
class Items:
    """On a map by key: what lets an item come and go. Items carry declarations on their own fields.

    ``with_origin``: items carry an origin; those without are the reseller's own, and left alone (ORIGIN-04).
    ``shares_origin``: in a document of a state, an item that gives no origin takes the one that the document gives.
    ``dormant``: a flag of the item; while it is off upstream, an item that the copy lacks is no difference (CB-23).
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
    """On a set of keys: each member is a difference of its own, where its coming and going are declared apart.

    Only members that are in the tenant count (IW-10, IW-11).
    """

    created: Synced | Unmanaged | None
    removed: Synced | Unmanaged | None


@dataclass(frozen=True, slots=True)
class Ref:
    """The field names an entity of ``kind``.

    ``with_origin``: only links to what came down, or is to come down, are compared; the reseller's own stay.
    ``at``: what holds the keys: the field's ``value`` (a key or a set of keys), its map's ``keys`` or ``values``.
    ``gives``: where an entity that came down names one that the tenant lacks, it is wanted for itself (IW-12).
    ``copied``: whether the entity comes down with what names it; otherwise it stays at the provider.
    """

    kind: str
    with_origin: bool = False
    at: str = "value"
    copied: bool = True
    gives: bool = False


@dataclass(frozen=True, slots=True)
class StateOnly:
    """The field, or with ``values`` only those values of it, stands in a tenant's state only, never in a catalog."""

    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogOnly:
    """The field stands in catalogs only."""


OWN_BLOCKS = "blocks"
"""An own entity of the tenant with that key blocks what comes down, unless ``adopt``."""
OWN_LINKS = "links"
"""An own entity of the tenant with that key is linked to, and left as it is (AP-08, AP-20)."""
OWN_SHARED = "shared"
"""The entity is the tenant's whatever its origin; its declared fields are compared all the same (Tenant)."""


@dataclass(frozen=True, slots=True)
class KindSync:
    """How entities of a kind come and go in a tenant.

    ``dependent``: the rule by which one is created because something needs it, whatever the options.
    ``created``: what lets one that is given (delegated, in a template, on a price list) be created.
    ``removed``: what lets one with origin be removed that is no longer given; ``None``: it is left alone.
    ``held_by``: a kind and its field; an entity that one of those names, and that is not wanted itself, is not removed.
    """

    dependent: str | None = None
    created: Synced | None = None
    removed: Synced | None = None
    held_by: tuple[str, str] | None = None
    own: str = OWN_LINKS


def synced_by(
    *options: str, rule: str, at_creation: Any = COPIED, unless_override: str | None = None, off: str | None = None
) -> Synced:
    """Any of ``options`` lets the field change; ``rule`` is the id in RULES.md."""
    return Synced(options, rule, at_creation, unless_override, off)


def unmanaged(*, rule: str, at_creation: Any = COPIED) -> Unmanaged:
    """No option lets the field change; a difference is counted, and listed with ``--verbose``."""
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
    """The field follows until the distributor edits it (SUB-13); what was applied last tells (`LAST_APPLIED`)."""
    return Synced((MIRROR,), rule, until_edited=True)
