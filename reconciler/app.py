"""The composition root, and the public Python API: open a workspace, plan, apply, explain, look at tenants.

Nothing here prints, asks, or chooses an exit status.
"""
# long: everything that can be asked of a workspace, in one place

import os
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self, TypeAlias, TypeVar

from reconciler.core.desired import Upstream, provider_upstream
from reconciler.core.inspect import (
    Adoption,
    Explanation,
    LastAppliedChange,
    ListedPlan,
    ListedSubscription,
    Supposition,
    adoption,
    hidden_template_warnings,
    inverse,
    last_applied,
    left_alone,
    list_plans,
    list_subscriptions,
    misnamed,
    options_named,
    with_causes,
)
from reconciler.core.inspect import explain as explain_entity
from reconciler.core.inspect import suppose as suppose_options
from reconciler.core.planning import Comparison, Observed, compare
from reconciler.core.reading import with_lines
from reconciler.core.records import is_entry
from reconciler.core.savedplan import plan_digest
from reconciler.core.schema import RuleBook, fields_of
from reconciler.core.subscriptions import BadSetting, CannotAct, Projection, mirrored_kinds
from reconciler.core.tree import (
    Allowed,
    Answer,
    Fold,
    NeedsAncestors,
    Schedule,
    Task,
    Unreadable,
    Wave,
    compare_mirror,
    in_turn,
    tenants_in_order,
    upstream_key,
)
from reconciler.core.workspace import load, resolve_policy
from reconciler.model.documents.options import GUARDS, MIRROR, OPTIONS
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.plans.plan import Plan, Read, Source, TenantPlan
from reconciler.model.values import plain_values
from reconciler.model.values.diagnostics import Diagnostic, in_order
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.keys import EntityId, noun
from reconciler.model.values.plain_values import Path as FieldPath
from reconciler.shell.connections.access import Access, StoreLocation, place_of
from reconciler.shell.days import day_at, day_of, days_of, known_zones, moments_of
from reconciler.shell.engines import engine_of
from reconciler.shell.pools.executors import Pool
from reconciler.shell.repository.blame import Blamed
from reconciler.shell.repository.checkout import Checkout, read_checkout
from reconciler.shell.repository.file_cache import remembering
from reconciler.shell.repository.git import Repository, open_repository
from reconciler.shell.repository.git_commands import GitRefuses
from reconciler.shell.repository.provenance import Commits
from reconciler.shell.runs.apply_workers import carried_by
from reconciler.shell.runs.execute import Application, ApplyContext, execute
from reconciler.shell.runs.plan_cache import CacheLookup
from reconciler.shell.runs.plan_workers import declared_rules, once_it_pays, planned_by
from reconciler.shell.tenants.actions import Acted, NoSubscription, Order, perform
from reconciler.shell.tenants.releasing import NotToRelease, Release, Wish
from reconciler.shell.tenants.releasing import release as release_entity
from reconciler.stores.base import Record, StoreError
from reconciler.stores.registry import why_not

Found = TypeVar("Found")


class Invalid(Exception):
    """The workspace, or documents that were given, are at fault: all that is wrong with them, in order."""

    def __init__(self, problems: Iterable[Diagnostic]) -> None:
        self.problems = in_order(problems)
        super().__init__(f"{len(self.problems)} problems")


