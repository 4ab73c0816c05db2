"""The JSON Schemas of documents and results, their descriptions, and the reference of kinds and fields.

Nothing here repeats what a declaration already says.
"""

from reconciler.core.schemadocs.reference import KEY_STEP, KINDS, FieldEntry, KindEntry, reference, summary_of
from reconciler.core.schemadocs.schemas import schema_text, schemas

__all__ = ["KEY_STEP", "KINDS", "FieldEntry", "KindEntry", "reference", "schema_text", "schemas", "summary_of"]
