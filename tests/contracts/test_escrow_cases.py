"""The money of cases that live on the real ledger: what each end of a case leaves due, and to whom it is paid"""

import pytest
from support import keyed, make_policy, sign
from words import DAY, FAR, FULL, KEEP_PAYEE, WITHDRAW_TO, ZERO, Grade, Kind, Mode, Role, State

UNITS = {"EUR": 10**4, "GBP": 1, "USD": 10**16, "JPY": 10**6, "KWD": 10**3}
NOTICE = 2 * DAY  # of the policies here
PLACE = keyed("a place of the consumer's choice").address


def paid(world, code="EUR", held=True, **terms):
    """A case that went the usual way: its refund is due to the consumer."""
    token = world.tokens[code]
    if code != "EUR":
        world.fund(token, 19_80)
    case = world.open(token=token.address, consumerKeyHeld=held, **terms).reach(State.Inspected)
    case.act(Kind.Accepted, Role.Consumer)
    assert case.state == State.Settled
    return case


def withdraw_to(world, case, nonce=0, key=None):
    values = {"caseId": case.id, "to": PLACE, "nonce": nonce, "validUntil": FAR}
    key = key or world.consumer
    return (*values.values(), sign(key, world.escrow, "RefundEscrow", "WithdrawTo", values, WithdrawTo=WITHDRAW_TO))


def keep_payee(world, case, nonce):
    values = {"caseId": case.id, "nonce": nonce, "validUntil": FAR}
    signature = sign(world.consumer, world.escrow, "RefundEscrow", "KeepPayee", values, KeepPayee=KEEP_PAYEE)
    return (*values.values(), signature)


def account(world):
    return tuple(world.escrow.accountOf(world.merchant.address, world.tokens["EUR"]))


# --- what is due ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.Requested, State.Inspected, State.Payable, State.Refunded])
def test_withdraw_for_a_live_case(world, escrow, state):
    case = world.open(mode=Mode.Bond).reach(state)
    assert world.refusal(escrow.withdrawFor, case.id) == ("NothingDueTo", case.id)


def test_withdraw_for_a_closed_case(world, escrow):
    free, locked, _ = account(world)
    case = world.open(freight=5_00, reserve=3_00, consumerKeyHeld=False).reach(State.Closed)
    assert world.refusal(escrow.withdrawFor, case.id) == ("NothingDueTo", case.id)
    assert account(world) == (free, locked, 0)


def test_withdraw_for_a_case_that_the_merchant_paid_elsewhere(world, escrow):
    """Nobody challenges what the merchant says it paid: the bond goes back, all of it."""
    free, locked, _ = account(world)
    case = world.open(mode=Mode.Bond, freight=5_00, reserve=3_00).reach(State.Refunded)
    assert account(world) == (free - 27_80, locked + 27_80, 0)
    case.poke()
    assert world.refusal(escrow.withdrawFor, case.id) == ("NothingDueTo", case.id)
    assert account(world) == (free, locked, 0)


def test_withdraw_for_a_case_whose_merchant_did_not_pay(world, escrow, eur):
    case = world.open(mode=Mode.Bond).reach(State.Payable)
    case.poke()
    world.send(escrow.withdrawFor, case.id)
    assert eur.balanceOf(world.consumer.address) == 19_80 * UNITS["EUR"]


def test_withdraw_for_a_case_without_money(world, escrow):
    case = world.open(mode=Mode.None_).reach(State.Settled)
    assert world.refusal(escrow.withdrawFor, case.id) == ("NothingDueTo", case.id)


@pytest.mark.parametrize("code", list(UNITS))
def test_withdraw_for(world, escrow, code):
    case = paid(world, code)
    world.send(escrow.withdrawFor, case.id)
    assert world.tokens[code].balanceOf(world.consumer.address) == 19_80 * UNITS[code]
    assert escrow.dueOf(case.id) == 0


