"""A plan as data and as bytes: what ``--out`` writes, ``show`` renders and ``apply`` reads back.

The data is Terraform's plan representation with additional keys, so that tools for that format can read it. A saved
plan will be applied, so it is read strictly: a changed byte, an unknown key or a later format is refused, never
skipped.
"""

import json
from collections.abc import Iterator
from typing import Any

import orjson

from reconciler.core.savedplan.canonical_reader import SavedText, read_canonical
from reconciler.core.savedplan.check import reason_to_refuse, short_quote
from reconciler.core.savedplan.plan_data import (
    Data,
    digest_of_data,
    dump,
    head_to_data,
    lists_of,
    plan_chunks,
    plan_digest,
    plan_from_data,
)
from reconciler.core.savedplan.plan_schema import schema_violation
from reconciler.core.savedplan.spool import Spool
from reconciler.model.plans.plan import FORMAT_VERSION, Plan


class PlanRefused(Exception):
    """A saved plan that will not be read; the message is for people."""


def encode(plan: Plan) -> bytes:
    """The saved form of a plan: JSON on one line, keys sorted, with a ``digest`` of all the rest."""
    return b"".join(encoded(plan))


def encoded(plan: Plan) -> Iterator[bytes]:
    """The same in pieces, with at most one tenant's in memory."""
    yield from plan_chunks({**head_to_data(plan), "digest": plan_digest(plan)}, lists_of(plan))
    yield b"\n"


def decode(saved: SavedText, spool: Spool | None = None) -> Plan:
    """The inverse of `encode`, for a file that anybody may have written.

    ``spool``: where a large plan is kept, so that one tenant at a time is in memory; without it, all tenants are.
    Raises `PlanRefused` for anything that `encode` did not write, and for a plan whose parts contradict each other
    (`check`), whatever its digest.
    """
    if plan := read_canonical(saved, Spool(lambda: None) if spool is None else spool):
        return plan
    plan = parsed(saved[0 : len(saved)])
    if why := reason_to_refuse(plan):
        raise PlanRefused(f"the saved plan contradicts itself; plan again: {why}")
    return plan


def parsed(saved: bytes) -> Plan:
    """A saved plan, checked by its form and its digest only. Raises `PlanRefused`."""
    data = _loaded(saved)
    _check_version(data["format_version"], data)
    if data.get("digest") != _digest_of_file(data):
        raise PlanRefused("the saved plan was altered after it was made: its digest does not match; plan again")
    if violation := schema_violation(data):
        raise PlanRefused(f"this is not a saved plan of this reconciler: {short_quote(violation)}")
    if twice := _key_that_stands_twice(saved, data):
        raise PlanRefused(f"this is not a saved plan of this reconciler: the key {short_quote(twice)} stands twice")
    try:
        plan = plan_from_data(data)
    except ValueError as error:
        raise PlanRefused(f"this is not a saved plan of this reconciler: {short_quote(str(error))}") from error
    if plan_digest(plan) != data["digest"]:
        raise PlanRefused("the saved plan contradicts itself; plan again")
    return plan


def _digest_of_file(data: Data) -> str:
    try:
        return digest_of_data(data)
    except orjson.JSONEncodeError as error:  # it was read, so it can only be too deep
        raise PlanRefused("this is not a saved plan of this reconciler: it is nested too deeply") from error


def _key_that_stands_twice(saved: bytes, data: Data) -> str | None:
    """A duplicate key in an object of the text: JSON readers disagree on which value counts.

    The canonical form has none, so keys are only checked in a text that is not in canonical form.
    """
    if saved.rstrip() == dump(data):
        return None
    try:
        json.loads(saved, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except _Twice as found:
        return json.dumps(str(found))
    except RecursionError as error:
        raise PlanRefused("this is not a saved plan of this reconciler: it is nested too deeply") from error
    return None


class _Twice(Exception):
    """A duplicate key."""


def _once(pairs: list[tuple[str, Any]]) -> Data:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return found


def restore(kept: bytes) -> Plan:
    """A plan that this reconciler encoded and cached: its digest is checked, its form is not. Raises `PlanRefused`."""
    data = _loaded(kept)
    if data.get("digest") != digest_of_data(data):
        raise PlanRefused("the plan that was kept is damaged")
    return plan_from_data(data)


def _loaded(saved: bytes) -> Data:
    try:
        data = orjson.loads(saved)
    except orjson.JSONDecodeError as error:
        raise PlanRefused(f"this is not a saved plan: it is not JSON ({error})") from error
    if not isinstance(data, dict) or "format_version" not in data or "reconciler_version" not in data:
        raise PlanRefused("this is not a saved plan: it has no format_version and reconciler_version")
    return data


def _check_version(version: object, data: Data) -> None:
    """Refuses any format version but ours: additions and changes of other versions could not be checked."""
    if version != FORMAT_VERSION:
        made_by = data["reconciler_version"]
        raise PlanRefused(
            f"the saved plan has format {version}, made by reconciler {made_by}; this one reads {FORMAT_VERSION}"
        )
