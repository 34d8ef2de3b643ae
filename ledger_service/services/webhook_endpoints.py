"""Where businesses are told of their cases: their endpoints, the secrets these know us by, and what was delivered."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field
from sqlmodel import Session

from ..domain.public_addresses import read_target
from ..domain.times import from_chain, rfc3339
from ..errors import Conflict, Forbidden, InvalidInput, NotFound
from ..store import webhooks_out as sql
from ..store.keys import lock_account
from ..store.stages import head_block
from ..store.tables import Account, EndpointSecret, WebhookDelivery, WebhookEndpoint, WebhookEvent
from ..webhook_sending import allowed_addresses, new_secret
from .access import ARBITRATOR, require_enabled
from .app import App
from .idempotency import IdempotencyClaim, complete
from .inputs import Input, Text
from .webhook_events import TEST, deliveries_for, event_row

MOST = 20  # endpoints of one account
MAX_PAGE = 200
OLD_SECRET_COUNTS = 86_400  # seconds for which deliveries are signed with the secret before, too
_MOST_SECRETS = 5
GONE = "endpoint_gone"  # why what waited for an endpoint was given up
EventType = Literal[
    "milestone.recorded",
    "milestone.final",
    "milestone.rejected",
    "milestone.moved_back",
    "case.settled",
    "case.closed",
    "vote.counted",
    "vote.moved_back",
]
DeliveryState = Literal["due", "delivered", "failed"]


class EndpointInput(Input):
    url: str = Field(
        max_length=2_000, description="https://…, on the internet.", examples=["https://shop.example/hook"]
    )
    description: Text = Field(default="", max_length=200)
    types: list[EventType] | None = Field(
        default=None, min_length=1, max_length=20, description="Which events to send; left out: all."
    )


# --- endpoints -------------------------------------------------------------------------------------------------------


def create_endpoint(
    app: App, account: Account, request: EndpointInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """A new endpoint, with its secret, which is shown this once. It is told of what is recorded from now on.

    Raises Forbidden for arbitrators, InvalidInput for an address that nothing is sent to, Conflict for one too many.
    """
    if account.role == ARBITRATOR:
        raise Forbidden(
            "Arbitrators are not told by webhook.", field="Authorization", remedy="Look at GET /v1/disputes instead."
        )
    private = app.settings.webhooks_private
    allowed_addresses(read_target(request.url, private=private), private=private)
    now = app.clock.seconds()
    with app.database.write() as session:
        lock_account(session, account.id or 0)
        require_enabled(session, account)
        if len(sql.endpoints_of(session, account.id or 0)) >= MOST:
            raise Conflict(
                f"You have {MOST} endpoints already.", field="url", remedy="Delete one that you need no more."
            )
        endpoint = WebhookEndpoint(
            id="ep_" + secrets.token_hex(12),
            account_id=account.id or 0,
            url=request.url,
            description=request.description,
            types=json.dumps(sorted(set(request.types))) if request.types else None,
            since_block=head_block(session),
            created_at=now,
        )
        session.add(endpoint)
        session.flush()
        secret = _add_secret(app, session, endpoint, now)
        body = {**_shown(app, session, endpoint), "secret": secret}
        complete(session, idempotency, 201, body)
    return body


def list_endpoints(app: App, account: Account) -> dict[str, Any]:
    """All of the account's, on one page: they are few."""
    with app.database.read() as session:
        found = sql.endpoints_of(session, account.id or 0)
        return {"items": [_shown(app, session, endpoint) for endpoint in found], "next_cursor": None}


def show_endpoint(app: App, account: Account, endpoint_id: str) -> dict[str, Any]:
    """Raises NotFound for one of somebody else's."""
    with app.database.read() as session:
        return _shown(app, session, _required(session, account, endpoint_id))


def delete_endpoint(app: App, account: Account, endpoint_id: str) -> None:
    """With its secrets and its log; what is under way may still arrive. Raises NotFound."""
    with app.database.write() as session:
        _required(session, account, endpoint_id)
        sql.delete_endpoint(session, endpoint_id)


