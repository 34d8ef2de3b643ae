"""ReturnLedger.openBatch"""

from support import call_raw, read_error, skipped
from words import Mode, State


def open_batch(world, *cases):
    return world.ledger.openBatch([case.opening for case in cases], {"from": world.relayer})


def test_open_batch_skips_what_open_refuses(world, escrow):
    forged = world.prepare(key=world.stranger_key)
    poor = world.prepare(refund=10**9)
    good = [world.prepare(), world.prepare(mode=Mode.None_)]
    tx = open_batch(world, good[0], forged, poor, good[1])

    balance = 1_000_000 - 19_80
    assert skipped(world, tx) == [
        (1, forged.id, forged.opening[1], ("BadSignature", world.merchant.address)),
        (2, poor.id, poor.opening[1], ("BalanceTooLow", world.merchant.address, balance, 10**9)),
    ]
    assert [case.state for case in good] == [State.Requested] * 2
    assert [case.state for case in (forged, poor)] == [State.None_] * 2
    assert escrow.lockOf(good[0].id)["refund"] == 19_80


def test_open_batch_skips_all_while_paused(world, ledger):
    ledger.pause({"from": world.guardian})
    case = world.prepare()
    assert skipped(world, open_batch(world, case)) == [(0, case.id, case.opening[1], ("EnforcedPause",))]
    assert case.state == State.None_


def test_open_batch_opens_a_repeated_case_once(world):
    case = world.prepare()
    tx = open_batch(world, case, case)
    assert skipped(world, tx) == [(1, case.id, case.opening[1], ("AlreadyOpen", case.id))]
    assert case.view["length"] == 1


def test_open_batch_with_too_little_gas(world, ledger):
    data = ledger.openBatch.encode_input([world.prepare().opening])
    _, reason = call_raw(world.relayer, ledger.address, data, gas=400_000)
    assert read_error(world.errors, reason) == ("BatchGasTooLow", 0)


def test_open_batch_with_too_little_gas_for_a_later_opening(world, ledger):
    data = ledger.openBatch.encode_input([world.prepare().opening for _ in range(4)])
    _, reason = call_raw(world.relayer, ledger.address, data, gas=750_000)
    name, index = read_error(world.errors, reason)
    assert name == "BatchGasTooLow"
    assert index > 0
