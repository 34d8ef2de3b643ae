"""Stating milestones: by a party with its API key, by its own signing key, or by the consumer through their link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlmodel import Session

from ..domain.case_state import CaseState
from ..domain.vocabulary import Kind, Role
from ..errors import Conflict, Interrupted, InvalidInput, LedgerError, Unavailable
from ..store.acting_reads import disabled_among, lock_cases, unsettled
from ..store.cases import find_case
from ..store.idempotency import StoredAnswer, insert_answers
from ..store.tables import Account
from ..traces import calls_of
from .accepting import Taken, keep_records, new_record_id, sealed_rows, take_record
from .access import just_disabled, require_enabled, require_visible, roles_in
from .app import App
from .drafting import Place, draft, kind_of, place_as_read, place_of, role_for
from .idempotency import Answer, IdempotencyClaim, answered_meanwhile, answers_to, complete
from .inputs import ActInput, MilestoneInput, PrepareInput, SignedActInput
from .links import LinkClaims, require_scope
from .preparing import accept_prepared, case_of_link

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Statement:
    """A milestone that an account states. With a claim it counts once, however often it is sent."""

    account: Account
    case_id: str
    request: MilestoneInput
    claim: IdempotencyClaim | None = None


def state_milestone(
    app: App, account: Account, case_id: str, request: MilestoneInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Takes a milestone and answers the 202 body.

    With `record_id` it is the prepared one, signed by its actor; else the service signs for an actor whose key it
    holds. Raises NotFound, Forbidden, InvalidInput or OutOfOrder, each naming the field, and then nothing is written.
    """
    statement = Statement(account, case_id, request, idempotency)
    if request.record_id is not None:
        return _state_prepared(app, statement)
    [outcome] = state_milestones(app, [statement])
    if isinstance(outcome, Exception):
        raise outcome
    if outcome.replayed:
        raise answered_meanwhile()
    return outcome.body


def state_milestones(
    app: App, statements: Sequence[Statement], require_room: Callable[[], None] | None = None
) -> list[Answer | Exception]:
    """Takes milestones that the service signs, all in one unit of work, and answers each in its place: by the 202 body,
    by the answer that was given to the same request before, or by what stands against it, which touches no other.

    Nothing new is taken where `require_room` raises.
    """
    try:
        if require_room is not None:
            require_room()
    except LedgerError as error:
        return _answered_before(app, statements, error)
    try:
        return _together(app, statements)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one of them is not to be the others'
        if isinstance(error, Unavailable) and not isinstance(error, Interrupted):
            return [error] * len(statements)  # nobody can write now
        log.warning("taken_one_by_one", statements=len(statements), why=type(error).__name__, where=calls_of(error))
        return _one_by_one(app, statements)


def _one_by_one(app: App, statements: Sequence[Statement]) -> list[Answer | Exception]:
    """Each in a unit of work of its own. What somebody else holds is waited for once, and twice at most: others wait
    for all of this."""
    held: dict[str, Exception] = {}
    outcomes: list[Answer | Exception] = []
    for statement in statements:
        known = held.get(statement.case_id) or (next(iter(held.values())) if len(held) > 1 else None)
        outcome = known or _alone(app, statement)
        if isinstance(outcome, Interrupted):
            held[statement.case_id] = outcome
        outcomes.append(outcome)
    return outcomes


def _alone(app: App, statement: Statement) -> Answer | Exception:
    try:
        [outcome] = _together(app, [statement])
    except Exception as error:  # noqa: BLE001 - whoever asked raises it
        return error
    return outcome


def _answered_before(app: App, statements: Sequence[Statement], error: LedgerError) -> list[Answer | Exception]:
    """What was answered once is answered again, whatever stands against the others."""
    with app.database.read() as session:
        answers = answers_to(session, [each.claim for each in statements if each.claim])
    return [_given_or(each.claim, answers, error) for each in statements]


def _given_or(
    claim: IdempotencyClaim | None, answers: Mapping[tuple[str, str], StoredAnswer], error: LedgerError
) -> Answer | LedgerError:
    try:
        return _given(claim, answers) or error
    except LedgerError as own:
        return own


def _together(app: App, statements: Sequence[Statement]) -> list[Answer | Exception]:
    """Raises what happens before the commit: then nothing was kept. Where the commit itself fails in a way that leaves
    open whether it was kept, everybody is told so, and nothing is done again."""
    is_written = False
    try:
        with app.database.write() as session:
            group = _Group(app, session, statements)
            outcomes = [group.judge(statement) for statement in statements]
            keep_records(session, group.taken)
            insert_answers(session, group.earned)
            is_written = True
    except Exception as error:
        if not is_written or isinstance(error, Conflict | Interrupted):
            raise
        return [error] * len(statements)
    app.wake.set()
    return outcomes


