"""Whose signature makes a vote: an arbitrator's own key, or a wallet that is a contract (ERC-1271)"""

import secrets

import pytest
from brownie import ArbitrationPanel, DisputeStub, OddWallet, SmartWallet, SpitefulWallet, accounts, chain, web3
from eth_account.messages import encode_typed_data
from panel_support import VOTE, Bench, arbitrators, vote_digest, vote_of
from support import chain_id, keyed

MAGIC = bytes.fromhex("1626ba7e")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1
OWNER = keyed("owner of a wallet")
WALLET_GAS = 400_000


@pytest.fixture(scope="module")
def bench(module_isolation):
    operator, relayer = accounts[0], accounts[2]
    stub = DisputeStub.deploy({"from": operator})
    bench = Bench(stub, ArbitrationPanel.deploy(stub, operator, {"from": operator}), operator, relayer, chain)
    assert bench.register(arbitrators(3), 3) == 1
    return bench


@pytest.fixture
def one():
    return arbitrators(1)[0]


def sign_on(domain, key, vote):
    """A signature on a domain that differs from the panel's."""
    types = {"Vote": [{"name": name, "type": kind} for name, kind in VOTE.items()]}
    message = {label: vote[label] for label in VOTE}
    return key.sign_message(encode_typed_data(domain, types, message)).signature


def domain_of(panel, **changed):
    domain = {"name": "ArbitrationPanel", "version": "1", "chainId": chain_id(), "verifyingContract": panel.address}
    return {**domain, **changed}


# --- an arbitrator's own key ----------------------------------------------------------------------------------------


def test_digest(bench, one):
    vote = vote_of(secrets.token_bytes(32), one, 4_321, round=3, validUntil=1_700_000_000)
    assert bytes(bench.panel.digestOf(tuple(vote.values()))) == vote_digest(bench.panel, vote)


def test_vote_on_the_panel_s_own_domain(bench, one):
    vote = vote_of(bench.dispute(1), one, 1)
    signature = sign_on(domain_of(bench.panel), one, vote)
    assert bench.refusal(bench.panel.vote, tuple(vote.values()), signature) is None


@pytest.mark.parametrize(
    "changed",
    [{"chainId": 1}, {"verifyingContract": "0x" + "11" * 20}, {"name": "ReturnLedger"}, {"version": "2"}],
    ids=["another chain", "another contract", "another name", "another version"],
)
def test_vote_signed_for_something_else(bench, one, changed):
    vote = vote_of(bench.dispute(1), one, 1)
    signature = sign_on(domain_of(bench.panel, **changed), one, vote)
    assert bench.refusal(bench.panel.vote, tuple(vote.values()), signature) == ("BadVoteSignature", one.address)


@pytest.mark.parametrize("field", ["case", "share", "validUntil", "commitment"])
def test_vote_that_says_something_else_than_was_signed(bench, one, field):
    case_id = bench.dispute(1)
    vote, signature = bench.signed(case_id, one, 5_000, validUntil=2**39)
    place, value = {
        "case": (0, bench.dispute(1)),
        "share": (3, 5_001),
        "validUntil": (4, 2**39 + 1),
        "commitment": (5, b"\1" * 32),
    }[field]
    changed = (*vote[:place], value, *vote[place + 1 :])
    assert bench.refusal(bench.panel.vote, changed, signature) == ("BadVoteSignature", one.address)
    assert bench.refusal(bench.panel.vote, vote, signature) is None


def test_vote_by_another_key(bench, one):
    case_id = bench.dispute(1)
    for key in (arbitrators(2)[1], keyed("stranger")):
        assert bench.refused(case_id, one, 1, key=key) == ("BadVoteSignature", one.address)


def test_vote_of_an_arbitrator_sent_for_another(bench):
    """A message names no seat, and counts for its signer's alone."""
    one, two, _ = arbitrators(3)
    vote, signature = bench.signed(bench.dispute(1), one, 1)
    moved = (vote[0], two.address, *vote[2:])
    assert bench.refusal(bench.panel.vote, moved, signature) == ("BadVoteSignature", two.address)


