"""SQL of webhooks out: endpoints and their secrets, events, and their deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, exists, or_, update
from sqlmodel import Session, col, select

from .outbox import chunks, rows_changed
from .tables import Account, EndpointSecret, WebhookDelivery, WebhookEndpoint, WebhookEvent
from .telling import insert_for

Row = dict[str, Any]

# --- endpoints -------------------------------------------------------------------------------------------------------


def endpoints_of(session: Session, account_id: int) -> Sequence[WebhookEndpoint]:
    """The oldest first."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.account_id == account_id)
    return session.exec(query.order_by(col(WebhookEndpoint.created_at), col(WebhookEndpoint.id))).all()


def endpoint_of(session: Session, account_id: int, endpoint_id: str) -> WebhookEndpoint | None:
    """The account's endpoint with this id."""
    found = session.get(WebhookEndpoint, endpoint_id)
    return found if found is not None and found.account_id == account_id else None


def delete_endpoint(session: Session, endpoint_id: str) -> None:
    """With its secrets, its deliveries, and the events that were for nobody else."""
    session.execute(delete(WebhookDelivery).where(col(WebhookDelivery.endpoint_id) == endpoint_id))
    session.execute(delete(EndpointSecret).where(col(EndpointSecret.endpoint_id) == endpoint_id))
    session.execute(delete(WebhookEndpoint).where(col(WebhookEndpoint.id) == endpoint_id))


def secrets_of(session: Session, endpoint_ids: Iterable[str], now: int) -> dict[str, list[EndpointSecret]]:
    """By endpoint those that count now, the newest first."""
    counts = or_(col(EndpointSecret.expires_at).is_(None), col(EndpointSecret.expires_at) > now)
    found: dict[str, list[EndpointSecret]] = {}
    for some in chunks(sorted(endpoint_ids)):
        query = select(EndpointSecret).where(col(EndpointSecret.endpoint_id).in_(some), counts)
        for row in session.exec(query.order_by(col(EndpointSecret.created_at).desc(), col(EndpointSecret.id))):
            found.setdefault(row.endpoint_id, []).append(row)
    return found


def expire_secrets(session: Session, endpoint_id: str, at: int) -> None:
    """Secrets without an end get this one."""
    ours = and_(col(EndpointSecret.endpoint_id) == endpoint_id, col(EndpointSecret.expires_at).is_(None))
    session.execute(update(EndpointSecret).where(ours).values(expires_at=at))


def delete_old_secrets(session: Session, now: int) -> int:
    """Those that do not count any more; how many."""
    gone = session.exec(select(EndpointSecret).where(col(EndpointSecret.expires_at) <= now)).all()
    for secret in gone:
        session.delete(secret)
    return len(gone)


def listeners(session: Session) -> Sequence[tuple[WebhookEndpoint, Account]]:
    """Endpoints to which anything is sent at all, with whose they are."""
    return session.exec(
        select(WebhookEndpoint, Account)
        .join(Account, col(Account.id) == col(WebhookEndpoint.account_id))
        .where(is_told())
    ).all()


def is_told() -> Any:
    """Of an endpoint, joined with whose it is: whether anything is sent to it."""
    return and_(col(WebhookEndpoint.disabled_at).is_(None), col(Account.disabled_at).is_(None))


# --- events ----------------------------------------------------------------------------------------------------------


def events_about(session: Session, abouts: Iterable[str]) -> Sequence[WebhookEvent]:
    found: list[WebhookEvent] = []
    for some in chunks(sorted(set(abouts))):
        found += session.exec(select(WebhookEvent).where(col(WebhookEvent.about).in_(some))).all()
    return found


def abouts_of(session: Session, type_: str, case_ids: Iterable[str]) -> list[str]:
    """What the events of a type in these cases are about."""
    found: list[str] = []
    for some in chunks(sorted(set(case_ids))):
        of_type = (col(WebhookEvent.case_id).in_(some), col(WebhookEvent.type) == type_)
        found += session.exec(select(WebhookEvent.about).where(*of_type)).all()
    return found


def missing_of(session: Session, case_id: str) -> Sequence[WebhookEvent]:
    """What was told of a case and is missing on the chain, not corrected yet."""
    query = select(WebhookEvent).where(WebhookEvent.case_id == case_id, col(WebhookEvent.missing_since).is_not(None))
    return session.exec(query.order_by(col(WebhookEvent.created_at))).all()


def add_events(session: Session, events: Sequence[Row], deliveries: Sequence[Row]) -> None:
    """What is there already stays as it is."""
    for table, rows in ((WebhookEvent, events), (WebhookDelivery, deliveries)):
        if rows:
            session.execute(insert_for(session)(table).on_conflict_do_nothing(), list(rows))


def delete_old_events(session: Session, before: int) -> int:
    """Events made before a moment, with their deliveries, unless one is still on its way; how many."""
    waiting = exists().where(col(WebhookDelivery.event_id) == col(WebhookEvent.id), col(WebhookDelivery.state) == "due")
    old = select(WebhookEvent.id).where(WebhookEvent.created_at < before, ~waiting)
    gone = list(session.exec(old.limit(10_000)).all())
    for some in chunks(gone):
        session.execute(delete(WebhookDelivery).where(col(WebhookDelivery.event_id).in_(some)))
        session.execute(delete(WebhookEvent).where(col(WebhookEvent.id).in_(some)))
    return len(gone)


# --- deliveries ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is the caller's to send now."""

    delivery_id: int
    endpoint_id: str
    event_id: str
    url: str
    payload: str


