"""Events into facts, without a chain."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.chain.abi import ESCROW, LEDGER
from ledger_service.chain.codec import Event
from ledger_service.domain.entry import Entry, chain_heads
from ledger_service.domain.hashing import from_hex, hex0x
from ledger_service.domain.vocabulary import Grade, Kind, Role, State
from ledger_service.errors import IntegrityFailure
from ledger_service.workers.folding import Fold, cases_of, merchants_of

_CASE = "0x" + "c1" * 32
_MERCHANT, _CONSUMER, _TOKEN = "0x" + "0a" * 20, "0x" + "0b" * 20, "0x" + "0c" * 20
_ZERO = "0x" + "00" * 32


def _event(contract: str, name: str, block: int = 5, **args: Any) -> Event:
    return Event(contract, name, args, args.get("caseId"), block, "0x" + "bb" * 32, 0, "0x" + "dd" * 32)


def _opened() -> Event:
    terms = {"mode": 1, "token": _TOKEN}
    return _event(LEDGER, "Opened", caseId=_CASE, merchant=_MERCHANT, consumer=_CONSUMER, terms=terms)


def _recorded(position: int, kind: Kind, role: Role, state: State, commitment: str = _ZERO, **more: int) -> Event:
    entry = Entry(position, kind, role, state, more.get("deadline", 0), 7, Grade.NONE, more.get("share", 0), 0, 1)
    return _event(LEDGER, "Recorded", caseId=_CASE, actor=_MERCHANT, commitment=commitment, entry=hex0x(entry.pack()))


def _money(name: str, **args: Any) -> Event:
    return _event(ESCROW, name, merchant=_MERCHANT, token=_TOKEN, **args)


def _fold(*events: Event) -> Fold:
    fold = Fold({}, {})
    for event in events:
        fold.apply(event)
    return fold


def test_fold_record_of_an_unread_case_is_refused() -> None:
    with pytest.raises(IntegrityFailure, match="opening was not read"):
        _fold(_recorded(0, Kind.REQUESTED, Role.MERCHANT, State.REQUESTED))


@pytest.mark.parametrize("position", [0, 2])
def test_fold_record_out_of_its_place_is_refused(position: int) -> None:
    first = _recorded(0, Kind.REQUESTED, Role.MERCHANT, State.REQUESTED)
    with pytest.raises(IntegrityFailure, match="has 1 records"):
        _fold(_opened(), first, _recorded(position, Kind.AUTHORISED, Role.MERCHANT, State.AUTHORISED))


def test_fold_records_carry_state_nonces_and_head() -> None:
    commitments = ["0x" + "01" * 32, "0x" + "02" * 32, _ZERO]
    events = [
        _recorded(0, Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, commitments[0], deadline=9),
        _recorded(1, Kind.CANCELLED, Role.CONSUMER, State.CLOSED, commitments[1]),
        _recorded(2, Kind.SETTLED, Role.NONE, State.SETTLED, share=10_000),
    ]
    fold = _fold(_opened(), *events)
    case = fold.cases[_CASE]
    links = [(_MERCHANT, from_hex(e.args["commitment"]), from_hex(e.args["entry"])) for e in events]
    assert case["head"] == hex0x(chain_heads(from_hex(_CASE), links)) == fold.records[-1]["head"]
    assert (case["state"], case["length"], case["share"], case["mode"]) == ("settled", 3, 10_000, "refund")
    assert case["nonces"] == "[0, 1, 1, 0, 0, 0, 0]"
    assert [row["commitment"] for row in fold.records] == commitments


def test_fold_money_keeps_every_minor_unit() -> None:
    fold = _fold(
        _opened(),
        _money("Deposited", amount=5_000),
        _money("Locked", caseId=_CASE, refund=2_000, freight=300, reserve=50),
    )
    case, balance = fold.cases[_CASE], fold.balances[_MERCHANT, _TOKEN]
    assert (case["locked_refund"], case["locked_freight"], case["locked_reserve"]) == (2_000, 300, 50)
    assert balance["minor"] == 2_650

    fold.apply(_money("Settled", caseId=_CASE, toConsumer=1_800, toMerchant=550))
    assert (case["locked_refund"], case["locked_freight"], case["locked_reserve"]) == (0, 0, 0)
    assert (case["to_consumer"], case["to_merchant"], balance["minor"]) == (1_800, 550, 3_200)

    fold.apply(_event(ESCROW, "Withdrawn", 9, caseId=_CASE, to=_CONSUMER, token=_TOKEN, amount=1_800))
    fold.apply(_money("BalanceWithdrawn", to=_MERCHANT, amount=3_200))
    assert (case["withdrawn"], case["withdrawn_to"], case["block_number"]) == (1_800, _CONSUMER, 9)
    assert balance == {"merchant": _MERCHANT, "token": _TOKEN, "minor": 0, "deposited": 5_000, "withdrawn": 3_200}


def test_fold_passes_over_what_changes_no_fact() -> None:
    fold = _fold(_event(LEDGER, "Paused", account=_MERCHANT), _event(LEDGER, "Skipped", caseId=_CASE))
    assert (fold.cases, fold.balances, fold.records) == ({}, {}, [])


def test_touched_cases_and_merchants_are_named() -> None:
    events = [_opened(), _money("Deposited", amount=1), _event(LEDGER, "Paused", account=_CONSUMER)]
    assert cases_of(events) == {_CASE}
    assert merchants_of(events) == {_MERCHANT}
