"""The carrier webhook of EasyPost: its signature, the pick-up scan in it, and all the others.

A webhook is signed with HMAC-SHA256 over the raw body, under the secret in Unicode form NFKD as UTF-8:

    X-Hmac-Signature: hmac-sha256-hex=<64 hex digits>
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import InvalidInput, Unauthenticated
from .strict_json import load_json
from .times import parse_moment

SIGNATURE_HEADER = "X-Hmac-Signature"
_PREFIX = "hmac-sha256-hex="
# What a scan's status says once the carrier has the parcel. `unknown`, `pre_transit`, `failure`, `cancelled` and
# `error` do not: a label that was printed is no parcel that was handed over.
_WITH_CARRIER = frozenset({"in_transit", "out_for_delivery", "available_for_pickup", "delivered", "return_to_sender"})


@dataclass(frozen=True, slots=True)
class Pickup:
    """The first scan that shows the parcel with the carrier. `location` holds what is known of city, state, country
    and zip; `message` is the carrier's own text."""

    occurred_at: datetime
    message: str
    location: dict[str, str]


@dataclass(frozen=True, slots=True)
class Scan:
    """One of a parcel's tracking details; `status_detail` is empty where none is given. The same scan comes again with
    every later update."""

    occurred_at: datetime
    status: str
    status_detail: str
    message: str
    location: dict[str, str]


@dataclass(frozen=True, slots=True)
class TrackerUpdate:
    """`mode` is `production` or `test`; `pickup` is None while the carrier has not scanned the parcel; `scans` are all
    tracking details that say when they were."""

    event_id: str
    mode: str
    carrier: str
    tracking_code: str
    pickup: Pickup | None
    scans: tuple[Scan, ...] = ()


def check_signature(raw: bytes, header: str | None, secret: str) -> None:
    """Raises Unauthenticated unless `header` is the signature of exactly these bytes under `secret`."""
    if not header:
        raise _unsigned("The webhook is not signed.")
    if not secret:
        raise _unsigned("No secret is kept for this webhook, so nobody can have signed it.")
    key = unicodedata.normalize("NFKD", secret).encode("utf-8")
    expected = _PREFIX + hmac.new(key, raw, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode("ascii"), header.strip().encode("utf-8", "surrogatepass")):
        raise _unsigned("The signature is not that of this body under the merchant's webhook secret.")


def read_tracker(raw: bytes) -> TrackerUpdate:
    """What a tracker event says. Raises InvalidInput, with the field's path, for what is no such event."""
    try:
        event = load_json(raw)
    except ValueError:
        raise InvalidInput("The body is no JSON in UTF-8.", field="body", remedy="Send it as EasyPost does.") from None
    event = _object(event, "body")
    description = _text(event, "description", "")
    if not description.startswith("tracker."):
        raise InvalidInput(
            f"{description!r} is no event of a tracker.",
            field="description",
            remedy="Send tracker events only to this address.",
        )
    tracker = _object(event.get("result"), "result")
    if tracker.get("object") != "Tracker":
        raise InvalidInput("The event's result is no tracker.", field="result.object")
    return TrackerUpdate(
        event_id=_text(event, "id", ""),
        mode=_text(event, "mode", ""),
        carrier=_text(tracker, "carrier", "result."),
        tracking_code=_text(tracker, "tracking_code", "result."),
        pickup=_pickup(tracker.get("tracking_details")),
        scans=tuple(_scans(tracker.get("tracking_details"))),
    )


def _unsigned(detail: str) -> Unauthenticated:
    return Unauthenticated(
        detail,
        field=SIGNATURE_HEADER,
        remedy=f"Send {_PREFIX} and the HMAC-SHA256 of the raw body, under the secret of this merchant's webhook.",
    )


def _pickup(details: Any) -> Pickup | None:
    """The earliest scan with the carrier; carriers do not always send their scans in order."""
    if details is None:
        return None
    if not isinstance(details, list):
        raise InvalidInput("The tracking details are no list.", field="result.tracking_details")
    scans = []
    for index, detail in enumerate(details):
        path = f"result.tracking_details[{index}]"
        scan = _object(detail, path)
        if _text(scan, "status", f"{path}.") in _WITH_CARRIER:
            moment = parse_moment(_text(scan, "datetime", f"{path}."), field=f"{path}.datetime")
            scans.append((moment, path, scan))
    if not scans:
        return None
    moment, path, scan = min(scans, key=lambda entry: entry[0])
    return Pickup(moment, _optional(scan, "message", f"{path}."), _location(scan.get("tracking_location"), path))


def _scans(details: Any) -> Iterator[Scan]:
    """Of those that `_pickup` has looked through. One that cannot be read, or has no moment, is left out: nothing rests
    on it, and the pick-up is not to wait for it."""
    for index, scan in enumerate(details or []):
        path = f"result.tracking_details[{index}]"
        with suppress(InvalidInput):
            yield Scan(
                occurred_at=parse_moment(_text(scan, "datetime", f"{path}."), field=f"{path}.datetime"),
                status=_text(scan, "status", f"{path}."),
                status_detail=_optional(scan, "status_detail", f"{path}."),
                message=_optional(scan, "message", f"{path}."),
                location=_location(scan.get("tracking_location"), path),
            )


def _location(value: Any, path: str) -> dict[str, str]:
    path = f"{path}.tracking_location"
    place = {} if value is None else _object(value, path)
    known = {name: _optional(place, name, f"{path}.") for name in ("city", "state", "country", "zip")}
    return {name: text for name, text in known.items() if text}


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput("This is no JSON object.", field=path)
    return value


def _optional(parent: dict[str, Any], name: str, path: str) -> str:
    return _text(parent, name, path) if parent.get(name) else ""


def _text(parent: dict[str, Any], name: str, path: str) -> str:
    value = parent.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > 500:
        raise InvalidInput("This is no text of 1 to 500 characters.", field=path + name)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidInput("This text holds control characters or halves of characters.", field=path + name)
    return value.strip()
