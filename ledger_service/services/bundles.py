"""Evidence bundles: one JSON file with all that is needed to check a case, sealed by the service."""

from __future__ import annotations

import hashlib
from typing import Any

from ..domain.records import canonical_bytes
from ..verification import BUNDLE
from .app import App
from .evidence import Show, gather, show_none


def make_bundle(app: App, case_id: str, show: Show = show_none) -> dict[str, Any]:
    """The bundle of a case; see docs/verification.md for its form. Raises NotFound.

    Personal fields are left out unless `show` picks them by name: every check holds without them.
    """
    with app.database.read() as session:
        _, evidence = gather(app, session, case_id, show, open_round=False)
    claims = {
        "iss": app.settings.url,
        "iat": app.clock.seconds(),
        "sub": case_id,
        "sha256": hashlib.sha256(canonical_bytes(evidence)).hexdigest(),
    }
    return {"format": BUNDLE, "evidence": evidence, "seal": app.tokens.sign("bundle+jwt", claims)}
