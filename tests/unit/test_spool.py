"""Large plans: written down as they are made, they are the same plans, with one tenant in memory at a time."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from tempfile import TemporaryFile

import orjson
import pytest
from hypothesis import given

from reconciler.core.inspect.inverse import inverse
from reconciler.core.savedplan.codec import decode, encode, encoded
from reconciler.core.savedplan.plan_data import plan_digest
from reconciler.core.savedplan.spool import Spool
from reconciler.core.tree.schedule import Schedule
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import (
    Change,
    Declared,
    DeferralReason,
    FieldChange,
    Plan,
    Source,
    StoredTenants,
    TenantPlan,
    TenantStatus,
)
from reconciler.model.values.keys import EntityId
from reconciler.report.lines import render_lines
from reconciler.report.plans.data import plan_json, pretty, render_plan_json
from reconciler.report.plans.listing import plan_lines, render_plan
from reconciler.report.plans.listing_folding import LISTED
from reconciler.report.plans.markdown import render_markdown
from reconciler.report.plans.page import render_html
from reconciler.shell.scratch import ScratchFile
from tests.scenarios import runner
from tests.unit.spooling import MemoryScratch, spool_of, spooled
from tests.unit.test_codec import plans, sample, slow


def page(plan: Plan) -> str:
    return "".join(render_html(plan))


REPORTS: tuple[Callable[[Plan], str], ...] = (
    render_plan,
    partial(render_plan, verbose=True),
    render_markdown,
    page,
)
TENANTS, EACH = 40, 25


def shuffled(plan: Plan) -> Plan:
    """What is deferred in another order than the one in which it is saved."""
    return replace(plan, tenants=tuple(replace(each, deferred=each.deferred[::-1]) for each in plan.tenants))


@slow
@given(plans.map(shuffled))
def test_it_is_the_same_plan(plan: Plan) -> None:
    large = spooled(plan)
    assert large == plan
    assert plan == large
    assert large.outlines == plan.outlines
    assert (large.summary(), large.applyable, large.complete, large.errored) == (
        plan.summary(),
        plan.applyable,
        plan.complete,
        plan.errored,
    )


@slow
@given(plans.map(shuffled))
def test_it_is_saved_as_the_same_bytes(plan: Plan) -> None:
    large = spooled(plan)
    assert encode(large) == encode(plan)
    assert plan_digest(large) == plan_digest(plan)
    assert render_plan_json(large) == render_plan_json(plan) == pretty(orjson.loads(encode(plan)))


def test_the_inverse_is_the_same() -> None:
    plan = sample()
    look = "its store cannot be reached"
    assert tuple(inverse(spooled(plan), lambda _: look)) == tuple(inverse(plan, lambda _: look))


def test_tenants_are_a_sequence() -> None:
    tenants = spooled(many()).tenants
    assert isinstance(tenants, StoredTenants)
    assert len(tenants) == TENANTS
    assert tenants[3] == many().tenants[3] == tenants[3 - TENANTS]
    assert tenants[2:5] == many().tenants[2:5]
    assert tenants != many().tenants[:-1]
    assert tenants != many().tenants[::-1]
    assert many().tenants[7] in tenants
    with pytest.raises(IndexError):
        tenants[TENANTS]


def test_a_small_plan_stays_in_memory() -> None:
    def nowhere() -> MemoryScratch:
        raise AssertionError("there was room")

    tenants = many().tenants
    spool = Spool(nowhere, most=TENANTS * EACH)
    spool.update({each.tenant: each for each in tenants})
    spool[tenants[0].tenant] = tenants[0]  # takes its own place, and no more room
    found = spool.tenants([each.tenant for each in tenants])
    assert found == tenants
    assert found[0] is tenants[0]


def test_where_nothing_can_be_written_all_stays_in_memory() -> None:
    spool = Spool(lambda: None, most=0)
    spool.update({each.tenant: each for each in many().tenants})
    assert spool.tenants(each.tenant for each in many().tenants) == many().tenants


def test_what_is_put_again_takes_the_place_of_the_one_before() -> None:
    first, second, *_ = many().tenants
    spool = spool_of([first, second])
    again = replace(second, tenant=first.tenant)
    spool[first.tenant] = again
    assert spool[first.tenant] == again
    assert (len(spool), list(spool), spool.get("nobody")) == (2, [first.tenant, second.tenant], None)
    assert spool.tenants([second.tenant, first.tenant]) == (second, again)
    del spool[first.tenant]
    assert dict(spool) == {second.tenant: second}


def test_what_is_prepared_is_what_is_kept() -> None:
    spool = Spool(MemoryScratch, lambda plan: replace(plan, problem="prepared"), most=-1)
    spool["r00"] = many().tenants[0]
    assert spool["r00"].problem == "prepared"


def test_what_tenants_have_in_common_stands_there_once() -> None:
    plan, apart, together = in_common(), MemoryScratch(), MemoryScratch()
    assert spooled(replace(plan, tenants=tuple(map(_on_its_own, plan.tenants))), apart) == plan
    large = spooled(plan, together)
    assert large == plan
    assert encode(large) == encode(plan)
    assert [render(large) for render in REPORTS] == [render(plan) for render in REPORTS]
    assert len(together.data) * 4 < len(apart.data)


def test_what_was_read_is_in_common_again() -> None:
    first, second, *_ = spooled(in_common()).tenants
    assert first.changes[0].common is second.changes[0].common is not None
    assert first.deferred[0].change.common is second.deferred[0].change.common is not None


def test_a_change_made_into_another_is_not_in_common() -> None:
    change = in_common().tenants[0].changes[0]
    assert change.common is not None
    assert replace(change, rule="CB-99").common is None


def in_common() -> Plan:
    """Tenants with the same changes, made and deferred, of the same origin; keys that have to be escaped among them."""
    common = [replace(_change("", each, "nobody", 7), needed_by=()) for each in range(EACH)]
    tenants = ['a "b"', "é", *(f"r{each}" for each in range(TENANTS))]
    return Plan(
        "2026-12-01T00:00:00Z", Source(None, None, False, "sha256:0"), tuple(_has(each, common) for each in tenants)
    )


def _has(tenant: str, common: list[Change]) -> TenantPlan:
    changes = tuple(each.in_tenant(tenant) for each in common[::2])
    said = DeferralReason("withheld", "CB-12", ("plans.update_fees",), f'"resource_change":null of {tenant}', None)
    deferred = tuple(said.of(each.in_tenant(tenant)) for each in common[1::2])
    return TenantPlan(tenant, "northwind", TenantStatus.CHANGES, "sha256:0", 1, changes, deferred)


def _on_its_own(plan: TenantPlan) -> TenantPlan:
    changes = tuple(map(replace, plan.changes))
    return replace(plan, changes=changes, deferred=tuple(replace(d, change=replace(d.change)) for d in plan.deferred))


def many(tenants: int = TENANTS) -> Plan:
    """So many tenants with the same changes, needed by what is their own; one of them has them from another line."""
    found = tuple(_tenant(each, f"own-{each}", 9 if each == 5 else 7) for each in range(tenants))
    return Plan("2026-12-01T00:00:00Z", Source(None, None, False, "sha256:0"), found)


def _tenant(number: int, needing: str, line: int) -> TenantPlan:
    name = f"r{number:02d}"
    changes = tuple(_change(name, at, needing, line) for at in range(EACH))
    return TenantPlan(name, "northwind", TenantStatus.CHANGES, "sha256:0", 1, changes)


def _change(tenant: str, number: int, needing: str, line: int) -> Change:
    id = EntityId("Plan", f"plan-{number}")
    place = Declared("plans.yaml", line)
    field = FieldChange(
        ("periods", "P1M", "fees", "setup"), "1.00", "2.00", ("plans.update_fees",), "CB-12", None, place
    )
    body = {"kind": "Plan", "key": id.key, "name": f"Plan {number}"}
    if number % 2:
        return Change(tenant, id, Action.UPDATE, body, body, (field,))
    return Change(tenant, id, Action.CREATE, None, body, needed_by=(EntityId("Plan", "a"), EntityId("Plan", needing)))


def test_equal_changes_are_told_once_with_what_is_true_of_all() -> None:
    text = render_plan(spooled(many()))
    assert text == render_plan(many())
    assert text.count("will be updated") == EACH // 2
    assert "plans.yaml" not in text, "one tenant has it from another line"
    assert 'needed by plan "a"' in text


USES: dict[str, Callable[[Plan], Iterable[object]]] = {
    "iterate": lambda plan: iter(plan.tenants),
    "save": encoded,
    "digest": plan_digest,
    "json": plan_json,
    "text": lambda plan: render_lines(plan_lines(plan)),
    "verbose": lambda plan: render_lines(plan_lines(plan, verbose=True)),
    "markdown": render_markdown,
    "html": render_html,
}


@pytest.mark.parametrize("use", USES)
def test_memory_does_not_grow_with_tenants(use: str) -> None:
    """Of how many changes there are objects at once: those of two tenants, while one takes the place of the other, and
    one of each that a report shows.
    """
    assert _most_changes(use, TENANTS) <= _most_changes(use, 4) <= 3 * EACH


def _most_changes(use: str, tenants: int) -> int:
    scratch = MemoryScratch()
    plan = spooled(many(tenants), scratch)
    gc.collect()
    gc.freeze()  # what other tests left in this process is not looked through at every read
    try:
        before = sum(isinstance(each, Change) for each in gc.get_objects())
        scratch.counting = True
        for _ in USES[use](plan):
            pass
    finally:
        gc.unfreeze()
    return scratch.most - before if scratch.most else 0


def test_memory_does_not_grow_with_the_changes_of_one_tenant() -> None:
    """Beyond the plan itself, writing and saving it takes a few changes' bytes, and reading shares texts."""
    plan = _one_large_tenant(3_000)
    with TemporaryFile() as file:
        spool = Spool(lambda: ScratchFile(file), most=-1)
        size = len(encode(replace(many(), tenants=(plan,))))
        assert _peak(lambda: spool.update({"r00": plan})) < size / 2
        assert _peak(lambda: sum(map(len, encoded(replace(many(), tenants=spool.tenants(["r00"])))))) < size / 2
        (read,) = spool.values()
    assert read == plan
    first, second, *_ = [each.after or {} for each in read.changes]
    assert first["locked"] is second["locked"]
    assert first["ribbon"] is second["ribbon"]


