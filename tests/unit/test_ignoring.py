"""`ignore:` means what ``.gitignore`` means: compared with git itself."""

import subprocess
from pathlib import Path

from reconciler.shell.repository.ignoring import Ignore

PATHS = (
    "a.yaml", "docker-compose.yml", "b/a.yaml", "b/c/a.yaml", "b/c/d.yml", "charts/x/templates/d.yaml",
    "charts/x/values.yaml", "deploy/x.yaml", "x deploy/y.yaml", "#a.yaml", "!a.yaml", "a b.yaml", "[a].yaml",
    "b/deploy/z.yaml", "foo/bar/a.yaml", "A.yaml", "é/a.yaml", "trail .yaml", "b/docs.yaml/a.yaml",
)  # fmt: skip
PATTERNS = (
    ["*.yml"], ["a.yaml"], ["/a.yaml"], ["b/"], ["b"], ["b/*"], ["b/**"], ["**/a.yaml"], ["b/**/a.yaml"],
    ["charts/", "!charts/x/values.yaml"], ["charts/*", "!charts/x/"], ["charts/x/*", "!charts/x/values.yaml"],
    ["deploy"], ["/deploy"], ["deploy/"], ["\\#a.yaml"], ["\\!a.yaml"], ["*.yaml", "!a.yaml"], ["*.yaml", "!/a.yaml"],
    ["!a.yaml", "a.yaml"], ["[a-b].yaml"], ["\\[a\\].yaml"], ["?.yaml"], ["a.yaml  "], ["a b.yaml"], ["é"], ["b/c"],
    ["/b/c/"], ["c/a.yaml"], ["**"], ["*"], ["/*"], ["/*/"], ["**/"], ["*/a.yaml"], ["[!a].yaml"], ["[a.yaml"],
    ["trail\\ .yaml"], ["docs.yaml/"], ["docs.yaml"], ["b/c/../a.yaml"], ["./a.yaml"], ["foo/**/a.yaml"], ["foo**"],
    ["*.yaml", "!b/", "!b/a.yaml"], ["b/c/", "!b/c/"], ["a\\.yaml"],
)  # fmt: skip


def test_patterns_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    """Each set of patterns in a folder of its own, so that one process of git answers for all."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    for number, patterns in enumerate(PATTERNS):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / ".gitignore").write_text("\n".join(patterns) + "\n", "utf-8")
    asked = "\0".join(f"{number}/{path}" for number in range(len(PATTERNS)) for path in PATHS).encode()
    command = ["git", "check-ignore", "--no-index", "-z", "--stdin"]
    answered = subprocess.run(command, cwd=tmp_path, input=asked, capture_output=True, check=True).stdout
    expected = {each for each in answered.decode().split("\0") if each}
    found = {
        f"{number}/{path}"
        for number, patterns in enumerate(PATTERNS)
        for path in PATHS
        if Ignore(tuple(patterns)).file(path)
    }
    assert found == expected
    assert len(found) > 200


def test_folders_may_be_deeper_than_the_recursion_limit() -> None:
    deep = "a/" * 3_000 + "x.yaml"
    assert Ignore(("*.yml",)).file(deep) is False
    assert Ignore(("/a/a/a/",)).file(deep) is True
