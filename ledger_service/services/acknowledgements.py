"""The acknowledgement of a withdrawal, signed: for the consumer by e-mail and by their link, and for their merchant."""

from __future__ import annotations

import json

from sqlmodel import Session

from ..documents.acknowledgement_pdf import Declaration, Proof, acknowledgement_pdf
from ..documents.typesetting import Attachment
from ..domain.records import record_of
from ..domain.times import from_chain, parse_moment, rfc3339, to_chain
from ..errors import Forbidden, NotFound
from ..store.cases import find_case, requested_record
from ..store.keys import account_by_id
from ..store.tables import Account, CaseRow, RecordRow
from .access import require_merchant
from .app import App
from .bundles import make_bundle
from .evidence import show_all
from .links import READING, LinkClaims, reading_link
from .opening_fields import opening_fields

_WITHDRAWAL = "eu-14"  # the policy of the right of withdrawal under Directive 2011/83/EU


def acknowledgement_for(app: App, account: Account, case_id: str) -> bytes:
    """The acknowledgement as its merchant sees it. Raises NotFound, or Forbidden for anybody else."""
    with app.database.read() as session:
        require_merchant(session, account, find_case(session, case_id))
    return acknowledgement(app, case_id)


def acknowledgement_for_link(app: App, link: LinkClaims) -> bytes:
    """Raises Forbidden for a link that only reads: whoever was handed it need not be the consumer."""
    if link.scopes == READING:
        raise Forbidden(
            "This link can look but does not show whom it is about.",
            field="Authorization",
            remedy="Use the link in the e-mail that came to the consumer.",
        )
    return acknowledgement(app, link.case_id)


def acknowledgement(app: App, case_id: str) -> bytes:
    """The PDF, with what the service signed and the bundle inside. Raises NotFound."""
    with app.database.read() as session:
        case, record = find_case(session, case_id), requested_record(session, case_id)
        if case is None or record is None:
            raise NotFound("There is no such case.", field="case_id", remedy="Check the id.")
        declared = _declaration(app, session, case, record)
        link = reading_link(app, session, case_id)
    proof = Proof(app.settings.url, case_id, record.record_id, record.commitment, _sign(app, case, record, declared))
    return acknowledgement_pdf(declared, proof, case.language, link=link, bundle=_bundle(app, case_id))


def _bundle(app: App, case_id: str) -> Attachment:
    content = json.dumps(make_bundle(app, case_id, show_all), indent=1, ensure_ascii=False) + "\n"
    return Attachment(f"case-{case_id[2:10]}.bundle.json", "application/json", content, "The signed evidence bundle")


def _sign(app: App, case: CaseRow, record: RecordRow, declared: Declaration) -> str:
    """The acknowledgement as data, a JWS of the type `acknowledgement+jwt`: the same at every call."""
    content = {
        "to": declared.merchant,
        "name": declared.name,
        "acknowledged_to": declared.email,
        "order": declared.order,
        "ordered_at": rfc3339(from_chain(declared.ordered_at)) if declared.ordered_at is not None else None,
        "return": declared.reference,
        "items": [{"quantity": quantity, "description": text} for quantity, text in declared.items],
        "refund": declared.refund,
        "reason": declared.reason,
    }
    claims = {
        "iss": app.settings.url,
        "iat": record.accepted_at,
        "sub": case.case_id,
        "jti": record.record_id,
        "commitment": record.commitment,
        "chain_id": app.deployment.chain_id,
        "contract": app.deployment.ledger,
        "policy": case.policy_id,
        "declared": "withdrawal" if declared.withdrawal else "return",
        "submitted_at": rfc3339(from_chain(declared.submitted_at)),
        "received_at": rfc3339(from_chain(declared.received_at)),
        "content": content,
    }
    return app.tokens.sign("acknowledgement+jwt", claims)


def _declaration(app: App, session: Session, case: CaseRow, record: RecordRow) -> Declaration:
    data, personal = record_of(record.canonical).body["data"], opening_fields(app, session, case.case_id)
    merchant, ordered_at = account_by_id(session, case.account_id), data.get("ordered_at")
    return Declaration(
        withdrawal=case.policy == _WITHDRAWAL,
        merchant=merchant.name if merchant else case.merchant,
        reference=case.reference,
        refund=f"{data['refund']['amount']} {data['refund']['currency']}",
        items=tuple((item["quantity"], item["description"] or item["sku"]) for item in data["items"]),
        submitted_at=record.occurred_at,
        received_at=record.accepted_at,
        name=personal.get("consumer.name"),
        email=personal.get("consumer.email"),
        order=personal.get("order.reference"),
        ordered_at=to_chain(parse_moment(ordered_at, field="ordered_at")) if ordered_at else None,
        reason=personal.get("reason"),
    )