def test_withdraw_for_what_inspection_left(world, escrow, eur):
    """70 % of 19.80, less a fee of 5 % of it; freight is the consumer's own matter under this policy."""
    case = world.open(freight=5_00, reserve=3_00, consumerKeyHeld=False)
    case.reach(State.Inspected, grade=Grade.Opened, share=7_000, fee=500)
    case.act(Kind.Accepted, Role.Consumer)
    world.send(escrow.withdrawFor, case.id)
    assert eur.balanceOf(world.consumer.address) == (13_86 - 99) * UNITS["EUR"]
    assert tuple(escrow.lockOf(case.id))[:3] == (0, 0, 0)


def test_withdraw_for_with_freight_where_goods_were_defective(world, escrow, eur):
    case = world.open(freight=5_00).reach(State.Inspected, grade=Grade.Defective, share=FULL)
    case.act(Kind.Accepted, Role.Consumer)
    world.send(escrow.withdrawFor, case.id)
    assert eur.balanceOf(world.consumer.address) == 24_80 * UNITS["EUR"]


# --- to whom --------------------------------------------------------------------------------------------------------


def test_payee_of_an_unknown_case(world, ledger):
    assert ledger.payeeOf(b"\1" * 32) == (ZERO, 0)


@pytest.mark.parametrize(("held", "notice"), [(True, NOTICE), (False, 0)])
def test_payee_of_a_case_waits_where_a_service_holds_the_key(world, ledger, held, notice):
    case = world.open(consumerKeyHeld=held)
    assert ledger.payeeOf(case.id) == (world.consumer.address, notice)


def test_payee_of_a_case_without_a_notice(world, ledger):
    case = world.open(policy=world.register_policy(make_policy(notice=0)))
    assert ledger.payeeOf(case.id) == (world.consumer.address, 0)


def test_withdraw_to_with_an_own_key_pays_at_once(world, escrow, eur):
    world.send(escrow.withdrawTo, *withdraw_to(world, paid(world, held=False)))
    assert eur.balanceOf(PLACE) == 19_80 * UNITS["EUR"]


def test_withdraw_to_with_a_held_key_waits_out_the_policys_notice(world, escrow, eur):
    case = paid(world)
    tx = escrow.withdrawTo(*withdraw_to(world, case), {"from": world.stranger})
    effective_at = tx.events["RedirectGiven"]["effectiveAt"]
    assert effective_at == tx.timestamp + NOTICE
    world.block_at(effective_at - 1)
    assert world.refusal(escrow.withdrawFor, case.id) == ("RedirectRuns", effective_at)
    world.block_at(effective_at)
    world.send(escrow.withdrawFor, case.id)
    assert eur.balanceOf(PLACE) == 19_80 * UNITS["EUR"]


def test_withdraw_to_that_the_consumer_objects_to(world, escrow, eur):
    case = paid(world)
    world.send(escrow.withdrawTo, *withdraw_to(world, case))
    world.send(escrow.keepPayee, *keep_payee(world, case, 1))
    world.send(escrow.withdrawFor, case.id)
    assert (eur.balanceOf(PLACE), eur.balanceOf(world.consumer.address)) == (0, 19_80 * UNITS["EUR"])


def test_withdraw_to_after_a_key_of_the_consumers_own_was_bound(world, ledger, escrow, eur):
    """The key that a service held signs nothing any more, and there is nothing to wait for."""
    own = keyed("the consumer's own key")
    case = world.open().reach(State.Inspected)
    binding = {**case.message(Kind.KeyBound, Role.Consumer), "key": own.address}
    world.send(ledger.record, tuple(binding.values()), case.sign(binding, world.consumer))
    case.nonces[Role.Consumer] += 1
    world.travel(world.chain[-1].timestamp + NOTICE + 1)
    world.send(ledger.poke, case.id)
    assert ledger.payeeOf(case.id) == (own.address, 0)
    case.act(Kind.Accepted, Role.Consumer, key=own)

    answer = world.refusal(escrow.withdrawTo, *withdraw_to(world, case))
    assert answer == ("BadWithdrawalSignature", own.address)
    world.send(escrow.withdrawTo, *withdraw_to(world, case, key=own))
    assert eur.balanceOf(PLACE) == 19_80 * UNITS["EUR"]
