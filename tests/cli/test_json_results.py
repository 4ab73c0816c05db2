"""``--format json`` (``-o json``): one object by its schema, in UTF-8 whatever the terminal's encoding."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.cli.options import who
from reconciler.core.savedplan.plan_schema import plan_schema
from reconciler.core.schemadocs.result_schemas import RESULTS
from reconciler.version import RESULT_VERSION
from tests.cli.mirrors import with_mirrors
from tests.cli.runner import NOW, Shop
from tests.cli.test_documented import LEAVES

ODD = 'Plan € 10 <b>"ø"</b> 価格 \U0001f4b6'
"""As a name: outside Latin-1 and the basic plane, with what HTML and JSON escape."""
PLANS = ("plan", "show")
APPLIES = ("apply",)
"""Whose JSON is not tried here."""

COMMANDS = {
    "init": [("init elsewhere", "result", 0)],
    "schema": [("schema elsewhere", "result", 0)],
    "completion": [("completion zsh", "result", 0)],
    "explain-kind": [("explain-kind", "kinds", 0), ("explain-kind plan periods.fees", "kinds", 0)],
    "validate": [("validate", "valid", 0), ("validate --ref HEAD", "problems", 0)],
    "explain": [
        ("explain one plan/mail-basic", "entity", 0),
        ("explain one plan/mail-basic#name", "entity", 0),
        ("explain one plan/mail-basic#switchable_plans", "entity", 0),
        ("explain two two/sales_category/office#name", "entity", 0),
        ("explain two plan/mail-basic#periods.P1M.fees.recurring", "entity", 0),
        ("explain acme subscription/one.sub-1", "entity", 0),
        ("explain acme subscription/one.sub-1#responsible_user", "entity", 0),
        ("explain two --enable plans", "supposition", 0),
        ("explain two --disable plans.create", "supposition", 0),
    ],
    "status": [("status", "tenants", 0), ("status --tenant two", "tenants", 0)],
    "history": [("history", "entries", 0), ("history two --limit 1 --since P1D", "entries", 0)],
    "plans": [("plans", "plans", 0), ("plans --search nothing", "plans", 0)],
    "store check": [("store check", "stores", 0)],
    "store migrate": [("store migrate", "result", 0)],
    "tenant list": [("tenant list", "tenants", 0)],
    "tenant show": [("tenant show one", "tenant", 0), ("tenant show acme", "tenant", 0)],
    "tenant export": [
        ("tenant export one", "documents", 0),
        ("tenant export one out.txt", "result", 0),
        ("tenant export one --as-catalog", "documents", 0),
    ],
    "tenant import": [("tenant import one", "result", 0)],
    "tenant release": [("tenant release one product/mail", "result", 0)],
    "subscription list": [
        ("subscription list acme", "subscriptions", 0),
        ("subscription list one", "subscriptions", 0),
        ("subscription list two", "subscriptions", 0),
    ],
    "subscription show": [
        ("subscription show acme one.sub-1", "subscription", 0),
        ("subscription show one sub-1", "subscription", 0),
    ],
    "watch": [("watch --rounds 1", "round", 0)],
    "subscription act": [
        ("subscription act one sub-1 suspend", "result", 0),
        ("subscription act acme one.sub-1 suspend", "result", 3),
    ],
}
"""By command: what is run, the key of the data, and the exit status."""


def closed(schema: Any) -> Any:
    """A schema that allows no key that it does not list, unless it says that it does."""
    match schema:
        case dict():
            found = {key: closed(each) for key, each in schema.items()}
            of_keys = isinstance(schema.get("properties"), dict) and isinstance(schema.get("required"), list)
            return {"additionalProperties": False, **found} if of_keys else found
        case list():
            return [closed(each) for each in schema]
        case _:
            return schema


def valid(name: str, text: str) -> dict[str, Any]:
    """What was printed, which is one object by the command's schema and lists every key that it has."""
    data: dict[str, Any] = json.loads(text)
    schema = RESULTS[f"{name.replace(' ', '-')}.json"]()
    Draft202012Validator(closed(schema)).validate(data)
    assert data["format_version"] == RESULT_VERSION
    assert set(data) <= set(schema["properties"])
    return data


