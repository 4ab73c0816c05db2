"""Files to documents: what is read of them, where every field stands, and the words of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.reading.lazy_documents import sort_marks
from reconciler.core.reading.read import read_file
from reconciler.core.reading.state_documents import read_state, state_model
from reconciler.core.reading.valid_part import valid_part
from reconciler.core.reading.yaml import parse
from reconciler.model.documents.kinds import CATALOG_KINDS, KINDS, STATE_KINDS, STEERING_KINDS, WORKSPACE_KINDS
from reconciler.model.documents.source import SourceDocument, SourceFile
from reconciler.model.values.diagnostics import Diagnostic, sorted_problems

ROOT = Path(__file__).parents[2] / "catalogs"
PLAN = """\
kind: Plan
key: basic
product: suite
plan_category: productivity
service_term: annual
sales_categories: [web, office]
labels: {segment: smb}
periods:
  P1M: {fees: {recurring: [{from: 2027-01-01, amount: 6.60}, {from: 2026-01-01, amount: "6.00"}]}}
resources:
  gpt-4.1: {limits: {maximum: 1_0}}
"""


def problems(text: str) -> list[Diagnostic]:
    return list(read_file(SourceFile("x.yaml", text.encode())).problems)


def document(text: str) -> SourceDocument:
    reading = read_file(SourceFile("x.yaml", text.encode()))
    assert reading.problems == ()
    (only,) = reading.documents
    return only


def test_the_kinds() -> None:
    assert len(CATALOG_KINDS) == 16
    assert list(STEERING_KINDS) == ["Provider", "PriceList", "ServiceTemplate", "SyncPolicy"]
    assert set(STATE_KINDS) == {*CATALOG_KINDS, "Tenant", "Customer", "Subscription"}
    assert all(model.__name__ == kind for kind, model in KINDS.items())


def test_an_entity_is_the_document_with_its_defaults() -> None:
    plan = document(PLAN.replace("1_0", "10"))
    assert (plan.kind, plan.key, str(plan.place)) == ("Plan", "basic", "x.yaml:1:1")
    assert plan.entity.origin is None
    assert plan.entity.body == {
        "labels": {"segment": "smb"},
        "status": "active",
        "published": True,
        "product": "suite",
        "plan_category": "productivity",
        "sales_categories": ["office", "web"],
        "service_term": "annual",
        "periods": {
            "P1M": {
                "fees": {
                    "recurring": [
                        {"from": "2026-01-01", "amount": "6.00"},
                        {"from": "2027-01-01", "amount": "6.60"},
                    ]
                }
            }
        },
        "resources": {"gpt-4.1": {"available": True, "limits": {"maximum": "10"}}},
    }


def test_places_follow_the_body() -> None:
    plan = document(PLAN.replace("1_0", "10"))

    def at(*path: str | int, key: bool = False) -> str:
        return str(plan.place_of(path, key=key)).removeprefix("x.yaml:")

    assert at("product") == "3:10"
    assert at("product", key=True) == "3:1"
    assert at("sales_categories", 0) == "6:25"  # office, which is sorted before web
    assert at("sales_categories", 1) == "6:20"
    assert at("periods", "P1M", "fees", "recurring", 0, "amount") == "9:89"
    assert at("resources", "gpt-4.1", "limits", "maximum") == "11:31"
    assert at("resources", "gpt-4.1", "prices", "setup") == "11:12"
    assert at("resources", "seat") == "11:3"
    assert at("name") == "1:1"


def test_a_list_of_plans_stands_for_its_long_form() -> None:
    template = document("kind: ServiceTemplate\nkey: t\ndelegated_plans: [b, a]\n")
    assert template.entity.body["delegated_plans"] == {"include": ["a", "b"]}
    assert template.place_of(("delegated_plans", "include", 0)).column == 22


def test_a_policy_has_the_key_of_its_reseller() -> None:
    policy = document(
        "kind: SyncPolicy\nreseller: contoso\nupstream: n\noptions: {plans: true, other: {update_roles: false}}\n"
    )
    assert policy.key == "contoso"
    assert "reseller" not in policy.entity.body
    assert policy.entity.body["options"]["plans.create"] is True
    assert policy.entity.body["options"]["other.update_roles"] is False
    assert str(policy.place_of(("options", "other", "update_roles"))) == "x.yaml:4:46"


def test_a_workspace_has_no_key() -> None:
    assert document("kind: Workspace\nversion: 1\n").key == ""


def test_no_kind_or_key_may_be_a_number() -> None:
    (problem,) = problems("kind: Resource\nkey: 365\n")
    assert (problem.summary, problem.hint) == ("key: expected a string, found 365", 'put it in quotes: "365"')


@pytest.mark.parametrize(
    ("text", "summary", "hint"),
    [
        ("nmae: x", 'Plan has no field "nmae"', 'did you mean "name"?'),
        ("key:x: 1", 'Plan has no field "key:x"', "a colon is followed by a space"),
        ("origin: x", 'Plan has no field "origin"', "the reconciler alone writes an origin, in tenants"),
        ("status: activ", 'status: "activ" is not a value of this field', 'did you mean "active"?'),
        ("status: 5", "status: expected one of active, disabled_by_provider, draft, inactive, found 5", ""),
        ("published: yes", 'published: expected true or false, found "yes"', "write true, unquoted"),
        (
            "expiration_schedule: [a]",
            "expiration_schedule: expected a string, found a list",
            "write expiration_schedule: a",
        ),
        ("resources: {a: {prices: {setupp: 1}}}", 'resources.a.prices has no field "setupp"', 'did you mean "setup"?'),
        (
            'resources: {"a.b": {limits: 5}}',
            'resources["a.b"].limits: expected a map, found 5',
            "write limits: {included: 5}",
        ),
    ],
)
def test_the_words_of_a_problem(text: str, summary: str, hint: str) -> None:
    base = "kind: Plan\nkey: a\nproduct: a\nplan_category: a\nservice_term: a\n"
    (problem,) = problems(base + text + "\n")
    assert (problem.summary, problem.hint) == (summary, hint)


def test_every_missing_field_is_named() -> None:
    assert [problem.summary for problem in problems("kind: Plan\nkey: a\n")] == [
        'Plan lacks the required field "product"',
        'Plan lacks the required field "plan_category"',
        'Plan lacks the required field "service_term"',
    ]


def test_a_field_that_only_seems_to_be_missing() -> None:
    reading = read_file(SourceFile("x.yaml", b"kind: Plan\nkey: a\n<<: {product: b}\nnmae: x\n"))
    assert [problem.code for problem in reading.problems] == ["yaml-merge", "unknown-field"]
    assert [(document.kind, document.key) for document in reading.documents] == [("Plan", "a")]
    assert reading.faulty == ()


PARTS = """\
\ufeff# nothing
kind: Role
key: a
privileges: [c, b]
---
# nothing
---
--- {kind: Role, key: b, name: 'x:y', labels: {at: 22:22}}
---
kind: Role\r
key: c\r
name: |\r
  one\r
  two\r
