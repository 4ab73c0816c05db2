"""Reads the stored digests of a tenant as a few long texts.

Fetching a row per entity costs more than finding it, and tenants of one template share texts, which are parsed once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, text

from reconciler.core.states import SharedContents
from reconciler.model.bounded_cache import BoundedCache
from reconciler.model.documents.kinds import TENANT, TENANT_KINDS
from reconciler.model.values.entity import fingerprint_of, lines
from reconciler.model.values.keys import EntityId
from reconciler.stores.sql.statements import Statement

_T = TypeVar("_T")
_AT_MOST = 16_000_000
"""Characters of texts to cache."""
_IN_COMMON = 100_000
"""Entities of shared states to cache: some tens of megabytes."""
_FEW = 8
"""Texts about at most this many entities are not cached, nor those about kinds that every tenant has of its own."""


def _by_kind(*columns: str) -> Mapping[str, Statement]:
    """By database, a query that returns for each kind of a tenant's entities their number and these columns, joined by
    spaces.

    All columns have the same order. NULL values are left out.
    """
    made = {}
    for dialect, gathered in (("sqlite", "group_concat"), ("postgresql", "string_agg")):
        texts = ", ".join(f"{gathered}({column}, ' ')" for column in columns)
        rows = 'SELECT kind, "key", origin, digest, synced FROM entities WHERE tenant = :tenant ORDER BY kind, "key"'
        made[dialect] = Statement(text(f"SELECT kind, count(*), {texts} FROM ({rows}) AS sorted GROUP BY kind"))
    return made


_DIGESTS = _by_kind('"key"', "digest")
_SYNCED = _by_kind('"key"', "synced", "coalesce('=' || origin, '')")


class _Part(NamedTuple):
    """The digests of managed parts of one kind's entities, and their origins."""

    synced: Mapping[EntityId, str]
    origins: Sequence[tuple[EntityId, str | None]]


@dataclass(slots=True)
class _ParsedTexts(Generic[_T]):
    """A cache of what texts were parsed to."""

    make: Callable[..., _T | None]
    memory: BoundedCache[tuple[Any, ...], _T] = field(default_factory=lambda: BoundedCache(_AT_MOST))

    def of(self, kind: str, number: int, *texts: str | None) -> _T | None:
        """The result for texts about ``number`` entities of a kind; ``None`` if they cannot be parsed."""
        key = kind, number, *texts
        found = self.memory.known.get(key)
        if found is None and (found := self.make(*key)) is not None and number > _FEW and kind not in TENANT_KINDS:
            self.memory.keep(key, found, sum(map(len, filter(None, texts))))
        return found


class DigestReader:
    """Reads a tenant's stored digests. Returns ``None`` if some are missing or cannot be separated."""

    def __init__(self) -> None:
        self._ids = _ParsedTexts(_ids)
        self._lines = _ParsedTexts(self._lines_of)
        self._parts = _ParsedTexts(self._part_of)
        self._whole = _ParsedTexts(self._pairs)
        self._rests: BoundedCache[str, SharedContents | None] = BoundedCache(_IN_COMMON)

    def digests(self, connection: Connection, tenant: str) -> Iterable[tuple[EntityId, str]] | None:
        """The digests of all entities of a tenant; ``None`` unless all are stored and valid."""
        found = [self._whole.of(*row) for row in _rows(_DIGESTS, connection, tenant)]
        pieces = [each for each in found if each is not None]
        return chain.from_iterable(pieces) if len(pieces) == len(found) else None

    def fingerprints(self, connection: Connection, tenant: str) -> tuple[str, str] | None:
        """The fingerprints of the state, and of all but the tenant's own document. The stored digests must be valid."""
        found = [(row[0], self._lines.of(*row)) for row in _rows(_DIGESTS, connection, tenant)]
        pieces = [(kind, each) for kind, each in found if each is not None]
        if len(pieces) < len(found):
            return None
        rest = (each for kind, each in pieces if kind != TENANT)
        return fingerprint_of(each for _, each in pieces), fingerprint_of(rest)

    def common(self, connection: Connection, tenant: str, rest: str | None) -> SharedContents | None:
        """A tenant's contents except its own document, if another tenant with the same ``rest`` was read before.

        They are built at the second request only, because that costs more than reading one tenant.
        """
        if rest is None:
            return None
        if rest not in self._rests.known:
            return self._rests.keep(rest, None)
        known = self._rests.known[rest]
        if known is None and (known := self._common(connection, tenant)):
            self._rests.keep(rest, known, len(known.synced))
        return known

    def _common(self, connection: Connection, tenant: str) -> SharedContents | None:
        parts, digests = self.parts(connection, tenant), self.digests(connection, tenant)
        if parts is None or digests is None:
            return None
        synced = chain.from_iterable(part.synced.items() for part in parts)
        origins = chain.from_iterable(part.origins for part in parts)
        return SharedContents(_without_own(synced), _without_own(origins), _without_own(digests))

    def parts(self, connection: Connection, tenant: str) -> list[_Part] | None:
        """The parts of a lazy state, by kind, sorted."""
        found = [self._parts.of(*row) for row in _rows(_SYNCED, connection, tenant)]
        parts = [each for each in found if each is not None]
        return parts if len(parts) == len(found) else None

    def _pairs(self, kind: str, number: int, keys: str, digests: str | None) -> Sequence[tuple[EntityId, str]] | None:
        ids, values = self._ids.of(kind, number, keys), _split(digests, number)
        return None if ids is None or values is None else tuple(zip(ids, values, strict=True))

    def _lines_of(self, *texts: Any) -> str | None:
        pairs = self._pairs(*texts)
        return None if pairs is None else lines(pairs)

    def _part_of(self, kind: str, number: int, keys: str, synced: str | None, origins: str) -> _Part | None:
        ids, values, marked = self._ids.of(kind, number, keys), _split(synced, number), _split(origins, number)
        if ids is None or values is None or marked is None:
            return None
        came = [each[1:] if each else None for each in marked]
        return _Part(dict(zip(ids, values, strict=True)), tuple(zip(ids, came, strict=True)))


def _without_own(pairs: Iterable[tuple[EntityId, _T]]) -> dict[EntityId, _T]:
    return {id: each for id, each in pairs if id.kind != TENANT}


def _rows(statements: Mapping[str, Statement], connection: Connection, tenant: str) -> Iterator[tuple[Any, ...]]:
    return iter(sorted(statements[connection.dialect.name].rows(connection, tenant=tenant)))


def _ids(kind: str, number: int, keys: str) -> tuple[EntityId, ...] | None:
    names = _split(keys, number)
    return None if names is None else tuple([EntityId(kind, name) for name in names])


def _split(values: str | None, number: int) -> list[str] | None:
    """The values of a joined text; ``None`` if one is missing or contains a space."""
    found = values.split(" ") if values is not None else []
    return found if len(found) == number else None
