"""Changes as data, as plans and journals store them, and the origins of entities according to these records.

Nothing here compares or decides.
"""

from reconciler.core.records.change_records import (
    change_from_data,
    change_to_data,
    data_in_tenant,
    declared_to_data,
    deferred_from_data,
    deferred_to_data,
    entity_of,
    field_to_data,
    in_saved_order,
    is_entry,
    reason_from_data,
    reason_to_data,
)
from reconciler.core.records.journal_entries import JournalEntries
from reconciler.core.records.origins import (
    NOTHING_RESTORED,
    ORIGIN,
    RELEASE_RULE,
    RESTORE_RULE,
    RestoredState,
    disputed_origins,
    entities_named,
    index_changes,
    is_disputed,
    is_shared,
    item_origins,
    made_own,
    origins_that_differ,
    released_without_origin,
    restored_state,
)

__all__ = [
    "NOTHING_RESTORED",
    "ORIGIN",
    "RELEASE_RULE",
    "RESTORE_RULE",
    "JournalEntries",
    "RestoredState",
    "change_from_data",
    "change_to_data",
    "data_in_tenant",
    "declared_to_data",
    "deferred_from_data",
    "deferred_to_data",
    "disputed_origins",
    "entities_named",
    "entity_of",
    "field_to_data",
    "in_saved_order",
    "index_changes",
    "is_disputed",
    "is_entry",
    "is_shared",
    "item_origins",
    "made_own",
    "origins_that_differ",
    "reason_from_data",
    "reason_to_data",
    "released_without_origin",
    "restored_state",
]
