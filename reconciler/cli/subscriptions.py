"""`subscription`: list and show subscriptions with pending changes, and act on one under the guard."""

from datetime import datetime
from pathlib import Path

import click
from click.exceptions import Exit

from reconciler import app
from reconciler.cli.common import DENIED, argument, option
from reconciler.cli.options import access_to, format_option, open_for_command, who, with_workspace, workspace_group
from reconciler.cli.output import say, write_data, write_result
from reconciler.core.inspect import ListedSubscription
from reconciler.model.documents.subscriptions import ACTIONS, ACTORS, RESELLER
from reconciler.model.plans.rules import rule_text
from reconciler.model.values.field_types import did_you_mean
from reconciler.report.envelope import enveloped
from reconciler.report.subscriptions import render_subscription, render_subscriptions, subscription_to_data
from reconciler.shell.tenants.actions import ActionRequest, PerformedAction

subscription_command = workspace_group("subscription", "List, show and change the subscriptions of a tenant.")


STATUSES = ("active", "inactive", "suspended", "cancelled", "deleted")


@subscription_command.command("list")
@argument("tenant", metavar="TENANT")
@option("--status", type=click.Choice(STATUSES), help="Only subscriptions with this status.")
@option("--pending", is_flag=True, help="Only subscriptions with pending changes.")
@format_option()
@with_workspace
def list_command(root: Path, now: datetime, tenant: str, status: str | None, pending: bool, form: str) -> None:
    """List the subscriptions of TENANT: the source of each mirror, and pending changes."""
    listed = [
        each
        for each in _subscriptions(root, tenant, now)
        if (status is None or (each.body is not None and each.body.get("status", "active") == status))
        and (not pending or each.pending or (each.body or {}).get("pending_unit"))
    ]
    if form == "json":
        write_data(enveloped(subscriptions=[subscription_to_data(tenant, each) for each in listed]))
    else:
        write_result(render_subscriptions(listed))


@subscription_command.command("show")
@argument("tenant", metavar="TENANT")
@argument("subscription", metavar="SUBSCRIPTION")
@format_option()
@with_workspace
def show_command(root: Path, now: datetime, tenant: str, subscription: str, form: str) -> None:
    """Show one SUBSCRIPTION of TENANT in full: its source, and what is pending and why."""
    listed = {each.key: each for each in _subscriptions(root, tenant, now)}
    key = subscription.removeprefix(f"{tenant}/").removeprefix("subscription/")
    if key not in listed:
        raise click.ClickException(f'{tenant} has no subscription "{key}": {did_you_mean(key, listed)}')
    if form == "json":
        write_data(enveloped(subscription=subscription_to_data(tenant, listed[key])))
    else:
        write_result(render_subscription(tenant, listed[key]))


def _subscriptions(root: Path, tenant: str, now: datetime) -> list[ListedSubscription]:
    workspace = open_for_command(root)
    with access_to(root) as access:
        return app.subscriptions(workspace, access, tenant, now=now)


@subscription_command.command("act")
@argument("tenant", metavar="TENANT")
@argument("subscription", metavar="SUBSCRIPTION")
@argument("action", metavar="ACTION")
@option("--as", "role", type=click.Choice(ACTORS), help="The role to act as. Default: the owner of the subscription.")
@option("--set", "texts", multiple=True, metavar="K=V", help="A parameter: dotted path and YAML scalar; repeatable.")
@format_option()
@with_workspace
def act_command(
    root: Path,
    now: datetime,
    tenant: str,
    subscription: str,
    action: str,
    role: str | None,
    texts: tuple[str, ...],
    form: str,
) -> None:
    """Perform ACTION on a SUBSCRIPTION in TENANT's system, and on its mirrors upstream in the same transaction.

    A mirrored subscription belongs to its reseller; the distributor may change only its unlocked fields. Exit status
    0 done, 3 denied; the denial names its rule.
    """
    _check(action, role)
    workspace = open_for_command(root)
    request = ActionRequest(tenant, subscription, action, now, who(), texts, role)
    with access_to(root) as access:
        performed = app.act(workspace, access, request)
    if form == "json":
        write_data(enveloped(result=_acted_data(request, performed)))
    if performed.denied:
        say(f"Denied by {performed.denied.rule}: {performed.denied.detail}")
        say(f"{performed.denied.rule}: {rule_text(performed.denied.rule)}")
        raise Exit(DENIED)
    if form != "json":
        write_result(_performed_text(tenant, action, performed))
    for each in performed.pending:
        say(f"Pending: {each}")


def _acted_data(request: ActionRequest, performed: PerformedAction) -> dict[str, object]:
    """The result of an action as data. ``done``: false if denied; ``changed``: empty if there was nothing to do."""
    denied = performed.denied
    return {
        "tenant": request.tenant,
        "subscription": request.key,
        "action": request.action,
        "done": denied is None,
        "changed": [f"{request.tenant}/{each}" for each in performed.changed],
        "mirrored": list(performed.mirrored),
        "pending": list(performed.pending),
        "denied": denied and {"rule": denied.rule, "rule_text": rule_text(denied.rule), "detail": denied.detail},
    }


def _check(name: str, role: str | None) -> None:
    if name not in ACTIONS:
        raise click.UsageError(f'unknown action "{name}": {did_you_mean(name, ACTIONS)}')
    if role == RESELLER and not ACTIONS[name].resellers:
        raise click.UsageError(f"only the distributor may perform {name}: use --as distributor")


def _performed_text(tenant: str, action: str, performed: PerformedAction) -> str:
    if not performed.changed:
        return f"{tenant}: {action}: nothing to do.\n"
    mirrored = f"; mirrored: {', '.join(performed.mirrored)}" if performed.mirrored else ""
    return f"{tenant}: {action} done: {', '.join(performed.changed)}{mirrored}.\n"
