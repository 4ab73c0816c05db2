"""The names in a workspace, for completion: found by a look at its files, without reading them as documents."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.model.values.keys import KEY, EntityId
from reconciler.shell.repository.files import read_bounded
from reconciler.shell.repository.finding import SUFFIXES

_SEPARATOR = re.compile(rb"^---(?:\s|$)", re.MULTILINE)
_HEAD = re.compile(rb"^(kind|key|reseller):[ \t]*[\"']?([A-Za-z0-9][A-Za-z0-9_.-]*)", re.MULTILINE)
PROVIDER, POLICY = "Provider", "SyncPolicy"
_CONTENTS = frozenset({"kind", "key"})


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document: its kind and key, the folder of its file, and its text."""

    id: EntityId
    folder: PurePosixPath
    text: bytes


@dataclass(frozen=True, slots=True)
class FoundDocuments:
    """The documents of a workspace that have a kind and a key at the beginning of a line."""

    documents: tuple[FoundDocument, ...]

    def tenants(self) -> list[str]:
        """Providers and resellers."""
        return sorted({each.id.key for each in self.documents if each.id.kind in (PROVIDER, POLICY)})

    def of_tenant(self, tenant: str) -> Iterator[FoundDocument]:
        """The documents of the provider whose folder the tenant's own document is in."""
        at = [each.folder for each in self.documents if each.id in ((POLICY, tenant), (PROVIDER, tenant))]
        folders = {each.folder for each in self.documents if each.id.kind == PROVIDER}
        roots = {folder for folder in folders for each in at if each.is_relative_to(folder)}
        return (each for each in self.documents if any(each.folder.is_relative_to(root) for root in roots))


def found_documents(root: Path) -> FoundDocuments:
    """The documents in the files of a workspace. Files that cannot be read are left out."""
    found: list[FoundDocument] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                place = PurePosixPath(Path(folder).relative_to(root).as_posix())
                found += _in_file(Path(folder) / name, place)
    return FoundDocuments(tuple(found))


def _in_file(file: Path, folder: PurePosixPath) -> Iterator[FoundDocument]:
    try:
        data = read_bounded(file)
    except OSError:  # nothing to offer from it; `validate` reports it
        return
    for text in _SEPARATOR.split(data):
        head = {name.decode(): value.decode() for name, value in reversed(_HEAD.findall(text))}
        kind = head.get("kind", "")
        key = head.get("reseller" if kind == POLICY else "key", "")
        if KEY.match(key):
            yield FoundDocument(EntityId(kind, key), folder, text)


def addresses(documents: FoundDocuments, tenant: str, kinds: Collection[str]) -> list[str]:
    """The addresses of what may come down to a tenant: its provider's documents of these kinds, and its settings."""
    found = {str(each.id) for each in documents.of_tenant(tenant) if each.id.kind in kinds}
    return sorted({*found, str(EntityId("Tenant", tenant))} if found else ())


def field_paths(documents: FoundDocuments, tenant: str, address: str) -> list[str]:
    """The paths of the fields of a document, those of maps included. This alone needs the reader of YAML."""
    from reconciler.core.reading import parse
    from reconciler.model.values.plain_values import render_path

    text = next((each.text for each in documents.of_tenant(tenant) if str(each.id) == address), b"")
    found, _ = parse(text, "")
    return sorted(render_path(path) for each in found for path in _paths(each.value, ()) if path[0] not in _CONTENTS)


def _paths(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