def enable_endpoint(
    app: App, account: Account, endpoint_id: str, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Sends to it again, from now on and at once, whatever it answered before; what waited when it said that it is gone
    has all its tries again. Raises NotFound."""
    now = app.clock.seconds()
    with app.database.write() as session:
        endpoint = _required(session, account, endpoint_id)
        if endpoint.disabled_at is not None:
            sql.take_up_again(session, endpoint_id, GONE, now)
        endpoint.disabled_at, endpoint.failures, endpoint.paused_until = None, 0, 0
        session.add(endpoint)
        body = _shown(app, session, endpoint)
        complete(session, idempotency, 200, body)
    app.wake.set()
    return body


# --- secrets ---------------------------------------------------------------------------------------------------------


def rotate_secret(
    app: App, account: Account, endpoint_id: str, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """A new secret, shown this once. For a day deliveries are signed with those before, too. Raises NotFound."""
    now = app.clock.seconds()
    with app.database.write() as session:
        endpoint = _required(session, account, endpoint_id)
        sql.expire_secrets(session, endpoint_id, now + OLD_SECRET_COUNTS)
        if len(sql.secrets_of(session, [endpoint_id], now).get(endpoint_id, [])) >= _MOST_SECRETS:
            raise Conflict(
                f"{_MOST_SECRETS} secrets count at present.",
                field="endpoint_id",
                remedy="Delete one, or wait until one has expired.",
            )
        secret = _add_secret(app, session, endpoint, now)
        body = {**_shown(app, session, endpoint), "secret": secret}
        complete(session, idempotency, 201, body)
    return body


def delete_secret(app: App, account: Account, endpoint_id: str, secret_id: str) -> None:
    """Ends a secret at once. Raises NotFound, or Conflict for the only one."""
    with app.database.write() as session:
        _required(session, account, endpoint_id)
        counting = sql.secrets_of(session, [endpoint_id], app.clock.seconds()).get(endpoint_id, [])
        found = next((row for row in counting if row.id == secret_id), None)
        if found is None:
            raise NotFound("This endpoint has no such secret.", field="secret_id", remedy="Check the secret's id.")
        if found.expires_at is None:
            raise Conflict(
                "This is the newest secret, and nothing would be signed without it.",
                field="secret_id",
                remedy="Make a new one first, or delete the endpoint.",
            )
        session.delete(found)


def open_secrets(app: App, session: Session, endpoint_ids: Iterable[str]) -> dict[str, list[str]]:
    """By endpoint the secrets that count now, the newest first."""
    found = sql.secrets_of(session, endpoint_ids, app.clock.seconds())
    return {
        endpoint_id: [app.vault.open_secret(sealed_about(row), row.sealed).decode() for row in rows]
        for endpoint_id, rows in found.items()
    }


def _add_secret(app: App, session: Session, endpoint: WebhookEndpoint, now: int) -> str:
    secret = new_secret()
    row = EndpointSecret(id="whs_" + secrets.token_hex(8), endpoint_id=endpoint.id, sealed=b"", created_at=now)
    row.sealed = app.vault.seal_secret(sealed_about(row), secret.encode())
    session.add(row)
    session.flush()
    return secret


def sealed_about(row: EndpointSecret) -> str:
    """What a secret is bound to when it is sealed."""
    return f"webhook-endpoint:{row.endpoint_id}:{row.id}"


# --- deliveries ------------------------------------------------------------------------------------------------------


def list_deliveries(
    app: App,
    account: Account,
    endpoint_id: str,
    *,
    cursor: str | None = None,
    limit: int = 50,
    state: str | None = None,
) -> dict[str, Any]:
    """A page of an endpoint's deliveries, newest first. Raises NotFound, or InvalidInput for a bad cursor."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise InvalidInput(
            "This cursor is none of ours.", field="cursor", remedy="Send next_cursor as it was given, or none."
        )
    before = int(cursor) if cursor is not None else None
    with app.database.read() as session:
        _required(session, account, endpoint_id)
        rows = sql.deliveries_of(session, endpoint_id, state=state, before=before, limit=limit + 1)
        items = [_delivery(row, event) for row, event in rows[:limit]]
    return {"items": items, "next_cursor": str(rows[limit - 1][0].id) if len(rows) > limit else None}


