"""Votes of arbitrators: prepared for their own keys, or signed with keys that the service holds for them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import Disclosure, read_disclosure
from ..domain.disputes import most_share, panel_of, round_of
from ..domain.hashing import from_hex, hex0x
from ..domain.messages import Vote
from ..domain.records import KeyHolder, Record, record_of
from ..domain.times import from_chain, parse_moment, rfc3339, to_chain
from ..domain.vocabulary import Role, Stage, State
from ..domain.votes import make_vote
from ..errors import Conflict, Forbidden, InvalidInput, NotFound, OutOfOrder
from ..store import disputes as sql
from ..store.cases import enqueue, find_case
from ..store.tables import Account, PreparedVote, VoteRow
from .accepting import case_secret, fresh_disclosures, seal_disclosures
from .access import require_enabled, require_visible
from .app import App
from .drafting import Place, place_of
from .idempotency import IdempotencyClaim, complete
from .inputs import VoteInput, VotePrepareInput
from .panels import panel_named
from .preparing import check_signature
from .receipts import receipt_answer, receipt_claims
from .rounds import WORDS, panel_in
from .words import grounds_of

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class DraftVote:
    """A vote that lacks its signature alone."""

    record: Record
    vote: Vote
    disclosures: list[Disclosure]


def prepare_vote(
    app: App, account: Account, case_id: str, request: VotePrepareInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """The document of a vote and the EIP-712 typed data that an arbitrator with a key of its own signs. Raises as
    `cast_vote`. It counts when its signature comes back."""
    with app.database.write() as session:
        place = _place(app, session, account, case_id)
        draft = _draft(app, session, place, account.address, "own", request)
        vote_id, secret = _new_vote_id(), case_secret(app, session, case_id)
        if secret is None:
            raise Conflict("This case was erased.", field="case_id", remedy="It takes no more votes.")
        encoded = json.dumps([disclosure.encoded for disclosure in draft.disclosures])
        session.add(
            PreparedVote(
                vote_id=vote_id,
                case_id=case_id,
                canonical=draft.record.canonical,
                vote=json.dumps({"valid_until": draft.vote.valid_until}),
                disclosures=app.vault.seal(secret, vote_id, encoded.encode()),
                created_at=app.clock.seconds(),
            )
        )
        body = {
            "vote_id": vote_id,
            "case_id": case_id,
            "signer": account.address,
            "record": draft.record.body,
            "disclosures": [disclosure.encoded for disclosure in draft.disclosures],
            "commitment": hex0x(draft.record.commitment),
            "valid_until": draft.vote.valid_until,
            "typed_data": draft.vote.typed_data(app.deployment.panel_domain),
        }
        complete(session, idempotency, 200, body)
    return body


def cast_vote(
    app: App, account: Account, case_id: str, request: VoteInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Takes a vote and answers the 202 body: the prepared one with `vote_id`, else signed by the service for an
    arbitrator whose key it holds.

    Raises NotFound for a case that never came before the arbitrator, Forbidden for one that is not before their panel
    now, OutOfOrder where no panel votes or the round is another, InvalidInput for a share that no vote may name,
    Conflict for a second vote in a round.
    """
    with app.database.write() as session:
        place = _place(app, session, account, case_id)
        if request.vote_id is not None:
            draft, signature = _prepared(app, session, place, account, request)
        else:
            draft = _draft(app, session, place, account.address, "service", request)
            signer = app.keys.signer(session, account.address)
            if signer is None:
                raise InvalidInput(
                    f"The service does not hold the key of {account.address}.",
                    field="signature",
                    remedy=f"Ask /v1/disputes/{case_id}/votes/prepare for the message, and sign it.",
                )
            signature = signer.sign(app.deployment.panel_domain.digest(draft.vote.struct_hash()))
        body = _keep(app, session, account, draft, signature, request.vote_id or _new_vote_id())
        complete(session, idempotency, 202, body)
    app.wake.set()
    return body


