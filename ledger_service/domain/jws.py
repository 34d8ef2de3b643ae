"""Checking the service's signed tokens (JWS, RFC 7515; EdDSA, RFC 8037) with its published keys alone."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..errors import IntegrityFailure
from .disclosures import base64url, from_base64url
from .records import canonical_bytes
from .strict_json import load_json

_KEY = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}


def read_token(kind: str, token: str, jwks: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The claims of a token of this type, and the id of the key that signed it.

    Raises IntegrityFailure for whatever can be wrong with the token or the key set. Nothing is said about expiry.
    """
    try:
        return _read(kind, token, jwks)
    except IntegrityFailure:
        raise
    except Exception as error:  # tokens come from anybody; no way to be broken may pass for another error
        raise IntegrityFailure("The token cannot be read.") from error


def _read(kind: str, token: str, jwks: dict[str, Any]) -> tuple[dict[str, Any], str]:
    signed, _, signature = token.rpartition(".")
    header_text, _, claims_text = signed.partition(".")
    header = load_json(_strict(header_text))
    if header.get("alg") != "EdDSA" or header.get("typ") != kind:
        raise IntegrityFailure(f"The token is not of the type {kind}.")
    key = _key(str(header["kid"]), jwks)
    try:
        key.verify(_strict(signature), signed.encode("ascii"))
    except InvalidSignature as error:
        raise IntegrityFailure("The token's signature is not the service's.") from error
    claims = load_json(_strict(claims_text))
    if not isinstance(claims, dict):
        raise IntegrityFailure("The token holds no claims.")
    return claims, str(header["kid"])


def _key(kid: str, jwks: dict[str, Any]) -> Ed25519PublicKey:
    if set(jwks) != {"keys"}:
        raise IntegrityFailure("The key set is not in the form of RFC 7517.")
    for key in jwks["keys"]:
        thumbprint = _thumbprint(key["crv"], key["kty"], key["x"])
        if set(key) != {*_KEY, "kid", "x"} or any(key[name] != _KEY[name] for name in _KEY) or key["kid"] != thumbprint:
            raise IntegrityFailure("A key of the key set is not what its id says.")
        if kid == thumbprint:
            return _public_key(key["x"])
    raise IntegrityFailure("The token was signed by a key that is not in the key set.")


@lru_cache(maxsize=64)  # the same few keys sign every receipt
def _thumbprint(crv: Any, kty: Any, x: Any) -> str:
    """A key's name by RFC 7638."""
    return base64url(hashlib.sha256(canonical_bytes({"crv": crv, "kty": kty, "x": x})).digest())


@lru_cache(maxsize=64)
def _public_key(x: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(_strict(x))


def _strict(text: str) -> bytes:
    """base64url with exactly one text for the same bytes."""
    data = from_base64url(text)
    if base64url(data) != text:
        raise IntegrityFailure("The token is not in the one form that base64url has.")
    return data
