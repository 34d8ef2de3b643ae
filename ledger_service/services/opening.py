"""Opening a case: terms, the `requested` record, the consumer's key, and the link to follow it by."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from iso3166 import countries_by_alpha2
from sqlmodel import Session

from ..domain.disclosures import Disclosure
from ..domain.hashing import ZERO_ADDRESS, hex0x
from ..domain.messages import Act, Opening, Parties, Terms
from ..domain.money import to_minor
from ..domain.policies import Policy
from ..domain.records import KeyHolder, Record, make_record
from ..domain.times import rfc3339
from ..domain.vocabulary import Freight, Kind, Mode, Role
from ..errors import Conflict, Forbidden, InvalidInput
from ..store.cases import balance_of, case_by_source, enqueue, promised
from ..store.imports import give_up_source
from ..store.keys import lock_account
from ..store.tables import Account, CaseKey, CaseRow, Mail
from .accepting import accept_record, fresh_disclosures, new_record_id
from .access import require_enabled
from .app import App
from .blind_indexes import consumer_index, tracking_index, words_of_case
from .idempotency import IdempotencyClaim, complete
from .inputs import CaseInput
from .links import READING, issue_link, last_window_ends
from .panels import Panel, panel_for, require_clear, reserve_for
from .presenting import case_answer
from .sources import erased_source
from .times import check_occurred

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Money:
    """Minor units, and the escrow's token for the currency (zero in mode none)."""

    currency: str
    refund: int
    freight: int
    reserve: int
    token: str


@dataclass(frozen=True, slots=True)
class CaseDraft:
    """A case that lacks nothing but its merchant's signature over `opening`."""

    request: CaseInput
    policy: Policy
    money: Money
    parties: Parties
    record: Record
    opening: Opening
    disclosures: list[Disclosure]

    @property
    def case_id(self) -> str:
        return hex0x(self.opening.terms.struct_hash())


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
    with app.database.write() as session:
        known = _known(app, session, source) if source is not None else None
        if known is not None and not give_up_source(session, known):
            raise Conflict("This was imported before.", field="source", remedy="Nothing is to be done.")
        signer = app.keys.signer(session, account.address)
        draft = draft_case(app, session, account, request, "service")
        if signer is None:
            raise InvalidInput(
                "The service does not hold this merchant's key.",
                field="signature",
                remedy="Ask /v1/cases/prepare for the message, sign it, and send it to /v1/cases/{case_id}/opening.",
            )
        signature = signer.sign(app.deployment.domain.digest(draft.opening.struct_hash()))
        body = keep_case(app, session, account, draft, signature, source)
        complete(session, idempotency, 201, body)
    app.wake.set()
    return body


def _known(app: App, session: Session, source: str) -> CaseRow | None:
    return case_by_source(session, source) or case_by_source(session, erased_source(app, source))


def draft_case(app: App, session: Session, account: Account, request: CaseInput, key: KeyHolder) -> CaseDraft:
    """Terms and `requested` record of a case, checked. A consumer without a key gets one, kept with the session.

    Raises as `open_case`.
    """
    now, own = app.clock.seconds(), account.address
    policy, mode, panel, money, parties = check_request(app, session, account, request)
    if mode is not Mode.NONE:
        _check_balance(session, account, money)
    consumer = request.consumer.address or app.keys.create(session, now).address
    held = request.consumer.address is None
    terms = _terms(consumer, held, parties, policy, panel.version if panel else 0, mode, money)
    disclosures = _personal(request)
    record = make_record(
        case_id=terms.struct_hash(),
        kind=Kind.REQUESTED.wire,
        role=Role.MERCHANT,
        signer=own,
        key=key,
        occurred_at=check_occurred(app, request.requested_at, field="requested_at"),
        data=_requested_data(request, policy, terms, parties),
        disclosures=disclosures,
        salt=os.urandom(16),
    )
    opening = Opening(terms, record.commitment, now + app.settings.signature_days * _DAY)
    return CaseDraft(request, policy, money, parties, record, opening, disclosures)


def check_request(
    app: App, session: Session, account: Account, request: CaseInput
) -> tuple[Policy, Mode, Panel | None, Money, Parties]:
    """What a request comes to. Nothing is written. Raises as `open_case`, but for the balance."""
    policy, mode = app.policies.by_code(request.policy), Mode[request.escrow.upper()]
    panel = panel_for(session, request.panel)
    money = _check(app, account, request, policy, mode, panel)
    own = account.address
    parties = Parties(own, request.carrier or own, request.warehouse or own, request.inspector or own)
    _check_consumer(app, session, request, parties)
    require_clear(panel, parties, request.consumer.address)
    check_occurred(app, request.requested_at, field="requested_at")
    return policy, mode, panel, money, parties


def _terms(
    consumer: str, key_held: bool, parties: Parties, policy: Policy, panel: int, mode: Mode, money: Money
) -> Terms:
    return Terms(
        salt=os.urandom(32),
        consumer=consumer,
        consumer_key_held=key_held,
        parties=parties.id(),
        policy=policy.id(),
        panel=panel,
        mode=mode,
        token=money.token,
        refund=0 if mode is Mode.NONE else money.refund,
        freight=money.freight,
        reserve=money.reserve,
    )


