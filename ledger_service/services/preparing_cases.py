"""Cases of a merchant with a signing key of its own: prepared here, signed elsewhere, opened by the signature."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import read_disclosure
from ..domain.hashing import from_hex, hex0x
from ..domain.messages import Opening, Parties, Terms
from ..domain.money import to_minor
from ..domain.records import record_of
from ..domain.signatures import recover_signer
from ..errors import Conflict, InvalidInput, NotFound, OutOfOrder
from ..store.cases import find_case
from ..store.tables import Account, PreparedCase
from .app import App
from .idempotency import IdempotencyClaim, complete
from .inputs import CaseInput, SignatureInput
from .opening import CaseDraft, Money, draft_case, keep_case


def prepare_case(
    app: App, account: Account, request: CaseInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """The terms that the merchant is to sign, as EIP-712 typed data. Opens nothing. Raises as `open_case`."""
    with app.database.write() as session:
        draft = draft_case(app, session, account, request, "own")
        kept = {
            "request": request.model_dump(mode="json"),
            "disclosures": [disclosure.encoded for disclosure in draft.disclosures],
        }
        session.add(
            PreparedCase(
                case_id=draft.case_id,
                account_id=account.id or 0,
                canonical=draft.record.canonical,
                valid_until=draft.opening.valid_until,
                sealed=app.vault.seal_secret(draft.case_id, json.dumps(kept).encode()),
                created_at=app.clock.seconds(),
            )
        )
        body = {
            "case_id": draft.case_id,
            "signer": account.address,
            "record": draft.record.body,
            "commitment": hex0x(draft.record.commitment),
            "valid_until": draft.opening.valid_until,
            "typed_data": draft.opening.typed_data(app.deployment.domain),
        }
        complete(session, idempotency, 201, body)
    return body


def open_prepared_case(
    app: App,
    account: Account,
    case_id: str,
    request: SignatureInput,
    idempotency: IdempotencyClaim | None = None,
) -> dict[str, Any]:
    """Opens a prepared case by its merchant's signature, and answers the 201 body of `open_case`.

    Raises NotFound if it was not prepared for this merchant, Conflict if it is open already, InvalidInput for a
    signature that is not the merchant's, OutOfOrder if the message has expired.
    """
    with app.database.write() as session:
        row = _prepared(session, account, case_id)
        draft = _draft_of(app, row)
        signature = from_hex(request.signature)
        if recover_signer(app.deployment.domain.digest(draft.opening.struct_hash()), signature) != account.address:
            raise InvalidInput(
                f"This is no signature by {account.address} over the prepared terms.",
                field="signature",
                remedy="Sign the typed data as it was given (EIP-712): 65 bytes r, s, v with low s.",
            )
        if app.clock.seconds() > draft.opening.valid_until:
            raise OutOfOrder("The prepared terms have expired.", field="case_id", remedy="Prepare the case again.")
        session.delete(row)
        body = keep_case(app, session, account, draft, signature)
        complete(session, idempotency, 201, body)
    app.wake.set()
    return body


def _prepared(session: Session, account: Account, case_id: str) -> PreparedCase:
    row = session.get(PreparedCase, case_id, with_for_update=True)
    if row is not None and row.account_id == account.id:
        return row
    case = find_case(session, case_id)
    if case is not None and case.account_id == account.id:
        raise Conflict("This case is open already.", field="case_id", remedy="Look at it.")
    raise NotFound("No such case was prepared for you.", field="case_id", remedy="Prepare it again.")


def _draft_of(app: App, row: PreparedCase) -> CaseDraft:
    kept = json.loads(app.vault.open_secret(row.case_id, row.sealed))
    request, record = CaseInput.model_validate(kept["request"]), record_of(row.canonical)
    terms = Terms.from_json(record.body["data"]["terms"])
    currency = request.refund.currency
    return CaseDraft(
        request=request,
        policy=app.policies.by_id(hex0x(terms.policy)),
        money=Money(currency, to_minor(request.refund.amount, currency), terms.freight, terms.reserve, terms.token),
        parties=Parties(**record.body["data"]["parties"]),
        record=record,
        opening=Opening(terms, record.commitment, row.valid_until),
        disclosures=[read_disclosure(text) for text in kept["disclosures"]],
    )
