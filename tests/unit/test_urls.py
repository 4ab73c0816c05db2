"""URLs as they are shown: nothing that may be a credential."""

import pytest

from reconciler.model.values.urls import shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:pw@db.example:5432/tenants", "postgresql://***@db.example:5432/tenants"),
        ("postgresql://ann@db.example/tenants", "postgresql://***@db.example/tenants"),
        ("postgresql://db.example/tenants?sslmode=require", "postgresql://db.example/tenants"),
        ("postgresql:ann:pw@db.example/tenants", "***"),
        ("ann:pw@db.example/tenants", "***"),
        ("ann:pw", "ann:pw"),
        ("memory:here", "memory:here"),
        ("memory:he re", "***"),
        ("https://ann:p?w@host/x", "https://***"),
    ],
)
def test_a_url_is_shown_without_what_may_be_its_user(url: str, shown: str) -> None:
    assert shown_url(url) == shown
