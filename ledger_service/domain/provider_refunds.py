"""Refunds as payment providers export them: Stripe's refund objects, and a plain CSV.

Stripe states amounts in its own smallest units (docs.stripe.com/currencies), which are not everywhere ISO 4217's: MGA
has none there and two digits in ISO 4217, ISK and UGX have two there and none in ISO 4217. What is read here is in the
minor units of ISO 4217.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..errors import InvalidInput
from .money import MAX_MINOR, exponent, to_minor
from .times import parse_moment, to_chain

Status = Literal["pending", "succeeded", "failed", "canceled"]
PROVIDERS: Final = ("stripe", "csv")
CSV_COLUMNS: Final = ("refund_id", "case_id", "reference", "amount", "currency", "status", "created_at")
_STATUSES: dict[str, Status] = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "canceled",
}
_NO_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_LONGEST_ID = 255
_LAST_SECOND = 253_402_300_799  # of the year 9999


@dataclass(frozen=True, slots=True)
class StatedRefund:
    """A refund in a file. `row` counts from 1; `created_at` is seconds since 1970 UTC."""

    row: int
    refund_id: str
    case_id: str | None
    reference: str | None
    amount_minor: int
    currency: str
    status: Status
    created_at: int


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was not taken."""

    row: int
    field: str
    detail: str
    remedy: str


def read_refunds(provider: str, data: bytes) -> Iterator[StatedRefund | RowProblem]:
    """Each row of an export, or what is wrong with it. Raises InvalidInput for a file that is none."""
    rows = _csv_rows(data) if provider == "csv" else _stripe_rows(data)
    read: Callable[[int, Any], StatedRefund] = _of_csv if provider == "csv" else _of_stripe
    for number, row in enumerate(rows, 1):
        try:
            yield read(number, row)
        except InvalidInput as error:
            yield RowProblem(number, error.field or "", error.detail, error.remedy or "")


# --- Stripe ----------------------------------------------------------------------------------------------------------


def _stripe_rows(data: bytes) -> list[Any]:
    """A JSON list, Stripe's list object, one refund, or JSON lines."""
    text = _text(data)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return [_line(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if isinstance(found, dict) and found.get("object") == "list":
        found = found.get("data")
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        raise _no_file("body", "This is no list of refunds.", "Send Stripe's refund objects as a JSON list or lines.")
    return found


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _no_file(
            "body", f"Line {number} is no JSON.", "Send a JSON list, or one refund object a line."
        ) from error


def _of_stripe(row: int, value: Any) -> StatedRefund:
    if not isinstance(value, dict) or value.get("object") != "refund":
        raise _no_file("object", "This is no refund object.", "Send objects whose `object` is `refund`.")
    metadata: dict[str, Any] = value["metadata"] if isinstance(value.get("metadata"), dict) else {}
    created = value.get("created")
    if type(created) is not int or not 0 <= created <= _LAST_SECOND:
        raise _no_file("created", "This is no moment.", "Send seconds since 1970, as Stripe does.")
    currency = str(value.get("currency")).upper()
    return StatedRefund(
        row=row,
        refund_id=_id(value.get("id"), "id"),
        case_id=_case_id(metadata.get("case_id"), "metadata.case_id"),
        reference=_reference(metadata.get("reference")),
        amount_minor=_from_stripe(value.get("amount"), currency),
        currency=currency,
        status=_status(value.get("status")),
        created_at=created,
    )


def stripe_exponent(currency: str) -> int:
    """Digits after the point in Stripe's amounts. Raises InvalidInput for a currency that Stripe counts in no way that
    is known here."""
    if currency in _NO_DECIMALS:
        return 0
    if currency in _THREE_DECIMALS:
        return 3
    if exponent(currency) == 2 or currency in ("ISK", "UGX"):
        return 2
    raise _no_file("currency", f"Stripe has no {currency}.", "Send this refund by the plain CSV.")


def _from_stripe(amount: Any, currency: str) -> int:
    if type(amount) is not int or not 0 < amount <= MAX_MINOR:
        raise _no_file("amount", "This is no amount.", "Send a whole number of smallest units above zero.")
    shift = exponent(currency) - stripe_exponent(currency)
    minor, left = divmod(amount * 10 ** max(shift, 0), 10 ** max(-shift, 0))
    if left:
        raise _no_file("amount", f"{amount} is no whole {currency}.", "Stripe's amounts in it end in 00.")
    return int(minor)


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv_rows(data: bytes) -> Iterator[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(_text(data), newline=""), strict=True, restval="")
    try:
        named = tuple(name.strip() for name in reader.fieldnames or ())
    except csv.Error as error:
        raise _no_file("body", f"This is no CSV: {error}.", "Send RFC 4180.") from error
    missing = [name for name in CSV_COLUMNS if name not in named and name not in ("case_id", "reference")]
    if missing:
        raise _no_file("body", f"These columns are missing: {', '.join(missing)}.", f"Name {', '.join(CSV_COLUMNS)}.")
    reader.fieldnames = list(named)
    try:
        yield from reader
    except csv.Error as error:
        raise _no_file("body", f"Line {reader.line_num} is no CSV: {error}.", "Send RFC 4180.") from error


def _of_csv(row: int, value: dict[str, str]) -> StatedRefund:
    cells = {name: (value.get(name) or "").strip() for name in CSV_COLUMNS}
    amount = to_minor(cells["amount"], cells["currency"])
    if amount == 0:
        raise _no_file("amount", "A refund is more than nothing.", "Leave the row out.")
    return StatedRefund(
        row=row,
        refund_id=_id(cells["refund_id"], "refund_id"),
        case_id=_case_id(cells["case_id"] or None, "case_id"),
        reference=_reference(cells["reference"]),
        amount_minor=amount,
        currency=cells["currency"],
        status=_status(cells["status"]),
        created_at=to_chain(parse_moment(cells["created_at"], field="created_at")),
    )


# --- values ----------------------------------------------------------------------------------------------------------


def _id(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _LONGEST_ID:
        raise _no_file(field, "A refund needs its id.", f"Send the provider's, of {_LONGEST_ID} characters at most.")
    return value


def _case_id(value: Any, field: str) -> str | None:
    if value is None or value == "":
        return None
    text = str(value).lower()
    if len(text) != 66 or not text.startswith("0x") or set(text[2:]) - set("0123456789abcdef"):
        raise _no_file(field, f"{value!r} is no case id.", "Send 0x and 64 hex digits, or leave it out.")
    return text


def _reference(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable():
        raise _no_file("reference", "This is no reference.", "Send the case's reference as text, or leave it out.")
    return value.strip() or None


def _status(value: Any) -> Status:
    if not isinstance(value, str) or value not in _STATUSES:
        raise _no_file("status", f"{value!r} is no status.", f"Send one of {', '.join(_STATUSES)}.")
    return _STATUSES[value]


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_file("body", "This is no UTF-8.", "Save the file as UTF-8.") from error


def _no_file(field: str, detail: str, remedy: str) -> InvalidInput:
    return InvalidInput(detail, field=field, remedy=remedy)
