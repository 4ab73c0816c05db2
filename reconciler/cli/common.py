"""What the entry point and the commands share before anything heavy is imported: exit statuses, and groups."""

import click

from reconciler.cli.output import say

FAILED = 1
CHANGES = 2
DENIED = 3
INTERRUPTED = 130

WORKSPACE_HELP = "The workspace's folder. Default: RECONCILE_WORKSPACE, else the nearest reconcile.yaml upwards."


class Group(click.Group):
    """A group of commands. Alone, without a command, it is a usage error that shows the help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            say(ctx.get_help())
            ctx.exit(FAILED)
        return super().parse_args(ctx, args)
