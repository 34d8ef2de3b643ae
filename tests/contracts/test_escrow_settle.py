"""RefundEscrow.settle: who gets what of a lock"""

import random

import pytest
from support import keyed
from till import open_till, outcome_of
from words import FULL

CASE = b"\x0c" * 32
FIRST, SECOND, THIRD = (keyed(f"arbitrator {number}").address for number in (1, 2, 3))


@pytest.fixture(scope="module")
def till(module_isolation):
    """1,000.00 EUR of the merchant's are in it."""
    till = open_till()
    till.fund(till.tokens["EUR"], 1_000_00)
    return till


@pytest.fixture(scope="module")
def eur(till):
    return till.tokens["EUR"]


def refusal(till, case, **outcome):
    return till.refusal(till.ledger.settle, case, till.merchant.address, outcome_of(**outcome))


# --- refusals -------------------------------------------------------------------------------------------------------


def test_settle_by_another_than_the_ledger(till, eur):
    case = till.lock(eur, 1_00)
    answer = till.refusal(till.escrow.settle, case, till.merchant.address, outcome_of())
    assert answer == ("NotTheLedger", till.stranger.address)


def test_settle_without_a_lock(till):
    assert refusal(till, CASE) == ("NotLocked", CASE)


@pytest.mark.parametrize("share", [0, FULL])
def test_settle_twice(till, eur, share):
    case = till.lock(eur, 1_00, reserve=50)
    till.settle(case, share=share)
    assert refusal(till, case) == ("NotLocked", case)


def test_settle_after_the_due_was_paid(till, eur):
    case = till.due(eur, 1_00)
    till.send(till.escrow.withdrawFor, case)
    assert refusal(till, case) == ("NotLocked", case)


@pytest.mark.parametrize(
    ("outcome", "fees", "covered"),
    [
        ({"awards": [(FIRST, 3_01)]}, 3_01, 3_00),
        ({"awards": [(FIRST, 2_00), (SECOND, 1_00), (THIRD, 1)]}, 3_01, 3_00),
        ({"awards": [(FIRST, 4_01)], "fees_from_consumer": 1_00}, 4_01, 4_00),
        ({"awards": [(FIRST, 3_01)], "share": 0, "fees_from_consumer": 3_01}, 3_01, 3_00),  # the consumer has nothing
        ({"awards": [(FIRST, 53_01)], "fees_from_consumer": 2**64 - 1}, 53_01, 53_00),
        ({"awards": [(FIRST, 2**64 - 1), (SECOND, 2**64 - 1)]}, 2**65 - 2, 3_00),
    ],
    ids=str,
)
def test_settle_with_fees_that_reserve_and_consumer_do_not_hold(till, eur, outcome, fees, covered):
    case = till.lock(eur, 50_00, freight=4_00, reserve=3_00)
    assert refusal(till, case, **outcome) == ("FeesExceedReserve", fees, covered)
    assert tuple(till.escrow.accountOf(till.merchant.address, eur)) == (943_00, 57_00, 0)


# --- consumer and merchant ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "share", "fee", "freight_to_consumer", "to_consumer"),
    [
        ((50_00, 4_00, 3_00), FULL, 0, True, 54_00),
        ((50_00, 4_00, 3_00), FULL, 0, False, 50_00),
        ((50_00, 4_00, 3_00), 0, 0, False, 0),
        ((50_00, 4_00, 3_00), 5_000, 1_000, False, 20_00),
        ((50_00, 4_00, 3_00), 1_000, 1_500, False, 0),  # the fee takes no more than the consumer's part
        ((50_00, 4_00, 3_00), 1_000, 1_500, True, 4_00),  # and nothing of the freight
        ((1, 0, 0), 1, 0, False, 1),  # what division leaves over is the consumer's
        ((1, 0, 0), 1, FULL, False, 0),
        ((33, 0, 0), 3_333, 0, False, 11),
        ((99_99, 1, 0), 9_999, 1, True, 100_00),
        ((100_00, 0, 0), FULL, FULL, False, 0),
    ],
)
def test_settle_shares_out_the_whole_lock(till, eur, amounts, share, fee, freight_to_consumer, to_consumer):
    case = till.lock(eur, *amounts)
    tx = till.settle(case, share=share, fee=fee, freight_to_consumer=freight_to_consumer)
    event = tx.events["Settled"]
    assert bytes(event["caseId"]) == case
    assert (event["merchant"], event["token"]) == (till.merchant.address, eur.address)
    assert (event["toConsumer"], event["toMerchant"], event["fees"]) == (to_consumer, sum(amounts) - to_consumer, 0)
    assert "Credited" not in tx.events
    assert till.escrow.dueOf(case) == to_consumer
    assert till.escrow.accountOf(till.merchant.address, eur) == (1_000_00 - to_consumer, 0, 0)
    assert tuple(till.escrow.lockOf(case)) == (to_consumer, 0, 0, till.escrow.tokenInfo(eur)["index"], True)


def test_settle_the_greatest_lock(till):
    """64 bits of a token without decimals: no share of it overflows."""
    token, most = till.tokens["JPY"], 2**64 - 1
    till.fund(token, most)
    case = till.lock(token, most - 2, freight=1, reserve=1)
    till.settle(case, share=9_999, fee=1, freight_to_consumer=True)
    refund = most - 2
    assert till.escrow.dueOf(case) == refund - refund // FULL - refund // FULL + 1
    assert till.escrow.dueOf(case) + till.escrow.balanceOf(till.merchant.address, token) == most


