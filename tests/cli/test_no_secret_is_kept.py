"""No file that a command makes, or leaves, holds a credential: stores, journals, caches, saved plans, scratch files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.savedplan import Spool
from reconciler.model.plans.plan import TenantPlan
from reconciler.shell.connections.access import Access
from reconciler.shell.scratch import ScratchFile, scratch_outside
from reconciler.stores.sql import postgresql_databases
from tests.cli.postgres_that_asks import asking
from tests.cli.runner import Shop, git
from tests.cli.test_documented import LEAVES

MARK = "Zq-secret-mark-"
"""In every secret below; long enough that no compressed or random bytes hold it."""
VARIABLES = (
    "RECONCILE_TWO",
    "RECONCILE_OTHER",
    "PGPASSWORD",
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "DATABASE_URL",
)
COMMANDS = (
    "validate",
    "plan --out plan.json --verbose",
    "plan --executor threads --format json --base HEAD",
    "plan --ref HEAD",
    "show plan.json",
    "apply plan.json",
    "plan --inverse plan.json --out back.json",
    "apply --auto-approve --allow-dirty --format json",
    "apply missing-https://ann:Zq-secret-mark-argument@db.example/x",
    "explain two plan/mail-basic",
    "status",
    "history",
    "plans",
    "tenant list",
    "tenant show two",
    "tenant export one out.txt",
    "tenant import two -",
    "tenant import one -",
    "tenant release one plan/mail-basic",
    "subscription list two",
    "subscription show two s",
    "subscription act two s suspend",
    "store check",
    "store migrate",
    "watch --rounds 1",
    "init elsewhere",
    "schema elsewhere",
    "completion bash",
    "explain-kind Plan",
)


def test_every_command_is_run() -> None:
    assert {name for name in LEAVES if any(each.startswith(name) for each in COMMANDS)} == set(LEAVES)


class Kept:
    """What is written to scratch files, which have no name and are gone when their command ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data = b""
        write: Callable[[ScratchFile, bytes], int] = ScratchFile.write

        def kept(file: ScratchFile, data: bytes) -> int:
            self.data += data
            return write(file, data)

        def spool(access: Access, prepare: Callable[[TenantPlan], TenantPlan] = lambda plan: plan) -> Spool:
            return Spool(lambda: scratch_outside(access.root), prepare, most=0)

        monkeypatch.setattr(ScratchFile, "write", kept)
        monkeypatch.setattr(Access, "spool", spool)


def test_no_file_holds_a_credential(fresh: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With secrets in variables, in URLs (of a refused document, an argument, a remote, a CI's job), in an answer."""
    monkeypatch.setattr(postgresql_databases, "WAITS", ())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    kept, told = Kept(monkeypatch), ""
    git(fresh.root, "remote", "add", "origin", "https://ann@git.example/x.git")
    config = fresh.root / ".git/config"
    with asking() as server:
        with (fresh.root / "acme/resellers/two.yaml").open("a", encoding="utf-8") as policy:
            policy.write(f"store: postgresql://x@127.0.0.1:{server.port}/db\ntoken_env: RECONCILE_TWO\n")
        fresh.commit()
        config.write_text(config.read_text("utf-8").replace("ann@", f"ann:{MARK}remote@"), "utf-8")
        env = {
            **{name: f"{MARK}{name}" for name in VARIABLES},
            "RECONCILE_ALLOWED_HOSTS": f"RECONCILE_TWO@127.0.0.1:{server.port}",
            "RECONCILE_USER": f"https://bot:{MARK}user@ci.example/job?token={MARK}user",
            "RECONCILE_CACHE": str(tmp_path / "cache"),
            "HOME": str(tmp_path),
        }
        for command in COMMANDS:
            done = fresh.run(command, env=env, stdin="kind: Role\nkey: x\nprivileges: [read]\n")
            told += done.out + done.err
        with (fresh.root / "acme/resellers/one.yaml").open("a", encoding="utf-8") as policy:
            policy.write(f"store: https://ann:{MARK}document@db.example/x?token={MARK}document\n")
        refused = fresh.root / "acme/resellers/one.yaml"
        for command in ("validate --format json", "plan", "status", "watch --rounds 1"):
            done = fresh.run(command, env=env)
            told += done.out + done.err
        assert f"{MARK}RECONCILE_TWO".encode() in server.passwords, "the server that may have it was asked"
    assert kept.data, "plans were written to scratch files"
    assert MARK not in told
    assert MARK.encode() not in kept.data
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path not in (refused, config)]
    assert {"tenants.db", "plan.json", "back.json", "readings.sqlite"} <= {path.name for path in files}
    assert [path for path in files if MARK.encode() in path.read_bytes()] == []
