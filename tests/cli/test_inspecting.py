"""`explain`, `status`, `history` and `plans`."""

import json
from pathlib import Path
from shutil import copytree

import pytest

from tests.cli.runner import FEES, Shop


def test_status_is_one_line_a_tenant(shop: Shop) -> None:
    shop.reprice()
    done = shop.run("status")
    assert (done.status, done.err) == (0, "")
    commit = json.loads(shop.run("history --format json").out)["entries"][0]["commit"][:10]
    assert [line.split() for line in done.out.splitlines()] == [
        ["TENANT", "STATUS", "CHANGES", "WITHHELD", "BLOCKED", "COMMIT", "APPLIED"],
        ["one", "changes", "1", "0", "0", commit, "2026-12-01T08:00:00Z"],
        ["two", "withheld", "0", "1", "0", commit, "2026-12-01T08:00:00Z"],
    ]
    assert len(shop.run("status --tenant one").out.splitlines()) == 2


def test_status_counts_entities_not_their_parts(shop: Shop) -> None:
    """Two options hold back one plan: one entity is withheld."""
    shop.edit("acme/catalog.yaml", "recurring: 2.00, overuse", "recurring: 2.10, overuse")
    shop.reprice()
    line = shop.run("status --tenant two").out.splitlines()[1]
    assert line.split()[:5] == ["two", "withheld", "0", "1", "0"]


def test_status_says_who_is_unreachable_and_why(shop: Shop) -> None:
    with (shop.root / "acme/resellers/two.yaml").open("a", encoding="utf-8") as file:
        file.write("store: postgresql://db.example/bss\ntoken_env: RECONCILE_TWO\n")
    lines = shop.run("status --tenant two").out.splitlines()
    assert lines[0].endswith("PROBLEM")
    assert lines[1].split()[:2] == ["two", "unreachable"]
    assert "RECONCILE_TWO" in lines[1]
    assert len(shop.run("status").out.splitlines()) == 3


def test_a_journal_that_cannot_be_read_is_an_error_and_the_others_are_shown(shop: Shop) -> None:
    with (shop.root / "acme/resellers/two.yaml").open("a", encoding="utf-8") as file:
        file.write("store: postgresql://db.example/bss\ntoken_env: RECONCILE_TWO\n")
    done = shop.run("history")
    assert done.status == 1
    assert done.err.startswith("Error: two: the environment variable RECONCILE_TWO (token_env) is not set")
    assert "2026-12-01T08:00:00Z  one  by ann" in done.out


def test_history_of_nothing_says_so(fresh: Shop) -> None:
    assert fresh.run("history").out == "Nothing was applied yet.\n"
    assert json.loads(fresh.run("history --format json").out)["entries"] == []
    assert fresh.state is None


def test_history_tells_what_when_whence_and_by_whom(shop: Shop) -> None:
    shop.reprice()
    commit = shop.commit("dearer")
    shop.run("apply --auto-approve --now 2026-12-02")
    shown = shop.run("history one").out
    first, second = shown.split("\n\n")
    assert first.startswith("2026-12-01T08:00:00Z  one  by ann  commit ")
    assert second.startswith(f"2026-12-02T00:00:00Z  one  by ann  commit {commit[:10]}  plan ")
    assert second.endswith("\n  1 changed\n  ~ plan/mail-basic\n      periods.P1M.fees.recurring: 2.00 -> 2.20\n")
    records = json.loads(shop.run("history --format json").out)["entries"]
    assert [record["tenant"] for record in records] == ["one", "two", "one"]
    assert records[2]["commit"] == commit


