"""Refunds in providers' exports: amounts in ISO 4217's minor units, and rows that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger_service.domain.provider_refunds import RowProblem, StatedRefund, read_refunds
from ledger_service.domain.reconciling import Provided, judge
from ledger_service.errors import InvalidInput

# One refund object as Stripe returns it: Stripe OpenAPI fixtures, MIT.
STRIPE = (Path(__file__).parents[2] / "vectors" / "stripe_refund.json").read_bytes()


def refund(**changes: Any) -> dict[str, Any]:
    return {**json.loads(STRIPE), **changes}


def read(value: Any) -> StatedRefund | RowProblem:
    (found,) = read_refunds("stripe", json.dumps(value).encode())
    return found


def test_stripes_own_object_is_read() -> None:
    (found,) = read_refunds("stripe", STRIPE)
    assert found == StatedRefund(1, "re_1Pgc72B7WZ01zgkWqPvrRrPE", None, None, 100, "USD", "succeeded", 1_234_567_890)


def test_list_lines_and_list_object_are_the_same() -> None:
    objects = [refund(), refund(id="re_2")]
    forms = [
        json.dumps(objects),
        "\n".join(map(json.dumps, objects)),
        json.dumps({"object": "list", "data": objects, "has_more": False}),
    ]
    first, *rest = [list(read_refunds("stripe", form.encode())) for form in forms]
    assert len(first) == 2
    assert all(other == first for other in rest)


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [
        ("gbp", 1980, 1980),
        ("jpy", 500, 500),  # no decimals in both
        ("kwd", 5120, 5120),  # three in both
        ("mga", 7, 700),  # none at Stripe, two in ISO 4217
        ("isk", 500, 5),  # two at Stripe, none in ISO 4217
        ("ugx", 1200, 12),
        ("huf", 1045, 1045),  # no decimals in payouts alone
        ("twd", 800, 800),
    ],
)
def test_amount_is_in_the_minor_units_of_iso_4217(currency: str, amount: int, minor: int) -> None:
    found = read(refund(currency=currency, amount=amount))
    assert isinstance(found, StatedRefund)
    assert found.amount_minor == minor


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "isk", "amount": 501}, "amount"),
        ({"currency": "zzz"}, "currency"),
        ({"currency": "lyd"}, "currency"),
        ({"amount": 1.5}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"status": "lost"}, "status"),
        ({"status": ["pending"]}, "status"),
        ({"created": "now"}, "created"),
        ({"created": 2**40}, "created"),
        ({"metadata": {"reference": "\ud800"}}, "reference"),
        ({"id": None}, "id"),
        ({"object": "charge"}, "object"),
        ({"metadata": {"case_id": "0x12"}}, "metadata.case_id"),
    ],
)
def test_row_that_is_no_refund_is_told_with_its_field(changes: dict[str, Any], field: str) -> None:
    found = read(refund(**changes))
    assert isinstance(found, RowProblem)
    assert (found.row, found.field) == (1, field)
    assert found.remedy


def test_action_that_is_required_is_pending() -> None:
    found = read(refund(status="requires_action"))
    assert isinstance(found, StatedRefund)
    assert found.status == "pending"


@pytest.mark.parametrize(
    ("provider", "data"),
    [
        ("stripe", b"\xff"),
        ("stripe", b"7"),
        ("stripe", b'{"object": "refund"}\nno'),
        ("csv", b"refund_id,amount\r\n1,2\r\n"),
        ("csv", b"\xff"),
    ],
)
def test_file_that_is_none_is_refused(provider: str, data: bytes) -> None:
    with pytest.raises(InvalidInput):
        list(read_refunds(provider, data))


def test_csv_is_read_with_its_columns_in_any_order() -> None:
    text = (
        "\ufeffstatus,amount,currency,refund_id,created_at,reference\r\nfailed,19.80,GBP,r-1,2026-03-01T09:20:00Z,A\r\n"
    )
    (found,) = read_refunds("csv", text.encode())
    assert found == StatedRefund(1, "r-1", None, "A", 1980, "GBP", "failed", 1_772_356_800)


@pytest.mark.parametrize(
    ("owed", "provided", "finding"),
    [
        (1980, [(1980, "GBP", "succeeded")], "matched"),
        (1980, [(1000, "GBP", "succeeded"), (980, "GBP", "succeeded")], "matched"),
        (1980, [(1980, "GBP", "failed"), (1980, "GBP", "succeeded")], "matched"),
        (0, [], "matched"),
        (0, [(1980, "GBP", "canceled")], "matched"),
        (1980, [(1980, "GBP", "pending")], "pending"),
        (1980, [(1000, "GBP", "succeeded"), (980, "GBP", "pending")], "pending"),
        (None, [(1980, "GBP", "succeeded")], "undecided"),
        (1980, [], "missing_there"),
        (1980, [(1980, "GBP", "failed")], "different_status"),
        (1980, [(1980, "EUR", "succeeded")], "different_currency"),
        (1980, [(1979, "GBP", "succeeded")], "different_amount"),
        (1980, [(1981, "GBP", "succeeded")], "different_amount"),
        (1980, [(1980, "GBP", "succeeded"), (1980, "GBP", "succeeded")], "doubled"),
        (1980, [(1980, "GBP", "succeeded"), (1980, "GBP", "pending")], "doubled"),
        (0, [(1980, "GBP", "succeeded")], "doubled"),
    ],
)
def test_what_is_owed_is_compared_with_what_was_provided(
    owed: int | None, provided: list[tuple[int, str, str]], finding: str
) -> None:
    assert judge(owed, "GBP", [Provided(*one) for one in provided]) == finding
