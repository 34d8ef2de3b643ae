"""Taking observations in: signed by the service for a party whose key it holds, or by the party itself."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import Disclosure
from ..domain.hashing import from_hex, hex0x
from ..domain.messages import SigningDomain, anchor_domain, observation_hash
from ..domain.observations import MOST, MOST_BYTES
from ..domain.records import KeyHolder, Record, make_record
from ..domain.times import parse_moment, to_chain
from ..domain.vocabulary import Role
from ..errors import Conflict, Forbidden, InvalidInput, LedgerError, TooLarge
from ..store import observation_log as sql
from ..store.accepted import Row, insert_many
from ..store.cases import find_case
from ..store.tables import Account, CaseRow, DisclosureRow, ObservationRow
from .accepting import case_secret, fresh_disclosures, sealed_rows
from .access import require_enabled, require_visible, roles_in
from .app import App
from .drafting import place_of
from .idempotency import IdempotencyClaim, complete
from .links import LinkClaims, require_acting
from .observation_data import ObservationInput, kind_of, read_observed, role_of
from .preparing import case_of_link, check_signature
from .receipts import receipt_answer, receipt_claims
from .signed_observations import read_signed
from .times import check_occurred


@dataclass(frozen=True, slots=True)
class Draft:
    """An observation that lacks its signature alone; or, with one, that lacks nothing."""

    record: Record
    disclosures: list[Disclosure]
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """What somebody observed, checked. `source` names it where it came from outside and may come again."""

    kind: str
    role: Role
    occurred_at: datetime
    data: dict[str, Any]
    personal: dict[str, str] = field(default_factory=dict)
    source: str | None = None


# --- taking them in --------------------------------------------------------------------------------------------------


def observe(
    app: App,
    account: Account,
    case_id: str,
    requests: Sequence[ObservationInput],
    idempotency: IdempotencyClaim | None = None,
    *,
    is_list: bool,
) -> dict[str, Any]:
    """Takes observations and answers the 202 body, all or none.

    Raises NotFound, Forbidden, InvalidInput or Conflict, each naming the field.
    """
    with app.database.write() as session:
        case = require_visible(session, account, find_case(session, case_id, for_update=True))
        require_enabled(session, account)
        drafts: list[tuple[Draft, str | None]] = []
        for number, request in enumerate(requests):
            try:
                drafts.append((_draft_of(app, session, case, _speaker(account, case), request), None))
            except LedgerError as error:
                if is_list and error.field:
                    error.field = f"{number}.{error.field}"
                raise
        taken = keep(app, session, case, drafts)
        body = {"case_id": case.case_id, "items": taken} if is_list else taken[0]
        complete(session, idempotency, 202, body)
    app.wake.set()
    return body


def prepare_observation(
    app: App, account: Account, case_id: str, request: ObservationInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """For an actor with a key of its own: the record, its disclosures, and the EIP-712 typed data to sign. Nothing is
    kept of it. Raises as `observe`."""
    with app.database.write() as session:
        case = require_visible(session, account, find_case(session, case_id))
        body = _prepared(app, case, _speaker(account, case), request)
        complete(session, idempotency, 200, body)
    return body


def observe_by_link(
    app: App, claims: LinkClaims, request: ObservationInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Takes what the consumer observed, through their link, and answers the 202 body. Raises Forbidden for a link that
    only reads and for what consumers do not state, else as `observe`."""
    require_acting(claims)
    with app.database.write() as session:
        case = case_of_link(session, claims)
        drafted = _draft_of(app, session, case, _consumer(app, session, case), request)
        body = keep(app, session, case, [(drafted, None)])[0]
        complete(session, idempotency, 202, body)
    app.wake.set()
    return body


