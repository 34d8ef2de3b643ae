"""Milestones that an actor signs with a key of its own: the message is prepared, signed elsewhere, and comes back."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import read_disclosure
from ..domain.hashing import ZERO_ADDRESS, from_hex, hex0x
from ..domain.machine import apply_act
from ..domain.messages import Act
from ..domain.records import Record, record_of
from ..domain.signatures import recover_signer
from ..domain.vocabulary import Grade, Kind, Role
from ..errors import Conflict, Forbidden, InvalidInput, NotFound, OutOfOrder
from ..store.cases import find_case, prepared_record, record_by_id
from ..store.tables import Account, CaseRow, PreparedRecord
from .accepting import accept_record, new_record_id
from .access import parties_of, require_visible, roles_in
from .app import App
from .drafting import Place, draft, kind_of, place_of, role_for
from .idempotency import IdempotencyClaim, complete
from .inputs import ActInput, MilestoneInput, PrepareInput, SignedActInput
from .links import LinkClaims, require_scope
from .panels import panel_named

Answered = MilestoneInput | SignedActInput


def prepare_milestone(
    app: App, account: Account, case_id: str, request: PrepareInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """The record that an actor with a key of its own is to sign, and the EIP-712 typed data. Raises as
    `state_milestone`.

    Nothing is recorded by this: a prepared record counts when its signature comes back.
    """
    with app.database.write() as session:
        case = require_visible(session, account, find_case(session, case_id))
        body = _prepare(app, session, place_of(app, session, case), roles_in(account, case), request)
        complete(session, idempotency, 200, body)
    return body


def prepare_act(
    app: App, claims: LinkClaims, request: ActInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """As `prepare_milestone`, for a consumer with a key of their own, or about to bind one. Raises Forbidden if the
    link only reads, Conflict if the service signs this for the consumer."""
    kind = kind_of(request.kind)
    require_scope(claims, kind)
    with app.database.write() as session:
        place = place_of(app, session, case_of_link(session, claims))
        if place.consumer_key_held and kind is not Kind.KEY_BOUND:
            raise Conflict(
                "The service signs for the consumer of this case.",
                field="Authorization",
                remedy="Send the act to /v1/status/acts.",
            )
        stated = PrepareInput(kind=request.kind, data=request.data, personal=request.personal)
        body = _prepare(app, session, place, [Role.CONSUMER], stated)
        complete(session, idempotency, 200, body)
    return body


def case_of_link(session: Session, claims: LinkClaims) -> CaseRow:
    """The link's case, kept from other acts until this unit of work ends. Raises NotFound if it is gone."""
    case = find_case(session, claims.case_id, for_update=True)
    if case is None:
        raise NotFound("There is no such case.", field="case_id", remedy="Ask the shop for a new link.")
    return case


def _prepare(app: App, session: Session, place: Place, roles: list[Role], request: PrepareInput) -> dict[str, Any]:
    kind = kind_of(request.kind)
    return prepare_kind(app, session, place, kind, role_for(roles, place.state, kind), request)


def prepare_kind(
    app: App, session: Session, place: Place, kind: Kind, role: Role, request: PrepareInput
) -> dict[str, Any]:
    """Keeps the record that an actor is to sign, and answers it with its typed data."""
    case_id = place.case.case_id
    by_service = role is Role.CONSUMER and place.consumer_key_held  # who still has to sign that another key takes over
    record, act, disclosures, _ = draft(app, place, kind, role, "service" if by_service else "own", request)
    if kind is Kind.KEY_BOUND:
        _require_free_key(app, session, place, act.key)
    record_id, secret = new_record_id(), place.secret(app)
    if secret is None:
        raise Conflict("This case was erased.", field="case_id", remedy="It takes no more records.")
    sealed = app.vault.seal(secret, record_id, json.dumps([disclosure.encoded for disclosure in disclosures]).encode())
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
    return {
        "record_id": record_id,
        "case_id": case_id,
        "signer": record.body["signer"],
        "record": record.body,
        "disclosures": [disclosure.encoded for disclosure in disclosures],
        "commitment": hex0x(record.commitment),
        "valid_until": act.valid_until,
        "typed_data": act.typed_data(app.deployment.domain),
    }


