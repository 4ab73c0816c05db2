"""A history of real prices as plans, for the reports: three dated price lists, two edits of policies, many resellers.

The price lists are public (`tests/data/model-prices`). Beside their plans, which are paid by use, the provider sells
three plans with fees of its own. The first two lists are applied; the plan of the third is compared with the second
(``--base``) and saved. Resellers come in blocks of ten, each with another kind of policy (`BLOCK`), so that a plan of
more tenants has more of the same kinds.

    python -m tests.reports.history TENANTS FOLDER     # saves FOLDER/history-TENANTS.plan.xz

The same numbers give the same bytes: the clock, the authors and the dates of the commits are fixed.
"""

import lzma
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.core.savedplan import restore
from reconciler.model.plans.plan import Plan
from tests.cli.runner import run
from tools.model_prices import main as convert

DATA = Path(__file__).parents[1] / "data"
SAVED = DATA / "reports"
LISTS = tuple(DATA / "model-prices" / f"{day}.json.xz" for day in ("2025-11-21", "2026-05-21", "2026-11-21"))
VENDORS = ("cohere_chat", "sambanova")
SIZES = (10, 300, 1000)
PROVIDER = "model-market"

BLOCK: Mapping[int, tuple[str, str]] = {
    0: ("gold", ""),
    1: ("gold", ""),
    2: ("gold", "options: {plans: {update_fees: false}}\n"),
    3: ("gold", "veto: {prices: true}\n"),
    4: ("gold", "guards: {max_price_change: 5%}\n"),
    5: ("bronze", ""),
    6: ("silver", ""),
    7: ("gold", ""),
    8: ("gold", ""),
    9: ("archive", ""),
}
"""By the last digit of a reseller's number: its service template, and further lines of its policy."""
PARENTS = {7: 0, 8: 5}
"""The resellers of resellers: whose they are, within a block. What is decided above one of them holds for it too."""
LATER = {3: "veto: {prices: true}\n"}
"""The lines that the second edit of policies brings."""

_PROVIDER = """\
kind: Provider
key: model-market
name: Model Market
currency: USD
defaults: {guards: {max_deletes: false, max_price_change: false}}
"""
_GOLD = """\
kind: ServiceTemplate
key: gold
name: Gold resellers
delegated_plans: {match: {market: public}}
price_list: standard
options: all
---
kind: ServiceTemplate
key: silver
name: Silver resellers
extends: gold
"""
_BRONZE = """\
---
kind: ServiceTemplate
key: bronze
name: Bronze resellers
extends: silver
"""
_ARCHIVE = """\
---
kind: ServiceTemplate
key: archive
name: Resellers of the first plan alone
delegated_plans: [gateway-classic]
options: all
"""
_KEEPS_PRICES = "options: {resources: {update_prices: false}}\n"
_CHOOSES_PLANS = "options: {plans: {create: false}}\n"
_SHARED = """\
kind: ProductCategory
key: gateways
name: Gateways
---
kind: PlanCategory
key: gateway
name: Gateway
description: Access to every model through one address
---
kind: SalesCategory
key: gateway
name: Gateway
display_in_control_panel: true
---
kind: Product
key: gateway
name: Model Gateway
category: gateways
active: true
published: true
"""
_PLAN = """\
---
kind: Plan
key: gateway-{key}
name: Gateway {name}
labels: {{market: {market}}}
status: active
published: true
product: gateway
plan_category: gateway
sales_categories: [gateway]
service_term: pay-as-you-go
periods:
  P1M: {{fees: {{recurring: {monthly}, renewal: {monthly}}}}}
  P1Y: {{fees: {{recurring: {yearly}, renewal: {yearly}}}}}
"""
_PRICES = """\
kind: PriceList
key: standard
name: Standard prices
currency: USD
products:
  gateway: {{P1M: {purchase}}}
"""
_DATED = "[{{from: 2020-01-01, amount: {now}}}, {{from: 2027-01-01, amount: {then}}}]"


@dataclass(frozen=True)
class Fees:
    """The fees of the provider's own plans at one time: by plan, a month and a year; and the gateway's price."""

    plans: Mapping[str, tuple[str, str]]
    purchase: str


_CLASSIC = ("5.00", "50.00")
_BUSINESS = _DATED.format(now="39.00", then="42.00")
OWN = (
    Fees({"classic": _CLASSIC, "team": ("19.00", "190.00"), "business": ("36.00", "390.00")}, "3.00"),
    Fees({"classic": _CLASSIC, "team": ("19.00", "190.00"), "business": ("39.00", "390.00")}, "3.00"),
    Fees(
        {
            "classic": _CLASSIC,
            "team": ("21.00", "210.00"),
            "business": (_BUSINESS, "390.00"),
            "scale": ("99.00", "990.00"),
        },
        "3.25",
    ),
)
"""The business plan costs more with the second list, and again from the new year on; the third raises the team plan and
adds one.
"""


