"""Renders the records of the journal as text or data."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from reconciler.model.plans.commits import short_commit
from reconciler.model.values.counts import counted
from reconciler.model.values.plain_values import Body
from reconciler.report.values import clean, shown_pair

ACTIONS = {"create": ("+", "added"), "update": ("~", "changed"), "delete": ("-", "removed")}
LISTED = 20
"""Number of changes to list per record; JSON has all."""
SHORT = 10


class Recorded(Protocol):
    """A journal record from a store; ``changes`` are entries of a plan's ``resource_changes``."""

    @property
    def tenant(self) -> str: ...
    @property
    def plan(self) -> str: ...
    @property
    def at(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def commit(self) -> str | None: ...
    @property
    def changes(self) -> Sequence[Body]: ...
    @property
    def notes(self) -> Body: ...


def render_history(records: Iterable[Recorded], left_out: int = 0) -> str:
    """The records in the given order: time, tenant, user, commit, and changes.

    ``left_out``: the number of older records that were not asked for.
    """
    older = f"{counted(left_out, 'older entry', 'older entries')} left out.\n" if left_out else ""
    text = "\n".join("".join(f"{each}\n" for each in _record(record)) for record in records)
    if not text:
        return f"Nothing was applied in this time.\n{older}" if older else "Nothing was applied yet.\n"
    return f"{older}\n{text}" if older else text


def history_to_data(records: Iterable[Recorded]) -> list[dict[str, Any]]:
    """The ``entries`` of ``history --format json``: the records in the given order, with complete changes."""
    return [
        {
            "tenant": record.tenant,
            "at": record.at,
            "by": record.by,
            "commit": record.commit,
            "plan": record.plan,
            "changes": list(record.changes),
            **record.notes,
        }
        for record in records
    ]


def _record(record: Recorded) -> Iterator[str]:
    commit = f"commit {short_commit(record.commit)}" if record.commit else "no commit"
    plan = record.plan.removeprefix("sha256:")[:SHORT]
    yield clean(f"{record.at}  {record.tenant}  by {record.by}  {commit}  plan {plan}")
    yield f"  {_counts(record.changes)}"
    for change in record.changes[:LISTED]:
        yield from _change(change)
    if len(record.changes) > LISTED:
        yield f"  and {len(record.changes) - LISTED} more (listed with --format json)"
    yield from (clean(f"  {name}: {_note(value)}") for name, value in sorted(record.notes.items()))


def _counts(changes: Iterable[Body]) -> str:
    counts = Counter(_action(each) for each in changes)
    return ", ".join(f"{counts[action]} {done}" for action, (_, done) in ACTIONS.items() if counts[action]) or "nothing"


def _action(change: Body) -> str:
    return str(change["change"]["actions"][0])


def _change(change: Body) -> Iterator[str]:
    mark, _ = ACTIONS.get(_action(change), ("?", ""))
    yield clean(f"  {mark} {str(change['address']).partition('/')[2]}")
    yield from (f"      {_field(each)}" for each in change.get("fields", ()))


def _field(field: Mapping[str, Any]) -> str:
    before, after = shown_pair(field["before"], field["after"])
    return f"{clean(field['path'])}: {before} -> {after}"


def _note(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
