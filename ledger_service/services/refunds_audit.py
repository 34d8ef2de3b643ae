"""What became of the money of each case: asked for, proposed, ruled, paid by the escrow or by a provider, and what is
missing; with the way down to the proof of each number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from ..domain.entry import Entry
from ..domain.hashing import from_hex
from ..domain.money import to_decimal
from ..domain.payout import split_lock
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Kind, Role, State
from ..errors import Forbidden, NotFound
from ..store.case_lists import Filter, select_cases
from ..store.cases import find_case
from ..store.provider_refunds import refunds_of_cases
from ..store.refund_proofs import escrow_events
from ..store.stages import composed_links, head_block
from ..store.tables import Account, CaseRow, ChainEvent, ChainRecord, ProviderRefund
from .access import OVERSEERS
from .app import App
from .case_lists import CaseFilter, filter_of, next_cursor
from .cursors import read_place
from .evidence import verify_case
from .presenting import money_answer, refund_answer, state_word
from .presenting_disputes import settled_answer
from .viewing import View, view_of

SORT = "-opened"
_DECIDED = (State.PAYABLE, State.REFUNDED, State.SETTLED)


def refunds_audit(
    app: App, account: Account, query: CaseFilter, cursor: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """A page of cases with their money. Merchants see the cases that they opened: naming them as a party shows them a
    case, but makes its money none of theirs.

    Raises Forbidden for other parties, InvalidInput for a bad cursor.
    """
    require_bookkeeper(account)
    after = read_place(cursor, SORT)
    with app.database.read() as session:
        rows = select_cases(session, books_of(app, session, account, query), SORT, after, limit + 1)
        items = money_of(app, session, [row.case for row in rows[:limit]])
    return {"items": items, "next_cursor": next_cursor(rows, limit, SORT)}


def books_of(app: App, session: Session, account: Account, query: CaseFilter) -> Filter:
    """The cases whose money this account answers for, or oversees."""
    which = filter_of(app, session, account, query)
    return which if account.role in OVERSEERS else which.of_merchant(account.address)


def require_bookkeeper(account: Account) -> None:
    """Raises Forbidden for whoever answers for no money."""
    if account.role != "merchant" and account.role not in OVERSEERS:
        raise Forbidden(
            "Refunds are audited by merchants and auditors.",
            field="Authorization",
            remedy="Use such a key; a party sees its cases under /v1/cases.",
        )


def money_of(app: App, session: Session, cases: list[CaseRow]) -> list[dict[str, Any]]:
    """The money of some cases, in their order."""
    provided = refunds_of_cases(session, [case.case_id for case in cases])
    return [_item(session, view_of(app, session, case), provided.get(case.case_id, [])) for case in cases]


def _item(session: Session, view: View, provided: list[ProviderRefund]) -> dict[str, Any]:
    case = view.case
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "opened_at": rfc3339(from_chain(case.opened_at)),
        "state": state_word(view.state, view.records),
        "escrow": case.mode,
        "refund": refund_answer(view),
        "money": money_answer(view),
        "arbitration": settled_answer(session, view),
        "amounts": amounts_of(view, composed_links(session, case.case_id), provided),
    }


# --- one case's amounts ----------------------------------------------------------------------------------------------


def amounts_of(view: View, links: Sequence[ChainRecord], provided: list[ProviderRefund]) -> dict[str, Any]:
    """`decided` is null until the outcome is, and so is `difference`: what was decided less all that was paid. A
    provider's refund counts once it succeeded, and in the case's own currency."""
    case, chain, shown = view.case, view.chain, view.money
    proposed = _last(links, Kind.INSPECTED, Role.INSPECTOR)
    ruled = _last(links, Kind.RULED, Role.PANEL)
    decided = view.expected if view.state.state in _DECIDED else None
    on_chain = chain.withdrawn if chain else 0
    counted = [one for one in provided if one.currency == case.currency]
    by_provider = sum(one.amount_minor for one in counted if one.status == "succeeded")
    pending = sum(one.amount_minor for one in counted if one.status == "pending")
    return {
        "currency": case.currency,
        "requested": shown(case.refund_minor),
        "proposed": shown(_of(view, proposed)) if proposed else None,
        "ruled": shown(_of(view, ruled)) if ruled else None,
        "decided": shown(decided) if decided is not None else None,
        "due_on_chain": shown(chain.to_consumer - chain.withdrawn if chain else 0),
        "paid_on_chain": shown(on_chain),
        "paid_by_provider": shown(by_provider),
        "pending_at_provider": shown(pending),
        "difference": shown(decided - on_chain - by_provider) if decided is not None else None,
    }


def _last(links: Sequence[ChainRecord], kind: Kind, role: Role) -> Entry | None:
    found = [link for link in links if link.kind == kind.wire and link.role == role.wire]
    return Entry.unpack(from_hex(found[-1].entry)) if found else None


def _of(view: View, entry: Entry) -> int:
    """What an entry's share and fee bring the consumer, without freight."""
    return split_lock(
        refund=view.case.refund_minor,
        freight=0,
        reserve=0,
        share=entry.share,
        fee=entry.fee,
        freight_to_consumer=False,
    ).to_consumer