@pytest.fixture(scope="module")
def _odd(_applied: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("odd") / "shop"
    copytree(_applied.root, root)
    shop = with_mirrors(Shop(root))
    name = json.dumps(ODD, ensure_ascii=False)
    shop.edit("acme/catalog.yaml", "name: Mail Basic", f"name: {name}")
    shop.edit("acme/catalog.yaml", "name: Office", f"name: {name}")
    shop.commit(f"odd {ODD}")
    assert shop.run("apply --auto-approve", env={"RECONCILE_USER": f"ann {ODD}"}).status == 0
    patch = f"kind: Plan\nkey: mail-basic\nname: {name}\n---\nkind: Plan\nkey: own\nname: {name}\nproduct: mail\n"
    for tenant in ("one", "two"):
        assert (
            shop.run(f"tenant import {tenant}", stdin=patch + "plan_category: mail\nservice_term: monthly\n").status
            == 0
        )
    shop.reprice()
    return shop


@pytest.fixture
def odd(_odd: Shop, tmp_path: Path) -> Shop:
    """A shop with mirrors and odd names, in which something is to apply and something is withheld."""
    copytree(_odd.root, tmp_path / "shop")
    return Shop(tmp_path / "shop")


def lines() -> Iterator[tuple[str, str, str, int]]:
    for name, found in COMMANDS.items():
        yield from ((name, *each) for each in found)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(("name", "line", "key", "status"), list(lines()))
def test_a_result_is_one_object_by_its_schema(
    odd: Shop, name: str, line: str, key: str, status: int, encoding: str
) -> None:
    done = odd.run(f"{line} -o json", encoding=encoding)
    assert done.status == status, done.err
    assert key in valid(name, done.out)
    assert "\\u20ac" not in done.out


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_has_json_and_its_short_form(name: str) -> None:
    option = next(each for each in LEAVES[name].params if "--format" in each.opts)
    assert "-o" in option.opts
    assert {"text", "json"} <= set(option.type.choices)  # type: ignore[attr-defined]
    assert name in COMMANDS or name in (*PLANS, *APPLIES)
    assert name in (*PLANS, *APPLIES) or f"{name.replace(' ', '-')}.json" in RESULTS


@pytest.mark.parametrize("name", COMMANDS)
def test_who_asks_for_json_gets_json_or_nothing(odd: Shop, name: str) -> None:
    """Errors are on standard error, with exit status 1."""
    if name == "init":
        done = odd.run("init . -o json")
    elif name == "completion":
        done = odd.run("completion tcsh -o json")
    elif name == "explain-kind":
        done = odd.run("explain-kind Plam -o json")
    elif name == "schema":
        (odd.root / "file").touch()
        done = odd.run("schema file -o json")
    elif name == "validate":
        odd.edit("acme/catalog.yaml", "kind: Plan\n", f"kind: Plan\n{ODD[:4]}: x\n")
        done = odd.run("validate -o json")
        assert (done.status, valid("validate", done.out)["valid"]) == (1, False)
        return
    elif name == "watch":  # it goes on: an invalid workspace is what its next round may mend
        odd.edit("acme/catalog.yaml", "kind: Plan\n", "kind: Plan\nnmae: x\n")
        done = odd.run(f"{COMMANDS[name][0][0]} -o json")
        (waiting,) = valid("watch", done.out)["round"]["pending"]
        assert (done.status, waiting["reason"]) == (0, "workspace")
        return
    else:
        odd.edit("acme/catalog.yaml", "kind: Plan\n", "kind: Plan\nnmae: x\n")
        done = odd.run(f"{COMMANDS[name][0][0]} -o json")
    assert (done.status, done.out) == (1, "")
    assert done.err


def test_a_plan_in_every_format_is_utf_8(odd: Shop) -> None:
    odd.run("plan --out p.json")
    for form in ("json", "markdown", "html"):
        for command in ("plan --verbose", "show p.json --verbose"):
            line = f"{command} -o {form}"
            assert odd.run(line, encoding="ascii").out.replace(NOW, "") == odd.run(line).out.replace(NOW, "")
    Draft202012Validator(plan_schema()).validate(json.loads(odd.run("plan -o json", encoding="latin-1").out))


def test_annotations_are_utf_8(odd: Shop) -> None:
    odd.edit("acme/catalog.yaml", "kind: Plan\n", "kind: Plan\n€: x\n")
    done = odd.run("validate -o github", encoding="ascii")
    assert "€" in done.out


def test_what_is_exported_on_any_terminal_is_the_same_when_it_is_imported(odd: Shop) -> None:
    exported = odd.run("tenant export one", encoding="ascii").out
    assert ODD[:9] in exported
    state = odd.state
    done = odd.run("tenant import one", stdin=exported)
    assert "0 added, 0 changed, 0 removed" in done.err
    assert odd.state == state


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
def test_a_process_writes_utf_8_whatever_its_locale(odd: Shop, environment: dict[str, str]) -> None:
    for line, words in ((("plans", "-o", "json"), json.loads), (("tenant", "export", "one"), str)):
        command = [sys.executable, "-m", "reconciler", *line]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}
        done = subprocess.run(command, cwd=odd.root, env={**kept, **environment}, capture_output=True, check=True)
        text = done.stdout.decode("utf-8")
        assert words(text)
        assert "Plan € 10" in text


