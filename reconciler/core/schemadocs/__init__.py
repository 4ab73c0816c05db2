"""The JSON Schemas of documents and results, and their descriptions.

Nothing here repeats what a declaration already says.
"""

from reconciler.core.schemadocs.schemas import schema_text, schemas

__all__ = ["schema_text", "schemas"]
