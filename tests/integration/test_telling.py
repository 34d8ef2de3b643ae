"""Told, taken back by a reorg of a real chain, corrected, told again: by mail and by webhook."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest
from receiver import Receiver
from sqlmodel import select

from ledger_service.domain.vocabulary import Kind, Role
from ledger_service.errors import ReorgTooDeep
from ledger_service.sealing import Vault
from ledger_service.services import webhook_endpoints
from ledger_service.services.webhook_endpoints import EndpointInput
from ledger_service.store.mails import add_mail
from ledger_service.store.tables import Account
from ledger_service.store.telling import DEEPEST
from ledger_service.webhook_sending import WebhookSender
from ledger_service.workers import notifier as notifier_module
from ledger_service.workers.indexer import Indexer
from ledger_service.workers.notifier import Notifier
from ledger_service.workers.rebuilding import rebuild
from ledger_service.workers.telling import GRACE, Teller
from ledger_service.workers.webhooks_out import Deliverer

from .cases import Case
from .conftest import Ledger
from .test_faults import Undo, _is_read, reorg

__all__ = ["reorg"]  # a fixture


class Told:
    """A shop with a server and a consumer with a mail box."""

    def __init__(self, ledger: Ledger, receiver: Receiver) -> None:
        self.ledger, self.receiver = ledger, receiver
        self.mails: list[EmailMessage] = []
        settings = SimpleNamespace(
            webhooks_private=True, confirmations_needed=0, finality_blocks=64, mail_from="r@ledger.example"
        )
        self.app: Any = SimpleNamespace(
            database=ledger.database,
            clock=ledger.clock,
            settings=settings,
            wake=threading.Event(),
            vault=Vault(b"k" * 32),
        )
        self.teller, self.notifier = Teller(self.app), Notifier(self.app, self)
        with ledger.database.read() as session:
            account = session.exec(select(Account)).one()
        made = webhook_endpoints.create_endpoint(
            self.app, account, EndpointInput(url=receiver.url, types=["milestone.recorded", "milestone.moved_back"])
        )
        self.secret: str = made["secret"]

    def send(self, _mail_id: int, message: EmailMessage) -> None:
        self.mails.append(message)

    def case(self) -> Case:
        case = self.ledger.book.open()
        with self.ledger.database.write() as session:
            add_mail(session, case_id=case.id, template="opened", position=0, due_at=self.ledger.clock.seconds())
        return case

    def tell(self) -> None:
        while self.teller.step():
            pass
        while self.notifier.step():
            pass
        deliverer = Deliverer(self.app, WebhookSender(private=True))
        while deliverer.step() or deliverer.under_way:
            pass
        deliverer.stop()

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]).partition(" RMA")[0] for mail in self.mails]

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What was told of records of a kind."""
        return [body for body in self.receiver.bodies(self.secret) if body["data"]["kind"] == kind]

    @property
    def indexer(self) -> Indexer:
        ledger = self.ledger
        return Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id)

    def read_on(self) -> None:
        """The indexer alone: nothing is sent again."""
        self.indexer.step()


