"""Amounts by date: the moment of planning (``--now``) decides which one holds, and every moment converges.

What should hold is worked out here, from the documents: the amount with the latest ``from`` that is not after the day
of the provider (in UTC, where it names no time zone), and none before the first.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.main import main
from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.schema.rule_book import rule_book
from reconciler.core.tree.tree_planner import plan_all
from reconciler.core.workspace.load import load
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change
from reconciler.model.values.entity import State, entity, state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import parse_path
from reconciler.shell.connections.access import Access, StoreLocation
from reconciler.shell.days import days_of
from tests.laws.worlds import Document, Draw, as_yaml

Amounts: TypeAlias = dict[tuple[str, ...], Decimal]
Moves: TypeAlias = dict[tuple[str, ...], tuple[Decimal | None, Decimal | None]]
Dated: TypeAlias = str | list[dict[str, str]]

RULES = rule_book(frozenset(PRECONDITIONS))
WORKSPACE = SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n")
PARTS = ("periods", "resources")
BASIC = EntityId("Plan", "basic")
GUARDS = ("max_deletes", "max_price_change", "max_changes", "currency_change", "price_to_zero")
AROUND: tuple[Document, ...] = (
    {"kind": "Provider", "key": "northwind", "currency": "EUR"},
    {"kind": "ServiceTerm", "key": "annual", "duration": "P1Y"},
    {"kind": "PlanCategory", "key": "office"},
    {"kind": "ProductCategory", "key": "productivity"},
    {"kind": "Product", "key": "suite", "category": "productivity"},
    {"kind": "Resource", "key": "seat"},
    {"kind": "Resource", "key": "storage"},
    {
        "kind": "SyncPolicy",
        "reseller": "contoso",
        "upstream": "northwind",
        "delegate": {"plans": ["basic"]},
        "options": "all",
        "guards": dict.fromkeys(GUARDS, False),
    },
)


def plan_document(periods: Document, resources: Document) -> Document:
    head = {"kind": "Plan", "key": "basic", "status": "active", "published": True, "product": "suite"}
    return {**head, "plan_category": "office", "service_term": "annual", "periods": periods, "resources": resources}


def since(amounts: dict[str, str]) -> list[dict[str, str]]:
    """``since({"2027-01-01": "6.60"})``: an amount that holds from that day on."""
    return [{"from": day, "amount": amount} for day, amount in amounts.items()]


def held(amount: Dated, on: date) -> Decimal | None:
    """The amount that holds on a day."""
    if isinstance(amount, str):
        return Decimal(amount)
    begun = [each for each in amount if date.fromisoformat(each["from"]) <= on]
    return Decimal(max(begun, key=lambda each: each["from"])["amount"]) if begun else None


def amounts_of(plan: Document) -> dict[tuple[str, ...], Dated]:
    """Every amount of a plan's document by its path, as it is written."""
    return {
        (part, key, group, name): amount
        for part in PARTS
        for key, item in plan.get(part, {}).items()
        for group in ("fees", "prices", "limits")
        for name, amount in item.get(group, {}).items()
    }


def holding(plan: Document, on: date) -> Amounts:
    """What should hold on a day."""
    settled = {path: held(amount, on) for path, amount in amounts_of(plan).items()}
    return {path: amount for path, amount in settled.items() if amount is not None}


# One catalog by the real command.

PLAN = plan_document(
    periods={
        "P1M": {"fees": {"setup": "0", "recurring": since({"2027-01-01": "6.60", "2026-01-01": "6.00"})}},
        "P1Y": {},
        "P2Y": {"fees": {"recurring": since({"2027-01-01": "120.00"}), "setup": since({"2027-07-01": "9"})}},
    },
    resources={
        "seat": {
            "prices": {"recurring": since({"2026-01-01": "0.000000019", "2027-01-01": "0.000000021"})},
            "limits": {"maximum": since({"2027-07-01": "300"})},
        }
    },
)
MOMENTS = (
    ("2025-12-31", "2025-12-31"),
    ("2026-01-01", "2026-01-01"),
    ("2026-12-31T23:59:59", "2026-12-31"),
    ("2027-01-01T00:30:00+01:00", "2026-12-31"),
    ("2026-12-31T23:30:00-01:00", "2027-01-01"),
    ("2027-01-01", "2027-01-01"),
    ("2027-06-30T12:00:00Z", "2027-06-30"),
    ("2027-07-01T00:00:00Z", "2027-07-01"),
    ("2030-02-28", "2030-02-28"),
)
"""``--now``, and the day that it is in UTC."""


