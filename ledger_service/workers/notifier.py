"""Sends consumers what they would lose by not knowing: every change that starts a window of theirs, reminders, the end.

A message is claimed in the database before it goes out, and marked after it was taken. A worker that dies in between
leaves it to the next one, which sends it again with the same Message-ID: at least once, and mail programs show it once.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import Any

import structlog
from sqlmodel import Session

from .. import telemetry
from ..domain.money import to_decimal
from ..domain.times import from_chain
from ..mail_sending import MailSender, NeverTaken
from ..services.app import App
from ..services.links import ACTING, issue_link, last_window_ends
from ..services.opening_fields import opening_fields
from ..store.cases import chain_case, find_case
from ..store.keys import account_by_id
from ..store.mails import (
    claim_mail,
    due_mails,
    has_acted,
    is_called_off,
    is_going_out,
    is_overtaken,
    link_of,
    was_said,
)
from ..store.tables import CaseRow, Mail
from .announcing import is_open
from .attaching import acknowledge, attach
from .mailing import is_said_anew

log = structlog.get_logger()

_LANGUAGES = ("en", "de", "zh", "ar")
_AT_ONCE = 20
_CLAIMED = 180  # seconds for which nobody else sends a message; sending gives up long before
_LONGEST_TURN = 10.0  # seconds after which no more is begun, so that a stop need not wait for a slow server
_LOOK_AGAIN = 60  # seconds until a message is looked at again whose time has not come after all
_REMINDERS = ("halfway", "last_day")
_REFUSED_TRIES = 3  # of what a server says it never takes, or what cannot be made: it can be a passing mistake
_TRIES = 14  # of what may be taken later: some two and a half days
_FIRST_WAIT, _LONGEST_WAIT = 120, 6 * 3_600


class Notifier:
    """`step()` sends the messages that are due. One that cannot be sent is tried again later, then given up."""

    def __init__(self, app: App, sender: MailSender) -> None:
        self._app = app
        self._sender = sender

    def step(self) -> int:
        """How many messages it was the turn of."""
        with self._app.database.read() as session:
            due = due_mails(session, self._app.clock.seconds(), _AT_ONCE)
        began, count = time.monotonic(), 0
        while count < len(due) and time.monotonic() - began < _LONGEST_TURN:
            self._send(due[count].id or 0)
            count += 1
        return count

    def _send(self, mail_id: int) -> None:
        """Whatever goes wrong concerns this message alone: left due, it would keep all later ones from being sent."""
        now = self._app.clock.seconds()
        with self._app.database.write() as session:
            if not claim_mail(session, mail_id, now, now + _CLAIMED):
                return
            mail = session.get_one(Mail, mail_id)
        message: EmailMessage | str = "dropped"
        failure: Exception | None = None
        try:
            with self._app.database.write() as session:
                message = self._make(session, session.get_one(Mail, mail_id), now)
            if isinstance(message, EmailMessage):
                if (document := acknowledge(self._app, mail)) is not None:
                    attach(message, document, mail.case_id)
                self._sender.send(mail_id, message)
        except Exception as raised:  # noqa: BLE001 - what an odd address or name makes the library raise has no end
            failure = raised
        self._keep(mail_id, "sent" if isinstance(message, EmailMessage) else message, failure)

    def _make(self, session: Session, mail: Mail, now: int) -> EmailMessage | str:
        """The message; or what becomes of it instead: `due` later, or `dropped`."""
        if mail.corrected or is_called_off(session, mail):
            return "dropped"
        if is_going_out(session, mail, now):
            return "due"  # it may be what this one takes back
        link = link_of(session, mail)
        if mail.occasion == "correction":
            if link is not None or is_said_anew(session, mail) or not was_said(session, mail):
                return "dropped"
        elif mail.head:
            if link is None:
                return "due"  # a reorg took it back: it comes again, or it is dropped when that is certain
            if is_overtaken(session, mail, now) or not is_open(session, link, mail.template, mail.deadline, now):
                return "dropped"
            if mail.occasion in _REMINDERS and has_acted(session, mail.case_id):
                return "due"  # on its way, and it may still be refused
        return self._render(session, mail) or "dropped"

    def _keep(self, mail_id: int, became: str, failure: Exception | None) -> None:
        now = self._app.clock.seconds()
        with self._app.database.write() as session:
            row = session.get_one(Mail, mail_id)
            row.claimed_until = 0
            if failure is None:
                row.state, row.last_error = became, None
                row.sent_at = now if became == "sent" else None
                row.due_at = now + _LOOK_AGAIN if became == "due" else row.due_at
                telemetry.MAILS.labels(became).inc()
                row.attempts -= became == "due"
            else:
                row.last_error = type(failure).__name__  # its text may hold the address
                refused = isinstance(failure, NeverTaken | ValueError)
                row.state = "failed" if row.attempts >= (_REFUSED_TRIES if refused else _TRIES) else "due"
                row.due_at = now + min(_FIRST_WAIT * 2 ** (row.attempts - 1), _LONGEST_WAIT)
                telemetry.MAILS.labels("failed").inc()
                log.warning("mail.not_sent", mail=mail_id, case_id=row.case_id, error=row.last_error, state=row.state)
            session.add(row)

    def _render(self, session: Session, mail: Mail) -> EmailMessage | None:
        """The message, with a fresh link; None where the consumer has no address any more."""
        case = find_case(session, mail.case_id)
        if case is None:
            return None
        personal = opening_fields(self._app, session, case.case_id)
        address = personal.get("consumer.email")
        if address is None:
            return None
        url, _ = issue_link(self._app, session, case, ACTING, last_window_ends(self._app, case))
        merchant = account_by_id(session, case.account_id)
        values = {
            "name": personal.get("consumer.name"),
            "merchant": merchant.name if merchant else case.merchant,
            "reference": case.reference,
            "amount": to_decimal(case.refund_minor, case.currency),
            "currency": case.currency,
        }
        chain = chain_case(session, case.case_id)
        stands = chain is not None and mail.deadline and chain.due == mail.deadline
        return self._message(mail, case, str(address), url, values, mail.deadline if stands else 0)

    def _message(
        self, mail: Mail, case: CaseRow, address: str, url: str, values: dict[str, Any], deadline: int
    ) -> EmailMessage:
        texts = _texts(_language(case.language))
        subject, body = _said(texts, mail, values)
        greeting = texts["greeting"] if values["name"] else texts["greeting_unnamed"]
        lines = [greeting.format(**values), "", body]
        if deadline:
            lines.append(texts["deadline"].format(deadline=_moment(texts, from_chain(deadline))))
        lines += ["", texts["follow"], "", url, "", texts["footer"].format(**values), ""]
        message = EmailMessage()
        message["Subject"] = _header_text(subject)
        message["From"] = self._app.settings.mail_from
        message["To"] = _one_address(address)
        message["Date"] = format_datetime(self._app.clock.now())
        message["Message-ID"] = f"<mail-{mail.id}.{case.case_id[2:18]}@ledger.invalid>"  # the same at every try
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join(lines), cte="8bit")
        _check_headers(message)
        return message


def _said(texts: dict[str, Any], mail: Mail, values: dict[str, Any]) -> tuple[str, str]:
    """Subject and body: those of the record's text, and of the occasion around them unless it is its own."""
    part = texts[mail.template]
    subject, body = part["subject"].format(**values), part["body"].format(**values)
    frame = texts["occasions"].get(mail.occasion)
    if frame is None or mail.template == "not_opened":
        return subject, body
    inner = {**values, "subject": subject, "body": body}
    return frame["subject"].format(**inner), frame["body"].format(**inner)


