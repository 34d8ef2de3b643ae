"""What goes along with a message to a consumer: with the first one, the acknowledgement of what they declared."""

from __future__ import annotations

from email.message import EmailMessage

import structlog

from ..errors import Unavailable
from ..services.acknowledgements import acknowledgement
from ..services.app import App
from ..store.tables import Mail

log = structlog.get_logger()

_ACKNOWLEDGED_BY = "opened"
_TRIES = 3  # of a message, until it goes out without a document that others' haste keeps from being made


def acknowledge(app: App, mail: Mail) -> bytes | None:
    """The acknowledgement that goes with a message; None where none does, or where it cannot be made. The link has to
    reach the consumer in any case, and by the link they get the document later.

    Raises Unavailable where it may be made in a moment, but in the last of a few tries.
    """
    if mail.template != _ACKNOWLEDGED_BY or mail.occasion != "start":
        return None
    try:
        return acknowledgement(app, mail.case_id)
    except Exception as failure:
        if isinstance(failure, Unavailable) and mail.attempts < _TRIES:
            raise
        log.warning("mail.not_acknowledged", mail=mail.id, case_id=mail.case_id, error=type(failure).__name__)
        return None


def attach(message: EmailMessage, document: bytes, case_id: str) -> None:
    name = f"acknowledgement-{case_id[2:10]}.pdf"
    message.add_attachment(document, maintype="application", subtype="pdf", filename=name)
