"""Records: what somebody stated, as canonical JSON (RFC 8785), and its commitment.

    {"_sd": [...], "_sd_alg": "sha-256", "case_id": "0x…", "data": {…}, "key": "own" | "service", "kind": "picked_up",
     "occurred_at": "…Z", "role": "carrier", "salt": "…", "schema": "after-sales-record/1", "signer": "0x…"}

`key` says whose hand held the signing key. `occurred_at` is the signer's claim; the chain adds its own time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import rfc8785

from ..errors import InvalidInput
from .disclosures import Disclosure, base64url
from .hashing import hex0x, keccak
from .times import rfc3339
from .vocabulary import Kind, Role

SCHEMA = "after-sales-record/1"
MAX_BYTES = 64 * 1024
KeyHolder = Literal["own", "service"]


@dataclass(frozen=True, slots=True)
class Record:
    """One statement. `canonical` are the bytes that `commitment` (keccak-256, 32 bytes) stands for."""

    body: dict[str, Any]
    canonical: bytes
    commitment: bytes

    @property
    def kind(self) -> Kind:
        return Kind[str(self.body["kind"]).upper()]

    @property
    def role(self) -> Role:
        return Role[str(self.body["role"]).upper()]


def canonical_bytes(value: Any) -> bytes:
    """RFC 8785. Raises InvalidInput for what JSON cannot hold exactly."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise InvalidInput(
            f"The record cannot be written as canonical JSON: {error}.",
            field="data",
            remedy="Use strings for amounts and for integers beyond 2^53.",
        ) from error


def make_record(
    *,
    case_id: bytes,
    kind: Kind,
    role: Role,
    signer: str,
    key: KeyHolder,
    occurred_at: datetime,
    data: dict[str, Any],
    disclosures: list[Disclosure],
    salt: bytes,
) -> Record:
    """`salt` is 16 random bytes. Raises InvalidInput if the record is too large or cannot be canonical JSON."""
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "case_id": hex0x(case_id),
        "kind": kind.wire,
        "role": role.wire,
        "signer": signer,
        "key": key,
        "occurred_at": rfc3339(occurred_at),
        "data": data,
        "salt": base64url(salt),
        "_sd_alg": "sha-256",
        "_sd": sorted(disclosure.digest for disclosure in disclosures),
    }
    return record_of(canonical_bytes(body))


def record_of(canonical: bytes) -> Record:
    """The record of its canonical bytes. Raises InvalidInput if it is too large or no JSON object."""
    if len(canonical) > MAX_BYTES:
        raise InvalidInput(
            f"The record has {len(canonical)} bytes.", field="data", remedy=f"Keep it within {MAX_BYTES} bytes."
        )
    try:
        body = json.loads(canonical)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The record is no JSON.", field="record") from error
    if not isinstance(body, dict):
        raise InvalidInput("The record is no JSON object.", field="record")
    return Record(body, canonical, keccak(canonical))
