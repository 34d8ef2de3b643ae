"""Who may see and do what: a case is shown to those it names, and to auditors and operators."""

from __future__ import annotations

import json

from ..domain.messages import Parties
from ..domain.vocabulary import Role
from ..errors import Forbidden, NotFound
from ..store.tables import Account, CaseRow

OVERSEERS = ("auditor", "operator")


def parties_of(case: CaseRow) -> Parties:
    return Parties(case.merchant, case.carrier, case.warehouse, case.inspector)


def may_see(account: Account, case: CaseRow) -> bool:
    return (
        account.role in OVERSEERS or case.account_id == account.id or bool(parties_of(case).roles_of(account.address))
    )


def require_visible(account: Account, case: CaseRow | None) -> CaseRow:
    """The case. Raises NotFound, for a case that does not exist and for one of somebody else's alike."""
    if case is None or not may_see(account, case):
        raise NotFound("There is no such case, or it is not yours.", field="case_id", remedy="Check the case id.")
    return case


def require_merchant(account: Account, case: CaseRow | None) -> CaseRow:
    """The case. Raises NotFound if it is not visible, Forbidden if the caller is not its merchant."""
    found = require_visible(account, case)
    if account.role != "merchant" or found.merchant != account.address:
        raise Forbidden(
            "Only the case's merchant may do this.", field="Authorization", remedy="Use the merchant's API key."
        )
    return found


def consumer_key_held(case: CaseRow) -> bool:
    """Whether the consumer's key was made for this case. Any other address that the merchant named signs for itself,
    even if the service holds its key: that key is somebody's in another matter."""
    return bool(json.loads(case.terms)["consumerKeyHeld"])


def roles_in(account: Account, case: CaseRow) -> list[Role]:
    """The roles that this account's key holds in a case. Overseers hold none."""
    if account.role in OVERSEERS or account.role == "arbitrator":
        return []
    return parties_of(case).roles_of(account.address)
