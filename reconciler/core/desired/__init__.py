"""The desired state of a tenant, from delegation, price lists and its service template.

Nothing here compares it with the tenant's actual state.
"""

from reconciler.core.desired.delegation import (
    PLAN,
    Closure,
    ListedBy,
    delegated_list,
    from_template,
    has_needs,
    listed_plan,
    off_the_list,
    own_document,
)
from reconciler.core.desired.lazy_mapping import LazyMapping
from reconciler.core.desired.price_list import CYCLES, PRODUCT, AssignedPriceList, inactive_units, is_retirable, units
from reconciler.core.desired.renames import RenamedState, as_called_now, relinked, with_renames
from reconciler.core.desired.resolve import resolve, wanted_for_themselves, without_cycles
from reconciler.core.desired.upstream import (
    hidden_templates,
    needs_ancestors,
    provider_upstream,
    reseller_upstream,
    with_ancestors,
    with_labels,
)
from reconciler.core.desired.wanted import NOTHING, Desired, HeldValue, InheritedBlock, Reachable, Upstream, Wanted

__all__ = [
    "CYCLES",
    "NOTHING",
    "PLAN",
    "PRODUCT",
    "AssignedPriceList",
    "Closure",
    "Desired",
    "HeldValue",
    "InheritedBlock",
    "LazyMapping",
    "ListedBy",
    "Reachable",
    "RenamedState",
    "Upstream",
    "Wanted",
    "as_called_now",
    "delegated_list",
    "from_template",
    "has_needs",
    "hidden_templates",
    "inactive_units",
    "is_retirable",
    "listed_plan",
    "needs_ancestors",
    "off_the_list",
    "own_document",
    "provider_upstream",
    "relinked",
    "reseller_upstream",
    "resolve",
    "units",
    "wanted_for_themselves",
    "with_ancestors",
    "with_labels",
    "with_renames",
    "without_cycles",
]