class Unknown(Exception):
    """Something that was named does not exist; the message is for people."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace that was read and is valid. ``revision``: the commit it was read from; ``None``: the files.

    ``checkout``: what git says of the files. ``opened``: what is to be closed once nothing is asked of it any more; it
    is a context manager for that.
    """

    root: Path
    catalog: Catalog
    repository: Repository | None
    revision: str | None
    checkout: Checkout = field(default_factory=Checkout)
    opened: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and end the processes that documents are looked up with."""
        self.opened.close()

    def tenants(self) -> list[str]:
        """Every tenant: resellers and providers."""
        return sorted({*self.catalog.policies, *self.catalog.providers})

    def known(self, tenant: str) -> str:
        """The tenant itself. Raises `Unknown`."""
        if tenant not in self.tenants():
            raise Unknown(f'there is no tenant "{tenant}": {did_you_mean(tenant, self.tenants())}')
        return tenant

    def chosen(self, patterns: Iterable[str], shard: str | None = None) -> frozenset[str] | None:
        """The tenants that patterns such as ``con*`` choose, of a shard (``1/4``) if one is given; ``None``: all.

        Raises `Unknown`.
        """
        part = shard_of(self.catalog, shard) if shard is not None else None
        chosen: set[str] = set()
        for pattern in patterns:
            found = {tenant for tenant in self.tenants() if fnmatchcase(tenant, pattern)}
            if not found:
                raise Unknown(f'no tenant is called "{pattern}": {did_you_mean(pattern, self.tenants())}')
            chosen |= found
        if not patterns:
            return part
        return frozenset(chosen) if part is None else part & chosen

    def allowances(self, texts: Iterable[str]) -> dict[str, frozenset[str]]:
        """``GUARD:TENANT`` texts, patterns on both sides, as the guards to override by tenant (GUARD-01).

        Raises `Unknown`, also for a pattern that matches no guard or no reseller.
        """
        found: dict[str, frozenset[str]] = {}
        for text in texts:
            guard, colon, tenant = text.partition(":")
            if not colon or not guard or not tenant:
                raise Unknown(f'"{text}" is no guard and tenant: for example max_price_change:contoso')
            guards = frozenset(each for each in GUARDS if fnmatchcase(each, guard))
            if not guards:
                raise Unknown(f'there is no guard "{guard}": {did_you_mean(guard, GUARDS)}')
            resellers = [each for each in self.catalog.policies if fnmatchcase(each, tenant)]
            if not resellers:
                raise Unknown(f'there is no reseller "{tenant}": {did_you_mean(tenant, self.catalog.policies)}')
            for each in resellers:
                found[each] = found.get(each, frozenset()) | guards
        return found


_SHARD = re.compile(r"[0-9]{1,9}")


def shard_of(catalog: Catalog, text: str) -> frozenset[str]:
    """The tenants of one of several parts: whole subtrees below a provider, in turn; providers are of the first.

    ``text``: ``2/4`` is the second of four. Raises `Unknown`.
    """
    index, slash, count = text.partition("/")
    fits = slash and _SHARD.fullmatch(index) and _SHARD.fullmatch(count)
    if not fits or not 1 <= int(index) <= int(count):
        raise Unknown(f'"{text}" is no shard: for example 1/4, the first of four')
    firsts = [each for each in sorted(catalog.policies) if upstream_key(catalog, each) in catalog.providers]
    part = firsts[int(index) - 1 :: int(count)] + (sorted(catalog.providers) if index.lstrip("0") == "1" else [])
    found = set(part)
    for reseller in tenants_in_order(catalog):
        if upstream_key(catalog, reseller) in found - set(catalog.providers):
            found.add(reseller)
    return frozenset(found)


Remark: TypeAlias = Callable[[str], None]
"""Is told what is worth a remark and stops nothing."""


def _unsaid(_: str) -> None:
    """Where nobody listens."""


def check_workspace(
    root: Path, revision: str | None = None, *, remark: Remark = _unsaid
) -> tuple[Catalog | None, list[Diagnostic]]:
    """Read and validate: the catalog, if it can be had, and everything that is wrong, or worth a warning, in order.

    ``remark`` is told where git refuses to say anything of the files. Raises `Unknown` and `WorkspaceError`.
    """
    with ExitStack() as opened:
        files, problems, _, _ = _read(root, revision, opened, remark)
        catalog, problems = _check(files, problems, opened)
        warnings = in_order(hidden_template_warnings(catalog)) if catalog and not problems else []
        at = {each.place.file for each in warnings}
        return catalog, [*problems, *with_lines(warnings, {each.path: each.data for each in files if each.path in at})]


def _read(
    root: Path, revision: str | None, opened: ExitStack, remark: Remark
) -> tuple[list[SourceFile], list[Diagnostic], Checkout, str | None]:
    """The files, what is wrong with them, what git says of them, and the id of the revision that they are of."""
    if not revision:
        files, problems, checkout = read_checkout(root)
        _look_after(checkout, opened, remark)
        return files, problems, checkout, None
    repository = open_repository(root)
    if repository is None:
        raise Unknown(f"{root} is not in a git repository, so there is no revision {revision!r}")
    opened.callback(repository.close)
    commit = repository.commit(revision)
    return *repository.read(commit), Checkout(repository, commit), commit


def _look_after(checkout: Checkout, opened: ExitStack, remark: Remark) -> None:
    """See that it is closed, and that what git refuses is said: at once, and what comes up later when it is closed."""
    said = checkout.problems
    for each in said:
        remark(each)
    if checkout.repository:
        opened.callback(checkout.repository.close)
        opened.callback(_remark_later, checkout, said, remark)


def _remark_later(checkout: Checkout, said: Collection[str], remark: Remark) -> None:
    for each in checkout.problems:
        if each not in said:
            remark(each)


def _check(
    files: Iterable[SourceFile], problems: Iterable[Diagnostic], opened: ExitStack
) -> tuple[Catalog | None, list[Diagnostic]]:
    problems = list(problems)
    unread = [each.place for each in problems]
    with remembering(os.environ, opened) as read:
        catalog, more = load(files, stores=why_not, zones=known_zones, unread=unread, read=read)
    return catalog, in_order([*problems, *more])


def open_workspace(
    root: Path, revision: str | None = None, looked: CacheLookup | None = None, *, remark: Remark = _unsaid
) -> Workspace:
    """Read a workspace, from its files or from a commit. Raises `Invalid`, `Unknown` and `WorkspaceError`.

    ``looked``: what `look_for_plan` read already. ``remark`` is told where git refuses to say anything of the files.
    Close it once nothing is asked of it any more.
    """
    with ExitStack() as opened:
        if looked:
            (files, problems), checkout, commit = looked.files, looked.checkout, None
            _look_after(checkout, opened, remark)
        else:
            files, problems, checkout, commit = _read(root, revision, opened, remark)
        catalog, problems = _check(files, problems, opened)
        if problems or catalog is None:
            raise Invalid(problems)
        return Workspace(root, catalog, checkout.repository, commit, checkout, opened.pop_all())


def folder_in_repository(root: Path) -> str:
    """The workspace's path within its repository, for annotations that name files from there."""
    try:
        repository = open_repository(root)
    except GitRefuses:
        return ""
    return repository.prefix.rstrip("/") if repository else ""


