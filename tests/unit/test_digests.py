"""Digests are stored: their bytes are those of the first release."""

from reconciler.core.reading import document_digest
from reconciler.core.states import of_actual
from reconciler.model.values.digests import checksum, content_digest, prefixed_digest, record_digest
from reconciler.model.values.entity import Entity, fingerprint_of, state_fingerprint
from reconciler.model.values.keys import EntityId

PLAN = Entity(EntityId("Plan", "web"), {"status": "active", "description": "x"}, "acme")


def test_the_three_digests() -> None:
    of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, appendix B.1
    assert record_digest(b"abc") == of_abc
    assert prefixed_digest((b"a", b"", b"bc")) == f"sha256:{of_abc}"
    assert content_digest((b"a", b"", b"bc")).hex() == "384264f676f39536840523f284921cdc68b6846b"
    assert checksum(b"abc").hex() == "cf4ab791c62b8d2b2109c90275287816"


def test_another_key_gives_another_digest() -> None:
    assert len({content_digest((b"abc",), key=key) for key in (b"", b"1", b"2")}) == 3
    assert len({checksum(b"abc", key=key) for key in (b"", b"1", b"2")}) == 3


def test_what_stores_hold_keeps_its_bytes() -> None:
    assert PLAN.digest() == "7d393224a5fe281e61402e9ab122f64b0fd72231709b833e06a34acace3cc8b6"
    expected = "sha256:bab3d3c1b14ca43ac5f88b0e992c46114734fe7955aafb0a8e44f0b76b89359a"
    assert state_fingerprint({PLAN.id: PLAN}) == expected
    assert fingerprint_of(()) == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert of_actual(PLAN) == "925644bc648818c3644549e73c913ed9"
    assert document_digest(PLAN.id, PLAN.body) == "dfb9db2746709040376e07fe05b5856cfe8cc6a8"
