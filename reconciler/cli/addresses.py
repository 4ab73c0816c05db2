"""Addresses of entities as arguments of commands."""

import click

from reconciler import app
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path


def parse_address(tenant: str, text: str) -> tuple[EntityId, Path | None]:
    """As `app.parse_address`. Raises `click.UsageError`."""
    try:
        return app.parse_address(tenant, text)
    except app.Unknown as error:
        raise click.UsageError(str(error)) from error
