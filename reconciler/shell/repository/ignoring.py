"""The files of a workspace that its `ignore:` leaves out: patterns as ``.gitignore`` has them (decision 090)."""

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.reading import read_file
from reconciler.model.documents.source import SourceFile
from reconciler.shell.repository.files import read_bounded
from reconciler.shell.repository.finding import WORKSPACE_FILE

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class Ignore:
    """Decides which paths the patterns leave out. ``folder``: the one that paths are relative to, in the workspace.

    As in git, everything below an ignored folder is ignored, whatever later patterns say.
    """

    patterns: tuple[str, ...] = ()
    folder: str = ""
    _known: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def file(self, name: str) -> bool:
        """Whether a file, or a link, is ignored. The file with the patterns never is."""
        if not self.patterns:
            return False
        path = self.folder + name
        return path != WORKSPACE_FILE and (self._is_below_ignored(path) or self._matches(path))

    def directory(self, name: str) -> bool:
        """Whether a folder is ignored."""
        return bool(self.patterns) and self._is_below_ignored(f"{self.folder}{name}/")

    def below(self, folder: str) -> "Ignore":
        """The same patterns, for paths relative to a folder: those of a submodule."""
        return replace(self, folder=f"{self.folder}{folder}/")

    def _is_below_ignored(self, path: str) -> bool:
        """Iterative, because folders may be nested deeper than the recursion limit."""
        asked = []
        ignored = False
        end = path.rfind("/")
        while end > 0 and not ignored:
            folder = path[: end + 1]
            if (known := self._known.get(folder)) is not None:
                ignored = known
                break
            asked.append(folder)
            end = path.rfind("/", 0, end)
        for folder in reversed(asked):
            ignored = self._known[folder] = ignored or self._matches(folder)
        return ignored

    def _matches(self, path: str) -> bool:
        return bool(_spec(self.patterns).check_file(path).include)


@cache
def _spec(patterns: tuple[str, ...]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)


def ignore_in(data: bytes) -> Ignore:
    """What a ``reconcile.yaml`` says. One that cannot be read ignores nothing; reading its documents reports why."""
    for document in read_file(SourceFile(WORKSPACE_FILE, data)).documents:
        if document.kind == "Workspace":
            return Ignore(tuple(document.entity.body.get("ignore", ())))
    return Ignore()


def ignore_of(root: Path) -> Ignore:
    """What the file of a workspace on disk says."""
    try:
        return ignore_in(read_bounded(root / WORKSPACE_FILE))
    except OSError:
        return Ignore()
