"""Whether the code at an address is one of our contracts, whoever deployed it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from ..domain.evidence import ChainIdentity
from ..domain.hashing import from_hex, keccak, word
from ..domain.messages import SigningDomain, escrow_domain

_LEDGER, _ESCROW = "ReturnLedger", "RefundEscrow"


def is_our_code(contract: str, code: bytes) -> bool:
    """Compares what runs with what our compiler made, but for the values that the constructor put in."""
    artifact = _artifact(contract)
    ours = bytearray(from_hex(artifact["deployedBytecode"]))
    if len(code) != len(ours):
        return False
    theirs = bytearray(code)
    for places in artifact["immutableReferences"].values():
        for place in places:
            start, end = place["start"], place["start"] + place["length"]
            ours[start:end] = theirs[start:end] = bytes(place["length"])
    return ours == theirs


def code_hashes(chain: ChainIdentity) -> tuple[bytes, bytes]:
    """keccak-256 of the code that ledger and escrow have if they are this release's, at these addresses of this chain.

    What a constructor puts into the code is taken in the order of the compiler's numbers for it.
    """
    ledger, escrow = SigningDomain(chain.id, chain.ledger), escrow_domain(chain.id, chain.escrow)
    common = (word(chain.id), word(chain.ledger), keccak(_LEDGER.encode()), keccak(b"1"))
    own = _code_hash(_LEDGER, (ledger.separator, *common, word(chain.escrow), word(chain.panel)))
    common = (word(chain.id), word(chain.escrow), keccak(_ESCROW.encode()), keccak(b"1"))
    named = (_short(_ESCROW), _short("1"))
    return own, _code_hash(_ESCROW, (word(chain.ledger), escrow.separator, *common, *named))


def _code_hash(contract: str, immutables: tuple[bytes, ...]) -> bytes:
    artifact = _artifact(contract)
    code = bytearray(from_hex(artifact["deployedBytecode"]))
    places = artifact["immutableReferences"]
    for number, value in zip(sorted(places, key=int), immutables, strict=True):
        for place in places[number]:
            code[place["start"] : place["start"] + place["length"]] = value
    return keccak(bytes(code))


def _short(text: str) -> bytes:
    """A short string as Solidity has it in a word."""
    return text.encode().ljust(31, b"\0") + bytes([len(text)])


@cache
def _artifact(contract: str) -> dict[str, Any]:
    path = files("ledger_service.chain") / "artifacts" / f"{contract}.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found
