"""What mends a failure of git: the command to type, by git's message; and why a revision is not in a clone."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from shlex import quote

from reconciler.shell.repository.git_commands import GitCommands

_FETCH_AGAIN = "Objects are missing or damaged; `git fsck` lists them. Clone the repository again."
MENDS: Mapping[str, str] = {
    r"detected dubious ownership in repository at '(?P<folder>.*)'": (
        "Another user owns the folder. If you trust it: git config --global --add safe.directory {folder}"
    ),
    r"cannot be run$": "Install git, or put it on PATH.",
    r"not a git repository: ": "The file .git names a folder that is not there: clone again, or `git worktree repair`.",
    r"not a git repository": "The folder .git is damaged: clone the repository again.",
    r"current branch appears to be broken": (
        "The branch names no commit. `git reflog` has its last one: git update-ref HEAD COMMIT"
    ),
    r"bad index|index file (corrupt|smaller)|index uses|bad signature": (
        "The index is damaged. It is made anew, and no file is changed, by: rm .git/index && git reset"
    ),
    r"bad config (line|file)|bad (numeric|boolean) config": "Correct the line: git config --edit, or --global --edit",
    r"[Ee]xpected git repo version|unknown repository (extension|object format)": "Install a newer git.",
    r"[Pp]ermission denied": "Let this user read the repository: its .git folder and all in it.",
    r"does not have the object|promisor|lazy fetch": (
        "A partial clone left the object out. Fetch what is missing: git fetch --refetch --no-filter"
    ),
    r"bad object|[Cc]ould not (read|parse)|[Uu]nable to read|corrupt|missing (blob|tree|commit)|is empty|inflate|"
    r"failed to (read|unpack)|cannot be read": _FETCH_AGAIN,
}
"""For what git says, as a regular expression, the sentence with what to do. The first that fits counts."""

SHALLOW = (
    "This clone is shallow: `git fetch --unshallow` fetches its history; "
    "in CI, `fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` of GitLab"
)
_HASH = re.compile(r"[0-9a-f]{7,64}\Z")
_NAME = re.compile(r"[A-Za-z0-9_./-]+\Z")


def mend_of(problem: str) -> str:
    """What to do about a failure, from git's message; empty if the table has nothing for it."""
    for pattern, mend in MENDS.items():
        if found := re.search(pattern, problem):
            return mend.format(**{name: quote(text) for name, text in found.groupdict().items()})
    return ""


def why_no_commit(commands: GitCommands, revision: str, *, shallow: bool) -> str:
    """Why a clone does not have a revision, and the command that brings it; empty if there is nothing to say."""
    remotes = _lines(commands, "remote")
    names = _lines(commands, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
    remote, slash, branch = revision.partition("/")
    if ".." in revision:
        first, _, last = re.sub(r"\.{2,}", "..", revision).partition("..")
        return f"a range is no commit; its merge base is: git merge-base {quote(first)} {quote(last or 'HEAD')}"
    if not _lines(commands, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") and not names:
        return "the repository has no commit yet: git add --all && git commit"
    for each in remotes:
        if f"{each}/{revision}" in names:
            return f"did you mean {each}/{revision}?"
    if slash and remote in remotes and _NAME.match(branch) and not branch.startswith("-"):
        fetch = f"git fetch {remote} {branch}:refs/remotes/{revision}"
        deep = f". {SHALLOW}" if shallow else ""
        return f"this clone has no branch {revision}; if it is one, this fetches it: {fetch}{deep}"
    if shallow:
        return SHALLOW[0].lower() + SHALLOW[1:]
    close = get_close_matches(revision, names, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    if remotes and _HASH.match(revision):
        return f"if another clone has it, this fetches it: git fetch {remotes[0]} {revision}"
    if remotes and _NAME.match(revision) and not revision.startswith("-"):
        return (
            f"if it is a branch of {remotes[0]}, this fetches it: "
            f"git fetch {remotes[0]} {revision}:refs/remotes/{remotes[0]}/{revision}, then use {remotes[0]}/{revision}"
        )
    return ""


def _lines(commands: GitCommands, *arguments: str) -> list[str]:
    found = commands.answer(*arguments)
    return found.out.decode(errors="replace").splitlines() if found.status == 0 else []
