"""Milestones that an actor signs with a key of its own: the message is prepared, signed elsewhere, and comes back."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import read_disclosure
from ..domain.hashing import from_hex, hex0x
from ..domain.machine import apply_act
from ..domain.messages import Act
from ..domain.records import record_of
from ..domain.signatures import recover_signer
from ..domain.vocabulary import Grade, Kind, Role
from ..errors import Conflict, Forbidden, InvalidInput, NotFound, OutOfOrder
from ..store.cases import find_case, prepared_record, record_by_id
from ..store.tables import Account, CaseRow, PreparedRecord
from .accepting import accept_record, case_secret, new_record_id
from .access import consumer_key_held, require_visible, roles_in
from .app import App
from .drafting import Place, actor_of, draft, kind_of, place_of, role_for
from .idempotency import IdempotencyClaim, complete
from .inputs import ActInput, MilestoneInput, PrepareInput, SignedActInput
from .links import LinkClaims, require_acting


def prepare_milestone(
    app: App, account: Account, case_id: str, request: PrepareInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """The record that an actor with a key of its own is to sign, and the EIP-712 typed data. Raises as
    `state_milestone`.

    Nothing is recorded by this: a prepared record counts when its signature comes back.
    """
    with app.database.write() as session:
        case = require_visible(account, find_case(session, case_id))
        body = _prepare(app, session, case, roles_in(account, case), request)
        complete(session, idempotency, 200, body)
    return body


def prepare_act(
    app: App, claims: LinkClaims, request: ActInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """As `prepare_milestone`, for a consumer with a key of their own. Raises Forbidden if the link only reads, Conflict
    if the service holds the consumer's key."""
    require_acting(claims)
    with app.database.write() as session:
        case = case_of_link(session, claims)
        if consumer_key_held(case):
            raise Conflict(
                "The service signs for the consumer of this case.",
                field="Authorization",
                remedy="Send the act to /v1/status/acts.",
            )
        stated = PrepareInput(kind=request.kind, data=request.data, personal=request.personal)
        body = _prepare(app, session, case, [Role.CONSUMER], stated)
        complete(session, idempotency, 200, body)
    return body


def case_of_link(session: Session, claims: LinkClaims) -> CaseRow:
    """The link's case, kept from other acts until this unit of work ends. Raises NotFound if it is gone."""
    case = find_case(session, claims.case_id, for_update=True)
    if case is None:
        raise NotFound("There is no such case.", field="case_id")
    return case


def _prepare(app: App, session: Session, case: CaseRow, roles: list[Role], request: PrepareInput) -> dict[str, Any]:
    place, kind = place_of(app, session, case), kind_of(request.kind)
    role = role_for(roles, place.state, kind)
    record, act, disclosures = draft(app, place, kind, role, actor_of(case, role), "own", request)
    record_id, secret = new_record_id(), case_secret(app, session, case.case_id)
    if secret is None:
        raise Conflict("This case was erased.", field="case_id", remedy="It takes no more records.")
    sealed = app.vault.seal(secret, record_id, json.dumps([disclosure.encoded for disclosure in disclosures]).encode())
    session.add(
        PreparedRecord(
            record_id=record_id,
            case_id=case.case_id,
            canonical=record.canonical,
            act=json.dumps(_act_json(act)),
            disclosures=sealed,
            created_at=app.clock.seconds(),
        )
    )
    return {
        "record_id": record_id,
        "case_id": case.case_id,
        "signer": record.body["signer"],
        "record": record.body,
        "commitment": hex0x(record.commitment),
        "valid_until": act.valid_until,
        "typed_data": act.typed_data(app.deployment.domain),
    }


def accept_prepared(
    app: App, session: Session, place: Place, roles: list[Role], request: MilestoneInput | SignedActInput
) -> dict[str, Any]:
    row = prepared_record(session, str(request.record_id))
    if row is None and record_by_id(session, str(request.record_id)) is not None:
        raise Conflict("This record was accepted before.", field="record_id", remedy="Look at the case's milestones.")
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


def _check_signature(app: App, act: Act, actor: str, request: MilestoneInput | SignedActInput) -> bytes:
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
