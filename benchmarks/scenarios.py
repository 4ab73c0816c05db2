"""The scenarios: what each makes ready, and the subjects that it measures in turn."""

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import peers as peer
from benchmarks.fill import filled, first_of, make_floor, rows_of, run, with_subscriptions
from benchmarks.generate import FIRST, PROVIDER, Large, Shop, Subscriptions
from benchmarks.measure import Bench, Finding, NotMeasured, Seen, Subject
from benchmarks.peers import Peers
from benchmarks.postgresql import Database, server
from benchmarks.saved_plans import multiply
from benchmarks.sizes import Size
from benchmarks.workspace import NO_CHANGES, Workspace, reconcile, reprice

HEAVY = ("pydantic", "sqlalchemy", "git", "psycopg")
"""What `--help` must not import."""
Findings = dict[str, Finding]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a scenario is run with. ``cache``: where the command may keep what is not of one workspace."""

    bench: Bench
    size: Size
    peers: Peers
    folder: Path
    cache: Path
    postgresql: str | None = None
    git: bool = False
    left_out: list[str] = field(default_factory=list)

    def shop(self, name: str, plans: int, resellers: int) -> Workspace[Shop]:
        """A workspace of a provider's plans and so many resellers, in sync."""
        shape = Shop(plans, resellers, self.size.rates, self.size.periods)
        workspace = Workspace(self.folder / name, shape, git=self.git)
        try:
            return filled(self.bench, workspace)
        finally:
            if workspace.left_out:
                self.left_out.append(f"{name}: {workspace.left_out}")

    def tenants(self) -> Workspace[Shop]:
        """The workspace that the size is named after."""
        return self.shop("tenants", self.size.plans, self.size.resellers)

    def large(self, entities: int) -> Workspace[Large]:
        """A workspace of one tenant with so many entities, in sync."""
        return filled(self.bench, Workspace(self.folder / f"large-{entities}", Large(entities), git=self.git))

    def start(self) -> Subject:
        """The command's own start: its plan of a workspace with a provider and nothing else."""
        empty = Workspace(self.folder / "empty", Shop(0, 0, 0, 0))
        empty.write_documents()
        return Subject("start", empty.plan(), told=NO_CHANGES)


def floor(name: str, floor: str, *arguments: str | Path, python: str | None = None) -> Subject:
    """A floor as a subject; by another Python, where it needs what ours has not."""
    script = Path(__file__).with_name("floors.py")
    interpreter = python or reconcile()[0]
    return Subject(name, [interpreter, str(script), floor, *map(str, arguments)])


def cold(setting: Setting) -> Findings:
    """A first plan, of a tenant in sync; the command has kept nothing from before."""
    workspace = setting.large(setting.size.cold)
    subjects = [_cold(setting, workspace), floor("events", "events", workspace.catalogs)]
    return _with_peers(setting, workspace, subjects, ("octodns", "terraform"))


def large(setting: Setting) -> Findings:
    """A first plan of many entities, and the next one, of a tenant in sync."""
    workspace = setting.large(setting.size.large)
    subjects = [
        _cold(setting, workspace),
        Subject("warm", workspace.plan(), told=NO_CHANGES),
        floor("digests", "digests", workspace.catalogs, workspace.floor),
        setting.start(),
    ]
    without: Findings = {}
    if setting.peers.python:
        subjects.append(floor("values", "values", workspace.catalogs, python=setting.peers.python))
    else:
        without["values"] = NotMeasured(setting.peers.missing["values"])
    return without | _with_peers(setting, workspace, subjects, ("octodns",))


