"""What was applied, by the journals of the stores."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.app.workspaces import Workspace
from reconciler.core.records import is_entry
from reconciler.shell.connections.access import Access, StoreLocation, place_of
from reconciler.shell.days import moments_of
from reconciler.stores.base import RecentRecords, Record, StoreError


@dataclass(frozen=True, slots=True)
class HistoryPart:
    """The part of the history that is asked for: from a time on (one without a time zone is local at each provider,
    `shell.days.day_in`), and of that at most so many of the last records.
    """

    since: datetime | None = None
    limit: int | None = None


def history(
    workspace: Workspace, access: Access, tenant: str | None = None, *, unreadable: Callable[[str], None] | None = None
) -> list[Record]:
    """What was applied, oldest first: to one tenant or to all.

    Raises `StoreError` for a journal that cannot be read, or calls ``unreadable`` with the reason and continues with
    the others.
    """
    tenants = [workspace.known(tenant)] if tenant else workspace.tenants()
    records: list[Record] = []
    for place, here in _places(workspace, tenants).items():
        try:
            found = [_whole(each) for each in access.reader(place).history(here[0] if len(here) == 1 else None)]
        except StoreError as error:
            if unreadable is None:
                raise
            unreadable(f"{', '.join(here)}: {error}")
            continue
        records += [record for record in found if record.tenant in here]
    return sorted(records, key=lambda record: (record.at, record.tenant))


def recent_history(
    workspace: Workspace,
    access: Access,
    tenant: str | None = None,
    *,
    part: HistoryPart,
    unreadable: Callable[[str], None],
) -> tuple[list[Record], int]:
    """The last records of what was applied, oldest first, and the number of older ones that are left out.

    ``unreadable`` is called with the reason for a journal that cannot be read.
    """
    tenants = [workspace.known(tenant)] if tenant else workspace.tenants()
    since = _since(workspace, part.since)
    records: list[Record] = []
    whole = 0
    for place, here in _places(workspace, tenants).items():
        try:
            recent = _recent(access, place, {each: since.get(each, "") for each in here}, part.limit)
            found = [_whole(each) for each in recent.records]
        except StoreError as error:
            unreadable(f"{', '.join(here)}: {error}")
            continue
        records += found
        whole += sum(recent.counts.get(each, 0) for each in here)
    records.sort(key=lambda record: (record.at, record.tenant))
    shown = records if part.limit is None else records[-part.limit :]
    return shown, whole - len(shown)


def _recent(access: Access, place: StoreLocation, since: Mapping[str, str], limit: int | None) -> RecentRecords:
    """The last records of these tenants in one store. The store may hold others, and each has its own first moment.

    The store is asked for no more than the limit where both are the same for all.
    """
    reader = access.reader(place)
    only = next(iter(since)) if len(since) == 1 else None
    first = min(since.values())
    if len({*since.values()}) == 1:
        found = reader.recent(only, since=first, limit=limit)
        if found.counts.keys() <= since.keys():
            return found
    found = reader.recent(only, since=first, limit=None)
    fitting = [each for each in found.records if each.tenant in since and each.at >= since[each.tenant]]
    return RecentRecords(fitting, found.counts)


def _since(workspace: Workspace, since: datetime | None) -> dict[str, str]:
    """The first moment of each tenant; of a date, its provider's midnight (DATE-01)."""
    if since is None:
        return {}
    moments = moments_of(workspace.catalog, since)
    of = workspace.catalog.provider_of
    return {tenant: moments[of.get(tenant, tenant)] for tenant in workspace.tenants()}


def _places(workspace: Workspace, tenants: Iterable[str]) -> dict[StoreLocation, list[str]]:
    """The stores of tenants, each with those that are in it."""
    places: dict[StoreLocation, list[str]] = {}
    for each in tenants:
        places.setdefault(place_of(workspace.catalog, each), []).append(each)
    return places


def _whole(record: Record) -> Record:
    """A record whose changes are as plans have them. Raises `StoreError`: a row may have been edited by hand."""
    if not all(map(is_entry, record.changes)):
        which = f"the journal's record of {record.tenant} at {record.at}"
        raise StoreError(f"{which} is damaged: it holds what is no change")
    return record
