"""What the chain's word does to the outbox: a refusal counts once everything is done that its row was to follow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import select

from ledger_service.domain.hashing import hex0x, word
from ledger_service.store.cases import enqueue
from ledger_service.store.database import Database
from ledger_service.store.judged import Ending, clear_leftovers, set_refused
from ledger_service.store.outbox import acts_waiting, openings_waiting, votes_waiting, waiting
from ledger_service.store.tables import (
    Account,
    CaseRow,
    ChainEvent,
    ChainPanel,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    OutboxRow,
    RecordRow,
    TransactionRow,
    VoteRow,
)

_CASE, _ADDRESS, _TX, _SENT_AT = "0x01", "0x" + "22" * 20, "0xtx", 7
_POLICY, _PARTIES, _PANEL = "0x" + "aa" * 32, "0x" + "bb" * 32, "0x" + "cc" * 32
_TERMS = {"policy": _POLICY, "parties": _PARTIES, "panel": 3}
_REFUSED_AT = 10  # block


class Book:
    """Accepts things into one case, and says of them what a chain would."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as session:
            session.add(Account(name="Shop", role="merchant", address=_ADDRESS, api_key_hash="x", created_at=0))
            session.add(
                TransactionRow(tx_hash=_TX, root=_TX, writer="w", nonce=0, raw=b"", gas_price=1, created_at=_SENT_AT)
            )
            session.flush()
            session.add(_case())

    def ask(self, action: str, subject: str) -> str:
        with self.database.write() as session:
            enqueue(session, action, subject, 0, case_id=_CASE if action == "poke" else None)
        return subject

    def accept(self, action: str, name: str) -> str:
        with self.database.write() as session:
            session.add(_vote(name) if action == "vote" else _record(name, "requested" if action == "open" else name))
            session.flush()
            enqueue(session, action, name, 0, case_id=_CASE, record_id=name)
        return name

    def refuse(self, name: str, block: int = _REFUSED_AT) -> bool:
        """The chain says no to what our transaction carried; whether that is for good."""
        with self.database.write() as session:
            row = session.exec(select(OutboxRow).where(OutboxRow.subject == name)).one()
            row.tx_hash = _TX
            session.add(row)
            place = {"block_number": block, "log_index": len(session.exec(select(ChainRefusal)).all())}
            session.add(ChainRefusal(case_id=_CASE, commitment=_commitment(name), reason="No()", tx_hash=_TX, **place))
            session.flush()
            set_refused(session, [_commitment(name)])
            clear_leftovers(session, [_TX])
        return self.is_done(name)

    def show(self, *rows: Any, done: str = "") -> None:
        """What else the chain has by then."""
        with self.database.write() as session:
            session.add_all(rows)
            for row in session.exec(select(OutboxRow).where(OutboxRow.subject == done)):
                row.done = True
                session.add(row)

    def is_done(self, name: str) -> bool:
        with self.database.read() as session:
            row = session.exec(select(OutboxRow).where(OutboxRow.subject == name)).one()
        assert row.done or row.tx_hash is None, "It is not over, and nobody sends it."
        return row.done

    def waiting(self) -> list[str]:
        """What would be sent now."""
        with self.database.read() as session:
            found = [row.subject for row, _, _ in openings_waiting(session, 9)]
            found += [row.record_id for row in acts_waiting(session, 9)]
            return found + [row.subject for row, _ in votes_waiting(session, 9)]


def _commitment(name: str) -> str:
    return hex0x(word(int.from_bytes(name.encode(), "big")))


def _case() -> CaseRow:
    roles: dict[str, Any] = dict.fromkeys(
        ("merchant", "carrier", "warehouse", "inspector", "consumer", "token"), _ADDRESS
    )
    words: dict[str, Any] = {"reference": "R", "policy": "eu-14", "policy_id": _POLICY, "mode": "none"}
    sums: dict[str, Any] = {"refund_minor": 1, "freight_minor": 0, "reserve_minor": 0, "opened_at": 0}
    about: dict[str, Any] = {"currency": "GBP", "language": "en", "terms": json.dumps(_TERMS)}
    return CaseRow(case_id=_CASE, account_id=1, **roles, **words, **sums, **about)


def _signed(name: str) -> dict[str, Any]:
    signed = {"signature": bytes(65), "canonical": b"{}", "receipt": "", "key_holder": "service"}
    moments = {"valid_until": 2**31, "occurred_at": 0, "accepted_at": 0}
    return {"case_id": _CASE, "commitment": _commitment(name), **signed, **moments}


def _record(name: str, kind: str) -> RecordRow:
    return RecordRow(record_id=name, kind=kind, role="merchant", signer=_ADDRESS, nonce=0, **_signed(name))


def _vote(name: str) -> VoteRow:
    return VoteRow(vote_id=name, round=0, arbitrator=_ADDRESS, share=0, **_signed(name))


def _link(name: str, block: int, *, position: int = 1, kind: str = "", commitment: str = "") -> ChainRecord:
    place = {"block_number": block, "block_hash": "0x", "log_index": 0, "tx_hash": "0x"}
    words = {"kind": kind or name, "role": "merchant", "actor": _ADDRESS, "entry": "0x", "head": "0x"}
    return ChainRecord(
        case_id=_CASE, position=position, commitment=commitment or _commitment(name), time=0, **words, **place
    )


