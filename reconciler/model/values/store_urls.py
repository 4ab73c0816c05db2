"""Which store URLs are accepted, and which hosts they name. Pure: no name is resolved, and no driver is called.

Anybody who can open a pull request can write one. So anything that could weaken the connection, select credentials or
hide another host is refused, and so is anything ambiguous. See ``CONTRACT.md`` ("Every store URL").
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from reconciler.model.values.urls import decoded, password_in_path, secret_parameter, shown_url

POSTGRESQL, SQLITE = "postgresql", "sqlite"
POSTGRESQL_PORT = 5432
VERIFY_FULL = "verify-full"

Fault: TypeAlias = tuple[str, str]
"""What is wrong with a URL, and a hint."""

PARAMETERS = frozenset(
    {
        "application_name",
        "channel_binding",
        "connect_timeout",
        "host",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "options",
        "port",
        "sslmode",
        "target_session_attrs",
        "tcp_user_timeout",
        "user",
    }
)
"""The libpq parameters that a PostgreSQL URL may have. Files with keys, passwords and certificates, services, and
anything that turns a protection off belong to the operator's environment (``PGSSLROOTCERT``, ``PGPASSFILE``, …).
"""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")
_DATABASE = re.compile(r"[@=/\\]|://")
_CREDENTIALS = "name an environment variable with token_env, or use the driver's own (PGPASSWORD, ~/.pgpass)"
_POSTGRESQL_FORM = "for example postgresql://reconcile@db.example/tenants"


class Host(NamedTuple):
    """A host that a URL names, in lower case; an address in its canonical form, without brackets.

    ``port``: ``None`` if the URL names none. ``socket``: a folder with a socket of this machine rather than a host.
    """

    name: str
    port: int | None = None
    socket: bool = False

    @property
    def loopback(self) -> bool:
        """Whether it is certainly this machine: ``localhost``, 127.0.0.0/8 and ::1, in their usual notation."""
        if self.socket or self.name == "localhost":
            return True
        address = ip_address_of(self.name)
        return isinstance(address, IPv4Address | IPv6Address) and address.is_loopback and not _is_mapped(address)

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"


def _is_mapped(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv6Address) and address.ipv4_mapped is not None


def ip_address_of(name: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a name is, if it is one; ``127.1``, ``0x7f.1`` and the like count as names."""
    try:
        return ip_address(name)
    except ValueError:
        return None


def canonical_host(text: str) -> str | None:
    """A host in the form in which hosts are compared; ``None`` if it is not one, or is an address with a zone.

    A final dot stays: ``localhost.`` is resolved, and may be any host.
    """
    name = text.lower()
    bracketed = name.startswith("[") and name.endswith("]")
    bare = name[1:-1] if bracketed else name
    if bracketed or ":" in bare:
        address = ip_address_of(bare) if ":" in bare and "%" not in bare else None
        return str(address) if address else None
    return name if _NAME.match(name.removesuffix(".")) else None


def why_no_store_url(url: str) -> Fault | None:
    """What is wrong with a store's URL, without its secrets; ``None`` for a valid one."""
    scheme, colon, rest = url.partition(":")
    if not colon or not scheme:
        return f"{shown_url(url)} is not a URL", "for example sqlite:///.reconcile/tenants.db"
    if not _SCHEME.match(scheme):
        return f"{shown_url(url)} is not a URL", "a scheme is lower-case letters: sqlite, postgresql"
    if any(not each.isprintable() or each.isspace() or each == "\\" for each in url):
        return "a store's URL holds no spaces, line breaks or backslashes", "write them percent-encoded: %20, %5C"
    if secret := _credential(scheme, rest):
        return secret
    if scheme == SQLITE:
        return None
    if "#" in rest:
        return "a store's URL has no fragment", "remove # and what follows it, or write %23"
    try:
        hosts = hosts_of(url)
    except ValueError as error:
        return str(error), _POSTGRESQL_FORM if scheme == POSTGRESQL else "write scheme://host:port/path"
    return _postgresql_fault(url, hosts) if scheme == POSTGRESQL and rest.startswith("//") else None


def _credential(scheme: str, rest: str) -> Fault | None:
    """A password, a token or the like, at any place and in any encoding."""
    path = scheme == SQLITE and rest.startswith("///")
    authority = decoded(_authority(rest))
    plain = rest if path else decoded(rest)
    user, at, _ = (rest.partition("?")[0] if "@" not in authority else authority).rpartition("@")
    if (not path and at and ":" in user) or (path and password_in_path(rest)):
        return "a store's URL holds no password", _CREDENTIALS
    if not path and at and scheme in ("http", "https"):
        return "a store's URL holds no user or token", _CREDENTIALS
    if not path and (rest.count("@") > 1 or ("@" in rest and not at)):
        return "an @ in a store's URL stands behind the user alone", "write %40 for one that is part of something else"
    if name := secret_parameter(plain):
        return f"a store's URL holds no password and no other secret ({name})", _CREDENTIALS
    return None


