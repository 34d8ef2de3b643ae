"""Events into facts, without a chain."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.chain.abi import ESCROW, LEDGER, PANEL
from ledger_service.chain.codec import Event
from ledger_service.domain.entry import Entry, chain_heads
from ledger_service.domain.hashing import from_hex, hex0x
from ledger_service.domain.messages import Act
from ledger_service.domain.policies import Policy
from ledger_service.domain.vocabulary import Grade, Kind, Role, State
from ledger_service.errors import IntegrityFailure
from ledger_service.services.policies import shipped_policies
from ledger_service.workers.folding import Fold, accounts_of, cases_of

_CASE = "0x" + "c1" * 32
_ARBITRATOR = "0x" + "0d" * 20
_MERCHANT, _CONSUMER, _TOKEN = "0x" + "0a" * 20, "0x" + "0b" * 20, "0x" + "0c" * 20
_ZERO = "0x" + "00" * 32


def _event(contract: str, name: str, block: int = 5, **args: Any) -> Event:
    return Event(contract, name, args, args.get("caseId"), block, "0x" + "bb" * 32, 0, "0x" + "dd" * 32)


class Known:
    """Acts by commitment, and one policy for all cases."""

    def __init__(self, acts: dict[str, Act] | None = None, policy: Policy | None = None) -> None:
        self.acts, self._policy = acts or {}, policy

    def policy(self, policy_id: str) -> Policy | None:
        return self._policy

    def act(self, link: dict[str, Any]) -> Act | None:
        return self.acts.get(link["commitment"])


def _opened(panel: int = 0) -> Event:
    terms = {"mode": 1, "token": _TOKEN, "panel": panel, "policy": "0x" + "0f" * 32, "consumerKeyHeld": True}
    return _event(LEDGER, "Opened", caseId=_CASE, merchant=_MERCHANT, consumer=_CONSUMER, terms=terms)


def _recorded(position: int, kind: Kind, role: Role, state: State, commitment: str = _ZERO, **more: int) -> Event:
    time, share, flags = more.get("time", 7), more.get("share", 0), more.get("flags", 1)
    entry = Entry(position, kind, role, state, more.get("deadline", 0), time, Grade.NONE, share, 0, flags)
    return _event(LEDGER, "Recorded", caseId=_CASE, actor=_MERCHANT, commitment=commitment, entry=hex0x(entry.pack()))


def _money(name: str, **args: Any) -> Event:
    return _event(ESCROW, name, merchant=_MERCHANT, token=_TOKEN, **args)


def _fold(*events: Event) -> Fold:
    fold = Fold(Known())
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

    fold.apply(_money("Settled", caseId=_CASE, toConsumer=1_800, toMerchant=520, fees=30))
    assert (case["locked_refund"], case["locked_freight"], case["locked_reserve"]) == (0, 0, 0)
    assert (case["to_consumer"], case["to_merchant"], case["fees"], balance["minor"]) == (1_800, 520, 30, 3_170)

    fold.apply(_event(ESCROW, "Withdrawn", 9, caseId=_CASE, to=_CONSUMER, token=_TOKEN, amount=1_800))
    fold.apply(_money("BalanceWithdrawn", to=_MERCHANT, amount=3_170))
    assert (case["withdrawn"], case["withdrawn_to"], case["block_number"]) == (1_800, _CONSUMER, 9)
    sums = {"minor": 0, "deposited": 5_000, "withdrawn": 3_170, "credit": 0, "credited": 0}
    assert balance == {"account": _MERCHANT, "token": _TOKEN, **sums}


def test_fold_fees_are_an_arbitrator_s_credit_until_they_are_withdrawn() -> None:
    fold = _fold(
        _opened(),
        _event(ESCROW, "Credited", caseId=_CASE, arbitrator=_ARBITRATOR, token=_TOKEN, amount=70),
        _event(ESCROW, "Credited", caseId=_CASE, arbitrator=_ARBITRATOR, token=_TOKEN, amount=30),
    )
    credit = fold.balances[_ARBITRATOR, _TOKEN]
    assert (credit["credit"], credit["credited"], credit["minor"]) == (100, 100, 0)
    fold.apply(_event(ESCROW, "CreditWithdrawn", account=_ARBITRATOR, token=_TOKEN, amount=100))
    assert (credit["credit"], credit["credited"]) == (0, 100)


def test_fold_redirect_stands_until_it_is_voided() -> None:
    fold = _fold(_opened(), _event(ESCROW, "RedirectGiven", caseId=_CASE, to=_MERCHANT, effectiveAt=99))
    case = fold.cases[_CASE]
    assert (case["redirect_to"], case["redirect_at"]) == (_MERCHANT, 99)
    fold.apply(_event(ESCROW, "RedirectVoided", caseId=_CASE))
    assert (case["redirect_to"], case["redirect_at"]) == (None, 0)


def _registered(version: int, **more: int) -> Event:
    names = {"arbitrators": [_ARBITRATOR], "threshold": 1, "appealPanel": 0, "fallbackPanel": 0, "fee": 5}
    return _event(PANEL, "PanelRegistered", version=version, content={**names, **more})


def test_fold_case_of_an_unread_panel_is_refused() -> None:
    with pytest.raises(IntegrityFailure, match="registration was not read"):
        _fold(_opened(panel=1))


def test_fold_dispute_keeps_claims_panel_and_votes() -> None:
    policy = shipped_policies().by_code("eu-14")
    disputed = Act(from_hex(_CASE), Kind.DISPUTED, Role.CONSUMER, 0, 10, from_hex("0x" + "03" * 32), share=7_000)
    fold = Fold(Known({"0x" + "03" * 32: disputed}, policy))
    for event in (
        _registered(1),
        _registered(2, fallbackPanel=1),
        _opened(panel=2),
        _recorded(0, Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, "0x" + "01" * 32, deadline=9),
        _recorded(1, Kind.DECLINED, Role.MERCHANT, State.DECLINED, "0x" + "02" * 32, deadline=9),
        _recorded(2, Kind.DISPUTED, Role.CONSUMER, State.DISPUTED, "0x" + "03" * 32, deadline=9),
        _event(PANEL, "Voted", caseId=_CASE, arbitrator=_ARBITRATOR, round=0, share=6_000, commitment="0x" + "04" * 32),
    ):
        fold.apply(event)
    case = fold.cases[_CASE]
    assert (case["consumer_claim"], case["merchant_claim"]) == (7_000, 0)
    assert (case["panel"], case["fallback_panel"], case["voting_panel"], case["round"]) == (2, 1, 2, 0)
    assert [(vote["arbitrator"], vote["share"]) for vote in fold.votes] == [(_ARBITRATOR, 6_000)]
    assert [panel["version"] for panel in fold.new_panels] == [1, 2]


def test_fold_notice_makes_a_case_due_before_its_deadline() -> None:
    policy = shipped_policies().by_code("eu-14")
    cancelled = Act(from_hex(_CASE), Kind.CANCELLED, Role.CONSUMER, 0, 10, from_hex("0x" + "02" * 32))
    fold = Fold(Known({"0x" + "02" * 32: cancelled}, policy))
    deadline = 10**6
    for event in (
        _opened(),
        _recorded(0, Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, deadline=deadline),
        _recorded(1, Kind.CANCELLED, Role.CONSUMER, State.REQUESTED, "0x" + "02" * 32, deadline=deadline),
    ):
        fold.apply(event)
    case = fold.cases[_CASE]
    assert (case["notice_kind"], case["notice_at"]) == ("cancelled", 7 + policy.notice)
    assert (case["due"], case["deadline"]) == (7 + policy.notice, deadline)
    fold.apply(_recorded(2, Kind.CANCELLED, Role.NONE, State.CLOSED, time=8 + policy.notice))
    assert (case["notice_kind"], case["due"], case["state"]) == ("none", 0, "closed")


def test_fold_new_key_of_an_act_that_we_do_not_hold_is_taken_from_its_event() -> None:
    fold = _fold(
        _opened(),
        _recorded(0, Kind.REQUESTED, Role.MERCHANT, State.REQUESTED),
        _event(LEDGER, "KeyBound", caseId=_CASE, consumer=_ARBITRATOR),
        _recorded(1, Kind.KEY_BOUND, Role.CONSUMER, State.REQUESTED, "0x" + "02" * 32, flags=0),
    )
    assert (fold.cases[_CASE]["consumer"], fold.cases[_CASE]["flags"]) == (_ARBITRATOR, 0)


def test_fold_passes_over_what_changes_no_fact() -> None:
    fold = _fold(_event(LEDGER, "Paused", account=_MERCHANT), _event(LEDGER, "Skipped", caseId=_CASE))
    assert (fold.cases, fold.balances, fold.records) == ({}, {}, [])


def test_touched_cases_and_merchants_are_named() -> None:
    events = [_opened(), _money("Deposited", amount=1), _event(LEDGER, "Paused", account=_CONSUMER)]
    assert cases_of(events) == {_CASE}
    assert accounts_of(events) == {_MERCHANT}
