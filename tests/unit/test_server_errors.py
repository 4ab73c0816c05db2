"""What is repeated of a database server's errors."""

from pathlib import Path

import pytest

from reconciler.stores.base import StoreError
from reconciler.stores.registry import open_reader


def test_of_a_servers_error_the_first_line_is_repeated() -> None:
    """The lines after it are hints of the driver, or excerpts of statements with tenants' data."""
    with pytest.raises(StoreError) as raised:
        open_reader("postgresql://reconcile@127.0.0.1:1/tenants", root=Path()).observe("contoso")
    assert "Connection refused" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "Is the server running" not in str(raised.value)
