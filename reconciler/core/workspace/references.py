"""Checks references: every document that is referenced must exist. The models declare references (`Ref`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.reading import Reading, Suggestions
from reconciler.core.schema import FieldShape, located_in, referencing_fields
from reconciler.core.workspace.arrange import Tree, not_checked, words
from reconciler.model.documents.kinds import SYNC_POLICY, WORKSPACE_KINDS
from reconciler.model.documents.policy import ServiceTemplate, SyncPolicy
from reconciler.model.documents.source import SourceDocument
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.model.values.keys import EntityId

_NONE: Mapping[str, Reading] = {}


def missing(tree: Tree) -> Iterator[Diagnostic]:
    """Problems for references within a provider's tree to missing documents.

    Plans from a reseller are not checked: what the reseller has is not known here (AP-05). A document that may be in an
    unreadable text is not reported as missing.
    """
    wanting = [reading for reading in tree.readings if not _is_satisfied(reading, tree)]
    suggestions = Suggestions()
    exempt = _choosing_from_resellers(tree) if wanting else set()
    unsure = {each.id for each in tree.of(SYNC_POLICY) if "upstream" not in each.entity.body} if wanting else set()
    for document in (document for reading in wanting for document in reading.documents):
        body = document.entity.body
        for path, field, key in located_in(body, referencing_fields(WORKSPACE_KINDS[document.kind])):
            target = _target(field, key)
            if (target.kind == "Plan" and document.id in exempt - unsure) or tree.has(*target):
                continue
            hidden = document.place if target.kind == "Plan" and document.id in unsure else None
            if hidden := hidden or tree.may_hide(*target):
                yield not_checked(hidden)
            else:
                near = suggestions.near(key, tree.keys(target.kind))
                yield _diagnostic(document, path, field, target, near)


def _is_satisfied(reading: Reading, tree: Tree) -> bool:
    """Whether everything that a file's documents reference exists: then its documents need not be read."""
    return all(tree.shelves.get(kind, _NONE).keys() >= set(keys) for kind, keys in reading.extract.needs.items())


def _target(field: FieldShape, key: str) -> EntityId:
    assert field.ref is not None, "only referencing fields are walked"
    return EntityId(field.ref.kind, key)


def _diagnostic(
    document: SourceDocument, path: tuple[Any, ...], field: FieldShape, target: EntityId, hint: str
) -> Diagnostic:
    rule = ""
    if field.required:
        rule = " (AP-01)"
    elif target.kind == "Plan" and document.kind in (SyncPolicy.__name__, ServiceTemplate.__name__):
        rule = " (AP-05)"
    names = f'{words(document.kind)} "{document.key}" names {words(target.kind)} "{target.key}"'
    by_key = path[-1] == target.key
    return Diagnostic(
        document.place_of(path, key=by_key),
        "missing-reference",
        f"{names}, which does not exist{rule}",
        hint,
        wanted=(target,),
    )


def _choosing_from_resellers(tree: Tree) -> set[EntityId]:
    """The policies whose upstream is not the provider, and the templates that only such policies use."""
    above: set[str] = set()
    below: set[str] = set()
    exempt: set[EntityId] = set()
    models = {each.key: each.model for each in tree.of(ServiceTemplate.__name__)}
    templates = {key: model for key, model in models.items() if isinstance(model, ServiceTemplate)}
    for document in tree.of(SYNC_POLICY):
        assert isinstance(document.model, SyncPolicy)
        direct = document.model.upstream == tree.head.key
        used = _with_extended(document.model.service_template, templates)
        (above if direct else below).update(used)
        if not direct:
            exempt.add(document.id)
    return exempt | {EntityId(ServiceTemplate.__name__, key) for key in below - above}


def _with_extended(key: str | None, templates: dict[str, ServiceTemplate]) -> set[str]:
    used: set[str] = set()
    while key in templates and key not in used:
        used.add(key)
        key = templates[key].extends
    return used
