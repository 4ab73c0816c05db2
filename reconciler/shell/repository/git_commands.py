"""Running git through GitPython's command wrapper: local objects only, no writes, no network, and git's own words.

Nothing here fetches, checks out, writes to a repository, or lets a configuration of the user change what is printed.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.shell.repository.files import MOST_OF_DOCUMENTS
from reconciler.shell.repository.worktree import WorkspaceError

if TYPE_CHECKING:
    import git

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # importing GitPython without git is no error

_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",  # looking does not refresh the index: a plan writes nothing anywhere
    "GIT_LITERAL_PATHSPECS": "1",  # a folder may be called `:(top)x` or `*`
    "GIT_NO_REPLACE_OBJECTS": "1",  # a commit's id stands for what that commit holds
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone is read as far as it goes; older git obeys the next line
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
}
_CONFIGURATION = ("-c", "core.fsmonitor=false")
_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE")
"""Set by git for a hook. A workspace's repository is the one that it stands in, wherever the command was started."""


_ERRORS = ("fatal:", "error:")


class GitRefuses(WorkspaceError):
    """Git will not, or cannot, say what it is asked; the message is git's own first line."""


class Answer(NamedTuple):
    """What a git command answered."""

    status: int
    out: bytes
    problem: str
    """The first line of an error, as git prints it; empty where there is none. It may succeed all the same."""


class GitCommands:
    """Git commands in one folder, each a process of its own that has ended when its answer is here."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """``environment``: besides what is always set. Raises `GitRefuses` where there is no git."""
        import git

        for name in _PLACES:
            os.environ.pop(name, None)
        self.folder = folder
        self._git: git.Git = git.Git(folder)
        self._git.update_environment(**_ENVIRONMENT, **(environment or {}))

    def answer(self, *arguments: str, stdin: bytes | None = None) -> Answer:
        """Run a command, whatever its exit status. Raises `GitRefuses` where git cannot be run at all."""
        if stdin is None:
            return self._answer(arguments)
        with TemporaryFile() as file:
            file.write(stdin)
            file.seek(0)
            return self._answer(arguments, istream=file)

    def run(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """What a command prints, without the newline at its end. Raises `GitRefuses` where it fails."""
        found = self.answer(*arguments, stdin=stdin)
        if found.status:
            raise GitRefuses(found.problem or f"git {arguments[0]} failed with status {found.status}")
        return found.out

    def start(self, *arguments: str) -> "git.Git.AutoInterrupt":
        """A process that answers as long as it is asked. Whoever starts it ends it."""
        return self._execute(arguments, istream=subprocess.PIPE, as_process=True)  # type: ignore[no-any-return]

    def _answer(self, arguments: Iterable[str], **options: Any) -> Answer:
        status, out, err = self._execute(
            arguments, with_extended_output=True, with_exceptions=False, stdout_as_string=False, **options
        )
        problem = _first_line(err)
        return Answer(status, out, problem if status or problem.startswith(_ERRORS) else "")

    def _execute(self, arguments: Iterable[str], **options: Any) -> Any:
        import git

        if not os.access(self.folder, os.X_OK):  # GitPython would run it where this process is instead
            raise GitRefuses(f"{self.folder} is not a folder that can be entered")
        program = str(git.Git.GIT_PYTHON_GIT_EXECUTABLE or "git")
        try:
            return self._git.execute([program, *_CONFIGURATION, *arguments], **options)
        except (git.GitCommandNotFound, PermissionError) as error:
            raise GitRefuses(f"this is a git repository, but no program `{program}` can be run") from error


def _first_line(text: str) -> str:
    """The first line that says an error, past warnings and traces."""
    lines = [line for line in text.splitlines() if line.strip()]
    said = (line for line in lines if line.startswith(_ERRORS))
    return next(said, lines[0] if lines else "")


class Objects:
    """Reads objects by their ids through one `git cat-file --batch`, started when it is first asked.

    Once closed, or in a process that was forked from the one that started it, it starts another when it is asked again.
    """

    def __init__(self, commands: GitCommands) -> None:
        self._commands = commands
        self._lock = Lock()
        self._process: git.Git.AutoInterrupt | None = None
        self._owner = 0

    def read(self, id: str) -> bytes:
        """An object's content. Raises `GitRefuses` for one that is not there."""
        with self._lock:
            process = self._running()
            try:
                process.stdin.write(f"{id}\n".encode())
                process.stdin.flush()
                header = process.stdout.readline().split()
                if len(header) == 3:
                    size = int(header[2])
                    if size > MOST_OF_DOCUMENTS:
                        self._end()  # rather than read past it
                        raise GitRefuses(f"it is longer than the {MOST_OF_DOCUMENTS // 1_000_000} MB that are read")
                    return bytes(process.stdout.read(size + 1)[:size])
            except BrokenPipeError:
                header = []
            if header:
                raise GitRefuses(f"the repository does not have the object {id}")
            problem = _first_line(process.stderr.read().decode(errors="replace"))
            self._end()
            raise GitRefuses(problem or f"the repository does not give the object {id}")

    def _running(self) -> "git.Git.AutoInterrupt":
        if self._process is None or self._owner != os.getpid():
            self._process, self._owner = self._commands.start("cat-file", "--batch"), os.getpid()
        return self._process

    def close(self) -> None:
        """End the process, if there is one."""
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