def prepare_by_link(
    app: App, claims: LinkClaims, request: ObservationInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """For a consumer with a key of their own, as `prepare_observation`. Raises Conflict where the service holds the
    key, else as `observe_by_link`."""
    require_acting(claims)
    with app.database.write() as session:
        case = case_of_link(session, claims)
        consumer = _consumer(app, session, case)
        if app.keys.signer(session, consumer.address) is not None:
            raise Conflict(
                "The service signs for this consumer.",
                field="Authorization",
                remedy="Send it to /v1/status/observations itself, or bind a key of your own first.",
            )
        body = _prepared(app, case, consumer, request)
        complete(session, idempotency, 200, body)
    return body


def take_stated(app: App, session: Session, case: CaseRow, stated: Sequence[Stated]) -> list[dict[str, Any]]:
    """Takes what came from outside in a party's name, what is known already left out. The service has to hold the
    party's key. Raises InvalidInput where it does not, Conflict once the case was erased."""
    known = sql.known_sources(session, [one.source for one in stated if one.source])
    fresh = {one.source or f"{number}": one for number, one in enumerate(stated) if one.source not in known}
    signers = {role: getattr(case, role.wire) for role in {one.role for one in stated}}
    drafts = [
        (_sign(app, session, draft(case, one, signers[one.role], "service")), one.source) for one in fresh.values()
    ]
    return keep(app, session, case, drafts)


def draft(case: CaseRow, stated: Stated, signer: str, key: KeyHolder) -> Draft:
    """The document of an observation."""
    disclosures = fresh_disclosures(dict(stated.personal))
    record = make_record(
        case_id=from_hex(case.case_id),
        kind=stated.kind,
        role=stated.role,
        signer=signer,
        key=key,
        occurred_at=stated.occurred_at,
        data=stated.data,
        disclosures=disclosures,
        salt=os.urandom(16),
    )
    return Draft(record, disclosures)


def stated_of(app: App, roles: Sequence[Role], request: ObservationInput) -> Stated:
    """What a request says, checked. Raises Forbidden for a role that does not state this kind, else InvalidInput."""
    kind = kind_of(request.kind)
    data, personal = read_observed(kind, request.data, dict(request.personal))
    return Stated(kind, role_of(roles, kind, request.role), check_occurred(app, request.occurred_at), data, personal)


def digest_of(app: App, record: Record) -> bytes:
    """What the signer of an observation signs."""
    return _domain(app).digest(observation_hash(from_hex(record.body["case_id"]), record.commitment))


def _domain(app: App) -> SigningDomain:
    return anchor_domain(app.deployment.chain_id, app.deployment.anchor)


@dataclass(frozen=True, slots=True)
class _Speaker:
    """Whose words are taken: the address that signs them, and its roles in the case."""

    address: str
    roles: list[Role]


def _speaker(account: Account, case: CaseRow) -> _Speaker:
    return _Speaker(account.address, party_roles(account, case))


def _consumer(app: App, session: Session, case: CaseRow) -> _Speaker:
    """By the key that counts now: they may have bound another."""
    return _Speaker(place_of(app, session, case).actor(Role.CONSUMER), [Role.CONSUMER])


def _draft_of(app: App, session: Session, case: CaseRow, speaker: _Speaker, request: ObservationInput) -> Draft:
    if request.record is None:
        return _sign(app, session, draft(case, stated_of(app, speaker.roles, request), speaker.address, "service"))
    record, disclosures = read_signed(app, case, speaker.address, speaker.roles, request)
    signature = check_signature(digest_of(app, record), speaker.address, request.signature or "0x")
    return Draft(record, disclosures, signature)


def _prepared(app: App, case: CaseRow, speaker: _Speaker, request: ObservationInput) -> dict[str, Any]:
    if request.record is not None or request.signature is not None or request.disclosures:
        raise InvalidInput("A record is prepared before it is signed.", field="record", remedy="Leave it out here.")
    _require_kept(case)
    drafted = draft(case, stated_of(app, speaker.roles, request), speaker.address, "own")
    message = {"caseId": case.case_id, "commitment": hex0x(drafted.record.commitment)}
    return {
        "case_id": case.case_id,
        "signer": speaker.address,
        "record": drafted.record.canonical.decode(),
        "disclosures": [disclosure.encoded for disclosure in drafted.disclosures],
        "commitment": message["commitment"],
        "typed_data": _domain(app).typed_data("Observation", message),
    }


def party_roles(account: Account, case: CaseRow) -> list[Role]:
    """The roles of an account in a case. Raises Forbidden where it has none."""
    roles = roles_in(account, case)
    if not roles:
        raise Forbidden("You have no role in this case.", field="case_id", remedy="Use a party's API key.")
    return roles


def _sign(app: App, session: Session, drafted: Draft) -> Draft:
    address = drafted.record.body["signer"]
    signer = app.keys.signer(session, address)
    if signer is None:
        raise InvalidInput(
            f"The service does not hold the key of {address}.",
            field="signature",
            remedy="Ask …/observations/prepare for the record, sign it, and send record, disclosures and signature.",
        )
    return Draft(drafted.record, drafted.disclosures, signer.sign(digest_of(app, drafted.record)))


def keep(app: App, session: Session, case: CaseRow, drafts: Sequence[tuple[Draft, str | None]]) -> list[dict[str, Any]]:
    """Keeps signed observations, each with the source that it came from, and answers their 202 bodies."""
    if not drafts:
        return []
    _require_kept(case)
    secret, now = case_secret(app, session, case.case_id), app.clock.seconds()
    rows: list[Row] = []
    sealed: list[Row] = []
    answers = []
    for drafted, source in drafts:
        observation_id = f"obs_{uuid.uuid4().hex}"
        claims = {**receipt_claims(app, observation_id, drafted.record, now), "contract": app.deployment.anchor}
        receipt = app.tokens.sign("receipt+jwt", claims)
        rows.append(_row(observation_id, drafted, receipt, now, source))
        sealed += sealed_rows(app, case.case_id, observation_id, drafted.disclosures, secret)
        answers.append(
            {
                "observation_id": observation_id,
                "case_id": case.case_id,
                "kind": drafted.record.body["kind"],
                "commitment": claims["commitment"],
                "stage": "accepted",
                "receipt": receipt_answer(receipt, claims),
            }
        )
    _require_room(session, case, rows, sealed)
    insert_many(session, ObservationRow, rows)
    insert_many(session, DisclosureRow, sealed)
    return answers


def _require_kept(case: CaseRow) -> None:
    if case.erased_at is not None:
        raise Conflict("This case was erased.", field="case_id", remedy="It takes no more observations.")


def _require_room(session: Session, case: CaseRow, rows: Sequence[Row], sealed: Sequence[Row]) -> None:
    count, size = sql.count_and_bytes_of_case(session, case.case_id)
    if count + len(rows) > MOST:
        raise TooLarge(
            f"A case takes at most {MOST} observations.", field="case_id", remedy="Send readings that say something."
        )
    added = sum(len(row["canonical"]) for row in rows) + sum(len(row["sealed"]) for row in sealed)
    if size + added > MOST_BYTES:
        raise TooLarge(
            f"The observations of a case take at most {MOST_BYTES} bytes, with what is sealed of them.",
            field="case_id",
            remedy="Send fewer, or shorter texts.",
        )


def _row(observation_id: str, drafted: Draft, receipt: str, now: int, source: str | None) -> Row:
    body = drafted.record.body
    return {
        "observation_id": observation_id,
        "case_id": body["case_id"],
        "kind": body["kind"],
        "role": body["role"],
        "signer": body["signer"],
        "key_holder": body["key"],
        "canonical": drafted.record.canonical,
        "commitment": hex0x(drafted.record.commitment),
        "signature": drafted.signature,
        "occurred_at": to_chain(parse_moment(body["occurred_at"], field="occurred_at")),
        "accepted_at": now,
        "receipt": receipt,
        "source": source,
        "log_index": None,
    }
