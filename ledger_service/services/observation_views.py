"""Observations as they are shown: in pages with their stages, and in a bundle with their proofs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import read_disclosure
from ..domain.hashing import hex0x
from ..errors import InvalidInput, LedgerError
from ..store import observation_log as sql
from ..store.cases import find_case
from ..store.tables import Account, CaseRow, ChainAnchor, LogCheckpoint, ObservationRow
from .accepting import case_secret
from .access import may_read_words, require_visible
from .app import App
from .cursors import read_number, write_number
from .log import Progress, progress_of, tree_of
from .presenting import stated_answer
from .receipts import receipt_answer

MAX_PAGE = 200


def observations(
    app: App, account: Account, case_id: str, cursor: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """A page of a case's observations in the order in which they were taken. Raises NotFound for a case that is not the
    caller's to see, InvalidInput for a cursor or limit that cannot be."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"A page has 1 to {MAX_PAGE} items.", field="limit", remedy="Send such a number.")
    after = read_number(cursor)
    with app.database.read() as session:
        case = require_visible(session, account, find_case(session, case_id))
        rows = sql.page_of_case(session, case_id, after, limit + 1)
        shown = rows[:limit]
        said = _words(app, session, case, shown) if may_read_words(account, case) else {}
        progress = progress_of(app, session, [row.log_index for row in shown])
        items = [_answer(row, progress, said.get(row.observation_id, {})) for row in shown]
    more = write_number(shown[-1].seq or 0) if len(rows) > limit else None
    return {"items": items, "next_cursor": more}


def _answer(row: ObservationRow, progress: Progress, said: dict[str, Any]) -> dict[str, Any]:
    claims = {"iat": row.accepted_at, "commitment": row.commitment, "jti": row.observation_id}
    return {
        "observation_id": row.observation_id,
        **stated_answer(row),
        **progress.answer(row.log_index),
        "data": json.loads(row.canonical)["data"],
        "disclosed": said,
        "receipt": receipt_answer(row.receipt, claims),
    }


def _words(app: App, session: Session, case: CaseRow, rows: Sequence[ObservationRow]) -> dict[str, dict[str, Any]]:
    """What was sealed, by observation. Empty once it was erased."""
    said: dict[str, dict[str, Any]] = {}
    sealed = sql.disclosures_of(session, [row.observation_id for row in rows])
    try:
        secret = case_secret(app, session, case.case_id) if sealed else None
    except LedgerError:
        secret = None  # as below
    for row in sealed if secret is not None else ():
        try:
            disclosure = read_disclosure(app.vault.open(secret or b"", row.digest, row.sealed).decode())
        except (LedgerError, ValueError):
            continue  # check 1 of the verification says so
        said.setdefault(row.record_id, {})[disclosure.name] = disclosure.value
    return said


# --- in a bundle -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observed:
    """The members `observations` and `checkpoint` of a case's evidence (`domain/observations.py`), which has to name
    the `blocks` too."""

    rows: tuple[tuple[ObservationRow, list[bytes]], ...] = ()
    checkpoint: dict[str, Any] | None = None
    blocks: frozenset[int] = frozenset()

    def observations(self, shown: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
        """`shown` are the disclosures to show, by observation, as text."""
        return [_evidence(row, shown.get(row.observation_id, ()), proof) for row, proof in self.rows]


NOTHING = Observed()


def observations_of(app: App, session: Session, case_id: str) -> Observed:
    """What a bundle says of a case's observations, all by one checkpoint."""
    rows = sql.page_of_case(session, case_id, 0, None)
    if not rows:
        return NOTHING
    anchor, checkpoint = _checkpoint(session, rows)
    tree = tree_of(session, checkpoint.size if checkpoint else 0)
    proven = []
    for row in rows:
        is_covered = row.log_index is not None and row.log_index < len(tree)
        proven.append((row, tree.inclusion_proof(row.log_index or 0) if is_covered else []))
    place = {"block": anchor.block_number, "tx_hash": anchor.tx_hash, "log_index": anchor.log_index} if anchor else None
    note = checkpoint.note if checkpoint else None
    named = {"contract": app.deployment.anchor, "note": note, "anchor": place}
    return Observed(tuple(proven), named, frozenset({anchor.block_number} if anchor else ()))


def _checkpoint(session: Session, rows: Sequence[ObservationRow]) -> tuple[ChainAnchor | None, LogCheckpoint | None]:
    """The first anchored checkpoint that covers all that can be covered; without an anchor the newest checkpoint."""
    last = max((row.log_index for row in rows if row.log_index is not None), default=None)
    if last is None:
        return None, None
    anchor = sql.anchor_over(session, last) or sql.newest_anchor(session)
    checkpoint = sql.checkpoint_of(session, anchor.size) if anchor else None
    if anchor is None or checkpoint is None:
        return None, sql.newest_checkpoint(session)
    return anchor, checkpoint


def _evidence(row: ObservationRow, shown: Sequence[str], proof: Sequence[bytes]) -> dict[str, Any]:
    return {
        "observation_id": row.observation_id,
        "canonical": _raw(row.canonical).decode("utf-8", "replace"),
        "commitment": row.commitment,
        "signature": hex0x(_raw(row.signature)),
        "disclosures": list(shown),
        "receipt": row.receipt,
        "index": row.log_index,
        "proof": [hex0x(node) for node in proof],
    }


def _raw(stored: object) -> bytes:
    """SQLite keeps what it is given: somebody who changed a payload by hand may have left text."""
    return stored if isinstance(stored, bytes) else str(stored).encode("utf-8", "replace")
