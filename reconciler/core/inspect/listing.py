"""The plans that can be delegated, and to whom each is delegated: searched, filtered and sorted (AP-15)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from reconciler.core.desired import Upstream, delegated_list
from reconciler.core.inspect.explaining import misnamed
from reconciler.core.schema import fields_of
from reconciler.model.documents.catalog import ACTIVE
from reconciler.model.documents.settings import Policy
from reconciler.model.values.amounts import AMOUNT
from reconciler.model.values.entity import Entity
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.plain_values import Value, get, parse_path


@dataclass(frozen=True, slots=True)
class ListedPlan:
    """A plan of a delegator: whether it can be delegated, and the tenants whose lists contain it."""

    upstream: str
    plan: Entity
    delegated_to: tuple[str, ...]

    @property
    def delegable(self) -> bool:
        """AP-04: only an active plan can be delegated."""
        return bool(self.plan.body.get("status", ACTIVE) == ACTIVE)

    def value(self, field: str) -> Value:
        """A field by its path; also ``key``, ``upstream`` and ``delegated_to``."""
        match field:
            case "key":
                return self.plan.id.key
            case "upstream":
                return self.upstream
            case "delegated_to":
                return list(self.delegated_to)
            case _:
                return get(self.plan.body, parse_path(field))


OURS = ("key", "upstream", "delegated_to")
"""The columns of a listed plan besides its fields."""


def known_field(field: str) -> str:
    """The field itself. Raises ``ValueError`` for a field that no plan has, so that a typo does not match nothing."""
    shapes = fields_of("Plan")
    path = parse_path(field)
    if field not in OURS and (wrong := misnamed(shapes, path)):
        named = {*OURS, *(each.name for each in shapes)}
        raise ValueError(f'no plan has a field "{field}": {did_you_mean(field, named)}' if len(path) == 1 else wrong)
    return field


def list_plans(upstreams: Mapping[str, Upstream], policies: Iterable[Policy]) -> Iterator[ListedPlan]:
    """Every plan of every delegator, by upstream and key."""
    listed: dict[tuple[str, str], list[str]] = {}
    for policy in policies:
        for key in delegated_list(policy, upstreams[policy.upstream]):
            listed.setdefault((policy.upstream, key), []).append(policy.reseller)
    for name, upstream in sorted(upstreams.items()):
        for id, entity in sorted(upstream.state.items()):
            if id.kind == "Plan":
                yield ListedPlan(name, entity, tuple(sorted(listed.get((name, id.key), ()))))


def matching(
    plans: Iterable[ListedPlan], search: str | None, filters: Iterable[tuple[str, str]]
) -> Iterator[ListedPlan]:
    """The plans whose key or name contains ``search`` and whose fields have the values (a set must contain the
    value).
    """
    wanted = tuple((known_field(name), value) for name, value in filters)
    for plan in plans:
        text = f"{plan.plan.id.key} {plan.plan.body.get('name', '')}".lower()
        if (not search or search.lower() in text) and all(_has(plan.value(name), value) for name, value in wanted):
            yield plan


def _has(value: Value, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == ("true" if value else "false")
    if isinstance(value, list):
        return wanted in value
    if value is None:
        return False
    text = str(value)
    return text == wanted or (bool(AMOUNT.match(text) and AMOUNT.match(wanted)) and Decimal(text) == Decimal(wanted))


def ordered(plans: Iterable[ListedPlan], field: str) -> list[ListedPlan]:
    """Sorted by a field (numbers by value, before text, absent ones last), then by upstream and key."""
    known_field(field)
    return sorted(plans, key=lambda plan: (_rank(plan.value(field)), plan.upstream, plan.plan.id.key))


def _rank(value: Value) -> tuple[int, Decimal, str]:
    if value is None:
        return (2, Decimal(0), "")
    text = str(value)
    return (0, Decimal(text), "") if AMOUNT.match(text) else (1, Decimal(0), text)