def with_other_s(signature):
    """The second signature that the same key could have made of the same message."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([signature[64] ^ 7])  # 27 and 28 change places


@pytest.mark.parametrize(
    "change",
    [
        with_other_s,
        lambda signature: b"",
        lambda signature: bytes(65),
        lambda signature: signature[:64],
        lambda signature: signature + b"\0",
        lambda signature: signature[:64] + bytes([signature[64] - 27]),
        lambda signature: signature[:64] + bytes([signature[64] ^ 7]),
    ],
    ids=["high s", "nothing", "zeros", "too short", "too long", "parity alone", "other parity"],
)
def test_vote_with_a_signature_in_another_shape(bench, one, change):
    vote, signature = bench.signed(bench.dispute(1), one, 1)
    assert bench.refusal(bench.panel.vote, vote, change(bytes(signature))) == ("BadVoteSignature", one.address)


def test_own_key_counts_also_where_the_account_has_code(bench, one):
    case_id = bench.dispute(1)
    set_code(one.address, bytes.fromhex("fe"))
    bench.vote(case_id, one, 1)
    assert bench.refused(bench.dispute(1), one, 1, key=keyed("x")) == ("BadVoteSignature", one.address)


def set_code(address, code):
    for method in ("evm_setAccountCode", "anvil_setCode"):
        answer = web3.provider.make_request(method, [address, "0x" + code.hex()])
        if "error" not in answer:
            return
    raise AssertionError(answer)


# --- wallets --------------------------------------------------------------------------------------------------------


class Wallet:
    """A contract on a seat, for which a key signs."""

    def __init__(self, contract, key=OWNER, suffix=b""):
        self.address, self.key, self.suffix = contract.address, key, suffix

    def sign_message(self, signable):
        class Signed:
            signature = self.key.sign_message(signable).signature + self.suffix

        return Signed


@pytest.fixture
def smart(bench):
    return Wallet(SmartWallet.deploy(OWNER.address, {"from": bench.operator}))


def odd(bench, answer, reverts=False, uses=0):
    return Wallet(OddWallet.deploy(answer, reverts, uses, {"from": bench.operator}))


def seated(bench, *wallets):
    """A case whose panel is made up of wallets, one of them a quorum."""
    return bench.dispute(bench.register(list(wallets), 1))


def test_vote_of_a_wallet(bench, smart):
    tx = bench.vote(seated(bench, smart), smart, 4_000)
    assert tx.events["Voted"]["arbitrator"] == smart.address
    assert tx.events["RuledBy"]["share"] == 4_000


def test_vote_of_a_wallet_with_a_longer_signature(bench, smart):
    smart.suffix = b"\1" * 40
    assert bench.refused(seated(bench, smart), smart, 1) is None


def test_vote_of_a_wallet_by_another_key(bench, smart):
    assert bench.refused(seated(bench, smart), smart, 1, key=keyed("x")) == ("BadVoteSignature", smart.address)


@pytest.mark.parametrize(
    ("answer", "reverts"),
    [
        (b"", True),
        (MAGIC.ljust(32, b"\0"), True),
        (b"", False),
        (MAGIC, False),
        (MAGIC.ljust(31, b"\0"), False),
        (MAGIC.ljust(32, b"\1"), False),
        (MAGIC.rjust(32, b"\0"), False),
        (bytes(32), False),
        ((1).to_bytes(32, "big"), False),
        (b"\xff" * 32, False),
    ],
    ids=[
        "reverts",
        "reverts with yes",
        "says nothing",
        "four bytes of yes",
        "a byte too few",
        "yes and more",
        "yes at the wrong end",
        "zero",
        "true",
        "ones",
    ],
)
def test_vote_of_a_wallet_that_reverts_or_lies(bench, answer, reverts):
    wallet = odd(bench, answer, reverts)
    assert bench.refused(seated(bench, wallet), wallet, 1) == ("BadVoteSignature", wallet.address)


def test_vote_of_a_wallet_that_says_yes_and_goes_on(bench):
    """Bytes behind the first word are nobody's business, as the ABI has it."""
    wallet = odd(bench, MAGIC.ljust(32, b"\0") + b"\1" * 64)
    assert bench.refused(seated(bench, wallet), wallet, 1) is None


@pytest.mark.parametrize("burns", [True, False], ids=["burns gas", "answers too much"])
def test_vote_of_a_wallet_that_means_harm(bench, burns):
    wallet = Wallet(SpitefulWallet.deploy(burns, {"from": bench.operator}))
    signed = bench.signed(seated(bench, wallet), wallet, 1)
    refused = ("BadVoteSignature", wallet.address)
    assert bench.refusal(bench.panel.vote, *signed) == refused
    tx = bench.panel.voteBatch([signed], {"from": bench.relayer})
    assert bench.skipped(tx) == [(0, wallet.address, refused)]
    assert tx.gas_used < WALLET_GAS + 60_000


def test_vote_of_a_wallet_that_takes_more_than_its_gas(bench):
    wallet = odd(bench, MAGIC.ljust(32, b"\0"), uses=WALLET_GAS)
    assert bench.refused(seated(bench, wallet), wallet, 1) == ("BadVoteSignature", wallet.address)


@pytest.mark.parametrize("batch", [False, True])
def test_vote_of_a_wallet_is_counted_or_undone_whatever_gas_is_sent(bench, batch):
    """Too little gas never makes a good signature a bad one."""
    wallet = odd(bench, MAGIC.ljust(32, b"\0"), uses=WALLET_GAS - 10_000)
    signed = bench.signed(seated(bench, wallet), wallet, 1)
    method, args = (bench.panel.voteBatch, [[signed]]) if batch else (bench.panel.vote, signed)
    answers = [bench.refusal(method, *args, gas=gas) for gas in range(60_000, 540_000, 6_000)]
    refused = [answer for answer in answers if answer is not None]
    assert {("WalletGasTooLow",)} <= set(refused) <= {("WalletGasTooLow",), ()}  # the latter: no gas left for the rest
    assert answers == [*refused, *[None] * (len(answers) - len(refused))]
    bench.panel.voteBatch([signed], {"from": bench.relayer, "gas_limit": 540_000})
    assert len(bench.panel.awardsOf(signed[0][0], bench.panel.panelCount())[0]) == 1


def test_wallet_and_its_owner_on_two_seats_have_one_vote_each(bench, smart):
    """Whoever seats a key twice gives it two votes: a message of the owner counts for the wallet as well."""
    case_id = bench.dispute(bench.register([smart, OWNER, *arbitrators(1)], 3))
    vote, signature = bench.signed(case_id, OWNER, 4_000)
    bench.panel.vote(vote, signature, {"from": bench.relayer})
    bench.panel.vote((vote[0], smart.address, *vote[2:]), signature, {"from": bench.relayer})
    for seat in (OWNER, smart):
        assert bench.refused(case_id, seat, 1) == ("AlreadyVoted", seat.address, 0)
