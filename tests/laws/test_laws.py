"""The laws that hold in every world: convergence, idempotence, soundness against the oracle, order, ownership.

Drawing a world takes longer than all of its laws, so each is drawn, read and planned once for the seven of them.
"""

from dataclasses import dataclass, replace
from datetime import date
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import read_state
from reconciler.core.savedplan.codec import decode, encode
from reconciler.core.schema.rule_book import rule_book
from reconciler.core.tree.tree_planner import plan_all
from reconciler.core.workspace.load import load
from reconciler.model.documents.options import OPTIONS
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Plan, Source, TenantPlan
from reconciler.model.values.entity import State, entity, state_fingerprint
from tests.laws.bench_of_options import verdicts_of
from tests.laws.oracle import verdicts
from tests.laws.ownership import lost
from tests.laws.worlds import GUARDS_OFF, RESELLER, Document, World, as_yaml, worlds

RULES = rule_book(frozenset(PRECONDITIONS))
ON = date(2026, 12, 1)
WORKSPACE = SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n")
law = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@dataclass(frozen=True)
class Read:
    """A world as the engine reads it."""

    catalog: Catalog
    state: State

    def plan(self) -> TenantPlan:
        (plan,) = plan_all(self.catalog, self._observe, RULES, on=ON)
        return plan

    def _observe(self, _: object) -> Observed:
        return Observed(self.state, state_fingerprint(self.state), 1)

    def applied(self, plan: TenantPlan) -> "Read":
        state = dict(self.state)
        for change in plan.changes:
            if change.after is None:
                del state[change.entity]
            else:
                state[change.entity] = entity(change.after)
        return Read(self.catalog, state)


def read(world: World) -> Read:
    return read_files(world, [SourceFile("northwind/catalog.yaml", as_yaml(world.catalog))])


def read_files(world: World, files: list[SourceFile]) -> Read:
    catalog, problems = load([WORKSPACE, *files])
    assert catalog is not None, [str(problem) for problem in problems]
    patches, problems = read_state(as_yaml(world.state) if world.state else b"", "state.yaml")
    assert not problems, [str(problem) for problem in problems]
    return Read(catalog, {id: each for id, each in patched({}, patches, replace=False) if each is not None})


@dataclass(frozen=True)
class Planned:
    """A world, as it was read, and its plan."""

    world: World
    here: Read
    plan: TenantPlan


def planned(world: World) -> Planned:
    here = read(world)
    return Planned(world, here, here.plan())


@law
@given(worlds(guarded=True), st.sampled_from(sorted(OPTIONS)), st.randoms(use_true_random=False))
def test_every_law_of_a_world(world: World, option: str, random: Random) -> None:
    """The oracle, and what an option adds, are asked without guards."""
    found = planned(world)
    free = planned(replace(world, catalog=tuple(_unguarded(each) for each in world.catalog)))
    apply_then_plan_has_nothing_to_apply(found)
    a_guard_that_trips_holds_the_whole_plan_and_nothing_else(found.plan, free.plan)
    every_difference_has_the_one_verdict_that_the_oracle_gives(free)
    turning_an_option_off_never_adds_a_change(free, option)
    files_keys_and_entities_in_any_order_give_the_same_bytes(found, random)
    a_plan_survives_its_json(found)
    nothing_that_belongs_to_the_reseller_changes(found)


def apply_then_plan_has_nothing_to_apply(found: Planned) -> None:
    after = found.here.applied(found.plan)
    again = after.plan()
    assert again.changes == ()
    assert after.applied(again).state == after.state


def a_guard_that_trips_holds_the_whole_plan_and_nothing_else(held: TenantPlan, free: TenantPlan) -> None:
    blocked = [each for each in held.deferred if each.rule == "GUARD-01"]
    if blocked:
        applied = {key for key, verdict in verdicts_of(free).items() if verdict == "apply"}
        assert held.changes == ()
        assert set(verdicts_of(replace(held, deferred=tuple(blocked)))) <= applied
    else:
        assert held.changes == free.changes


