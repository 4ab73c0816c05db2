"""A workspace that was read, and the choice of its tenants and guards by name."""

import re
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from reconciler.app.errors import Unknown
from reconciler.core.tree import tenants_in_order, upstream_key
from reconciler.model.documents.options import GUARDS
from reconciler.model.documents.source import Catalog
from reconciler.model.values.field_types import did_you_mean
from reconciler.shell.repository.blame import Blamed
from reconciler.shell.repository.checkout import Checkout
from reconciler.shell.repository.git import Repository


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace that was read and is valid. ``revision``: the commit it was read from; ``None``: the files.

    ``checkout``: what git says of the files. ``opened``: what is to be closed once nothing is asked of it any more; it
    is a context manager for that.
    """

    root: Path
    catalog: Catalog
    repository: Repository | None
    revision: str | None
    checkout: Checkout = field(default_factory=Checkout)
    opened: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and end the processes that documents are looked up with."""
        self.opened.close()

    def tenants(self) -> list[str]:
        """Every tenant: resellers and providers."""
        return sorted({*self.catalog.policies, *self.catalog.providers})

    def known(self, tenant: str) -> str:
        """The tenant itself. Raises `Unknown`."""
        if tenant not in self.tenants():
            raise Unknown(f'there is no tenant "{tenant}": {did_you_mean(tenant, self.tenants())}')
        return tenant

    def chosen(self, patterns: Iterable[str], shard: str | None = None) -> frozenset[str] | None:
        """The tenants that patterns such as ``con*`` choose, of a shard (``1/4``) if one is given; ``None``: all.

        Raises `Unknown`.
        """
        part = shard_of(self.catalog, shard) if shard is not None else None
        chosen: set[str] = set()
        for pattern in patterns:
            found = {tenant for tenant in self.tenants() if fnmatchcase(tenant, pattern)}
            if not found:
                raise Unknown(f'no tenant is called "{pattern}": {did_you_mean(pattern, self.tenants())}')
            chosen |= found
        if not patterns:
            return part
        return frozenset(chosen) if part is None else part & chosen

    def allowances(self, texts: Iterable[str]) -> dict[str, frozenset[str]]:
        """``GUARD:TENANT`` texts, patterns on both sides, as the guards to override by tenant (GUARD-01).

        Raises `Unknown`, also for a pattern that matches no guard or no reseller.
        """
        found: dict[str, frozenset[str]] = {}
        for text in texts:
            guard, colon, tenant = text.partition(":")
            if not colon or not guard or not tenant:
                raise Unknown(f'"{text}" is no guard and tenant: for example max_price_change:contoso')
            guards = frozenset(each for each in GUARDS if fnmatchcase(each, guard))
            if not guards:
                raise Unknown(f'there is no guard "{guard}": {did_you_mean(guard, GUARDS)}')
            resellers = [each for each in self.catalog.policies if fnmatchcase(each, tenant)]
            if not resellers:
                raise Unknown(f'there is no reseller "{tenant}": {did_you_mean(tenant, self.catalog.policies)}')
            for each in resellers:
                found[each] = found.get(each, frozenset()) | guards
        return found


_SHARD = re.compile(r"[0-9]{1,9}")


def shard_of(catalog: Catalog, text: str) -> frozenset[str]:
    """The tenants of one of several parts: whole subtrees below a provider, in turn; providers are of the first.

    ``text``: ``2/4`` is the second of four. Raises `Unknown`.
    """
    index, slash, count = text.partition("/")
    fits = slash and _SHARD.fullmatch(index) and _SHARD.fullmatch(count)
    if not fits or not 1 <= int(index) <= int(count):
        raise Unknown(f'"{text}" is no shard: for example 1/4, the first of four')
    firsts = [each for each in sorted(catalog.policies) if upstream_key(catalog, each) in catalog.providers]
    part = firsts[int(index) - 1 :: int(count)] + (sorted(catalog.providers) if index.lstrip("0") == "1" else [])
    found = set(part)
    for reseller in tenants_in_order(catalog):
        if upstream_key(catalog, reseller) in found - set(catalog.providers):
            found.add(reseller)
    return frozenset(found)


def who_set(workspace: Workspace, file: str, line: int) -> Blamed | None:
    """The commit and author of a line of the workspace."""
    if workspace.repository is None:
        return None
    lines = workspace.repository.blame(file, workspace.revision)
    return lines[line - 1] if line <= len(lines) else None
