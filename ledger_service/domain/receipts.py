"""The service's receipts of what it accepted: signed tokens that name record, chain, contract and moment."""

from __future__ import annotations

from .hashing import hex0x
from .reading import Reading, Row
from .strict_fields import LAST_MOMENT


def record_receipt(reading: Reading, row: Row) -> tuple[str | None, int | None]:
    """What is wrong with the record's receipt, and the moment at which the service accepted it."""
    if row.statement is None:
        return None, None
    stated = row.statement
    return receipt_of(reading, stated.receipt, stated.record_id, stated.commitment)


def receipt_of(reading: Reading, receipt: str, record_id: str, commitment: bytes) -> tuple[str | None, int | None]:
    chain, claims = reading.evidence.chain, reading.claims_of(receipt)
    if isinstance(claims, str):
        return f"Its receipt does not hold: {claims}", None
    expected = {
        "jti": record_id,
        "sub": hex0x(reading.evidence.case_id),
        "commitment": hex0x(commitment),
        "chain_id": chain.id,
        "contract": chain.ledger,
    }
    accepted_at = claims.get("iat")
    if any(claims.get(name) != value for name, value in expected.items()) or not isinstance(accepted_at, int):
        return "Its receipt is one of another record, chain or contract.", None
    return (None, accepted_at) if 0 <= accepted_at <= LAST_MOMENT else ("Its receipt has no time.", None)
