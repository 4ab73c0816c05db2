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
    is_dormant,
    is_own,
    own_items,
    without_own_items,
)
from reconciler.core.schema.effective_amounts import dated_fields, effective, is_dated
from reconciler.core.schema.fields import (
    FieldShape,
    KindShape,
    bookkeeping_fields,
    field_at,
    fields_of,
    fields_of_model,
    is_locked,
    kind_shapes,
    locked_fields,
    prune_empty,
    without_origins,
)
from reconciler.core.schema.json_schema import DRAFT_2020, Schema, closed_object, list_of, open_object, or_null, text
from reconciler.core.schema.model_walk import (
    ModelField,
    declarations_of,
    field_paths,
    found,
    matches,
    optional,
    part_at,
    unwrapped,
)
from reconciler.core.schema.order import execution_order, under_its_own_keys
from reconciler.core.schema.references import (
    Branch,
    branches_of,
    branches_of_kind,
    branches_of_model,
    kinds_in,
    named_in,
    names_an_entity,
    references,
)
from reconciler.core.schema.rule_book import RuleBook, rule_book

__all__ = [
    "DRAFT_2020",
    "Branch",
    "FieldShape",
    "KindShape",
    "ModelField",
    "RuleBook",
    "Schema",
    "Takeover",
    "at_creation",
    "bookkeeping_fields",
    "branches_of",
    "branches_of_kind",
    "branches_of_model",
    "closed_object",
    "copy_in_sync",
    "copy_of",
    "copy_of_item",
    "dated_fields",
    "declarations_of",
    "effective",
    "execution_order",
    "faults",
    "field_at",
    "field_paths",
    "fields_of",
    "fields_of_model",
    "found",
    "is_dated",
    "is_dormant",
    "is_locked",
    "is_own",
    "kind_shapes",
    "kinds_in",
    "list_of",
    "locked_fields",
    "matches",
    "named_in",
    "names_an_entity",
    "open_object",
    "optional",
    "or_null",
    "own_items",
    "part_at",
    "prune_empty",
    "references",
    "rule_book",
    "text",
    "under_its_own_keys",
    "unwrapped",
    "without_origins",
    "without_own_items",
]
