"""A token that calls back into the escrow from wherever it is at work is turned away, and every debt is paid once."""

import pytest
from brownie import CallingToken, accounts
from neighbours import NEIGHBOUR, UNIT, open_with, set_state, ways_out
from support import keyed, read_error
from till import permit_of_anybody

HOOKS = ["Permit", "BeforeTransferFrom", "AfterTransferFrom", "BeforeTransfer", "AfterTransfer"]
GUARDED = [
    "deposit",
    "depositWithPermit",
    "withdrawFor",
    "withdrawTo",
    "withdrawCredit",
    "withdrawBalance",
    "withdrawBalanceFor",
]
REFUSED = {"lock": "NotTheLedger", "settle": "NotTheLedger", "keepPayee": "NoRedirect"}


def entries(till, token, case):
    """Every function of the escrow that changes anything, as the token would call it with a good claim to it."""
    escrow = till.escrow
    outcome = (10_000, 0, False, 0, [])
    values = permit_of_anybody()
    return {
        "deposit": escrow.deposit.encode_input(till.merchant.address, token, UNIT),
        "depositWithPermit": escrow.depositWithPermit.encode_input(till.merchant.address, token, UNIT, *values),
        "withdrawFor": escrow.withdrawFor.encode_input(case),
        "withdrawForBatch": escrow.withdrawForBatch.encode_input([case]),
        "withdrawTo": escrow.withdrawTo.encode_input(*till.withdraw_to(case, till.other)),
        "keepPayee": escrow.keepPayee.encode_input(*till.keep_payee(case, nonce=0)),
        "withdrawCredit": escrow.withdrawCredit.encode_input(till.arbitrator.address, token),
        "withdrawBalance": escrow.withdrawBalance.encode_input(token, 0, till.other),
        "withdrawBalanceFor": escrow.withdrawBalanceFor.encode_input(*till.withdraw_balance_for(token, 1)),
        "lock": escrow.lock.encode_input(b"\7" * 32, till.merchant.address, token, 1, 0, 0),
        "settle": escrow.settle.encode_input(case, till.merchant.address, outcome),
    }


@pytest.fixture(scope="module")
def calling(module_isolation):
    """A token that calls out. 10.00 each are due in a case, credited and free, 10.00 more are due to a bystander,
    and the token itself holds some."""
    token, good, till, neighbours = open_with(CallingToken)
    case = till.due(token, 10_00)
    till.credit(token, 10_00)
    till.fund(token, 10_00)
    till.give(token, 5_00 * UNIT)
    token.mint(token, 5_00 * UNIT, {"from": accounts[0]})
    bystanders = till.due(token, 10_00, NEIGHBOUR, keyed("bystander"))
    return token, good, till, neighbours, case, bystanders


def set_off(till, token, hook, bystanders):
    """What makes the token's hook go off: a deposit of 5.00, or a payment of 10.00 to the bystander."""
    if hook in ("BeforeTransfer", "AfterTransfer"):
        return till.escrow.withdrawFor, (bystanders,)
    arguments = (till.merchant.address, token, 5_00 * UNIT)
    if hook == "Permit":
        return till.escrow.depositWithPermit, (*arguments, *permit_of_anybody())
    return till.escrow.deposit, arguments


@pytest.mark.parametrize("entry", [*GUARDED, "withdrawForBatch", *REFUSED])
@pytest.mark.parametrize("hook", HOOKS)
def test_token_that_calls_back_in_is_turned_away(calling, hook, entry):
    """Wherever it is at work it calls an entry of the escrow, with arguments that would do outside."""
    token, _, till, neighbours, case, bystanders = calling
    method, arguments = set_off(till, token, hook, bystanders)
    before = till.escrow.dueOf(case), *till.escrow.accountOf(till.arbitrator.address, token)
    free = till.escrow.balanceOf(till.merchant.address, token)
    set_state(token.setCall, HOOKS.index(hook) + 1, till.escrow, entries(till, token, case)[entry])
    tx = method(*arguments, {"from": till.payer})

    assert token.calls() == 1
    if entry == "withdrawForBatch":  # goes through, and skips
        reasons = [read_error(till.errors, e["reason"]) for e in tx.events["WithdrawalSkipped"]]
        assert reasons == [("ReentrancyGuardReentrantCall",)]
    else:
        assert not token.succeeded()
        expected = REFUSED.get(entry, "ReentrancyGuardReentrantCall")
        assert read_error(till.errors, token.answer())[0] == expected
    assert (till.escrow.dueOf(case), *till.escrow.accountOf(till.arbitrator.address, token)) == before
    deposited = 0 if method == till.escrow.withdrawFor else 5_00
    assert till.escrow.balanceOf(till.merchant.address, token) == free + deposited
    assert till.escrow.withdrawalNonce(till.merchant.address) == 0
    neighbours.assert_untouched(case, bystanders)


@pytest.mark.parametrize("way_out", ["withdrawFor", "withdrawTo", "withdrawCredit", "withdrawBalanceFor"])
@pytest.mark.parametrize("hook", ["BeforeTransfer", "AfterTransfer"])
def test_token_that_calls_back_in_from_every_payment_is_paid_once(calling, hook, way_out):
    """In the middle of a payment it asks for the same payment again."""
    token, good, till, neighbours, case, _ = calling
    method, *arguments = ways_out(till, token, case)[way_out]
    held = token.balanceOf(till.escrow)
    set_state(token.setCall, HOOKS.index(hook) + 1, till.escrow, method.encode_input(*arguments))
    till.send(method, *arguments)
    assert token.calls() == 1
    assert read_error(till.errors, token.answer()) == ("ReentrancyGuardReentrantCall",)
    assert token.balanceOf(till.escrow) == held - 10_00 * UNIT
    neighbours.assert_untouched(case)
    neighbours.take_all(good)


def test_token_that_pays_in_while_it_deposits_is_not_counted_twice(calling):
    """While 5.00 are paid in for one merchant, it sends itself 5.00 more: the depositor alone gains by it."""
    token, _, till, neighbours, case, _ = calling
    more = token.transfer.encode_input(till.escrow, 5_00 * UNIT)
    set_state(token.setCall, HOOKS.index("AfterTransferFrom") + 1, token, more)
    free = till.escrow.balanceOf(till.merchant.address, token)
    till.escrow.deposit(till.merchant.address, token, 5_00 * UNIT, {"from": till.payer})
    assert till.escrow.balanceOf(till.merchant.address, token) == free + 10_00
    neighbours.assert_untouched(case)


def test_token_that_moves_a_case_on_while_it_pays_another_changes_neither(calling):
    """In the middle of a payment it has the ledger settle another case: that case pays from its own lock."""
    token, _, till, neighbours, case, _ = calling
    till.fund(token, 7_00)
    other = till.lock(token, 7_00)
    settle = till.ledger.settle.encode_input(other, till.merchant.address, (10_000, 0, False, 0, []))
    set_state(token.setCall, HOOKS.index("BeforeTransfer") + 1, till.ledger, settle)
    till.send(till.escrow.withdrawFor, case)
    assert token.succeeded()
    assert (till.escrow.dueOf(case), till.escrow.dueOf(other)) == (0, 7_00)
    assert token.balanceOf(till.consumer.address) == 10_00 * UNIT
    neighbours.assert_untouched(case, other)
