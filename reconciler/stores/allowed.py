"""Checks which hosts may be contacted and which secrets sent to them, as the operator allows, not the repository.

Anyone who can open a pull request can write a URL and the name of a variable, and ``plan`` would send the variable's
value to that URL. So the environment variable ``RECONCILE_ALLOWED_HOSTS`` lists ``HOST[:PORT]`` and
``VARIABLE@HOST[:PORT]``; no other host is contacted or gets a variable. Loopback needs an entry only for a variable; a
local socket needs none. A worker on another machine checks its own environment.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from reconciler.model.values.store_urls import (
    POSTGRESQL,
    POSTGRESQL_PORT,
    SQLITE,
    Host,
    canonical_host,
    hosts_of,
    ip_address_of,
    why_no_store_url,
)
from reconciler.model.values.urls import shown_url
from reconciler.stores.base import StoreError

ALLOWED_HOSTS = "RECONCILE_ALLOWED_HOSTS"
HERE = frozenset({SQLITE, "memory"})
"""Schemes of stores that contact no host and take no variable."""

_PATTERN = re.compile(r"[a-z0-9_.*?\[\]!-]+\Z")
_NUMBERS = re.compile(r"[0-9.*?]*[0-9][0-9.*?]*\Z")
"""A pattern of IP addresses: ``10.1.*`` must not match ``10.1.evil.example``."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")


class AllowedHost(NamedTuple):
    """One entry of the list. ``host``: a pattern or an address; ``port``: ``None`` for every port.

    ``variable``: the variable that may be sent there; ``None``: the host may only be contacted.
    """

    host: str
    port: int | None = None
    variable: str | None = None

    def covers(self, host: Host, port: int | None) -> bool:
        """Whether the entry matches a host and port (``None``: the port is unknown)."""
        if self.port is not None and self.port != port:
            return False
        if ip_address_of(host.name):
            return fnmatchcase(host.name, self.host)
        name = host.name.removesuffix(".")
        return name == self.host or (not _NUMBERS.match(self.host) and fnmatchcase(name, self.host))


def allowed_hosts(text: str) -> tuple[AllowedHost, ...]:
    """Parse a list separated by commas or spaces. Raises `StoreError` for an invalid entry."""
    return tuple(_entry(each) for each in text.replace(",", " ").split())


def _entry(text: str) -> AllowedHost:
    variable, at, place = text.rpartition("@")
    bare = place.endswith("]") or ":" not in place or (place.count(":") > 1 and not place.startswith("["))
    host, _, port = (place, "", "") if bare else place.rpartition(":")
    name = _pattern(host)
    fits = not port or (_PORT.match(port) and 0 < int(port) < 65536)
    if name is None or not fits or (at and not _VARIABLE.match(variable)) or place.endswith(":"):
        raise StoreError(
            f"{ALLOWED_HOSTS}: an entry is HOST, HOST:PORT, VARIABLE@HOST or VARIABLE@HOST:PORT; one of them is not"
        )
    return AllowedHost(name, int(port) if port else None, variable or None)


def _pattern(text: str) -> str | None:
    host = canonical_host(text)
    if host is not None:
        return host.removesuffix(".")
    return text.lower().removesuffix(".") if _PATTERN.match(text.lower()) else None


def check_allowed(url: str, variable: str | None, environment: Mapping[str, str]) -> None:
    """Check that a store may be opened: its URL is valid, and every host in it is listed.

    ``variable``: the one whose value is sent there. Raises `StoreError` with the entry to add.
    """
    if fault := why_no_store_url(url):
        raise StoreError(f"{shown_url(url)}: {fault[0]} ({fault[1]})")
    scheme = url.partition(":")[0]
    if scheme in HERE:
        return
    named, operators = hosts_of(url), False
    if scheme == POSTGRESQL and not named:
        named, operators = hosts_of_environment(environment), True
        if variable and not named and "PGSERVICE" in environment:
            raise StoreError(f"{shown_url(url)}: it names no host, so that {variable} has nowhere to go (token_env)")
    elif variable and not named:
        raise StoreError(f"{shown_url(url)}: it names no host that {variable} could be listed with (token_env)")
    entries = allowed_hosts(environment.get(ALLOWED_HOSTS, ""))
    for host in named:
        if missing := _missing(host, variable, _port_of(host, scheme, environment), entries):
            if operators and not variable:
                continue
            raise StoreError(f"{shown_url(url)}: {_says(host, variable)}; add {missing} to {ALLOWED_HOSTS}")


def _says(host: Host, variable: str | None) -> str:
    return f"{variable} may not go to {host}" if variable else f"{host} may not be contacted"


def _missing(host: Host, variable: str | None, port: int | None, entries: Iterable[AllowedHost]) -> str | None:
    """The missing entry, or ``None``."""
    if host.socket or (host.loopback and variable is None):
        return None
    if any(each.covers(host, port) and variable in (None, each.variable) for each in entries):
        return None
    return f"{variable}@{host}" if variable else str(host)


def _port_of(host: Host, scheme: str, environment: Mapping[str, str]) -> int | None:
    if host.port is not None or scheme != POSTGRESQL:
        return host.port
    port = environment.get("PGPORT", "")
    return int(port) if _PORT.match(port) else POSTGRESQL_PORT


def hosts_of_environment(environment: Mapping[str, str]) -> tuple[Host, ...]:
    """The hosts that libpq takes from the environment if a URL names none. Raises `StoreError`."""
    return tuple(_environments(environment))


def _environments(environment: Mapping[str, str]) -> Iterator[Host]:
    for variable in ("PGHOST", "PGHOSTADDR"):
        for each in filter(None, environment.get(variable, "").split(",")):
            host = each if each.startswith("/") else canonical_host(each)
            if host is None:
                raise StoreError(f"{variable} names something that is no host")
            yield Host(host, None, socket=each.startswith("/"))


def needs_tls(url: str, environment: Mapping[str, str]) -> bool:
    """Whether a PostgreSQL database is reached over a network, so that the connection must be encrypted and the server
    verified.
    """
    named = hosts_of(url) or hosts_of_environment(environment)
    return not all(each.loopback for each in named)
