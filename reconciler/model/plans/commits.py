"""The commit that a plan comes from, and how documents that differ from it are marked."""

from dataclasses import dataclass

DIRTY = "+dirty"
"""The suffix of a commit whose files differ from it."""


def short_commit(commit: str, digits: int = 10) -> str:
    """The first digits of a commit's id, with the suffix if files differ."""
    return commit[:digits] + (DIRTY if commit.endswith(DIRTY) else "")


@dataclass(frozen=True, slots=True)
class Source:
    """The source of the desired state: the commit (``None`` outside git, without a commit, and if git refuses), whether
    the documents differ from it, and a digest of every document that was read. ``base``: the revision that causes are
    relative to. ``author``, ``subject``, ``date`` (ISO 8601) are of the commit; empty if unknown.
    """

    commit: str | None
    base: str | None
    dirty: bool
    digest: str
    author: str = ""
    subject: str = ""
    date: str = ""

    @property
    def recorded(self) -> str | None:
        """The commit as journals and reports show it: ``<commit>+dirty`` if files differ from it."""
        return f"{self.commit}{DIRTY}" if self.commit and self.dirty else self.commit