@pytest.fixture
def told(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    person = {"consumer.email": "ann@example.com", "consumer.name": "Ann"}
    monkeypatch.setattr(notifier_module, "opening_fields", lambda *_: person)
    monkeypatch.setattr(notifier_module, "issue_link", lambda *_: ("https://returns.example/s#token", "jti"))
    monkeypatch.setattr(notifier_module, "last_window_ends", lambda *_: 0)
    receiver = Receiver()
    yield Told(ledger, receiver)
    receiver.close()


def test_record_that_a_reorg_moves_is_told_with_its_new_head_and_to_the_consumer_once(told: Told, reorg: Undo) -> None:
    ledger, case = told.ledger, told.case()
    ledger.run_until(ledger.book.settled)
    reorg.mark()
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    ledger.run_until(lambda: _is_read(ledger))
    told.tell()
    (first,) = told.events("authorised")
    reorg.undo()
    told.read_on()
    told.tell()
    ledger.world.chain.advance(30)  # mined in the same second, it would be the very same record
    ledger.run_until(lambda: _is_read(ledger), seconds=60)
    told.tell()
    ledger.world.chain.advance(GRACE + 1)
    told.tell()
    _, second = told.events("authorised")
    assert second["type"] == "milestone.recorded"
    assert second["data"]["replaces"] == first["data"]["head"] != second["data"]["head"]
    assert told.subjects == ["Your return", "Please send your return"]
    assert Counter(got.event_id for got in told.receiver.got).most_common(1)[0][1] == 1


def test_record_that_stays_away_is_corrected_and_told_again_when_it_returns(told: Told, reorg: Undo) -> None:
    ledger, case = told.ledger, told.case()
    ledger.run_until(ledger.book.settled)
    reorg.mark()
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    ledger.run_until(lambda: _is_read(ledger))
    told.tell()
    reorg.undo()
    told.read_on()
    told.tell()
    ledger.world.chain.advance(GRACE + 1)
    told.read_on()
    told.tell()
    recorded, corrected = told.events("authorised")
    assert corrected["type"] == "milestone.moved_back"
    assert corrected["data"]["head"] == recorded["data"]["head"]
    assert corrected["data"]["stage"] in ("accepted", "submitted")
    assert told.subjects == ["Your return", "Please send your return", "Correction about your return"]

    ledger.run_until(lambda: _is_read(ledger), seconds=60)
    assert ledger.book.timeline(case) == ["requested", "authorised"]
    told.tell()
    assert [body["type"] for body in told.events("authorised")] == [
        *("milestone.recorded", "milestone.moved_back", "milestone.recorded"),
    ]
    assert told.subjects[3:] == ["Please send your return"]


def test_reorg_too_deep_to_be_believed_is_corrected_after_the_rebuild(told: Told, reorg: Undo) -> None:
    """Deeper than reading ever goes back by itself, and with something told since."""
    ledger, case = told.ledger, told.case()
    ledger.run_until(ledger.book.settled)
    told.tell()
    kept = Counter(got.event_id for got in told.receiver.got)
    reorg.mark()
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    ledger.run_until(lambda: _is_read(ledger))
    for _ in range(DEEPEST + 6):
        ledger.rpc.call("evm_mine")
    later = told.case()
    ledger.run_until(lambda: _is_read(ledger))
    told.tell()
    (first,) = told.events("authorised")
    reorg.undo()
    with pytest.raises(ReorgTooDeep):
        told.indexer.step()
    told.tell()
    rebuild(ledger.database, ledger.rpc, ledger.clock, told.indexer, lambda _: None)
    told.tell()
    ledger.world.chain.advance(GRACE + 1)
    told.read_on()
    told.tell()
    _, corrected = told.events("authorised")
    assert (corrected["type"], corrected["data"]["head"]) == ("milestone.moved_back", first["data"]["head"])
    assert [body["type"] for body in told.events("requested") if body["data"]["case_id"] == later.id] == [
        *("milestone.recorded", "milestone.moved_back"),
    ]
    assert told.subjects[-1] == "Correction about your return"
    assert len(told.subjects) == 4  # both openings were told, and the authorisation

    ledger.run_until(lambda: _is_read(ledger), seconds=60)
    told.tell()
    assert [body["type"] for body in told.events("authorised")] == [
        *("milestone.recorded", "milestone.moved_back", "milestone.recorded"),
    ]
    assert told.subjects[-1] == "Please send your return"
    again = Counter(got.event_id for got in told.receiver.got)
    assert {event: again[event] for event in kept} == dict.fromkeys(kept, 1)  # what the chain kept is told once


def test_refusal_is_told_with_the_contracts_reason(told: Told) -> None:
    with told.ledger.database.read() as session:
        account = session.exec(select(Account)).one()
    made = webhook_endpoints.create_endpoint(
        told.app, account, EndpointInput(url=told.receiver.url + "/refused", types=["milestone.rejected"])
    )
    case = told.case()
    record_id = told.ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT, nonce=7)
    told.ledger.run_until(told.ledger.book.settled)
    told.tell()
    told.tell()
    (got,) = [got for got in told.receiver.got if got.path.endswith("/refused")]
    body = got.verify(made["secret"])
    assert body["type"] == "milestone.rejected"
    assert body["data"]["record_id"] == record_id
    assert body["data"]["reason"] == "WrongNonce(merchant, 1, 7)"
