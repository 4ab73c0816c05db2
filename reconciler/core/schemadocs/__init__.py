"""The JSON Schemas of documents and results, and their descriptions.

Nothing here is written by hand that a declaration can tell.
"""

from reconciler.core.schemadocs.result_schemas import FORMAT_VERSION
from reconciler.core.schemadocs.schemas import rendered, schemas

__all__ = ["FORMAT_VERSION", "rendered", "schemas"]