@pytest.fixture(scope="module")
def _repriced(_applied: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("repriced") / "shop"
    copytree(_applied.root, root)
    shop = Shop(root)
    for day in (2, 3, 4):
        shop.edit("acme/catalog.yaml", FEES.replace("2.00", f"2.{day - 2}0"), FEES.replace("2.00", f"2.{day - 1}0"))
        assert shop.run(f"apply --auto-approve --allow-dirty --now 2026-12-0{day}T10:00:00Z").status == 0
    return shop


HISTORY = {
    "": ["01 one", "01 two", "02 one", "03 one", "04 one"],
    "--limit 1": ["04 one"],
    "--limit 4": ["01 two", "02 one", "03 one", "04 one"],
    "--limit 99": ["01 one", "01 two", "02 one", "03 one", "04 one"],
    "two --limit 1": ["01 two"],
    "one --limit 2": ["03 one", "04 one"],
    "--since 2026-12-03": ["03 one", "04 one"],
    "--since 2026-12-03T10:00:01Z": ["04 one"],
    "--since 2026-12-01 --limit 2": ["03 one", "04 one"],
    "--since P2D": ["04 one"],
    "--since P1M": ["01 one", "01 two", "02 one", "03 one", "04 one"],
    "--since P9999Y": None,
    "two --since 2026-12-02": [],
    "--since 2026-12-06": [],
}


@pytest.mark.parametrize("options", HISTORY)
def test_history_has_the_last_entries_and_says_how_many_are_left_out(_repriced: Shop, options: str) -> None:
    expected = HISTORY[options]
    shown = _repriced.run(f"history {options} --now 2026-12-06T09:00:00Z")
    if expected is None:
        assert shown.status == 1
        return
    data = json.loads(_repriced.run(f"history {options} --now 2026-12-06T09:00:00Z -o json").out)
    assert [f"{each['at'][8:10]} {each['tenant']}" for each in data["entries"]] == expected
    left_out = {"one": 4, "two": 1}.get(options.split(" ", maxsplit=1)[0], 5) - len(expected)
    assert data["left_out"] == left_out
    words = {0: "", 1: "1 older entry left out.\n"}.get(left_out, f"{left_out} older entries left out.\n")
    head = words + ("\n" if words and expected else "")
    nothing = "Nothing was applied in this time.\n"
    assert shown.out.startswith(head if expected else nothing + words)
    assert shown.out.count("  by ann  commit ") == len(expected)


def test_a_date_of_history_begins_at_the_midnight_of_each_provider(_repriced: Shop, tmp_path: Path) -> None:
    copytree(_repriced.root, tmp_path / "shop")
    shop = Shop(tmp_path / "shop")
    shop.edit("acme/provider.yaml", "kind: Provider\n", "kind: Provider\ntime_zone: Pacific/Auckland\n")
    shown = json.loads(shop.run("history --since 2026-12-05 --now 2026-12-06 -o json").out)
    assert shown["entries"] == []
    shown = json.loads(shop.run("history --since 2026-12-04 --now 2026-12-06 -o json").out)
    assert [each["at"] for each in shown["entries"]] == ["2026-12-04T10:00:00Z"], "3 December, 11 in the evening there"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--limit 0", "0 is not in the range x>=1"),
        ("--limit -1", "-1 is not in the range x>=1"),
        ("--limit many", "'many' is not a valid integer"),
        ("--since 7d", "'7d' is not a period in ISO 8601: write P7D"),
        ("--since '2 weeks'", "'2 weeks' is not a period in ISO 8601: write P2W"),
        ("--since P0D", '"P0D" has no length'),
        ("--since PT1H", '"PT1H" is not a period'),
        ("--since yesterday", "'yesterday' is not a date or time in ISO 8601, such as 2026-12-01"),
        ("--since 2026-12-02", "--since is in the future: nothing was applied then"),
        ("--since 2026-12-01T08:00:01Z", "--since is in the future"),
    ],
)
def test_a_part_of_history_that_cannot_be(shop: Shop, options: str, message: str) -> None:
    done = shop.run(f"history {options}")
    assert (done.status, done.out) == (1, "")
    assert message in done.err
    assert "\nUsage: reconcile history " in done.err


def test_explain_a_withheld_field(shop: Shop) -> None:
    shop.edit("acme/catalog.yaml", "name: Office", "name: Office and mail")
    commit = shop.commit("renamed")[:10]
    done = shop.run("explain two sales_category/office#name")
    assert (done.status, done.err) == (0, "")
    should = '    It should be "Office and mail", declared at acme/catalog.yaml:13'
    assert f"{should} (commit {commit}, Ann, " in done.out
    assert '    It is "Office".\n    Withheld: plans.update_categories (' in done.out
    assert "    Decided at acme/resellers/two.yaml:7 (commit " in done.out
    assert "\n    Rule CB-07: " in done.out
    assert "    Releasing it would apply 1 difference in this tenant:\n" in done.out
    assert shop.run("explain two two/sales_category/office#name").out == done.out


