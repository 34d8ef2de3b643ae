"""Accounts: what a name can be."""

from __future__ import annotations

import pytest

from ledger_service.errors import InvalidInput
from ledger_service.services.accounts import create_account
from ledger_service.services.app import App


@pytest.mark.parametrize("name", ["", " ", "x" * 121, "a\x00b", "a\nb", "a\u2028b"])
def test_a_name_that_cannot_be_printed_is_refused(app: App, name: str) -> None:
    with pytest.raises(InvalidInput, match="printable"):
        create_account(app, "merchant", name)
