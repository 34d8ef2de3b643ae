"""Webhooks in and out."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .common import Answer, Time


class WebhookTaken(Answer):
    """What became of a webhook."""


class EndpointSecret(Answer):
    secret_id: str
    created_at: Time
    expires_at: Time | None = Field(description="Null for the newest.")


class Endpoint(Answer):
    """Where a business is told of its cases."""

    endpoint_id: str
    url: str
    types: list[str] | None = Field(description="The events that it is sent; null: all.")
    disabled_at: Time | None = Field(description="When it answered 410 Gone; `enable` takes it back.")
    failures: int = Field(description="Tries that failed, in a row.")
    secrets: list[EndpointSecret] = Field(description="Those that deliveries are signed with, the newest first.")


class EndpointMade(Endpoint):
    secret: str = Field(description="Shown this once: deliveries are signed with it.", examples=["whsec_…"])


class EndpointList(Answer):
    items: list[Endpoint]
    next_cursor: str | None


class Delivery(Answer):
    """One event on its way to one endpoint."""

    delivery_id: int
    event_id: str = Field(description="The `webhook-id`, the same at every try.")
    type: str
    state: Literal["due", "delivered", "failed"]
    attempts: int
    last_status: int | None
    last_error: str | None = Field(description="Why there was no answer, in a word.")
    next_try_at: Time | None
    payload: dict[str, Any]


class DeliveryPage(Answer):
    items: list[Delivery]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last.")
