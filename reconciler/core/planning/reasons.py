"""The reasons of deferred changes, as data and text: the option or veto, the line that sets it, and every obstacle."""

from collections.abc import Iterator, Sequence

from reconciler.model.documents.declarations import Synced
from reconciler.model.documents.options import OPTIONS
from reconciler.model.documents.settings import Policy, Setting
from reconciler.model.plans.change import (
    Difference,
    HeldBy,
    HoldKind,
    Judged,
    Obstacle,
    Remove,
    Rename,
    Restore,
    Update,
    Verdict,
    setting_that_releases,
)
from reconciler.model.plans.plan import Declared, DeferralReason
from reconciler.model.values.diagnostics import Place

GUARD = "GUARD-01"


def permitted_by(judged: Judged) -> tuple[str, ...]:
    """The options any of which would permit it."""
    if judged.root:
        return judged.root.options
    declared = _synced(judged)
    return declared.options if declared else ()


def _synced(judged: Judged) -> Synced | None:
    """The declaration whose options decide; ``None`` where no option does."""
    if isinstance(judged.difference, Rename | Restore):
        return None
    declared = judged.difference.declared
    return declared if isinstance(declared, Synced) else None


def note_of(difference: Difference) -> str:
    """What else a reader should know of a difference."""
    return difference.note if isinstance(difference, Update | Remove) else ""


def withheld_rule(judged: Judged) -> str:
    """The rule that decides: that of the obstacle, of the veto, or of the option that is off."""
    if judged.root:
        return judged.root.rule
    if judged.obstacles:
        return judged.obstacles[0].rule
    if judged.vetoes:
        return "CB-34"
    declared = _synced(judged)
    if declared is None or judged.verdict is not Verdict.WITHHELD:
        return judged.difference.rule
    off = declared.off or (OPTIONS[declared.options[0]].off if len(declared.options) == 1 else None)
    return off or judged.difference.rule


def lead(judged: Sequence[Judged]) -> Judged:
    """The difference that stands for a deferred group. One with a veto only if all differences have vetoes."""
    return next((each for each in judged if not each.vetoes), judged[0])


def hold(judged: Sequence[Judged], policy: Policy) -> HeldBy | None:
    """What withholds or blocks the differences of one entry, as data."""
    first = lead(judged)
    if first.root:
        above = first.root.hold or HeldBy(HoldKind.OPTION, first.root.tenant, first.root.options)
        return above._replace(also=_held_here(judged, first, policy))
    return None if first.verdict is Verdict.UNMANAGED else _held_here(judged, first, policy)


def _held_here(judged: Sequence[Judged], first: Judged, policy: Policy) -> HeldBy | None:
    """What the tenant itself holds back; ``None`` if that is nothing, because the cause is above."""
    obstacles = [each for one in judged for each in one.obstacles]
    if obstacles:
        return _obstructed(obstacles, policy)
    vetoes = tuple(sorted({veto for each in judged for veto in each.vetoes}))
    declared = _synced(first)
    options = declared.options if declared and not first.enabled else ()
    release = setting_that_releases(options, vetoes)
    if first.vetoes:
        template = template_of(policy.vetoes[first.vetoes[0]], policy)
        return HeldBy(HoldKind.VETO, policy.reseller, (), vetoes, release, template=template)
    if options:
        template = template_of(_decisive(options, policy), policy)
        return HeldBy(HoldKind.OPTION, policy.reseller, options, vetoes, release, template=template)
    return None


def _obstructed(obstacles: Sequence[Obstacle], policy: Policy) -> HeldBy:
    """Guards that tripped, or preconditions that fail."""
    guards = tuple(dict.fromkeys(each.guard for each in obstacles if each.guard))
    if len({each.guard for each in obstacles}) == len(guards):
        template = next((each.template for each in obstacles if each.template), "")
        return HeldBy(HoldKind.GUARD, policy.reseller, guards=guards, template=template)
    settings = {each.set for each in obstacles}
    return HeldBy(HoldKind.PRECONDITION, policy.reseller, set=settings.pop() if len(settings) == 1 else "")


