"""Exchanges: both agree, the carrier delivers, and what silence does on the way."""

import pytest
from court import FREIGHT, REFUND, RESERVE, moves_of, refusal, stays
from words import DAY, FULL, Grade, Kind, Mode, Role, State

USED = {"grade": Grade.Used, "share": 6_000, "fee": 1_000}


@pytest.fixture
def inspected(court):
    return court.bring(State.Inspected, USED)


def test_exchange_needs_the_merchant_first(inspected):
    answer = refusal(inspected, Kind.ExchangeAgreed, Role.Consumer)
    assert answer == ("NotAllowed", State.Inspected, Kind.ExchangeAgreed, Role.Consumer)


def test_exchange_that_the_merchant_offers_stays(court, inspected):
    for _ in range(2):
        stays(inspected, inspected.act(Kind.ExchangeAgreed, Role.Merchant), Kind.ExchangeAgreed, Role.Merchant)
    assert inspected.view["exchangeOffered"]


def test_exchange_that_is_offered_takes_no_choice_from_the_consumer(inspected):
    inspected.act(Kind.ExchangeAgreed, Role.Merchant)
    assert refusal(inspected, Kind.Accepted, Role.Consumer) is None
    assert refusal(inspected, Kind.Disputed, Role.Consumer, share=FULL) is None


def test_exchange_that_both_agree_to(court, inspected):
    inspected.act(Kind.ExchangeAgreed, Role.Merchant)
    tx = inspected.act(Kind.ExchangeAgreed, Role.Consumer)
    assert moves_of(tx, inspected) == [(Kind.ExchangeAgreed, State.Exchanging)]
    assert inspected.deadline == court.world.chain[-1].timestamp + 17 * DAY
    assert not inspected.view["exchangeOffered"]


def test_exchange_offer_ends_with_the_state(court, inspected):
    inspected.act(Kind.ExchangeAgreed, Role.Merchant)
    inspected.act(Kind.Disputed, Role.Consumer, share=FULL)
    assert not inspected.view["exchangeOffered"]
    answer = refusal(inspected, Kind.ExchangeAgreed, Role.Consumer)
    assert answer == ("NotAllowed", State.Disputed, Kind.ExchangeAgreed, Role.Consumer)


@pytest.mark.parametrize("role", [Role.Carrier, Role.Merchant])
def test_exchange_shipment_starts_no_new_window(court, role):
    case = court.bring(State.Exchanging)
    deadline = case.deadline
    court.world.travel(deadline - DAY)
    stays(case, case.act(Kind.ExchangeShipped, role), Kind.ExchangeShipped, role)
    assert case.deadline == deadline


def test_exchange_delivered_waits_for_an_objection(court):
    case = court.bring(State.Exchanging)
    tx = case.act(Kind.ExchangeDelivered, Role.Carrier)
    assert moves_of(tx, case) == [(Kind.ExchangeDelivered, State.Delivered)]
    assert case.deadline == court.world.chain[-1].timestamp + 18 * DAY


@pytest.mark.parametrize("mode", list(Mode))
def test_exchange_delivered_and_kept_ends_without_a_refund(court, mode):
    case = court.bring(State.Delivered, USED, mode=mode)
    tx = case.poke()
    assert moves_of(tx, case) == [(Kind.Settled, State.Settled)]
    assert (case.view["share"], case.view["fee"], case.view["flags"] & ~4) == (0, 0, 0)
    if mode != Mode.None_:
        assert court.settlement(tx, case) == (0, REFUND + FREIGHT + RESERVE[mode], 0)


def test_exchange_that_never_arrives_pays_in_full(court):
    """Even where less was proposed: the merchant agreed to replace the goods, and did not."""
    case = court.bring(State.Exchanging, USED)
    case.act(Kind.ExchangeShipped, Role.Merchant)
    tx = case.poke()
    assert moves_of(tx, case) == [(Kind.Accepted, State.Payable), (Kind.Settled, State.Settled)]
    assert court.settlement(tx, case) == (REFUND + FREIGHT, RESERVE[Mode.Refund], 0)


@pytest.mark.parametrize("state", [State.Exchanging, State.Delivered])
def test_exchange_can_be_disputed_by_the_consumer(court, state):
    case = court.bring(state, USED, panel="plain")
    case.act(Kind.Disputed, Role.Consumer, share=9_000)
    assert (case.view["consumerClaim"], case.view["merchantClaim"]) == (9_000, 6_000)
    assert court.settlement(court.rule(case, 9_000, "plain"), case)[0] == 90_00


def test_exchange_that_the_merchant_carries_itself_can_still_be_disputed(court):
    """A merchant that is the carrier states any delivery it likes; the consumer's window comes after it."""
    case = court.bring(State.Exchanging, parties=court.world.parties(carrier=court.world.merchant))
    case.nonces[Role.Carrier] = case.view["nonces"][Role.Carrier]
    case.act(Kind.ExchangeDelivered, Role.Carrier)
    assert refusal(case, Kind.Disputed, Role.Consumer, share=FULL) is None


def test_exchange_held_keys_agreement_waits_and_can_be_objected_to(court):
    case = court.bring(State.Inspected, USED, consumerKeyHeld=True)
    case.act(Kind.ExchangeAgreed, Role.Merchant)
    case.act(Kind.ExchangeAgreed, Role.Consumer)
    assert case.state == State.Inspected
    case.act(Kind.Objected, Role.Consumer)
    assert case.view["exchangeOffered"]  # the merchant's offer still stands
    assert refusal(case, Kind.ExchangeAgreed, Role.Consumer) is None
