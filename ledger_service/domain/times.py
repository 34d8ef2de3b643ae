"""Moments: RFC 3339 in UTC outside, whole seconds since 1970 on the chain."""

from __future__ import annotations

from datetime import UTC, datetime

from ..errors import InvalidInput


def parse_moment(text: str, *, field: str) -> datetime:
    """A moment of an RFC 3339 string, in UTC. Raises InvalidInput without a zone, or for no moment at all."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(
            f"{text!r} is no RFC 3339 time.", field=field, remedy='Send a time with its zone, such as "2026-03-01T09:30:00Z".'
        )
    return moment.astimezone(UTC)


def rfc3339(moment: datetime) -> str:
    """Seconds, and microseconds only where there are any; `Z` for UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def from_chain(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def to_chain(moment: datetime) -> int:
    return int(moment.timestamp())
