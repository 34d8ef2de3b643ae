"""The personal fields that a case was opened with: who the consumer is, the order, the parcel. What anybody states
later never takes their place, so they are read of the opening record alone, and their names are refused elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import read_disclosure
from ..errors import InvalidInput
from ..store.cases import opening_disclosures
from .accepting import case_secret
from .app import App

_RESERVED = ("consumer.", "order.", "shipment.")
_REFERENCE = "reference"


def opening_fields(app: App, session: Session, case_id: str) -> dict[str, Any]:
    """The personal fields of the opening; empty once they were erased."""
    secret = case_secret(app, session, case_id)
    if secret is None:
        return {}
    rows = opening_disclosures(session, case_id)
    opened = (read_disclosure(app.vault.open(secret, row.digest, row.sealed).decode()) for row in rows)
    return {disclosure.name: disclosure.value for disclosure in opened}


def require_free_names(names: Iterable[str]) -> None:
    """Raises InvalidInput, naming the field, for one that only the opening of a case states."""
    for name in names:
        folded = name.strip().casefold()
        if folded == _REFERENCE or folded.startswith(_RESERVED):
            raise InvalidInput(
                f"{name!r} is stated when a case is opened, and by nothing later.",
                field=f"personal.{name}",
                remedy="Send it under another name.",
            )
