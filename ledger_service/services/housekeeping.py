"""Deleting what has served its purpose: old answers under an Idempotency-Key, prepared messages that have expired, what
webhooks told long ago, sessions that are over, and who looked at what long ago."""

from __future__ import annotations

from ..store import housekeeping as sql
from ..store.webhooks_out import delete_old_events, delete_old_secrets
from .app import App
from .idempotency import KEPT_SECONDS

_EVERY_SECONDS = 3_600
_DAY = 86_400
_DELIVERIES_KEPT = 30 * _DAY


def tidy(app: App) -> int:
    """Deletes what is due; how many rows. A prepared message is kept a day longer than its signature could count."""
    now = app.clock.seconds()
    with app.database.write() as session:
        answers = sql.delete_answers(session, now - KEPT_SECONDS)
        prepared = sql.delete_prepared(session, now - (app.settings.signature_days + 1) * _DAY)
        told = delete_old_events(session, now - _DELIVERIES_KEPT) + delete_old_secrets(session, now)
        over = sql.delete_sessions(session, now)
        looks = sql.delete_looks(session, now - app.settings.access_days * _DAY)
        return answers + prepared + told + over + looks


class Housekeeper:
    """`step()` tidies once an hour."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._due = 0

    def step(self) -> None:
        now = self._app.clock.seconds()
        if now >= self._due:
            tidy(self._app)
            self._due = now + _EVERY_SECONDS
