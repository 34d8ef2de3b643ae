"""The signed receipt that answers an accepted record: its writer can prove later what we took, and when."""

from __future__ import annotations

from typing import Any

from ..domain.hashing import hex0x
from ..domain.records import Record
from ..domain.times import from_chain, rfc3339
from .app import App


def receipt_claims(app: App, record_id: str, record: Record, accepted_at: int) -> dict[str, Any]:
    return {
        "iss": app.settings.url,
        "iat": accepted_at,
        "jti": record_id,
        "sub": record.body["case_id"],
        "kind": record.body["kind"],
        "signer": record.body["signer"],
        "commitment": hex0x(record.commitment),
        "chain_id": app.deployment.chain_id,
        "contract": app.deployment.ledger,
    }


def receipt_answer(jws: str, claims: dict[str, Any]) -> dict[str, Any]:
    """The receipt as an answer shows it: readable fields, and the JWS that proves them."""
    return {
        "accepted_at": rfc3339(from_chain(claims["iat"])),
        "commitment": claims["commitment"],
        "record_id": claims["jti"],
        "jws": jws,
    }
