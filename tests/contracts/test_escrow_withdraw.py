"""RefundEscrow.withdrawFor, withdrawForBatch"""

import pytest
from brownie import RegulatedToken, SilentToken
from support import keyed, read_error
from till import COINS, NOTICE, Till, open_till, outcome_of

# What an item of a batch may use, and what the batch keeps to say that it was refused.
ITEM_GAS = 400_000


@pytest.fixture(scope="module")
def till(module_isolation):
    return open_till()


@pytest.fixture(scope="module")
def usd(till):
    return till.tokens["USD"]


@pytest.fixture
def regulated(till):
    """A till of its own for a token whose issuer can block and pause."""
    token = RegulatedToken.deploy({"from": till.operator})
    return token, Till([(token, "EUR", 2), (till.tokens["USD"], "USD", 2)])


# --- withdrawFor ----------------------------------------------------------------------------------------------------


def test_withdraw_for_unknown_case(till):
    assert till.refusal(till.escrow.withdrawFor, b"\1" * 32) == ("NothingDueTo", b"\1" * 32)


def test_withdraw_for_a_case_that_goes_on(till, usd):
    till.fund(usd, 10_00)
    case = till.lock(usd, 10_00)
    till.send(till.ledger.setPayee, case, till.consumer.address, 0)
    assert till.refusal(till.escrow.withdrawFor, case) == ("NothingDueTo", case)


def test_withdraw_for_a_case_that_gave_the_consumer_nothing(till, usd):
    case = till.credit(usd, 5_00)
    assert till.refusal(till.escrow.withdrawFor, case) == ("NothingDueTo", case)


def test_withdraw_for_twice(till, usd):
    case, _ = till.due(usd, 10_00), till.due(usd, 10_00)
    till.send(till.escrow.withdrawFor, case)
    assert till.refusal(till.escrow.withdrawFor, case) == ("NothingDueTo", case)


def test_withdraw_for_while_a_redirect_waits(till, usd):
    case = till.due(usd, 10_00, notice=NOTICE)
    tx = till.escrow.withdrawTo(*till.withdraw_to(case, till.other), {"from": till.stranger})
    effective_at = tx.events["RedirectGiven"]["effectiveAt"]
    assert till.refusal(till.escrow.withdrawFor, case) == ("RedirectRuns", effective_at)


def test_withdraw_for_where_the_token_refuses(regulated):
    token, till = regulated
    case = till.due(token, 10_00)
    token.setBlocked(till.consumer.address, True, {"from": till.stranger})
    assert till.refusal(till.escrow.withdrawFor, case) == ("Blocked", till.consumer.address)
    assert till.escrow.dueOf(case) == 10_00


@pytest.mark.parametrize("code", list(COINS))
def test_withdraw_for(till, code):
    token, unit = till.tokens[code], COINS[code][2]
    case, other = till.due(token, 19_80), till.due(token, 5_00)
    tx = till.escrow.withdrawFor(case, {"from": till.stranger})
    event = tx.events["Withdrawn"]
    assert bytes(event["caseId"]) == case
    assert (event["to"], event["token"], event["amount"]) == (till.consumer.address, token.address, 19_80)
    assert token.balanceOf(till.consumer.address) == 19_80 * unit
    assert token.balanceOf(till.escrow) == 5_00 * unit
    assert (till.escrow.dueOf(case), till.escrow.dueOf(other)) == (0, 5_00)


def test_withdraw_for_pays_whom_the_ledger_names_now(till, usd):
    """A consumer who bound another key after the outcome is paid there."""
    case, bound = till.due(usd, 10_00), keyed("another key")
    till.send(till.ledger.setPayee, case, bound.address, 0)
    till.send(till.escrow.withdrawFor, case)
    assert usd.balanceOf(bound.address) == 10_00 * 10_000


# --- withdrawForBatch -----------------------------------------------------------------------------------------------


def skips(till, tx):
    return [(bytes(e["caseId"]), read_error(till.errors, e["reason"])) for e in tx.events["WithdrawalSkipped"]]


