"""How a case's refund and what a payment provider says of it stand to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Finding = Literal[
    "matched",
    "pending",
    "undecided",
    "missing_here",
    "missing_there",
    "different_amount",
    "different_currency",
    "different_status",
    "doubled",
]
FINDINGS: tuple[Finding, ...] = get_args(Finding)
SETTLED: tuple[Finding, ...] = ("matched", "pending")  # which are no differences


@dataclass(frozen=True, slots=True)
class Provided:
    """One refund of the provider's: minor units, and its status."""

    amount: int
    currency: str
    status: str


def judge(owed: int | None, currency: str, provided: Sequence[Provided]) -> Finding:
    """`owed` is what the provider had to pay in minor units, less what the escrow paid; None before there is an
    outcome. A refund on its way is pending; one that failed, or was canceled, is a difference until another takes its
    place."""
    counted = [one for one in provided if one.status in ("succeeded", "pending")]
    if any(one.currency != currency for one in counted):
        return "different_currency"
    if owed is None:
        return "undecided"
    paid = sum(one.amount for one in counted if one.status == "succeeded")
    coming = sum(one.amount for one in counted if one.status == "pending")
    if paid + coming == owed:
        return "pending" if coming else "matched"
    if not counted:
        return "different_status" if provided else "missing_there"
    if paid + coming > owed and (len(counted) > 1 or owed == 0):
        return "doubled"
    return "different_amount"
