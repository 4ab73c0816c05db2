"""An independent oracle: the verdict of every difference, written from the text of RULES.md and from nothing else.

It judges a first-level reseller (its upstream is the provider) that gets its catalog by delegation and by price list:
no mirrored subscriptions, no guards, no `moved_from`. It imports nothing of the engine, so that disagreement means
something: one of the two misread the rules.

Readings, where the text is open:

 1. `delegated_plans` of the template and `delegate.plans` of the policy are two lists; the delegated list is their
    union. `exclude` takes plans out of its own form only. A `match` without labels chooses nothing.
 2. `extends`: a list (`delegated_plans`, `roles` ...) of the nearer template replaces the farther one whole, in
    whatever form; `veto` and `overrides` merge key by key: provider defaults, farthest template ... nearest, policy.
 3. An absent field, null and the empty value (no text, false, empty list) are the same. Except: `available` and
    `active` default to true; `delegated` to true at the provider and to false in the tenant (AP-20);
    `visible_to_resellers` to false (gates fail closed).
 4. An absent amount or limit is not zero. Amounts given by date are outside this oracle: it has no clock.
 5. CB-34, "existing amounts": an amount that the copy lacks is new, and the veto on prices passes it; an amount that
    disappears upstream is a change of an existing one, and is held. Expiration schedules are no amounts. The veto on
    categories holds all of what `plans.update_categories` lets change, CB-18 and resource categories included. An
    adopted plan is one creation, and no veto holds it.
 6. "Delegated" (CB-16) are the plans on the list that came down before, and those whose creation applies. Categories
    and schedules are needed as linked upstream; products and terms, whose link never moves, as linked upstream or in
    the copy. An entity that came down and is needed by none of them is left alone, a vanished dependent included.
 7. A group that came down is removed (IW-16) when no product holds it once all products stand in their upstream's
    group. The tenant's own products, orphans, and products of plans on the list that are not delegated yet count as
    holding. A group that a delegated product moves to and that the tenant lacks is an entry of its own, under the
    same option.
 8. IW-10 counts any product of that key in the tenant. A relation to a product of the tenant's own is not a "removed"
    one: the tenant added it.
 9. CB-20: the creation of a plan is blocked whenever its schedule upstream uses a hidden template, even if the tenant
    has a schedule of that key. All fields of a schedule with hidden templates are blocked.
10. AP-17 looks at all plans on the list that are not delegated yet, also at those blocked for another reason; a term
    that came down and whose copy says `delegated: false` conflicts as well.
11. An origin other than this upstream's key counts as the tenant's own. A period without one has its plan's (a
    document gives its origin to its periods), one that says null is the tenant's own; a rate without one is.
12. CB-35, CB-09: any status of a copy other than the desired one is a difference, a reseller's own `inactive`
    included; `published` belongs to the transition from `disabled_by_provider` only (also where the plan stays off:
    none).
13. An own rate whose upstream rate is not available for sale: nothing comes down (CB-23), so there is no difference.
    An own rate or period that is taken over is one creation (ORIGIN-04): under the option of one, and no veto holds it.
14. Usage statistics of an adopted plan are judged as those of a created one (CB-21), against what the own plan has.
15. Tenant.order_flow is compared like a set of at most one member; members that are the tenant's own are not compared
    on either side. The links are entries of their own also while the linked entity is withheld.
16. A template that gives no roles at all gives the empty set: every role that came down is removed. So with the
    others.
17. `labels`, `unit_prices`, `billing_cycles.*.active`, Tenant name and currency are not in the field table, and are
    never compared.
18. A list speaks of the billing cycles of its products only: those of a product that comes by a plan alone, or that
    left the list, are not compared. Cycles have no origin: every cycle of a listed product is the list's, and one that
    the list lacks is removed under IW-08; at a product that is taken over as well, as an entry of its own.
19. IW-07: a unit that the tenant does not have is inactive. A product of the list that is in the tenant, or comes, is
    sold by the cycles that the list has for it, except those that the tenant itself switched off. A cycle that the list
    no longer has sells nothing, whether or not its removal is withheld: by LAW, an option that is off adds no change. A
    cycle whose creation is withheld needs its unit all the same: both are the matter of one option.
20. A product whose plan is on the delegated list is not retired, delegated yet or not (LAW). Without an assigned list
    nothing is retired. With one, a product that came by a plan which left the list is: IW-01 says exactly those.
21. A retired product leaves a group that came down and that nothing wanted is in any more, under the option that
    removes the group.
22. Unmanaged leftovers: what came down, of a kind that no option removes, that no document of the tenant refers to, and
    that nothing wants: no plan on the delegated list, product of the price list or schedule that the template gives,
    coming or not, nor what these need. Without an assigned list, a product that is still active is one.
"""

from __future__ import annotations

from tests.laws.oracle_catalogue import judge_given, judge_needed
from tests.laws.oracle_inputs import Doc, read_inputs
from tests.laws.oracle_judge import APPLY, Judge
from tests.laws.oracle_leftovers import judge_leftovers
from tests.laws.oracle_plans import judge_plans


def verdicts(
    catalog: list[Doc], state: list[Doc], *, reseller: str, enabled: frozenset[str]
) -> dict[tuple[str, str], str]:
    """The verdict of every difference of one tenant, by (`<kind>/<key>`, path).

    `enabled` is what is on, whatever the policy's `options` say; path "" is the creation or removal of a whole entity.
    """
    judge = Judge(read_inputs(catalog, state, reseller, enabled))
    judge_needed(judge, judge_plans(judge))
    judge_given(judge)
    judge_leftovers(judge)
    if judge.inputs.here("Tenant", reseller) is None and APPLY in judge.entries.values():
        judge.need("Tenant", [reseller])  # the field table: with the first thing that comes down
    return judge.entries
