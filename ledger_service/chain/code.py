"""Whether the code at an address is one of our contracts, whoever deployed it."""

from __future__ import annotations

import json
from importlib.resources import files

from ..domain.hashing import from_hex


def is_our_code(contract: str, code: bytes) -> bool:
    """Compares what runs with what our compiler made, but for the values that the constructor put in."""
    path = files("ledger_service.chain") / "artifacts" / f"{contract}.json"
    artifact = json.loads(path.read_text("utf-8"))
    ours = bytearray(from_hex(artifact["deployedBytecode"]))
    if len(code) != len(ours):
        return False
    theirs = bytearray(code)
    for places in artifact["immutableReferences"].values():
        for place in places:
            start, end = place["start"], place["start"] + place["length"]
            ours[start:end] = theirs[start:end] = bytes(place["length"])
    return ours == theirs
