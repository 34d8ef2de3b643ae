"""What else businesses are told, and how it is taken back: that a record is final, how a case ended, who voted."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from receiver import Receiver
from sqlalchemy import delete
from sqlmodel import col

from ledger_service.domain.vocabulary import Kind, Role, State
from ledger_service.store.tables import ChainPanel, TellingCursor, WebhookEvent
from ledger_service.workers import telling
from ledger_service.workers.telling import GRACE

from .telling_support import Installation
from .test_webhooks_out import FINAL, MOVED_BACK, RECORDED, deliver, home, receiver

__all__ = ["home", "receiver"]  # fixtures

_PANEL = {"appeal_panel": 0, "fallback_panel": 0, "fee": 0, "block_number": 0, "tx_hash": "0x"}

# --- what was final --------------------------------------------------------------------------------------------------


def test_whatever_was_told_of_a_head_that_is_gone_is_corrected(home: Installation, receiver: Receiver) -> None:
    """Also that it was final, and what became of the money: a deep reorg can undo that."""
    secret = home.endpoint(receiver.url)["secret"]
    home.mine(5)
    link = home.record(home.case(), 5, Kind.SETTLED, Role.NONE, State.SETTLED, ours=False)
    home.mine(5)
    home.tell()
    assert Counter(home.events()) == {RECORDED: 1, FINAL: 1, "case.settled": 1}
    home.reorg(5)
    home.mine(8)
    home.tell()
    home.pass_time(GRACE)
    home.tell()
    deliver(home)
    corrected = [body["data"] for body in receiver.bodies(secret) if body["type"] == MOVED_BACK]
    told = {row.id for row in home.rows(WebhookEvent) if row.type != MOVED_BACK}
    assert {data["corrects"] for data in corrected} == told
    assert len(corrected) == 3
    assert {(data["head"], data["stage"]) for data in corrected} == {(link.head, None)}


def test_final_record_that_comes_back_is_final_once_more(home: Installation, receiver: Receiver) -> None:
    home.endpoint(receiver.url, types=[FINAL, MOVED_BACK])
    case = home.case()
    home.mine(5)
    home.record(case, 1)
    home.mine(5)
    home.tell()
    fork = home.fork
    home.reorg(5)
    home.mine(8)
    home.tell()
    home.pass_time(GRACE)
    home.tell()
    home.reorg(5)
    home.fork = fork
    home.pass_time(-GRACE)
    home.record(case, 1)
    home.mine(5)
    home.tell()
    assert Counter(home.events()) == {FINAL: 2, MOVED_BACK: 1}


def test_final_record_that_went_to_and_fro_leaves_the_last_word_to_the_chain(
    home: Installation, receiver: Receiver
) -> None:
    secret = home.endpoint(receiver.url, types=[FINAL, MOVED_BACK])["secret"]
    case = home.case()
    home.mine(5)
    first, fork = home.record(case, 1), home.fork
    home.mine(5)
    home.tell()
    home.reorg(5)
    second = home.record(case, 1)
    home.mine(6)
    home.tell()
    home.reorg(5)
    home.fork = fork
    home.record(case, 1)
    home.mine(8)
    home.tell()
    home.pass_time(GRACE)
    home.tell()
    deliver(home)
    heads = Counter(body["data"]["head"] for body in receiver.bodies(secret))
    assert heads == {first.head: 2, second.head: 1}
    rows = sorted(home.rows(WebhookEvent), key=lambda row: row.created_at)
    assert (rows[-1].type, rows[-1].about) == (FINAL, first.head)


# --- votes -----------------------------------------------------------------------------------------------------------

VOTED, VOTE_MOVED_BACK = "vote.counted", "vote.moved_back"
ONE, TWO = "0x" + "a1" * 20, "0x" + "a2" * 20


def test_vote_is_told_as_it_is_counted_and_not_what_it_names(home: Installation, receiver: Receiver) -> None:
    secret = home.endpoint(receiver.url, types=[VOTED])["secret"]
    case = home.case()
    with home.database.write() as session:
        session.add(ChainPanel(version=1, arbitrators=f'["{ONE}", "{TWO}"]', threshold=3, **_PANEL))
    home.vote(case, ONE, share=1_234)
    home.vote(case, TWO, share=8_765)
    home.vote("0x" + "ff" * 32, TWO)  # of a case of somebody else's
    home.tell()
    deliver(home)
    told = sorted((body["data"] for body in receiver.bodies(secret)), key=lambda data: data["votes"])
    shown = {"case_id": case, "reference": "RMA-1", "refund": {"amount": "19.80", "currency": "GBP"}}
    assert told == [
        {**shown, "round": "first", "arbitrator": ONE, "votes": 1, "threshold": 3},
        {**shown, "round": "first", "arbitrator": TWO, "votes": 2, "threshold": 3},
    ]
    for event in home.rows(WebhookEvent):
        assert "1234" not in event.payload
        assert "8765" not in event.payload


def test_vote_that_a_reorg_takes_is_corrected_unless_it_is_counted_again(
    home: Installation, receiver: Receiver
) -> None:
    home.endpoint(receiver.url, types=[VOTED, VOTE_MOVED_BACK])
    case = home.case()
    home.mine(5)
    home.vote(case, ONE)
    home.vote(case, TWO)
    home.tell()
    home.reorg(5)
    home.vote(case, TWO)
    home.mine(8)
    home.tell()
    home.pass_time(GRACE)
    home.tell()
    assert Counter(home.events()) == {VOTED: 2, VOTE_MOVED_BACK: 1}
    (back,) = [json.loads(row.payload) for row in home.rows(WebhookEvent) if row.type == VOTE_MOVED_BACK]
    assert back["data"]["arbitrator"] == ONE
    assert back["data"]["corrects"] in {row.id for row in home.rows(WebhookEvent) if row.type == VOTED}
    home.vote(case, ONE)
    home.tell()
    assert Counter(home.events()) == {VOTED: 3, VOTE_MOVED_BACK: 1}


def test_first_vote_that_there_ever_is_is_told(home: Installation, receiver: Receiver) -> None:
    """Records were read for long; of votes no place was kept, as none was there."""
    home.endpoint(receiver.url, types=[VOTED])
    case = home.case()
    home.record(case, 1)
    home.tell()
    with home.database.write() as session:
        session.execute(delete(TellingCursor).where(col(TellingCursor.source) == "voted"))
    home.vote(case, ONE)
    home.tell()
    assert home.events() == [VOTED]
    home.vote(case, TWO)
    home.tell()
    assert home.events() == [VOTED, VOTED]


# --- refusals --------------------------------------------------------------------------------------------------------

REJECTED = "milestone.rejected"


@pytest.mark.parametrize("at_once", [1, 200])
def test_record_that_was_refused_twice_is_told_once_with_the_last(
    home: Installation, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """The first refusal came ahead of its turn. However many are read at once."""
    monkeypatch.setattr(telling, "_AT_ONCE", at_once)
    home.endpoint(receiver.url, types=[REJECTED])
    case = home.case()
    home.refuse_opening(case, reason="PolicyUnknown()")
    last = home.refuse_opening(case)
    home.refuse_opening(home.case(2))
    home.tell()
    told = [json.loads(row.payload)["data"] for row in home.rows(WebhookEvent)]
    assert len(told) == 2
    (of_case,) = [data for data in told if data["case_id"] == case]
    assert (of_case["transaction"], of_case["reason"]) == (last.tx_hash, last.reason)


def test_refusal_that_a_reorg_moves_to_another_transaction_is_told_once(home: Installation, receiver: Receiver) -> None:
    home.endpoint(receiver.url, types=[REJECTED])
    case = home.case()
    home.mine(3)
    home.refuse_opening(case)
    home.tell()
    home.reorg(3)
    home.refuse_opening(case)
    home.tell()
    assert home.events() == [REJECTED]
