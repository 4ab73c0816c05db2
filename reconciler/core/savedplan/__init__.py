"""A plan as data and as bytes, and the validation of a plan that was read from a file.

Nothing here trusts the contents of a file.
"""

from reconciler.core.savedplan.canonical_reader import SavedText
from reconciler.core.savedplan.codec import PlanRefused, decode, encode, encoded, restore
from reconciler.core.savedplan.memory_check import SourceMemory, source_memory
from reconciler.core.savedplan.plan_data import Lists, head_to_data, lists_of, plan_digest
from reconciler.core.savedplan.plan_schema import plan_schema
from reconciler.core.savedplan.spool import IN_MEMORY, Spool

__all__ = [
    "IN_MEMORY",
    "Lists",
    "PlanRefused",
    "SavedText",
    "SourceMemory",
    "Spool",
    "decode",
    "encode",
    "encoded",
    "head_to_data",
    "lists_of",
    "plan_digest",
    "plan_schema",
    "restore",
    "source_memory",
]
