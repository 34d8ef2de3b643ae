"""ReturnLedger.pokeBatch"""

import pytest
from brownie import web3
from support import call_raw, skipped
from words import Mode, State


def test_poke_batch_skips_what_poke_refuses(world, ledger):
    due = [world.open(), world.open(mode=Mode.None_)]
    closed = world.open().reach(State.Closed)
    world.pass_deadline(due[1])
    early = world.open()
    unknown = b"\5" * 32
    ids = [due[0].id, closed.id, early.id, unknown, due[1].id]
    tx = ledger.pokeBatch(ids, {"from": world.stranger})
    nothing = b"\0" * 32
    assert skipped(world, tx) == [
        (1, closed.id, nothing, ("NothingDue", State.Closed)),
        (2, early.id, nothing, ("DeadlineAhead", early.deadline)),
        (3, unknown, nothing, ("UnknownCase", unknown)),
    ]
    assert [case.state for case in due] == [State.Authorised] * 2


@pytest.mark.parametrize("part", [0.5, 0.8, 0.95, 0.99])
def test_poke_batch_with_too_little_gas(world, ledger, part):
    """All of it counts or nothing does, also where a case would be settled."""
    cases = [world.open(), world.open().reach(State.Received)]
    for case in cases:
        world.pass_deadline(case)
    data = ledger.pokeBatch.encode_input([case.id for case in cases])
    enough = web3.eth.estimate_gas({"from": str(world.relayer), "to": ledger.address, "data": data})
    answer, _ = call_raw(world.relayer, ledger.address, data, gas=int(enough * part))
    assert answer is None
    answer, _ = call_raw(world.relayer, ledger.address, data, gas=enough)
    assert answer is not None