def test_withdraw_for_batch_skips_what_withdraw_for_refuses(till, usd):
    one, two, waiting = till.due(usd, 10_00), till.due(usd, 5_00), till.due(usd, 1_00, notice=NOTICE)
    till.fund(usd, 1_00)
    early = till.lock(usd, 1_00)
    tx = till.escrow.withdrawTo(*till.withdraw_to(waiting, till.other), {"from": till.stranger})
    effective_at = tx.events["RedirectGiven"]["effectiveAt"]
    tx = till.escrow.withdrawForBatch([one, early, waiting, two, one], {"from": till.stranger})
    assert skips(till, tx) == [
        (early, ("NothingDueTo", early)),
        (waiting, ("RedirectRuns", effective_at)),
        (one, ("NothingDueTo", one)),
    ]
    assert usd.balanceOf(till.consumer.address) == 15_00 * 10_000
    assert [till.escrow.dueOf(case) for case in (one, two, waiting)] == [0, 0, 1_00]


def test_withdraw_for_batch_of_none(till):
    tx = till.escrow.withdrawForBatch([], {"from": till.stranger})
    assert not tx.events


def test_withdraw_for_batch_pays_in_every_token(till):
    cases = [till.due(token, 10_00) for token in till.tokens.values()]
    till.send(till.escrow.withdrawForBatch, cases)
    for code, token in till.tokens.items():
        assert token.balanceOf(till.consumer.address) == 10_00 * COINS[code][2]


def test_withdraw_for_batch_with_too_little_gas_for_an_item(till, usd):
    """A relayer cannot have an item refused for want of gas: the batch is undone instead."""
    cases = [till.due(usd, 10_00) for _ in range(2)]
    _, reason = till.call_with_gas(till.escrow.withdrawForBatch, cases, gas=ITEM_GAS)
    assert read_error(till.errors, reason) == ("BatchGasTooLow", 0)
    _, reason = till.call_with_gas(till.escrow.withdrawForBatch, cases, gas=500_000)
    assert read_error(till.errors, reason) == ("BatchGasTooLow", 1)
    _, reason = till.call_with_gas(till.escrow.withdrawForBatch, cases, gas=600_000)
    assert reason is None


def test_withdraw_for_batch_cuts_no_reason_that_is_short(regulated):
    token, till = regulated
    cases = [till.due(token, 10_00, consumer=keyed(name)) for name in ("blocked", "other")]
    token.setBlocked(keyed("blocked").address, True, {"from": till.stranger})
    tx = till.escrow.withdrawForBatch(cases, {"from": till.stranger})
    assert skips(till, tx) == [(cases[0], ("Blocked", keyed("blocked").address))]
    assert [till.escrow.dueOf(case) for case in cases] == [10_00, 0]


def test_withdraw_for_of_a_token_that_answers_nothing(till):
    token = SilentToken.deploy({"from": till.operator})
    silent = Till([(token, "EUR", 2)])
    case = silent.due(token, 10_00)
    silent.send(silent.escrow.withdrawFor, case)
    assert token.balanceOf(silent.consumer.address) == 10_00 * 10_000


# --- what is due after each outcome ---------------------------------------------------------------------------------


def test_withdraw_for_what_an_outcome_left_after_fees(till, usd):
    till.fund(usd, 60_00)
    case = till.lock(usd, 50_00, freight=4_00, reserve=6_00)
    till.send(till.ledger.setPayee, case, till.consumer.address, 0)
    outcome = outcome_of(share=5_000, fee=1_000, freight_to_consumer=True, fees_from_consumer=2_00)
    outcome = (*outcome[:4], [(till.arbitrator.address, 5_00)])
    till.send(till.ledger.settle, case, till.merchant.address, outcome)
    till.send(till.escrow.withdrawFor, case)
    assert usd.balanceOf(till.consumer.address) == (25_00 - 5_00 + 4_00 - 2_00) * 10_000
