"""A credential in a URL is refused at its place, and is in nothing that any command prints, saves or keeps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.core.reading.quoting import quotable
from reconciler.model.values.store_urls import why_no_store_url
from reconciler.model.values.urls import redacted, shown_url
from reconciler.stores.base import StoreError
from reconciler.stores.sql import postgresql_databases
from tests.cli.runner import Ran, Shop
from tests.cli.test_documented import LEAVES

MARK = "Zq7"
"""In every user, password, query and fragment below."""
REFUSED = {
    "postgresql": "postgresql://Zq7u:Zq7p@db.example/x",
    "another scheme": "https://Zq7u:Zq7p@db.example/x",
    "an unknown scheme": "nosuch://Zq7u:Zq7p@db.example/x",
    "sqlite": "sqlite://Zq7u:Zq7p@db.example/x",
    "sqlite with three slashes": "sqlite:///Zq7u:Zq7p@db.example/x",
    "sqlite with a path": "sqlite:////srv/Zq7u%3aZq7p@db.example/x",
    "no scheme": "Zq7u:Zq7p@db.example/x",
    "one slash": "https:/Zq7u:Zq7p@db.example/x",
    "no slash": "postgresql:Zq7u:Zq7p@db.example/x",
    "three slashes": "https:///Zq7u:Zq7p@db.example/x",
    "upper case": "POSTGRESQL://Zq7u:Zq7p@db.example/x",
    "an encoded colon": "postgresql://Zq7u%3AZq7p@db.example/x",
    "encoded twice": "postgresql://Zq7u%253aZq7p@db.example/x",
    "an encoded at sign": "postgresql://Zq7u:Zq7p%40db.example/x",
    "a slash in it": "postgresql://Zq7u:Zq/Zq7p@db.example/x",
    "a question mark in it": "postgresql://Zq7u:Zq7?Zq7p@db.example/x",
    "a hash in it": "'postgresql://Zq7u:Zq7#Zq7p@db.example/x'",
    "an at sign in it": "postgresql://Zq7u:Zq7@Zq7p@db.example/x",
    "a space in it": "'postgresql://Zq7u:Zq7 Zq7p@db.example/x'",
    "several hosts": "postgresql://Zq7u:Zq7p@a.example:1,b.example:2/x",
    "a token as the user": "https://Zq7token@db.example/x",
    "a password parameter": "postgresql://db.example/x?password=Zq7",
    "an encoded parameter": "postgresql://db.example/x?pass%77ord=Zq7",
    "a password of a key": "postgresql://db.example/x?sslpassword=Zq7",
    "a token parameter": "shelf://db.example/x?api_token=Zq7",
    "a parameter behind ;": "nosuch://db.example/x;password=Zq7",
    "a fragment": "'postgresql://db.example/x#Zq7'",
    "a parameter that is not listed": "postgresql://db.example/x?passfile=Zq7",
    "a service": "postgresql:///x?service=Zq7",
    "double quotes": '"postgresql://Zq7u:Zq7p@db.example/x"',
    "escaped slashes": '"postgresql:\\/\\/Zq7u:Zq7p@db.example/x"',
    "escaped signs": '"postgresql\\x3a\\u002f/Zq7u\\x3aZq7p\\x40db.example/x"',
    "folded": ">-\n  postgresql://Zq7u:\n  Zq7p@db.example/x",
    "literal": "|-\n  postgresql://Zq7u:\n  Zq7p@db.example/x",
    "over two lines": '"postgresql://Zq7u:\n  Zq7p@db.example/x"',
    "over two lines, joined": '"postgresql://Zq7u:\\\n  Zq7p@db.example/x"',
    "a plain one over two lines": "postgresql://Zq7u:\n  Zq7p@db.example/x",
    "an anchor": "&a postgresql://Zq7u:Zq7p@db.example/x",
    "a tag": "!url postgresql://Zq7u:Zq7p@db.example/x",
    "a list": "[postgresql://Zq7u:Zq7p@db.example/x]",
    "a map": "{url: 'postgresql://Zq7u:Zq7p@db.example/x', env: 7}",
    "unclosed": "'postgresql://Zq7u:Zq7p@db.example/x",
    "a control character": '"postgresql://Zq7u:Zq7p\x07@db.example/x"',
}
ELSEWHERE = {
    "a key": "labels: {'postgresql://Zq7u:Zq7p@db.example/x': 7}",
    "an unknown field": "'https://Zq7u:Zq7p@db.example/x': 7",
    "an unknown reference": "price_list: 'https://Zq7u:Zq7p@db.example/x'",
    "a flow map with another fault": "delegate: {plans: ['https://Zq7u:Zq7p@db.example/x'], nosuch: 1}",
    "a variable": "token_env: 'https://Zq7u:Zq7p@db.example/x'",
    "an option": "options: {plans: 'https://x.example/?token=Zq7'}",
    "a currency": "currency: 'Zq7u:Zq7p@db.example'",
    "a comment behind a fault": "nosuch: 1 # https://Zq7u:Zq7p@db.example/x",
}
COMMANDS = (
    "validate",
    "validate --format json",
    "validate --format github",
    "plan",
    "plan --format json",
    "plan --format markdown",
    "plan --format html",
    "plan --verbose --out plan.json",
    "apply --auto-approve --allow-dirty",
    "apply --auto-approve --allow-dirty --format json",
    "explain two plan/basic",
    "explain two plan/basic -o json",
    "status",
    "status -o json",
    "history",
    "history -o json",
    "plans",
    "plans -o json",
    "tenant list",
    "tenant list -o json",
    "tenant show two",
    "tenant export two",
    "tenant import two -",
    "tenant release two plan/basic",
    "subscription list two",
    "subscription show two s",
    "subscription act two s suspend",
    "plan --executor threads",
    "show plan.json",
    "store check",
    "store check -o json",
    "store migrate",
    "store migrate -o json",
    "watch --rounds 1",
    "init elsewhere",
    "schema elsewhere",
    "completion bash",
    "explain-kind Plan",
)
HARMLESS = ("init elsewhere", "schema elsewhere", "completion bash", "explain-kind Plan", "show plan.json")
"""What reads no workspace."""


def test_every_command_is_tried() -> None:
    assert {name for name in LEAVES if any(each.startswith(name) for each in COMMANDS)} == set(LEAVES)


@pytest.fixture(autouse=True)
def _nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_databases, "WAITS", ())
    monkeypatch.delenv("RECONCILE_ALLOWED_HOSTS", raising=False)


def _policy(shop: Shop) -> Path:
    return shop.root / "acme/resellers/two.yaml"


def _untold(ran: Ran, *where: Path) -> None:
    assert MARK not in ran.out + ran.err
    for folder in where:
        for path in folder.rglob("*"):
            assert not path.is_file() or MARK.encode() not in path.read_bytes(), path


def _kept(shop: Shop) -> tuple[Path, ...]:
    return shop.root / ".reconcile", Path(os.environ["RECONCILE_CACHE"])


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("around", ["{}", "\n\n# x\n{}\n"])
def test_a_url_with_a_credential_is_refused_at_its_place_and_not_repeated(shop: Shop, case: str, around: str) -> None:
    kept = _policy(shop).read_text("utf-8")
    _policy(shop).write_text(kept + around.format(f"store: {REFUSED[case]}\n"), "utf-8")
    number = kept.count("\n") + 1 + around.partition("{")[0].count("\n")
    for form in ("text", "json", "github"):
        done = shop.run(f"validate --format {form}")
        assert done.status == 1
        assert MARK not in done.out + done.err
        if form == "text":
            first = done.out.partition(":")[2].partition(":")[0]
            assert number <= int(first) <= number + 3
    _untold(shop.run("plan"), *_kept(shop))


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_url_anywhere_else_is_not_repeated_either(shop: Shop, case: str) -> None:
    with _policy(shop).open("a", encoding="utf-8") as file:
        file.write(ELSEWHERE[case] + "\n")
    for form in ("text", "json", "github"):
        done = shop.run(f"validate --format {form}")
        assert done.status == 1
        assert MARK not in done.out + done.err
    _untold(shop.run("tenant list"), *_kept(shop))
    imported = shop.run("tenant import two -", stdin=f"kind: Role\nkey: x\n{ELSEWHERE[case]}\n")
    assert MARK not in imported.out + imported.err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("file", ["reconcile.yaml", "acme/resellers/two.yaml"])
def test_no_command_repeats_a_refused_url(shop: Shop, command: str, file: str) -> None:
    path = shop.root / file
    text = path.read_text("utf-8").replace("store: sqlite:///.reconcile/tenants.db", "")
    path.write_text(f"{text}\nstore: postgresql://Zq7u:Zq7p@db.example/x?sslmode=Zq7#Zq7\n", "utf-8")
    done = shop.run(command, stdin="kind: Role\nkey: x\n")
    if command not in HARMLESS:
        assert (done.status, "bad-store" in done.out + done.err) == (0 if command.startswith("watch") else 1, True)
    _untold(done, *_kept(shop))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_repeats_the_user_and_query_of_an_accepted_url(shop: Shop, command: str) -> None:
    with _policy(shop).open("a", encoding="utf-8") as file:
        file.write("store: postgresql://Zq7u@127.0.0.1:1/x?application_name=Zq7\n")
    done = shop.run(command, stdin="kind: Role\nkey: x\n")
    _untold(done, shop.root / ".reconcile")
    saved = shop.root / "plan.json"
    assert not saved.exists() or MARK not in saved.read_text("utf-8")


@pytest.mark.parametrize("command", ["plan https://Zq7u:Zq7p@x.example", "plan --executor dsk://Zq7u:Zq7p@x.example:1"])
def test_an_argument_that_is_a_url_is_not_repeated(shop: Shop, command: str) -> None:
    done = shop.run(command)
    assert done.status == 1
    _untold(done)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///.reconcile/tenants.db",
        "sqlite:////srv/a@b/tenants.db",
        "postgresql://reconcile@db.example/tenants",
        "postgresql://db.example:5433/tenants?sslmode=verify-full&target_session_attrs=read-write",
        "postgresql://a.example:1,b.example:2/x",
        "postgresql://postgres@/postgres?host=%2Ftmp%2Fpg&options=-csearch_path%3Dx",
        "postgresql://x@[2001:db8::1]:5/x",
        "postgresql://x%40corp@db.example/x",
        "postgresql://localhost/x?sslmode=disable",
        "postgresql:///x",
        "memory:here",
        "shelf:/some/where",
        "shelf://crm.example:8/a?region=eu",
    ],
)
def test_what_is_allowed(url: str) -> None:
    assert why_no_store_url(url) is None
    assert "?" not in shown_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://x@db.example/x?sslmode=require",
        "postgresql://x@db.example/x?sslmode=disable",
        "postgresql://localhost,db.example/x?sslmode=prefer",
        "postgresql://localhost/x?hostaddr=10.0.0.1&sslmode=prefer",
        "postgresql://db.example/x?sslrootcert=evil.pem",
        "postgresql://db.example/x?gssencmode=disable",
        "postgresql://db.example/x?sslmode=verify-full&sslmode=disable",
        "postgresql://db.example/x?host=localhost",
        "postgresql://db.example,/x",
        "postgresql://x@a@db.example/x",
        "postgresql://db.example:99999/x",
        "postgresql://db.example:5432x/x",
        "postgresql://::1/x",
        "postgresql://[fe80::1%25eth0]/x",
        "postgresql://bücher.example/x",
        "postgresql://x@/x?host=@abstract",
        "postgresql://db.example/host=evil",
        "postgresql://db.example/x?service=y",
        "postgresql://db.example/x?HOST=evil",
        "postgresql://a,b,c/x?port=1,2",
        "SQLITE:///x.db",
        "sqlite:///x y.db",
        "shelf:\\\\x",
        "shelf://,/x",
    ],
)
def test_what_is_refused(url: str) -> None:
    assert why_no_store_url(url)


def test_what_is_shown_of_a_line() -> None:
    """Lines without a credential are as they are, and the place stays in what is left of the others."""
    plain = ("store: sqlite:///.reconcile/tenants.db", "url: https://x.example/terms", "name: What?", "kind: Plan")
    assert [quotable([each], 0) for each in plain] == [*plain]
    line = "{store: 'https://a:b@x.example/y?t=1', nosuch: 1}"
    assert quotable([line], 0) == "{store: 'https://***@x.example/y…"
    assert quotable(["store: https://a:b@x.example/y", "nosuch: 1"], 1) == "nosuch: 1"


def test_a_message_is_redacted_once() -> None:
    text = redacted('store: "https://ann:pw@x.example/y?a b" (sqlite:///t.db): why? ann@x.example')
    assert text == 'store: "https://***@x.example/y" (sqlite:///t.db): why? ann@x.example'
    assert redacted(text) == text


@pytest.mark.parametrize(
    "line",
    [
        f"store: postgresql://{MARK * 2000}:pw@db.example/x",
        f"store: {MARK * 2000}:pw@db.example/x",
        "name: " + "word " * 1000 + f"postgresql://{MARK}:{MARK}@db.example/x",
        "name: " + "word " * 385 + f"postgresql://ann:{MARK * 2000}@db.example/x",
    ],
    ids=["in a URL", "without a scheme", "behind what is shown", "across where it is cut"],
)
def test_a_long_line_is_cut_and_tells_nothing(line: str) -> None:
    assert MARK not in quotable([line], 0)
    assert len(quotable([line], 0)) <= 2001


def test_a_message_of_very_many_urls_is_redacted_whole() -> None:
    told = redacted(" ".join([f"https://{MARK}:{MARK}@db.example/x"] * 20_000))
    assert MARK not in told
    assert told.count("https://***@db.example/x") == 20_000


@pytest.mark.parametrize(
    "command", ["plan", "status", "watch --rounds 1", "watch --rounds 1 -o json", "apply --auto-approve"]
)
def test_what_git_says_tells_no_credential(shop: Shop, command: str) -> None:
    """Git quotes what it read, such as a remote's URL with a token, and variables of the CI in it."""
    with (shop.root / ".git/config").open("a", encoding="utf-8") as file:
        file.write(f"[core]\n\trepositoryformatversion = https://Zq7u:Zq7p@db.example/{TOKEN}\n")
    done = shop.run(command, env={"RECONCILE_TWO": TOKEN})
    assert "https://***@db.example/***" in done.out + done.err
    _untold(done)


