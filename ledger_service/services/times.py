"""Times that people claim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..errors import InvalidInput
from .app import App

_SKEW = timedelta(minutes=5)  # between a sender's clock and ours


def check_occurred(app: App, moment: datetime | None, *, field: str = "occurred_at") -> datetime:
    """When something happened, in UTC; now if nobody says. Raises InvalidInput for the future or before 2000."""
    now = app.clock.now().replace(microsecond=0)
    if moment is None:
        return now
    if moment > now + _SKEW:
        raise InvalidInput(
            f"{moment.isoformat()} is in the future.",
            field=field,
            remedy="Send when it happened, in UTC or with its zone.",
        )
    if moment.year < 2000:
        raise InvalidInput(f"{moment.isoformat()} is too long ago.", field=field, remedy="Send when it happened.")
    return moment.astimezone(UTC)
