"""What we hold of events that show hashes only: the signed acts, and the policies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlmodel import Session

from ..chain.codec import Event
from ..domain.messages import Act
from ..domain.policies import Policy
from ..errors import LedgerError
from ..services.projection import act_of
from ..store.chain_facts import records_by_commitment
from ..store.ours import is_recorded_by

PolicyById = Callable[[str], Policy]


class Held:
    """A `Known` of a fold, for these events."""

    def __init__(self, session: Session, events: Iterable[Event], policy_by_id: PolicyById) -> None:
        named = {event.args["commitment"] for event in events if event.name == "Recorded"}
        self._records = records_by_commitment(session, named)
        self._policy_by_id = policy_by_id

    def policy(self, policy_id: str) -> Policy | None:
        try:
            return self._policy_by_id(policy_id)
        except LedgerError:
            return None

    def act(self, link: dict[str, Any]) -> Act | None:
        row = self._records.get(link["commitment"])
        try:
            return act_of(row) if row and is_recorded_by(row, link) else None
        except (LookupError, ValueError, TypeError, LedgerError):
            return None  # somebody changed it by hand, which the audit tells
