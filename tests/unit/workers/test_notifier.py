"""Messages to consumers whose addresses or texts are made to break them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest
from sqlmodel import Session, select

from ledger_service.clock import FixedClock
from ledger_service.store.database import Database
from ledger_service.store.mails import add_mail
from ledger_service.store.tables import Account, CaseRow, Mail
from ledger_service.workers import notifier as module
from ledger_service.workers.notifier import Notifier

_ADDRESS = "0x" + "11" * 20
_LINK = "https://returns.example/s#token"


class Outbox:
    """Keeps what was sent, as the bytes that a server would get."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, _mail_id: int, message: EmailMessage) -> None:
        self.sent.append(message.as_bytes())


class Mails:
    """An installation's mails, with what its consumers gave as their names and addresses."""

    def __init__(self, database: Database) -> None:
        self.clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
        settings = SimpleNamespace(mail_from="Returns <returns@ledger.example>")
        self.database, self.outbox = database, Outbox()
        app: Any = SimpleNamespace(database=database, clock=self.clock, settings=settings, wake=threading.Event())
        self.notifier = Notifier(app, self.outbox)
        self.personal: dict[str, dict[str, str]] = {}

    def add(self, address: str, *, reference: str = "R-1", merchant: str = "Shop", template: str = "opened") -> None:
        case_id = f"0x{len(self.personal):064x}"
        self.personal[case_id] = {"consumer.email": address, "consumer.name": "Ann"}
        with self.database.write() as session:
            account = Account(name=merchant, role="merchant", address=_ADDRESS, api_key_hash=case_id, created_at=0)
            session.add(account)
            session.flush()
            assert account.id is not None
            session.add(_case(case_id, account.id, reference))
            session.flush()
            add_mail(session, case_id=case_id, template=template, position=0, due_at=self.clock.seconds())

    def rows(self) -> list[Mail]:
        with self.database.read() as session:
            return list(session.exec(select(Mail)))


def _case(case_id: str, account: int, reference: str) -> CaseRow:
    return CaseRow(
        case_id=case_id,
        account_id=account,
        merchant=_ADDRESS,
        carrier=_ADDRESS,
        warehouse=_ADDRESS,
        inspector=_ADDRESS,
        consumer=_ADDRESS,
        reference=reference,
        policy="eu-14",
        policy_id="0x",
        mode="none",
        currency="GBP",
        refund_minor=1_250,
        freight_minor=0,
        reserve_minor=0,
        token=_ADDRESS,
        language="en",
        terms="{}",
        opened_at=0,
    )


@pytest.fixture
def mails(database: Database, monkeypatch: pytest.MonkeyPatch) -> Mails:
    mails = Mails(database)

    def personal(_app: object, _session: Session, case_id: str) -> dict[str, str]:
        return mails.personal[case_id]

    monkeypatch.setattr(module, "opening_fields", personal)
    monkeypatch.setattr(module, "issue_link", lambda *_: (_LINK, "jti"))
    monkeypatch.setattr(module, "last_window_ends", lambda *_: 0)
    return mails


@pytest.mark.parametrize(
    "address", ["=?utf-8?q?a=0Ab?=@b", "a\x00|@[", "a@[", "\ud800@b", "a@b\n", "a@b, c@d", "a@b (c)", "<a@b>", ""]
)
def test_a_mail_that_cannot_be_made_is_deferred_and_the_next_is_sent(mails: Mails, address: str) -> None:
    mails.add(address, merchant="Odd shop")
    mails.add("ann@example.com")
    mails.notifier.step()
    odd, good = mails.rows()
    assert (odd.sent_at, odd.attempts) == (None, 1)
    assert odd.due_at > mails.clock.seconds()
    assert (odd.last_error or "").isidentifier()
    assert good.sent_at == mails.clock.seconds()
    assert len(mails.outbox.sent) == 1
    assert b"\nTo: ann@example.com\n" in mails.outbox.sent[0]


@pytest.mark.parametrize("template", ["opened", "refunded"])
@pytest.mark.parametrize(
    "text",
    [
        "=?utf-8?q?x=0A=0APay_at_https://evil.example?=",
        "=?utf-8?q?x=0D=0ABcc:_c@evil.example?= =?utf-8?b?Cgp4?=",
        "==?utf-8?q??utf-8?q?x=0A=0Ay?=",
        "ü =?utf-8?q?x=0A=0APay?= " + 30 * "ü ",
        "x\n\nPay at",
        "x\r\nBcc: c@evil.example",
        "x\x01\x85\u2028y",
    ],
)
def test_no_text_of_a_merchant_adds_a_header_or_a_body(mails: Mails, text: str, template: str) -> None:
    mails.add("ann@example.com", reference=text, merchant=text, template=template)
    mails.notifier.step()
    (sent,) = mails.outbox.sent
    _, _, body = sent.partition(b"\n\n")
    read = message_from_bytes(sent, policy=policy.default)
    assert read.keys() == [
        *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    ]
    assert all(line.isprintable() for line in str(read["Subject"]).splitlines())
    assert len(str(read["Subject"]).splitlines()) == 1
    assert body.startswith(b"Hello Ann,\n\n")
    assert [str(to) for to in read["To"].addresses] == ["ann@example.com"]


def test_a_message_that_breaks_its_headers_is_not_sent(mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_header_text", str)
    mails.add("ann@example.com", reference="=?utf-8?q?x=0A=0APay_at_https://evil.example?=")
    mails.notifier.step()
    assert mails.outbox.sent == []
    (row,) = mails.rows()
    assert (row.sent_at, row.last_error) == (None, "ValueError")