def test_settle_one_case_leaves_the_others_lock(till, eur):
    case, other = till.lock(eur, 50_00), till.lock(eur, 10_00, freight=2_00, reserve=1_00)
    before = tuple(till.escrow.lockOf(other))
    till.settle(case, freight_to_consumer=True)
    assert tuple(till.escrow.lockOf(other)) == before
    assert till.escrow.accountOf(till.merchant.address, eur) == (937_00, 13_00, 0)


def test_settle_moves_no_token(till, eur):
    case = till.lock(eur, 50_00, freight=4_00, reserve=3_00)
    tx = till.settle(case, awards=[(FIRST, 3_00)])
    assert "Transfer" not in tx.events
    assert eur.balanceOf(till.escrow) == 1_000_00


# --- arbitrators ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "to_consumer", "to_merchant", "fees"),
    [
        ({"awards": [(FIRST, 3_00)]}, 50_00, 4_00, 3_00),
        ({"awards": [(FIRST, 1)]}, 50_00, 6_99, 1),
        ({"awards": [(FIRST, 1_00), (SECOND, 1_00), (THIRD, 1_00)]}, 50_00, 4_00, 3_00),
        ({"awards": [(FIRST, 3_00)], "fees_from_consumer": 1_00}, 49_00, 5_00, 3_00),
        ({"awards": [(FIRST, 3_00)], "fees_from_consumer": 3_00}, 47_00, 7_00, 3_00),
        ({"awards": [(FIRST, 3_00)], "fees_from_consumer": 9_00}, 47_00, 7_00, 3_00),  # no more than there are
        ({"awards": [(FIRST, 4_00)], "fees_from_consumer": 1_00}, 49_00, 4_00, 4_00),
        ({"fees_from_consumer": 9_00}, 50_00, 7_00, 0),  # nobody voted
        ({"share": 0, "awards": [(FIRST, 3_00)], "fees_from_consumer": 3_00}, 0, 54_00, 3_00),
        ({"share": 400, "awards": [(FIRST, 3_00)], "fees_from_consumer": 3_00}, 0, 54_00, 3_00),  # a part of 2.00
        (
            {"share": 400, "freight_to_consumer": True, "awards": [(FIRST, 3_00)], "fees_from_consumer": 3_00},
            3_00,
            51_00,
            3_00,
        ),
        ({"share": 5_000, "fee": 1_000, "awards": [(FIRST, 3_00)], "fees_from_consumer": 2_00}, 18_00, 36_00, 3_00),
    ],
    ids=str,
)
def test_settle_pays_arbitration_from_reserve_and_loser(till, eur, outcome, to_consumer, to_merchant, fees):
    case = till.lock(eur, 50_00, freight=4_00, reserve=3_00)
    event = till.settle(case, **outcome).events["Settled"]
    assert (event["toConsumer"], event["toMerchant"], event["fees"]) == (to_consumer, to_merchant, fees)
    assert to_consumer + to_merchant + fees == 57_00
    assert till.escrow.dueOf(case) == to_consumer
    assert till.escrow.accountOf(till.merchant.address, eur) == (943_00 + to_merchant, 0, 0)


def test_settle_credits_each_arbitrator_its_award(till, eur):
    case = till.lock(eur, 50_00, reserve=6_00)
    tx = till.settle(case, awards=[(FIRST, 1_00), (SECOND, 2_00), (FIRST, 3_00)])
    credited = [(bytes(e["caseId"]), e["arbitrator"], e["token"], e["amount"]) for e in tx.events["Credited"]]
    assert credited == [
        (case, FIRST, eur.address, 1_00),
        (case, SECOND, eur.address, 2_00),
        (case, FIRST, eur.address, 3_00),
    ]
    assert till.escrow.accountOf(FIRST, eur) == (0, 0, 4_00)
    assert till.escrow.accountOf(SECOND, eur) == (0, 0, 2_00)


def test_settle_adds_to_credits_of_earlier_cases_and_of_that_token_alone(till, eur):
    usd = till.tokens["USD"]
    till.credit(usd, 7_00, arbitrator=keyed("arbitrator 1"))
    for _ in range(2):
        till.settle(till.lock(eur, 50_00, reserve=6_00), awards=[(FIRST, 1_50)])
    assert till.escrow.accountOf(FIRST, eur) == (0, 0, 3_00)
    assert till.escrow.accountOf(FIRST, usd) == (0, 0, 7_00)


def test_settle_by_chance_loses_and_makes_no_money(till, eur):
    """Random locks and outcomes: what the escrow holds is always what it owes, to the cent."""
    chance, cases = random.Random(7), []
    for _ in range(25):
        amounts = [chance.randint(1, 10_00), chance.randint(0, 3_00), chance.randint(0, 5_00)]
        case = till.lock(eur, *amounts)
        paid = chance.randint(0, amounts[2])
        first = chance.randint(0, paid)
        awards = [(FIRST, first), (SECOND, paid - first)]
        till.settle(
            case,
            share=chance.randint(0, FULL),
            fee=chance.randint(0, 1_500),
            freight_to_consumer=chance.random() < 0.5,
            fees_from_consumer=chance.randint(0, 4_00),
            awards=awards,
        )
        cases.append(case)
    owed = sum(till.escrow.dueOf(case) for case in cases)
    owed += sum(sum(till.escrow.accountOf(who, eur)) for who in (till.merchant.address, FIRST, SECOND))
    assert owed == eur.balanceOf(till.escrow) == 1_000_00