def accept_prepared(app: App, session: Session, place: Place, roles: list[Role], request: Answered) -> dict[str, Any]:
    """Takes a prepared record with its signature, and answers the 202 body. Raises as `state_milestone`."""
    row, record, act = _prepared(session, place, request)
    if act.role not in roles:
        raise Forbidden("This record is another party's.", field="record_id", remedy="Use that party's API key.")
    digest = app.deployment.domain.digest(act.struct_hash())
    if act.kind is Kind.KEY_BOUND:
        _check_possession(digest, act.key, request)
    signature = _signature(app, session, digest, record, request)
    if app.clock.seconds() > act.valid_until:
        raise OutOfOrder("The prepared message has expired.", field="record_id", remedy="Prepare it again.")
    apply_act(place.state, act, place.policy, app.clock.seconds())
    secret = place.secret(app)
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


def _prepared(session: Session, place: Place, request: Answered) -> tuple[PreparedRecord, Record, Act]:
    row = prepared_record(session, str(request.record_id))
    if row is None and record_by_id(session, str(request.record_id)) is not None:
        raise Conflict("This record was accepted before.", field="record_id", remedy="Look at the case's milestones.")
    if row is None or row.case_id != place.case.case_id:
        raise NotFound("There is no such prepared record.", field="record_id", remedy="Prepare it again.")
    record = record_of(row.canonical)
    if request.kind != record.kind.wire:
        raise InvalidInput(
            f"The prepared record states {record.kind.wire!r}.", field="kind", remedy="Send the kind that you prepared."
        )
    act = _act_of_json(json.loads(row.act))
    if record.body["signer"] != place.actor(act.role):
        raise OutOfOrder(
            "This was prepared for a key that has since been replaced.", field="record_id", remedy="Prepare it again."
        )
    return row, record, act


def _signature(app: App, session: Session, digest: bytes, record: Record, request: Answered) -> bytes:
    """The actor's signature: theirs, or the service's where it still acts for a consumer who binds a key."""
    actor = str(record.body["signer"])
    signer = app.keys.signer(session, actor) if record.body["key"] == "service" else None
    if signer is not None:
        return signer.sign(digest)
    if request.signature is None:
        raise InvalidInput("A prepared record needs its signature.", field="signature", remedy="Sign the typed data.")
    if request.signer is not None and request.signer != actor:
        raise InvalidInput(
            f"This record is to be signed by {actor}, not {request.signer}.",
            field="signer",
            remedy="Sign with the key of the party it was prepared for.",
        )
    return check_signature(digest, actor, request.signature)


def _check_possession(digest: bytes, key: str, request: Answered) -> None:
    """Nobody binds a key that its owner does not have: a slip of a finger would lock the consumer out of the case."""
    if request.key_signature is None:
        raise InvalidInput(
            f"The new key {key} has to sign the same message.",
            field="key_signature",
            remedy="Sign the typed data with the new key, and send that signature as key_signature.",
        )
    check_signature(digest, key, request.key_signature, field="key_signature")


def check_signature(digest: bytes, actor: str, text: str, *, field: str = "signature") -> bytes:
    """The signature's bytes. Raises InvalidInput unless `actor` made it over this digest."""
    signature = from_hex(text)
    if recover_signer(digest, signature) != actor:
        raise InvalidInput(
            f"This is no signature by {actor} over the prepared message.",
            field=field,
            remedy="Sign the typed data as it was given (EIP-712): 65 bytes r, s, v with low s.",
        )
    return signature


def _require_free_key(app: App, session: Session, place: Place, key: str) -> None:
    """The key is the consumer's alone: no party's, no arbitrator's, and none that this service signs with."""
    panel = panel_named(session, place.state.panel.version)
    judging = panel is not None and any(key in each.arbitrators for each in panel.all)
    if judging or parties_of(place.case).roles_of(key) or app.keys.signer(session, key) is not None:
        raise InvalidInput(
            "This key is another party's, an arbitrator's, or one that this service holds.",
            field="data.key",
            remedy="Send the address of a key that is the consumer's alone.",
        )


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
        "key": act.key,
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
        key=value.get("key", ZERO_ADDRESS),
    )
