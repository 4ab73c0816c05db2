"""URLs as they may be shown: without user, password, query and fragment, any of which may be a credential.

Anything ambiguous is not shown: a misspelt URL has its password in unexpected places.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

HIDDEN = "***"
"""Replaces what is not shown."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[A-Za-z0-9._*-]*|%2[Ff](?:[\w.-]|%2[Ff])*)"
_HOSTS = re.compile(rf"{_HOST}(?::[0-9]{{1,5}})?(?:,{_HOST}(?::[0-9]{{1,5}})?)*")
_PATH = re.compile(r"[\w.~!$()*+,/-]*")
_SECRET = re.compile(
    r"passw|passphrase|pwd|secret|token|(?:api|access|account|private|sharedaccess)_?-?key|credential|signature|bearer|jwt"
    r"|^(?:pass|pw|key|auth|authorization|sig|sas|code)$",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"(?<![\w.%+-])([\w.%+-]++)\s*+=(?!=)")
_DECODINGS = 8
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}:(?=[/\\]|%2f|%5c)", re.IGNORECASE)
WORD = re.compile(r"\S+")
AT = re.compile(r"@|%40", re.IGNORECASE)
_AT_OR_EQUALS = re.compile(r"[@=]|%40", re.IGNORECASE)
_COLON = re.compile(r":|%3a", re.IGNORECASE)


def decoded(text: str) -> str:
    """The text without percent-encoding, however often it was encoded.

    >>> decoded("user%253Apw")
    'user:pw'
    """
    for _ in range(_DECODINGS):
        plain = unquote(text)
        if plain == text:
            break
        text = plain
    return text


def is_secret_name(name: str) -> bool:
    """Whether a parameter of this name holds a credential, judging by the name."""
    return bool(_SECRET.search(decoded(name)))


def secret_parameter(text: str) -> str | None:
    """The name of the first parameter (``name=…``) in a text that holds a credential."""
    return next((match[1] for match in _PARAMETER.finditer(decoded(text)) if is_secret_name(match[1])), None)


def shown_url(url: str) -> str:
    """A URL for messages, reports and logs: its scheme, hosts and path, as far as these are certain.

    >>> shown_url("postgresql://ann:pw@db.example:5432/tenants?sslmode=require#x")
    'postgresql://***@db.example:5432/tenants'
    >>> shown_url("https://ann:p?w@host/x"), shown_url("sqlite:///.reconcile/tenants.db")
    ('https://***', 'sqlite:///.reconcile/tenants.db')
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        return url if _PATH.fullmatch(url) else HIDDEN
    head = scheme[0] + ("//" if url.startswith("//", scheme.end()) else "")
    if head == "sqlite://" and url.startswith("/", len(head)):
        path = re.split(r"[?#]", url, maxsplit=1)[0]  # it has no user, unless it was written for another scheme
        return head + HIDDEN if password_in_path(path) else path
    before, rest = _split(url[len(head) :])
    if AT.search(rest):
        return head + HIDDEN
    _, at, place = before.rpartition("@")
    hosts, slash, path = place.partition("/")
    if not head.endswith("//") and (at or not _HOSTS.fullmatch(hosts)):
        return HIDDEN  # what looks like a scheme may be the user
    if not _HOSTS.fullmatch(hosts):
        return head + HIDDEN
    shown = _PATH.match(path)
    cut = shown[0] if shown else ""
    return f"{head}{HIDDEN + at if at else ''}{hosts}{slash}{cut}{'…' if cut != path else ''}"


_PASSWORD_IN_PATH = re.compile(r"/[^/@]*:[^/]*@")


def password_in_path(path: str) -> bool:
    """Whether a part of a path looks like ``user:password@host``, in any encoding.

    >>> password_in_path("/ann:pw@host/t.db"), password_in_path("/C:/srv/a@b/t.db")
    (True, False)
    """
    return bool(_PASSWORD_IN_PATH.search(decoded(path)))


def _split(text: str) -> tuple[str, str]:
    """The text before a query, fragment or parameters, and those."""
    match = re.search(r"[?#;]", text)
    return (text[: match.start()], text[match.start() :]) if match else (text, "")


def redacted(text: str) -> str:
    """A message with every URL replaced by `shown_url`. A URL in quotes ends at the last such quote.

    >>> redacted('"https://ann:my pw@host/x?token=1" is no key')
    '"https://***@host/x" is no key'
    """
    pieces, at = [], 0
    while (found := _begins(text, at)) is not None:
        start, is_url = found
        end = _end(text, start)
        bare = text[start:end].rstrip(":,.")
        pieces += [text[at:start], shown_url(bare) if is_url else HIDDEN]
        at = start + len(bare)
    return "".join([*pieces, text[at:]])


_OURS = "RECONCILE_"
_NOT_SECRET = frozenset({"ALLOWED_HOSTS", "CACHE", "USER", "WORKSPACE"})
_CREDENTIAL = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|(?:API|ACCESS|PRIVATE)_?KEY", re.IGNORECASE)
"""For names of variables; `_SECRET` is for parameters, and includes `PWD`, which is the working directory here."""
_SHORT = 6
"""A shorter value may be part of any word."""


def without_values(text: str, environment: Mapping[str, str]) -> str:
    """A text without the values of variables that hold a credential: documents may name any ``RECONCILE_…``.

    >>> without_values("no token-7", {"RECONCILE_ONE": "token-7", "PGPASSWORD": "x y z", "HOME": "/"})
    'no ***'
    """
    values = {value for name, value in environment.items() if len(value) >= _SHORT and _holds_a_credential(name)}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def _holds_a_credential(name: str) -> bool:
    ours = name.startswith(_OURS) and name.removeprefix(_OURS) not in _NOT_SECRET
    return ours or bool(_CREDENTIAL.search(name))


def _begins(text: str, at: int) -> tuple[int, bool] | None:
    """Where the next URL, or anything else that may hold a credential, begins; and whether it is a URL."""
    url = URL.search(text, at)
    other = first_credential(text, at, url.start() if url else None)
    if other is not None:
        return other, False
    return (url.start(), True) if url else None


def first_credential(text: str, at: int = 0, before: int | None = None) -> int | None:
    """The first ``user:password@``, or parameter with a credential, from ``at`` on, that begins before ``before``."""
    if not _AT_OR_EQUALS.search(text, at, len(text) if before is None else _end_of_word(text, before)):
        return None
    for word in WORD.finditer(text, at):
        if before is not None and word.start() >= before:
            break
        start = _credential_in(word[0])
        if start is not None and (before is None or word.start() + start < before):
            return word.start() + start
    return None


def _end_of_word(text: str, at: int) -> int:
    word = WORD.match(text, at)
    return word.end() if word else at


def _credential_in(word: str) -> int | None:
    """Where a credential begins in a word."""
    if not _AT_OR_EQUALS.search(word):
        return None
    if (sign := _last(AT, word)) is not None and _COLON.search(word, 0, sign) and HIDDEN not in word:
        return 1 if word[0] in "\"'" else 0
    return next((each.start() for each in _PARAMETER.finditer(word) if is_secret_name(each[1])), None)


def _last(pattern: re.Pattern[str], text: str) -> int | None:
    found = [match.start() for match in pattern.finditer(text)]
    return found[-1] if found else None


def _end(text: str, start: int) -> int:
    """Where the URL or word at ``start`` ends: at the last quote of the kind before it, else at the end of the word."""
    before = text[start - 1 : start]
    if before in ('"', "'") and (closing := text.rfind(before)) > start:
        return closing
    return _end_of_word(text, start)