def test_who_applied_is_recorded_without_the_credential_of_a_url(fresh: Shop) -> None:
    assert fresh.run("apply --auto-approve", env={"RECONCILE_USER": "https://Zq7u:Zq7p@ci.example/7?a=Zq7"}).status == 0
    told = fresh.run("history")
    assert "by https://***@ci.example/7\n" in told.out.replace("  no commit", "\n").replace("  commit", "\n")
    _untold(told, fresh.root / ".reconcile")
    fresh.reprice()
    assert fresh.run("apply --auto-approve --allow-dirty", env={"RECONCILE_USER": "bot:ann@ci"}).status == 0
    assert "by bot:ann@ci" in fresh.run("history one").out  # a name that is no URL stays whole


TOKEN = "s3cr3t-Zq7"
BUG = f"""
import sys
from reconciler import app
from reconciler.cli.main import main

def broken(*_, **__):
    raise RuntimeError("no answer of https://Zq7u:Zq7p@db.example/x?token=Zq7 for {TOKEN}")

app.open_workspace = broken
main(["plan"])
"""


def test_the_traceback_of_a_bug_tells_no_credential(shop: Shop) -> None:
    env = {**os.environ, "RECONCILE_TWO": TOKEN, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", BUG], cwd=shop.root, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("RuntimeError: no answer of https://***@db.example/x for ***\n")
    assert MARK not in done.stdout + done.stderr.replace("Zq7u:", "").replace(BUG, "")


def test_what_a_plugin_says_tells_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RECONCILE_TWO", "PGPASSWORD"):
        with monkeypatch.context() as context:
            context.setenv(name, TOKEN)
            assert str(StoreError(f"401 for Bearer {TOKEN}, at https://x.example/?a=1")) == (
                "401 for Bearer ***, at https://x.example/"
            )
    for name in (
        "PWD",
        "OLDPWD",
        "RECONCILE_USER",
        "RECONCILE_WORKSPACE",
        "RECONCILE_CACHE",
        "HOME",
        "PATH",
        "GIT_ASKPASS",
    ):
        monkeypatch.setenv(name, "/srv/shop")
    assert str(StoreError("/srv/shop/tenants.db: it is damaged")) == "/srv/shop/tenants.db: it is damaged"
