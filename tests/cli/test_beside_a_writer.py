"""A plan of a database that somebody writes to meanwhile: the tenant is read again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection

from reconciler.stores.registry import open_store
from reconciler.stores.sql.store import SqlReader
from tests.cli.mirrors import with_mirrors
from tests.cli.runner import Shop
from tests.contract.samples import AT


@contextmanager
def written_before_reading(tenant: str, at: int, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Somebody writes to a tenant before the so-manyth reading of a sketch's bodies or digests."""
    real, readings = SqlReader._as_sketched, [""]

    @contextmanager
    def disturbed(self: SqlReader, who: str, kept: Any) -> Iterator[Connection]:
        readings.append(who)
        if readings.count(tenant) == at and who == tenant:
            store = open_store("sqlite:///.reconcile/tenants.db", root=shop.root)
            store.overwrite(tenant, (), actor="another", at=AT)
            store.close()
        with real(self, who, kept) as connection:
            yield connection

    with monkeypatch.context() as inner:
        inner.setattr(SqlReader, "_as_sketched", disturbed)
        yield readings


def test_a_plan_beside_a_writer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of mirrors, a price and a plan that is new to one of two resellers."""
    shop.run("apply --auto-approve")
    with_mirrors(shop)
    shop.reprice()
    shop.commit()
    right = shop.run("plan")
    assert right.status == 0 and "acme" in right.out
    for at in count(1):
        with written_before_reading("one", at, shop, monkeypatch) as readings:
            found = shop.run("plan")
        assert (found.status, found.out) == (0, right.out)
        if readings.count("one") < at:
            break
    assert at > 1, "nothing was read by digests"