@dataclass(frozen=True)
class Commands:
    """The command on one workspace, in this process."""

    root: Path
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> tuple[int, str]:
        """Its exit status and what it prints."""
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "-C", str(self.root)])
        printed = self.capture.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, printed.out

    def apply(self, now: str) -> None:
        assert self.run("apply", "--auto-approve", "--now", now)[0] == 0

    def planned(self, now: str) -> dict[str, Any]:
        """The JSON of the plan; its exit status says whether it has changes."""
        status, printed = self.run("plan", "--format", "json", "--detailed-exitcode", "--now", now)
        plan: dict[str, Any] = orjson.loads(printed)
        assert status == (2 if plan["resource_changes"] else 0)
        return plan

    def held(self) -> Document:
        """The reseller's plan, as it is in the store."""
        with Access(self.root, {}) as access:
            return dict(
                access.reader(StoreLocation("sqlite:///.reconcile/tenants.db")).observe("contoso").entities[BASIC].body
            )


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    (tmp_path / "reconcile.yaml").write_bytes(WORKSPACE.data)
    folder = tmp_path / "northwind"
    folder.mkdir()
    (folder / "catalog.yaml").write_bytes(as_yaml([*AROUND, PLAN]))
    return Commands(tmp_path, capsys)


@pytest.mark.parametrize(("now", "day"), MOMENTS)
def test_a_new_plan_comes_with_the_amounts_that_hold(commands: Commands, now: str, day: str) -> None:
    commands.apply(now)
    assert commands.planned(now)["resource_changes"] == []
    check(commands.held(), PLAN, date.fromisoformat(day))


def check(body: Document, plan: Document, on: date) -> None:
    """A reseller's plan: the amounts that hold, each a plain one, and every period and rate even without any."""
    assert holding(body, on) == holding(plan, on)
    assert all(isinstance(amount, str) for amount in amounts_of(body).values())
    assert [sorted(body.get(part, {})) for part in PARTS] == [sorted(plan.get(part, {})) for part in PARTS]


def test_amounts_follow_the_moment_forwards_and_backwards(commands: Commands) -> None:
    there_and_back = [*MOMENTS, *reversed(MOMENTS[:-1])]
    commands.apply(there_and_back[0][0])
    for (_, before), (now, day) in pairwise(there_and_back):
        was, will = (holding(PLAN, date.fromisoformat(each)) for each in (before, day))
        assert fields_of(commands.planned(now)) == moved(was, will)
        commands.apply(now)
        assert fields_of(commands.planned(now)) == {}
        check(commands.held(), PLAN, date.fromisoformat(day))


def fields_of(plan: dict[str, Any]) -> Moves:
    """The fields that a plan in JSON updates; it does nothing else."""
    assert {action for each in plan["resource_changes"] for action in each["change"]["actions"]} <= {"update"}
    fields = [field for change in plan["resource_changes"] for field in change["fields"]]
    return {parse_path(each["path"]): (_decimal(each["before"]), _decimal(each["after"])) for each in fields}


def moved(was: Amounts, will: Amounts) -> Moves:
    """Every amount that differs: one that begins to hold was none before."""
    paths = was.keys() | will.keys()
    return {path: (was.get(path), will.get(path)) for path in paths if was.get(path) != will.get(path)}


