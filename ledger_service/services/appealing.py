"""Appeals under the dispute's own address: the same act as the milestone `appealed`, by a party or through a link."""

from __future__ import annotations

from typing import Any

from ..domain.vocabulary import Kind
from ..errors import NotFound
from ..store.tables import Account
from .acting import act_by_link, state_milestone
from .app import App
from .idempotency import IdempotencyClaim
from .inputs import AppealInput, MilestoneInput, SignedActInput
from .links import LinkClaims


def appeal(
    app: App,
    who: Account | LinkClaims,
    case_id: str,
    request: AppealInput,
    idempotency: IdempotencyClaim | None = None,
) -> dict[str, Any]:
    """Takes an appeal and answers the 202 body of a milestone. Raises as `state_milestone` and `act_by_link`, NotFound
    for a link of another case."""
    fields = {
        "kind": Kind.APPEALED.wire,
        "data": {} if request.share is None else {"share": request.share},
        "personal": {"reason": request.reason} if request.reason.strip() else {},
        "record_id": request.record_id,
        "signer": request.signer,
        "signature": request.signature,
    }
    if isinstance(who, Account):
        return state_milestone(app, who, case_id, MilestoneInput.model_validate(fields), idempotency)
    if who.case_id != case_id:
        raise NotFound("This link belongs to another case.", field="case_id", remedy="Check the case id.")
    return act_by_link(app, who, SignedActInput.model_validate(fields), idempotency)
