"""What tasks take with them to another process: bytes. A provider's documents go once, and everything else names them.

What was unpacked is kept in the thread that did it, so that nothing of it is shared.
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
"""So many things that were unpacked are kept, the ones used last."""
SHARED = 64
"""So many desired states that tenants share are kept at least, if there are so many."""


class Parcel(NamedTuple):
    """Something packed, and the digest that it is known by."""

    digest: str
    content: bytes


def parcel_of(content: bytes) -> Parcel:
    """What was packed, under its digest."""
    return Parcel(checksum(content).hex(), content)


class Packer:
    """Packs what speaks of one provider's documents."""

    def __init__(self, tree: ProviderTree) -> None:
        self.tree = parcel_of(pickle.dumps(tree, pickle.HIGHEST_PROTOCOL))
        self._numbers = {id(each): number for number, each in enumerate(_contents(tree))}

    def pack(self, value: Any) -> bytes:
        """To be opened where `tree` was opened."""
        buffer = BytesIO()
        pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = {**copyreg.dispatch_table, FileContents: self._reduced}
        pickler.dump(value)
        return buffer.getvalue()

    def _reduced(self, contents: FileContents) -> tuple[Any, ...]:
        number = self._numbers.get(id(contents))
        return contents.__reduce__() if number is None else (_opened_contents, (self.tree.digest, number))


class OpenedTree(NamedTuple):
    """A provider's documents where tasks are done, and what it offers on the days that were asked for."""

    tree: ProviderTree
    contents: list[Contents]
    offers: dict[date, Upstream]
    engines: dict[tuple[date, bool], Engine]
    dated: dict[date, frozenset[EntityId]]

    def upstream(self, on: date) -> Upstream:
        """What the provider offers ``on`` that day."""
        if on not in self.offers:
            self.offers[on] = provider_upstream(self.tree, on)
            self.dated[on] = dated_plans(self.tree)
        return self.offers[on]

    def engine(self, rules: RuleBook, on: date, *, incremental: bool) -> Engine:
        """What compares tenants ``on`` that day; it goes on with what it found out here before."""
        key = on, incremental
        if key not in self.engines:
            self.engines[key] = engine_of(rules, incremental=incremental, most=SHARED)
        return self.engines[key]


def opened_tree(parcel: Parcel) -> OpenedTree:
    """A provider's documents, in the process that tasks were sent to."""

    def unpack() -> OpenedTree:
        tree: ProviderTree = pickle.loads(parcel.content)
        return OpenedTree(tree, _contents(tree), {}, {}, {})

    return _kept(_here.trees, parcel.digest, unpack)


def unpacked(parcel: Parcel) -> Any:
    """What was packed by a `Packer`, once its tree was opened."""
    return _kept(_here.values, parcel.digest, lambda: pickle.loads(parcel.content))


def _contents(tree: ProviderTree) -> list[Contents]:
    """What is in the files of a provider, in an order that is the same wherever they are."""
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
