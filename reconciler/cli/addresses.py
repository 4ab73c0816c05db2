"""Addresses of entities as users type them."""

import rich_click as click

from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.keys import EntityId, snake
from reconciler.model.values.plain_values import Path, parse_path


def address_of(tenant: str, text: str) -> tuple[EntityId, Path | None]:
    """``[TENANT/]KIND/KEY[#PATH]``. Raises `click.UsageError`."""
    address, hash_, path = text.removeprefix(f"{tenant}/").partition("#")
    kind, slash, key = address.partition("/")
    kinds = {snake(name): name for name in STATE_KINDS}
    if not slash or not key:
        raise click.UsageError(f"{text!r} is no address; for example plan/m365-business-basic#status")
    if kind not in kinds:
        raise click.UsageError(f'there is no kind "{kind}": {did_you_mean(kind, kinds)}')
    try:
        return EntityId(kinds[kind], key), parse_path(path) if hash_ else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