def tenants(setting: Setting) -> Findings:
    """Many tenants: nothing changed, one plan repriced, everything repriced; planned, and applied.

    Each plan and each apply finds prices that were never read before.
    """
    workspace = setting.tenants()
    rows = rows_of(workspace, FIRST, {"Plan"})
    copies, resellers = workspace.shape.plans * workspace.shape.resellers, workspace.shape.resellers
    database = workspace.floor
    return setting.bench.rounds(
        [
            Subject("unchanged", workspace.plan(), told=NO_CHANGES),
            setting.start(),
            *_repriced(workspace, "one", resellers),
            floor("write-one", "write", database, first_of(rows), FIRST, str(resellers), ""),
            *_repriced(workspace, "all", copies),
            floor("both-sides", "both_sides", workspace.catalogs, database),
            floor("write-all", "write", database, rows, FIRST, str(resellers), "journal"),
        ]
    )


def verify(setting: Setting) -> Findings:
    """Every body of every tenant checked against its digest, once there is a command for it."""
    command = _verifying(setting.bench)
    if command is None:
        return dict.fromkeys(("verify", "every-body"), NotMeasured("no command has --verify yet"))
    workspace = setting.tenants()
    return setting.bench.rounds(
        [
            Subject("verify", [*command, "-C", str(workspace.catalogs)]),
            floor("every-body", "every_body", workspace.floor),
        ]
    )


def postgresql(setting: Setting) -> Findings:
    """Everything repriced, applied into a database of our own on a PostgreSQL server."""
    with server(setting.postgresql) as url:
        if isinstance(url, NotMeasured):
            return dict.fromkeys(INTO_POSTGRESQL, url)
        with Database(url) as database:
            return _into(setting, database)


INTO_POSTGRESQL = ("plan-all", "apply-all", "copy")


def _into(setting: Setting, database: Database) -> Findings:
    shape = Shop(setting.size.plans, setting.size.resellers, setting.size.rates, setting.size.periods)
    workspace = Workspace(setting.folder / "postgresql", shape, database.url, setting.git)
    workspace.write_documents()
    probe = setting.bench.once(Subject("store", reconcile("validate", "-C", str(workspace.catalogs))))
    if isinstance(probe, NotMeasured):
        return dict.fromkeys(INTO_POSTGRESQL, NotMeasured(f"the command knows no such store: {probe.reason}"))
    filled(setting.bench, workspace)
    rows = rows_of(workspace, FIRST, {"Plan"})
    resellers = workspace.shape.resellers
    return setting.bench.rounds(
        [
            *_repriced(workspace, "all", workspace.shape.plans * resellers),
            floor("copy", "copy", database.url, rows, FIRST, str(resellers)),
        ]
    )


def growth(setting: Setting) -> Findings:
    """The same plans for few resellers and for ten times as many."""
    few, many = (setting.shop(f"growth-{n}", setting.size.growth_plans, n) for n in setting.size.growth)
    return setting.bench.rounds(
        [
            Subject("few", few.plan(), told=NO_CHANGES),
            Subject("many", many.plan(), told=NO_CHANGES),
            Subject("few-one", few.plan(), lambda: reprice(few, everything=False), _changes(few.shape.resellers)),
            Subject("many-one", many.plan(), lambda: reprice(many, everything=False), _changes(many.shape.resellers)),
            Subject("few-back", few.apply()),
            Subject("many-back", many.apply()),
        ]
    )


def helping(setting: Setting) -> Findings:
    """`--help` beside an interpreter that imports click, and what `--help` imports."""
    python, *_ = command = reconcile("--help")
    found = setting.bench.rounds([Subject("help", command), Subject("click", [python, "-c", "import click"])])
    listed = setting.bench.once(Subject("imports", [python, "-X", "importtime", *command[1:]]))
    return {**found, "imports": listed if isinstance(listed, NotMeasured) else _imports(setting.bench.folder)}


def _imports(folder: Path) -> Seen:
    text = (folder / "imports.err").read_text("utf-8")
    imported = {name.partition(".")[0] for name in re.findall(r"^import time:.*\| +(\S+)$", text, re.MULTILINE)}
    heavy = [name for name in HEAVY if name in imported]
    return Seen(not heavy, f"{len(imported)} packages, {', '.join(heavy) or 'none'} of {', '.join(HEAVY)}")


