"""The service's receipts of what it accepted: signed tokens that name record, chain, contract and moment."""

from __future__ import annotations

from .evidence import Block
from .hashing import hex0x
from .reading import Reading, Row
from .strict_fields import LAST_MOMENT
from .times import from_chain, rfc3339

EARLY = 900  # seconds that a block may be dated before the receipts of what is in it: clocks differ a little


def record_receipt(reading: Reading, row: Row) -> tuple[str | None, int | None]:
    """What is wrong with the record's receipt, and the moment at which the service accepted it."""
    if row.statement is None:
        return None, None
    stated = row.statement
    return receipt_of(reading, stated.receipt, stated.record_id, stated.commitment)


def receipt_of(
    reading: Reading, receipt: str, record_id: str, commitment: bytes, *, contract: str = "", of: str = "record"
) -> tuple[str | None, int | None]:
    """The same for whatever has a receipt; it names the ledger, or `contract`. `of` says in words what it is."""
    chain, claims = reading.evidence.chain, reading.claims_of(receipt)
    if isinstance(claims, str):
        return f"Its receipt does not hold: {claims}", None
    expected = {
        "jti": record_id,
        "sub": hex0x(reading.evidence.case_id),
        "commitment": hex0x(commitment),
        "chain_id": chain.id,
        "contract": contract or chain.ledger,
    }
    accepted_at = claims.get("iat")
    is_ours = all(_same(claims.get(name), value) for name, value in expected.items())
    if not is_ours or not isinstance(accepted_at, int) or isinstance(accepted_at, bool):
        return f"Its receipt is one of another {of}, chain or contract.", None
    return (None, accepted_at) if 0 <= accepted_at <= LAST_MOMENT else ("Its receipt has no time.", None)


def too_early(block: Block, accepted_at: int | None) -> str | None:
    """What is wrong with the time of a block that came after a receipt, in words that begin with the block."""
    if accepted_at is None or block.time >= accepted_at - EARLY:
        return None
    dated, taken = rfc3339(from_chain(block.time)), rfc3339(from_chain(accepted_at))
    return f"is dated {dated}, before the service even accepted it at {taken}."


def _same(one: object, other: object) -> bool:
    """Of one kind too: true is no 1, and 1.0 is none either."""
    return type(one) is type(other) and one == other