def _one_large_tenant(changes: int) -> TenantPlan:
    locked = [f"field-{number}" for number in range(200)]
    ids = [EntityId("Subscription", f"r01.s{number}") for number in range(changes)]
    bodies = ({"kind": id.kind, "key": id.key, "locked": locked, "ribbon": "by r01"} for id in ids)
    made = [Change("r00", id, Action.CREATE, None, body) for id, body in zip(ids, bodies, strict=True)]
    return TenantPlan("r00", "northwind", TenantStatus.CHANGES, "sha256:0", 1, tuple(made))


def _peak(work: Callable[[], object]) -> int:
    """The most bytes that some work allocates at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_is_alike_is_read_once() -> None:
    scratch = _Reads()
    same = [_tenant(number, "northwind", 7) for number in range(TENANTS)]
    tenants = spool_of(same, scratch).tenants([each.tenant for each in same])
    list(plan_lines(replace(many(), tenants=tenants)))
    marks, read, shown = TENANTS, EACH, LISTED
    assert len(scratch.sizes) == marks + read + shown


class _Reads(MemoryScratch):
    """Notes what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def read(self, start: int, size: int) -> bytes:
        self.sizes.append(size)
        return super().read(start, size)


def test_a_plan_that_was_read_back_is_the_one_that_was_spooled() -> None:
    assert decode(encode(spooled(sample()))) == sample()


@pytest.mark.parametrize("scenario", runner.plannable(), ids=lambda each: each.name)
def test_a_scenario_is_planned_and_reported_alike(scenario: runner.Scenario) -> None:
    """Also while states are let go of: the plans, and what they schedule."""
    start = scenario.given
    plan = runner.made(start, runner.RULES)
    for render in REPORTS:
        assert render(spooled(plan)) == render(plan)
    if start.base is None:
        fold, kept = runner.tree_planner(start, runner.RULES), spool_of([])
        schedule = Schedule.of(fold)
        tenants = kept.tenants(fold.plan_into(kept, start.selected, schedule.note))
        assert (tenants, schedule.entries()) == (plan.tenants, plan.scheduled)