def _new_vote_id() -> str:
    return f"vot_{os.urandom(16).hex()}"


def _place(app: App, session: Session, account: Account, case_id: str) -> Place:
    case = require_visible(session, account, find_case(session, case_id, for_update=True))
    require_enabled(session, account)
    return place_of(app, session, case)


def _draft(
    app: App, session: Session, place: Place, arbitrator: str, key: KeyHolder, request: VotePrepareInput
) -> DraftVote:
    round_ = _check_turn(app, session, place, arbitrator, request)
    now, case_id = app.clock.now().replace(microsecond=0), from_hex(place.case.case_id)
    disclosures = fresh_disclosures(
        {
            "reason": request.reason or None,
            "grounds": ", ".join(request.grounds) or None,
            "conflict": request.conflict,
        }
    )
    record = make_vote(
        case_id=case_id,
        signer=arbitrator,
        key=key,
        round_=round_,
        share=request.share,
        occurred_at=now,
        disclosures=disclosures,
        salt=os.urandom(16),
    )
    valid_until = app.clock.seconds() + app.settings.signature_days * _DAY
    return DraftVote(record, Vote(case_id, round_, request.share, valid_until, record.commitment), disclosures)


def _check_turn(app: App, session: Session, place: Place, arbitrator: str, request: VotePrepareInput) -> int:
    """The round that this vote would count in."""
    state = place.state
    if state.state is not State.DISPUTED or not panel_of(state):
        raise OutOfOrder(
            f"No panel votes while the case is {state.state.wire!r}.", field="case_id", remedy="Look at its state."
        )
    round_ = round_of(state)
    panel = panel_in(panel_named(session, state.panel.version), round_)
    if panel is None or arbitrator not in panel.arbitrators:
        raise Forbidden(
            "The case is not before your panel now.", field="case_id", remedy="Its present panel rules on it."
        )
    if arbitrator == place.actor(Role.CONSUMER):
        raise Forbidden("Nobody rules on their own case.", field="case_id", remedy="The other arbitrators rule on it.")
    if request.round is not None and request.round != round_:
        raise OutOfOrder(
            f"The dispute is in round {round_} ({WORDS[round_]}), not {request.round}.",
            field="round",
            remedy="Look at the dispute again before you vote.",
        )
    if app.clock.seconds() > state.due:
        raise OutOfOrder(
            "The time for votes is over.", field="case_id", remedy="The case goes on by its deadline rule."
        )
    most = most_share(state)
    if request.share > most:
        raise InvalidInput(
            f"A vote here names at most {most} basis points of the refund: what is said to be owed.",
            field="share",
            remedy=f"Send {most} or less.",
        )
    _check_unvoted(app, session, place, arbitrator, round_)
    return round_


def _check_unvoted(app: App, session: Session, place: Place, arbitrator: str, round_: int) -> None:
    case_id = place.case.case_id
    counted = any(v.arbitrator == arbitrator and v.round == round_ for v in sql.counted_votes(session, case_id))
    ours = sql.votes_of(session, case_id, app.settings.confirmations_needed)
    on_its_way = any(
        v.row.arbitrator == arbitrator and v.row.round == round_ and v.stage is not Stage.REJECTED for v in ours
    )
    if counted or on_its_way:
        raise Conflict("You have voted in this round.", field="case_id", remedy="A vote is final; look at the dispute.")