def keep_case(
    app: App, session: Session, account: Account, draft: CaseDraft, signature: bytes, source: str | None = None
) -> dict[str, Any]:
    """Keeps a signed draft with everything that belongs to it, and answers the 201 body."""
    require_enabled(session, account)
    now, case = app.clock.seconds(), _case_row(app, account, draft, source)
    secret, wrapped = app.vault.new_case_key(case.case_id)
    session.add(case)
    session.flush()
    session.add(CaseKey(case_id=case.case_id, wrapped=wrapped))
    session.add_all(words_of_case(app, account.id, case.case_id, draft.request))
    if draft.request.consumer.email:
        session.add(Mail(case_id=case.case_id, template="opened", position=0, due_at=now))
    terms, opening = draft.opening.terms, draft.opening
    enqueue(session, "register_parties", hex0x(terms.parties), now, case_id=case.case_id)
    answer = accept_record(
        app,
        session,
        record_id=new_record_id(),
        record=draft.record,
        act=Act(terms.struct_hash(), Kind.REQUESTED, Role.MERCHANT, 0, opening.valid_until, opening.commitment),
        signature=signature,
        disclosures=draft.disclosures,
        secret=secret,
    )
    url, _ = issue_link(app, session, case, READING, last_window_ends(app, case))
    body = case_answer(app, session, case, status_link=url)
    body["milestones"] = [answer]
    return body


def _check(app: App, account: Account, request: CaseInput, policy: Policy, mode: Mode, panel: Panel | None) -> Money:
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
    if mode is Mode.BOND and panel is None:
        raise InvalidInput(
            "A bond needs a panel: without one, a challenge of a paid refund would make the merchant pay twice.",
            field="panel",
            remedy="Name a registered panel, or open the case with escrow refund.",
        )
    return _check_money(app, request, policy, mode, reserve_for(panel, mode))


def _check_consumer(app: App, session: Session, request: CaseInput, parties: Parties) -> None:
    """A consumer's own key is the consumer's alone: no party's, and none that this service signs with for somebody."""
    address = request.consumer.address
    if address is None:
        return
    if parties.roles_of(address) or app.keys.signer(session, address) is not None:
        raise InvalidInput(
            "The consumer's own address is another party's, or one whose key this service holds.",
            field="consumer.address",
            remedy="Send an address whose key is the consumer's alone, or leave it out.",
        )


def _check_money(app: App, request: CaseInput, policy: Policy, mode: Mode, reserve: int) -> Money:
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
        return Money(currency, refund, 0, 0, ZERO_ADDRESS)
    token = app.deployment.tokens.get(currency)
    if token is None:
        raise InvalidInput(
            f"The escrow takes no {currency}.",
            field="refund.currency",
            remedy="It takes " + ", ".join(sorted(app.deployment.tokens)) + "; or open the case with escrow none.",
        )
    return Money(currency, refund, freight, reserve, token.address)


def _check_balance(session: Session, account: Account, money: Money) -> None:
    lock_account(session, account.id or 0)  # two openings at once must not both count on the same money
    free = balance_of(session, account.address, money.token) - promised(session, account.address, money.token)
    needed = money.refund + money.freight + money.reserve
    if free < needed:
        raise Conflict(
            f"The free balance of {max(free, 0)} minor units of {money.currency} does not cover the lock of {needed}, "
            f"of which {money.reserve} are set aside for arbitration.",
            field="refund.amount",
            remedy="Deposit first (`ledger fund`), or open the case with escrow none.",
        )


def _personal(request: CaseInput) -> list[Disclosure]:
    return fresh_disclosures(
        {
            "reference": request.reference,
            "consumer.name": request.consumer.name,
            "consumer.email": request.consumer.email,
            "consumer.postal_address": request.consumer.postal_address,
            "consumer.customer_number": request.consumer.customer_number,
            "order.reference": request.order.reference if request.order else None,
            "shipment.tracking_code": request.shipment.tracking_code if request.shipment else None,
            "reason": request.reason,
        }
    )


def _requested_data(request: CaseInput, policy: Policy, terms: Terms, parties: Parties) -> dict[str, Any]:
    data: dict[str, Any] = {
        "items": [item.model_dump() for item in request.items],
        "refund": request.refund.model_dump(),
        "escrow": request.escrow,
        "policy": {"code": policy.code, "version": policy.version, "id": hex0x(policy.id())},
        "parties": asdict(parties),
        "consumer": {"country": request.consumer.country, "language": request.consumer.language},
        "terms": terms.as_json(),
    }
    if request.order and request.order.ordered_at:
        data["ordered_at"] = rfc3339(request.order.ordered_at)
    if request.reason_code:
        data["reason_code"] = request.reason_code
    if request.freight:
        data["freight"] = request.freight.model_dump()
    if request.shipment:
        data["carrier"] = request.shipment.carrier
    return data


def _case_row(app: App, account: Account, draft: CaseDraft, source: str | None) -> CaseRow:
    request, money, terms = draft.request, draft.money, draft.opening.terms
    shipment = request.shipment
    return CaseRow(
        case_id=draft.case_id,
        account_id=account.id or 0,
        **asdict(draft.parties),
        consumer=terms.consumer,
        reference=request.reference,
        source=source,
        policy=draft.policy.code,
        policy_id=hex0x(terms.policy),
        mode=terms.mode.wire,
        currency=money.currency,
        refund_minor=money.refund,
        freight_minor=money.freight,
        reserve_minor=money.reserve,
        token=money.token,
        language=request.consumer.language,
        country=request.consumer.country,
        reason_code=request.reason_code,
        carrier_name=shipment.carrier if shipment else None,
        tracking_index=tracking_index(app, account.id, shipment.carrier, shipment.tracking_code) if shipment else None,
        consumer_index=consumer_index(app, account.id, request.consumer.email) if request.consumer.email else None,
        terms=json.dumps(terms.as_json()),
        opened_at=app.clock.seconds(),
    )
