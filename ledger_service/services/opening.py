"""Opening a case: terms, the `requested` record, the consumer's key, and the link to follow it by."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from iso3166 import countries_by_alpha2
from sqlmodel import Session

from ..domain.disclosures import Disclosure
from ..domain.hashing import ZERO_ADDRESS, hex0x
from ..domain.messages import Act, Opening, Parties, Terms
from ..domain.money import to_minor
from ..domain.policies import Policy
from ..domain.records import Record, make_record
from ..domain.times import rfc3339
from ..domain.vocabulary import Freight, Kind, Mode, Role
from ..errors import Conflict, Forbidden, InvalidInput
from ..store.cases import balance_of, case_by_source, enqueue, promised
from ..store.tables import Account, CaseKey, CaseRow, Mail
from .accepting import accept_record, fresh_disclosures, new_record_id
from .app import App
from .idempotency import IdempotencyClaim, complete
from .inputs import CaseInput
from .links import READING, issue_link, last_window_ends
from .presenting import case_answer
from .times import check_occurred

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class _Money:
    currency: str
    refund: int
    freight: int
    reserve: int
    token: str


def open_case(
    app: App,
    account: Account,
    request: CaseInput,
    source: str | None = None,
    idempotency: IdempotencyClaim | None = None,
) -> dict[str, Any]:
    """Opens a return as its merchant and answers the 201 body. `source` names an import's row: twice is once.

    Raises Forbidden for anyone but a merchant, InvalidInput for what cannot be right, Conflict if the merchant's free
    balance does not cover the lock.
    """
    policy = app.policies.by_code(request.policy)
    mode = Mode[request.escrow.upper()]
    money = _check(app, account, request, policy, mode)
    with app.database.write() as session:
        if source is not None and case_by_source(session, source) is not None:
            raise Conflict("This was imported before.", field="source", remedy="Nothing is to be done.")
        if mode is not Mode.NONE:
            _check_balance(session, account, money)
        case, answer = _open(app, session, account, request, policy, mode, money, source)
        url, _ = issue_link(app, session, case, READING, last_window_ends(app, case))
        body = case_answer(app, session, case, status_link=url)
        body["milestones"] = [answer]
        complete(session, idempotency, 201, body)
    app.wake.set()
    return body


def _check(app: App, account: Account, request: CaseInput, policy: Policy, mode: Mode) -> _Money:
    if account.role != "merchant":
        raise Forbidden("Only a merchant opens cases.", field="Authorization", remedy="Use a merchant's API key.")
    country = request.consumer.country
    if country is not None and country not in countries_by_alpha2:
        raise InvalidInput(
            f"{country!r} is no country.", field="consumer.country", remedy="Send an ISO 3166-1 code such as DE."
        )
    if mode is not Mode.NONE and not (request.consumer.email or request.consumer.address):
        raise InvalidInput(
            "A case with money needs a way to tell the consumer about it.",
            field="consumer.email",
            remedy="Send the consumer's e-mail or own address, or open it with escrow none.",
        )
    for name in ("carrier", "warehouse", "inspector"):
        if request.consumer.address and getattr(request, name) == request.consumer.address:
            raise InvalidInput(f"The consumer cannot be the {name} too.", field=name, remedy="Send another address.")
    return _check_money(app, request, policy, mode)


def _check_money(app: App, request: CaseInput, policy: Policy, mode: Mode) -> _Money:
    currency = request.refund.currency
    refund = to_minor(request.refund.amount, currency, field="refund.amount")
    if refund == 0:
        raise InvalidInput("A refund is more than nothing.", field="refund.amount", remedy="Send the amount at stake.")
    for index, item in enumerate(request.items):
        to_minor(item.unit_price, currency, field=f"items.{index}.unit_price")
    freight = 0
    if request.freight is not None:
        if request.freight.currency != currency:
            raise InvalidInput(
                "Freight and refund have one currency.", field="freight.currency", remedy=f"Send {currency}."
            )
        freight = to_minor(request.freight.amount, currency, field="freight.amount")
    if freight and (policy.freight is Freight.SUPPLIED or mode is Mode.NONE):
        raise InvalidInput(
            "No freight is locked here: the merchant supplies the label, or no money is locked at all.",
            field="freight",
            remedy="Leave it out.",
        )
    if mode is Mode.NONE:
        return _Money(currency, refund, 0, 0, ZERO_ADDRESS)
    token = app.deployment.tokens.get(currency)
    if token is None:
        raise InvalidInput(
            f"The escrow takes no {currency}.",
            field="refund.currency",
            remedy="It takes " + ", ".join(sorted(app.deployment.tokens)) + "; or open the case with escrow none.",
        )
    return _Money(currency, refund, freight, 0, token.address)


def _check_balance(session: Session, account: Account, money: _Money) -> None:
    free = balance_of(session, account.address, money.token) - promised(session, account.address, money.token)
    needed = money.refund + money.freight + money.reserve
    if free < needed:
        raise Conflict(
            f"The free balance of {max(free, 0)} minor units of {money.currency} does not cover the lock of {needed}.",
            field="refund.amount",
            remedy="Deposit first (`ledger fund`), or open the case with escrow none.",
        )


def _open(
    app: App,
    session: Session,
    account: Account,
    request: CaseInput,
    policy: Policy,
    mode: Mode,
    money: _Money,
    source: str | None,
) -> tuple[CaseRow, dict[str, Any]]:
    now = app.clock.seconds()
    merchant = app.keys.signer(session, account.address)
    if merchant is None:
        raise InvalidInput(
            "This merchant signs with a key of its own, which opens cases at the contract.",
            field="signature",
            remedy="Use an account whose key the service holds (`ledger keys create` without --address).",
        )
    own = account.address
    parties = Parties(own, request.carrier or own, request.warehouse or own, request.inspector or own)
    consumer = request.consumer.address or app.keys.create(session, now).address
    terms = Terms(
        salt=os.urandom(32),
        consumer=consumer,
        consumer_key_held=request.consumer.address is None,
        parties=parties.id(),
        policy=policy.id(),
        panel=0,
        mode=mode,
        token=money.token,
        refund=0 if mode is Mode.NONE else money.refund,
        freight=money.freight,
        reserve=money.reserve,
    )
    case_id = terms.struct_hash()
    disclosures = _personal(request)
    record = _requested(app, request, policy, terms, parties, disclosures)
    opening = Opening(terms, record.commitment, now + app.settings.signature_days * _DAY)
    signature = merchant.sign(app.deployment.domain.digest(opening.struct_hash()))

    case = _case_row(app, account, request, policy, money, terms, parties, source, now)
    secret, wrapped = app.vault.new_case_key(case.case_id)
    session.add(case)
    session.flush()
    session.add(CaseKey(case_id=case.case_id, wrapped=wrapped))
    if request.consumer.email:
        session.add(Mail(case_id=case.case_id, template="opened", position=0, due_at=now))
    enqueue(session, "register_parties", hex0x(terms.parties), now, case_id=case.case_id)
    act = Act(case_id, Kind.REQUESTED, Role.MERCHANT, 0, opening.valid_until, record.commitment)
    answer = accept_record(
        app,
        session,
        record_id=new_record_id(),
        record=record,
        act=act,
        signature=signature,
        disclosures=disclosures,
        secret=secret,
    )
    return case, answer


def _personal(request: CaseInput) -> list[Disclosure]:
    return fresh_disclosures(
        {
            "consumer.name": request.consumer.name,
            "consumer.email": request.consumer.email,
            "consumer.customer_number": request.consumer.customer_number,
            "order.reference": request.order.reference if request.order else None,
            "shipment.tracking_code": request.shipment.tracking_code if request.shipment else None,
            "reason": request.reason,
        }
    )


def _requested(
    app: App,
    request: CaseInput,
    policy: Policy,
    terms: Terms,
    parties: Parties,
    disclosures: list[Disclosure],
) -> Record:
    occurred_at = check_occurred(app, request.requested_at, field="requested_at")
    data: dict[str, Any] = {
        "reference": request.reference,
        "items": [item.model_dump() for item in request.items],
        "refund": request.refund.model_dump(),
        "escrow": request.escrow,
        "policy": {"code": policy.code, "version": policy.version, "id": hex0x(policy.id())},
        "parties": {
            "merchant": parties.merchant,
            "carrier": parties.carrier,
            "warehouse": parties.warehouse,
            "inspector": parties.inspector,
        },
        "consumer": {"country": request.consumer.country, "language": request.consumer.language},
        "terms": terms.as_json(),
    }
    if request.order and request.order.ordered_at:
        data["ordered_at"] = rfc3339(request.order.ordered_at)
    if request.freight:
        data["freight"] = request.freight.model_dump()
    if request.shipment:
        data["carrier"] = request.shipment.carrier
    return make_record(
        case_id=terms.struct_hash(),
        kind=Kind.REQUESTED,
        role=Role.MERCHANT,
        signer=parties.merchant,
        key="service",
        occurred_at=occurred_at,
        data=data,
        disclosures=disclosures,
        salt=os.urandom(16),
    )


def tracking_index(app: App, account_id: int | None, carrier: str, tracking_code: str) -> str:
    """The blind index of a parcel: one merchant, one carrier whatever its capitals, one tracking code."""
    return app.vault.blind_index("tracking", str(account_id), carrier.casefold(), tracking_code)


def _case_row(
    app: App,
    account: Account,
    request: CaseInput,
    policy: Policy,
    money: _Money,
    terms: Terms,
    parties: Parties,
    source: str | None,
    now: int,
) -> CaseRow:
    shipment = request.shipment
    return CaseRow(
        case_id=hex0x(terms.struct_hash()),
        account_id=account.id or 0,
        merchant=parties.merchant,
        carrier=parties.carrier,
        warehouse=parties.warehouse,
        inspector=parties.inspector,
        consumer=terms.consumer,
        reference=request.reference,
        source=source,
        policy=policy.code,
        policy_id=hex0x(policy.id()),
        mode=terms.mode.wire,
        currency=money.currency,
        refund_minor=money.refund,
        freight_minor=money.freight,
        reserve_minor=money.reserve,
        token=money.token,
        language=request.consumer.language,
        carrier_name=shipment.carrier if shipment else None,
        tracking_index=tracking_index(app, account.id, shipment.carrier, shipment.tracking_code) if shipment else None,
        terms=json.dumps(terms.as_json()),
        opened_at=now,
    )
