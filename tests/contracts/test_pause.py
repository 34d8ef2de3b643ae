"""ReturnLedger.pause, unpause"""

import pytest
from words import State


@pytest.mark.parametrize("method", ["pause", "unpause"])
@pytest.mark.parametrize("caller", ["stranger", "operator"])
def test_pause_is_the_guardians_alone(world, ledger, method, caller):
    account = getattr(world, caller)
    answer = world.refusal(getattr(ledger, method), sender=account)
    assert answer == ("AccessControlUnauthorizedAccount", account.address, bytes(ledger.GUARDIAN()))


def test_pause_twice(world, ledger):
    ledger.pause({"from": world.guardian})
    assert world.refusal(ledger.pause, sender=world.guardian) == ("EnforcedPause",)


def test_unpause_what_is_not_paused(world, ledger):
    assert world.refusal(ledger.unpause, sender=world.guardian) == ("ExpectedPause",)


def test_pause_and_unpause(world, ledger):
    tx = ledger.pause({"from": world.guardian})
    assert tx.events["Paused"]["account"] == world.guardian.address
    assert ledger.paused()
    ledger.unpause({"from": world.guardian})
    assert not ledger.paused()
    assert world.open().state == State.Requested


def test_pause_stops_no_withdrawal(world, ledger, escrow, eur):
    case = world.open().reach(State.Received)
    ledger.pause({"from": world.guardian})
    case.poke()
    escrow.withdrawFor(case.id, {"from": world.stranger})
    assert eur.balanceOf(world.consumer.address) == 19_80 * 10_000