_AT_ONCE = 4  # deliveries under way to one endpoint that answers; one that fails is tried with one


def claim_deliveries(session: Session, now: int, until: int, under_way: Mapping[str, int], slots: int) -> list[Claimed]:
    """Takes due deliveries, a few of each endpoint, whoever waited longest for a turn first. `under_way` counts those
    that the caller has already, by endpoint."""
    claimed: list[Claimed] = []
    full = [endpoint_id for endpoint_id, count in under_way.items() if count >= _AT_ONCE]
    for endpoint in _waiting_endpoints(session, now, slots, full):
        most = 1 if endpoint.failures else _AT_ONCE
        share = min(most - under_way.get(endpoint.id, 0), slots - len(claimed))
        if share <= 0:
            continue
        rows = _due_of(session, endpoint.id, now, share)
        ours = col(WebhookDelivery.id).in_([row.id for row, _ in rows])
        session.execute(update(WebhookDelivery).where(ours).values(claimed_until=until))
        endpoint.served_at = now
        session.add(endpoint)
        claimed += [Claimed(row.id or 0, endpoint.id, row.event_id, endpoint.url, payload) for row, payload in rows]
    return claimed


def is_anything_due(session: Session, now: int) -> bool:
    return session.exec(select(WebhookEndpoint.id).where(_has_turn(now)).limit(1)).first() is not None


def _has_turn(now: int) -> Any:
    due = exists().where(
        col(WebhookDelivery.endpoint_id) == col(WebhookEndpoint.id),
        col(WebhookDelivery.state) == "due",
        col(WebhookDelivery.due_at) <= now,
        col(WebhookDelivery.claimed_until) <= now,
    )
    allowed = exists().where(col(Account.id) == col(WebhookEndpoint.account_id), col(Account.disabled_at).is_(None))
    return and_(col(WebhookEndpoint.disabled_at).is_(None), col(WebhookEndpoint.paused_until) <= now, allowed, due)


def _waiting_endpoints(session: Session, now: int, limit: int, full: Sequence[str]) -> Sequence[WebhookEndpoint]:
    """Locked, where the database does that by row; those that another worker is at are left out."""
    query = (
        select(WebhookEndpoint)
        .where(_has_turn(now), col(WebhookEndpoint.id).not_in(full))
        .order_by(col(WebhookEndpoint.served_at), col(WebhookEndpoint.id))
        .limit(limit)
    )
    return session.exec(query.with_for_update(skip_locked=True)).all()


def _due_of(session: Session, endpoint_id: str, now: int, limit: int) -> Sequence[tuple[WebhookDelivery, str]]:
    return session.exec(
        select(WebhookDelivery, WebhookEvent.payload)
        .join(WebhookEvent, col(WebhookEvent.id) == col(WebhookDelivery.event_id))
        .where(
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.state == "due",
            WebhookDelivery.due_at <= now,
            WebhookDelivery.claimed_until <= now,
        )
        .order_by(col(WebhookDelivery.due_at), col(WebhookDelivery.id))
        .limit(limit)
    ).all()


def deliveries_of(
    session: Session, endpoint_id: str, *, state: str | None, before: int | None, limit: int
) -> Sequence[tuple[WebhookDelivery, WebhookEvent]]:
    """The newest first; `before` is the id that the page before ended with."""
    query = (
        select(WebhookDelivery, WebhookEvent)
        .join(WebhookEvent, col(WebhookEvent.id) == col(WebhookDelivery.event_id))
        .where(WebhookDelivery.endpoint_id == endpoint_id)
    )
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    if before is not None:
        query = query.where(col(WebhookDelivery.id) < before)
    return session.exec(query.order_by(col(WebhookDelivery.id).desc()).limit(limit)).all()


def delivery_of(session: Session, endpoint_id: str, event_id: str) -> tuple[WebhookDelivery, WebhookEvent]:
    query = select(WebhookDelivery, WebhookEvent).join(
        WebhookEvent, col(WebhookEvent.id) == col(WebhookDelivery.event_id)
    )
    return session.exec(query.where(WebhookDelivery.endpoint_id == endpoint_id, WebhookEvent.id == event_id)).one()


def give_up_old(session: Session, before: int) -> int:
    """Deliveries to endpoints that fail, begun before a moment: they never got a turn; how many."""
    failing = select(WebhookEndpoint.id).where(WebhookEndpoint.failures > 0)
    old = and_(
        col(WebhookDelivery.state) == "due",
        col(WebhookDelivery.created_at) < before,
        col(WebhookDelivery.endpoint_id).in_(failing),
    )
    return rows_changed(session, update(WebhookDelivery).where(old).values(state="failed"))


def give_up_all(session: Session, endpoint_id: str, error: str) -> None:
    """All that waits for an endpoint."""
    waits = and_(col(WebhookDelivery.endpoint_id) == endpoint_id, col(WebhookDelivery.state) == "due")
    session.execute(update(WebhookDelivery).where(waits).values(state="failed", last_error=error))


def take_up_again(session: Session, endpoint_id: str, error: str, now: int) -> None:
    """What was given up by `give_up_all` with this error, as if it were new."""
    given_up = and_(
        col(WebhookDelivery.endpoint_id) == endpoint_id,
        col(WebhookDelivery.state) == "failed",
        col(WebhookDelivery.last_error) == error,
    )
    anew = {"state": "due", "attempts": 0, "created_at": now, "due_at": now}
    session.execute(update(WebhookDelivery).where(given_up).values(**anew))
