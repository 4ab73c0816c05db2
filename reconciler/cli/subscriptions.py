"""`subscription act`: what is done to a subscription, through the guard."""

from datetime import datetime
from pathlib import Path

import rich_click as click
from click.exceptions import Exit

from reconciler import app
from reconciler.cli.common import DENIED, WORKSPACE_HELP, Group, argument, option
from reconciler.cli.options import access_to, format_option, opened, who, with_workspace
from reconciler.cli.output import say, write_data, write_result
from reconciler.model.fields import did_you_mean
from reconciler.model.rules import rule_text
from reconciler.model.subscriptions import ACTIONS, ACTORS, RESELLER
from reconciler.report.envelope import enveloped
from reconciler.shell.acting import Acted, Order


@click.group("subscription", cls=Group)
@option("-C", "--workspace", "chosen", type=click.Path(path_type=Path), metavar="DIR", help=WORKSPACE_HELP)
@click.pass_context
def subscription_command(ctx: click.Context, chosen: Path | None) -> None:
    """Act on a subscription, as its reseller or its distributor."""
    ctx.obj = chosen or ctx.obj


@subscription_command.command("act")
@argument("tenant", metavar="TENANT")
@argument("subscription", metavar="SUBSCRIPTION")
@argument("action", metavar="ACTION")
@option("--as", "role", type=click.Choice(ACTORS), help="Who acts; by default whose the subscription is.")
@option("--set", "texts", multiple=True, metavar="K=V", help="A dotted path and a YAML scalar; repeatable.")
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
    """Do ACTION to a SUBSCRIPTION in TENANT's system, and to its mirrors above in the same transaction.

    Of a mirrored subscription, which is its reseller's, a distributor may change what is not locked. Exit status 0
    done, 3 denied; the denial names its rule.
    """
    _check(action, role)
    workspace = opened(root)
    order = Order(tenant, subscription, action, now, who(), texts, role)
    with access_to(root) as access:
        acted = app.act(workspace, access, order)
    if form == "json":
        write_data(enveloped(result=_acted_data(order, acted)))
    if acted.denied:
        say(f"Denied by {acted.denied.rule}: {acted.denied.detail}")
        say(f"{acted.denied.rule}: {rule_text(acted.denied.rule)}")
        raise Exit(DENIED)
    if form != "json":
        write_result(_told(tenant, action, acted))
    for each in acted.pending:
        say(f"Pending: {each}")


def _acted_data(order: Order, acted: Acted) -> dict[str, object]:
    """What came of an action. ``done``: false where it was denied; ``changed`` is empty where nothing had to be."""
    denied = acted.denied
    return {
        "tenant": order.tenant,
        "subscription": order.key,
        "action": order.action,
        "done": denied is None,
        "changed": [f"{order.tenant}/{each}" for each in acted.changed],
        "mirrored": list(acted.mirrored),
        "pending": list(acted.pending),
        "denied": denied and {"rule": denied.rule, "rule_text": rule_text(denied.rule), "detail": denied.detail},
    }


def _check(name: str, role: str | None) -> None:
    if name not in ACTIONS:
        raise click.UsageError(f'there is no action "{name}": {did_you_mean(name, ACTIONS)}')
    if role == RESELLER and not ACTIONS[name].resellers:
        raise click.UsageError(f"{name} is the distributor's: act --as distributor")


def _told(tenant: str, action: str, acted: Acted) -> str:
    if not acted.changed:
        return f"{tenant}: {action}: nothing to do.\n"
    mirrored = f"; mirrored: {', '.join(acted.mirrored)}" if acted.mirrored else ""
    return f"{tenant}: {action} done: {', '.join(acted.changed)}{mirrored}.\n"