def _prepared(
    app: App, session: Session, place: Place, account: Account, request: VoteInput
) -> tuple[DraftVote, bytes]:
    row = sql.prepared_vote(session, str(request.vote_id))
    if row is None and sql.vote_by_id(session, str(request.vote_id), 0) is not None:
        raise Conflict("This vote was accepted before.", field="vote_id", remedy="Look at the dispute.")
    record = record_of(row.canonical) if row is not None else None
    if row is None or record is None or row.case_id != place.case.case_id or record.body["signer"] != account.address:
        raise NotFound("There is no such prepared vote.", field="vote_id", remedy="Prepare it again.")
    data, valid_until = record.body["data"], int(json.loads(row.vote)["valid_until"])
    if request.share != data["share"]:
        raise InvalidInput(
            f"The prepared vote names {data['share']} basis points.", field="share", remedy="Send what you prepared."
        )
    if request.round not in (None, data["round"]):
        raise InvalidInput(
            f"The prepared vote is for round {data['round']}.", field="round", remedy="Send what you prepared."
        )
    if app.clock.seconds() > valid_until:
        raise OutOfOrder("The prepared vote has expired.", field="vote_id", remedy="Prepare it again.")
    _check_turn(app, session, place, account.address, request.model_copy(update={"round": data["round"]}))
    vote = Vote(from_hex(row.case_id), data["round"], data["share"], valid_until, record.commitment)
    signature = _check_signed(app, vote, account.address, request)
    secret = case_secret(app, session, row.case_id)
    if secret is None:
        raise Conflict("This case was erased.", field="case_id", remedy="It takes no more votes.")
    encoded = json.loads(app.vault.open(secret, row.vote_id, row.disclosures))
    session.delete(row)
    return DraftVote(record, vote, [read_disclosure(text) for text in encoded]), signature


def _check_signed(app: App, vote: Vote, arbitrator: str, request: VoteInput) -> bytes:
    if request.signature is None:
        raise InvalidInput("A prepared vote needs its signature.", field="signature", remedy="Sign the typed data.")
    if request.signer is not None and request.signer != arbitrator:
        raise InvalidInput(
            f"This vote is to be signed by {arbitrator}, not {request.signer}.",
            field="signer",
            remedy="Sign with the key that sits on the panel.",
        )
    return check_signature(app.deployment.panel_domain.digest(vote.struct_hash()), arbitrator, request.signature)


def _keep(
    app: App, session: Session, account: Account, draft: DraftVote, signature: bytes, vote_id: str
) -> dict[str, Any]:
    now, record, vote = app.clock.seconds(), draft.record, draft.vote
    case_id = hex0x(vote.case_id)
    claims = receipt_claims(app, vote_id, record, now)
    receipt = app.tokens.sign("receipt+jwt", claims)
    session.add(
        VoteRow(
            vote_id=vote_id,
            case_id=case_id,
            round=vote.round,
            arbitrator=account.address,
            share=vote.share,
            key_holder=record.body["key"],
            canonical=record.canonical,
            commitment=hex0x(record.commitment),
            valid_until=vote.valid_until,
            signature=signature,
            occurred_at=to_chain(parse_moment(record.body["occurred_at"], field="occurred_at")),
            accepted_at=now,
            receipt=receipt,
        )
    )
    seal_disclosures(app, session, case_id, vote_id, draft.disclosures, case_secret(app, session, case_id))
    session.flush()
    enqueue(session, "vote", vote_id, now, case_id=case_id, record_id=vote_id)
    return {
        "vote_id": vote_id,
        "case_id": case_id,
        "round": vote.round,
        "share": vote.share,
        "commitment": hex0x(record.commitment),
        "stage": Stage.ACCEPTED.wire,
        "receipt": receipt_answer(receipt, claims),
    }


def vote_answer(staged: sql.StagedVote, said: dict[str, Any], *, show_share: bool) -> dict[str, Any]:
    """A vote as those see it who may see the case. What it names stays out until its round is over."""
    row = staged.row
    return {
        "vote_id": row.vote_id,
        "round": WORDS[row.round],
        "arbitrator": row.arbitrator,
        "key": row.key_holder,
        "stage": staged.stage.wire,
        "rejected_because": staged.reason,
        "accepted_at": rfc3339(from_chain(row.accepted_at)),
        "commitment": row.commitment,
        "share": row.share if show_share else None,
        **grounds_of(said if show_share else {}),
    }
