"""How mirrors read: of a creation what the reseller said, of a history what is new."""

from typing import Any

from reconciler.core.inspect.explaining import Account, Explanation
from reconciler.model.values.keys import EntityId
from reconciler.report.explanation import render_explanation
from reconciler.report.values import leaves, shown_pair

MIRROR = EntityId("Subscription", "one.sub-1")
CREATED = {"at": "2026-12-01T08:00:00Z", "action": "create"}
SUSPENDED = {"at": "2026-12-02T08:00:00Z", "action": "suspend"}


def body(**more: Any) -> dict[str, Any]:
    return {
        "name": "Huber - Mail", "quantity": 25, "locked": ["quantity"], "history": [CREATED],
        "last_applied": {"records": 0}, **more
    }  # fmt: skip


def test_what_the_reconciler_wrote_for_itself_is_left_out() -> None:
    document = {"kind": "Subscription", "key": "one.sub-1", "origin": "one", **body()}
    assert leaves(document) == [(("name",), "Huber - Mail"), (("quantity",), 25)]


def test_a_field_of_that_name_further_in_is_not_left_out() -> None:
    assert (("characteristics", "history"), "kept") in leaves(body(characteristics={"history": "kept"}))


def test_of_a_history_what_is_new_is_shown() -> None:
    before, after = shown_pair([CREATED], [CREATED, SUSPENDED])
    assert before == "[… 1 in both]"
    assert after == '[… 1 in both, {action: "suspend", at: "2026-12-02T08:00:00Z"}]'


def test_a_record_that_stands_twice_is_shown_as_new() -> None:
    _, after = shown_pair([CREATED, SUSPENDED], [CREATED, SUSPENDED, SUSPENDED])
    assert after.endswith('in both, {action: "suspend", at: "2026-12-02T08:00:00Z"}]')


def test_all_of_a_history_is_shown_where_everything_is_asked_for() -> None:
    before, _ = shown_pair([CREATED], [CREATED, SUSPENDED], full=True)
    assert before == '[{action: "create", at: "2026-12-01T08:00:00Z"}]'


def test_a_history_that_was_rewritten_is_shown_as_any_list() -> None:
    assert shown_pair([CREATED], [SUSPENDED])[1] == '[{action: "suspend", at: "2026-12-02T08:00:00Z"}]'


def test_a_whole_mirror_is_explained_by_what_the_reseller_said() -> None:
    account = Account((), body(), None, "withheld", "SUB-01", "it is off")
    shown = render_explanation(Explanation("acme", MIRROR, False, True, None, (account,)))
    assert '    It should be {name: "Huber - Mail", quantity: 25}.\n' in shown
    assert "last_applied" not in shown
