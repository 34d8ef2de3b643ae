"""What people said in their acts and votes: sealed in the records, opened for those who may see the case."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from ..domain.disclosures import read_disclosure
from ..errors import LedgerError
from ..store.disputes import disclosures_of_kinds
from .accepting import case_secret
from .act_data import WORDS, is_name_of_file
from .app import App
from .drafting import POSTABLE

_SHOWN = (*WORDS, "location", "grounds", "conflict")


def words_of(app: App, session: Session, case_id: str) -> dict[str, dict[str, Any]]:
    """By the id of a record or vote, its words and the names of its files. Empty once they were erased."""
    rows = disclosures_of_kinds(session, case_id, [kind.wire for kind in POSTABLE])
    said: dict[str, dict[str, Any]] = {}
    try:
        secret = case_secret(app, session, case_id) if rows else None
    except LedgerError:
        secret = None  # as below
    if secret is None:
        return said
    for row in rows:
        try:
            disclosure = read_disclosure(app.vault.open(secret, row.digest, row.sealed).decode())
        except (LedgerError, ValueError):
            continue  # check 1 of the verification says so
        if disclosure.name in _SHOWN or is_name_of_file(disclosure.name):
            said.setdefault(row.record_id, {})[disclosure.name] = disclosure.value
    return said


def grounds_of(said: dict[str, Any]) -> dict[str, Any]:
    """Why an arbitrator voted so, as far as it may be shown: words, codes, and what was declared."""
    grounds = said.get("grounds")
    return {
        "reason": said.get("reason"),
        "grounds": grounds.split(", ") if isinstance(grounds, str) else [],
        "conflict": said.get("conflict"),
    }