def subscriptions(setting: Setting) -> Findings:
    """A reseller's subscriptions mirrored for the first time, in one apply."""
    shape = Subscriptions(setting.size.subscriptions, setting.size.customers)
    workspace = with_subscriptions(Workspace(setting.folder / "subscriptions", shape))
    before = workspace.folder / "before.db"
    shutil.copyfile(workspace.database, before)
    run(setting.bench, Subject("mirrored", workspace.apply(), told=f"{shape.subscriptions + shape.customers} to add"))
    rows = rows_of(workspace, PROVIDER, {"Customer", "Subscription"})
    make_floor(workspace.floor).close()
    return setting.bench.rounds(
        [
            Subject("apply", workspace.apply(), lambda: _put_back(before, workspace.database)),
            floor("write", "write", workspace.floor, rows, PROVIDER, "1", "journal"),
        ]
    )


def reports(setting: Setting) -> Findings:
    """A saved plan of many tenants shown in every format, beside reading it: it is read tenant by tenant."""
    tenants, changes = setting.size.shown
    shape = Shop(changes, 1, rates=1, periods=1)  # four amounts in each change
    workspace = filled(setting.bench, Workspace(setting.folder / "shown", shape, git=setting.git))
    reprice(workspace, everything=True)
    one, many = workspace.folder / "one.plan", workspace.folder / "many.plan"
    run(setting.bench, Subject("one-plan", workspace.plan("--out", str(one)), told=_changes(changes)))
    multiply(one, many, tenants)
    read = Subject("read", [sys.executable, "-c", READ, str(many)])
    shown = [Subject(f"show-{form}", reconcile("show", str(many), "--format", form)) for form in FORMATS]
    return setting.bench.rounds([read, *shown])


FORMATS = ("text", "markdown", "html", "csv", "json")
READ = (
    "import sys; from pathlib import Path; from reconciler.cli.planning import read_plan; "
    "read_plan(Path(sys.argv[1]), Path())"
)
"""Reading a saved plan, with every check, and nothing else."""


def _cold(setting: Setting, workspace: Workspace[Large]) -> Subject:
    return Subject("cold", workspace.plan(), lambda: workspace.forget(setting.cache), NO_CHANGES)


def _with_peers(
    setting: Setting, workspace: Workspace[Large], subjects: list[Subject], names: tuple[str, ...]
) -> Findings:
    """Measure the subjects and those of the peers that are there."""
    findings: Findings = {}
    for name in names:
        if name in setting.peers.missing:
            findings[name] = NotMeasured(setting.peers.missing[name])
        else:
            subjects.append(peer.SUBJECTS[name](setting.peers, workspace.folder / name, workspace.shape))
    return findings | setting.bench.rounds(subjects)


def _repriced(workspace: Workspace[Shop], what: str, changes: int) -> list[Subject]:
    def prepare() -> None:
        reprice(workspace, everything=what == "all")

    told = _changes(changes)
    return [
        Subject(f"plan-{what}", workspace.plan(), prepare, told),
        Subject(f"apply-{what}", workspace.apply(), prepare, told),
    ]


def _changes(number: int) -> str:
    return rf"Plan: 0 to add, {number} to change, 0 to destroy\."


def _verifying(bench: Bench) -> list[str] | None:
    """The command that has --verify, as its help says."""
    for name in ("plan", "status", "validate"):
        asked = bench.once(Subject("verify-help", reconcile(name, "--help"), told="--verify"))
        if not isinstance(asked, NotMeasured):
            return [*reconcile(name), "--verify"]
    return None


def _put_back(before: Path, database: Path) -> None:
    shutil.copyfile(before, database)


SCENARIOS: dict[str, Callable[[Setting], Findings]] = {
    "cold": cold,
    "large": large,
    "tenants": tenants,
    "verify": verify,
    "postgresql": postgresql,
    "growth": growth,
    "help": helping,
    "subscriptions": subscriptions,
    "reports": reports,
}
