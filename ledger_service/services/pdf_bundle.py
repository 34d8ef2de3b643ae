"""The evidence of a case as a PDF for people. It is made in memory and kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlmodel import Session

from ..documents.bundle_pdf import Facts, bundle_pdf
from ..errors import NotFound
from ..store.cases import find_case
from ..store.keys import account_by_id, names_of
from ..store.tables import Account, CaseRow
from .access import may_read_words, require_visible
from .act_data import WORDS, is_name_of_file
from .app import App
from .bundles import make_bundle
from .evidence import Show, show_all, show_none, verify_case
from .links import READING, LinkClaims, reading_link
from .presenting import next_answer
from .revealing import ALL, reveal_for
from .viewing import view_of

_SHOWN = frozenset({"consumer.name", "order.reference", "message", "location", *WORDS})  # of what its reader may see


def pdf_for(app: App, account: Account, case_id: str) -> bytes:
    """The body of GET /v1/cases/{case_id}/bundle.pdf. Raises NotFound for a case that is not the caller's to see."""
    may_see = reveal_for(app, account, case_id, [ALL])
    with app.database.read() as session:
        case = require_visible(session, account, find_case(session, case_id))
    return case_pdf(app, case_id, may_see, with_link=may_read_words(account, case))


def pdf_for_link(app: App, link: LinkClaims) -> bytes:
    """The body of GET /v1/status/bundle.pdf: with personal fields for the consumer, whose link acts, alone."""
    return case_pdf(app, link.case_id, show_none if link.scopes == READING else show_all)


def case_pdf(app: App, case_id: str, may_see: Show, *, with_link: bool = True) -> bytes:
    """The PDF of a case with the personal fields that `may_see` picks, as far as people need them, and the link to its
    status for whoever may see all that is there. Raises NotFound."""
    bundle = make_bundle(app, case_id, lambda name: may_see(name) and (name in _SHOWN or is_name_of_file(name)))
    report = verify_case(app, case_id)
    with app.database.read() as session:
        case = find_case(session, case_id)
        if case is None:
            raise NotFound("There is no such case.", field="case_id", remedy="Check the id.")
        facts = replace(
            _facts(app, session, case, bundle["evidence"], report),
            reference=case.reference if may_see("reference") else "",
            link=reading_link(app, session, case_id) if with_link else None,
        )
    return bundle_pdf(bundle, facts)


def _facts(app: App, session: Session, case: CaseRow, evidence: dict[str, Any], report: dict[str, Any]) -> Facts:
    merchant = account_by_id(session, case.account_id)
    return Facts(
        at=app.clock.seconds(),
        language=case.language,
        service=app.settings.url,
        merchant=merchant.name if merchant else case.merchant,
        verdict=report["verdict"],
        names=names_of(session, {*evidence["parties"].values(), *_arbitrators(evidence["votes"])}),
        next=next_answer(view_of(app, session, case)),
        checks=tuple(report["checks"]),
        test=any(token.test for token in app.deployment.tokens.values()),
    )


def _arbitrators(votes: Sequence[dict[str, Any]]) -> set[str]:
    return {vote["arbitrator"] for vote in votes}