def _authority(rest: str) -> str:
    return re.split(r"[/?#]", rest.removeprefix("//"), maxsplit=1)[0]


def hosts_of(url: str) -> tuple[Host, ...]:
    """Every host that a store's URL names, including folders of sockets; none for SQLite. Raises `ValueError` with a
    message.

    A PostgreSQL URL without a host uses that of the operator's environment. With ``hostaddr`` beside ``host``, both are
    returned: the first is connected to, the second is authenticated.
    """
    scheme, _, rest = url.partition(":")
    if scheme == SQLITE or not rest.startswith("//"):
        return ()
    authority = _authority(rest).rpartition("@")[2]
    named = [_host_and_port(each) for each in authority.split(",")] if authority else []
    if scheme != POSTGRESQL:
        if any(not name for name, _ in named):
            raise ValueError("a store's URL names an empty host")
        return tuple(_host(name, port) for name, port in named)
    given = dict(parameters(url))
    ports = [_port(each) for each in given.get("port", "").split(",")]
    if named and any(name for name, _ in named) and "host" in given:
        raise ValueError("a store's URL names its hosts once, in front of the path or as host=")
    if "port" in given and any(port is not None for _, port in named):
        raise ValueError("a store's URL names its ports once, behind the hosts or as port=")
    found: list[Host] = []
    for names in (given.get("host"), given.get("hostaddr")):
        if names is not None:
            found += _listed(names.split(","), ports or [port for _, port in named])
    if "host" not in given:
        found += _listed([name for name, _ in named], ports if "port" in given else [port for _, port in named])
    return tuple(found)


def _listed(names: list[str], ports: list[int | None]) -> Iterator[Host]:
    """Names with their ports: one port each, or one for all. An empty name among several would be a default:
    refused.
    """
    if len(ports) not in (0, 1, len(names)):
        raise ValueError("a store's URL has as many ports as hosts, or one for all")
    for number, name in enumerate(names):
        if name:
            yield _host(name, ports[number if len(ports) > 1 else 0] if ports else None)
        elif len(names) > 1:
            raise ValueError("a store's URL names an empty host among others")


def _host_and_port(text: str) -> tuple[str, int | None]:
    name, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return unquote(text), None
    if ":" in name and not (name.startswith("[") and name.endswith("]")):
        raise ValueError("an IPv6 address in a URL stands in brackets")
    return unquote(name), _port(port)


def _port(text: str) -> int | None:
    if not text:
        return None
    if not _PORT.match(text) or not 0 < int(text) < 65536:
        raise ValueError("a port in a store's URL is a number from 1 to 65535")
    return int(text)


def _host(name: str, port: int | None) -> Host:
    if name.startswith("/"):
        return Host(name, port, socket=True)
    host = canonical_host(name)
    if host is None:
        raise ValueError(
            "a store's URL names something that is no host: a name in ASCII (xn--… for others), an IPv4 address, "
            "an IPv6 address in brackets without a zone, or for PostgreSQL a socket's folder"
        )
    return Host(host, port)


def parameters(url: str) -> list[tuple[str, str]]:
    """A URL's parameters, decoded as libpq does. Raises `ValueError` for a duplicate."""
    _, _, query = url.partition("?")
    found: list[tuple[str, str]] = []
    for each in query.split("&") if query else []:
        name, _, value = (unquote(part) for part in each.partition("="))
        if name in dict(found):
            raise ValueError(f'the parameter "{name}" stands twice in a store\'s URL')
        found.append((name, value))
    return found


def _postgresql_fault(url: str, hosts: tuple[Host, ...]) -> Fault | None:
    given = dict(parameters(url))
    if "service" in given:
        return (
            "service= does not stand in a store's URL",
            "it may name any host; PGSERVICE, in the environment, is for whoever runs this",
        )
    if unknown := sorted(given.keys() - PARAMETERS):
        hint = f"there are {', '.join(sorted(PARAMETERS))}; all else belongs in the environment (PG…)"
        return f'the parameter "{unknown[0]}" does not stand in a store\'s URL', hint
    path = unquote(url.partition("?")[0].removeprefix(f"{POSTGRESQL}://").partition("/")[2])
    if _DATABASE.search(path):
        return "a store's URL names a database, without @, = and /", _POSTGRESQL_FORM
    mode = given.get("sslmode", VERIFY_FULL)
    if mode != VERIFY_FULL and not all(each.loopback for each in hosts):
        hint = f"leave it out, or write {VERIFY_FULL}; PGSSLMODE, in the environment, is for whoever runs this"
        return f"sslmode={mode} does not stand in a store's URL: TLS is sslmode={VERIFY_FULL}", hint
    return None
