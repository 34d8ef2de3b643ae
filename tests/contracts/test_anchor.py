"""CheckpointAnchor: what is anchored, by whom, how fast it grows, and where it ends"""

import secrets

import pytest
from brownie import CheckpointAnchor, accounts
from support import call_raw, errors_of, keyed, read_error
from words import NO_WORD, ZERO

MOST = 1_000
LARGEST = 2**64 - 1


def deploy(most=MOST):
    return CheckpointAnchor.deploy(accounts[0], accounts[1], most, {"from": accounts[5]})


@pytest.fixture(scope="module")
def anchor(module_isolation):
    return deploy()


@pytest.fixture(scope="module")
def operator():
    return accounts[0]


@pytest.fixture(scope="module")
def writer():
    return accounts[1]


@pytest.fixture(scope="module")
def stranger():
    return accounts[3]


def refusal(method, *args, sender):
    _, reason = call_raw(sender, method._address, method.encode_input(*args))
    return None if reason is None else read_error(errors_of(CheckpointAnchor), reason)


def root():
    return secrets.token_bytes(32)


def unauthorized(anchor, account):
    return ("AccessControlUnauthorizedAccount", account.address, bytes(anchor.OPERATOR()))


# --- deployment -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "writer", "most", "answer"),
    [(False, True, 1, "ZeroAddress"), (True, False, 1, "ZeroAddress"), (True, True, 0, "ZeroGrowth")],
)
def test_deploy_with_nothing(stranger, operator, writer, most, answer):
    somebody = stranger.address
    args = (somebody if operator else ZERO, somebody if writer else ZERO, most)
    _, reason = call_raw(stranger, None, "0x" + CheckpointAnchor.deploy.encode_input(*args))
    assert read_error(errors_of(CheckpointAnchor), reason) == (answer,)


def test_deploy(anchor, operator, writer):
    assert anchor.tx.events["WriterReplaced"]["writer"] == writer == anchor.writer()
    assert anchor.hasRole(anchor.OPERATOR(), operator)
    assert anchor.hasRole(NO_WORD, operator)
    assert not anchor.hasRole(anchor.OPERATOR(), accounts[5])
    assert (anchor.latest(), anchor.mostGrowth(), anchor.successor()) == ((0, "0x" + "00" * 32), MOST, ZERO)


# --- anchoring ------------------------------------------------------------------------------------------------------


def test_anchor_as_anybody_but_the_writer(anchor, operator, stranger):
    for sender in (operator, stranger):
        assert refusal(anchor.anchor, 1, root(), sender=sender) == ("NotTheWriter", sender.address)


@pytest.mark.parametrize("size", [0, 1, 499, 500])
def test_anchor_with_a_size_that_does_not_grow(anchor, writer, size):
    anchor.anchor(500, root(), {"from": writer})
    assert refusal(anchor.anchor, size, root(), sender=writer) == ("SizeDoesNotGrow", size, 500)


def test_anchor_with_nothing_in_the_log(anchor, writer):
    assert refusal(anchor.anchor, 0, root(), sender=writer) == ("SizeDoesNotGrow", 0, 0)


@pytest.mark.parametrize("before", [0, 7])
@pytest.mark.parametrize("size", [MOST + 8, 2 * MOST, LARGEST])
def test_anchor_beyond_the_bound(anchor, writer, before, size):
    if before:
        anchor.anchor(before, root(), {"from": writer})
    assert refusal(anchor.anchor, size, root(), sender=writer) == ("GrowsTooFast", size, MOST + before)


def test_anchor_at_the_bound(anchor, writer):
    for size in (MOST, 2 * MOST, 2 * MOST + 1, 3 * MOST + 1):
        assert refusal(anchor.anchor, size + MOST, root(), sender=writer)[0] == "GrowsTooFast"
        anchor.anchor(size, root(), {"from": writer})
    assert anchor.latest()[0] == 3 * MOST + 1


def test_anchor(anchor, writer):
    first, second = root(), root()
    anchor.anchor(3, first, {"from": writer})
    tx = anchor.anchor(9, second, {"from": writer})
    assert (tx.events["Anchored"]["size"], bytes(tx.events["Anchored"]["root"])) == (9, second)
    assert anchor.latest() == (9, "0x" + second.hex())


def test_anchor_up_to_the_largest_size(writer):
    """The bound is compared without overflow, and the end of the numbers is an end like any other."""
    anchor = deploy(LARGEST)
    anchor.anchor(LARGEST - 1, root(), {"from": writer})
    anchor.anchor(LARGEST, root(), {"from": writer})
    assert refusal(anchor.anchor, LARGEST, root(), sender=writer) == ("SizeDoesNotGrow", LARGEST, LARGEST)


# --- the writer -----------------------------------------------------------------------------------------------------


def test_replace_writer_as_anybody_but_the_operator(anchor, writer, stranger):
    for sender in (writer, stranger):
        assert refusal(anchor.replaceWriter, stranger, sender=sender) == unauthorized(anchor, sender)


def test_replace_writer_by_nobody(anchor, operator):
    assert refusal(anchor.replaceWriter, ZERO, sender=operator) == ("ZeroAddress",)


def test_replace_writer(anchor, operator, writer, stranger):
    anchor.anchor(5, root(), {"from": writer})
    tx = anchor.replaceWriter(stranger, {"from": operator})
    assert tx.events["WriterReplaced"]["writer"] == stranger == anchor.writer()
    assert refusal(anchor.anchor, 6, root(), sender=writer) == ("NotTheWriter", writer.address)
    anchor.anchor(6, root(), {"from": stranger})
    assert anchor.latest()[0] == 6


# --- the end of the log ---------------------------------------------------------------------------------------------


def test_name_successor_as_anybody_but_the_operator(anchor, writer, stranger):
    for sender in (writer, stranger):
        assert refusal(anchor.nameSuccessor, stranger, sender=sender) == unauthorized(anchor, sender)


def test_name_nobody_as_successor(anchor, operator):
    assert refusal(anchor.nameSuccessor, ZERO, sender=operator) == ("ZeroAddress",)


def test_name_itself_as_successor(anchor, operator):
    assert refusal(anchor.nameSuccessor, anchor, sender=operator) == ("SuccessorIsThis",)


def test_name_a_second_successor(anchor, operator):
    first, second = keyed("first").address, keyed("second").address
    anchor.nameSuccessor(first, {"from": operator})
    assert refusal(anchor.nameSuccessor, second, sender=operator) == ("LogHasSuccessor", first)


def test_name_successor_ends_the_log(anchor, operator, writer):
    last, successor = root(), keyed("first").address
    anchor.anchor(5, last, {"from": writer})
    tx = anchor.nameSuccessor(successor, {"from": operator})
    assert tx.events["SuccessorNamed"]["successor"] == successor == anchor.successor()
    assert refusal(anchor.anchor, 6, root(), sender=writer) == ("LogHasSuccessor", successor)
    anchor.replaceWriter(operator, {"from": operator})
    assert refusal(anchor.anchor, 6, root(), sender=operator) == ("LogHasSuccessor", successor)
    assert anchor.latest() == (5, "0x" + last.hex())


def test_gas_of_an_anchor(anchor, writer):
    first = anchor.anchor(MOST, root(), {"from": writer})
    later = anchor.anchor(2 * MOST, root(), {"from": writer})
    print(f"first {first.gas_used}, later {later.gas_used}")
    assert first.gas_used < 60_000
    assert later.gas_used < 40_000
