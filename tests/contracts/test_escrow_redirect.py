"""RefundEscrow.withdrawTo, keepPayee: a consumer's money goes elsewhere, at once or after a notice"""

import pytest
from brownie import RegulatedToken, SmartWallet, SpitefulWallet
from support import keyed, read_error
from till import NOTICE, Till, open_till
from words import FAR, ZERO

PLACE = keyed("a place of the consumer's choice").address
ELSEWHERE = keyed("another place").address


@pytest.fixture(scope="module")
def till(module_isolation):
    return open_till()


@pytest.fixture(scope="module")
def usd(till):
    return till.tokens["USD"]


@pytest.fixture(scope="module")
def case(till, usd):
    """10.00 are due to a consumer who holds a key of their own."""
    return till.due(usd, 10_00)


@pytest.fixture(scope="module")
def held(till, usd):
    """10.00 are due to a consumer whose key a service holds."""
    return till.due(usd, 10_00, notice=NOTICE)


def redirect(till, case, to=PLACE, **changed):
    """Gives a redirect; answers the time it takes effect."""
    tx = till.escrow.withdrawTo(*till.withdraw_to(case, to, **changed), {"from": till.stranger})
    return tx.events["RedirectGiven"]["effectiveAt"]


def refuse_to(till, case, to=PLACE, **changed):
    return till.refusal(till.escrow.withdrawTo, *till.withdraw_to(case, to, **changed))


def refuse_keep(till, case, **changed):
    return till.refusal(till.escrow.keepPayee, *till.keep_payee(case, **changed))


@pytest.fixture(params=["own key", "held key"])
def either(request, case, held):
    """A case of each kind: what is refused is refused for both."""
    return case if request.param == "own key" else held


# --- withdrawTo: refusals -------------------------------------------------------------------------------------------


def test_withdraw_to_nobody(till, either):
    assert refuse_to(till, either, to=ZERO) == ("ZeroRecipient",)


def test_withdraw_to_before_anything_is_due(till, usd):
    till.fund(usd, 10_00)
    case = till.lock(usd, 10_00)
    till.send(till.ledger.setPayee, case, till.consumer.address, 0)
    assert refuse_to(till, case) == ("NothingDueTo", case)


def test_withdraw_to_of_an_unknown_case(till):
    assert refuse_to(till, b"\1" * 32) == ("NothingDueTo", b"\1" * 32)


def test_withdraw_to_after_the_money_left(till, either):
    till.send(till.escrow.withdrawFor, either)
    assert refuse_to(till, either) == ("NothingDueTo", either)


def test_withdraw_to_while_a_redirect_waits(till, held):
    effective_at = redirect(till, held)
    assert refuse_to(till, held, to=ELSEWHERE, nonce=1) == ("RedirectRuns", effective_at)
    till.block_at(effective_at - 1)
    assert refuse_to(till, held, to=ELSEWHERE, nonce=1) == ("RedirectRuns", effective_at)


@pytest.mark.parametrize("nonce", [1, 2**32 - 1])
def test_withdraw_to_with_another_nonce(till, either, nonce):
    assert refuse_to(till, either, nonce=nonce) == ("WrongWithdrawalNonce", 0, nonce)


def test_withdraw_to_with_an_old_nonce(till, held):
    till.block_at(redirect(till, held))
    assert refuse_to(till, held) == ("WrongWithdrawalNonce", 1, 0)


def test_withdraw_to_after_an_objection_with_the_same_signature(till, held):
    arguments = till.withdraw_to(held, PLACE)
    till.send(till.escrow.withdrawTo, *arguments)
    till.send(till.escrow.keepPayee, *till.keep_payee(held))
    assert till.refusal(till.escrow.withdrawTo, *arguments) == ("WrongWithdrawalNonce", 2, 0)


def test_withdraw_to_after_valid_until(till, either):
    past = till.chain[-1].timestamp - 1
    assert refuse_to(till, either, valid_until=past) == ("WithdrawalExpired", past)


def test_withdraw_to_at_valid_until(till, either):
    last = till.chain[-1].timestamp + 100
    till.block_at(last)
    assert refuse_to(till, either, valid_until=last) is None


@pytest.mark.parametrize("key", ["merchant", "arbitrator"])
def test_withdraw_to_signed_by_another(till, either, key):
    answer = refuse_to(till, either, key=getattr(till, key))
    assert answer == ("BadWithdrawalSignature", till.consumer.address)


@pytest.mark.parametrize(
    "changed", [{"to": ELSEWHERE}, {"valid_until": FAR - 1}, {"case": "another"}], ids=["recipient", "time", "case"]
)
def test_withdraw_to_with_something_changed_after_signing(till, usd, either, changed):
    case_id, to, nonce, valid_until, signature = till.withdraw_to(either, PLACE)
    to, valid_until = changed.get("to", to), changed.get("valid_until", valid_until)
    if "case" in changed:
        case_id = till.due(usd, 10_00)
    answer = till.refusal(till.escrow.withdrawTo, case_id, to, nonce, valid_until, signature)
    assert answer == ("BadWithdrawalSignature", till.consumer.address)


