"""SQL of refunds as payment providers' exports state them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import exists, or_
from sqlmodel import Session, col, select

from ..domain.vocabulary import Kind, Mode, State
from .outbox import chunks
from .tables import CaseRow, ChainCase, ProviderRefund, RecordRow

_DECIDED = [state.wire for state in (State.PAYABLE, State.REFUNDED, State.SETTLED)]


def refunds_of_cases(session: Session, case_ids: Sequence[str]) -> dict[str, list[ProviderRefund]]:
    """By case, the oldest first."""
    found: dict[str, list[ProviderRefund]] = {}
    for part in chunks(case_ids):
        query = select(ProviderRefund).where(col(ProviderRefund.case_id).in_(part))
        for row in session.exec(query.order_by(col(ProviderRefund.created_at), col(ProviderRefund.refund_id))):
            found.setdefault(row.case_id or "", []).append(row)
    return found


def known_refunds(
    session: Session, account_id: int, provider: str, refund_ids: Sequence[str]
) -> dict[str, ProviderRefund]:
    """Those of an account that were uploaded before, by the provider's id."""
    found: dict[str, ProviderRefund] = {}
    for part in chunks(refund_ids):
        query = select(ProviderRefund).where(
            ProviderRefund.account_id == account_id,
            ProviderRefund.provider == provider,
            col(ProviderRefund.refund_id).in_(part),
        )
        found |= {row.refund_id: row for row in session.exec(query)}
    return found


# --- whose refund it is ----------------------------------------------------------------------------------------------


def own_cases(session: Session, merchant: str, case_ids: Sequence[str]) -> set[str]:
    """Those of the ids that are this merchant's cases."""
    found: set[str] = set()
    for part in chunks(case_ids):
        query = select(CaseRow.case_id).where(CaseRow.merchant == merchant, col(CaseRow.case_id).in_(part))
        found |= set(session.exec(query))
    return found


def cases_by_reference(session: Session, merchant: str, references: Sequence[str]) -> dict[str, list[str]]:
    """This merchant's cases under its own references."""
    found: dict[str, list[str]] = {}
    for part in chunks(references):
        query = select(CaseRow.reference, CaseRow.case_id)
        for reference, case_id in session.exec(
            query.where(CaseRow.merchant == merchant, col(CaseRow.reference).in_(part))
        ):
            found.setdefault(reference, []).append(case_id)
    return found


def stated_refunds(session: Session, merchant: str) -> Iterator[tuple[str, bytes]]:
    """The case and the bytes of every record in which this merchant says that it refunded by its provider."""
    query = (
        select(RecordRow.case_id, RecordRow.canonical)
        .join(CaseRow, col(CaseRow.case_id) == col(RecordRow.case_id))
        .where(CaseRow.merchant == merchant, RecordRow.kind == Kind.REFUNDED.wire)
        .execution_options(yield_per=1_000)
    )
    yield from session.exec(query)


# --- what is compared ------------------------------------------------------------------------------------------------


def cases_to_compare(
    session: Session, merchant: str, after: str, limit: int
) -> Sequence[tuple[CaseRow, ChainCase | None]]:
    """A merchant's cases that the provider says something of, or had to pay in, by id."""
    provided = exists().where(col(ProviderRefund.case_id) == col(CaseRow.case_id))
    by_provider = (col(ChainCase.state).in_(_DECIDED)) & (col(ChainCase.mode) != Mode.REFUND.wire)
    query = (
        select(CaseRow, ChainCase)
        .join(ChainCase, col(ChainCase.case_id) == col(CaseRow.case_id), isouter=True)
        .where(CaseRow.merchant == merchant, CaseRow.case_id > after, or_(provided, by_provider))
    )
    return session.exec(query.order_by(col(CaseRow.case_id)).limit(limit)).all()


def unclaimed_refunds(
    session: Session, account_id: int, after: tuple[str, str], limit: int
) -> Sequence[ProviderRefund]:
    """Refunds that belong to no case here, by provider and id."""
    provider, refund_id = after
    further = (col(ProviderRefund.provider) == provider) & (col(ProviderRefund.refund_id) > refund_id)
    query = select(ProviderRefund).where(
        ProviderRefund.account_id == account_id,
        col(ProviderRefund.case_id).is_(None),
        or_(col(ProviderRefund.provider) > provider, further),
    )
    order = (col(ProviderRefund.provider), col(ProviderRefund.refund_id))
    return session.exec(query.order_by(*order).limit(limit)).all()