privileges:\r
- d\r
...
---
  kind: Role
  key: d
"""


@pytest.mark.parametrize("text", [PARTS, *(path.read_text("utf-8") for path in sorted(ROOT.rglob("*.yaml")))])
def test_a_document_read_alone_is_the_one_of_the_file(text: str) -> None:
    file = SourceFile("x.yaml", text.encode())
    reading = read_file(file)
    whole, problems = parse(file.data, "x.yaml")
    assert (problems, reading.problems, len(reading.documents)) == ([], (), len(whole))
    for document, in_file in zip(reading.documents, whole, strict=True):
        sort_marks(in_file)
        assert document.place == in_file.place
        assert document.contents.marks(document.number) == in_file.marks
        assert document.model == WORKSPACE_KINDS[document.kind].model_validate(in_file.value)


# --- State ------------------------------------------------------------------------------------------------------------


def state(text: str) -> list[str]:
    return [f"{each.place.line}:{each.place.column} {each.code}" for each in read_state(text, "x.yaml")[1]]


def test_a_patch_holds_what_is_given_and_nothing_else() -> None:
    patches, found = read_state(
        """\
{kind: Plan, key: a, origin: n, status: disabled_by_provider, name: null, sales_categories: [],
 resources: {seat: {origin: n, prices: {setup: null, recurring: 1.50}}, space: null}, labels: {a: null}}