@dataclass(frozen=True)
class History:
    """The repository as it grows."""

    root: Path
    tenants: int

    def grow(self) -> None:
        """Make everything; the plan of the third list is `saved`."""
        self._git("init", "--quiet", "--initial-branch=main")
        self._policies(edits=0)
        self._list(0)
        self._commit("Open the market", "2025-11-21")
        self._run("apply --auto-approve", "2025-11-21")
        self._policies(edits=1)
        self._commit("Silver keeps its prices by use, bronze chooses its plans", "2026-03-02")
        self._list(1)
        base = self._commit("Prices of May 2026", "2026-05-21")
        self._run("apply --auto-approve", "2026-05-21")
        self._drift()
        self._policies(edits=2)
        self._commit("Note the vetoes of three large resellers", "2026-09-14")
        self._list(2)
        self._commit("Prices of November 2026: gateway fees, a plan to scale", "2026-11-21")
        self._run(f"plan --base {base} --out {self.saved}", "2026-11-21")

    @property
    def saved(self) -> Path:
        return self.root / ".reconcile" / "round.plan"

    def _list(self, number: int) -> None:
        chosen = [word for vendor in VENDORS for word in ("--vendor", vendor)]
        folder = self.root / PROVIDER
        policies = {file.name: file.read_bytes() for file in (folder / "resellers").glob("*.yaml")}
        shutil.rmtree(folder)
        assert convert([str(LISTS[number]), str(self.root), *chosen]) == 0
        shutil.rmtree(folder / "resellers")
        (folder / "templates.yaml").unlink(missing_ok=True)
        self._write({f"{PROVIDER}/provider.yaml": _PROVIDER, **dict(_own(OWN[number]))})
        for name, content in policies.items():
            (folder / "resellers").mkdir(exist_ok=True)
            (folder / "resellers" / name).write_bytes(content)

    def _policies(self, *, edits: int) -> None:
        """The templates and policies after so many edits."""
        silver, bronze = (_KEEPS_PRICES, _CHOOSES_PLANS) if edits >= 1 else ("", "")
        files = {f"{PROVIDER}/resellers/templates.yaml": f"{_GOLD}{silver}{_BRONZE}{bronze}{_ARCHIVE}"}
        for number in range(self.tenants):
            files[f"{PROVIDER}/resellers/{reseller(number)}.yaml"] = _policy(number, edits)
        self._write(files)

    def _drift(self) -> None:
        """One reseller lowers a fee itself."""
        edited = self.root / ".reconcile" / "edited.yaml"
        edited.write_text("kind: Plan\nkey: gateway-business\nperiods: {P1Y: {fees: {recurring: 350.00}}}\n", "utf-8")
        self._run(f"tenant import {reseller(1)} {edited}", "2026-08-01")

    def _write(self, files: Mapping[str, str]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def _run(self, command: str, day: str) -> None:
        done = run(f"{command} --now {day}T12:00:00Z", self.root)
        assert done.status == 0, (command, done.err[-2000:])

    def _commit(self, subject: str, day: str) -> str:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", subject, day=day)
        return self._git("rev-parse", "HEAD")

    def _git(self, *arguments: str, day: str = "2025-11-21") -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        people = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Ann Arber"), ("EMAIL", "ann@market.example"), ("DATE", f"{day}T12:00:00Z"))
        }
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-C", str(self.root), *arguments]
        done = subprocess.run(command, env=kept | people | alone, capture_output=True, text=True, check=True)
        return done.stdout.strip()


def reseller(number: int) -> str:
    return f"reseller-{number:03}"


def _policy(number: int, edits: int) -> str:
    block, kind = number - number % 10, number % 10
    upstream = reseller(block + PARENTS[kind]) if kind in PARENTS else PROVIDER
    template, lines = BLOCK[kind]
    if kind in LATER and edits < 2:
        lines = ""
    return (
        f"kind: SyncPolicy\nreseller: {reseller(number)}\nname: Reseller {number}\nupstream: {upstream}\n"
        f"service_template: {template}\n{lines}"
    )


def _own(fees: Fees) -> Iterator[tuple[str, str]]:
    plans = "".join(
        _PLAN.format(
            key=key,
            name=key.capitalize(),
            market="archive" if key == "classic" else "public",
            monthly=monthly,
            yearly=yearly,
        )
        for key, (monthly, yearly) in fees.plans.items()
    )
    yield f"{PROVIDER}/gateway.yaml", _SHARED + plans
    yield f"{PROVIDER}/price-list.yaml", _PRICES.format(purchase=fees.purchase)


@cache
def history_plan(tenants: int) -> Plan:
    """The plan of so many tenants; `test_history` holds that it is valid."""
    return restore(saved_plan(tenants))


def saved_plan(tenants: int) -> bytes:
    """The saved plan of so many tenants: JSON, as ``--out`` writes it."""
    return lzma.decompress((SAVED / f"history-{tenants}.plan.xz").read_bytes())


def keep(tenants: int, plan: bytes, folder: Path = SAVED) -> int:
    """Write a saved plan as it is kept; the number of bytes."""
    packed = lzma.compress(plan, preset=9 | lzma.PRESET_EXTREME)
    return (folder / f"history-{tenants}.plan.xz").write_bytes(packed)


def main(arguments: list[str]) -> None:
    tenants, folder = int(arguments[0]), Path(arguments[1])
    with TemporaryDirectory() as place:
        history = History(Path(place).resolve(), tenants)
        history.grow()
        plan = history.saved.read_bytes()
    print(f"{tenants} tenants: {len(plan):,} bytes, packed {keep(tenants, plan, folder):,}")


if __name__ == "__main__":
    main(sys.argv[1:])
