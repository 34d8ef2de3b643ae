"""A case's head, recomputed from its events alone by the rule on the interface."""

import pytest
from brownie import web3
from eth_utils import keccak
from support import link, read_entry
from words import Grade, Kind, Mode, Role, State

RECORDED = keccak(text="Recorded(bytes32,address,bytes32,bytes32)")


def logs_of(case):
    """Actor, commitment and entry of every record of a case, read from raw logs."""
    question = {"address": case.world.ledger.address, "fromBlock": 0, "topics": [RECORDED, case.id]}
    for log in web3.eth.get_logs(question):
        data = bytes(log["data"])
        yield "0x" + bytes(log["topics"][2])[12:].hex(), data[:32], data[32:]


def lives(court):
    world = court.world
    yield world.open(mode=Mode.None_)
    yield world.open().reach(State.Closed)
    yield world.open().reach(State.Inspected, grade=Grade.Used, share=5_100, fee=70)
    yield world.open(mode=Mode.Bond).reach(State.Settled)
    disputed = world.open().reach(State.Disputed)
    disputed.poke()
    yield disputed
    silent = world.open()
    silent.poke()
    silent.act(Kind.Received, Role.Carrier)
    silent.poke()
    yield silent
    noticed = world.open().reach(State.Authorised)
    noticed.act(Kind.KeyBound, Role.Consumer)
    noticed.poke()
    yield noticed
    yield court.bring(State.Delivered)
    appealed = court.bring(State.Ruled, mode=Mode.Bond)
    appealed.act(Kind.Appealed, Role.Merchant)
    court.rule(appealed, 2_500)
    appealed.act(Kind.Refunded, Role.Merchant)
    appealed.act(Kind.Challenged, Role.Consumer, share=2_000)
    yield appealed


def test_hash_chain_of_every_life_ends_in_its_head(court, ledger):
    for case in lives(court):
        head, positions = case.id, []
        for actor, commitment, entry in logs_of(case):
            head = link(head, actor, commitment, entry)
            positions.append(read_entry(entry)["position"])
        assert positions == list(range(case.view["length"]))
        assert bytes(ledger.head(case.id)) == head


def test_hash_chain_the_last_entry_is_the_state_of_the_case(court):
    for case in lives(court):
        *_, (_, _, entry) = logs_of(case)
        last, view = read_entry(entry), case.view
        for field in ("state", "deadline", "grade", "share", "fee", "flags"):
            assert last[field] == view[field]


@pytest.mark.parametrize("left_out", range(3))
def test_hash_chain_without_one_record_ends_elsewhere(world, ledger, left_out):
    case = world.open().reach(State.PickedUp)
    head = case.id
    for position, record in enumerate(logs_of(case)):
        if position != left_out:
            head = link(head, *record)
    assert bytes(ledger.head(case.id)) != head


def test_hash_chain_of_an_unknown_case(ledger):
    assert bytes(ledger.head(b"\7" * 32)) == b"\0" * 32
