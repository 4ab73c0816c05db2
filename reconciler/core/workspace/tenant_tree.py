"""Checks the tree of tenants: every upstream exists in the same provider's tree, and there are no cycles.

It reads bodies, which are in memory; a place or a model requires parsing the policy's text, and there is one per
tenant.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.reading import Suggestions
from reconciler.core.workspace.arrange import Tree, not_checked, words
from reconciler.model.documents.kinds import PROVIDER, SYNC_POLICY
from reconciler.model.documents.policy import PriceList, ServiceTemplate
from reconciler.model.documents.source import SourceDocument
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.model.values.keys import EntityId


def tenant_problems(trees: Sequence[Tree]) -> Iterator[Diagnostic]:
    """Problems with upstreams, with templates that extend each other, and with currencies."""
    suggestions = Suggestions()
    for tree in trees:
        policies = _by_key(tree.of(SYNC_POLICY))
        templates = _by_key(tree.of(ServiceTemplate.__name__))
        yield from (problem for each in policies.values() for problem in _upstream(each, tree, trees, suggestions))
        yield from _circles(policies, "upstream", "is its own upstream")
        yield from _circles(templates, "extends", "extends itself")
        yield from _currencies(tree, policies)


def _by_key(documents: Iterable[SourceDocument]) -> dict[str, SourceDocument]:
    return {document.key: document for document in documents}


def _upstream(
    policy: SourceDocument, tree: Tree, trees: Sequence[Tree], suggestions: Suggestions
) -> Iterator[Diagnostic]:
    upstream = policy.entity.body.get("upstream")
    if upstream is None or _is_tenant(upstream, tree):
        return
    place = policy.place_of(("upstream",))
    elsewhere = next((other for other in trees if _is_tenant(upstream, other)), None)
    if elsewhere:
        summary = f'the upstream "{upstream}" of "{policy.key}" is in the tree of provider "{elsewhere.head.key}"'
        hint = "a policy stands in the folder of the provider that its upstream belongs to"
        yield Diagnostic(place, "foreign-upstream", summary, hint, _places(upstream, elsewhere))
        return
    if hidden := next(_hidden(upstream, trees), None):
        yield not_checked(hidden)
        return
    summary = f'the upstream "{upstream}" of "{policy.key}" does not exist'
    known = (key for other in trees for kind in (PROVIDER, SYNC_POLICY) for key in other.keys(kind))
    hint = suggestions.near(upstream, (key for key in known if key != policy.key))
    wanted = (EntityId(PROVIDER, upstream), EntityId(SYNC_POLICY, upstream))
    yield Diagnostic(place, "unknown-tenant", summary, hint, wanted=wanted)


def _places(tenant: str, tree: Tree) -> tuple[Place, ...]:
    """The places of a tenant's own documents in a tree."""
    found = (head.place for head in tree.heads() if head.kind in (PROVIDER, SYNC_POLICY) and head.key == tenant)
    return tuple(found)[:1]


def _hidden(tenant: str, trees: Iterable[Tree]) -> Iterator[Place]:
    """The unread files that may hold a tenant."""
    for kind in (PROVIDER, SYNC_POLICY):
        yield from filter(None, (tree.may_hide(kind, tenant) for tree in trees))


def _is_tenant(key: str, tree: Tree) -> bool:
    return tree.has(PROVIDER, key) or tree.has(SYNC_POLICY, key)


def _circles(documents: Mapping[str, SourceDocument], field: str, itself: str) -> Iterator[Diagnostic]:
    """A problem for each cycle, at its first document, with the places of the others."""
    edges = {key: document.entity.body.get(field) for key, document in documents.items()}
    for circle in circles(edges):
        first, *others = (documents[key] for key in circle)
        what = f'{words(first.kind)} "{first.key}"'
        summary = f"{what} {itself}"
        if others:
            summary += f", by way of {', '.join(other.key for other in others)}"
        also = tuple(other.place_of((field,)) for other in others)
        yield Diagnostic(first.place_of((field,)), "cycle", summary, f"change one `{field}`", also)


def circles(edges: Mapping[str, str | None]) -> list[tuple[str, ...]]:
    """The cycles of a graph in which each node has at most one successor, each cycle from its least node on.

    >>> circles({"a": "a", "b": "d", "c": "b", "d": "c", "e": "b", "f": None})
    [('a',), ('b', 'd', 'c')]
    """
    found: set[tuple[str, ...]] = set()
    done: set[str] = set()
    for start in sorted(edges):
        walk: list[str] = []
        key: str | None = start
        while key is not None and key in edges and key not in done:
            done.add(key)
            walk.append(key)
            key = edges[key]
        if key in walk:
            circle = walk[walk.index(key) :]
            least = circle.index(min(circle))
            found.add((*circle[least:], *circle[:least]))
    return sorted(found)


def _currencies(tree: Tree, policies: Mapping[str, SourceDocument]) -> Iterator[Diagnostic]:
    if tree.provider is None:
        return
    own = tree.provider.entity.body.get("currency")
    if own is None:
        given = (each for kind in (PriceList.__name__, SYNC_POLICY) for each in tree.of(kind))
        yield from (not_checked(tree.head.place) for each in given if each.entity.body.get("currency"))
        return
    assert isinstance(own, str)
    currencies = _currencies_of(policies, own)
    for document in tree.of(PriceList.__name__):
        yield from _currency(document, document.entity.body.get("currency"), own, tree.head.key)
    for document in tree.of(SYNC_POLICY):
        body = document.entity.body
        upstream = body.get("upstream")
        if upstream is not None and _is_tenant(upstream, tree):
            yield from _currency(document, body.get("currency"), currencies.get(upstream, own), upstream)


def _currencies_of(policies: Mapping[str, SourceDocument], provider: str) -> dict[str, str]:
    """Every reseller's currency: its own, or that of the nearest upstream that sets one."""
    bodies = {key: document.entity.body for key, document in policies.items()}
    known = {key: body["currency"] for key, body in bodies.items() if body.get("currency") is not None}
    for start in bodies:
        walk: dict[str, None] = {}
        key = start
        while key in bodies and key not in known and key not in walk:
            walk[key] = None
            key = bodies[key].get("upstream", "")
        known |= dict.fromkeys(walk, known.get(key, provider))
    return known


def _currency(document: SourceDocument, given: str | None, wanted: str, upstream: str) -> Iterator[Diagnostic]:
    if given not in (None, wanted):
        summary = (
            f'the currency of {words(document.kind)} "{document.key}" is {given}, that of "{upstream}" is {wanted}'
        )
        hint = f"write {wanted}, or leave it out"
        yield Diagnostic(document.place_of(("currency",)), "bad-currency", summary, hint)