def _refusal(name: str, block: int) -> ChainRefusal:
    place = {"block_number": block, "log_index": 0}
    return ChainRefusal(case_id=_CASE, commitment=_commitment(name), reason="No()", tx_hash=_TX, **place)


def _event(name: str, args: dict[str, Any], block: int) -> ChainEvent:
    place = {"block_number": block, "block_hash": "0x", "log_index": 1, "tx_hash": "0x"}
    return ChainEvent(contract="ReturnLedger", name=name, args=json.dumps(args), **place)


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database)


# What goes before, and how the chain shows it in a block.
_BEFORE: dict[str, tuple[tuple[str, str], Any]] = {
    "act": (("act", "first"), lambda block: _link("first", block)),
    "opening": (("open", "first"), lambda block: _link("first", block, kind="requested")),
    "vote": (
        ("vote", "first"),
        lambda block: ChainVote(
            case_id=_CASE,
            round=0,
            arbitrator=_ADDRESS,
            share=0,
            commitment=_commitment("first"),
            block_number=block,
            block_hash="0x",
            log_index=0,
            tx_hash="0x",
        ),
    ),
    "poke": (("poke", f"{_CASE}:4"), lambda block: _link("lapsed", block, position=4, commitment="0x00")),
}
_NAMED: dict[str, tuple[tuple[str, str], Any]] = {
    "policy": (("register_policy", _POLICY), lambda at: _event("PolicyRegistered", {"policy": _POLICY}, at)),
    "parties": (("register_parties", _PARTIES), lambda at: _event("PartiesRegistered", {"parties": _PARTIES}, at)),
    "panel": (("register_panel", _PANEL), lambda at: _event("PanelRegistered", {"version": 3}, at)),
}
_FOLLOWING = [("act", before) for before in _BEFORE.values()] + [("vote", _BEFORE["act"])]
_FOLLOWING += [("open", before) for before in _NAMED.values()]


def _first(book: Book, action: str, subject: str) -> str:
    return book.accept(action, subject) if action in ("open", "act", "vote") else book.ask(action, subject)


@pytest.mark.parametrize(("action", "before"), _FOLLOWING)
def test_a_refusal_ahead_of_its_turn_is_sent_again_once_what_goes_before_is_done(
    book: Book, action: str, before: tuple[tuple[str, str], Any]
) -> None:
    first = _first(book, *before[0])
    book.accept(action, "second")
    assert not book.refuse("second")
    assert "second" not in book.waiting()
    book.show(before[1](_REFUSED_AT + 1), done=first)
    assert book.waiting() == ["second"]
    assert book.refuse("second") is False, "Both refusals are before what it follows."


@pytest.mark.parametrize(("action", "before"), _FOLLOWING)
@pytest.mark.parametrize(("block", "is_over"), [(_REFUSED_AT - 1, True), (_REFUSED_AT + 1, False)])
def test_of_what_is_read_at_once_the_chain_s_order_decides(
    book: Book, action: str, before: tuple[tuple[str, str], Any], block: int, is_over: bool
) -> None:
    first = _first(book, *before[0])
    book.accept(action, "second")
    book.show(before[1](block), done=first)
    assert book.refuse("second") is is_over


def test_other_cases_do_not_wait(book: Book) -> None:
    """Only what is of the same case as something that was refused goes strictly in turn."""
    first = book.accept("act", "first")
    book.accept("act", "second")
    with book.database.write() as session:
        session.add(ChainRefusal(block_number=9, log_index=0, case_id="0x02", commitment="0x", reason="", tx_hash=_TX))
    assert book.waiting() == ["first", "second"]
    book.refuse("second")
    assert book.waiting() == [first]


def test_a_refusal_with_nothing_before_it_is_for_good_whatever_comes_after(book: Book) -> None:
    book.accept("act", "first")
    book.accept("act", "second")
    book.ask("register_panel", _PANEL)
    assert book.refuse("first")
    assert book.refuse("second")
    assert book.waiting() == []


def test_another_panel_registered_later_brings_no_opening_back(book: Book) -> None:
    """Read at once, as a rebuild does: the panel that the opening names was there when it was refused."""
    first = book.ask("register_panel", _PANEL)
    book.accept("open", "second")
    named, another = ({"version": version} for version in (3, 30))
    book.show(
        _event("PanelRegistered", named, _REFUSED_AT - 1),
        _event("PanelRegistered", another, _REFUSED_AT + 1),
        done=first,
    )
    assert book.refuse("second")


def test_second_refusal_of_what_is_recorded_takes_nothing_back(book: Book) -> None:
    first, second = book.accept("act", "first"), book.accept("act", "second")
    book.show(_link(first, _REFUSED_AT - 1), done=first)
    book.show(_refusal(first, _REFUSED_AT + 1))
    assert book.refuse(second)


