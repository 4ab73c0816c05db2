"""A whole workspace: what loads, and every way in which one does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import reconciler
from reconciler.core.workspace.load import load
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.values.diagnostics import CODES, Diagnostic, Place

ROOT = Path(__file__).parents[2]

BASE = {
    "reconcile.yaml": "kind: Workspace\nversion: 1\n",
    "north/provider.yaml": "kind: Provider\nkey: northwind\ncurrency: EUR\n",
    "north/basics.yaml": """\
{kind: ServiceTerm, key: annual}
---
{kind: PlanCategory, key: productivity}
---
{kind: ProductCategory, key: office}
---
{kind: Product, key: suite, category: office}
---
{kind: Plan, key: basic, product: suite, plan_category: productivity, service_term: annual}
---
{kind: Resource, key: seat}
---
{kind: PriceList, key: emea, products: {suite: {P1M: 5.10}}}
---
{kind: ServiceTemplate, key: gold, delegated_plans: [basic]}
""",
    "north/contoso.yaml": "kind: SyncPolicy\nreseller: contoso\nupstream: northwind\nservice_template: gold\n",
}
PLAN = "kind: Plan\nkey: other\nproduct: suite\nplan_category: productivity\nservice_term: annual\n"


def loaded(files: dict[str, str | bytes]) -> tuple[Catalog | None, list[Diagnostic]]:
    sources = [SourceFile(path, text if isinstance(text, bytes) else text.encode()) for path, text in files.items()]
    return load(sources)


def faults(text: str | bytes, file: str = "north/x.yaml", **more: str) -> list[str]:
    """What is wrong when a file is added to the base, or replaces one of it: ``x.yaml:1:1 code``."""
    catalog, problems = loaded({**BASE, **more, file: text})
    assert (catalog is None) == bool(problems)
    return [f"{problem.place} {problem.code}".removeprefix("north/") for problem in problems]


def test_the_base_is_well_formed() -> None:
    catalog, problems = loaded(dict(BASE))
    assert problems == []
    assert catalog is not None
    assert list(catalog.providers) == ["northwind"]
    assert list(catalog.policies) == ["contoso"]
    assert catalog.provider_of == {"contoso": "northwind"}
    assert catalog.store == "sqlite:///.reconcile/tenants.db"
    assert len(catalog.providers["northwind"].documents) == 8


# The text of a file that is added to the base, and each place and code that it must give.
BAD_INPUT: dict[str, tuple[str | bytes, str]] = {
    "unknown field": (f"{PLAN}nmae: Other\n", "x.yaml:6:1 unknown-field"),
    "unknown field, nested": (f"{PLAN}periods:\n  P1M:\n    fees: {{recuring: 6}}\n", "x.yaml:8:12 unknown-field"),
    "wrong type": (f"{PLAN}name: [Other]\n", "x.yaml:6:7 wrong-type"),
    "a map is wanted": (f"{PLAN}periods: P1M\n", "x.yaml:6:10 wrong-type"),
    "a map is wanted, and nothing is there": (f"{PLAN}periods:\n", "x.yaml:6:9 wrong-type"),
    "a list is wanted": (f"{PLAN}sales_categories: office\n", "x.yaml:6:19 wrong-type"),
    "a number where a string belongs": (f"{PLAN}name: 365\n", "x.yaml:6:7 wrong-type"),
    "missing field": ("kind: Product\nkey: other\n", "x.yaml:1:1 missing-field"),
    "missing reference": (f"{PLAN}expiration_schedule: grace\n", "x.yaml:6:22 missing-reference"),
    "missing reference in a set": (f"{PLAN}switchable_plans: [other, basicc]\n", "x.yaml:6:27 missing-reference"),
    "missing reference as a map's key": (f"{PLAN}resources:\n  seats: {{}}\n", "x.yaml:7:3 missing-reference"),
    "missing reference as a map's value": (
        "kind: NotificationSchedule\nkey: x\nnotices:\n  30: mail\n",
        "x.yaml:4:7 missing-reference",
    ),
    "missing product on a price list": (
        "kind: PriceList\nkey: x\nproducts:\n  suites: {P1M: 1}\n",
        "x.yaml:4:3 missing-reference",
    ),
    "AP-01": (
        PLAN.replace("suite", "sweet").replace("annual", "anual"),
        "x.yaml:3:10 missing-reference, x.yaml:5:15 missing-reference",
    ),
    "duplicate key": (f"{PLAN}key: third\n", "x.yaml:6:1 yaml-duplicate"),
    "duplicate document in two files": ("kind: Resource\nkey: seat\n", "x.yaml:1:1 duplicate-document"),
    "anchor and alias": (
        f"{PLAN}name: &n Other\nlabels: {{a: *n}}\n",
        "x.yaml:6:7 yaml-anchor, x.yaml:7:13 yaml-anchor",
    ),
    "merge key": (f"{PLAN}<<: {{name: x}}\n", "x.yaml:6:1 yaml-merge"),
    "tag": (f"{PLAN}name: !!str 365\n", "x.yaml:6:7 yaml-tag"),
    "own tag": (f"{PLAN}name: !secret x\n", "x.yaml:6:7 yaml-tag"),
    "directive": (f"%YAML 1.1\n---\n{PLAN}", "x.yaml:1:1 yaml-directive"),
    "complex key": (f"{PLAN}? [a]\n: b\n", "x.yaml:6:3 yaml-key"),
    "tab": (f"{PLAN}labels:\n\ta: b\n", "x.yaml:7:1 yaml-syntax"),
    "invalid UTF-8": (f"{PLAN}name: caf".encode() + b"\xe9\n", "x.yaml:6:10 yaml-encoding"),
    "control character": (f"{PLAN}name: a\x1bb\n", "x.yaml:6:8 yaml-syntax"),
    "unclosed quote": (f"{PLAN}name: 'Other\n", "x.yaml:6:7 yaml-syntax"),
    "deep nesting": (f"{PLAN}labels: {'[' * 50}\n", "x.yaml:6:48 yaml-depth"),
    "unquoted NO": (f"{PLAN}published: NO\n", "x.yaml:6:12 wrong-type"),
    "quoted true": (f'{PLAN}published: "true"\n', "x.yaml:6:12 wrong-type"),
    "bad key": ("kind: Resource\nkey: Big Seat\n", "x.yaml:2:6 bad-key"),
    "bad key of a map": (f"{PLAN}resources: {{Seat: {{}}}}\n", "x.yaml:6:13 bad-key"),
    "bad period": (f"{PLAN}periods: {{1M: {{}}}}\n", "x.yaml:6:11 bad-value"),
    "bad day": ("kind: ExpirationSchedule\nkey: x\nsteps: {soon: delete}\n", "x.yaml:3:9 bad-value"),
    "bad status": (f"{PLAN}status: activ\n", "x.yaml:6:9 bad-value"),
    "status of tenants only": (f"{PLAN}status: disabled_by_provider\n", "x.yaml:6:9 bad-value"),
    "field of tenants only": (
        "kind: Product\nkey: x\ncategory: office\nbilling_cycles: {}\n",
        "x.yaml:4:1 unknown-field",
    ),
    "origin": (
        f"{PLAN}origin: northwind\nresources: {{seat: {{origin: northwind}}}}\n",
        "x.yaml:6:1 unknown-field, x.yaml:7:20 unknown-field",
    ),
    "kind of tenants only": ("kind: Customer\nkey: x\n", "x.yaml:1:7 unknown-kind"),
    "unknown kind": ("kind: Plann\nkey: x\n", "x.yaml:1:7 unknown-kind"),
    "no kind": ("key: x\n", "x.yaml:1:1 document-shape"),
    "a list of documents": ("- kind: Plan\n", "x.yaml:1:1 document-shape"),
    "repeated item": ("kind: Role\nkey: x\nprivileges: [b, a, b]\n", "x.yaml:3:20 repeated-item"),
    "price group (IW-02)": ("kind: PriceList\nkey: x\nprice_groups: [a]\n", "x.yaml:3:1 unknown-field"),
    "currency of a price list": ("kind: PriceList\nkey: x\ncurrency: USD\n", "x.yaml:3:11 bad-currency"),
    "minimum above maximum": (
        f"{PLAN}resources: {{seat: {{limits: {{minimum: 10, maximum: 9}}}}}}\n",
        "x.yaml:6:38 bad-limits",
    ),
    "minimum above maximum from a day on": (
        f"{PLAN}resources:\n  seat:\n    limits:\n      minimum: 5\n"
        "      maximum: [{from: 2027-01-01, amount: 4.5}, {from: 2026-01-01, amount: 10}]\n",
        "x.yaml:9:16 bad-limits",
    ),
    "no such day": (
        f"{PLAN}resources: {{seat: {{prices: {{setup: [{{from: 2027-02-30, amount: 1}}]}}}}}}\n",
        "x.yaml:6:44 bad-value",
    ),
    "template extends itself": ("kind: ServiceTemplate\nkey: x\nextends: x\n", "x.yaml:3:10 cycle"),
    "AP-05": ("kind: ServiceTemplate\nkey: x\ndelegated_plans: [third, basic]\n", "x.yaml:3:19 missing-reference"),
}  # fmt: skip
AMOUNTS = ("-6", "+6", "1e3", "0777", "0x1F", "0o17", ".nan", ".inf", "22:22", "1_000", '"1,5"', ".5", "6.", "abc")
POLICY = {
    "upstream is itself": ("upstream: contoso\n", "x.yaml:3:11 cycle"),
    "upstream is not there": ("upstream: northwnd\n", "x.yaml:3:11 unknown-tenant"),
    "option misspelt": ("upstream: northwind\noptions:\n  plans: {creat: true}\n", "x.yaml:5:11 unknown-option"),
    "group misspelt": ("upstream: northwind\noptions:\n  plan: true\n", "x.yaml:5:3 unknown-option"),
    "option is no flag": ("upstream: northwind\noptions: {plans: yes}\n", "x.yaml:4:18 wrong-type"),
    "currency": ("upstream: northwind\ncurrency: USD\n", "x.yaml:4:11 bad-currency"),
    "guard": ("upstream: northwind\nguards: {max_deletes: 10}\n", "x.yaml:4:23 bad-value"),
    "password": ("upstream: northwind\nstore: https://a:b@host/x\n", "x.yaml:4:8 bad-store"),
    "password in the query": ("upstream: northwind\nstore: postgresql://host/x?password=b\n", "x.yaml:4:8 bad-store"),
    "no database": ("upstream: northwind\nstore: postgresql:x\n", "x.yaml:4:8 bad-store"),
    "store": ("upstream: northwind\nstore: mysql://host/x\n", "x.yaml:4:8 bad-store"),
    "sqlite store": ("upstream: northwind\nstore: sqlite://x.db\n", "x.yaml:4:8 bad-store"),
    "plan": ("upstream: northwind\ndelegate:\n  plans: [basic, gone]\n", "x.yaml:5:18 missing-reference"),
    "plan, in full": ("upstream: northwind\ndelegate: {plans: {exclude: [gone]}}\n", "x.yaml:4:30 missing-reference"),
    "tenant API": ("upstream: northwind\nstore: https://bss.example/api\n", "x.yaml:4:8 bad-store"),
    "sqlite store with a query": ("upstream: northwind\nstore: sqlite:///x.db?mode=ro\n", "x.yaml:4:8 bad-store"),
    "token": ("upstream: northwind\ntoken_env: CONTOSO_TOKEN\n", "x.yaml:4:12 bad-value"),
    "no variable": ("upstream: northwind\ntoken_env: RECONCILE_A-B\n", "x.yaml:4:12 bad-value"),
    "price list": ("upstream: northwind\nprice_list: apac\n", "x.yaml:4:13 missing-reference"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_gives_an_error_with_its_place(case: str) -> None:
    text, expected = BAD_INPUT[case]
    assert ", ".join(faults(text)) == expected


@pytest.mark.parametrize("amount", AMOUNTS)
def test_what_is_no_amount(amount: str) -> None:
    assert faults(f"{PLAN}periods: {{P1M: {{fees: {{recurring: {amount}}}}}}}\n") == ["x.yaml:6:35 bad-amount"]


@pytest.mark.parametrize("case", POLICY)
def test_bad_policies(case: str) -> None:
    text, expected = POLICY[case]
    found = faults(f"kind: SyncPolicy\nreseller: contoso\n{text}", **{"north/contoso.yaml": ""})
    assert found == [expected]


def test_every_diagnostic_is_complete() -> None:
    for case, (text, _) in BAD_INPUT.items():
        for problem in loaded({**BASE, "north/x.yaml": text})[1]:
            assert problem.code in CODES, case
            assert problem.summary, case
            written = text if isinstance(text, bytes) else text.encode()
            assert problem.line == written.decode("utf-8", "replace").split("\n")[problem.place.line - 1].replace(
                "\x1b", "\\u001b"
            )


def test_every_problem_at_once_in_order() -> None:
    text = "\n---\n".join(text for text, _ in BAD_INPUT.values() if isinstance(text, str) and "%" not in text)
    problems = loaded({**BASE, "north/x.yaml": text})[1]
    assert len({problem.code for problem in problems}) > 15
    assert [problem.place for problem in problems] == sorted(problem.place for problem in problems)


def workspace(**files: str) -> list[str]:
    """What is wrong with a workspace of these files, ``/`` written as ``__`` and without their ending."""
    named = {f"{name.replace('__', '/')}.yaml": text for name, text in files.items()}
    return [f"{problem.place} {problem.code}" for problem in loaded(dict(named))[1]]


W = BASE["reconcile.yaml"]
P = BASE["north/provider.yaml"]


def test_the_workspace_document() -> None:
    assert workspace(reconcile=W) == []
    assert workspace(other=W) == ["other.yaml:1:1 workspace", "reconcile.yaml:1:1 workspace"]
    assert workspace(reconcile=f"{W}---\n{W}") == ["reconcile.yaml:4:1 workspace"]
    assert workspace(reconcile=W, a__reconcile=W) == ["a/reconcile.yaml:1:1 workspace"]
    assert workspace(reconcile=W.replace("1", "2")) == ["reconcile.yaml:2:10 workspace"]
    assert workspace(reconcile="kind: Workspace\nversion: 1\nfoo: [\n") == ["reconcile.yaml:3:7 yaml-syntax"]
    assert workspace() == ["reconcile.yaml:1:1 workspace"]


def test_a_provider_may_stand_at_the_root() -> None:
    assert workspace(reconcile=f"{W}---\n{P}---\nkind: Resource\nkey: seat\n", deep__down__x="") == []


def test_documents_outside_any_provider() -> None:
    assert workspace(reconcile=W, a__p=P, b__x="kind: Role\nkey: x\n") == ["b/x.yaml:1:1 outside-provider"]
    assert workspace(reconcile=W, a__p=P.replace("currency", "curency"), a__x="kind: Role\nkey: x\n") == [
        "a/p.yaml:1:1 missing-field",
        "a/p.yaml:3:1 unknown-field",
    ]
    assert workspace(reconcile=W, a__p=P + "\tx", a__x="kind: Role\nkey: x\n") == ["a/p.yaml:4:1 yaml-syntax"]


def test_a_file_at_the_root_that_cannot_be_read_may_hold_the_provider() -> None:
    """Its provider would own every folder below; in the folder of another, it would not."""
    files = {"reconcile.yaml": W, "a/p.yaml": P, "b/x.yaml": "kind: Role\nkey: x\n"}
    for hidden, code in {
        "broken.yaml": "not-checked",
        "b/broken.yaml": "not-checked",
        "a/y.yaml": "outside-provider",
    }.items():
        problems = loaded({**files, hidden: "foo: [\n"})[1]
        assert sorted(problem.code for problem in problems) == sorted([code, "yaml-syntax"]), hidden


def test_the_digest_of_a_catalog_does_not_tell_how_it_is_divided_into_files() -> None:
    role, other = "kind: Role\nkey: x\n", "kind: Role\nkey: y\n"
    divided = [
        {"reconcile.yaml": W, "p.yaml": P, "x.yaml": role},
        {"reconcile.yaml": f"{W}---\n{P}", "x.yaml": role},
        {"reconcile.yaml": f"{P}---\n{role}---\n{W}"},
        {"reconcile.yaml": f"{P}---\n{other}---\n{W}"},
    ]
    catalogs = [loaded(dict(files))[0] for files in divided]
    digests = [catalog.digest for catalog in catalogs if catalog]
    assert len(digests) == 4
    assert len({*digests[:3]}) == 1
    assert digests[3] != digests[0]


def test_providers_in_each_others_way() -> None:
    other = P.replace("northwind", "southwind")
    assert workspace(reconcile=W, a__p=P, a__b__q=other) == ["a/b/q.yaml:1:1 nested-provider"]
    assert workspace(reconcile=W, a__p=P, a__q=other) == ["a/q.yaml:1:1 nested-provider"]
    assert workspace(reconcile=W, a__p=P, b__q=other) == []
    assert workspace(reconcile=W, a__p=P, b__q=P) == ["b/q.yaml:1:1 duplicate-tenant"]


def policy(reseller: str, upstream: str, more: str = "") -> str:
    return f"kind: SyncPolicy\nreseller: {reseller}\nupstream: {upstream}\n{more}"


def test_tenant_keys_are_unique() -> None:
    south = P.replace("northwind", "southwind")
    assert workspace(reconcile=W, a__p=P, a__x=policy("northwind", "northwind")) == [
        "a/x.yaml:1:1 duplicate-tenant",
        "a/x.yaml:3:11 cycle",
    ]
    files = {"a__x": policy("contoso", "northwind"), "b__x": policy("contoso", "southwind")}
    assert workspace(reconcile=W, a__p=P, b__p=south, **files) == ["b/x.yaml:1:1 duplicate-tenant"]
    twice = policy("contoso", "northwind")
    assert workspace(reconcile=W, a__p=P, a__x=f"{twice}---\n{twice}") == ["a/x.yaml:5:1 duplicate-document"]


def test_circles_are_told_once_with_all_places() -> None:
    text = "---\n".join([policy("a", "b"), policy("b", "c"), policy("c", "a"), policy("d", "c")])
    (problem,) = loaded({"reconcile.yaml": W, "n/p.yaml": P, "n/x.yaml": text})[1]
    assert (str(problem.place), problem.code) == ("n/x.yaml:3:11", "cycle")
    assert [place.line for place in problem.also] == [7, 11]


def test_an_upstream_in_another_tree() -> None:
    files = {"a__p": P, "b__p": P.replace("northwind", "southwind"), "a__x": policy("contoso", "southwind")}
    assert workspace(reconcile=W, **files) == ["a/x.yaml:3:11 foreign-upstream"]


@pytest.mark.parametrize("store", ["sqlite:///x.db", "postgresql://db.example/x"])
def test_the_stores_that_need_no_plugin(store: str) -> None:
    assert faults(f"{POLICY_HEAD}store: {store}\n", "north/contoso.yaml") == []


def test_a_reseller_in_another_tree_is_named_with_its_place() -> None:
    south = f"{P.replace('northwind', 'southwind')}---\n{policy('fabrikam', 'southwind')}"
    files: dict[str, str | bytes] = {"reconcile.yaml": W, "a/p.yaml": P, "b/p.yaml": south}
    files["a/x.yaml"] = policy("contoso", "fabrikam")
    (problem,) = loaded(files)[1]
    assert problem.code == "foreign-upstream"
    assert [(place.file, place.line) for place in problem.also] == [("b/p.yaml", 5)]


def test_currencies_follow_the_chain() -> None:
    chain = [policy("a", "northwind"), policy("b", "a", "currency: EUR\n"), policy("c", "b", "currency: CHF\n")]
    assert workspace(reconcile=W, n__p=P, n__x="---\n".join(chain)) == ["n/x.yaml:13:11 bad-currency"]


def test_the_plans_of_a_reseller_are_not_looked_for() -> None:
    template = "kind: ServiceTemplate\nkey: t\ndelegated_plans: [own]\n"
    below = policy("b", "a", "delegate: {plans: [own-too]}\nservice_template: t\n")
    files = {"reconcile": W, "n__p": P, "n__t": template, "n__a": policy("a", "northwind")}
    assert workspace(**files, n__b=below) == []
    assert workspace(**files) == ["n/t.yaml:3:19 missing-reference"]
    direct = policy("c", "northwind", "service_template: t\n")
    assert workspace(**files, n__b=below, n__c=direct) == ["n/t.yaml:3:19 missing-reference"]
    assert workspace(**files, n__b=below.replace("template: t", "template: u")) == [
        "n/b.yaml:5:19 missing-reference",
        "n/t.yaml:3:19 missing-reference",
    ]


def test_what_a_faulty_document_holds_is_not_missing() -> None:
    for broken in ("kind: ServiceTerm\nkey: yearly\nx: 1\n", "{kind: ServiceTerm, key: yearly, x: [\n"):
        found = faults(f"{PLAN.replace('annual', 'yearly')}---\n{broken}")
        assert len(found) == 1, found


def test_hints_name_the_nearest() -> None:
    problem = loaded({**BASE, "north/x.yaml": PLAN.replace("suite", "suit")})[1][0]
    assert problem.summary == 'plan "other" names product "suit", which does not exist (AP-01)'
    assert problem.hint == 'did you mean "suite"?'


def test_a_message_holds_nothing_that_a_terminal_obeys() -> None:
    problem = loaded({**BASE, "north/x.yaml": PLAN + '"\\e[31m": x\n'})[1][0]
    assert problem.summary == 'Plan has no field "\\u001b[31m"'


def test_schemes_of_plugins() -> None:
    files = [SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\nstore: mongo://x/y\n")]
    assert [problem.code for problem in load(files)[1]] == ["bad-store"]
    assert load(files, stores=lambda _: None)[1] == []


def bundled() -> list[SourceFile]:
    top = ROOT / "catalogs"
    return [SourceFile(path.relative_to(top).as_posix(), path.read_bytes()) for path in sorted(top.rglob("*.yaml"))]


def test_the_bundled_catalogs_have_no_problem() -> None:
    catalog, problems = load(bundled())
    assert problems == []
    assert catalog is not None
    assert set(catalog.providers) >= {"northwind"}


def swapped(data: bytes) -> bytes:
    """A file with its documents, and the fields of each, in another order."""
    documents = re.split(r"^---\n", data.decode(), flags=re.MULTILINE)
    fields = (re.split(r"^(?=\w)", document, flags=re.MULTILINE) for document in documents)
    return "\n---\n".join("\n".join(reversed(each)) for each in reversed(list(fields))).encode()


def test_order_makes_no_difference() -> None:
    files = [file for file in bundled() if file.path.startswith("northwind/")]
    root = SourceFile("reconcile.yaml", BASE["reconcile.yaml"].encode())
    first, _ = load([root, *files])
    renamed = [SourceFile(f"northwind/{index}.yaml", swapped(file.data)) for index, file in enumerate(reversed(files))]
    again, _ = load([*renamed, root])
    assert first is not None
    assert again is not None
    assert again.digest == first.digest
    assert list(again.policies) == list(first.policies)
    assert list(again.providers["northwind"].documents) == list(first.providers["northwind"].documents)


def test_a_changed_amount_changes_the_digest() -> None:
    one, other = (
        load([SourceFile(path, text.replace("5.10", amount).encode()) for path, text in BASE.items()])[0]
        for amount in ("5.10", "5.20")
    )
    assert one is not None
    assert other is not None
    assert one.digest != other.digest


def test_every_code_is_given_somewhere() -> None:
    sources = Path(reconciler.__file__).parent.rglob("*.py")
    code = "".join(path.read_text("utf-8") for path in sources if path.name != "diagnostics.py")
    assert [each for each in CODES if f'"{each}"' not in code] == []


FIELD_ERROR = "nmae: x\n"
"""Something at fault in a document, which has nothing to do with what else is."""
POLICY_HEAD = "kind: SyncPolicy\nreseller: fabrikam\nupstream: northwind\n"
TWO_FAULTS = {
    "AP-01": PLAN.replace("suite", "sweet"),
    "a reference in a set": f"{PLAN}switchable_plans: [gone]\n",
    "a reference deep inside": f"{PLAN}periods: {{P1M: {{expiration_schedule: gone}}}}\n",
    "a key of a map": f"{PLAN}resources: {{gone: {{}}}}\n",
    "limits": f"{PLAN}resources: {{seat: {{limits: {{minimum: 2, maximum: 1}}}}}}\n",
    "a plan that does not exist": f"{POLICY_HEAD}delegate: {{plans: [gone]}}\n",
    "a template that does not exist": f"{POLICY_HEAD}service_template: gone\n",
    "a price list that does not exist": f"{POLICY_HEAD}price_list: gone\n",
    "an upstream that does not exist": POLICY_HEAD.replace("northwind", "southwind"),
    "a store": f"{POLICY_HEAD}store: foo://x\n",
    "another currency": f"{POLICY_HEAD}currency: USD\n",
    "a circle of tenants": POLICY_HEAD.replace("northwind", "fabrikam"),
    "a circle of templates": "kind: ServiceTemplate\nkey: x\nextends: x\n",
    "a plan of a template": "kind: ServiceTemplate\nkey: x\ndelegated_plans: [gone]\n",
    "a product of a list": "kind: PriceList\nkey: x\nproducts: {gone: {P1M: 1}}\n",
    "a document twice": "kind: Resource\nkey: seat\n",
    "a rename": f"{PLAN}moved_from: basic\n",
    "a tenant twice": POLICY_HEAD.replace("fabrikam", "northwind"),
}


@pytest.mark.parametrize("case", TWO_FAULTS)
def test_what_a_document_says_of_others_is_told_with_its_own_faults(case: str) -> None:
    alone = faults(TWO_FAULTS[case])
    assert len(alone) in (1, 2)
    line = TWO_FAULTS[case].count("\n") + 1
    assert faults(TWO_FAULTS[case] + FIELD_ERROR) == [*alone, f"x.yaml:{line}:1 unknown-field"]


def test_a_price_list_attached_through_groups_is_told_with_what_else_is_wrong() -> None:
    """IW-02."""
    text = "kind: PriceList\nkey: x\nprice_groups: [gone]\nproducts: {gone: {P1M: 1}}\n"
    assert faults(text) == ["x.yaml:3:1 unknown-field", "x.yaml:4:12 missing-reference"]


def test_all_items_of_a_list_or_map_that_are_at_fault_are_told_where_they_stand() -> None:
    text = f"{PLAN}switchable_plans: [basic, Bad One, gone, 3, Bad Two]\n"
    assert faults(text) == [
        "x.yaml:6:27 bad-key",
        "x.yaml:6:36 missing-reference",
        "x.yaml:6:42 wrong-type",
        "x.yaml:6:45 bad-key",
    ]
    text = f"{POLICY_HEAD}options: {{plan: true, resourses: true, price_list: 1}}\n"
    assert faults(text) == ["x.yaml:4:11 unknown-option", "x.yaml:4:23 unknown-option", "x.yaml:4:52 wrong-type"]


def test_what_is_taken_out_is_no_further_fault() -> None:
    """Of an amount, an entry or a list that is at fault, nothing else is said."""
    for value in ("[{from: x, amount: 1}]", "[{from: 2027-01-01, amount: -1}]", "[]", "-1", "{}"):
        found = faults(f"{PLAN}periods: {{P1M: {{fees: {{recurring: {value}}}}}}}\n")
        assert len(found) == 1, (value, found)
    assert len(faults("kind: Product\nkey: [x]\n")) == 2


UNREADABLE: dict[str, str | bytes] = {
    "a broken text without kind and key": "foo: [\n",
    "no text at all": b"\xff" * 40,
    "a kind that there is not": PLAN.replace("Plan", "Plann").replace("other", "gone"),
    "a key that is none": PLAN.replace("other", "Go Ne"),
    "a kind that is none": PLAN.replace("kind: Plan", "kind: [Plan]").replace("other", "gone"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_may_stand_in_what_cannot_be_read_is_not_missing(case: str) -> None:
    """And that this was not checked is said, in one line."""
    naming = f"{PLAN}switchable_plans: [gone]\n---\n{POLICY_HEAD}delegate: {{plans: [gone, basic]}}\n"
    problems = loaded({**BASE, "north/x.yaml": naming, "north/y.yaml": UNREADABLE[case]})[1]
    assert {problem.place.file for problem in problems} == {"north/y.yaml"}
    (unmade,) = [problem for problem in problems if problem.code == "not-checked"]
    assert (unmade.severity, unmade.summary) == ("warning", "2 checks were not made because of what is wrong here")
    assert any(problem.severity == "error" for problem in problems)


def test_one_check_that_was_not_made_is_one() -> None:
    naming = f"{PLAN}switchable_plans: [gone]\n"
    problems = loaded({**BASE, "north/x.yaml": naming, "north/y.yaml": "foo: [\n"})[1]
    (unmade,) = [problem for problem in problems if problem.code == "not-checked"]
    assert unmade.summary == "1 check was not made because of what is wrong here"


def test_what_cannot_stand_there_is_missing() -> None:
    """A document of which kind and key can be read hides nothing else."""
    for broken in (f"{PLAN.replace('other', 'third')}foo: [\n", "kind: Plann\nkey: third\n", "kind: Role\nkey: A b\n"):
        problems = loaded({**BASE, "north/x.yaml": f"{PLAN}switchable_plans: [gone]\n", "north/y.yaml": broken})[1]
        assert [problem.code for problem in problems if problem.place.file == "north/x.yaml"] == ["missing-reference"]
        assert "not-checked" not in [problem.code for problem in problems]


def test_a_provider_that_cannot_be_read_takes_nothing_with_it() -> None:
    files: dict[str, str | bytes] = {**BASE, "north/provider.yaml": "foo: [\n"}
    problems = loaded(files)[1]
    assert [problem.code for problem in problems] == ["yaml-syntax", "not-checked"] or [
        problem.code for problem in problems
    ] == ["not-checked", "yaml-syntax"]
    problems = loaded(
        {**BASE, "north/provider.yaml": P.replace("EUR", "EURO"), "north/x.yaml": TWO_FAULTS["another currency"]}
    )[1]
    assert [problem.code for problem in problems] == ["not-checked", "bad-currency"]


def test_a_file_that_cannot_be_opened_may_hold_anything() -> None:
    sources = [SourceFile(path, text.encode()) for path, text in {**BASE, "north/x.yaml": TWO_FAULTS["AP-01"]}.items()]
    problems = load(sources, unread=[Place("north/gone.yaml", 1)])[1]
    assert [(str(problem.place), problem.code) for problem in problems] == [("north/gone.yaml:1:1", "not-checked")]
    assert [problem.code for problem in load(sources, unread=[Place("south/gone.yaml", 1)])[1]] == ["missing-reference"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{POLICY_HEAD}delegate: {{plans: [gone]}}\n", 'names plan "gone", which does not exist (AP-05)'),
        (f"{POLICY_HEAD}price_list: gone\n", 'names price list "gone", which does not exist'),
        (f"{PLAN}switchable_plans: [gone]\n", 'names plan "gone", which does not exist'),
        (PLAN.replace("suite", "gone"), 'names product "gone", which does not exist (AP-01)'),
    ],
)
def test_what_does_not_exist_is_named_with_the_rule_that_needs_it(text: str, said: str) -> None:
    (problem,) = loaded({**BASE, "north/x.yaml": text})[1]
    assert problem.code == "missing-reference"
    assert problem.summary.endswith(said)
