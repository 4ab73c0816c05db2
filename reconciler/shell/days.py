"""The current day per provider: a date in a document begins at midnight in the provider's time zone (DATE-01).

Time zone rules come from the package ``tzdata``, never from the system, so days are the same on every machine.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from reconciler.model.documents.source import Catalog
from reconciler.model.values.plain_values import timestamp


def day_in(zone: str, now: datetime) -> date:
    """The day at ``now`` in an IANA time zone (DATE-01).

    ``now`` with a time zone is an instant. Without one it is local time in every zone, so ``--now 2027-01-01`` means
    midnight at each provider. Raises ``KeyError`` for an unknown zone.
    """
    if now.tzinfo is None:
        return now.date()
    try:
        return now.astimezone(_zone(zone)).date()
    except OverflowError:  # at the first or last day of the calendar
        return now.date()


def days_of(catalog: Catalog, now: datetime) -> Mapping[str, date]:
    """The day at ``now`` by provider key; all tenants below a provider have its day (DATE-01)."""
    return {key: day_in(tree.time_zone, now) for key, tree in sorted(catalog.providers.items())}


def day_of(catalog: Catalog, tenant: str, now: datetime) -> date:
    """The day at ``now`` of a provider or a reseller. Raises ``KeyError`` for a tenant that is not in the catalog."""
    return day_in(catalog.providers[catalog.provider_of.get(tenant, tenant)].time_zone, now)


def days_by_zone(catalog: Catalog, now: datetime) -> Mapping[str, str]:
    """The day at ``now`` (ISO 8601) by time zone, for every zone that a provider names. Plans depend on these days."""
    return {
        zone: day_in(zone, now).isoformat() for zone in sorted({each.time_zone for each in catalog.providers.values()})
    }


def moments_of(catalog: Catalog, now: datetime) -> Mapping[str, str]:
    """The time ``now`` (ISO 8601, UTC) by provider key, for records of subscriptions.

    ``now`` without a time zone is local time, so a different instant in each zone (`day_in`).
    """
    return {key: _instant(tree.time_zone, now) for key, tree in sorted(catalog.providers.items())}


def day_at(zone: str, at: str) -> date | None:
    """The day, in an IANA time zone, of a record's time ``at`` (ISO 8601).

    ``None`` if ``at`` is not a time: records of a reseller's own system may hold any text. Raises ``KeyError`` for an
    unknown zone.
    """
    try:
        return day_in(zone, datetime.fromisoformat(at))
    except ValueError:
        return None


def _instant(zone: str, now: datetime) -> str:
    if now.tzinfo is None:
        try:
            return timestamp(now.replace(tzinfo=_zone(zone)).astimezone(UTC))
        except OverflowError:  # at the first or last day of the calendar
            return timestamp(now)
    return timestamp(now)


@cache
def known_zones() -> frozenset[str]:
    """The names of all IANA time zones, including aliases."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    if name not in known_zones():
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
