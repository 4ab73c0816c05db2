"""Random trees of resellers: up to thirty tenants at up to four levels below a provider, with all that makes it hard.

Price lists at every level, guards, vetoes, renames, dated amounts, own plans. All is drawn from one seed, with small
pools, so that keys meet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from reconciler.model.documents.options import GUARDS, OPTIONS
from tests.laws.forest_catalogs import KEYS, PRICE_LISTS, PROVIDER, SEGMENTS, Document, catalog
from tests.laws.forest_states import states

LEVELS, TENANTS = 4, 30
GUARDS_OFF: Document = dict.fromkeys(GUARDS, False)


@dataclass(frozen=True)
class Forest:
    """What was drawn: the provider's tree of documents, and each reseller's state. ``upstream``: by reseller."""

    catalog: tuple[Document, ...]
    states: dict[str, tuple[Document, ...]]
    upstream: dict[str, str]

    def policies(self) -> dict[str, Document]:
        """By reseller."""
        return {each["reseller"]: each for each in self.catalog if each["kind"] == "SyncPolicy"}

    def above(self, tenant: str) -> list[str]:
        """The resellers above one, nearest first."""
        found = []
        while (tenant := self.upstream[tenant]) != PROVIDER:
            found.append(tenant)
        return found


def forest(seed: int) -> Forest:
    """The tree of a seed."""
    chance = Random(seed)
    upstream = _tree(chance)
    own = {tenant: chance.random() < 0.4 for tenant in upstream}
    documents = catalog(chance)
    plans = [each["key"] for each in documents if each["kind"] == "Plan"]
    policies = [_policy(chance, tenant, above, _offered(upstream, above, plans)) for tenant, above in upstream.items()]
    drawn = states(chance, documents, upstream, own)
    return Forest((*documents, *policies), {tenant: tuple(each) for tenant, each in drawn.items()}, upstream)


def _tree(chance: Random) -> dict[str, str]:
    depth = {PROVIDER: 0}
    upstream: dict[str, str] = {}
    for number in range(chance.randint(3, TENANTS)):
        above = chance.choice([key for key, level in depth.items() if level < LEVELS])
        tenant = f"tenant-{number:02}"
        upstream[tenant], depth[tenant] = above, depth[above] + 1
    return upstream


def _policy(chance: Random, tenant: str, above: str, plans: Sequence[str]) -> Document:
    document: Document = {
        "kind": "SyncPolicy",
        "reseller": tenant,
        "upstream": above,
        "options": _options(chance),
        "veto": {"categories": chance.random() < 0.2, "prices": chance.random() < 0.2},
        "guards": _guards(chance),
        "adopt": chance.random() < 0.2,
        "delegate": {"plans": _list(chance, plans)},
    }
    if chance.random() < 0.5:
        document["price_list"] = chance.choice(PRICE_LISTS)
    return document | ({"service_template": "gold"} if chance.random() < 0.5 else {})


def _options(chance: Random) -> Document:
    on = 1.0 if chance.random() < 0.5 else chance.random()
    groups: Document = {}
    for option in OPTIONS.values():
        groups.setdefault(option.group, {})[option.name] = chance.random() < on
    return groups


def _guards(chance: Random) -> Document:
    """Half of the policies have none, so that things come down; others have the defaults, or one that trips easily."""
    alone: tuple[Document, ...] = (
        {"max_price_change": "20%"},
        {"max_changes": chance.randint(0, 3)},
        {"max_deletes": "0%"},
        {"price_to_zero": True},
        {"currency_change": True},
    )
    one = GUARDS_OFF | chance.choice(alone)
    return chance.choice((GUARDS_OFF, GUARDS_OFF, GUARDS_OFF, {}, one, one))


def _offered(upstream: Mapping[str, str], above: str, plans: Sequence[str]) -> Sequence[str]:
    """What a delegated list may name: of a provider, the plans that there are; of a reseller, whatever it may have."""
    if above == PROVIDER:
        return plans
    own = [f"own-{above}"]
    while (above := upstream[above]) != PROVIDER:
        own.append(f"own-{above}")
    return (*KEYS["Plan"], *own)


def _list(chance: Random, plans: Sequence[str]) -> Document:
    if chance.random() < 0.3:
        return {"match": {"segment": chance.choice(SEGMENTS)}}
    named = sorted(chance.sample(plans, min(len(plans), chance.randint(1, 6))))
    return {"include": named} | ({"match": {"segment": "smb"}} if chance.random() < 0.5 else {})