def _moment(texts: dict[str, Any], moment: datetime) -> str:
    """To the minute, and rather early than late."""
    values = {"day": moment.day, "month": texts["months"][moment.month - 1], "year": moment.year}
    return str(texts["moment"].format(time=f"{moment:%H:%M}", **values))


def _header_text(text: str) -> str:
    """One line of plain text. EmailMessage decodes what looks like an encoded word even in a value that it is given,
    with the line breaks in it, so nothing may look like one."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.replace("=?", "= ?").split())


def _one_address(text: str) -> Address:
    """Raises ValueError for what is not one bare address: a list or a comment would send the link elsewhere too."""
    address = Address(addr_spec=text)
    if address.addr_spec != text:
        raise ValueError("This is no plain address.")
    return address


def _check_headers(message: EmailMessage) -> None:
    """Raises ValueError if the message, written out, is read with other headers than it was given."""
    read = message_from_bytes(message.as_bytes())
    if read.keys() != message.keys() or read.get_payload(decode=True) != message.get_payload(decode=True):
        raise ValueError("The headers do not stay as they are.")


def _language(wanted: str) -> str:
    primary = wanted.partition("-")[0].lower()
    return primary if primary in _LANGUAGES else "en"


@cache
def _texts(language: str) -> dict[str, Any]:
    text = (files("ledger_service") / "mail_texts" / f"{language}.json").read_text("utf-8")
    return dict(json.loads(text))