---
{kind: NotificationSchedule, key: b, notices: {30: null, 7: mail}}
---
{kind: Subscription, key: c, add_ons: {backup: {quantity: 3}}, renewals: [{date: 2027-01-01}], paid: null}
---
{kind: Tenant, key: contoso}
""",
        "x.yaml",
    )
    assert found == []
    assert [(patch.kind, patch.key) for patch in patches] == [
        ("Plan", "a"),
        ("NotificationSchedule", "b"),
        ("Subscription", "c"),
        ("Tenant", "contoso"),
    ]
    assert patches[0].body == {
        "origin": "n",
        "status": "disabled_by_provider",
        "name": None,
        "sales_categories": [],
        "resources": {"seat": {"origin": "n", "prices": {"setup": None, "recurring": "1.50"}}, "space": None},
        "labels": {"a": None},
    }
    assert patches[1].body == {"notices": {"7": "mail", "30": None}}
    assert patches[2].body == {
        "add_ons": {"backup": {"quantity": 3}},
        "renewals": [{"date": "2027-01-01"}],
        "paid": None,
    }
    assert patches[3].body == {}
    assert str(patches[3].place) == "x.yaml:8:1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: Plan\n", "1:1 missing-field"),
        ("kind: Plan\nkey: null\n", "2:6 wrong-type"),
        ("kind: SyncPolicy\nreseller: a\n", "1:7 unknown-kind"),
        ("kind: Workspace\n", "1:7 unknown-kind"),
        ("kind: Plan\nkey: a\nnmae: x\n", "3:1 unknown-field"),
        ("kind: Product\nkey: a\nunit_prices: {P1M: 1}\n", "3:1 unknown-field"),
        ("kind: Plan\nkey: a\nresources: {seat: {prices: {setup: -1}}}\n", "3:36 bad-amount"),
        ("kind: Plan\nkey: a\nsales_categories: [null]\n", "3:20 wrong-type"),
        ("kind: Subscription\nkey: a\nrenewals: [{quantity: 1}]\n", "3:12 missing-field"),
        ("kind: ExpirationSchedule\nkey: a\nsteps: {x: null}\n", "3:9 bad-value"),
        ("kind: Role\nkey: a\n---\nkind: Plan\nkey: a\n---\nkind: Role\nkey: a\n", "7:1 duplicate-document"),
        ("kind: Role\nkey: a\nx: [\n", "3:5 yaml-syntax"),
    ],
)
def test_a_state_that_is_at_fault(text: str, expected: str) -> None:
    assert state(text) == [expected]


MANY = 150
"""More than the rounds in which the valid part of a document is found, and than are listed of a code."""


def _many(item: str, extra: int = 0) -> str:
    """An item of a list or map, as often; ``@`` in it is its number."""
    return ", ".join(item.replace("@", str(number)) for number in range(MANY + extra))


_SCHEDULE = "kind: NotificationSchedule\nkey: a\nname: a\nnotices: "
_POLICY = "kind: SyncPolicy\nreseller: a\nupstream: b\noptions: "
_PRODUCT = "kind: Product\nkey: a\nname: a\ncategory: a\nunit_prices: "
_MANY_FAULTS = {
    "repeats in a set": (f"kind: Role\nkey: a\nprivileges: [{_many('a', 1)}]\n", "repeated-item"),
    "repeats in a list of plans": (
        f"kind: ServiceTemplate\nkey: a\ndelegated_plans: [{_many('a', 1)}]\n",
        "repeated-item",
    ),
    "keys in a set": (f"kind: Role\nkey: a\nprivileges: [{_many('A!')}]\n", "bad-key"),
    "keys in a list": (f"kind: OrderFlow\nkey: a\nname: a\nsteps: [{_many('A!')}]\n", "bad-key"),
    "values of days": (f"{_SCHEDULE}{{{_many('@: A!')}}}\n", "bad-key"),
    "days": (f"{_SCHEDULE}{{{_many('x@: a')}}}\n", "bad-value"),
    "dated amounts": (f"{_PRODUCT}{{P1M: [{_many('{from: 2027-01-01, amount: x}')}]}}\n", "bad-amount"),
    "dates": (f"{_PRODUCT}{{P1M: [{_many('{from: 2027-01-01, amount: 1}', 1)}]}}\n", "bad-amount"),
    "groups of options": (f"{_POLICY}{{{_many('x@: true')}}}\n", "unknown-option"),
    "options": (f"{_POLICY}{{plans: {{{_many('x@: true')}}}}}\n", "unknown-option"),
}


@pytest.mark.parametrize(("text", "code"), _MANY_FAULTS.values(), ids=_MANY_FAULTS)
def test_every_fault_in_a_value_is_counted(text: str, code: str) -> None:
    """A reader reports each fault at its own place, and stops at no number of them."""
    found = [each for each in problems(text) if each.code == code]
    assert len({each.place for each in found}) == len(found) == MANY


def test_every_fault_in_a_state_is_counted() -> None:
    found = read_state(f"kind: Role\nkey: a\nprivileges: [{', '.join(['a'] * (MANY + 1))}]\n", "x.yaml")[1]
    assert [each.code for each in found] == ["repeated-item"] * MANY


def test_faults_of_several_kinds_in_one_list_are_reported_together() -> None:
    found = problems("kind: Role\nkey: a\nprivileges: [b, B, b, null, b]\n")
    assert [(each.place.column, each.code) for each in sorted_problems(found)] == [
        (17, "bad-key"),
        (20, "repeated-item"),
        (23, "wrong-type"),
        (29, "repeated-item"),
    ]


def test_a_twin_is_made_once() -> None:
    assert state_model("Plan") is state_model("Plan")
    assert read_state("", "x.yaml") == ([], [])
    assert read_state(b"# nothing\n---\n", "x.yaml") == ([], [])


@pytest.mark.parametrize(("day", "message"), [("0", "0 is"), ("1", ""), ("31", ""), ("32", "32 is"), ("-1", "-1 is")])
def test_a_billing_day_is_a_day_of_some_month(day: str, message: str) -> None:
    found = problems(f"kind: SyncPolicy\nreseller: a\nupstream: b\nsubscriptions: {{billing_day: {day}}}\n")
    assert [each.summary for each in found] == (
        [f"subscriptions.billing_day: {message} not a day of the month"] if message else []
    )


def test_patches_without_a_key_are_not_one_that_stands_twice() -> None:
    """Each lacks its key; which ones are the same is not known."""
    found = read_state("kind: Role\nname: a\n---\nkind: Role\nname: b\n", "x.yaml")[1]
    assert [each.code for each in found] == ["missing-field", "missing-field"]
    twice = read_state("kind: Role\nkey: a\n---\nkind: Role\nkey: a\n", "x.yaml")[1]
    assert [each.code for each in twice] == ["duplicate-document"]


@pytest.mark.parametrize("text", ["5\n", "[kind, Plan]\n", "a text\n"])
def test_what_is_no_map_has_no_valid_part(text: str) -> None:
    (document,) = parse(text.encode(), "x.yaml")[0]
    found = valid_part(document, CATALOG_KINDS["Plan"])
    assert (found.document, found.model) == (None, None)
    assert found.faults


@pytest.mark.parametrize(
    ("kind", "in_a_state", "in_a_workspace"),
    [
        ("PriceList", "a PriceList stands in the workspace, not in a tenant's state", ""),
        ("Workspace", "a Workspace stands in the workspace, not in a tenant's state", ""),
        ("Customer", "", "a Customer stands in a tenant's state, not in a catalog"),
        ("Plann", 'did you mean "Plan"?', 'did you mean "Plan"?'),
    ],
)
def test_a_document_in_the_wrong_place_is_told_where_it_stands(kind: str, in_a_state: str, in_a_workspace: str) -> None:
    text = f"kind: {kind}\nkey: a\n"
    for found, hint in ((read_state(text, "x.yaml")[1], in_a_state), (problems(text), in_a_workspace)):
        unknown = [each.hint for each in found if each.code == "unknown-kind"]
        assert [each.startswith(hint) for each in unknown] == ([True] if hint else [])


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("'yes'", "write true, unquoted"),
        ("Off", "write false, unquoted"),
        ("'FALSE'", "write false, unquoted"),
        ("x", ""),
    ],
)
def test_a_flag_that_is_a_text_is_told_which_one_it_means(text: str, hint: str) -> None:
    (found,) = problems(f"kind: SyncPolicy\nreseller: a\nupstream: b\nadopt: {text}\n")
    assert (found.code, found.hint) == ("wrong-type", hint)
