"""Stating milestones: by a party with its API key, by its own signing key, or by the consumer through their link."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from ..domain.vocabulary import Kind, Role
from ..errors import InvalidInput
from ..store.cases import find_case
from ..store.tables import Account
from .accepting import accept_record, case_secret, new_record_id
from .access import require_visible, roles_in
from .app import App
from .drafting import Place, draft, kind_of, place_of, role_for
from .idempotency import IdempotencyClaim, complete
from .inputs import ActInput, MilestoneInput, PrepareInput, SignedActInput
from .links import LinkClaims, require_scope
from .preparing import accept_prepared, case_of_link


def state_milestone(
    app: App, account: Account, case_id: str, request: MilestoneInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Takes a milestone and answers the 202 body.

    With `record_id` it is the prepared one, signed by its actor; else the service signs for an actor whose key it
    holds. Raises NotFound, Forbidden, InvalidInput or OutOfOrder, each naming the field, and then nothing is written.
    """
    with app.database.write() as session:
        case = require_visible(session, account, find_case(session, case_id, for_update=True))
        place = place_of(app, session, case)
        if request.record_id is not None:
            body = accept_prepared(app, session, place, roles_in(account, case), request)
        else:
            kind = kind_of(request.kind)
            role = role_for(roles_in(account, case), place.state, kind)
            body = sign_and_accept(app, session, place, kind, role, request)
        complete(session, idempotency, 202, body)
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
    """Raises InvalidInput for an actor whose key the service does not hold, and for a key that was not shown."""
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
    record, act, disclosures = draft(app, place, kind, role, "service", request)
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
