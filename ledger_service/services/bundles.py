"""Evidence bundles: one JSON file with all that is needed to check a case, sealed by the service."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any

from ..chain.proofs import ask_proofs
from ..domain.evidence import Block
from ..domain.hashing import from_hex, hex0x
from ..domain.records import canonical_bytes
from ..domain.state_proof import NoProof
from ..verification import BUNDLE
from .app import App
from .evidence import Show, gather, own_rpc, show_none

BUNDLE_SCHEMA = (files("ledger_service") / "schemas" / "after-sales-bundle-1.schema.json").read_bytes()


def make_bundle(app: App, case_id: str, show: Show = show_none) -> dict[str, Any]:
    """The bundle of a case; see docs/verification.md for its form. Raises NotFound.

    Personal fields are left out unless `show` picks them by name: every check holds without them.
    """
    with app.database.read() as session:
        _, evidence = gather(app, session, case_id, show, open_round=False)
    evidence |= _proofs(app, evidence)
    claims = {
        "iss": app.settings.url,
        "iat": app.clock.seconds(),
        "sub": case_id,
        "sha256": hashlib.sha256(canonical_bytes(evidence)).hexdigest(),
    }
    return {"format": BUNDLE, "evidence": evidence, "seal": app.tokens.sign("bundle+jwt", claims)}


def _proofs(app: App, evidence: dict[str, Any]) -> dict[str, Any]:
    """What the chain itself can add, so that the bundle can be checked without it later."""
    chain, rpc, at = evidence["chain"], own_rpc(app), evidence["head"]["block"]
    if rpc is None or at == 0:
        return {"state_proof": NoProof("Nothing has been read of the chain yet.").as_json()}
    blocks = [Block(**block) for block in evidence["blocks"]]
    case_id = from_hex(evidence["case_id"])
    headers, proof = ask_proofs(rpc, blocks, at, case_id, chain["ledger"], chain["escrow"])
    return {"headers": [hex0x(header) for header in headers], "state_proof": proof.as_json()}
