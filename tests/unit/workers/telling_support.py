"""A read model written by hand, and an installation that tells of it: a clock, a receiver, a mail box."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

from sqlalchemy import delete
from sqlmodel import select

from ledger_service.clock import FixedClock
from ledger_service.domain.entry import Entry
from ledger_service.domain.hashing import hex0x
from ledger_service.domain.vocabulary import Grade, Kind, Role, State
from ledger_service.sealing import Vault
from ledger_service.services import webhook_endpoints
from ledger_service.services.webhook_endpoints import EndpointInput
from ledger_service.store.database import Database
from ledger_service.store.mails import add_mail
from ledger_service.store.tables import (
    Account,
    CaseRow,
    ChainBlock,
    ChainCase,
    ChainCursor,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    Mail,
    OutboxRow,
    RecordRow,
    WebhookDelivery,
    WebhookEvent,
)
from ledger_service.webhook_sending import WebhookSender
from ledger_service.workers.telling import Teller
from ledger_service.workers.webhooks_out import Deliverer

SHOP = "0x" + "11" * 20
STRANGER = "0x" + "22" * 20
DAY = 86_400


def _hash(*parts: object) -> str:
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()


class MailBox:
    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.failure: Exception | None = None

    def send(self, _mail_id: int, message: EmailMessage) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append(message)

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.sent]


class Installation:
    """`record` puts a record on the chain, `reorg` takes blocks back."""

    def __init__(self, database: Database, *, confirmations: int = 0) -> None:
        self.database = database
        self.clock = FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
        settings = SimpleNamespace(
            webhooks_private=True, confirmations_needed=confirmations, finality_blocks=64, mail_from="r@ledger.example"
        )
        self.app: Any = SimpleNamespace(
            database=database, clock=self.clock, settings=settings, wake=threading.Event(), vault=Vault(b"k" * 32)
        )
        self.teller = Teller(self.app)
        self.fork = 0
        self.block = 0
        self.merchant = self.account("merchant", SHOP)
        self._write_block(0)

    # --- who ---------------------------------------------------------------------------------------------------------

    def account(self, role: str, address: str, name: str = "") -> Account:
        with self.database.write() as session:
            made = Account(
                name=name or f"{role} {address[-4:]}",
                role=role,
                address=address,
                api_key_hash=_hash(role, address, name),
                created_at=0,
            )
            session.add(made)
            session.flush()
        return made

    def endpoint(self, url: str, account: Account | None = None, **more: Any) -> dict[str, Any]:
        return webhook_endpoints.create_endpoint(self.app, account or self.merchant, EndpointInput(url=url, **more))

    # --- what --------------------------------------------------------------------------------------------------------

    def case(self, number: int = 1, *, merchant: str = SHOP, mail: bool = True, language: str = "en") -> str:
        case_id = f"0x{number:064x}"
        parties = dict.fromkeys(("merchant", "carrier", "warehouse", "inspector"), merchant)
        with self.database.write() as session:
            session.add(
                CaseRow(
                    **parties,
                    case_id=case_id,
                    account_id=self.merchant.id,
                    consumer=STRANGER,
                    reference=f"RMA-{number}",
                    policy="eu-14",
                    policy_id="0x",
                    mode="none",
                    currency="GBP",
                    refund_minor=1_980,
                    freight_minor=0,
                    reserve_minor=0,
                    token=STRANGER,
                    language=language,
                    terms='{"panel": 1}',
                    opened_at=0,
                )
            )
            session.flush()
            if mail:
                add_mail(session, case_id=case_id, template="opened", position=0, due_at=self.clock.seconds())
        return case_id

    def record(
        self,
        case_id: str,
        position: int,
        kind: Kind = Kind.AUTHORISED,
        role: Role = Role.MERCHANT,
        to: State = State.AUTHORISED,
        *,
        window: int = 14 * DAY,
        ours: bool = True,
        commitment: str = "",
    ) -> ChainRecord:
        """In a block of its own; the case is then where the record led to."""
        self.block += 1
        self._write_block(self.block)
        now = self.clock.seconds()
        deadline = now + window if to.is_live else 0
        entry = Entry(position, kind, role, to, deadline, now, Grade.NONE, 0, 0, 0)
        commitment = commitment or (_hash(case_id, position, kind) if ours else "0x" + "00" * 32)
        link = ChainRecord(
            case_id=case_id,
            position=position,
            kind=kind.wire,
            role=role.wire,
            actor=SHOP,
            commitment=commitment,
            entry=hex0x(entry.pack()),
            head=_hash(case_id, position, kind, self.block, self.fork),
            time=now,
            block_number=self.block,
            block_hash=_hash(self.block, self.fork),
            log_index=0,
            tx_hash=_hash("tx", self.block, self.fork),
        )
        with self.database.write() as session:
            session.add(link)
            if ours:
                self._keep(session, case_id, link.kind, link.role, commitment)
            session.merge(_chain_case(case_id, to, deadline, position + 1, self.block))
        return link

    def _keep(self, session: Any, case_id: str, kind: str, role: str, commitment: str) -> str:
        """The record that we accepted; its id."""
        record_id = "rec_" + commitment[2:14]
        if session.exec(select(RecordRow).where(RecordRow.record_id == record_id)).first() is None:
            session.add(
                RecordRow(
                    record_id=record_id,
                    case_id=case_id,
                    kind=kind,
                    role=role,
                    signer=SHOP,
                    key_holder="service",
                    canonical=b"{}",
                    commitment=commitment,
                    nonce=0,
                    valid_until=0,
                    signature=b"",
                    occurred_at=0,
                    accepted_at=0,
                    receipt="",
                )
            )
            session.flush()
        return record_id

    def refuse_opening(self, case_id: str, reason: str = "PartiesUnknown()") -> ChainRefusal:
        """In a block of its own; nothing sends it again."""
        self.block += 1
        self._write_block(self.block)
        commitment = _hash(case_id, "opening")
        refusal = ChainRefusal(
            block_number=self.block,
            log_index=0,
            case_id=case_id,
            commitment=commitment,
            reason=reason,
            tx_hash=_hash("tx", self.block, self.fork),
        )
        with self.database.write() as session:
            record = self._keep(session, case_id, "requested", "merchant", commitment)
            session.add(refusal)
            if session.exec(select(OutboxRow).where(OutboxRow.subject == record)).first() is None:
                session.add(OutboxRow(action="open", subject=record, record_id=record, created_at=0, done=True))
        return refusal

    def vote(self, case_id: str, arbitrator: str, *, round_: int = 0, share: int = 5_000) -> ChainVote:
        """In a block of its own."""
        self.block += 1
        self._write_block(self.block)
        vote = ChainVote(
            case_id=case_id,
            round=round_,
            arbitrator=arbitrator,
            share=share,
            commitment=_hash(case_id, round_, arbitrator, share),
            block_number=self.block,
            block_hash=_hash(self.block, self.fork),
            log_index=0,
            tx_hash=_hash("tx", self.block, self.fork),
        )
        with self.database.write() as session:
            session.add(vote)
        return vote

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.block += 1
            self._write_block(self.block)

    def _write_block(self, number: int) -> None:
        block_hash = _hash(number, self.fork)
        with self.database.write() as session:
            session.merge(ChainBlock(number=number, hash=block_hash, parent_hash="0x", time=0))
            session.merge(ChainCursor(id=1, block_number=number, block_hash=block_hash))

    def reorg(self, back_to: int) -> None:
        """As the indexer writes it: what stood above is gone; blocks above will have other hashes."""
        self.fork += 1
        self.block = back_to
        with self.database.write() as session:
            for number in (
                *(ChainRecord.block_number, ChainRefusal.block_number, ChainVote.block_number, ChainBlock.number),
            ):
                session.execute(delete(number.class_).where(number > back_to))
            session.execute(delete(ChainCase))
            session.merge(ChainCursor(id=1, block_number=back_to, block_hash=_hash(back_to, self.fork)))

    def pass_time(self, seconds: int) -> None:
        self.clock.move(timedelta(seconds=seconds))

    def tell(self) -> None:
        for _ in range(50):
            if not self.teller.step():
                return
        raise AssertionError("it never comes to an end")

    def deliverer(self) -> Deliverer:
        return Deliverer(self.app, WebhookSender(private=True), chance=lambda: 0.0)

    # --- what became of it -------------------------------------------------------------------------------------------

    def rows(self, table: Any) -> list[Any]:
        with self.database.read() as session:
            return list(session.exec(select(table)).all())

    def mails(self) -> list[tuple[str, str, str]]:
        """Template, occasion and state, in the order in which they are due."""
        rows = sorted(self.rows(Mail), key=lambda row: (row.due_at, row.id))
        return [(row.template, row.occasion, row.state) for row in rows]

    def events(self) -> list[str]:
        return [row.type for row in sorted(self.rows(WebhookEvent), key=lambda row: (row.created_at, row.type))]

    def deliveries(self) -> list[WebhookDelivery]:
        return sorted(self.rows(WebhookDelivery), key=lambda row: row.id or 0)


def _chain_case(case_id: str, state: State, deadline: int, length: int, block: int) -> ChainCase:
    return ChainCase(
        case_id=case_id,
        state=state.wire,
        mode="none",
        flags=0,
        grade="none",
        deadline=deadline,
        due=deadline,
        length=length,
        share=0,
        fee=0,
        nonces="[]",
        head="0x",
        merchant=SHOP,
        consumer=STRANGER,
        token=STRANGER,
        policy="0x",
        block_number=block,
    )


def settle(deliverer: Deliverer, seconds: float = 60) -> None:
    """Steps until nothing is due or under way."""
    import time

    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if not deliverer.step() and not deliverer.under_way:
            return
        time.sleep(0.002)
    raise AssertionError("deliveries do not end")