def test_explain_what_is_in_sync_and_whose_a_field_is(shop: Shop) -> None:
    for path in ("status", "periods.P1M", "periods.P1M.fees", "periods.P1M.fees.recurring"):
        assert "    In sync: " in shop.run(f"explain one plan/mail-basic#{path}").out
    assert "    The reseller's own: " in shop.run("explain one plan/mail-basic#published").out
    assert (
        "  Nothing differs.\n  For one field, add its path: plan/mail-basic#name, for example.\n"
        in shop.run("explain one plan/mail-basic").out
    )


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("onee plan/mail-basic", 'there is no tenant "onee": did you mean "one"?'),
        ("acme plan/mail-basic", "acme is a provider"),
        ("one plam/mail-basic", 'unknown kind "plam": did you mean "plan"?'),
        ("one mail-basic", "is not an address; example: plan/m365-business-basic#status"),
        ("one plan/mail-basik", 'did you mean "plan/mail-basic"?'),
        ("one plan/mail-basic#nam", 'there is no field "nam": did you mean "name"?'),
        ("one plan/mail-basic#periods.P1M.fees.recuring", 'did you mean "recurring"?'),
        ("one 'plan/mail-basic#['", "not a path"),
    ],
)
def test_explain_what_is_not_there(shop: Shop, what: str, message: str) -> None:
    done = shop.run(f"explain {what}")
    assert (done.status, done.out) == (1, "")
    assert message in done.err


def test_explain_what_is_not_offered(shop: Shop) -> None:
    text = shop.catalog.read_text("utf-8")
    plan = text[text.rindex("---\nkind: Plan") :]
    shop.catalog.write_text(text + plan.replace("mail-basic", "mail-pro"), "utf-8")
    done = shop.run("explain one plan/mail-pro")
    assert (done.status, done.err) == (
        1,
        "Error: plan/mail-pro of acme is not offered to one: nothing in its policy selects it\n",
    )


def test_explain_shows_nothing_that_a_terminal_would_obey(shop: Shop) -> None:
    shop.edit("acme/catalog.yaml", "name: Office", 'name: "\\e[31mOffice"')
    told = shop.run("explain one sales_category/office#name").out
    assert "\x1b" not in told
    assert '"\\\\u001b[31mOffice"' in told or "\\u001b[31mOffice" in told


def test_plans_are_searched_filtered_and_sorted(shop: Shop) -> None:
    """AP-15."""
    text = shop.catalog.read_text("utf-8")
    plan = text[text.rindex("---\nkind: Plan") :].replace("mail-basic", "archive").replace("Mail Basic", "Zeta")
    shop.catalog.write_text(text + plan.replace("product: mail", "status: draft\nproduct: mail"), "utf-8")

    def keys(command: str) -> list[str]:
        return [line.split()[1] for line in shop.run(command).out.splitlines()[1:]]

    assert keys("plans") == ["archive", "mail-basic"]
    assert keys("plans --sort name") == ["mail-basic", "archive"]
    assert keys("plans --search ZETA") == ["archive"]
    assert keys("plans --filter status=active") == keys("plans --filter delegated_to=one") == ["mail-basic"]
    assert keys("plans --filter periods.P1M.fees.recurring=2") == ["archive", "mail-basic"]
    assert keys("plans --filter expiration_schedule=None") == []
    listed = json.loads(shop.run("plans --format json --filter key=archive").out)["plans"]
    assert (listed[0]["delegable"], listed[0]["delegated_to"]) == (False, [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--sort naem", 'no plan has a field "naem": did you mean "name"?'),
        ("--filter statsu=active", 'no plan has a field "statsu": did you mean "status"?'),
        ("--filter status", "--filter takes FIELD=VALUE"),
    ],
)
def test_a_misspelt_field_finds_an_error_not_nothing(shop: Shop, options: str, message: str) -> None:
    done = shop.run(f"plans {options}")
    assert (done.status, done.out) == (1, "")
    assert message in done.err
