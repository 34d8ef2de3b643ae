"""Erasure: the key and the personal fields of an ended case are destroyed, and a record says so on the chain.

What was signed stays as it was, with its fingerprints, so that every amount and date can be proved as before. The
record and the destruction are one unit of work; what stands outside of the tables is cleared by `services.caretaking`.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from ..domain.machine import WAITS_FOR
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Kind, Role
from ..errors import Conflict, Forbidden, InvalidInput, NotFound, OutOfOrder
from ..store import privacy as sql
from ..store.acting_reads import unsettled
from ..store.cases import chain_case, find_case
from ..store.stages import head_block
from ..store.tables import Account, CaseRow
from .access import require_enabled, require_merchant
from .acting import sign_and_accept
from .app import App
from .drafting import Place, place_as_read
from .idempotency import IdempotencyClaim, complete
from .inputs import ErasureInput, MilestoneInput, PrepareInput
from .preparing import accept_prepared, prepare_kind
from .projection import opening_refused
from .saved_views import forget_person
from .sources import erased_source

OPERATOR = "operator"


def erase_case(
    app: App,
    account: Account | None,
    case_id: str,
    request: ErasureInput,
    idempotency: IdempotencyClaim | None = None,
) -> dict[str, Any]:
    """Destroys the personal data of a case, and answers the 202 body of the record that says so. `account` is the
    case's merchant or an operator, None the operator's command line.

    Raises NotFound or Forbidden for others, OutOfOrder while the case goes on, Conflict while something of it is under
    way or once it was erased, InvalidInput where the merchant has to sign first.
    """
    with app.database.write() as session:
        case = _case_of(session, account, case_id)
        if account is not None:
            require_enabled(session, account)
        place = _require_ended(app, session, case)
        body = _record(app, session, place, request) if place else _no_record(case)
        key_gone = destroy(app, session, case, account.id if account else None)
        body |= {"erased_at": rfc3339(app.clock.now()), "consumer_key": _what_became(place, key_gone)}
        complete(session, idempotency, 202, body)
    app.keys.forget(case.consumer)
    app.wake.set()
    return body


def prepare_erasure(
    app: App, account: Account, case_id: str, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """The record that a merchant with a key of its own signs, and the typed data. Destroys nothing. Raises as
    `erase_case`."""
    with app.database.write() as session:
        case = require_merchant(session, account, find_case(session, case_id, for_update=True))
        place = _require_ended(app, session, case)
        if place is None:
            raise OutOfOrder(
                "The chain has no such case, so nothing is to be signed.",
                field="case_id",
                remedy="Ask for the erasure itself.",
            )
        body = prepare_kind(app, session, place, Kind.ERASED, Role.MERCHANT, PrepareInput(kind=Kind.ERASED.wire))
        complete(session, idempotency, 200, body)
    return body


def destroy(app: App, session: Session, case: CaseRow, asked_by: int | None) -> bool:
    """Destroys what is personal of a case; whether the consumer's key is gone as well."""
    now = app.clock.seconds()
    forget_person(app, session, case)
    key_gone = sql.destroy_consumer_key(session, case)
    sql.destroy_case(session, case, erased_source(app, case.source) if case.source else None, now)
    sql.note_erasure(session, case.case_id, asked_by, now)
    return key_gone


# --- who, and when ---------------------------------------------------------------------------------------------------


def _case_of(session: Session, account: Account | None, case_id: str) -> CaseRow:
    case = find_case(session, case_id, for_update=True)
    if account is not None and account.role != OPERATOR:
        if account.role != "merchant":
            raise Forbidden(
                "Only the case's merchant or an operator erases it.",
                field="Authorization",
                remedy="Ask the merchant to.",
            )
        return require_merchant(session, account, case)
    if case is None:
        raise NotFound("There is no such case.", field="case_id", remedy="Check the case id.")
    return case


def _require_ended(app: App, session: Session, case: CaseRow) -> Place | None:
    """The case as the chain has it, for good; None for one that the contract refused to open."""
    if case.erased_at is not None:
        at = rfc3339(from_chain(case.erased_at))
        raise Conflict(f"This case was erased at {at}.", field="case_id", remedy="Nothing is left to be done.")
    read = unsettled(session, [case.case_id])[case.case_id]
    place = None if opening_refused(read.records) else place_as_read(app, session, case, read)
    if place is not None and place.state.state.is_live:
        raise _goes_on(place)
    require_ready(app, session, case)
    return place


def require_ready(app: App, session: Session, case: CaseRow) -> None:
    """Raises Conflict while something of a case that has ended is under way: what is personal in it is needed for it,
    or again, if the end is taken back."""
    if sql.is_anything_waiting(session, case.case_id):
        raise _not_yet("Something of it is still on its way to the chain.", "Look at its milestones' stages, and wait.")
    _require_final(app, session, case)
    chain = chain_case(session, case.case_id)
    if chain is not None and chain.to_consumer > chain.withdrawn:
        raise _not_yet("Money of it is still to be paid out to the consumer.", "Wait until it is withdrawn.")
    if sql.has_mail_on_its_way(session, case.case_id, app.clock.seconds()):
        raise _not_yet("A message to its consumer is on its way.", "Try again in some minutes.")


def _goes_on(place: Place) -> OutOfOrder:
    state = place.state
    return OutOfOrder(
        f"The case is {state.state.wire!r}: it goes on, and what is personal in it is needed.",
        field="case_id",
        remedy=f"Erase it once it is settled or closed. It waits for the {WAITS_FOR[state.state].wire}, until "
        f"{rfc3339(from_chain(state.due))} at the latest.",
    )


def _require_final(app: App, session: Session, case: CaseRow) -> None:
    """A reorg must not bring a case back to life whose evidence was destroyed."""
    block, needed = sql.last_block(session, case.case_id), app.settings.confirmations_needed
    if block is not None and block > head_block(session) - needed:
        raise _not_yet("Its end is not final on the chain yet.", f"Wait for {needed} confirmations.")


def _not_yet(detail: str, remedy: str) -> Conflict:
    return Conflict(f"The case cannot be erased yet. {detail}", field="case_id", remedy=remedy)


# --- the record ------------------------------------------------------------------------------------------------------


def _record(app: App, session: Session, place: Place, request: ErasureInput) -> dict[str, Any]:
    kind = Kind.ERASED.wire
    if request.record_id is not None:
        answered = MilestoneInput(kind=kind, **request.model_dump())
        return accept_prepared(app, session, place, [Role.MERCHANT], answered)
    if app.keys.signer(session, place.actor(Role.MERCHANT)) is None:
        raise InvalidInput(
            "The merchant of this case signs with a key of its own.",
            field="signature",
            remedy=f"As the merchant, ask /v1/cases/{place.case.case_id}/erasure/prepare for the message, sign it, and "
            "send record_id and signature.",
        )
    return sign_and_accept(app, session, place, Kind.ERASED, Role.MERCHANT, PrepareInput(kind=kind))


def _no_record(case: CaseRow) -> dict[str, Any]:
    """The chain has no such case, so it takes no record of it either."""
    return {
        "record_id": None,
        "case_id": case.case_id,
        "kind": Kind.ERASED.wire,
        "commitment": None,
        "stage": "rejected",
        "receipt": None,
    }


def _what_became(place: Place | None, key_gone: bool) -> str:
    """`own`: the service never had it; `kept`: money was paid to its address."""
    if place is not None and not place.consumer_key_held:
        return "own"
    return "destroyed" if key_gone else "kept"
