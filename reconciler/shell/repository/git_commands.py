"""Runs git through GitPython's command wrapper: local objects only, no writes, no network, git's own messages.

Never fetches, checks out or writes to a repository; user configuration never changes the output.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.model.values.urls import redacted, without_values
from reconciler.shell.repository.files import MOST_OF_DOCUMENTS
from reconciler.shell.repository.finding import WorkspaceError

if TYPE_CHECKING:
    import git

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # allow importing GitPython without git

_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",  # do not refresh the index: a plan writes nothing
    "GIT_LITERAL_PATHSPECS": "1",  # a directory may be named `:(top)x` or `*`
    "GIT_NO_REPLACE_OBJECTS": "1",  # read the commit itself, not a replacement
    "GIT_NO_LAZY_FETCH": "1",  # do not fetch for a partial clone; older git needs the next line
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
}
_CONFIGURATION = ("-c", "core.fsmonitor=false")
_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE")
"""Variables that git sets for hooks; removed, because the repository is the one around the workspace."""


_ERRORS = ("fatal:", "error:")


class GitRefuses(WorkspaceError):
    """A git command failed, or git could not be run. The message is the first line of git's error."""


class Answer(NamedTuple):
    """The result of a git command."""

    status: int
    out: bytes
    problem: str
    """The first error line that git printed, or empty; the command may have succeeded anyway."""


class GitCommands:
    """Runs git commands in one directory, each in a process that has ended when the method returns."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """``environment``: additional variables. Raises `GitRefuses` if git is not installed."""
        import git

        for name in _PLACES:
            os.environ.pop(name, None)
        self.folder = folder
        self._git: git.Git = git.Git(folder)
        self._git.update_environment(**_ENVIRONMENT, **(environment or {}))

    def answer(self, *arguments: str, stdin: bytes | None = None) -> Answer:
        """Run a command; any exit status is accepted. Raises `GitRefuses` if git cannot be run."""
        if stdin is None:
            return self._answer(arguments)
        with TemporaryFile() as file:
            file.write(stdin)
            file.seek(0)
            return self._answer(arguments, istream=file)

    def run(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """The output of a command without its last newline. Raises `GitRefuses` if it fails."""
        found = self.answer(*arguments, stdin=stdin)
        if found.status:
            raise GitRefuses(found.problem or f"git {arguments[0]} failed with status {found.status}")
        return found.out

    def start(self, *arguments: str) -> "git.Git.AutoInterrupt":
        """Start a long-running process; the caller ends it."""
        return self._execute(arguments, istream=subprocess.PIPE, as_process=True)  # type: ignore[no-any-return]

    def _answer(self, arguments: Iterable[str], **options: Any) -> Answer:
        status, out, err = self._execute(
            arguments, with_extended_output=True, with_exceptions=False, stdout_as_string=False, **options
        )
        problem = _first_line(err)
        return Answer(status, out, problem if status or problem.startswith(_ERRORS) else "")

    def _execute(self, arguments: Iterable[str], **options: Any) -> Any:
        import git

        if not os.access(self.folder, os.X_OK):  # GitPython would use the current directory instead
            raise GitRefuses(f"{self.folder} is not an accessible directory")
        program = str(git.Git.GIT_PYTHON_GIT_EXECUTABLE or "git")
        try:
            return self._git.execute([program, *_CONFIGURATION, *arguments], **options)
        except (git.GitCommandNotFound, PermissionError) as error:
            raise GitRefuses(f"this is a git repository, but the program `{program}` cannot be run") from error


def _first_line(text: str) -> str:
    """The first line that is an error, skipping warnings and traces. Git quotes its settings, so it is redacted."""
    lines = [line for line in text.splitlines() if line.strip()]
    said = (line for line in lines if line.startswith(_ERRORS))
    return redacted(without_values(next(said, lines[0] if lines else ""), os.environ))


class Objects:
    """Reads objects by id through one `git cat-file --batch` process, started on first use.

    After closing it, and in a forked process, the next read starts a new one.
    """

    def __init__(self, commands: GitCommands) -> None:
        self._commands = commands
        self._lock = Lock()
        self._process: git.Git.AutoInterrupt | None = None
        self._owner = 0

    def read(self, id: str) -> bytes:
        """An object's content. Raises `GitRefuses` if it does not exist."""
        with self._lock:
            process = self._running()
            try:
                process.stdin.write(f"{id}\n".encode())
                process.stdin.flush()
                header = process.stdout.readline().split()
                if len(header) == 3:
                    size = int(header[2])
                    if size > MOST_OF_DOCUMENTS:
                        self._end()  # cheaper than reading past it
                        raise GitRefuses(f"it is larger than the limit of {MOST_OF_DOCUMENTS // 1_000_000} MB")
                    return bytes(process.stdout.read(size + 1)[:size])
            except BrokenPipeError:
                header = []
            if header:
                raise GitRefuses(f"the repository does not have the object {id}")
            problem = _first_line(process.stderr.read().decode(errors="replace"))
            self._end()
            raise GitRefuses(problem or f"the repository did not return the object {id}")

    def _running(self) -> "git.Git.AutoInterrupt":
        if self._process is None or self._owner != os.getpid():
            self._process, self._owner = self._commands.start("cat-file", "--batch"), os.getpid()
        return self._process

    def close(self) -> None:
        """End the process if it runs."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        process.stderr.close()
        if process.proc is not None:
            process.proc.wait()
