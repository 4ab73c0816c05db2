"""A cache of plans without changes, between runs: the same inputs give the same plan.

A plan depends on the documents, the base commit, the day of each provider (DATE-01), the options, the code, and the
states that were read; a state is identified by the fingerprint that its store keeps. Only plans without changes are
cached, so a plan to apply is always made anew. Entries are checked before use, and the cache is optional.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from reconciler.core.savedplan import Lists, PlanRefused, encode, lists_of, restore
from reconciler.model.documents.source import SourceFile
from reconciler.model.plans.plan import Plan
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.model.values.digests import CHECKSUM_BYTES, CONTENT_BYTES, checksum, content_digest
from reconciler.model.values.plain_values import timestamp
from reconciler.shell.connections.access import Access, StoreLocation
from reconciler.shell.days import day_in
from reconciler.shell.repository.checkout import Checkout, read_checkout
from reconciler.shell.repository.file_cache import cache_folder, is_ours, name_of, reader_version
from reconciler.stores.base import StoreError

_log = logging.getLogger(__name__)

FOLDER = "plans"
LARGEST = 64 * 1024 * 1024
"""Bytes; a larger plan is not cached, because reading it would cost as much as making it."""


@dataclass(frozen=True, slots=True)
class CacheLookup:
    """The result of a lookup: the cached plan, or else the files that were read, for making the plan."""

    plan: Plan | None
    files: tuple[list[SourceFile], list[Diagnostic]]
    checkout: Checkout
    recall: "PlanCache | None"

    def close(self) -> None:
        """End the git processes of the lookup."""
        if self.checkout.repository:
            self.checkout.repository.close()

    def keep(self, plan: Plan, access: Access, days: Mapping[str, str]) -> None:
        """Cache a plan that was made. ``days``: by time zone (`days_by_zone`)."""
        if self.recall and not self.checkout.problems:
            self.recall.keep(plan, access, days)


def look_for_plan(root: Path, access: Access, asked: Iterable[str], *, now: datetime) -> CacheLookup:
    """Look up the plan of the current files. ``asked``: the options that the plan depends on."""
    files, problems, checkout = read_checkout(root)
    files = _named(files)
    about = (checkout.commit or "", str(checkout.dirty), *asked)
    # If git fails, provenance is missing only because of that: do not cache the plan.
    recall = None if problems or checkout.problems else PlanCache.of(os.environ, root, files, about)
    plan = recall.find(access, now) if recall else None
    _log.debug("the plan is cached" if plan else "the plan is not cached")
    known = replace(plan, timestamp=timestamp(now)) if plan else None
    return CacheLookup(known, (files, problems), checkout, recall)


def _named(files: Iterable[SourceFile]) -> list[SourceFile]:
    """The files with the blob ids of their contents, which parsing needs as well."""
    return [file if file.name else SourceFile(file.path, file.data, name_of(file.data)) for file in files]


@dataclass(frozen=True, slots=True)
class PlanCache:
    """The cache file of a plan, and the key of everything that it depends on except states."""

    path: Path
    key: bytes

    @classmethod
    def of(
        cls, environment: Mapping[str, str], root: Path, files: Iterable[SourceFile], asked: Iterable[str]
    ) -> "PlanCache | None":
        """``asked``: everything else a plan depends on, as texts. ``None`` if there is no cache."""
        folder, version = cache_folder(environment), reader_version()
        if folder is None or version is None:
            return None
        asked = [str(root), *asked]
        # A path may contain bytes that are not text; `repr` escapes them.
        depends = (asked, *((file.path, file.name) for file in sorted(files, key=lambda file: file.path)))
        key = content_digest((repr(each).encode() for each in depends), key=version)
        return cls(folder / FOLDER / checksum(os.fsencode(root)).hex(), key)

    def find(self, access: Access, now: datetime) -> Plan | None:
        """The cached plan for this key, if its days still hold and no state that it read has changed."""
        content = self._content()
        if content is None:
            return None
        try:
            data = orjson.loads(content)
            if any(day_in(zone, now).isoformat() != day for zone, day in data["days"].items()):
                return None
            kept = [(StoreLocation(*place), stamp, states) for place, stamp, states in data["seen"]]
            now_seen = _states_as_kept(kept, access)
            if now_seen is None:
                return None
            if now_seen != data["seen"]:
                self._write({**data, "seen": now_seen})
            return restore(data["plan"].encode())
        except (PlanRefused, StoreError, KeyError, TypeError, ValueError):
            return None  # another user's, or its store has no fingerprints: make the plan

    def keep(self, plan: Plan, access: Access, days: Mapping[str, str]) -> None:
        """Cache a plan without changes. Errors are ignored: the cache is optional."""
        if plan.applyable or plan.errored:
            return
        encoded = _up_to(LARGEST, lists_of(plan)) and encode(plan)
        if not encoded or _tells_the_time(plan):
            return
        states: dict[StoreLocation, dict[str, str]] = {}
        for tenant, (place, fingerprint) in sorted(access.seen.items()):
            states.setdefault(place, {})[tenant] = fingerprint
        seen = [[[place.url, place.token_env], None, found] for place, found in states.items()]
        self._write({"days": dict(days), "seen": seen, "plan": encoded.decode()})

    def _write(self, data: Mapping[str, Any]) -> None:
        content = orjson.dumps(data)
        with suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_ours(self.path.parent) and is_ours(self.path):
                partial = self.path.with_name(f"{self.path.name}.{os.getpid()}")
                partial.write_bytes(self.key + checksum(content, key=self.key) + content)
                partial.replace(self.path)

    def _content(self) -> bytes | None:
        if not (is_ours(self.path.parent) and is_ours(self.path)):
            return None
        try:
            kept = self.path.read_bytes()
        except OSError:
            return None
        key, rest = kept[:CONTENT_BYTES], kept[CONTENT_BYTES:]
        check, content = rest[:CHECKSUM_BYTES], rest[CHECKSUM_BYTES:]
        return content if key == self.key and check == checksum(content, key=key) else None


def _up_to(most: int, lists: Lists) -> bool:
    """Whether the per-tenant lists take at most ``most`` bytes; stops counting beyond that."""
    return all((most := most - len(piece)) >= 0 for pieces in lists.values() for piece in pieces)


def _tells_the_time(plan: Plan) -> bool:
    """Whether the plan depends on the time within the day, as histories that would grow do."""
    deferred = (each for tenant in plan.tenants for each in tenant.deferred)
    return any("history" in (each.change.after or {}) for each in deferred)


def _states_as_kept(
    kept: Iterable[tuple[StoreLocation, list[int] | None, dict[str, str]]], access: Access
) -> list[object] | None:
    """What was seen of each store, with its stamp of now; ``None`` if any state that was read is another.

    ``kept``: of each store its settled stamp, and the fingerprints of its tenants. A store with the same stamp is not
    opened; another one is asked for fingerprints, after its stamp was taken: a write in between shows the next time.
    """
    seen: list[object] = []
    for place, stamp, states in kept:
        found = access.settled_stamp(place)
        now = None if found is None else list(found)
        if now is None or now != stamp:
            known = access.reader(place).state_versions(states)
            if any(tenant not in known or known[tenant].fingerprint != was for tenant, was in states.items()):
                return None
        seen.append([[place.url, place.token_env], now, states])
    return seen
