"""Plans as data and bytes: exact round trips, one spelling, and refusal of everything that is not a plan of ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.records.change_records import change_from_data, change_to_data, deferred_order
from reconciler.core.savedplan.codec import PlanRefused, decode, encode, parsed
from reconciler.core.savedplan.plan_data import digest_of_data, plan_digest, plan_from_data, plan_to_data
from reconciler.core.savedplan.plan_schema import plan_schema, schema_violation
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.documents.options import OPTIONS
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, Declared, Deferred, FieldChange, Plan, Source, TenantPlan, TenantStatus
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import parse_path, render_path

ROOT = Path(__file__).parents[2]

keys = st.text("abcz019_.-", min_size=1, max_size=8)
tenant_keys = st.text("abcz019_-", min_size=1, max_size=6)
texts = st.text(max_size=12)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | st.sampled_from(["6.00", "0.000000019"])
values: st.SearchStrategy[Any] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
bodies = st.dictionaries(texts, values, max_size=4)
paths = st.lists(texts, min_size=1, max_size=4).map(tuple)
entities = st.builds(EntityId, st.sampled_from(sorted(STATE_KINDS)), keys)
declared = st.none() | st.builds(Declared, texts, st.integers(1, 9999), st.none() | st.just("c" * 40))
options = st.lists(st.sampled_from(sorted(OPTIONS)), max_size=3, unique=True).map(tuple)
causes = st.sampled_from([None, "pr", "drift", "backlog"])
rules = st.sampled_from(["CB-12", "AP-04", "FIELDS", "ORIGIN", "ORIGIN-01", ""])
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:".__add__)
fields = st.builds(FieldChange, paths, values, values, options, rules, causes, declared)


def changes(tenant: str) -> st.SearchStrategy[Change]:
    return st.builds(
        Change,
        st.just(tenant),
        entities,
        st.sampled_from(Action),
        st.none() | bodies,
        st.none() | bodies,
        st.lists(fields, max_size=3).map(tuple),
        options,
        rules,
        causes,
        declared,
        st.lists(entities, max_size=2).map(tuple),
    )


def tenant_plans(tenant: str) -> st.SearchStrategy[TenantPlan]:
    reasons = st.sampled_from(["withheld", "blocked", "unmanaged"])
    deferred = st.builds(Deferred, reasons, rules, options, texts, declared, changes(tenant))
    return st.builds(
        TenantPlan,
        st.just(tenant),
        tenant_keys,
        st.sampled_from(TenantStatus),
        digests | st.just(""),
        st.integers(0, 9),
        st.lists(changes(tenant), max_size=3).map(tuple),
        st.lists(deferred, max_size=3, unique_by=deferred_order).map(
            lambda found: tuple(sorted(found, key=deferred_order))
        ),
        st.none() | texts,
    )


sources = st.builds(Source, st.none() | st.just("a" * 40), st.none() | texts, st.booleans(), digests)
tenants = st.lists(tenant_keys, max_size=3, unique=True).flatmap(
    lambda names: st.tuples(*(tenant_plans(name) for name in names))
)
plans = st.builds(Plan, texts, sources, tenants, texts)
slow = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def sample() -> Plan:
    plan = EntityId("Plan", "web-pro")
    place = Declared("northwind/plans/web.yaml", 7)
    fee = FieldChange(("periods", "P1M", "fees", "recurring"), "6.00", "6.60", ("plans.update_fees",), "CB-12")
    head = {"kind": "Plan", "key": "web-pro", "origin": "northwind", "name": "Web"}
    body, after = (
        {**head, "periods": {"P1M": {"fees": {"recurring": each}, "origin": "northwind"}}} for each in ("6.00", "6.60")
    )
    fields = (replace(fee, declared_at=place),)
    change = Change("contoso", plan, Action.UPDATE, body, after, fields, fee.allowed_by, "CB-12", None, place)
    held = Deferred("withheld", "CB-12", fee.allowed_by, "off", place, change)
    tenant = TenantPlan(
        "contoso", "northwind", TenantStatus.CHANGES, "sha256:" + "1" * 64, 3, (change,), (held,), problem=None
    )
    return Plan("2026-12-01T08:00:00Z", Source(None, None, False, "sha256:" + "0" * 64), (tenant,))


def altered(change: Any) -> bytes:
    """The sample, saved, with its data changed and a digest that fits again."""
    data = orjson.loads(encode(sample()))
    change(data)
    return orjson.dumps({**data, "digest": digest_of_data(data)})


@slow
@given(plans)
def test_a_plan_survives_its_data_and_its_bytes(plan: Plan) -> None:
    assert plan_from_data(plan_to_data(plan)) == plan
    assert parsed(encode(plan)) == plan


@slow
@given(plans)
def test_the_digest_is_the_identity_of_a_plan(plan: Plan) -> None:
    assert orjson.loads(encode(plan))["digest"] == plan_digest(plan) == plan_digest(parsed(encode(plan)))
    assert plan_digest(replace(plan, timestamp=plan.timestamp + "!")) != plan_digest(plan)


@slow
@given(plans)
def test_every_saved_plan_fits_the_schema(plan: Plan) -> None:
    assert schema_violation(orjson.loads(encode(plan))) is None


def backwards(value: Any) -> Any:
    """Equal, with every map written in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(each) for each in value] if isinstance(value, list) else value


