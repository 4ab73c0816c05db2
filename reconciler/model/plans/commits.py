"""Which commit a plan comes from, and how that is said where documents differ from it."""

from dataclasses import dataclass

DIRTY = "+dirty"
"""Behind the commit of what is not, byte for byte, what that commit holds."""


def short_commit(commit: str, digits: int = 10) -> str:
    """The first digits of a commit's id, and whether what was planned is what it holds."""
    return commit[:digits] + (DIRTY if commit.endswith(DIRTY) else "")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the desired state comes from: the commit (``None`` outside git, without a commit, and where git refuses),
    whether the documents differ from it, and a digest of every document that was read. ``base`` is the revision that
    causes are told from."""

    commit: str | None
    base: str | None
    dirty: bool
    digest: str

    @property
    def recorded(self) -> str | None:
        """The commit as journals and reports say it: ``<commit>+dirty`` where what is planned is not what it holds."""
        return f"{self.commit}{DIRTY}" if self.commit and self.dirty else self.commit
