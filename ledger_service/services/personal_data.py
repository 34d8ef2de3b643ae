"""A person's data, all of it, as one document: what articles 15 and 20 of the GDPR ask for.

A person is known by the e-mail address that their cases were opened with. Addresses are not stored, so they are looked
up by a keyed hash for each merchant; cases of an earlier release, which have none, are opened one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from sqlmodel import Session

from ..domain.disclosures import read_disclosure
from ..domain.disputes import round_of
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import State
from ..errors import LedgerError, NotFound
from ..store import privacy as sql
from ..store.cases import disclosures_of, opening_disclosures
from ..store.disputes import votes_of
from ..store.keys import account_by_id, held_key
from ..store.observation_log import page_of_case
from ..store.tables import Account, CaseRow, DisclosureRow, Mail, StatusLink
from .accepting import case_secret
from .app import App
from .blind_indexes import consumer_index
from .presenting import case_answer
from .viewing import view_of

log = structlog.get_logger("ledger.privacy")

FORMAT = "after-sales-personal-data/1"
EMAIL = "consumer.email"
_AT_ONCE = 500


def personal_data(app: App, email: str, account: Account | None = None) -> dict[str, Any]:
    """Everything that is held about the person with this address: of a merchant's own cases, or, without an `account`,
    of all. That it was asked for is kept, and not of whom.

    Raises NotFound where nothing is held, Unavailable while personal fields are kept closed.
    """
    with app.database.read() as session:
        cases = _cases_of(app, session, email, account.id if account else None)
        told = [_told(app, session, case) for case in cases]
    with app.database.write() as session:
        sql.note_export(session, account.id if account else None, len(told), app.clock.seconds())
    log.info("personal_data_given", account=account.id if account else None, cases=len(told))
    if not told:
        raise NotFound(
            "Nothing is held under this address.", field="email", remedy="Check it, or ask for another that they used."
        )
    return {
        "format": FORMAT,
        "made_at": rfc3339(app.clock.now()),
        "held_by": app.settings.url,
        "person": {"email": email},
        "cases": told,
    }


def _cases_of(app: App, session: Session, email: str, account_id: int | None) -> list[CaseRow]:
    merchants = [account_id] if account_id is not None else sql.merchants(session)
    found = list(sql.cases_of_consumer(session, [consumer_index(app, merchant, email) for merchant in merchants]))
    for case in _unindexed(session, account_id):
        opened = _disclosed(app, session, case.case_id, opening_disclosures(session, case.case_id))
        addresses = [one["value"] for one in opened if one["name"] == EMAIL]
        if any(str(address).casefold() == email.casefold() for address in addresses):
            found.append(case)
    return sorted(found, key=lambda case: (case.opened_at, case.case_id))


def _unindexed(session: Session, account_id: int | None) -> Iterator[CaseRow]:
    after = ""
    while rows := sql.cases_without_index(session, account_id, after, _AT_ONCE):
        yield from rows
        after = rows[-1].case_id


def _told(app: App, session: Session, case: CaseRow) -> dict[str, Any]:
    merchant = account_by_id(session, case.account_id)
    view, votes = view_of(app, session, case), votes_of(session, case.case_id, app.settings.confirmations_needed)
    running = round_of(view.state) if view.state.state is State.DISPUTED else None
    # nobody is told what a vote says before its round is over
    secret_votes = {one.row.vote_id for one in votes if one.row.round == running}
    sealed = [row for row in disclosures_of(session, case.case_id) if row.record_id not in secret_votes]
    return {
        "case": case_answer(app, session, case),
        "merchant": merchant.name if merchant else None,
        "personal_fields": _disclosed(app, session, case.case_id, sealed),
        "records": [
            {"record_id": one.row.record_id, "stage": one.stage.wire, "record": json.loads(one.row.canonical)}
            for one in view.records
        ],
        "votes": [
            {
                "vote_id": one.row.vote_id,
                "stage": one.stage.wire,
                "record": None if one.row.vote_id in secret_votes else json.loads(one.row.canonical),
            }
            for one in votes
        ],
        "observations": [
            {"observation_id": row.observation_id, "record": json.loads(row.canonical)}
            for row in page_of_case(session, case.case_id, 0, None)
        ],
        "mails": [_mail(mail) for mail in sql.all_mails(session, case.case_id)],
        "links": [_link(link) for link in sql.all_links(session, case.case_id)],
        "signing_key": {
            "address": case.consumer,
            "held_by_the_service": held_key(session, case.consumer) is not None,
        },
    }


def _disclosed(app: App, session: Session, case_id: str, rows: Sequence[DisclosureRow]) -> Sequence[dict[str, Any]]:
    secret = case_secret(app, session, case_id)
    shown: list[dict[str, Any]] = []
    for row in rows if secret is not None else ():
        try:
            field = read_disclosure(app.vault.open(secret or b"", row.digest, row.sealed).decode())
        except (LedgerError, ValueError):
            shown.append({"stated_in": row.record_id, "name": None, "value": None, "digest": row.digest})
            continue
        shown.append({"stated_in": row.record_id, "name": field.name, "value": field.value, "digest": row.digest})
    return shown


def _moment(seconds: int | None) -> str | None:
    return rfc3339(from_chain(seconds)) if seconds is not None else None


def _mail(mail: Mail) -> dict[str, Any]:
    return {
        "about_position": mail.position,
        "template": mail.template,
        "occasion": mail.occasion,
        "state": mail.state,
        "due_at": _moment(mail.due_at),
        "sent_at": _moment(mail.sent_at),
    }


def _link(link: StatusLink) -> dict[str, Any]:
    return {
        "jti": link.jti,
        "scopes": link.scopes.split(),
        "created_at": _moment(link.created_at),
        "expires_at": _moment(link.expires_at),
        "revoked_at": _moment(link.revoked_at),
    }