def declared_at(place: Place | None) -> Declared | None:
    """A place as the plan shows it; the shell adds the commit."""
    return Declared(place.file, place.line) if place else None


def deferral_reason(judged: tuple[Judged, ...], policy: Policy) -> DeferralReason:
    """The wording of a plan for differences that are deferred together."""
    first = lead(judged)
    return DeferralReason(
        reason=first.verdict.value,
        rule=withheld_rule(first),
        allowed_by=permitted_by(first),
        detail=detail(judged, policy),
        policy=declared_at(deciding_place(first, policy)),
        hold=hold(judged, policy),
    )


def deciding_place(judged: Judged, policy: Policy) -> Place | None:
    """The line of the policy that decides."""
    if judged.verdict is Verdict.UNMANAGED:
        return None
    if judged.root:
        return judged.root.policy
    if judged.obstacles and judged.obstacles[0].place:
        return judged.obstacles[0].place
    if judged.vetoes and judged.enabled:
        return policy.vetoes[judged.vetoes[0]].place
    options = permitted_by(judged)
    if not options:
        return None
    return _decisive(options, policy).place


def _decisive(options: tuple[str, ...], policy: Policy) -> Setting:
    """The setting of the first option that a line sets; of the first one, if no line sets any."""
    explicit = [policy.options[option] for option in options if policy.options[option].layer != "default"]
    return (explicit or [policy.options[options[0]]])[0]


def detail(judged: tuple[Judged, ...], policy: Policy) -> str:
    """The text that names everything that must change for these differences of one entity."""
    match judged[0].verdict:
        case _ if judged[0].root:
            return "; ".join(dict.fromkeys(text for each in judged for text in _inherited(each, policy)))
        case Verdict.UNMANAGED:
            notes = dict.fromkeys(note for each in judged if (note := note_of(each.difference)))
            return "; ".join(notes) or "no option synchronises this"
        case Verdict.BLOCKED:
            return "; ".join(dict.fromkeys(text for each in judged for text in _blocked(each)))
        case _:
            return "; ".join(dict.fromkeys(text for each in judged for text in _withheld(each, policy)))


def _inherited(judged: Judged, policy: Policy) -> Iterator[str]:
    """The cause at the other level, and then what else withholds or blocks the difference here (TREE-02)."""
    if root := judged.root:
        yield f"{root.verdict} at {root.tenant}: {root.detail}"
    here = (*_withheld(judged, policy), *_blocked(judged))
    yield from (f"and at {policy.reseller}: {text}" for text in here)


def _blocked(judged: Judged) -> Iterator[str]:
    yield from (f"{each.detail} ({each.rule})" for each in judged.obstacles)


def _withheld(judged: Judged, policy: Policy) -> Iterator[str]:
    declared = _synced(judged)
    if not judged.enabled and declared:
        yield _off(declared.options, policy)
    for veto in judged.vetoes:
        setting = policy.vetoes[veto]
        yield f"veto {veto} holds it ({where(setting)}); set veto: {{{veto}: false}} to release it"


def _off(options: tuple[str, ...], policy: Policy) -> str:
    if len(options) > 1:
        named = ", ".join(f"{option} ({where(policy.options[option])})" for option in options)
        return f"none of {named} is on; any of them releases it"
    option = OPTIONS[options[0]]
    setting = policy.options[option.id]
    how = f"set options: {{{option.group}: {{{option.name}: true}}}} to release it"
    return f'{option.id} ("{option.label}") is off ({where(setting)}); {how}'


def template_of(setting: Setting, policy: Policy) -> str:
    """The key of the service template that sets a value, or of the policy's own if nothing sets it: it could.

    Empty if another document sets it, or there is no template.
    """
    layer, _, key = setting.layer.partition(" ")
    if setting.layer == "default":
        return str(policy.document.entity.body.get("service_template") or "")
    return key if layer == "template" else ""


def where(setting: Setting) -> str:
    """``policy contoso, northwind/resellers/contoso.yaml:9``, or that nothing sets it."""
    if setting.layer == "default":
        return f"not set; policy at {setting.place.file}:{setting.place.line}"
    return f"{setting.layer}, {setting.place.file}:{setting.place.line}"
