"""Addresses of entities and fields as people write them."""

from reconciler.app.errors import Unknown
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.keys import EntityId, snake
from reconciler.model.values.plain_values import Path, parse_path


def parse_address(tenant: str, text: str) -> tuple[EntityId, Path | None]:
    """The entity, and the path of a field if there is one, of ``[TENANT/]KIND/KEY[#PATH]``.

    Raises `Unknown` for a text of another form and for a kind that does not exist.
    """
    address, hash_, path = text.removeprefix(f"{tenant}/").partition("#")
    kind, slash, key = address.partition("/")
    kinds = {snake(name): name for name in STATE_KINDS}
    if not slash or not key:
        raise Unknown(f"{text!r} is not an address; example: plan/m365-business-basic#status")
    if kind not in kinds and key.partition("/")[0] in kinds:
        raise Unknown(f'"{text}" is an address of {kind}, not of {tenant}: give {kind} as the tenant')
    if kind not in kinds:
        raise Unknown(f'unknown kind "{kind}": {did_you_mean(kind, kinds)}')
    try:
        return EntityId(kinds[kind], key), parse_path(path) if hash_ else None
    except ValueError as error:
        raise Unknown(str(error)) from error