@slow
@given(plans)
def test_the_same_plan_gives_the_same_bytes(plan: Plan) -> None:
    again = plan_from_data(backwards(plan_to_data(plan)))
    shuffled = tuple(replace(each, deferred=tuple(reversed(each.deferred))) for each in again.tenants)
    assert encode(replace(again, tenants=shuffled)) == encode(plan)


@given(paths)
def test_a_path_survives_its_text(path: tuple[str, ...]) -> None:
    assert parse_path(render_path(path)) == path


def test_a_change_survives_alone_for_the_journal() -> None:
    change = sample().tenants[0].changes[0]
    assert change_from_data(orjson.loads(orjson.dumps(change_to_data(change)))) == change


def test_the_shape_is_terraforms() -> None:
    data = plan_to_data(sample())
    assert data["format_version"] == "1.2"
    assert data["summary"] == {"create": 0, "update": 1, "delete": 0, "withheld": 1, "blocked": 0, "unmanaged": 0}
    (change,) = data["resource_changes"]
    assert change["address"] == "contoso/plan/web-pro"
    assert (change["mode"], change["type"], change["name"]) == ("managed", "plan", "web-pro")
    assert change["change"]["actions"] == ["update"]
    assert change["fields"][0]["path"] == "periods.P1M.fees.recurring"
    assert data["deferred_changes"][0]["resource_change"].keys() == change.keys()
    assert (data["applyable"], data["complete"], data["errored"]) == (True, False, False)


def test_reading_in_another_version_keeps_the_identity() -> None:
    saved = encode(replace(sample(), reconciler_version="0.0.9"))
    assert plan_digest(decode(saved)) == orjson.loads(saved)["digest"]


@pytest.mark.parametrize("saved", [b"", b"{", b"\xff", b"[1]", b"null", b'{"format_version": "1.2"}', b'"plan"'])
def test_what_is_no_plan_is_refused(saved: bytes) -> None:
    with pytest.raises(PlanRefused, match="not a saved plan"):
        decode(saved)


@pytest.mark.parametrize("version", ["2.0", "0.9", "1.1", "1.3", "1", "", 1.2, None])
def test_another_format_is_refused(version: object) -> None:
    with pytest.raises(PlanRefused, match=r"this one reads 1\.2"):
        decode(altered(lambda data: data.update(format_version=version)))


def test_a_digest_that_does_not_match_is_refused() -> None:
    saved = encode(sample())
    with pytest.raises(PlanRefused, match="altered"):
        decode(saved.replace(b'"6.60"', b'"6.61"'))
    with pytest.raises(PlanRefused, match="altered"):
        decode(orjson.dumps({key: value for key, value in orjson.loads(saved).items() if key != "digest"}))


def test_spaces_between_the_keys_are_no_alteration() -> None:
    saved = orjson.dumps(orjson.loads(encode(sample())), option=orjson.OPT_INDENT_2)
    assert decode(saved) == sample()


ALTERATIONS: dict[str, Any] = {
    "unknown key": lambda data: data.update(extra=1),
    "unknown key within": lambda data: data["tenants"][0].update(extra=1),
    "missing key": lambda data: data.pop("tenants"),
    "unknown action": lambda data: data["resource_changes"][0]["change"].update(actions=["drop"]),
    "two actions": lambda data: data["resource_changes"][0]["change"].update(actions=["delete", "create"]),
    "unknown kind": lambda data: data["resource_changes"][0].update(type="widget"),
    "unknown status": lambda data: data["tenants"][0].update(status="fine"),
    "unknown reason": lambda data: data["deferred_changes"][0].update(reason="whim"),
    "no path": lambda data: data["resource_changes"][0]["fields"][0].update(path="a..b"),
    "a body that is no document": lambda data: data["resource_changes"][0]["change"].update(after=[1]),
    "an unlisted tenant": lambda data: data["resource_changes"][0].update(tenant="fabrikam"),
    "a tenant twice": lambda data: data["tenants"].append(data["tenants"][0]),
    "a wrong count": lambda data: data["summary"].update(delete=7),
    "a wrong address": lambda data: data["resource_changes"][0].update(address="contoso/plan/other"),
    "a wrong line": lambda data: data["deferred_changes"][0]["policy"].update(line="9"),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_a_plan_that_we_would_not_have_written_is_refused(name: str) -> None:
    with pytest.raises(PlanRefused):
        decode(altered(ALTERATIONS[name]))


def test_the_schema_in_the_repository_is_current() -> None:
    expected = orjson.dumps(
        plan_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    )
    assert (ROOT / "schemas/plan.json").read_bytes() == expected


@pytest.mark.parametrize("text", [".a", "a..b", "a.", "["])
def test_what_no_path_renders_as_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        parse_path(text)
