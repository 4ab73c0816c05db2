"""Bytes to documents, each value with its place in the file.

Nothing here checks one document against another.
"""

from reconciler.core.reading.errors import literals
from reconciler.core.reading.foreign import pattern_of
from reconciler.core.reading.index import Extract, decode_extract, document_digest, encode_extract, extract_file
from reconciler.core.reading.lazy_documents import FileContents
from reconciler.core.reading.merge_patch import merged, patched
from reconciler.core.reading.read import Head, Reading, from_extract, read_file
from reconciler.core.reading.state_documents import StatePatch, read_state, state_model
from reconciler.core.reading.text import Suggestions, with_lines
from reconciler.core.reading.yaml import parse

__all__ = [
    "Extract",
    "FileContents",
    "Head",
    "Reading",
    "StatePatch",
    "Suggestions",
    "decode_extract",
    "document_digest",
    "encode_extract",
    "extract_file",
    "from_extract",
    "literals",
    "merged",
    "parse",
    "patched",
    "pattern_of",
    "read_file",
    "read_state",
    "state_model",
    "with_lines",
]
