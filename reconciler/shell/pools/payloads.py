"""Serializes the arguments of tasks. A provider's documents are sent once; other payloads refer to them.

Deserialized payloads are cached per thread, so threads share nothing.
"""

import copyreg
import pickle
from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from io import BytesIO
from threading import local
from typing import Any, NamedTuple, TypeVar

from reconciler.core.desired import Upstream, provider_upstream
from reconciler.core.planning import Engine
from reconciler.core.reading import FileContents
from reconciler.core.schema import RuleBook
from reconciler.core.tree import dated_plans
from reconciler.model.documents.source import Contents, ProviderTree
from reconciler.model.values.digests import checksum
from reconciler.model.values.keys import EntityId
from reconciler.shell.engines import engine_of

T = TypeVar("T")

KEPT = 16
"""Number of deserialized payloads to cache per thread; the least recently used go first."""
SHARED = 64
"""Least number of shared desired states to cache."""


class Payload(NamedTuple):
    """A serialized payload and its digest."""

    digest: str
    content: bytes


def payload_of(content: bytes) -> Payload:
    """A payload with its digest."""
    return Payload(checksum(content).hex(), content)


class Packer:
    """Serializes values that refer to one provider's documents."""

    def __init__(self, tree: ProviderTree) -> None:
        self.tree = payload_of(pickle.dumps(tree, pickle.HIGHEST_PROTOCOL))
        self._numbers = {id(each): number for number, each in enumerate(_contents(tree))}

    def pack(self, value: Any) -> bytes:
        """Serialize a value, to be opened in a process that has opened `tree`."""
        buffer = BytesIO()
        pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = {**copyreg.dispatch_table, FileContents: self._reduced}
        pickler.dump(value)
        return buffer.getvalue()

    def _reduced(self, contents: FileContents) -> tuple[Any, ...]:
        number = self._numbers.get(id(contents))
        return contents.__reduce__() if number is None else (_opened_contents, (self.tree.digest, number))


class OpenedTree(NamedTuple):
    """A provider's documents in a worker, with its offer per requested day."""

    tree: ProviderTree
    contents: list[Contents]
    offers: dict[date, Upstream]
    engines: dict[tuple[date, bool], Engine]
    dated: dict[date, frozenset[EntityId]]

    def upstream(self, on: date) -> Upstream:
        """The provider's offer on a day."""
        if on not in self.offers:
            self.offers[on] = provider_upstream(self.tree, on)
            self.dated[on] = dated_plans(self.tree)
        return self.offers[on]

    def engine(self, rules: RuleBook, on: date, *, incremental: bool) -> Engine:
        """The engine that compares tenants on a day; reused, with its cache, by later tasks."""
        key = on, incremental
        if key not in self.engines:
            self.engines[key] = engine_of(rules, incremental=incremental, most=SHARED)
        return self.engines[key]


def opened_tree(parcel: Payload) -> OpenedTree:
    """Deserialize a provider's documents in a worker."""

    def unpack() -> OpenedTree:
        tree: ProviderTree = pickle.loads(parcel.content)
        return OpenedTree(tree, _contents(tree), {}, {}, {})

    return _kept(_here.trees, parcel.digest, unpack)


def unpacked(parcel: Payload) -> Any:
    """Deserialize the output of a `Packer`; its tree must have been opened."""
    return _kept(_here.values, parcel.digest, lambda: pickle.loads(parcel.content))


def _contents(tree: ProviderTree) -> list[Contents]:
    """The contents of a provider's files, in an order that is the same in every process."""
    return list({id(each.contents): each.contents for each in tree.documents.values()}.values())


def _opened_contents(digest: str, number: int) -> Contents:
    return _here.trees[digest].contents[number]


class _Here(local):
    def __init__(self) -> None:
        self.trees: OrderedDict[str, OpenedTree] = OrderedDict()
        self.values: OrderedDict[str, Any] = OrderedDict()


_here = _Here()


def _kept(shelf: "OrderedDict[str, T]", digest: str, unpack: Callable[[], T]) -> T:
    if digest not in shelf:
        shelf[digest] = unpack()
        while len(shelf) > KEPT:
            shelf.popitem(last=False)
    shelf.move_to_end(digest)
    return shelf[digest]