def default_rules() -> RuleBook:
    """Every rule that is declared."""
    return declared_rules()


def source_of(workspace: Workspace, base: str | None = None) -> Source:
    """Where a plan of this workspace comes from."""
    if workspace.revision:
        return Source(workspace.revision, base, False, workspace.catalog.digest)
    return Source(workspace.checkout.commit, base, workspace.checkout.dirty, workspace.catalog.digest)


def make_plan(  # noqa: PLR0913 - as `plan_all`
    workspace: Workspace,
    access: Access,
    *,
    now: datetime,
    selected: frozenset[str] | None = None,
    allow: Iterable[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Plan:
    """The plan of the selected tenants (``None``: of all). Writes nothing anywhere: it gets readers only.

    ``allow``: guards that are overridden for this plan, as ``GUARD:TENANT``, patterns on both sides. Raises `Unknown`
    and, where there is no room for the plan, `StoreError`; and `ExecutorError`.
    """
    fold = _fold(workspace, access, now, workspace.allowances(allow), progress)
    fold = _spread(fold, workspace, access, selected, progress)
    schedule = Schedule.of(fold)
    repository = workspace.repository
    spool = access.spool(Commits(repository, workspace.revision).of_plan) if repository else access.spool()
    done = spool.tenants(fold.plan_into(spool, selected, schedule.note))
    return Plan(timestamp(now), source_of(workspace), done, read=fold.read_besides(), scheduled=schedule.entries())


def inverse_plan(workspace: Workspace, access: Access, plan: Plan, *, now: datetime) -> Plan:
    """The plan that undoes an applied one, as far as nothing moved since."""

    def look(tenant: str) -> Observed | str:
        if tenant not in workspace.tenants():
            return f'the workspace has no policy for "{tenant}" any more'
        observed = access.observe(tenant, place_of(workspace.catalog, tenant))
        return observed if isinstance(observed, Observed) else observed.problem

    def dated(tenant: TenantPlan) -> TenantPlan:
        known = tenant.tenant in workspace.tenants()
        return replace(tenant, day=day_of(workspace.catalog, tenant.tenant, now).isoformat() if known else "")

    return Plan(timestamp(now), source_of(workspace), _spooled(access, map(dated, inverse(plan, look))))


def with_base(workspace: Workspace, access: Access, plan: Plan, base: str, *, now: datetime) -> Plan:
    """The plan with the cause of every change, told from a revision.

    Raises `Unknown`, `StoreError` and `ExecutorError`.
    """
    try:
        before = open_workspace(workspace.root, base)
    except Invalid as error:
        raise Unknown(f"causes cannot be told from {base}, which is not valid: {error.problems[0]}") from error
    with before:
        fold = _fold(workspace, access, now)
        days, moments = days_of(before.catalog, now), moments_of(before.catalog, now)
        fold = replace(fold, catalog=before.catalog, on=days, at=moments)
        planned = {each.tenant for each in plan.outlines} & {*before.catalog.policies, *before.catalog.providers}
        fold = _spread(fold, workspace, access, frozenset(planned))
        earlier = access.spool()
        fold.plan_into(earlier, frozenset(planned), lambda _: None)
        tenants = (
            with_causes(each, earlier.get(each.tenant), _journal(workspace, access, each.tenant))
            for each in plan.tenants
        )
        return replace(plan, tenants=_spooled(access, tenants), source=replace(plan.source, base=before.revision))


def _spooled(access: Access, plans: Iterable[TenantPlan]) -> Sequence[TenantPlan]:
    """Tenants' plans in their order, each made when the one before is kept."""
    spool, order = access.spool(), []
    for each in plans:
        spool[each.tenant] = each
        order.append(each.tenant)
    return spool.tenants(order)


def _journal(workspace: Workspace, access: Access, tenant: str) -> Mapping[EntityId, LastAppliedChange]:
    return last_applied(record.changes for record in history(workspace, access, tenant))


def timestamp(now: datetime) -> str:
    """As plans, journals and histories have a moment: ISO 8601, to the second, in UTC."""
    return plain_values.timestamp(now)


def apply_plan(  # noqa: PLR0913 - as `make_plan`
    workspace: Workspace, access: Access, plan: Plan, *, now: datetime, by: str, saved: bool = False
) -> Application:
    """Carry a plan out, tenant by tenant, as the result is iterated; each is applied whole or not at all.

    ``saved``: whether the plan comes from a file; then what it says of tenants and of what was there is compared with
    what is. Raises `ExecutorError`, and `Unknown` for a tenant below another upstream, before anything is applied.
    """
    known = frozenset(workspace.tenants())
    for each in plan.outlines if saved else ():
        _expect_upstream(workspace, each.bare)

    def where(tenant: str) -> StoreLocation:
        if tenant not in known:
            raise StoreError(f'the workspace has no policy for "{tenant}" any more')
        return place_of(workspace.catalog, tenant)

    written = [each.tenant for each in plan.outlines if each.summary.changes and each.tenant in known]
    resellers: tuple[Read | TenantPlan, ...] = (
        *plan.read,
        *(each.bare for each in plan.outlines if each.bare.upstream),
    )
    looked_at = [each.tenant for each in resellers if each.tenant in known]
    stores = {tenant: where(tenant).url for tenant in (*looked_at, *written)} if written else {}
    pool = access.executors.for_tenants(stores)
    run = secrets.token_hex(8) if pool and pool.repeats else ""
    warrant = ApplyContext(plan_digest(plan), timestamp(now), by, plan.source.recorded, run, saved)
    carry = carried_by(pool, access, where, count=len(written)) if pool else None
    steps = execute(plan, warrant, lambda tenant: access.writer(where(tenant)), carry=carry)
    return Application(warrant.plan, run, steps)


def _expect_upstream(workspace: Workspace, planned: TenantPlan) -> None:
    """See that a saved plan has a tenant below the upstream that its policy names. Raises `Unknown`."""
    policies, tenant = workspace.catalog.policies, planned.tenant
    if tenant in workspace.catalog.providers or tenant in policies:
        upstream = upstream_key(workspace.catalog, tenant) if tenant in policies else ""
        if planned.upstream != upstream:
            says = f'"{planned.upstream}"' if planned.upstream else "none"
            raise Unknown(f'the plan says that the upstream of {tenant} is {says}, its policy "{upstream}"; plan again')


def adoption_of(workspace: Workspace, access: Access, tenant: str) -> Adoption:
    """A live tenant's state as the catalog that it can be brought under. Raises `Unknown` and `StoreError`."""
    policies = workspace.catalog.policies
    policy = resolve_policy(workspace.catalog, tenant) if workspace.known(tenant) in policies else None
    if policy is None or policy.upstream in policies:
        whose = f'its upstream is the reseller "{policy.upstream}"' if policy else "it is a provider"
        raise Unknown(f"{tenant} cannot be exported as a catalog: {whose}, and a catalog is what a provider has")
    observed = access.observe(tenant, place_of(workspace.catalog, tenant))
    if isinstance(observed, Unreadable):
        raise StoreError(observed.problem)
    return adoption(tenant, policy.upstream, observed.traced(policy.upstream).state)


def release(workspace: Workspace, access: Access, wish: Wish) -> Release:
    """Give up an entity that came down, or take that back (ORIGIN-03). Raises `Unknown` and `StoreError`."""
    try:
        return release_entity(wish, access.writer(place_of(workspace.catalog, workspace.known(wish.tenant))))
    except NotToRelease as error:
        near = f": {did_you_mean(str(wish.entity), map(str, error.near))}" if error.near else ""
        raise Unknown(f"{error}{near}") from error


@dataclass(frozen=True, slots=True)
class Subject:
    """What to explain: an entity of a tenant, or with ``path`` one field of it and what is below."""

    tenant: str
    entity: EntityId
    path: FieldPath | None = None


def explain(workspace: Workspace, access: Access, subject: Subject, *, now: datetime) -> Explanation:
    """Account for one entity or field of a tenant. Raises `Unknown` and `StoreError`."""
    tenant, entity = subject.tenant, subject.entity
    wrong = misnamed(fields_of(entity.kind), subject.path) if subject.path else None
    if wrong:
        raise Unknown(f"{noun(entity.kind)}: {wrong}")
    if entity.kind in mirrored_kinds():
        return _explain_mirror(workspace, access, subject, now)
    if tenant in workspace.catalog.providers:
        raise Unknown(f"{tenant} is a provider: explain what a reseller gets of it, or a subscription mirrored to it")
    policy, upstream, comparison = _compared(workspace, access, tenant, now)
    if not (entity in comparison.desired.wanted or entity in comparison.actual or comparison.released(entity)):
        if entity in upstream.state:
            raise Unknown(f"{entity} of {policy.upstream} is not offered to {tenant}: nothing in its policy selects it")
        near = [str(id) for id in {*comparison.desired.wanted, *comparison.actual}]
        raise Unknown(f'neither {tenant} nor its catalog has "{entity}": {did_you_mean(str(entity), near)}')
    return explain_entity(comparison, policy, entity, subject.path)


def _explain_mirror(workspace: Workspace, access: Access, subject: Subject, now: datetime) -> Explanation:
    """Account for what is mirrored to a distributor, or why it is not (SUB-01, SUB-02)."""
    tenant, entity = subject.tenant, subject.entity
    reseller = entity.key.partition(".")[0]
    if reseller not in workspace.catalog.policies or upstream_key(workspace.catalog, reseller) != tenant:
        above = upstream_key(workspace.catalog, tenant) if tenant in workspace.catalog.policies else None
        state = _readable(_fold(workspace, access, now).observe_distributor(tenant)).state
        raise Unknown(left_alone(tenant, entity, state, above))
    projection = _projection(workspace, access, reseller, now)
    comparison = compare_mirror(projection, default_rules())
    if not (entity in comparison.desired.wanted or entity in comparison.actual or comparison.released(entity)):
        raise Unknown(projection.why_absent(entity))
    return explain_entity(comparison, projection.policy, entity, subject.path)


def _projection(workspace: Workspace, access: Access, reseller: str, now: datetime) -> Projection:
    """A reseller's subscriptions as its distributor should have them, all else planned. Raises `StoreError`."""
    return _readable(_fold(workspace, access, now).projection(reseller))


def _readable(found: Found | Unreadable) -> Found:
    """What was read. Raises `StoreError` for what could not be."""
    if isinstance(found, Unreadable):
        raise StoreError(found.problem)
    return found


def suppose(
    workspace: Workspace, access: Access, tenant: str, options: tuple[Iterable[str], Iterable[str]], *, now: datetime
) -> Supposition:
    """What would change in a tenant with some options on and others off. Raises `Unknown` and `StoreError`."""
    try:
        enable, disable = map(options_named, options)
    except KeyError as error:
        name = str(error.args[0])
        raise Unknown(f'there is no option "{name}": {did_you_mean(name, OPTIONS)}') from error
    if both := sorted({*enable} & {*disable}):
        raise Unknown(f"{', '.join(both)}: on and off at once")
    policy, _, comparison = _compared(workspace, access, tenant, now)
    supposed = suppose_options(comparison, policy, enable, disable)
    if MIRROR not in (*enable, *disable):
        return supposed
    projection = _projection(workspace, access, tenant, now)
    above = suppose_options(compare_mirror(projection, default_rules()), policy, enable, disable)
    return supposed.beside(above, at=policy.upstream)


def _compared(workspace: Workspace, access: Access, tenant: str, now: datetime) -> tuple[Policy, Upstream, Comparison]:
    """A tenant's policy, its upstream, and what it should have beside what it has. Raises `StoreError`."""
    fold = _fold(workspace, access, now)
    for above in fold.above(tenant):
        fold.plan(above)
    policy = resolve_policy(workspace.catalog, tenant)
    observed = _readable(fold.observe(policy))
    trace = observed.traced(policy.upstream)
    upstream = _readable(fold.upstream_of(policy, trace.state))
    return policy, upstream, compare(policy, upstream, trace, fold.rules, fold.day_of(tenant))


def act(workspace: Workspace, access: Access, order: Order) -> Acted:
    """Act on a subscription, through the guard, with its mirrors. Raises `Unknown` and `StoreError`."""
    workspace.known(order.tenant)
    order = replace(order, commit=source_of(workspace).recorded)
    try:
        return perform(order, _fold(workspace, access, order.now), access)
    except (BadSetting, CannotAct) as error:
        raise Unknown(str(error)) from error
    except NoSubscription as error:
        near = did_you_mean(order.key, error.known)
        raise Unknown(f'{order.tenant} has no subscription "{order.key}": {near}') from error


def subscriptions(workspace: Workspace, access: Access, tenant: str, *, now: datetime) -> list[ListedSubscription]:
    """A tenant's subscriptions by key, each with what is pending (SUB-19). Raises `Unknown` and `StoreError`."""
    policies, fold = workspace.catalog.policies, _fold(workspace, access, now)
    state = _readable(fold.observe_distributor(workspace.known(tenant))).state
    below = sorted(each for each in policies if upstream_key(workspace.catalog, each) == tenant)
    plan = _planned(fold.mirrored_of(tenant, below))
    if tenant not in policies:
        return list(list_subscriptions(tenant, state, plan, None))
    distributor = upstream_key(workspace.catalog, tenant)
    theirs = _readable(fold.observe_distributor(distributor)).state
    above = (distributor, theirs, _planned(fold.mirrored_of(distributor, [tenant])))
    return list(list_subscriptions(tenant, state, plan, above))


def _planned(plan: TenantPlan | None) -> TenantPlan | None:
    """A tenant's plan. Raises `StoreError` for one that could not be made."""
    if plan is not None and plan.problem:
        raise StoreError(plan.problem)
    return plan


def mirror_plan(workspace: Workspace, access: Access, *, now: datetime, tenants: Iterable[str] = ()) -> Plan:
    """The plan of the mirrors alone, every catalog left as it is: what `watch` makes. Raises `Unknown`."""
    selected = workspace.chosen(tuple(tenants))
    plans = _spooled(access, _fold(workspace, access, now).mirrors(selected))
    return Plan(timestamp(now), source_of(workspace), plans)


def who_set(workspace: Workspace, file: str, line: int) -> Blamed | None:
    """The commit and author of a line of the workspace."""
    if workspace.repository is None:
        return None
    lines = workspace.repository.blame(file, workspace.revision)
    return lines[line - 1] if line <= len(lines) else None


def history(
    workspace: Workspace,
    access: Access,
    tenant: str | None = None,
    *,
    unreadable: Callable[[str], None] | None = None,
) -> list[Record]:
    """What was applied, oldest first: to one tenant or to all.

    Raises `StoreError` for a journal that cannot be read, or tells ``unreadable`` why and goes on with the others.
    """
    tenants = [workspace.known(tenant)] if tenant else workspace.tenants()
    places: dict[StoreLocation, list[str]] = {}
    for each in tenants:
        places.setdefault(place_of(workspace.catalog, each), []).append(each)
    records: list[Record] = []
    for place, here in places.items():
        try:
            found = [_whole(each) for each in access.reader(place).history(here[0] if len(here) == 1 else None)]
        except StoreError as error:
            if unreadable is None:
                raise
            unreadable(f"{', '.join(here)}: {error}")
            continue
        records += [record for record in found if record.tenant in here]
    return sorted(records, key=lambda record: (record.at, record.tenant))


def _whole(record: Record) -> Record:
    """A record whose changes are as plans have them. Raises `StoreError`: a row may have been edited by hand."""
    if not all(map(is_entry, record.changes)):
        which = f"the journal's record of {record.tenant} at {record.at}"
        raise StoreError(f"{which} is damaged: it holds what is no change")
    return record


def plans(workspace: Workspace, access: Access, *, now: datetime) -> list[ListedPlan]:
    """The plans of every delegator, provider or reseller, and to whom each is delegated. Raises `StoreError`."""
    policies = [resolve_policy(workspace.catalog, reseller) for reseller in sorted(workspace.catalog.policies)]
    fold = _fold(workspace, access, now)
    upstreams = {
        key: provider_upstream(tree, fold.day_of(key)) for key, tree in sorted(workspace.catalog.providers.items())
    }
    for policy in policies:
        if policy.upstream not in upstreams:
            upstreams[policy.upstream] = _readable(fold.upstream_of(policy))
    return list(list_plans(upstreams, policies))


def _fold(
    workspace: Workspace,
    access: Access,
    now: datetime,
    allowed: Allowed | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Fold:
    """Tenants are observed where this workspace's policies have them, whatever policies the fold walks by.

    ``progress`` is told of each as its turn comes.
    """

    def observe(policy: Policy) -> Observed | Unreadable:
        progress(policy.reseller)
        return access.sketch(policy.reseller, _where(workspace, policy))

    def observe_provider(provider: str) -> Observed | Unreadable:
        return access.observe(provider, place_of(workspace.catalog, provider))

    catalog, rules = workspace.catalog, default_rules()
    days, moments = days_of(catalog, now), moments_of(catalog, now)
    engine = engine_of(rules, incremental=access.incremental)
    fold = Fold(catalog, observe, rules, days, allowed or {}, observe_provider, moments, day_at)
    return replace(fold, engine=engine)


def _where(workspace: Workspace, policy: Policy) -> StoreLocation:
    """Where a tenant is that may not be in the workspace any more."""
    if policy.reseller in workspace.catalog.policies:
        return place_of(workspace.catalog, policy.reseller)
    return StoreLocation(policy.store or workspace.catalog.store, policy.token_env)


def _spread(
    fold: Fold,
    workspace: Workspace,
    access: Access,
    selected: frozenset[str] | None,
    progress: Callable[[str], None] = lambda _: None,
) -> Fold:
    """The fold with its levels planned by the executors, if there is somebody for it. Raises `ExecutorError`."""
    policies = fold.catalog.policies
    chosen = policies.keys() if selected is None else policies.keys() & selected
    stores = {key: _place(fold, workspace, key).url for key in chosen}

    def planned_in(pool: Pool) -> Wave:
        trees = fold.catalog.providers.__getitem__
        wave = planned_by(pool, access, lambda policy: _where(workspace, policy), trees)
        return lambda tasks, count: _telling(wave(tasks, count), progress)

    if pool := access.executors.for_tenants(stores):
        return replace(fold, wave=planned_in(pool))
    if spare := access.executors.spare(stores):
        here = in_turn(fold.observe, fold.comparer)
        return replace(fold, wave=once_it_pays(here, lambda: planned_in(spare())))
    return fold


def _telling(answers: Iterable[tuple[Task, Answer]], progress: Callable[[str], None]) -> Iterator[tuple[Task, Answer]]:
    for task, answer in answers:
        if not isinstance(answer, NeedsAncestors):
            progress(task.policy.reseller)
        yield task, answer


def _place(fold: Fold, workspace: Workspace, reseller: str) -> StoreLocation:
    here = reseller in workspace.catalog.policies
    return place_of(workspace.catalog, reseller) if here else _where(workspace, resolve_policy(fold.catalog, reseller))