def test_withdraw_to_with_the_signature_for_another_escrow(till, usd, either):
    twin = Till([(usd, "USD", 2)])
    arguments = twin.withdraw_to(either, PLACE)
    assert till.refusal(till.escrow.withdrawTo, *arguments) == ("BadWithdrawalSignature", till.consumer.address)


@pytest.mark.parametrize("length", [0, 64, 66])
def test_withdraw_to_with_a_signature_of_another_length(till, either, length):
    *values, signature = till.withdraw_to(either, PLACE)
    signature = (signature + b"\0")[:length]
    answer = till.refusal(till.escrow.withdrawTo, *values, signature)
    assert answer == ("BadWithdrawalSignature", till.consumer.address)


def test_withdraw_to_the_escrow_itself(till, case):
    """Nothing would leave, and the money would be nobody's."""
    assert refuse_to(till, case, to=till.escrow.address) == ("OtherAmountMoved", 10_00 * 10_000, 0)


def test_withdraw_to_where_the_token_refuses(till):
    token = RegulatedToken.deploy({"from": till.operator})
    till = Till([(token, "EUR", 2)])
    case = till.due(token, 10_00)
    token.setBlocked(PLACE, True, {"from": till.stranger})
    assert refuse_to(till, case) == ("Blocked", PLACE)
    assert refuse_to(till, case, to=ELSEWHERE) is None


@pytest.mark.parametrize("burns", [True, False], ids=["burns gas", "answers too much"])
def test_withdraw_to_of_a_wallet_that_means_harm(till, either, burns):
    wallet = SpitefulWallet.deploy(burns, {"from": till.operator})
    till.send(till.ledger.setPayee, either, wallet.address, 0)
    assert refuse_to(till, either) == ("BadWithdrawalSignature", wallet.address)


@pytest.mark.parametrize("entry", ["withdrawTo", "keepPayee"])
def test_message_of_a_wallet_with_too_little_gas_to_ask_it(till, held, entry):
    """A good signature is not refused for want of gas: it is not judged at all."""
    owner = keyed("owner of a wallet")
    wallet = SmartWallet.deploy(owner.address, {"from": till.operator})
    till.send(till.ledger.setPayee, held, wallet.address, NOTICE)
    method, arguments = till.escrow.withdrawTo, till.withdraw_to(held, PLACE, key=owner)
    if entry == "keepPayee":
        till.send(method, *arguments)
        method, arguments = till.escrow.keepPayee, till.keep_payee(held, key=owner)
    _, reason = till.call_with_gas(method, *arguments, gas=400_000)
    assert read_error(till.errors, reason) == ("WalletGasTooLow",)
    _, reason = till.call_with_gas(method, *arguments, gas=600_000)
    assert reason is None


# --- withdrawTo: at once --------------------------------------------------------------------------------------------


def test_withdraw_to_with_an_own_key_pays_at_once(till, usd, case):
    tx = till.escrow.withdrawTo(*till.withdraw_to(case, PLACE), {"from": till.stranger})
    assert "RedirectGiven" not in tx.events
    event = tx.events["Withdrawn"]
    assert (bytes(event["caseId"]), event["to"]) == (case, PLACE)
    assert (event["token"], event["amount"]) == (usd.address, 10_00)
    assert (usd.balanceOf(PLACE), usd.balanceOf(till.consumer.address)) == (10_00 * 10_000, 0)
    assert till.escrow.dueOf(case) == 0
    assert tuple(till.escrow.redirectOf(case)) == (ZERO, 0, 1)
    assert refuse_to(till, case, nonce=1) == ("NothingDueTo", case)


def test_withdraw_to_as_a_wallet_signed(till, usd):
    owner = keyed("owner of a wallet")
    wallet = SmartWallet.deploy(owner.address, {"from": till.operator})
    case = till.due(usd, 10_00)
    till.send(till.ledger.setPayee, case, wallet.address, 0)
    assert refuse_to(till, case) == ("BadWithdrawalSignature", wallet.address)
    till.send(till.escrow.withdrawTo, *till.withdraw_to(case, PLACE, key=owner))
    assert usd.balanceOf(PLACE) == 10_00 * 10_000


# --- withdrawTo: after a notice -------------------------------------------------------------------------------------


def test_withdraw_to_with_a_held_key_pays_nothing_yet(till, usd, held):
    tx = till.escrow.withdrawTo(*till.withdraw_to(held, PLACE), {"from": till.stranger})
    assert "Withdrawn" not in tx.events
    event = tx.events["RedirectGiven"]
    assert (bytes(event["caseId"]), event["to"], event["effectiveAt"]) == (held, PLACE, tx.timestamp + NOTICE)
    assert till.escrow.dueOf(held) == 10_00
    assert usd.balanceOf(PLACE) == 0
    assert tuple(till.escrow.redirectOf(held)) == (PLACE, tx.timestamp + NOTICE, 1)


