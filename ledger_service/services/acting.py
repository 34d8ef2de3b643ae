"""Stating milestones: by a party with its API key, by its own signing key, or by the consumer through their link."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import Disclosure, read_disclosure
from ..domain.hashing import from_hex, hex0x
from ..domain.machine import CaseState, apply_act, may_ever_state, next_state
from ..domain.messages import Act
from ..domain.policies import Policy
from ..domain.records import KeyHolder, Record, make_record, record_of
from ..domain.signatures import recover_signer
from ..domain.vocabulary import FULL_SHARE, Grade, Kind, Role
from ..errors import Conflict, Forbidden, InvalidInput, NotFound, OutOfOrder
from ..store.cases import find_case, prepared_record
from ..store.stages import staged_records
from ..store.tables import Account, CaseRow, PreparedRecord
from .accepting import accept_record, case_secret, fresh_disclosures, new_record_id
from .access import require_visible, roles_in
from .app import App
from .idempotency import IdempotencyClaim, complete
from .inputs import ActInput, MilestoneInput, PrepareInput
from .links import SIGN, LinkClaims
from .projection import opening_refused, project
from .times import check_occurred

_DAY = 86_400
_POSTABLE = (
    Kind.AUTHORISED,
    Kind.DECLINED,
    Kind.CANCELLED,
    Kind.PICKED_UP,
    Kind.RECEIVED,
    Kind.INSPECTED,
    Kind.ACCEPTED,
    Kind.REFUNDED,
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A case as an act finds it."""

    case: CaseRow
    policy: Policy
    state: CaseState


