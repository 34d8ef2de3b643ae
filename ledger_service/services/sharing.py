"""What a consumer may pass on: the link that only reads, also as a QR code (ISO/IEC 18004) to scan or print."""

from __future__ import annotations

from typing import Any

import segno

from ..errors import NotFound
from .app import App
from .links import LinkClaims, reading_link


def shared_link(app: App, claims: LinkClaims) -> dict[str, Any]:
    """The URL, and the rows of its QR code with a digit a module. Raises NotFound if each reading link is over."""
    with app.database.read() as session:
        url = reading_link(app, session, claims.case_id)
    if url is None:
        raise NotFound("There is no link that only reads this case.", field="case_id", remedy="Ask the shop for one.")
    rows = segno.make(url, error="l", micro=False).matrix
    return {"status_link": url, "qr": ["".join(map(str, row)) for row in rows]}
