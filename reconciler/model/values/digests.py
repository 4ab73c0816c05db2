"""The three digests of the program. Each is stored somewhere, so its bytes do not change.

- `record_digest` (SHA-256): what people see, and what stores and journals keep for good.
- `content_digest` (BLAKE2b, 20 bytes): the name of a content in an index or a cache.
- `checksum` (BLAKE2b, 16 bytes): whether two values that this program wrote are equal, or one value is undamaged.

Git's object names are git's own: `reconciler.shell.repository.file_cache.name_of`.
"""

import hashlib
from collections.abc import Iterable

PREFIX = "sha256:"
"""Before the digits of a record digest, where a document shows it: the algorithm."""
CONTENT_BYTES = 20
CHECKSUM_BYTES = 16


def record_digest(data: bytes) -> str:
    """The SHA-256 of these bytes: 64 hexadecimal digits, without a prefix."""
    return hashlib.sha256(data).hexdigest()


def prefixed_digest(pieces: Iterable[bytes]) -> str:
    """The `record_digest` of pieces that are joined, with the algorithm before it: ``sha256:`` and 64 digits.

    The pieces are taken one by one, so a large plan is never joined in memory.
    """
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return PREFIX + digest.hexdigest()


def content_digest(pieces: Iterable[bytes], *, key: bytes = b"") -> bytes:
    """The BLAKE2b of pieces that are joined: 20 bytes.

    ``key``: at most 64 bytes; other keys give other digests, so an entry of another version is never found.
    """
    digest = hashlib.blake2b(key=key, digest_size=CONTENT_BYTES)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def checksum(data: bytes, *, key: bytes = b"") -> bytes:
    """The BLAKE2b of these bytes: 16 bytes.

    ``key``: at most 64 bytes, for instance the name that the data is kept under.
    """
    return hashlib.blake2b(data, key=key, digest_size=CHECKSUM_BYTES).digest()
