"""Examples for the help of every command; a test parses each one."""

from collections.abc import Mapping, Sequence

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "init": ("reconcile init shop",),
    "validate": ("reconcile validate", "reconcile validate --format github"),
    "plan": ("reconcile plan", "reconcile plan --tenant contoso --out round.plan", "reconcile plan --base origin/main"),
    "apply": ("reconcile apply", "reconcile apply round.plan", "reconcile apply --auto-approve"),
    "show": ("reconcile show round.plan --format markdown",),
    "explain": (
        "reconcile explain contoso plan/web-basic",
        "reconcile explain contoso plan/web-basic#periods.P1M.fees.recurring",
        "reconcile explain contoso --enable plans.update_fees",
    ),
    "status": ("reconcile status", "reconcile status 'con*' --format csv"),
    "history": ("reconcile history contoso", "reconcile history --since P7D --limit 20"),
    "plans": ("reconcile plans --search web --sort name",),
    "tenant list": ("reconcile tenant list",),
    "tenant show": ("reconcile tenant show contoso",),
    "tenant export": ("reconcile tenant export contoso state.yaml",),
    "tenant import": ("reconcile tenant import contoso state.yaml",),
    "tenant release": ("reconcile tenant release contoso plan/web-basic",),
    "subscription list": ("reconcile subscription list contoso --pending",),
    "subscription show": ("reconcile subscription show contoso sub-1",),
    "subscription act": ("reconcile subscription act contoso sub-1 change_quantity --set quantity=30",),
    "store check": ("reconcile store check",),
    "store migrate": ("reconcile store migrate",),
    "watch": ("reconcile watch --interval 60",),
    "explain-kind": ("reconcile explain-kind", "reconcile explain-kind Plan periods.fees"),
    "schema": ("reconcile schema schemas",),
    "completion": ("reconcile completion bash",),
}
"""For each command, by the words that name it: whole command lines."""
FIRST = ("reconcile init shop", "reconcile -C shop plan", "reconcile -C shop apply", "reconcile help plan")
"""The examples of ``reconcile --help``."""


def examples_of(words: Sequence[str]) -> tuple[str, ...]:
    """The examples of a command; for a group, the first one of each of its commands."""
    name = " ".join(words)
    if not name:
        return FIRST
    inside = tuple(lines[0] for each, lines in EXAMPLES.items() if each.startswith(f"{name} "))
    return EXAMPLES.get(name, inside)