# --- the proof -------------------------------------------------------------------------------------------------------


def refund_proof(app: App, account: Account, case_id: str) -> dict[str, Any]:
    """One case's money with what each number rests on: records by their place on the chain, what the escrow moved, what
    the provider's export says, and the checks. Raises NotFound for a case whose money is not the caller's to see."""
    require_bookkeeper(account)
    with app.database.read() as session:
        case = find_case(session, case_id)
        if case is None or (account.role not in OVERSEERS and case.merchant != account.address):
            raise NotFound("There is no such case, or it is not yours.", field="case_id", remedy="Check the case id.")
        view = view_of(app, session, case)
        provided = refunds_of_cases(session, [case_id]).get(case_id, [])
        final_up_to = head_block(session) - app.settings.confirmations_needed
        body = {
            **_item(session, view, provided),
            "records": _records(view, composed_links(session, case_id), final_up_to),
            "escrow_events": [_event(event, final_up_to) for event in escrow_events(session, case_id)],
            "provider_refunds": [provider_answer(one) for one in provided],
            "chain": {"id": app.deployment.chain_id, "escrow": app.deployment.escrow, "ledger": app.deployment.ledger},
        }
    return {**body, "verification": verify_case(app, case_id)}


def _records(view: View, links: Sequence[ChainRecord], final_up_to: int) -> list[dict[str, Any]]:
    ours = {staged.link.position: staged.row.record_id for staged in view.records if staged.link}
    return [
        {
            "record_id": ours.get(link.position),
            "kind": link.kind,
            "role": link.role,
            "share": Entry.unpack(from_hex(link.entry)).share,
            "fee": Entry.unpack(from_hex(link.entry)).fee,
            "recorded_at": rfc3339(from_chain(link.time)),
            **_place(link, final_up_to),
            "position": link.position,
            "commitment": link.commitment,
            "head": link.head,
        }
        for link in links
    ]


def _event(event: ChainEvent, final_up_to: int) -> dict[str, Any]:
    """What the escrow did; amounts are minor units, as the contract says them."""
    return {"event": event.name, "args": json.loads(event.args), **_place(event, final_up_to)}


def _place(row: ChainRecord | ChainEvent, final_up_to: int) -> dict[str, Any]:
    return {
        "transaction": row.tx_hash,
        "block": row.block_number,
        "block_hash": row.block_hash,
        "log_index": row.log_index,
        "stage": "final" if row.block_number <= final_up_to else "recorded",
    }


def provider_answer(row: ProviderRefund) -> dict[str, Any]:
    """A provider's refund as its export said."""
    return {
        "provider": row.provider,
        "refund_id": row.refund_id,
        "case_id": row.case_id,
        "amount": to_decimal(row.amount_minor, row.currency),
        "currency": row.currency,
        "status": row.status,
        "created_at": rfc3339(from_chain(row.created_at)),
        "uploaded_at": rfc3339(from_chain(row.uploaded_at)),
    }
