"""`tenant list`, `show`, `export` and `import`."""

from pathlib import Path

from tests.cli.runner import Shop

RENAME = "kind: Plan\nkey: mail-basic\nresources: {mailbox: {prices: {overuse: null, recurring: 9.90}}}\n"


def test_list_has_every_tenant_with_its_store(shop: Shop) -> None:
    listed = shop.run("tenant list")
    assert (listed.status, listed.err) == (0, "")
    assert [line.split() for line in listed.out.splitlines()] == [
        ["TENANT", "UPSTREAM", "STORE", "ENTITIES"],
        ["acme", "-", "sqlite:///.reconcile/tenants.db", "0"],
        ["one", "acme", "sqlite:///.reconcile/tenants.db", "8"],
        ["two", "acme", "sqlite:///.reconcile/tenants.db", "8"],
    ]


def test_show_has_the_delegated_plans(shop: Shop) -> None:
    """AP-16."""
    shown = shop.run("tenant show one")
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.startswith("Tenant one, after 1 write, holds: 1 Plan, 1 PlanCategory, ")
    assert "\nDelegated plans:\n\nKEY         NAME        STATUS  PUBLISHED  PRODUCT  ORIGIN\n" in shown.out


def test_an_empty_tenant_prints_nothing(fresh: Shop) -> None:
    exported = fresh.run("tenant export one")
    assert (exported.status, exported.out, exported.err) == (0, "", "")
    assert fresh.state is None


def test_export_and_import_give_the_same_state(shop: Shop) -> None:
    exported = shop.run("tenant export one").out
    assert exported.startswith("kind: Plan\nkey: mail-basic\norigin: acme\n")
    assert shop.run("tenant import --replace one", stdin="").err == (
        "Imported 0 documents into one: 0 added, 0 changed, 8 removed.\n"
    )
    assert shop.run("tenant export one").out == ""
    assert shop.run("tenant import one", stdin=exported).err == (
        "Imported 8 documents into one: 8 added, 0 changed, 0 removed.\n"
    )
    assert shop.run("tenant export one").out == exported
    assert shop.run("plan").out == "No changes. Your tenants match the catalog.\n"


def test_importing_what_is_there_writes_nothing(shop: Shop) -> None:
    exported, state = shop.run("tenant export one").out, shop.state
    again = shop.run("tenant import one -", stdin=exported)
    assert (again.status, again.out) == (0, "")
    assert again.err == "Imported 8 documents into one: 0 added, 0 changed, 0 removed.\n"
    assert shop.state == state


def test_import_merges_and_null_removes(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "patch.yaml"
    file.write_text(RENAME, "utf-8")
    done = shop.run(f"tenant import one {file}")
    assert (done.status, done.err) == (0, "Imported 1 document into one: 0 added, 1 changed, 0 removed.\n")
    exported = shop.run("tenant export one").out
    assert "      recurring: 9.90\n" in exported
    assert "overuse" not in exported
    assert "  P1Y:\n" in exported


def test_replace_makes_the_documents_the_whole_state(shop: Shop) -> None:
    done = shop.run("tenant import --replace two", stdin="kind: Customer\nkey: bob\nname: Bob\n")
    assert done.err == "Imported 1 document into two: 1 added, 0 changed, 8 removed.\n"
    assert shop.run("tenant export two").out == "kind: Customer\nkey: bob\nname: Bob\n"


def test_a_provider_is_a_tenant_too(shop: Shop) -> None:
    assert shop.run("tenant import acme", stdin="kind: Customer\nkey: bob\nname: Bob\n").status == 0
    assert shop.run("tenant export acme").out == "kind: Customer\nkey: bob\nname: Bob\n"


def test_documents_at_fault_change_nothing(shop: Shop) -> None:
    state = shop.state
    done = shop.run("tenant import one", stdin="kind: Plan\nkey: web\nnaem: Web\n")
    assert (done.status, done.out, shop.state) == (1, "", state)
    assert done.err.startswith('<stdin>:3:1: error unknown-field: Plan has no field "naem"\n  3 | naem: Web\n    | ^\n')
    assert 'hint: did you mean "name"?' in done.err
    missing = shop.run("tenant import one nowhere.yaml")
    assert (missing.status, missing.err) == (1, "Error: nowhere.yaml: No such file or directory\n")


def test_export_writes_a_file_and_remarks_on_one_that_would_be_read(shop: Shop, tmp_path: Path) -> None:
    outside = shop.run(f"tenant export one {tmp_path / 'one.yaml'}")
    assert (outside.status, outside.out) == (0, "")
    assert outside.err == f"Wrote 8 documents to {tmp_path / 'one.yaml'}.\n"
    assert (tmp_path / "one.yaml").read_text("utf-8") == shop.run("tenant export one -").out
    inside = shop.run("tenant export one one.yaml")
    assert "Note: one.yaml is in the workspace, where every *.yaml file is read as documents" in inside.err


def test_unknown_tenants_are_named_with_the_nearest(shop: Shop) -> None:
    for command in ("show", "export", "import"):
        done = shop.run(f"tenant {command} onee")
        assert (done.status, done.out) == (1, "")
        assert done.err == 'Error: there is no tenant "onee": did you mean "one"?\n'


def test_a_store_that_is_no_database_is_an_error(shop: Shop) -> None:
    (shop.root / ".reconcile" / "tenants.db").write_text(
        "this is no database, and long enough to be sure of that\n" * 40
    )
    done = shop.run("tenant export one")
    assert (done.status, done.out) == (1, "")
    assert "tenants.db" in done.err
    assert shop.run("plan").status == 1
    assert shop.run("apply --auto-approve").status == 1


def test_a_state_with_another_currency_is_read(shop: Shop) -> None:
    """Only documents of the workspace are held to ISO 4217: what a tenant has is what it has."""
    (shop.root / "state.yaml.txt").write_text("kind: Tenant\nkey: one\ncurrency: EURO\n", "utf-8")
    assert shop.run("tenant import one state.yaml.txt").status == 0
    assert "currency: EURO" in shop.run("tenant export one").out
    assert shop.run("plan").status == 0
