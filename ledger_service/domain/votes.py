"""Votes as documents: the canonical form of records (`records.py`), of a kind that no milestone has.

    {"_sd": [...], "_sd_alg": "sha-256", "case_id": "0x…", "data": {"round": 0, "share": 7000},
     "key": "own" | "service", "kind": "vote", "occurred_at": "…Z", "role": "panel", "salt": "…",
     "schema": "after-sales-record/1", "signer": "0x…"}

Its commitment stands in the signed message. The reasons are a disclosure: they may name people.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .disclosures import Disclosure, base64url
from .hashing import hex0x
from .records import SCHEMA, KeyHolder, Record, canonical_bytes, record_of
from .times import rfc3339
from .vocabulary import Role

KIND = "vote"


def make_vote(
    *,
    case_id: bytes,
    signer: str,
    key: KeyHolder,
    round_: int,
    share: int,
    occurred_at: datetime,
    disclosures: list[Disclosure],
    salt: bytes,
) -> Record:
    """`share` is basis points, `salt` 16 random bytes. `Record.kind` is no milestone's and raises KeyError."""
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "case_id": hex0x(case_id),
        "kind": KIND,
        "role": Role.PANEL.wire,
        "signer": signer,
        "key": key,
        "occurred_at": rfc3339(occurred_at),
        "data": {"round": round_, "share": share},
        "salt": base64url(salt),
        "_sd_alg": "sha-256",
        "_sd": sorted(disclosure.digest for disclosure in disclosures),
    }
    return record_of(canonical_bytes(body))
