"""The laws of the incremental engine are tried on the forests of the other laws."""

from tests.laws.conftest import here, pytest_generate_tests, renaming

__all__ = ["here", "pytest_generate_tests", "renaming"]
