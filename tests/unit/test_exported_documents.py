"""How a tenant's state reads when it is exported."""

from reconciler.model.entity import Entity
from reconciler.model.keys import EntityId
from reconciler.report.documents import render_documents


def test_days_stand_in_the_order_of_numbers() -> None:
    notices = {"30": "renewal-notice", "60": "renewal-notice", "7": "last-call"}
    schedule = Entity(EntityId("NotificationSchedule", "reminders"), {"notices": notices}, None)
    assert render_documents([schedule]) == (
        "kind: NotificationSchedule\nkey: reminders\nnotices:\n"
        "  '7': last-call\n  '30': renewal-notice\n  '60': renewal-notice\n"
    )
