"""Carrier webhooks: a provider's signed message becomes the carrier's statements, for one merchant's cases only."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from ..domain.easypost import Pickup, TrackerUpdate, check_signature, read_tracker
from ..domain.vocabulary import Kind, Role
from ..errors import LedgerError, Unauthenticated
from ..store.cases import cases_by_tracking, find_case
from ..store.keys import account_by_id, webhook_secrets
from ..store.tables import Account, CaseRow
from .accounts import merchant_named
from .acting import sign_and_accept
from .app import App
from .blind_indexes import tracking_index
from .drafting import place_of
from .inputs import PrepareInput
from .scans import take_scans

EASYPOST = "easypost"


def take_easypost(app: App, raw: bytes, header: str | None, merchant: str | None = None) -> dict[str, Any]:
    """Takes a tracker update: its pick-up scan becomes `picked_up` of this merchant's cases with that parcel, and every
    scan an observation of them.

    The secret that made the signature names the merchant; `merchant` narrows the search to one. The same webhook again
    finds the case picked up and changes nothing. Raises Unauthenticated for a signature that no secret made, NotFound
    for an unknown merchant, InvalidInput for a body that is no tracker update.
    """
    account = _sender(app, raw, header, merchant)
    update = read_tracker(raw)
    results: list[dict[str, Any]] = []
    if update.mode == "test":
        return {"event_id": update.event_id, "results": results, "ignored": "a test event moves no real parcel"}
    if update.pickup is not None or update.scans:
        with app.database.write() as session:
            index = tracking_index(app, account.id, update.carrier, update.tracking_code)
            results = [
                {"case_id": case.case_id, **_take(app, session, case, update)}
                for case in cases_by_tracking(session, account.id or 0, index)
            ]
        app.wake.set()
    return {"event_id": update.event_id, "results": results}


def _sender(app: App, raw: bytes, header: str | None, merchant: str | None) -> Account:
    account_id = merchant_named(app, merchant).id if merchant is not None else None
    with app.database.read() as session:
        for row in webhook_secrets(session, EASYPOST, account_id):
            secret = app.vault.open_secret(f"{EASYPOST}:{row.account_id}", row.sealed).decode()
            try:
                check_signature(raw, header, secret)
            except LedgerError:
                continue
            account = account_by_id(session, row.account_id)
            if account is not None:
                return account
    raise Unauthenticated(
        "The webhook's signature is not by a secret that we know.",
        field="X-Hmac-Signature",
        remedy="Register the webhook's secret: ledger keys webhook-secret --merchant NAME --provider easypost",
    )


def _personal(update: TrackerUpdate, pickup: Pickup) -> dict[str, str]:
    """What leads to the person: the provider's number of the event, and where the parcel was."""
    said = {"event": update.event_id, "location": ", ".join(pickup.location.values())}
    return {name: value for name, value in said.items() if value}


def _take(app: App, session: Session, case: CaseRow, update: TrackerUpdate) -> dict[str, Any]:
    locked = find_case(session, case.case_id, for_update=True)
    if locked is None or app.keys.signer(session, case.carrier) is None:
        return {"result": "ignored", "reason": "The carrier signs with a key of its own.", "observations": 0}
    observed = take_scans(app, session, locked, update, EASYPOST)
    return {**_pick_up(app, session, locked, update, update.pickup), "observations": observed}


def _pick_up(
    app: App, session: Session, locked: CaseRow, update: TrackerUpdate, pickup: Pickup | None
) -> dict[str, Any]:
    if pickup is None:
        return {"result": "ignored", "reason": "The carrier does not have the parcel yet."}
    stated = PrepareInput(
        kind=Kind.PICKED_UP.wire,
        occurred_at=pickup.occurred_at,
        data={"source": EASYPOST, "carrier": update.carrier},
        personal=_personal(update, pickup),
    )
    try:
        body = sign_and_accept(app, session, place_of(app, session, locked), Kind.PICKED_UP, Role.CARRIER, stated)
    except LedgerError as error:
        return {"result": "ignored", "reason": str(error)}
    return {"result": "accepted", "record_id": body["record_id"], "stage": body["stage"]}