def state_milestone(
    app: App, account: Account, case_id: str, request: MilestoneInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Takes a milestone and answers the 202 body.

    With `record_id` it is the prepared one, signed by its actor; else the service signs for an actor whose key it
    holds. Raises NotFound, Forbidden, InvalidInput or OutOfOrder, each naming the field, and then nothing is written.
    """
    with app.database.write() as session:
        case = require_visible(account, find_case(session, case_id, for_update=True))
        place = _place(app, session, case)
        if request.record_id is not None:
            body = _accept_prepared(app, session, place, roles_in(account, case), request)
        else:
            kind = _kind(request.kind)
            role = _role(roles_in(account, case), place.state, kind)
            body = _sign_and_accept(app, session, place, kind, role, request)
        complete(session, idempotency, 202, body)
    app.wake.set()
    return body


def act_by_link(
    app: App, claims: LinkClaims, request: ActInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Takes a consumer's act through their link. Raises Forbidden if the link only reads; else as `state_milestone`."""
    if SIGN not in claims.scopes:
        raise Forbidden(
            "This link can look but not act.",
            field="Authorization",
            remedy="Use the link in the e-mail that came to the consumer.",
        )
    with app.database.write() as session:
        case = find_case(session, claims.case_id, for_update=True)
        if case is None:
            raise NotFound("There is no such case.", field="case_id")
        place, kind = _place(app, session, case), _kind(request.kind)
        role = _role([Role.CONSUMER], place.state, kind)
        stated = PrepareInput(kind=request.kind, data=request.data, personal=request.personal)
        body = _sign_and_accept(app, session, place, kind, role, stated)
        complete(session, idempotency, 202, body)
    app.wake.set()
    return body


def prepare_milestone(
    app: App, account: Account, case_id: str, request: PrepareInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """The record that an actor with a key of its own is to sign, and the EIP-712 typed data. Raises as `state_milestone`.

    Nothing is recorded by this: a prepared record counts when its signature comes back.
    """
    with app.database.write() as session:
        case = require_visible(account, find_case(session, case_id))
        place, kind = _place(app, session, case), _kind(request.kind)
        role = _role(roles_in(account, case), place.state, kind)
        record, act, disclosures = _draft(app, place, kind, role, _actor(case, role), "own", request)
        record_id, secret = new_record_id(), case_secret(app, session, case_id)
        if secret is None:
            raise Conflict("This case was erased.", field="case_id", remedy="It takes no more records.")
        sealed = app.vault.seal(
            secret, record_id, json.dumps([disclosure.encoded for disclosure in disclosures]).encode()
        )
        session.add(
            PreparedRecord(
                record_id=record_id,
                case_id=case_id,
                canonical=record.canonical,
                act=json.dumps(_act_json(act)),
                disclosures=sealed,
                created_at=app.clock.seconds(),
            )
        )
        body = {
            "record_id": record_id,
            "case_id": case_id,
            "signer": record.body["signer"],
            "record": record.body,
            "commitment": hex0x(record.commitment),
            "valid_until": act.valid_until,
            "typed_data": act.typed_data(app.deployment.domain),
        }
        complete(session, idempotency, 200, body)
    return body


def _place(app: App, session: Session, case: CaseRow) -> _Place:
    records = staged_records(session, case.case_id, app.settings.confirmations_needed)
    refused = opening_refused(records)
    if refused is not None:
        raise OutOfOrder(
            f"The contract refused to open this case: {refused.reason}.",
            field="case_id",
            remedy="Open it again once the reason is gone.",
        )
    policy = app.policies.by_id(case.policy_id)
    return _Place(case, policy, project(session, case, policy, records))


def _kind(word: str) -> Kind:
    try:
        kind = Kind[word.upper()]
    except KeyError:
        kind = Kind.NONE
    if kind not in _POSTABLE or word != word.lower():
        raise InvalidInput(
            f"{word!r} is no milestone that can be posted here.",
            field="kind",
            remedy="Send one of " + ", ".join(kind.wire for kind in _POSTABLE) + ".",
        )
    return kind


def _role(roles: list[Role], state: CaseState, kind: Kind) -> Role:
    """The role in which this actor states this kind. Raises Forbidden if none of theirs ever may."""
    allowed = [role for role in roles if may_ever_state(role, kind)]
    if not allowed:
        raise Forbidden(
            f"Your role in this case does not state {kind.wire!r}.",
            field="kind",
            remedy="The party that did this states it, with its own key.",
        )
    return next((role for role in allowed if next_state(state.state, kind, role)), allowed[0])


def _actor(case: CaseRow, role: Role) -> str:
    return str(getattr(case, role.wire))


def _sign_and_accept(
    app: App, session: Session, place: _Place, kind: Kind, role: Role, request: PrepareInput
) -> dict[str, Any]:
    actor = _actor(place.case, role)
    signer = app.keys.signer(session, actor)
    if signer is None:
        raise InvalidInput(
            f"The service does not hold the key of {actor}.",
            field="signature",
            remedy=f"Ask /v1/cases/{place.case.case_id}/milestones/prepare for the message, and sign it.",
        )
    record, act, disclosures = _draft(app, place, kind, role, actor, "service", request)
    return accept_record(
        app,
        session,
        record_id=new_record_id(),
        record=record,
        act=act,
        signature=signer.sign(app.deployment.domain.digest(act.struct_hash())),
        disclosures=disclosures,
        secret=case_secret(app, session, place.case.case_id),
    )


def _draft(
    app: App, place: _Place, kind: Kind, role: Role, actor: str, key: KeyHolder, request: PrepareInput
) -> tuple[Record, Act, list[Disclosure]]:
    """The record and the act that goes with it, both checked against the case as it stands."""
    data, grade, share, fee = _data(kind, request.data)
    disclosures = fresh_disclosures(dict(request.personal))
    record = make_record(
        case_id=from_hex(place.case.case_id),
        kind=kind,
        role=role,
        signer=actor,
        key=key,
        occurred_at=check_occurred(app, request.occurred_at),
        data=data,
        disclosures=disclosures,
        salt=os.urandom(16),
    )
    now = app.clock.seconds()
    act = Act(
        case_id=from_hex(place.case.case_id),
        kind=kind,
        role=role,
        nonce=place.state.nonce(role),
        valid_until=now + app.settings.signature_days * _DAY,
        commitment=record.commitment,
        grade=grade,
        share=share,
        fee=fee,
    )
    apply_act(place.state, act, place.policy, now)
    return record, act, disclosures


def _data(kind: Kind, data: dict[str, Any]) -> tuple[dict[str, Any], Grade, int, int]:
    """What a kind asks of its data, and what of it the act signs. `share` and `fee` are basis points."""
    if kind is Kind.REFUNDED:
        reference = data.get("reference")
        if not isinstance(reference, str) or not 0 < len(reference) <= 200:
            raise InvalidInput(
                "A refund names the payment provider's reference.",
                field="data.reference",
                remedy='Send it, such as {"reference": "re_1Pgc72B7WZ01zgkWqPvrRrPE"}.',
            )
    if kind is not Kind.INSPECTED:
        return data, Grade.NONE, 0, 0
    word = data.get("grade")
    grade = Grade.__members__.get(word.upper()) if isinstance(word, str) and word == word.lower() else None
    share = _basis_points(data, "share", FULL_SHARE)
    fee = _basis_points(data, "fee", 0)
    return {**data, "share": share, "fee": fee}, grade or Grade.NONE, share, fee


def _basis_points(data: dict[str, Any], name: str, default: int) -> int:
    value = data.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= FULL_SHARE:
        raise InvalidInput(
            f"{value!r} is no share in basis points.",
            field=f"data.{name}",
            remedy="Send a whole number from 0 to 10000; 10000 is all of the refund.",
        )
    return value


def _accept_prepared(
    app: App, session: Session, place: _Place, roles: list[Role], request: MilestoneInput
) -> dict[str, Any]:
    row = prepared_record(session, str(request.record_id))
    if row is None or row.case_id != place.case.case_id:
        raise NotFound("There is no such prepared record.", field="record_id", remedy="Prepare it again.")
    record, act = record_of(row.canonical), _act_of_json(json.loads(row.act))
    if request.kind != record.kind.wire:
        raise InvalidInput(
            f"The prepared record states {record.kind.wire!r}.", field="kind", remedy="Send the kind that you prepared."
        )
    if act.role not in roles:
        raise Forbidden("This record is another party's.", field="record_id", remedy="Use that party's API key.")
    signature = _check_signature(app, act, str(record.body["signer"]), request)
    if app.clock.seconds() > act.valid_until:
        raise OutOfOrder("The prepared message has expired.", field="record_id", remedy="Prepare it again.")
    apply_act(place.state, act, place.policy, app.clock.seconds())
    secret = case_secret(app, session, row.case_id)
    if secret is None:
        raise Conflict("This case was erased.", field="case_id", remedy="It takes no more records.")
    encoded = json.loads(app.vault.open(secret, row.record_id, row.disclosures))
    session.delete(row)
    return accept_record(
        app,
        session,
        record_id=row.record_id,
        record=record,
        act=act,
        signature=signature,
        disclosures=[read_disclosure(text) for text in encoded],
        secret=secret,
    )


def _check_signature(app: App, act: Act, actor: str, request: MilestoneInput) -> bytes:
    if request.signature is None:
        raise InvalidInput("A prepared record needs its signature.", field="signature", remedy="Sign the typed data.")
    if request.signer is not None and request.signer != actor:
        raise InvalidInput(
            f"This record is to be signed by {actor}, not {request.signer}.",
            field="signer",
            remedy="Sign with the key of the party it was prepared for.",
        )
    signature = from_hex(request.signature)
    if recover_signer(app.deployment.domain.digest(act.struct_hash()), signature) != actor:
        raise InvalidInput(
            f"This is no signature by {actor} over the prepared message.",
            field="signature",
            remedy="Sign the typed data as it was given (EIP-712): 65 bytes r, s, v with low s.",
        )
    return signature


def _act_json(act: Act) -> dict[str, Any]:
    return {
        "case_id": hex0x(act.case_id),
        "kind": act.kind,
        "role": act.role,
        "nonce": act.nonce,
        "valid_until": act.valid_until,
        "commitment": hex0x(act.commitment),
        "grade": act.grade,
        "share": act.share,
        "fee": act.fee,
    }


def _act_of_json(value: dict[str, Any]) -> Act:
    return Act(
        case_id=from_hex(value["case_id"]),
        kind=Kind(value["kind"]),
        role=Role(value["role"]),
        nonce=value["nonce"],
        valid_until=value["valid_until"],
        commitment=from_hex(value["commitment"]),
        grade=Grade(value["grade"]),
        share=value["share"],
        fee=value["fee"],
    )