def test_second_refusal_of_what_was_refused_for_good_takes_nothing_back(book: Book) -> None:
    first, second, third = (book.accept("act", name) for name in ("first", "second", "third"))
    assert book.refuse(first, _REFUSED_AT - 2)
    assert book.refuse(second, _REFUSED_AT - 1)
    book.show(_refusal(first, _REFUSED_AT + 1), _refusal(second, _REFUSED_AT + 2))
    assert book.refuse(third)


def test_what_was_refused_too_early_at_first_counts_where_it_was_refused_for_good(book: Book) -> None:
    first, second, third = (book.accept("act", name) for name in ("first", "second", "third"))
    book.show(_refusal(second, _REFUSED_AT - 2))  # ahead of the first
    book.show(_link(first, _REFUSED_AT - 1), done=first)
    assert book.refuse(second, _REFUSED_AT + 1)
    assert not book.refuse(third), "It was refused between the two refusals of the second."


def test_what_was_refused_before_and_is_overtaken_now_is_not_over(book: Book) -> None:
    """Its old refusal came too early, and what it follows has been done since."""
    first, second = book.accept("act", "first"), book.accept("act", "second")
    book.refuse(second)
    book.show(_link("first", _REFUSED_AT + 1), done=first)
    with book.database.write() as session:
        for row in session.exec(select(OutboxRow).where(OutboxRow.subject == second)):
            row.tx_hash = _TX
            session.add(row)
        session.flush()
        assert clear_leftovers(session, [_TX], Ending.OVERTAKEN).requeued == 1
    assert book.waiting() == [second]


@pytest.mark.parametrize("ending", [Ending.OVERTAKEN, Ending.UNDONE])
def test_an_old_refusal_does_not_end_what_was_not_judged_again(book: Book, ending: Ending) -> None:
    """Nobody would be told: who tells of refusals is long past it. What it followed may just be gone by now."""
    first = book.ask("poke", f"{_CASE}:4")
    second = book.accept("act", "second")
    assert not book.refuse(second)
    with book.database.write() as session:
        for row in session.exec(select(OutboxRow)):
            if row.subject == first:
                session.delete(row)  # refused as well, and not due any more
            else:
                row.tx_hash = _TX
                session.add(row)
        session.flush()
        assert clear_leftovers(session, [_TX], ending).requeued == 1
    assert not book.is_done(second)
    assert book.refuse(second, _REFUSED_AT + 5)


@pytest.mark.parametrize("action", ["register_policy", "register_parties", "register_panel"])
def test_registration_that_is_undone_waits_a_while(book: Book, action: str) -> None:
    """It went alone: sent again at once, it would be undone once more, and paid for."""
    book.ask(action, _PARTIES)
    with book.database.write() as session:
        for row in session.exec(select(OutboxRow)):
            row.tx_hash = _TX
            session.add(row)
        session.flush()
        assert clear_leftovers(session, [_TX], Ending.UNDONE).requeued == 1
    with book.database.read() as session:
        sent_again = [len(waiting(session, action, 9, now)) for now in (_SENT_AT, _SENT_AT + 59, _SENT_AT + 60)]
    assert sent_again == [0, 0, 1]


_OTHERS = "0x" + "dd" * 32


@pytest.mark.parametrize("sent_by", [None, "another account"])
def test_registration_of_parties_holds_up_only_what_names_them(book: Book, sent_by: str | None) -> None:
    book.ask("register_parties", _OTHERS)
    book.accept("open", "second")
    with book.database.write() as session:
        for row in session.exec(select(OutboxRow).where(OutboxRow.subject == _OTHERS)):
            row.tx_hash, row.writer = (_TX, sent_by) if sent_by else (None, None)
            session.add(row)
    assert book.waiting() == ["second"]
    book.ask("register_parties", _PARTIES)
    assert book.waiting() == []


def test_registration_of_a_panel_holds_up_only_what_has_none_yet(book: Book) -> None:
    """One that was refused, since the chain did not know its panel: the one that is being registered can become it."""
    book.ask("register_panel", _PANEL)
    book.accept("open", "second")
    assert not book.refuse("second")
    assert book.waiting() == []
    alone = {"arbitrators": "[]", "threshold": 1, "appeal_panel": 0, "fallback_panel": 0, "fee": 0}
    book.show(ChainPanel(version=3, block_number=_REFUSED_AT + 1, tx_hash="0x", **alone))
    assert book.waiting() == ["second"]
    assert book.refuse("second", _REFUSED_AT + 2)


@pytest.mark.parametrize(("ending", "waits"), [(Ending.MINED, False), (Ending.OVERTAKEN, True)])
def test_a_poke_that_the_chain_has_not_seen_is_sent_again(book: Book, ending: Ending, waits: bool) -> None:
    """One that it refused is asked for again by whoever finds it due."""
    book.ask("poke", f"{_CASE}:4")
    with book.database.write() as session:
        for row in session.exec(select(OutboxRow)):
            row.tx_hash = _TX
            session.add(row)
        session.flush()
        clear_leftovers(session, [_TX], ending)
        kept = session.exec(select(OutboxRow.tx_hash)).all()
    assert kept == ([None] if waits else [])
