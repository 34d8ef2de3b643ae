"""Drawing up a milestone: the record and the act that goes with it, checked against the case as it stands."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from sqlmodel import Session

from ..domain.disclosures import Disclosure
from ..domain.hashing import from_hex
from ..domain.machine import CaseState, apply_act, may_ever_state, next_state
from ..domain.messages import Act
from ..domain.policies import Policy
from ..domain.records import KeyHolder, Record, make_record
from ..domain.transitions import TRANSITIONS
from ..domain.vocabulary import Flag, Kind, Role
from ..errors import Forbidden, InvalidInput, OutOfOrder
from ..store.acting_reads import Unsettled, unsettled
from ..store.tables import CaseRow
from .accepting import fresh_disclosures
from .act_data import read_stated
from .app import App
from .inputs import PrepareInput
from .projection import opening_refused, project
from .times import check_occurred

_DAY = 86_400
# Everything that somebody states. Erasure is its own use of the service: it destroys keys beside stating so.
POSTABLE = tuple(kind for kind in Kind if kind is not Kind.ERASED and any(row.kind is kind for row in TRANSITIONS))


@dataclass(frozen=True, slots=True)
class Place:
    """A case as an act finds it."""

    case: CaseRow
    policy: Policy
    state: CaseState
    key: bytes | None  # of its disclosures, wrapped; None once they were erased

    @property
    def consumer_key_held(self) -> bool:
        """Whether the consumer's key is the one that the service made for this case, and none of their own is bound."""
        return self.state.has(Flag.CONSUMER_KEY_HELD)

    def actor(self, role: Role) -> str:
        """The address that acts in a role now: a consumer can have bound another key since the opening."""
        return self.state.consumer if role is Role.CONSUMER else str(getattr(self.case, role.wire))

    def secret(self, app: App) -> bytes | None:
        """The key of the case's disclosures; None once they were erased."""
        return app.vault.unwrap(self.case.case_id, self.key) if self.key is not None else None


class Draft(NamedTuple):
    """What is to be signed, and the case once it is accepted."""

    record: Record
    act: Act
    disclosures: list[Disclosure]
    after: CaseState


def place_of(app: App, session: Session, case: CaseRow) -> Place:
    """Raises OutOfOrder for a case that the contract refused to open."""
    return place_as_read(app, session, case, unsettled(session, [case.case_id])[case.case_id])


def place_as_read(app: App, session: Session, case: CaseRow, read: Unsettled) -> Place:
    """Raises as `place_of`."""
    refused = opening_refused(read.records)
    if refused is not None:
        raise OutOfOrder(
            f"The contract refused to open this case: {refused.reason}.",
            field="case_id",
            remedy="Open it again once the reason is gone.",
        )
    policy = app.policies.by_id(case.policy_id)
    return Place(case, policy, project(session, case, policy, read.chain, read.records), read.key)


def kind_of(word: str) -> Kind:
    """Raises InvalidInput for a word that is no kind, and for a kind that nobody posts."""
    try:
        kind = Kind[word.upper()]
    except KeyError:
        kind = Kind.NONE
    if kind not in POSTABLE or word != word.lower():
        raise InvalidInput(
            f"{word!r} is no milestone that can be posted here.",
            field="kind",
            remedy="Send one of " + ", ".join(kind.wire for kind in POSTABLE) + ".",
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


def draft(app: App, place: Place, kind: Kind, role: Role, key: KeyHolder, request: PrepareInput) -> Draft:
    """The record and the act that goes with it, both checked against the case as it stands."""
    stated = read_stated(kind, role, place.state, request.data, dict(request.personal))
    disclosures = fresh_disclosures(dict(stated.personal))
    case_id, now = from_hex(place.case.case_id), app.clock.seconds()
    record = make_record(
        case_id=case_id,
        kind=kind.wire,
        role=role,
        signer=place.actor(role),
        key=key,
        occurred_at=check_occurred(app, request.occurred_at),
        data=stated.data,
        disclosures=disclosures,
        salt=os.urandom(16),
    )
    act = Act(
        case_id=case_id,
        kind=kind,
        role=role,
        nonce=place.state.nonce(role),
        valid_until=now + app.settings.signature_days * _DAY,
        commitment=record.commitment,
        grade=stated.grade,
        share=stated.share,
        fee=stated.fee,
        key=stated.key,
    )
    return Draft(record, act, disclosures, apply_act(place.state, act, place.policy, now))
