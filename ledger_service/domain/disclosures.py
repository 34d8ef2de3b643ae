"""Personal fields that stand in a record as digests only, in the manner of SD-JWT (RFC 9901).

A disclosure is the base64url text of the JSON array `[salt, name, value]`; its digest is the base64url SHA-256 of that
text. A record lists the digests, sorted, under `_sd`. One disclosure can be shown without another, and destroying it
leaves the record's commitment as it was.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Raises ValueError for text that is no base64url."""
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


@dataclass(frozen=True, slots=True)
class Disclosure:
    name: str
    value: Any
    encoded: str

    @property
    def digest(self) -> str:
        return base64url(hashlib.sha256(self.encoded.encode("ascii")).digest())


def make_disclosure(salt: bytes, name: str, value: Any) -> Disclosure:
    """`salt` is 16 random bytes, never used twice."""
    text = json.dumps([base64url(salt), name, value], ensure_ascii=False, separators=(",", ":"))
    return Disclosure(name, value, base64url(text.encode("utf-8")))


def read_disclosure(encoded: str) -> Disclosure:
    """Raises ValueError for text that is no disclosure."""
    try:
        parsed = json.loads(from_base64url(encoded))
    except RecursionError as error:
        raise ValueError("a disclosure is not nested that deeply") from error
    if not isinstance(parsed, list) or len(parsed) != 3 or not isinstance(parsed[1], str):
        raise ValueError("a disclosure is a JSON array of salt, name and value")
    return Disclosure(parsed[1], parsed[2], encoded)