def _unguarded(document: Document) -> Document:
    return {**document, "guards": GUARDS_OFF} if document["kind"] == "SyncPolicy" else document


def every_difference_has_the_one_verdict_that_the_oracle_gives(free: Planned) -> None:
    world, ours = free.world, verdicts_of(free.plan)
    theirs = verdicts(list(world.catalog), list(world.state), reseller=RESELLER, enabled=world.enabled)
    assert ours == theirs


def turning_an_option_off_never_adds_a_change(free: Planned, option: str) -> None:
    """One of the two is the world as it is."""
    enabled = free.world.enabled
    other = read(_with_options(free.world, enabled ^ {option})).plan()
    on, off = (free.plan, other) if option in enabled else (other, free.plan)
    more, fewer = verdicts_of(on), verdicts_of(off)
    assert {key for key, verdict in fewer.items() if verdict == "apply"} <= {
        key for key, verdict in more.items() if verdict == "apply"
    }


def _with_options(world: World, enabled: frozenset[str]) -> World:
    groups: Document = {}
    for option in OPTIONS.values():
        groups.setdefault(option.group, {})[option.name] = option.id in enabled
    catalog = tuple({**each, "options": groups} if each["kind"] == "SyncPolicy" else each for each in world.catalog)
    return World(catalog, world.state, enabled)


def files_keys_and_entities_in_any_order_give_the_same_bytes(found: Planned, random: Random) -> None:
    world = found.world
    documents = [_shuffled(each, random) for each in world.catalog]
    random.shuffle(documents)
    cut = random.randrange(len(documents) + 1)
    parts = {"northwind/a.yaml": documents[:cut], "northwind/b/c.yml": documents[cut:]}
    provider = next(each for each in documents if each["kind"] == "Provider")
    files = [SourceFile("northwind/0.yaml", as_yaml([provider]))]
    for path, part in parts.items():
        rest = [each for each in part if each is not provider]
        files += [SourceFile(path, as_yaml(rest))] if rest else []
    random.shuffle(files)
    state = [_shuffled(each, random) for each in world.state]
    random.shuffle(state)
    shuffled = read_files(World(world.catalog, tuple(state), world.enabled), files)
    assert _bytes(shuffled, shuffled.plan()) == _bytes(found.here, found.plan)


def _shuffled(value: Any, random: Random) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        random.shuffle(items)
        return {key: _shuffled(item, random) for key, item in items}
    return value


def _bytes(here: Read, plan: TenantPlan) -> bytes:
    """A plan without the places of its declarations, which name files and lines."""
    return encode(_placeless(_whole(here, plan)))


def _whole(here: Read, plan: TenantPlan) -> Plan:
    return Plan("2026-12-01T00:00:00Z", Source(None, None, False, here.catalog.digest), (plan,))


def _placeless(value: Any) -> Any:
    from dataclasses import fields, is_dataclass

    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(_placeless(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        blank = {"declared_at": None, "policy": None, "detail": ""}
        kept = {f.name: _placeless(getattr(value, f.name)) for f in fields(value) if f.init}
        return replace(value, **{name: blank.get(name, each) for name, each in kept.items()})
    return value


def a_plan_survives_its_json(found: Planned) -> None:
    plan = _whole(found.here, found.plan)
    assert decode(encode(plan)) == plan


def nothing_that_belongs_to_the_reseller_changes(found: Planned) -> None:
    world, here, plan = found.world, found.here, found.plan
    after = here.applied(plan).state
    adopts = next(each for each in world.catalog if each["kind"] == "SyncPolicy")["adopt"]
    taken = {change.entity for change in plan.changes if change.action is Action.UPDATE} if adopts else set()
    for id, before in here.state.items():
        if before.origin != "northwind" and id.kind != "Tenant" and id not in taken:
            assert after[id] == before
        if id in after:
            assert list(lost(before, after[id], here.state, "northwind", adopts=adopts)) == [], id
