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

from ..errors import InvalidInput
from .strict_json import load_json


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Raises ValueError for text that is no base64url, or not the one that `base64url` writes."""
    data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if base64url(data) != text:  # Python's decoder skips what it does not know
        raise ValueError("this is no base64url without padding")
    return data


@dataclass(frozen=True, slots=True)
class Disclosure:
    name: str
    value: Any
    encoded: str

    @property
    def digest(self) -> str:
        return base64url(hashlib.sha256(self.encoded.encode("ascii")).digest())


def make_disclosure(salt: bytes, name: str, value: Any) -> Disclosure:
    """`salt` is 16 random bytes, never used twice. Raises InvalidInput for a value that JSON cannot hold."""
    try:
        text = json.dumps([base64url(salt), name, value], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        encoded = text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            "This value cannot be written as JSON.", field=name, remedy="Send text of whole Unicode characters."
        ) from error
    return Disclosure(name, value, base64url(encoded))


def read_disclosure(encoded: str) -> Disclosure:
    """Raises ValueError for text that is no disclosure."""
    parsed = load_json(from_base64url(encoded))
    if not isinstance(parsed, list) or len(parsed) != 3 or not all(isinstance(text, str) for text in parsed[:2]):
        raise ValueError("a disclosure is a JSON array of salt, name and value")
    return Disclosure(parsed[1], parsed[2], encoded)
