"""Tells consumers what they would lose by not knowing: every change that starts a window of theirs, and the end."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from functools import cache
from importlib.resources import files
from typing import Any

import structlog
from sqlmodel import Session

from ..domain.disclosures import read_disclosure
from ..domain.money import to_decimal
from ..domain.times import from_chain, rfc3339
from ..mail_sending import MailSender
from ..services.accepting import case_secret
from ..services.app import App
from ..services.links import ACTING, issue_link, last_window_ends
from ..store.cases import chain_case, disclosures_of, find_case
from ..store.keys import account_by_id
from ..store.mails import add_mail, due_mails, unannounced_links
from ..store.tables import CaseRow, Mail
from .announcing import ANNOUNCED, template_of

log = structlog.get_logger()

_LANGUAGES = ("en", "de", "zh")
_AT_ONCE = 20


class Notifier:
    """`step()` makes the messages that are missing and sends those that are due."""

    def __init__(self, app: App, sender: MailSender) -> None:
        self._app = app
        self._sender = sender
        self._from_block = 0

    def step(self) -> bool:
        """Whether there was anything to do. A message that cannot be sent stays due and is tried again later."""
        made = self._make()
        with self._app.database.read() as session:
            due = due_mails(session, self._app.clock.seconds(), _AT_ONCE)
        for mail in due:
            self._send(mail)
        return made or bool(due)

    def _make(self) -> bool:
        with self._app.database.read() as session:
            links = unannounced_links(session, ANNOUNCED, self._from_block)
            chosen = [(link, template_of(session, link)) for link in links]
        wanted = [(link, template) for link, template in chosen if template is not None]
        if wanted:
            with self._app.database.write() as session:
                now = self._app.clock.seconds()
                for link, template in wanted:
                    add_mail(session, case_id=link.case_id, template=template, position=link.position, due_at=now)
        self._from_block = max((link.block_number for link in links), default=self._from_block)
        return bool(wanted)

    def _send(self, mail: Mail) -> None:
        """Whatever goes wrong concerns this message alone: left due, it would keep all later ones from being sent."""
        try:
            with self._app.database.write() as session:
                message = self._render(session, mail)
            if message is not None:
                self._sender.send(mail.id or 0, message)
            error = None
        except Exception as failure:  # noqa: BLE001 - what an odd address or name makes the library raise has no end
            error = type(failure).__name__  # its text may hold the address
            log.warning("mail.not_sent", mail=mail.id, case_id=mail.case_id, error=error)
        now = self._app.clock.seconds()
        with self._app.database.write() as session:
            row = session.get_one(Mail, mail.id)
            row.attempts += 1
            row.last_error = error
            row.sent_at = now if error is None else None
            row.due_at = row.due_at if error is None else now + min(60 * 2**row.attempts, 6 * 3_600)
            session.add(row)

    def _render(self, session: Session, mail: Mail) -> EmailMessage | None:
        """The message, with a fresh link; None where the consumer has no address any more."""
        case = find_case(session, mail.case_id)
        if case is None:
            return None
        personal = _personal(self._app, session, case)
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
        current = chain is not None and chain.length <= mail.position + 2
        deadline = chain.due if chain is not None and current else 0
        return self._message(mail, case.language, str(address), url, values, deadline)

    def _message(
        self, mail: Mail, language: str, address: str, url: str, values: dict[str, Any], deadline: int
    ) -> EmailMessage:
        texts = _texts(_language(language))
        part = texts[mail.template]
        greeting = texts["greeting"] if values["name"] else texts["greeting_unnamed"]
        lines = [greeting.format(**values), "", part["body"].format(**values)]
        if deadline:
            lines.append(texts["deadline"].format(deadline=rfc3339(from_chain(deadline))))
        lines += ["", texts["follow"], "", url, "", texts["footer"].format(**values), ""]
        message = EmailMessage()
        message["Subject"] = _header_text(part["subject"].format(**values))
        message["From"] = self._app.settings.mail_from
        message["To"] = _one_address(address)
        message["Date"] = format_datetime(self._app.clock.now())
        message["Message-ID"] = make_msgid(f"mail-{mail.id}", domain="ledger.invalid")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join(lines), cte="8bit")
        _check_headers(message)
        return message


def _personal(app: App, session: Session, case: CaseRow) -> dict[str, Any]:
    secret = case_secret(app, session, case.case_id)
    if secret is None:
        return {}
    opened = (app.vault.open(secret, row.digest, row.sealed) for row in disclosures_of(session, case.case_id))
    disclosures = [read_disclosure(encoded.decode()) for encoded in opened]
    return {disclosure.name: disclosure.value for disclosure in disclosures}


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
