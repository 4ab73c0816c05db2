"""A scenario's workspace in files, with its state imported as the tenant's own doing, and the commands on it."""

import shutil
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from reconciler.cli.main import reconcile
from tests.scenarios import runner


def workspace_of(scenario: str, folder: Path) -> Path:
    """Of a scenario of one tenant, contoso."""
    root = folder / "catalogs"
    shutil.copytree(runner.HERE / scenario / "catalogs", root)
    before = runner.HERE / scenario / "before.yaml"
    assert invoke(root, "tenant", "import", "contoso", str(before)).exit_code == 0
    return root


def invoke(root: Path, *arguments: str) -> Any:
    return CliRunner().invoke(reconcile, ["-C", str(root), *arguments])