def test_redirect_holds_the_money_until_it_takes_effect_and_then_pays_there(till, usd, held):
    effective_at = redirect(till, held)
    till.block_at(effective_at - 1)
    assert till.refusal(till.escrow.withdrawFor, held) == ("RedirectRuns", effective_at)
    till.block_at(effective_at)
    assert till.refusal(till.escrow.withdrawFor, held) is None
    event = till.escrow.withdrawFor(held, {"from": till.stranger}).events["Withdrawn"]
    assert (event["to"], event["amount"]) == (PLACE, 10_00)
    assert (usd.balanceOf(PLACE), usd.balanceOf(till.consumer.address)) == (10_00 * 10_000, 0)
    assert till.refusal(till.escrow.withdrawFor, held) == ("NothingDueTo", held)


def test_redirect_of_one_case_leaves_another_alone(till, usd, held):
    other = till.due(usd, 5_00, notice=NOTICE)
    redirect(till, held)
    till.send(till.escrow.withdrawFor, other)
    assert usd.balanceOf(till.consumer.address) == 5_00 * 10_000


def test_redirect_that_took_effect_can_be_replaced(till, usd, held):
    """A place that the token refuses is not the end: the consumer names another, and waits again."""
    till.block_at(redirect(till, held))
    effective_at = redirect(till, held, to=ELSEWHERE, nonce=1)
    assert till.refusal(till.escrow.withdrawFor, held) == ("RedirectRuns", effective_at)
    till.travel(effective_at)
    till.send(till.escrow.withdrawFor, held)
    assert (usd.balanceOf(PLACE), usd.balanceOf(ELSEWHERE)) == (0, 10_00 * 10_000)


def test_redirect_that_took_effect_can_be_replaced_at_once_with_an_own_key(till, usd, held):
    till.block_at(redirect(till, held))
    till.send(till.ledger.setPayee, held, till.consumer.address, 0)
    till.send(till.escrow.withdrawTo, *till.withdraw_to(held, ELSEWHERE, nonce=1))
    assert (usd.balanceOf(PLACE), usd.balanceOf(ELSEWHERE)) == (0, 10_00 * 10_000)


# --- keepPayee ------------------------------------------------------------------------------------------------------


def test_keep_payee_without_a_redirect(till, either):
    assert refuse_keep(till, either, nonce=0) == ("NoRedirect", either)


def test_keep_payee_of_a_redirect_that_took_effect(till, held):
    effective_at = redirect(till, held)
    till.block_at(effective_at - 1)
    assert refuse_keep(till, held) is None
    till.block_at(effective_at)
    assert refuse_keep(till, held) == ("NoRedirect", held)


def test_keep_payee_twice(till, held):
    redirect(till, held)
    arguments = till.keep_payee(held)
    till.send(till.escrow.keepPayee, *arguments)
    assert till.refusal(till.escrow.keepPayee, *arguments) == ("NoRedirect", held)


@pytest.mark.parametrize("nonce", [0, 2])
def test_keep_payee_with_another_nonce(till, held, nonce):
    redirect(till, held)
    assert refuse_keep(till, held, nonce=nonce) == ("WrongWithdrawalNonce", 1, nonce)


def test_keep_payee_with_the_signature_against_an_earlier_redirect(till, held):
    redirect(till, held)
    objection = till.keep_payee(held)
    till.send(till.escrow.keepPayee, *objection)
    redirect(till, held, nonce=2)
    assert till.refusal(till.escrow.keepPayee, *objection) == ("WrongWithdrawalNonce", 3, 1)


def test_keep_payee_after_valid_until(till, held):
    redirect(till, held)
    past = till.chain[-1].timestamp - 1
    assert refuse_keep(till, held, valid_until=past) == ("WithdrawalExpired", past)


@pytest.mark.parametrize("key", ["merchant", "arbitrator"])
def test_keep_payee_signed_by_another(till, held, key):
    redirect(till, held)
    answer = refuse_keep(till, held, key=getattr(till, key))
    assert answer == ("BadWithdrawalSignature", till.consumer.address)


def test_keep_payee_with_the_signature_of_another_case(till, usd, held):
    other = till.due(usd, 10_00, notice=NOTICE)
    redirect(till, held)
    *_, signature = till.keep_payee(other)
    answer = till.refusal(till.escrow.keepPayee, held, 1, FAR, signature)
    assert answer == ("BadWithdrawalSignature", till.consumer.address)


def test_keep_payee(till, usd, held):
    redirect(till, held)
    tx = till.escrow.keepPayee(*till.keep_payee(held), {"from": till.stranger})
    assert bytes(tx.events["RedirectVoided"]["caseId"]) == held
    assert tuple(till.escrow.redirectOf(held)) == (ZERO, 0, 2)
    till.send(till.escrow.withdrawFor, held)
    assert (usd.balanceOf(PLACE), usd.balanceOf(till.consumer.address)) == (0, 10_00 * 10_000)
