"""Checkpoints of a log: its size and root in a text (C2SP tlog-checkpoint), signed as a note (C2SP signed-note).

    ledger.example/0x…          the origin: the service's host, and the contract that anchors the log
    1234                        the size
    qINS1GRFhWHwdkUeqLEo…=      the root, RFC 6962

    — ledger.example/0x… base64(key id, signature)

The key's name is the origin, its algorithm Ed25519 (signature type 0x01).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..errors import IntegrityFailure
from .disclosures import from_base64url
from .merkle import verify_consistency

_ED25519 = b"\x01"
_LINE = re.compile(r"— (\S+) ([A-Za-z0-9+/]+={0,2})")
_BODY = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,17})\n([A-Za-z0-9+/]{43}=)\n")
_HOST = re.compile(r"^[a-z][a-z0-9+.-]*://")
_MOST_LINES = 100  # of signatures; the specification lets others add theirs
_LONGEST = 16_384  # characters of a note


class NoteSigner(Protocol):
    """Whoever signs notes with an Ed25519 key."""

    @property
    def public_key(self) -> bytes:
        """32 bytes."""

    def sign_note(self, text: str) -> bytes:
        """64 bytes over the text, its last newline included."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`root` is 32 bytes."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def origin_of(url: str, contract: str) -> str:
    """What names the log of a service that is reached at `url`: no scheme, no slash at the end."""
    return f"{_HOST.sub('', url).rstrip('/')}/{contract}"


def key_id(name: str, public_key: bytes) -> bytes:
    """Four bytes that say which key of a name it is."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + _ED25519 + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """What a note's verifier is given, in the one line that the specification's tools take."""
    return f"{name}+{key_id(name, public_key).hex()}+{_base64(_ED25519 + public_key)}"


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """The whole note."""
    text, name = checkpoint.text(), checkpoint.origin
    signature = key_id(name, signer.public_key) + signer.sign_note(text)
    return f"{text}\n— {name} {_base64(signature)}\n"


def read_checkpoint(note: str, keys: Sequence[bytes]) -> Checkpoint:
    """The checkpoint of a note that one of these Ed25519 keys signed in the name of its origin; lines of others do not
    count (C2SP signed-note). Raises IntegrityFailure for anything else."""
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    lines = signatures.splitlines()
    body = _BODY.fullmatch(text)
    whole = len(note) <= _LONGEST and note.endswith("\n") and 0 < len(lines) <= _MOST_LINES
    if body is None or not whole or "".join(f"{line}\n" for line in lines) != signatures:
        raise IntegrityFailure("The checkpoint is no signed note of a log.")
    origin, size, root = body.groups()
    if True not in [_is_signed(line, origin, text, keys) for line in lines]:  # every line is looked at
        raise IntegrityFailure("The checkpoint is not signed by a key of the service.")
    checkpoint = Checkpoint(origin, int(size), base64.b64decode(root))
    if checkpoint.text() != text:  # base64 can be written in more ways than one
        raise IntegrityFailure("The checkpoint is not in the one form that it has.")
    return checkpoint


def _is_signed(line: str, name: str, text: str, keys: Sequence[bytes]) -> bool:
    found = _LINE.fullmatch(line)
    if found is None:
        raise IntegrityFailure("The checkpoint holds a line that is no signature.")
    try:
        signed = base64.b64decode(found[2], validate=True)
    except ValueError:
        raise IntegrityFailure("The checkpoint holds a line that is no signature.") from None
    named = [key for key in keys if found[1] == name and key_id(name, key) == signed[:4]]
    if not named:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(named[0]).verify(signed[4:], text.encode("utf-8"))
    except InvalidSignature:  # a line by a known key that does not hold spoils the note
        raise IntegrityFailure("The checkpoint was changed after the service signed it.") from None
    return True


def growth_problem(earlier: Checkpoint, later: Checkpoint, proof: Sequence[bytes]) -> str | None:
    """What speaks against `later` being the same log as `earlier`, grown; None where the consistency proof (RFC 6962)
    shows that it is. For whoever keeps the last checkpoint that it saw."""
    if earlier.origin != later.origin:
        return f"These are checkpoints of two logs, {earlier.origin} and {later.origin}."
    if later.size < earlier.size:
        return f"The log shrank from {earlier.size} to {later.size} entries."
    if earlier.size == 0:  # everything begins with nothing
        return None if not proof else "From an empty log on there is nothing to prove."
    if not verify_consistency(earlier.size, later.size, earlier.root, later.root, proof):
        return f"The log of {later.size} entries is not shown to begin with the {earlier.size} that were seen before."
    return None


def keys_of(jwks: Any) -> list[bytes]:
    """The Ed25519 keys of a JSON Web Key Set; none where it is none."""
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    found = []
    for key in listed if isinstance(listed, list) else []:
        try:
            public = from_base64url(key["x"]) if (key["kty"], key["crv"]) == ("OKP", "Ed25519") else b""
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
        if len(public) == 32:
            found.append(public)
    return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
