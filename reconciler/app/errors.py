"""What is raised where a workspace or a request is wrong."""

from collections.abc import Iterable

from reconciler.model.values.counts import counted
from reconciler.model.values.diagnostics import Diagnostic, sorted_problems


class Invalid(Exception):
    """The workspace, or documents that were given, are at fault: all that is wrong with them, in order."""

    def __init__(self, problems: Iterable[Diagnostic]) -> None:
        self.problems = sorted_problems(problems)
        super().__init__(counted(len(self.problems), "problem"))


class Unknown(Exception):
    """Something that was named does not exist; the message is for people."""
