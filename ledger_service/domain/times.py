"""Moments: RFC 3339 in UTC outside, whole seconds since 1970 on the chain."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

from ..errors import InvalidInput

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def parse_moment(text: str, *, field: str) -> datetime:
    """A moment of an RFC 3339 string, in UTC; what is finer than microseconds is dropped.

    Raises InvalidInput without a zone, for any other form of ISO 8601, or for no moment at all.
    """
    moment = None
    if isinstance(text, str) and _RFC3339.fullmatch(text):
        # ValueError: no such day or hour. OverflowError: a year that its zone takes out of range.
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    if moment is None:
        raise InvalidInput(
            f"{text!r} is no RFC 3339 time.",
            field=field,
            remedy='Send a time with its zone, such as "2026-03-01T09:30:00Z".',
        )
    return moment


def rfc3339(moment: datetime) -> str:
    """Seconds, and microseconds only where there are any; `Z` for UTC. Raises ValueError for a time without a zone."""
    return _zoned(moment).astimezone(UTC).isoformat().replace("+00:00", "Z")


def from_chain(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def to_chain(moment: datetime) -> int:
    """Raises ValueError for a time without a zone."""
    return int(_zoned(moment).timestamp())


def _zoned(moment: datetime) -> datetime:
    """Python takes a time without a zone for the machine's own, so that it would change with the machine."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone")
    return moment
