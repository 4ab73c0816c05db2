"""The envelope of JSON results."""

import json

from reconciler.report.envelope import enveloped


def test_the_data_stand_under_their_keys_beside_the_version() -> None:
    text = enveloped(tenants=[{"tenant": "contoso"}])
    assert json.loads(text) == {"format_version": "1.0", "tenants": [{"tenant": "contoso"}]}
    assert text.endswith("}\n")


def test_the_same_data_are_the_same_bytes_with_characters_as_they_are() -> None:
    assert enveloped(b="Plan € 10", a=1) == enveloped(a=1, b="Plan € 10")
    assert "Plan € 10" in enveloped(b="Plan € 10")


def test_what_utf_8_cannot_hold_is_replaced_and_large_numbers_stay() -> None:
    text = enveloped(entries=[{"by": "an\udcffn", "\udc80": 2**80, "more": ("x",)}])
    assert json.loads(text.encode())["entries"] == [{"by": "an�n", "�": 2**80, "more": ["x"]}]