class _Group:
    """Statements that are judged one after the other, each by what those before it have led to.

    All is read before the first is judged, and nothing written. What a key was answered is read once the cases are
    locked: whoever answered the same request in another process has committed by then.
    """

    def __init__(self, app: App, session: Session, statements: Sequence[Statement]) -> None:
        self._app = app
        self._session = session
        case_ids = sorted({statement.case_id for statement in statements})
        self._cases = lock_cases(session, case_ids)
        self._read = unsettled(session, case_ids)
        self._answers = answers_to(session, [each.claim for each in statements if each.claim])
        self._disabled = disabled_among(session, {each.account.id for each in statements})
        app.keys.open(session, {each.account.address for each in statements})
        self._places: dict[str, Place] = {}
        self.taken: list[Taken] = []
        self.earned: list[StoredAnswer] = []

    def judge(self, statement: Statement) -> Answer | Exception:
        try:
            if statement.account.id in self._disabled:
                raise just_disabled()
            return _given(statement.claim, self._answers) or self._take(statement)
        except LedgerError as error:
            return error

    def _take(self, statement: Statement) -> Answer:
        account, request = statement.account, statement.request
        case = require_visible(self._session, account, self._cases.get(statement.case_id))
        place = self._places.get(case.case_id)
        if place is None:
            place = place_as_read(self._app, self._session, case, self._read[case.case_id])
        kind = kind_of(request.kind)
        role = role_for(roles_in(account, case), place.state, kind)
        taken, after = sign(self._app, self._session, place, kind, role, request)
        if statement.claim is not None:
            answer = statement.claim.answered(202, taken.body)
            self._answers[statement.claim.name] = answer
            self.earned.append(answer)
        self._places[case.case_id] = replace(place, state=after)
        self.taken.append(taken)
        return Answer(202, taken.body)


def _given(claim: IdempotencyClaim | None, answers: Mapping[tuple[str, str], StoredAnswer]) -> Answer | None:
    """Raises InvalidInput where the key stands for another request."""
    stored = answers.get(claim.name) if claim is not None else None
    return claim.replayed(stored) if claim is not None and stored is not None else None


def _state_prepared(app: App, statement: Statement) -> dict[str, Any]:
    account = statement.account
    with app.database.write() as session:
        case = require_visible(session, account, find_case(session, statement.case_id, for_update=True))
        require_enabled(session, account)
        place = place_of(app, session, case)
        body = accept_prepared(app, session, place, roles_in(account, case), statement.request)
        complete(session, statement.claim, 202, body)
    app.wake.set()
    return body


def act_by_link(
    app: App, claims: LinkClaims, request: ActInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Takes a consumer's act through their link: the prepared one with `record_id`, else signed by the service for a
    consumer whose key it holds. Raises Forbidden if the link only reads; else as `state_milestone`."""
    kind = kind_of(request.kind)
    require_scope(claims, kind)
    with app.database.write() as session:
        place = place_of(app, session, case_of_link(session, claims))
        if isinstance(request, SignedActInput) and request.record_id is not None:
            body = accept_prepared(app, session, place, [Role.CONSUMER], request)
        else:
            role = role_for([Role.CONSUMER], place.state, kind)
            _require_held_key(place)
            stated = PrepareInput(kind=request.kind, data=request.data, personal=request.personal)
            body = sign_and_accept(app, session, place, kind, role, stated)
        complete(session, idempotency, 202, body)
    app.wake.set()
    return body


def _require_held_key(place: Place) -> None:
    if not place.consumer_key_held:
        raise InvalidInput(
            f"The consumer of this case signs with a key of their own, {place.actor(Role.CONSUMER)}.",
            field="signature",
            remedy="Ask /v1/status/acts/prepare for the message, sign it, and send record_id, signer and signature.",
        )


def sign_and_accept(
    app: App, session: Session, place: Place, kind: Kind, role: Role, request: PrepareInput
) -> dict[str, Any]:
    """Takes what the service signs, and answers the 202 body. Raises as `sign`."""
    taken, _ = sign(app, session, place, kind, role, request)
    keep_records(session, [taken])
    return taken.body


def sign(
    app: App, session: Session, place: Place, kind: Kind, role: Role, request: PrepareInput
) -> tuple[Taken, CaseState]:
    """What is to be kept, and the case once it is.

    Raises InvalidInput for an actor whose key the service does not hold, and for a key that was not shown.
    """
    actor = place.actor(role)
    signer = app.keys.signer(session, actor)
    if signer is None:
        raise InvalidInput(
            f"The service does not hold the key of {actor}.",
            field="signature",
            remedy=f"Ask /v1/cases/{place.case.case_id}/milestones/prepare for the message, and sign it.",
        )
    if kind is Kind.KEY_BOUND:
        raise InvalidInput(
            "A new key signs the message that binds it.",
            field="key_signature",
            remedy="Ask /v1/status/acts/prepare for the message, sign it with the new key, and send record_id and "
            "key_signature.",
        )
    record, act, disclosures, after = draft(app, place, kind, role, "service", request)
    record_id, secret = new_record_id(), place.secret(app) if disclosures else None
    sealed = sealed_rows(app, place.case.case_id, record_id, disclosures, secret)
    signature = signer.sign(app.deployment.domain.digest(act.struct_hash()))
    return take_record(app, record_id, record, act, signature, sealed), after
