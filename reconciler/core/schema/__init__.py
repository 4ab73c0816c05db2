"""Which fields documents have, who may change them, and what a copy of an entity holds.

Nothing here knows a tenant or a plan.
"""

from reconciler.core.schema.check import faults
from reconciler.core.schema.copying import (
    Takeover,
    at_creation,
    copy_in_sync,
    copy_of,
    copy_of_item,
    dormant,
    is_own,
    own_items,
    without_own_items,
)
from reconciler.core.schema.effective_amounts import dated_fields, is_dated, settled
from reconciler.core.schema.fields import (
    Branch,
    FieldShape,
    KindShape,
    RuleBook,
    field_at,
    fields_of,
    fields_of_model,
    is_locked,
    kept,
    kind_shapes,
    locked,
    named_in,
    references,
    rule_book,
    tidy,
    without_origins,
)
from reconciler.core.schema.json_schema import DRAFT_2020, Schema, closed_object, list_of, open_object, or_null, text
from reconciler.core.schema.model_walk import ANY, Spot, declared, found, matches, optional, part_at, spots, unwrapped
from reconciler.core.schema.order import in_order, under_its_own_keys

__all__ = [
    "ANY",
    "DRAFT_2020",
    "Branch",
    "FieldShape",
    "KindShape",
    "RuleBook",
    "Schema",
    "Spot",
    "Takeover",
    "at_creation",
    "closed_object",
    "copy_in_sync",
    "copy_of",
    "copy_of_item",
    "dated_fields",
    "declared",
    "dormant",
    "faults",
    "field_at",
    "fields_of",
    "fields_of_model",
    "found",
    "in_order",
    "is_dated",
    "is_locked",
    "is_own",
    "kept",
    "kind_shapes",
    "list_of",
    "locked",
    "matches",
    "named_in",
    "open_object",
    "optional",
    "or_null",
    "own_items",
    "part_at",
    "references",
    "rule_book",
    "settled",
    "spots",
    "text",
    "tidy",
    "under_its_own_keys",
    "unwrapped",
    "without_origins",
    "without_own_items",
]