def resend(
    app: App, account: Account, endpoint_id: str, delivery_id: int, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Sends a delivery again, under its old `webhook-id`, with all its tries. Raises NotFound, or Conflict where the
    endpoint said that it is gone."""
    now = app.clock.seconds()
    with app.database.write() as session:
        endpoint = _required(session, account, endpoint_id)
        _require_enabled(endpoint)
        row = session.get(WebhookDelivery, delivery_id)
        if row is None or row.endpoint_id != endpoint_id:
            raise NotFound(
                "This endpoint has no such delivery.", field="delivery_id", remedy="Look it up in the endpoint's log."
            )
        row.state, row.attempts, row.created_at, row.due_at = "due", 0, now, now
        endpoint.paused_until = 0
        session.add(row)
        session.add(endpoint)
        body = _delivery(row, session.get_one(WebhookEvent, row.event_id))
        complete(session, idempotency, 202, body)
    app.wake.set()
    return body


def send_test(
    app: App, account: Account, endpoint_id: str, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Sends an `endpoint.test`, whatever types the endpoint wants. Raises NotFound or Conflict as `resend`."""
    now = app.clock.seconds()
    with app.database.write() as session:
        endpoint = _required(session, account, endpoint_id)
        _require_enabled(endpoint)
        about = f"{endpoint_id}:{secrets.token_hex(8)}"
        event = event_row(TEST, about, 0, now, now, {"endpoint_id": endpoint_id})
        sql.add_events(session, [event], deliveries_for(event, [endpoint], now))
        endpoint.paused_until = 0
        session.add(endpoint)
        body = _delivery(*sql.delivery_of(session, endpoint_id, event["id"]))
        complete(session, idempotency, 202, body)
    app.wake.set()
    return body


def _require_enabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at is not None:
        raise Conflict(
            "This endpoint answered 410 Gone and is disabled.",
            field="endpoint_id",
            remedy=f"Once it is there again: POST /v1/webhook-endpoints/{endpoint.id}/enable",
        )


def _required(session: Session, account: Account, endpoint_id: str) -> WebhookEndpoint:
    found = sql.endpoint_of(session, account.id or 0, endpoint_id)
    if found is None:
        raise NotFound(
            "There is no such endpoint, or it is not yours.", field="endpoint_id", remedy="Check the endpoint's id."
        )
    return found


# --- how it is shown -------------------------------------------------------------------------------------------------


def _moment(seconds: int | None) -> str | None:
    return rfc3339(from_chain(seconds)) if seconds is not None else None


def _shown(app: App, session: Session, endpoint: WebhookEndpoint) -> dict[str, Any]:
    counting = sql.secrets_of(session, [endpoint.id], app.clock.seconds()).get(endpoint.id, [])
    return {
        "endpoint_id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "types": json.loads(endpoint.types) if endpoint.types else None,
        "created_at": _moment(endpoint.created_at),
        "disabled_at": _moment(endpoint.disabled_at),
        "failures": endpoint.failures,
        "secrets": [
            {"secret_id": row.id, "created_at": _moment(row.created_at), "expires_at": _moment(row.expires_at)}
            for row in counting
        ],
    }


def _delivery(row: WebhookDelivery, event: WebhookEvent) -> dict[str, Any]:
    return {
        "delivery_id": row.id,
        "event_id": event.id,
        "type": event.type,
        "case_id": event.case_id,
        "state": row.state,
        "attempts": row.attempts,
        "created_at": _moment(event.created_at),
        "last_try_at": _moment(row.tried_at),
        "last_status": row.last_status,
        "last_error": row.last_error,
        "next_try_at": _moment(row.due_at) if row.state == "due" else None,
        "payload": json.loads(event.payload),
    }
