"""ReturnLedger.pokeBatch"""

from support import call_raw, read_error, skipped
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


def test_poke_batch_with_too_little_gas(world, ledger):
    case = world.open()
    world.pass_deadline(case)
    data = ledger.pokeBatch.encode_input([case.id])
    _, reason = call_raw(world.relayer, ledger.address, data, gas=400_000)
    assert read_error(world.errors, reason) == ("BatchGasTooLow", 0)
