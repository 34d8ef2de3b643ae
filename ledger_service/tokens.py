"""Signed tokens: JWS with Ed25519 (RFC 7515, RFC 8037), each of one explicit type (RFC 8725 section 3.11).

`status+jwt` is a consumer's link, `receipt+jwt` the receipt of an accepted record, `bundle+jwt` the seal of an evidence
bundle, `breach+jwt` the certificate of a missed window, `acknowledgement+jwt` that of a withdrawal. A token of one type
is never taken for another. Keys live in one file: the first signs, all verify, so that rotation is adding one in front.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from .domain.disclosures import base64url
from .domain.records import canonical_bytes
from .errors import LinkAltered, LinkExpired

TokenType = Literal["status+jwt", "receipt+jwt", "bundle+jwt", "breach+jwt", "acknowledgement+jwt"]
MAX_LENGTH = 4096


class TokenService:
    """Signs with the newest key, verifies with any."""

    def __init__(self, keys: list[Ed25519PrivateKey]) -> None:
        """`keys`: newest first, at least one."""
        self._keys = {_thumbprint(key): key for key in keys}
        self._signing = _thumbprint(keys[0])
        self._headers = {
            kind: _part({"alg": "EdDSA", "kid": self._signing, "typ": kind}) for kind in get_args(TokenType)
        }

    def sign(self, kind: TokenType, claims: dict[str, Any]) -> str:
        """A compact JWS of the claims."""
        signed = f"{self._headers[kind]}.{_part(claims)}"
        return f"{signed}.{base64url(self._keys[self._signing].sign(signed.encode('ascii')))}"

    @property
    def public_key(self) -> bytes:
        """Of the key that signs, 32 bytes."""
        return self._keys[self._signing].public_key().public_bytes_raw()

    def sign_note(self, text: str) -> bytes:
        """A signature over a note (C2SP signed-note). What a token signs has no newline, so neither is the other."""
        return self._keys[self._signing].sign(text.encode("utf-8"))

    def verify(self, kind: TokenType, token: str, now: datetime) -> dict[str, Any]:
        """The claims. Raises LinkExpired, or LinkAltered if it is altered, of another type, or by another key."""
        if len(token) > MAX_LENGTH:
            raise _refused("It is too long for one of ours.")
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys[str(header.get("kid"))]
            if header.get("typ") != kind:
                raise _refused("It is a token for something else.")
            claims: dict[str, Any] = jwt.decode(
                token, key.public_key(), algorithms=["EdDSA"], options={"verify_exp": False, "verify_iat": False}
            )
        except (jwt.InvalidTokenError, KeyError) as error:
            raise _refused("It was altered, cut short, or signed by somebody else.") from error
        expires = claims.get("exp")
        if expires is not None and now.timestamp() >= expires:
            raise LinkExpired("This link has expired.", field="Authorization", remedy="Ask the shop for a new link.")
        return claims

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        return {
            "keys": [{**_public_jwk(key), "kid": kid, "use": "sig", "alg": "EdDSA"} for kid, key in self._keys.items()]
        }


def read_or_create_keys(path: Path) -> list[Ed25519PrivateKey]:
    """The service's keys, newest first, from a file that only its owner can read; made at first use."""
    if not path.exists():
        rotate_keys(path)
    stored = json.loads(path.read_text())
    return [Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key)) for key in stored["ed25519"]]


def rotate_keys(path: Path) -> None:
    """Adds a new signing key in front; tokens of the keys before it stay valid."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    earlier = json.loads(path.read_text())["ed25519"] if path.exists() else []
    fresh = Ed25519PrivateKey.generate().private_bytes_raw().hex()
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"ed25519": [fresh, *earlier]}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _part(value: dict[str, Any]) -> str:
    return base64url(json.dumps(value, separators=(",", ":")).encode("utf-8"))


def _refused(why: str) -> LinkAltered:
    return LinkAltered(
        f"This link cannot be read. {why}",
        field="Authorization",
        remedy="Open the link exactly as you received it, or ask the shop for a new one.",
    )


def _public_jwk(key: Ed25519PrivateKey) -> dict[str, Any]:
    return dict(OKPAlgorithm.to_jwk(key.public_key(), as_dict=True))


def _thumbprint(key: Ed25519PrivateKey) -> str:
    """RFC 7638."""
    jwk = _public_jwk(key)
    required = {name: jwk[name] for name in ("crv", "kty", "x")}
    return base64url(hashlib.sha256(canonical_bytes(required)).digest())