def _decimal(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def test_the_day_before_and_the_day_itself(commands: Commands) -> None:
    """The same once more, written out."""
    commands.apply("2026-12-31")
    assert fields_of(commands.planned("2027-01-01")) == {
        ("periods", "P1M", "fees", "recurring"): (Decimal("6.00"), Decimal("6.60")),
        ("periods", "P2Y", "fees", "recurring"): (None, Decimal("120")),
        ("resources", "seat", "prices", "recurring"): (Decimal("0.000000019"), Decimal("0.000000021")),
    }
    with_origin = {"origin": "northwind"}  # ORIGIN-04
    assert commands.held()["periods"] == {
        "P1M": {"fees": {"setup": "0", "recurring": "6.00"}, **with_origin},
        "P1Y": with_origin,
        "P2Y": with_origin,
    }


# Any amounts, any dates.

FIRST = date(2026, 12, 30)
DAYS = st.integers(0, 5).map(lambda days: FIRST + timedelta(days))
PLAIN = st.sampled_from(("0", "1", "1.00", "2.5", "0.000000019"))
GROUPS = {
    "fees": ("setup", "recurring", "renewal"),
    "prices": ("setup", "recurring", "overuse"),
    "limits": ("maximum",),
}


@st.composite
def dated(draw: Draw) -> Dated:
    """An amount, or amounts by date in any order."""
    if draw(st.booleans()):
        return draw(PLAIN)
    entries = [{"from": day.isoformat(), "amount": draw(PLAIN)} for day in draw(st.sets(DAYS, min_size=1))]
    return draw(st.permutations(entries))


@st.composite
def plans(draw: Draw) -> Document:
    """A plan whose periods and rates have some amounts, or none."""
    return plan_document(
        periods={key: _item(draw, "fees") for key in ("P1M", "P1Y", "P2Y")},
        resources={key: _item(draw, "prices", "limits") for key in ("seat", "storage")},
    )


def _item(draw: Draw, *groups: str) -> Document:
    return {group: draw(st.dictionaries(st.sampled_from(GROUPS[group]), dated())) for group in groups}


@given(plans(), st.lists(DAYS, min_size=1, max_size=4))
def test_any_moment_after_any_other_brings_the_amounts_that_hold(plan: Document, days: list[date]) -> None:
    catalog, problems = load([WORKSPACE, SourceFile("northwind/catalog.yaml", as_yaml([*AROUND, plan]))])
    assert catalog is not None, problems
    state: State = {}
    was: date | None = None
    for on in days:
        changes = changes_on(catalog, state, on)
        if was is not None:
            assert moves_of(changes) == moved(holding(plan, was), holding(plan, on))
        state = {**state, **{each.entity: entity(each.after) for each in changes if each.after is not None}}
        assert changes_on(catalog, state, on) == ()
        check(dict(state[BASIC].body), plan, on)
        was = on


def changes_on(catalog: Catalog, state: State, on: date) -> tuple[Change, ...]:
    observed = Observed(state, state_fingerprint(state), 1)
    (plan,) = plan_all(catalog, lambda _: observed, RULES, on=on)
    assert not any(each.reason in ("withheld", "blocked") for each in plan.deferred)
    return plan.changes


def moves_of(changes: tuple[Change, ...]) -> Moves:
    assert {each.action for each in changes} <= {Action.UPDATE}
    return {field.path: (_decimal(field.before), _decimal(field.after)) for each in changes for field in each.fields}


# Any time zones (DATE-01): the day is worked out here by adding the offset of a zone that never changes it.

ZONES = {f"Etc/GMT{-hours:+d}": hours for hours in range(-12, 15) if hours}
"""By name, how many hours a zone is ahead of UTC: the sign in the name is the other way round."""
INSTANTS = st.integers(0, 6 * 24 * 60).map(
    lambda minutes: datetime.combine(FIRST, time(), UTC) + timedelta(minutes=minutes)
)
BELOW: Document = {**AROUND[-1], "reseller": "fabrikam", "upstream": "contoso"}


@given(plans(), INSTANTS, st.lists(st.sampled_from(sorted(ZONES)), min_size=2, max_size=2))
def test_at_any_instant_every_provider_has_its_own_day(plan: Document, now: datetime, zones: list[str]) -> None:
    names = {"northwind": ("contoso", "fabrikam"), "southwind": ("adatum", "tailspin")}
    files = [WORKSPACE]
    for (provider, tenants), zone in zip(names.items(), zones, strict=True):
        text = as_yaml([{**AROUND[0], "time_zone": zone}, *AROUND[1:], BELOW, plan]).decode()
        for old, new in zip(("northwind", *names["northwind"]), (provider, *tenants), strict=True):
            text = text.replace(old, new)
        files.append(SourceFile(f"{provider}/catalog.yaml", text.encode()))
    catalog, problems = load(files)
    assert catalog is not None, problems
    nothing = Observed({}, state_fingerprint({}), 1)
    made = {each.tenant: each for each in plan_all(catalog, lambda _: nothing, RULES, on=days_of(catalog, now))}
    for (_, tenants), zone in zip(names.items(), zones, strict=True):
        day = (now + timedelta(hours=ZONES[zone])).date()
        for tenant in tenants:
            (copy,) = [each.after for each in made[tenant].changes if each.entity == BASIC]
            assert copy is not None
            check(dict(entity(copy).body), plan, day)
            assert made[tenant].day == day.isoformat()
