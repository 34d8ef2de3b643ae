"""Drawing up a milestone: the record and the act that goes with it, checked against the case as it stands."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import Disclosure
from ..domain.hashing import from_hex
from ..domain.machine import CaseState, apply_act, may_ever_state, next_state
from ..domain.messages import Act
from ..domain.policies import Policy
from ..domain.records import KeyHolder, Record, make_record
from ..domain.vocabulary import FULL_SHARE, Grade, Kind, Role
from ..errors import Forbidden, InvalidInput, OutOfOrder
from ..store.stages import staged_records
from ..store.tables import CaseRow
from .accepting import fresh_disclosures
from .app import App
from .inputs import PrepareInput
from .projection import opening_refused, project
from .times import check_occurred

_DAY = 86_400
_QUOTED = 40  # characters of a wrong value that an error repeats
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
class Place:
    """A case as an act finds it."""

    case: CaseRow
    policy: Policy
    state: CaseState


def place_of(app: App, session: Session, case: CaseRow) -> Place:
    records = staged_records(session, case.case_id, app.settings.confirmations_needed)
    refused = opening_refused(records)
    if refused is not None:
        raise OutOfOrder(
            f"The contract refused to open this case: {refused.reason}.",
            field="case_id",
            remedy="Open it again once the reason is gone.",
        )
    policy = app.policies.by_id(case.policy_id)
    return Place(case, policy, project(session, case, policy, records))


def kind_of(word: str) -> Kind:
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


def role_for(roles: list[Role], state: CaseState, kind: Kind) -> Role:
    """The role in which this actor states this kind. Raises Forbidden if none of theirs ever may."""
    allowed = [role for role in roles if may_ever_state(role, kind)]
    if not allowed:
        raise Forbidden(
            f"Your role in this case does not state {kind.wire!r}.",
            field="kind",
            remedy="The party that did this states it, with its own key.",
        )
    return next((role for role in allowed if next_state(state.state, kind, role)), allowed[0])


def actor_of(case: CaseRow, role: Role) -> str:
    return str(getattr(case, role.wire))


def draft(
    app: App, place: Place, kind: Kind, role: Role, actor: str, key: KeyHolder, request: PrepareInput
) -> tuple[Record, Act, list[Disclosure]]:
    """The record and the act that goes with it, both checked against the case as it stands."""
    data, grade, share, fee = _data(kind, request.data)
    if kind is Kind.PICKED_UP and role is Role.CONSUMER:
        _require_receipt(request)
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


def _require_receipt(request: PrepareInput) -> None:
    """A pick-up starts the clock for the merchant's side, so a consumer's word alone is not enough."""
    if not request.personal.get("receipt", "").strip():
        raise InvalidInput(
            "A consumer states a pick-up with the carrier's receipt.",
            field="personal.receipt",
            remedy='Send the number on the receipt, such as {"receipt": "JD0002"}.',
        )


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
            f"{_quoted(value)} is no share in basis points.",
            field=f"data.{name}",
            remedy="Send a whole number from 0 to 10000; 10000 is all of the refund.",
        )
    return value


def _quoted(value: object) -> str:
    """A short scalar as it was sent; for anything else a word, since it may be long or personal."""
    said = repr(value) if value is None or isinstance(value, (str, int, float)) else ""
    return said if 0 < len(said) <= _QUOTED else "This value"
