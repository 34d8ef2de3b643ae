"""Who may see and do what: a case is shown to those it names, to the arbitrators it came before, and to overseers."""

from __future__ import annotations

from sqlmodel import Session

from ..domain.messages import Parties
from ..domain.vocabulary import Role
from ..errors import Forbidden, NotFound, Unauthenticated
from ..store.acting_reads import disabled_among
from ..store.tables import Account, CaseRow
from .rounds import came_before

OVERSEERS = ("auditor", "operator")
ARBITRATOR = "arbitrator"


def parties_of(case: CaseRow) -> Parties:
    return Parties(case.merchant, case.carrier, case.warehouse, case.inspector)


def require_enabled(session: Session, account: Account) -> None:
    """Asked in the unit of work that writes. Raises Unauthenticated."""
    if disabled_among(session, [account.id]):
        raise just_disabled()


def just_disabled() -> Unauthenticated:
    """Since its API key was looked up, which is done before a unit of work begins and may wait for its turn."""
    return Unauthenticated(
        "This account was just disabled.", field="Authorization", remedy="Use the key of another account."
    )


def may_see(session: Session, account: Account, case: CaseRow) -> bool:
    if account.role == ARBITRATOR:
        return came_before(session, case, account.address)
    named = bool(parties_of(case).roles_of(account.address))
    return account.role in OVERSEERS or case.account_id == account.id or named


def require_visible(session: Session, account: Account, case: CaseRow | None) -> CaseRow:
    """The case. Raises NotFound, for a case that does not exist and for one of somebody else's alike."""
    if case is None or not may_see(session, account, case):
        raise NotFound("There is no such case, or it is not yours.", field="case_id", remedy="Check the case id.")
    return case


def require_merchant(session: Session, account: Account, case: CaseRow | None) -> CaseRow:
    """The case. Raises NotFound if it is not visible, Forbidden if the caller is not its merchant."""
    found = require_visible(session, account, case)
    if account.role != "merchant" or found.merchant != account.address:
        raise Forbidden(
            "Only the case's merchant may do this.", field="Authorization", remedy="Use the merchant's API key."
        )
    return found


def may_read_words(account: Account, case: CaseRow) -> bool:
    """Whether somebody who may see a case may read what its sides said in a dispute: carriers and the like need not."""
    return account.role in (*OVERSEERS, ARBITRATOR) or account.address == case.merchant


def roles_in(account: Account, case: CaseRow) -> list[Role]:
    """The roles that this account's key holds in a case. Overseers and arbitrators hold none."""
    if account.role in OVERSEERS or account.role == ARBITRATOR:
        return []
    return parties_of(case).roles_of(account.address)
