"""Which records a consumer is told about, and by which text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from sqlmodel import Session

from ledger_service.domain.entry import Entry
from ledger_service.domain.hashing import hex0x
from ledger_service.domain.vocabulary import Grade, Kind, Role, State
from ledger_service.store.database import Database
from ledger_service.store.tables import ChainEvent, ChainRecord
from ledger_service.workers.announcing import ANNOUNCED, template_of

CASE = "0x" + "5a" * 32
BLOCK: dict[str, Any] = {"block_number": 1, "block_hash": "0x" + "bb" * 32, "tx_hash": "0x" + "cc" * 32}
NONE, CONSUMER, MERCHANT, CARRIER, PANEL = Role.NONE, Role.CONSUMER, Role.MERCHANT, Role.CARRIER, Role.PANEL


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.write() as session:
        yield session


def link(session: Session, position: int, kind: Kind, role: Role, to: State, *, noticed: bool = False) -> ChainRecord:
    """A record on the chain that led to this state; with `noticed` it waits out a notice."""
    entry = Entry(position, kind, role, to, 0, 0, Grade.NONE, 0, 0, 0)
    row = ChainRecord(
        case_id=CASE,
        position=position,
        kind=kind.wire,
        role=role.wire,
        actor="0x" + "11" * 20,
        commitment="0x" + f"{position + 1:064x}",
        entry=hex0x(entry.pack()),
        head="0x" + "00" * 32,
        time=0,
        log_index=position,
        **BLOCK,
    )
    session.add(row)
    if noticed:
        args = json.dumps({"caseId": CASE, "commitment": row.commitment, "effectiveAt": 1})
        session.add(
            ChainEvent(
                log_index=100 + position, contract="ReturnLedger", name="NoticeGiven", case_id=CASE, args=args, **BLOCK
            )
        )
    session.flush()
    return row


@pytest.mark.parametrize(
    ("kind", "role", "to", "noticed", "template"),
    [
        (Kind.AUTHORISED, MERCHANT, State.AUTHORISED, False, "authorised"),
        (Kind.EXCHANGE_DELIVERED, CARRIER, State.DELIVERED, False, "exchange_delivered"),
        (Kind.REFUNDED, MERCHANT, State.REFUNDED, False, "refunded"),
        (Kind.SETTLED, NONE, State.SETTLED, False, "settled"),
        (Kind.CANCELLED, CONSUMER, State.CLOSED, False, "closed"),
        (Kind.CANCELLED, CONSUMER, State.AUTHORISED, True, "notice"),
        (Kind.CANCELLED, NONE, State.CLOSED, False, "closed"),
        (Kind.ACCEPTED, CONSUMER, State.INSPECTED, True, "notice"),
        (Kind.ACCEPTED, CONSUMER, State.SETTLED, False, None),
        (Kind.ACCEPTED, NONE, State.PAYABLE, False, None),
        (Kind.KEY_BOUND, CONSUMER, State.INSPECTED, True, "notice"),
        (Kind.KEY_BOUND, CONSUMER, State.INSPECTED, False, None),
        (Kind.DISPUTED, MERCHANT, State.DISPUTED, False, "disputed_by_merchant"),
        (Kind.DISPUTED, NONE, State.DISPUTED, False, "disputed"),
        (Kind.DISPUTED, CONSUMER, State.DISPUTED, False, None),
        (Kind.RULED, PANEL, State.RULED, False, "ruled"),
        (Kind.RULED, PANEL, State.PAYABLE, False, "decided"),
        (Kind.RULED, NONE, State.PAYABLE, False, "decided"),
        (Kind.RULED, PANEL, State.SETTLED, False, None),  # the settlement says it
        (Kind.APPEALED, MERCHANT, State.DISPUTED, False, "appealed"),
        (Kind.APPEALED, CONSUMER, State.DISPUTED, False, None),
        (Kind.EXCHANGE_AGREED, MERCHANT, State.INSPECTED, False, "exchange_offered"),
        (Kind.EXCHANGE_AGREED, CONSUMER, State.INSPECTED, True, "notice"),
        (Kind.SPLIT, MERCHANT, State.INSPECTED, False, "split_offered"),
        (Kind.SPLIT, MERCHANT, State.INSPECTED, True, "notice"),
        (Kind.SPLIT, MERCHANT, State.SETTLED, False, None),
    ],
)
def test_template_of_a_record(
    session: Session, kind: Kind, role: Role, to: State, noticed: bool, template: str | None
) -> None:
    assert template_of(session, link(session, 3, kind, role, to, noticed=noticed)) == template
    assert kind.wire in ANNOUNCED


def test_claims_stated_anew_are_not_announced(session: Session) -> None:
    link(session, 3, Kind.DISPUTED, CONSUMER, State.DISPUTED)
    assert template_of(session, link(session, 4, Kind.DISPUTED, MERCHANT, State.DISPUTED)) is None
    assert template_of(session, link(session, 5, Kind.DISPUTED, NONE, State.DISPUTED)) is None


def test_turn_to_the_fallback_panel_after_a_challenge_is_not_announced(session: Session) -> None:
    link(session, 3, Kind.CHALLENGED, CONSUMER, State.DISPUTED)
    assert template_of(session, link(session, 4, Kind.DISPUTED, NONE, State.DISPUTED)) is None


@pytest.mark.parametrize("language", ["en", "de", "zh", "ar"])
def test_every_template_has_its_text(language: str) -> None:
    texts = json.loads((files("ledger_service") / "mail_texts" / f"{language}.json").read_text("utf-8"))
    named = {"opened", "closed", "notice", "ruled", "decided", "appealed", "exchange_offered", "split_offered"}
    named |= {"not_opened"}
    named |= {"disputed", "disputed_by_merchant", "exchange_delivered", "refunded", "settled", "inspected", "declined"}
    assert all(set(texts[name]) == {"subject", "body"} for name in named)
