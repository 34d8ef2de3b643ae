"""Actors that are contracts (ERC-1271), well-behaved ones and others."""

import pytest
from brownie import SmartWallet, SpitefulWallet
from support import call_raw, keyed, pack, read_error, sign, skipped
from words import FAR, WITHDRAW_BALANCE, WITHDRAW_TO, Kind, Role, State


class Contract:
    """A contract as an actor: the key of its owner signs, the way the wallet wants it."""

    def __init__(self, contract, key, suffix=b""):
        self.address, self.contract, self.key, self.suffix = contract.address, contract, key, suffix

    def sign_message(self, signable):
        class Signed:
            signature = self.key.sign_message(signable).signature + self.suffix

        return Signed


@pytest.fixture(scope="module")
def wallet(world):
    owner = keyed("owner of a wallet")
    return Contract(SmartWallet.deploy(owner.address, {"from": world.operator}), owner)


def spiteful(world, burns):
    return Contract(SpitefulWallet.deploy(burns, {"from": world.operator}), keyed("spite"))


def test_wallet_as_merchant_opens_and_authorises(world, wallet, eur):
    world.fund(eur, 50_00, merchant=wallet)
    case = world.open(parties=world.parties(merchant=wallet))
    case.act(Kind.Authorised, Role.Merchant)
    assert case.state == State.Authorised
    assert case.tx.events["Opened"]["merchant"] == wallet.address


def test_wallet_as_merchant_withdraws_its_balance(world, escrow, wallet, eur):
    world.fund(eur, 50_00, merchant=wallet)
    values = {
        "merchant": wallet.address,
        "token": eur.address,
        "amount": 20_00,
        "to": world.guardian.address,
        "nonce": 0,
        "validUntil": FAR,
    }
    signature = sign(wallet, escrow, "RefundEscrow", "WithdrawBalance", values, WithdrawBalance=WITHDRAW_BALANCE)
    escrow.withdrawBalanceFor(*values.values(), signature, {"from": world.stranger})
    assert escrow.balanceOf(wallet.address, eur) == 30_00


def test_wallet_as_consumer_accepts_and_withdraws(world, escrow, wallet, eur):
    case = world.open(consumer=wallet, consumerKeyHeld=False).reach(State.Inspected)
    case.act(Kind.Accepted, Role.Consumer)
    message = {"caseId": case.id, "to": world.guardian.address, "nonce": 0, "validUntil": FAR}
    signature = sign(wallet, escrow, "RefundEscrow", "WithdrawTo", message, WithdrawTo=WITHDRAW_TO)
    escrow.withdrawTo(case.id, world.guardian, 0, FAR, signature, {"from": world.stranger})
    assert eur.balanceOf(world.guardian) == 19_80 * 10_000


def test_wallet_in_a_batch(world, wallet):
    case = world.open(parties=world.parties(warehouse=wallet)).reach(State.Authorised)
    case.relay([case.packed(Kind.Received, Role.Warehouse)])
    assert case.state == State.Received


def test_wallet_with_a_longer_signature(world, wallet):
    long = Contract(wallet.contract, wallet.key, suffix=b"\1" * 40)
    case = world.open(parties=world.parties(warehouse=long)).reach(State.Authorised)
    case.act(Kind.Received, Role.Warehouse)
    assert case.state == State.Received


@pytest.mark.parametrize("key", ["merchant", "stranger_key"])
def test_wallet_refuses_another_key(world, ledger, wallet, key):
    case = world.open(parties=world.parties(warehouse=wallet)).reach(State.Authorised)
    answer = world.refusal(ledger.record, *case.signed(Kind.Received, Role.Warehouse, key=getattr(world, key)))
    assert answer == ("BadSignature", wallet.address)


def test_wallet_signature_does_not_count_for_another_contract(world, ledger, wallet):
    """The owner of two wallets signs for one: the case tells them apart."""
    twin = Contract(SmartWallet.deploy(wallet.key.address, {"from": world.operator}), wallet.key)
    case = world.open(parties=world.parties(carrier=wallet, warehouse=twin)).reach(State.Authorised)
    act = case.message(Kind.Received, Role.Warehouse)
    signature = case.sign({**act, "role": Role.Carrier}, wallet)
    assert world.refusal(ledger.record, tuple(act.values()), signature) == ("BadSignature", twin.address)


