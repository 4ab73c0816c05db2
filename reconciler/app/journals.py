"""What was applied, by the journals of the stores."""

from collections.abc import Callable

from reconciler.app.workspaces import Workspace
from reconciler.core.records import is_entry
from reconciler.shell.connections.access import Access, StoreLocation, place_of
from reconciler.stores.base import Record, StoreError


def history(
    workspace: Workspace, access: Access, tenant: str | None = None, *, unreadable: Callable[[str], None] | None = None
) -> list[Record]:
    """What was applied, oldest first: to one tenant or to all.

    Raises `StoreError` for a journal that cannot be read, or calls ``unreadable`` with the reason and continues with
    the others.
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
