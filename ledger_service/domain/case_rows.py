"""Returns in files: a JSON list of what opens cases, or a CSV with one return a line."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Final

from ..errors import InvalidInput

MOST_ROWS: Final = 500
# By column, where its value stands in what opens a case.
COLUMNS: Final = {
    "reference": "reference",
    "order_reference": "order.reference",
    "ordered_at": "order.ordered_at",
    "consumer_name": "consumer.name",
    "consumer_email": "consumer.email",
    "consumer_country": "consumer.country",
    "consumer_language": "consumer.language",
    "customer_number": "consumer.customer_number",
    "sku": "items.0.sku",
    "description": "items.0.description",
    "quantity": "items.0.quantity",
    "unit_price": "items.0.unit_price",
    "refund_amount": "refund.amount",
    "refund_currency": "refund.currency",
    "policy": "policy",
    "escrow": "escrow",
    "reason": "reason",
    "reason_code": "reason_code",
    "carrier_name": "shipment.carrier",
    "tracking_code": "shipment.tracking_code",
    "requested_at": "requested_at",
}
_FIELDS = {path: column for column, path in COLUMNS.items()}


def read_rows(data: bytes, *, is_csv: bool) -> list[Any]:
    """What opens each case, not checked yet. Raises InvalidInput for a file that is none."""
    try:
        text = data.decode("utf-8-sig")
        rows = _of_csv(text) if is_csv else json.loads(text)
    except csv.Error as error:
        raise _no_file(f"This is no CSV: {error}.", "Send RFC 4180.") from error
    except (ValueError, RecursionError) as error:
        raise _no_file("This is no JSON in UTF-8.", "Send a JSON list, or CSV as text/csv.") from error
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_ROWS:
        raise _no_file(f"An import has 1 to {MOST_ROWS} rows.", "Send a list of so many, and the rest after it.")
    return rows


def column_of(path: str, *, is_csv: bool) -> str:
    """How a field is called in the file."""
    return _FIELDS.get(path, path) if is_csv else path


def _of_csv(text: str) -> list[Any]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restval="")
    unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
    if unknown:
        raise _no_file(f"These columns are unknown: {', '.join(unknown)[:200]}.", f"Name {', '.join(COLUMNS)}.")
    return [_case(row) for row in reader]


def _case(row: dict[str, Any]) -> dict[str, Any]:
    """Empty cells are left out."""
    case: dict[str, Any] = {}
    if None in row:
        raise _no_file("A line has more cells than the first.", "Quote cells that hold a comma (RFC 4180).")
    for column, text in row.items():
        if text == "":
            continue
        first, _, rest = COLUMNS[column].partition(".")
        if not rest:
            case[first] = text
        elif first == "items":
            case.setdefault("items", [{}])[0][rest.removeprefix("0.")] = _number(text) if column == "quantity" else text
        else:
            case.setdefault(first, {})[rest] = text
    return case


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _no_file(detail: str, remedy: str) -> InvalidInput:
    return InvalidInput(detail, field="body", remedy=remedy)