def test_wallet_that_is_no_wallet(world, ledger, eur):
    case = world.open(parties=world.parties(warehouse=Contract(eur, keyed("x")))).reach(State.Authorised)
    answer = world.refusal(ledger.record, *case.signed(Kind.Received, Role.Warehouse))
    assert answer == ("BadSignature", eur.address)


@pytest.mark.parametrize("burns", [True, False], ids=["burns gas", "answers too much"])
def test_wallet_that_means_harm_costs_a_batch_its_own_item_only(world, burns):
    bad = spiteful(world, burns)
    harmed = [world.open(parties=world.parties(warehouse=bad)).reach(State.Authorised) for _ in range(3)]
    good = world.open().reach(State.Authorised)
    items = [case.packed(Kind.Received, Role.Warehouse) for case in harmed]
    tx = world.ledger.recordPacked(
        b"".join([*items[:2], good.packed(Kind.Received, Role.Warehouse), items[2]]), {"from": world.relayer}
    )
    left_out = skipped(world, tx)
    assert [index for index, *_ in left_out] == [0, 1, 3]
    assert {reason for *_, reason in left_out} == {("BadSignature", bad.address)}
    assert good.state == State.Received
    assert tx.gas_used < 2_500_000


def test_wallet_that_burns_gas_names_itself(world, ledger):
    bad = spiteful(world, True)
    case = world.open(parties=world.parties(warehouse=bad)).reach(State.Authorised)
    answer = world.refusal(ledger.record, *case.signed(Kind.Received, Role.Warehouse))
    assert answer == ("BadSignature", bad.address)


@pytest.mark.parametrize("way", ["record", "recordPacked"])
def test_wallet_that_too_little_gas_is_left_to_ask(world, ledger, wallet, way):
    """Less gas than a wallet may use is never a bad signature: nothing of the transaction counts."""
    case = world.open(parties=world.parties(warehouse=wallet)).reach(State.Authorised)
    signed = case.signed(Kind.Received, Role.Warehouse)
    data = ledger.record.encode_input(*signed) if way == "record" else ledger.recordPacked.encode_input(pack(*signed))
    _, reason = call_raw(world.relayer, ledger.address, data, gas=400_000)
    assert read_error(world.errors, reason) == ("WalletGasTooLow",)
    assert call_raw(world.relayer, ledger.address, data, gas=600_000)[1] is None


def test_wallet_in_a_batch_with_gas_for_the_items_before_it_only(world, ledger, wallet):
    case = world.open(parties=world.parties(warehouse=wallet)).reach(State.Authorised)
    before = world.open()
    items = before.packed(Kind.Authorised, Role.Merchant) + case.packed(Kind.Received, Role.Warehouse)
    data = ledger.recordPacked.encode_input(items)
    _, reason = call_raw(world.relayer, ledger.address, data, gas=460_000)
    assert read_error(world.errors, reason) == ("WalletGasTooLow",)


@pytest.mark.parametrize("way", ["open", "openBatch"])
def test_wallet_as_merchant_that_too_little_gas_is_left_to_ask(world, ledger, wallet, eur, way):
    world.fund(eur, 50_00, merchant=wallet)
    opening = world.prepare(parties=world.parties(merchant=wallet)).opening
    data = ledger.open.encode_input(opening) if way == "open" else ledger.openBatch.encode_input([opening])
    _, reason = call_raw(world.relayer, ledger.address, data, gas=450_000)
    assert read_error(world.errors, reason) == ("WalletGasTooLow",)
    assert call_raw(world.relayer, ledger.address, data, gas=800_000)[1] is None


def test_wallet_items_are_of_one_length(world, wallet):
    long = Contract(wallet.contract, wallet.key, suffix=b"\1")
    case = world.open(parties=world.parties(warehouse=long)).reach(State.Authorised)
    item = pack(*case.signed(Kind.Received, Role.Warehouse))
    assert world.refusal(world.ledger.recordPacked, item) == ("BadLength", 144)
