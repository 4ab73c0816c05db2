"""Bad input gives an error with file:line:column, a code and a hint, exit status 1, and changes nothing.

Each case stands for one way to get a catalog wrong; each is tried end to end, on a workspace whose tenants have state.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.runner import Shop

CATALOG = "acme/catalog.yaml"
TWO = "acme/resellers/two.yaml"
FEES = "  P1M: {fees: {recurring: 2.00}}"
PROBLEM = re.compile(r"^(?P<place>[^\s:]+:\d+:\d+): error (?P<code>[a-z-]+): (?P<summary>.+)$", re.MULTILINE)

Edit = Callable[[Shop], None]


def written(new: str, old: str = FEES, file: str = CATALOG) -> Edit:
    """The file with a text in place of another."""
    return lambda shop: shop.edit(file, old, new)


def fee(text: str) -> Edit:
    """The monthly fee as this text."""
    return written(FEES.replace("2.00", text))


def added(content: bytes, file: str = "acme/more.yaml") -> Edit:
    """One more file."""

    def add(shop: Shop) -> None:
        (shop.root / file).write_bytes(content)

    return add


def dangling(shop: Shop) -> None:
    (shop.root / "acme" / "more.yaml").symlink_to("nowhere.yaml")


ROLE = b"kind: Role\nkey: clerk\nname: Clerk\nprivileges: []\n"
CASES: dict[str, tuple[Edit, str, str]] = {
    "unknown field": (written("naem: Mail\n", "name: Mail\n"), "acme/catalog.yaml:9:1", "unknown-field"),
    "wrong type": (
        written("sales_categories: office", "sales_categories: [office]"),
        "acme/catalog.yaml:39:19",
        "wrong-type",
    ),
    "missing reference": (written("product: male", "product: mail"), "acme/catalog.yaml:37:10", "missing-reference"),
    "missing field": (written("name: Mail Basic", "key: mail-basic\nname: Mail Basic"), "", "missing-field"),
    "duplicate key in a file": (written(f"{FEES}\n{FEES}"), "acme/catalog.yaml:43:3", "yaml-duplicate"),
    "duplicate document in a file": (added(ROLE + b"---\n" + ROLE), "acme/more.yaml:6:1", "duplicate-document"),
    "duplicate key in two files": (
        added(b"kind: ServiceTerm\nkey: monthly\nname: Monthly\nduration: P1M\n", "acme/zz.yaml"),
        "acme/zz.yaml:1:1",
        "duplicate-document",
    ),
    "anchor": (written(FEES.replace("{fees", "&fees {fees")), "acme/catalog.yaml:42:8", "yaml-anchor"),
    "alias": (written("  P1M: *fees"), "acme/catalog.yaml:42:8", "yaml-anchor"),
    "tag": (written(FEES.replace("{fees", "!!map {fees")), "acme/catalog.yaml:42:8", "yaml-tag"),
    "not a number": (fee(".nan"), "acme/catalog.yaml:42:27", "bad-amount"),
    "exponent": (fee("1e3"), "acme/catalog.yaml:42:27", "bad-amount"),
    "octal": (fee("0777"), "acme/catalog.yaml:42:27", "bad-amount"),
    "sexagesimal": (fee("22:22"), "acme/catalog.yaml:42:27", "bad-amount"),
    "negative amount": (fee("-2.00"), "acme/catalog.yaml:42:27", "bad-amount"),
    "NO where a boolean belongs": (
        written("name: Mail Basic\npublished: NO", "name: Mail Basic"),
        "acme/catalog.yaml:37:12",
        "wrong-type",
    ),
    "tab": (written("\t" + FEES.strip()), "acme/catalog.yaml:42:1", "yaml-syntax"),
    "invalid UTF-8": (added(ROLE.replace(b"Clerk", b"Cl\xe9rk")), "acme/more.yaml:3:9", "yaml-encoding"),
    "dangling link": (dangling, "acme/more.yaml:1:1", "link-dangling"),
    "a tenant that is its own upstream": (
        written("upstream: two", "upstream: acme", TWO),
        "acme/resellers/two.yaml:5:11",
        "cycle",
    ),
    "misspelt option": (
        written("plans: {update_categorys: false}", "plans: {update_categories: false}", TWO),
        "acme/resellers/two.yaml:7:19",
        "unknown-option",
    ),
    "misspelt group of options": (
        written("{plan: {update_categories: false}}", "{plans: {update_categories: false}}", TWO),
        "acme/resellers/two.yaml:7:11",
        "unknown-option",
    ),
    "a currency that is none": (
        written("currency: EURO", "currency: EUR", "acme/provider.yaml"),
        "acme/provider.yaml:5:11",
        "bad-currency",
    ),
    "a currency that was withdrawn": (
        written("upstream: acme\ncurrency: DEM", "upstream: acme", TWO),
        "acme/resellers/two.yaml:6:11",
        "bad-currency",
    ),
    "a price list in gold": (
        added(b"kind: PriceList\nkey: gold\ncurrency: XAU\n"),
        "acme/more.yaml:3:11",
        "bad-currency",
    ),
    "a list for a map": (
        written("upstream: acme\ndelegate: [mail-basic]", "upstream: acme", TWO),
        "acme/resellers/two.yaml:6:11",
        "wrong-type",
    ),
    "misspelt kind": (added(ROLE.replace(b"Role", b"Rolle")), "acme/more.yaml:1:7", "unknown-kind"),
    "no YAML at all": (added(b"kind: Role\nkey: [clerk\n"), "", "yaml-syntax"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_and_changes_nothing(shop: Shop, name: str) -> None:
    edit, place, code = CASES[name]
    edit(shop)
    before = contents(shop.root)
    assert shop.state is not None
    told = shop.run("validate")
    assert told.status == 1
    problems = [(each["place"], each["code"]) for each in PROBLEM.finditer(told.out)]
    assert code in [found for _, found in problems]
    if place:
        assert (place, code) in problems
    assert "hint: " in told.out
    for command in ("plan", "plan --out p.plan", "apply --auto-approve", "status", "tenant export one"):
        done = shop.run(command)
        assert (command, done.status, done.out, done.err) == (command, 1, "", told.out)
    assert contents(shop.root) == before


@pytest.mark.parametrize("name", CASES)
def test_every_problem_of_bad_input_has_a_hint_and_is_data_too(shop: Shop, name: str) -> None:
    CASES[name][0](shop)
    found = json.loads(shop.run("validate --format json").out)
    assert found["valid"] is False
    for problem in found["problems"]:
        assert problem["hint"], problem
        assert problem["line"] >= 1
        assert problem["column"] >= 1
    annotated = shop.run("validate --format github").out.splitlines()
    assert len(annotated) == len(found["problems"])


def contents(root: Path) -> dict[str, bytes]:
    """Every file of a workspace, the state among them, byte for byte."""
    files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_what_may_stand_behind_a_dangling_link_is_not_said_to_be_missing(shop: Shop) -> None:
    shop.edit(CATALOG, "product: mail", "product: male")
    assert shop.run("validate").out.count("missing-reference") == 1
    dangling(shop)
    told = shop.run("validate")
    assert (told.status, told.out.count("missing-reference")) == (1, 0)
    assert "acme/more.yaml:1:1: warning not-checked: 1 check was not made because of what is wrong here" in told.out
    assert told.out.endswith("\n1 error, 1 warning.\n")


def test_everything_at_once(shop: Shop) -> None:
    """Fields, and what they name, of one document and of others."""
    shop.edit(CATALOG, "product: mail\n", "product: male\nbogus: 1\n")
    shop.edit(TWO, "upstream: acme", "upstream: acne\ndelegate: [mail-basic]\nprice_list: emea")
    codes = [each["code"] for each in json.loads(shop.run("validate -o json").out)["problems"]]
    assert codes == ["missing-reference", "unknown-field", "unknown-tenant", "wrong-type", "missing-reference"]
