"""Writes the starter workspace of `init`: the files in `starter/`, unchanged."""

import os
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def scaffold(directory: Path) -> tuple[list[Path], list[Path]]:
    """Write the starter below ``directory``. Returns the files that already exist (then nothing is written), and those
    written.
    """
    wanted = {directory / name: text for name, text in _starter(files("reconciler.shell") / "starter", "")}
    taken = [path for path in wanted if os.path.lexists(path)]
    if taken:
        return taken, []
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [], list(wanted)


def _starter(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found = []
    for item in sorted(folder.iterdir(), key=lambda each: each.name):
        if item.is_dir():
            found += _starter(item, f"{prefix}{item.name}/")
        else:
            found.append((prefix + item.name, item.read_text(encoding="utf-8")))
    return found
