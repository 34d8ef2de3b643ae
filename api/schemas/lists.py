"""Lists of cases, and what is to be done."""

from __future__ import annotations

from typing import Any, Literal

from .common import Amount, Answer, Hash, ShownState, State, Time

ActingRole = Literal["consumer", "merchant", "carrier", "warehouse", "inspector", "panel"]


class Money(Answer):
    amount: Amount
    currency: str


class CaseLine(Answer):
    """A case in a list, as the chain has it."""

    case_id: Hash
    reference: str
    opened_at: Time
    state: ShownState
    stage: Literal["accepted", "recorded", "final", "rejected"]
    escrow: Literal["refund", "bond", "none"]
    policy: str
    refund: Money
    country: str | None
    reason_code: str | None
    waiting_for: ActingRole | None
    deadline: Time | None
    erased: bool


class CasePage(Answer):
    items: list[CaseLine]
    next_cursor: str | None


class CaseCount(Answer):
    total: int
    is_exact: bool


class Work(Answer):
    """A case that waits for you. `acts` is what you can state now, `at_stake` what the consumer gets without you."""

    case_id: Hash
    reference: str
    state: State
    role: ActingRole
    acts: list[str]
    deadline: Time
    seconds_left: int
    otherwise: str
    at_stake: Money


class WorkPage(Answer):
    items: list[Work]
    next_cursor: str | None


class SavedView(Answer):
    view_id: str
    name: str
    query: dict[str, Any]
    created_at: Time


class SavedViewList(Answer):
    items: list[SavedView]
    next_cursor: str | None
