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
from .strict_json import MAX_DEPTH, load_json
from .times import rfc3339
from .vocabulary import Kind, Role

SCHEMA = "after-sales-record/1"
MAX_BYTES = 64 * 1024
_EXACT = 2**53  # from here on, doubles skip integers
KeyHolder = Literal["own", "service"]


@dataclass(frozen=True, slots=True)
class Record:
    """One statement. `canonical` are the bytes that `commitment` (keccak-256, 32 bytes) stands for."""

    body: dict[str, Any]
    canonical: bytes
    commitment: bytes

    @property
    def kind(self) -> Kind:
        """Raises KeyError for a word that is none of ours."""
        return Kind.from_wire(str(self.body["kind"]))

    @property
    def role(self) -> Role:
        """Raises KeyError for a word that is none of ours."""
        return Role.from_wire(str(self.body["role"]))


def canonical_bytes(value: Any) -> bytes:
    """RFC 8785. Raises InvalidInput for what JSON cannot hold exactly."""
    try:
        if _is_plain(value):  # of which the standard library writes the same bytes, ten times faster
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
            return text.encode("utf-8")
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:  # its own errors and a key's UnicodeEncodeError are ValueErrors
        raise InvalidInput(
            f"The record cannot be written as canonical JSON: {error}.",
            field="data",
            remedy="Use strings for amounts and for integers beyond 2^53.",
        ) from error


def _is_plain(value: Any, room: int = MAX_DEPTH) -> bool:
    """Whether a value holds no floats, no integer beyond 2^53, and no key that UTF-16 would sort differently.

    Looks at all of it in any case. Raises RecursionError for a value nested deeper than `room`.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-_EXACT < value < _EXACT)
    if kind not in (dict, list, tuple):
        return False
    if room == 0:
        raise RecursionError
    if kind is dict:
        plain_keys = all(type(key) is str and key.isascii() for key in value)
        return all([_is_plain(inner, room - 1) for inner in value.values()]) and plain_keys  # noqa: C419 - looks at all
    return all([_is_plain(inner, room - 1) for inner in value])  # noqa: C419


def make_record(
    *,
    case_id: bytes,
    kind: str,
    role: Role,
    signer: str,
    key: KeyHolder,
    occurred_at: datetime,
    data: dict[str, Any],
    disclosures: list[Disclosure],
    salt: bytes,
) -> Record:
    """`kind` is a milestone's (`Kind.wire`) or an observation's, `salt` is 16 random bytes. Raises InvalidInput if the
    record is too large or cannot be canonical JSON."""
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "case_id": hex0x(case_id),
        "kind": kind,
        "role": role.wire,
        "signer": signer,
        "key": key,
        "occurred_at": rfc3339(occurred_at),
        "data": data,
        "salt": base64url(salt),
        "_sd_alg": "sha-256",
        "_sd": sorted(disclosure.digest for disclosure in disclosures),
    }
    return _read(canonical_bytes(body))


def record_of(canonical: bytes) -> Record:
    """The record of its canonical bytes.

    Raises InvalidInput if it is too large, no JSON object, or not in canonical form: other bytes could be read in two
    ways, such as with a key that stands in it twice.
    """
    record = _read(canonical)
    try:
        same = canonical_bytes(record.body) == canonical
    except InvalidInput:
        same = False
    if not same:
        raise InvalidInput(
            "The record is not in canonical form.", field="record", remedy="Send the bytes as RFC 8785 writes them."
        )
    return record


def _read(canonical: bytes) -> Record:
    if len(canonical) > MAX_BYTES:
        raise InvalidInput(
            f"The record has {len(canonical)} bytes.", field="data", remedy=f"Keep it within {MAX_BYTES} bytes."
        )
    try:
        body = load_json(canonical, parse_int=_number)
    except ValueError as error:
        raise InvalidInput("The record is no JSON.", field="record") from error
    if not isinstance(body, dict):
        raise InvalidInput("The record is no JSON object.", field="record")
    return Record(body, canonical, keccak(canonical))


def _number(digits: str) -> int | float:
    """As JSON's numbers are doubles, an integer beyond 2^53 is one of those."""
    value = int(digits) if len(digits) < 18 else _EXACT
    return value if abs(value) < _EXACT else float(digits)