def test_explain_says_as_data_what_it_says_in_words(odd: Shop) -> None:
    found = valid("explain", odd.run("explain two plan/mail-basic#periods.P1M.fees.recurring -o json").out)["entity"]
    assert (found["address"], found["type"], found["name"]) == ("two/plan/mail-basic", "plan", "mail-basic")
    assert (found["exists"], found["wanted"], found["origin"]) == (True, True, "acme")
    (field,) = found["fields"]
    assert (field["path"], field["desired"], field["actual"]) == ("periods.P1M.fees.recurring", "2.20", "2.00")
    assert (field["verdict"], field["rule"], field["vetoes"]) == ("withheld", "CB-34", ["prices"])
    assert field["rule_text"].startswith("**R** A reseller may veto")
    assert field["options"] == ["plans.update_fees"]
    assert field["declared_at"]["file"] == "acme/catalog.yaml"
    assert field["policy"]["file"] == "acme/resellers/two.yaml"
    assert (field["policy"]["author"], len(field["policy"]["commit"])) == ("Ann", 40)
    assert field["releases"] == ["plan/mail-basic#periods.P1M.fees.recurring"]


def test_status_and_history_say_as_data_what_was_applied(odd: Shop) -> None:
    one, two = valid("status", odd.run("status -o json").out)["tenants"][-2:]
    assert (one["tenant"], one["upstream"], one["status"], one["problem"]) == ("one", "acme", "changes", None)
    assert (one["summary"]["update"], two["summary"]["withheld"]) == (1, 2)
    entries = valid("history", odd.run("history -o json").out)["entries"]
    last = next(each for each in reversed(entries) if each["tenant"] == "one")
    assert one["last_applied"] == {"commit": last["commit"], "at": last["at"], "by": f"ann {ODD}"}


def test_a_denied_action_says_its_rule_as_data(odd: Shop) -> None:
    done = odd.run("subscription act acme one.sub-1 delete -o json")
    result = valid("subscription act", done.out)["result"]
    assert (done.status, result["done"], result["denied"]["rule"], result["changed"]) == (3, False, "SUB-32", [])
    assert done.err.startswith("Denied by SUB-32: ")


def test_a_journal_that_cannot_be_read_is_said_beside_the_entries(odd: Shop) -> None:
    with (odd.root / "acme/resellers/two.yaml").open("a", encoding="utf-8") as file:
        file.write("store: postgresql://db.example/bss\ntoken_env: RECONCILE_TWO\n")
    done = odd.run("history -o json")
    data = valid("history", done.out)
    assert (done.status, {each["tenant"] for each in data["entries"]}) == (1, {"acme", "one"})
    assert data["problems"][0].startswith("two: ")
    listed = valid("tenant list", odd.run("tenant list -o json").out)["tenants"]
    assert [each["entities"] is None for each in listed] == [False, False, True]


@pytest.mark.parametrize(("given", "name"), [(ODD.encode(), ODD), (b"J\xf6rg", "J\ufffdrg")])
@pytest.mark.parametrize("variable", ["RECONCILE_USER", "GITHUB_ACTOR", "LOGNAME"])
def test_a_name_is_recorded_in_a_locale_without_its_characters(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: bytes, name: str
) -> None:
    """Such a locale gives bytes as halves of surrogate pairs, which neither a store nor JSON keeps."""
    for each in ("RECONCILE_USER", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(variable, os.fsdecode(given))
    assert who() == name


def test_an_action_is_recorded_whatever_the_locale(odd: Shop) -> None:
    done = odd.run("subscription act one sub-1 suspend", env={"RECONCILE_USER": os.fsdecode(b"J\xf6rg")})
    assert done.status == 0, done.err
    assert any(each["by"] == "J\ufffdrg" for each in valid("history", odd.run("history -o json").out)["entries"])
