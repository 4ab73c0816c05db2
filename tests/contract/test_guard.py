"""The guard within every store's write: what a distributor may do to a mirror, whatever way it is written (SUB-17…)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from reconciler.core.schema.fields import fields_of
from reconciler.core.subscriptions.permissions import denial
from reconciler.model.documents.subscriptions import ACTIONS
from reconciler.model.plans.rules import rule_text
from reconciler.model.values.entity import Entity
from reconciler.stores.base import Committed, Denied, EntityWrite, TenantStore, TenantWrite
from tests.contract import guarded
from tests.contract.guarded import (
    COPIED_CUSTOMER,
    HELD,
    MIRROR,
    MIRROR_OF_A_MIRROR,
    OWN,
    OWN_CUSTOMER,
    attempts,
    both,
    write,
)
from tests.contract.samples import AT, contents, plan, put
from tests.contract.test_store_contract import STORES, new_place

MIRRORS = {"mirror": MIRROR, "mirror-of-a-mirror": MIRROR_OF_A_MIRROR}
DENIED_ACTIONS = {
    "delete": "SUB-32",
    "activate": "SUB-33",
    "cancel": "SUB-33",
    "suspend": "SUB-33",
    "renew": "SUB-33",
    "add_add_on": "SUB-34",
    "change_quantity": "SUB-34",
    "upgrade": "SUB-35",
    "downgrade": "SUB-35",
    "generate_invoice": "SUB-36",
    "relate_activity": "SUB-37",
    "relate_email": "SUB-37",
    "cancel_add_on": "SUB-17",
    "retry_provisioning": "SUB-11",
    "set_renew_automatically": "SUB-10",
    "change_unit": "SUB-39",
    "run_billing": "SUB-28",
}
"""What the rules deny to the distributor on a mirrored subscription, whatever is written with it."""
ALLOWED_ACTIONS = {"edit": "SUB-38", "edit_pricing": "SUB-39", "change_add_on": "SUB-17"}
"""What they allow, on unlocked fields, and the rule that limits it."""


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantStore]:
    with closing(new_place(request.param, request, tmp_path_factory.mktemp("guard")).writer()) as store:
        store.overwrite("northwind", put(*HELD), actor="tenant", at=AT)
        yield store


def change(after: Entity, before: Entity | None = None) -> EntityWrite:
    return EntityWrite(after.id, before, after)


def removal(entity: Entity) -> EntityWrite:
    return EntityWrite(entity.id, entity, None)


def is_denied(store: TenantStore, *writes: EntityWrite, role: str = "distributor", action: str | None = None) -> str:
    """The rule by which something is denied; nothing of the store changed."""
    before = contents(store)
    outcome = write(store, *writes, role=role, action=action)
    assert isinstance(outcome, Denied), outcome
    assert contents(store) == before
    assert outcome.rule == "ORIGIN-01" or rule_text(outcome.rule)
    return outcome.rule


def test_every_field_is_tried() -> None:
    assert set(guarded.CHANGED) == {field.name for field in fields_of("Subscription")}
    assert set(DENIED_ACTIONS) | set(ALLOWED_ACTIONS) == set(ACTIONS)


@pytest.mark.parametrize(
    ("mirror", "action"),
    [(MIRROR, None), *((MIRROR, each) for each in sorted(ALLOWED_ACTIONS)), (MIRROR_OF_A_MIRROR, None)],
    ids=["write", *sorted(ALLOWED_ACTIONS), "mirror-of-a-mirror"],
)
def test_every_change_of_a_mirror(store: TenantStore, mirror: Entity, action: str | None) -> None:
    """What names no action is held to what an edit may do."""
    limit = ALLOWED_ACTIONS[action] if action else "SUB-38"
    for attempt in attempts(mirror):
        writes = [EntityWrite(mirror.id, mirror, attempt.after)]
        if attempt.rule is None:
            assert isinstance(write(store, *writes, action=action), tuple), attempt.name
            assert store.observe("northwind").entities[mirror.id] == attempt.after
            if attempt.after != mirror and "history" in attempt.name:  # what has grown may not shrink again
                store.overwrite("northwind", put(mirror), actor="tenant", at=AT)
        else:
            expected = limit if attempt.rule == "SUB-38" else attempt.rule
            assert is_denied(store, *writes, action=action) == expected, attempt.name


@pytest.mark.parametrize("mirror", MIRRORS.values(), ids=MIRRORS)
def test_what_is_denied_is_denied_whatever_is_written(store: TenantStore, mirror: Entity) -> None:
    for action, rule in DENIED_ACTIONS.items():
        for after in (mirror, both(mirror, type="internal"), both(mirror, status="suspended")):
            assert is_denied(store, change(after), action=action) == rule
        assert is_denied(store, removal(mirror), action=action) == rule


def test_an_action_that_nobody_knows_is_denied(store: TenantStore) -> None:
    for action in ("", "write", "EDIT", "edit ", "create", "unknown"):
        assert is_denied(store, change(both(MIRROR, type="internal")), action=action) == "SUB-38"
        assert is_denied(store, change(MIRROR), action=action) == "SUB-38"


@pytest.mark.parametrize("role", ["reseller", "", "Distributor", "admin", "reconciler"])
def test_nobody_else_with_a_role_touches_a_mirror(store: TenantStore, role: str) -> None:
    """A reseller acts on its own subscription; a role that nobody knows is never that of the reconciler."""
    for action in (None, "unknown", *sorted(ACTIONS)):
        for after in (MIRROR, both(MIRROR, type="internal"), both(MIRROR, quantity=1)):
            assert is_denied(store, change(after), role=role, action=action) == "SUB-19"
        assert is_denied(store, removal(MIRROR), role=role, action=action) == "SUB-19"


def test_what_the_writer_says_it_read_is_not_believed(store: TenantStore) -> None:
    after = both(MIRROR, quantity=26)
    for before in (None, after, OWN, Entity(MIRROR.id, MIRROR.body), Entity(MIRROR.id, {})):
        assert is_denied(store, EntityWrite(MIRROR.id, before, after)) == "SUB-38"
        assert is_denied(store, EntityWrite(MIRROR.id, before, None)) == "SUB-32"
        assert is_denied(store, EntityWrite(MIRROR.id, before, Entity(MIRROR.id, after.body))) == "ORIGIN-01"


def test_a_mirror_is_made_by_the_reconciler_only(store: TenantStore) -> None:
    for new in (
        guarded.subscription("contoso.sub-9", origin="contoso"),
        guarded.subscription("anything", origin="northwind"),
        guarded.customer("contoso.new", origin="contoso"),
    ):
        assert is_denied(store, change(new)) == "SUB-04"
        assert is_denied(store, change(new), action="edit") == "SUB-04"


def test_an_own_subscription_does_not_become_a_mirror(store: TenantStore) -> None:
    assert is_denied(store, change(Entity(OWN.id, OWN.body, "contoso"), OWN)) == "ORIGIN-01"


def test_one_denied_write_among_others_denies_all(store: TenantStore) -> None:
    allowed = [change(both(OWN, quantity=1)), change(both(MIRROR, type="internal"))]
    assert is_denied(store, *allowed, change(both(MIRROR_OF_A_MIRROR, quantity=1))) == "SUB-38"
    assert is_denied(store, change(both(MIRROR, quantity=1)), *allowed) == "SUB-38"


def test_writing_twice_in_one_call_does_not_get_around_it(store: TenantStore) -> None:
    """The first makes it an own subscription, or takes it away; the second changes what it then is."""
    for first in (change(Entity(MIRROR.id, MIRROR.body)), removal(MIRROR)):
        assert is_denied(store, first, change(both(MIRROR, quantity=1))) in ("ORIGIN-01", "SUB-32")
        assert is_denied(store, change(both(MIRROR, quantity=1)), change(MIRROR)) == "SUB-38"


def test_a_copied_customer_follows_too(store: TenantStore) -> None:
    for name, value in {"name": "Other", "reference": None}.items():
        assert is_denied(store, change(both(COPIED_CUSTOMER, **{name: value}))) == "SUB-38"
    assert is_denied(store, removal(COPIED_CUSTOMER)) == "SUB-32"
    assert isinstance(write(store, change(both(COPIED_CUSTOMER, billing_day=3))), tuple)


@pytest.mark.parametrize("role", ["distributor", "reseller"])
def test_what_is_ones_own_is_free(store: TenantStore, role: str) -> None:
    changed = both(OWN, quantity=1, status="cancelled"), both(OWN_CUSTOMER, name="Another")
    for action in (None, *sorted(ACTIONS)):
        for after in (*changed, guarded.subscription("own-2")):
            assert isinstance(write(store, change(after), role=role, action=action), tuple)
        assert isinstance(write(store, removal(OWN), removal(OWN_CUSTOMER), role=role, action=action), tuple)


def test_other_kinds_that_came_down_are_not_its_business(store: TenantStore) -> None:
    assert isinstance(write(store, *put(plan("basic"))), tuple)
    assert isinstance(write(store, removal(plan("basic"))), tuple)


def test_the_reconciler_is_not_held(store: TenantStore) -> None:
    for attempt in attempts(MIRROR):
        if attempt.rule:
            writes = [EntityWrite(MIRROR.id, MIRROR, attempt.after)]
            assert isinstance(write(store, *writes, role=None, action="delete"), tuple), attempt.name
            assert store.observe("northwind").entities.get(MIRROR.id) == attempt.after


def test_the_outside_world_is_not_held(store: TenantStore) -> None:
    for attempt in attempts(MIRROR):
        if attempt.rule:
            writes = [EntityWrite(MIRROR.id, None, attempt.after)]
            assert isinstance(store.overwrite("northwind", writes, actor="tenant", at=AT), Committed)
            assert store.observe("northwind").entities.get(MIRROR.id) == attempt.after


def test_a_denied_part_leaves_the_other_tenants_unwritten(store: TenantStore) -> None:
    store.overwrite("contoso", put(OWN), actor="tenant", at=AT)
    before = contents(store)
    own, mine = store.observe("contoso"), store.observe("northwind")
    fine = TenantWrite("contoso", (change(both(OWN, quantity=1)),), "x", AT, own.fingerprint, role="reseller")
    denied = TenantWrite(
        "northwind", (change(both(MIRROR, quantity=1)),), "x", AT, mine.fingerprint, role="distributor"
    )
    for parts in ([fine, denied], [denied, fine]):
        outcome = store.write(parts)
        assert isinstance(outcome, Denied)
        assert contents(store) == before


def test_the_guard_stands_before_whether_the_state_moved(store: TenantStore) -> None:
    """Denied is denied, also to one who read long ago: who may not, is not told to try again."""
    stale = TenantWrite(
        "northwind", (change(both(MIRROR, quantity=1)),), "x", AT, "sha256:old", role="distributor", action="edit"
    )
    assert isinstance(store.write([stale]), Denied)


def test_the_guard_looks_at_what_is_there_and_not_at_what_was_read(store: TenantStore) -> None:
    """A subscription that was the distributor's own when it read it, and is a mirror by now."""
    store.overwrite("northwind", [removal(MIRROR)], actor="tenant", at=AT)
    read = store.observe("northwind")
    store.overwrite("northwind", put(MIRROR), actor="tenant", at=AT)
    own = Entity(MIRROR.id, {"product": "x"})
    late = TenantWrite("northwind", (change(own),), "x", AT, read.fingerprint, read.revision, role="distributor")
    assert store.write([late]) == Denied("ORIGIN-01", f"{MIRROR.id}: the origin is written by the reconciler only")


def test_an_own_subscription_may_have_any_key(store: TenantStore) -> None:
    """It is then in a mirror's way, which the plan says (RULES.md, Origin): nothing is overwritten."""
    own = guarded.subscription("contoso.sub-7")
    assert isinstance(write(store, change(own)), tuple)
    assert store.observe("northwind").entities[own.id] == own


def test_each_writer_who_may_not_is_told_who_may() -> None:
    told = {role: denial(role, None, MIRROR, None) for role in ("reseller", "admin")}
    assert {role: each and each.detail for role, each in told.items()} == {
        "reseller": f"{MIRROR.id} is a mirror: the reseller acts on its own subscription, and the mirror follows",
        "admin": f"{MIRROR.id} is a mirror: only the distributor may act on it, and no other role",
    }
