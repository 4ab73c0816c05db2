"""`python -m benchmarks`: see `benchmarks/README.md`."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from compileall import compile_dir
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import reconciler
from benchmarks.fill import CannotFill
from benchmarks.measure import Bench, NotMeasured
from benchmarks.peers import make_peers, no_peers
from benchmarks.report import Run, document, table
from benchmarks.scenarios import SCENARIOS, Findings, Setting
from benchmarks.sizes import SIZES
from benchmarks.targets import TARGETS, judged


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON. Exit status: 0, also where targets are missed; 1 where runs failed."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = nullcontext(options.keep) if options.keep else TemporaryDirectory(prefix="reconcile-benchmarks-")
    with folder as name:
        run = _measured(options, Path(name).absolute())
    print(table(run), end="")
    if options.json:
        options.json.write_text(document(run), encoding="utf-8")
    found = [each for findings in run.findings.values() for each in findings.values()]
    return int(any(isinstance(each, NotMeasured) and each.failed for each in found))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What the commands take, beside floors.")
    parser.add_argument("--size", choices=SIZES, default="S", help="how much is generated (default: S)")
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), metavar="SCENARIO")
    parser.add_argument("--runs", type=int, default=3, help="rounds; medians are told (default: 3)")
    parser.add_argument("--limit", type=float, default=900, metavar="SECONDS", help="for each process (default: 900)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the rows and every single run")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=False, help="octoDNS and Terraform")
    parser.add_argument("--postgresql", metavar="URL|own", help="a server on which a database may be created")
    parser.add_argument("--git", action="store_true", help="workspaces in git repositories, so with provenance")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where generated workspaces are kept for the next run")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error("--runs: at least one")
    return options


def _measured(options: argparse.Namespace, folder: Path) -> Run:
    size, cache = SIZES[options.size], folder / "cache"
    said = folder / "said"
    said.mkdir(parents=True, exist_ok=True)
    if not compile_dir(Path(reconciler.__file__).parent, quiet=2):
        _say("the command's bytecode could not be written: what it starts with is compiled anew each time")
    bench = Bench(options.runs, options.limit, said, _environment(cache), _say)
    peers = make_peers(folder / "peers") if options.peers else no_peers()
    for name, reason in sorted(peers.missing.items()):
        _say(f"without {name}: {reason}")
    setting = Setting(bench, size, peers, folder / size.name, cache, options.postgresql, options.git)
    findings = {name: _found(name, setting) for name in SCENARIOS if name in options.only}
    rows = [judged(target, findings[target.scenario]) for target in TARGETS if target.scenario in findings]
    return Run(size, options.runs, rows, findings, tuple(dict.fromkeys(setting.left_out)))


def _found(name: str, setting: Setting) -> Findings:
    _say(name)
    try:
        return SCENARIOS[name](setting)
    except CannotFill as error:
        subjects = [each for target in TARGETS if target.scenario == name for each in target.subjects()]
        return dict.fromkeys(subjects, NotMeasured(str(error), failed=True))


def _environment(cache: Path) -> dict[str, str]:
    """As here, with nothing that chooses a workspace, colour or news of versions."""
    kept = {name: value for name, value in os.environ.items() if name != "RECONCILE_WORKSPACE"}
    return {**kept, "XDG_CACHE_HOME": str(cache), "NO_COLOR": "1", "CHECKPOINT_DISABLE": "1"}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
