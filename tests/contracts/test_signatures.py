"""Signatures of acts: what each counts for, wallets that mean harm, relayers that give too little gas."""

import pytest
from brownie import OddWallet, SmartWallet, SpitefulWallet, web3
from court import refusal, undone
from eth_account.messages import encode_typed_data
from support import call_raw, keyed, pack, read_error, skipped
from words import ACTS, FAR, FULL, OPEN, TERMS, Grade, Kind, Mode, Role, State

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
YES = bytes.fromhex("1626ba7e").ljust(32, b"\0")  # ERC-1271


@pytest.fixture
def case(court):
    """Both sides can act, and neither needs to wait."""
    return court.bring(State.Disputed)


def on_domain(case, kind, role, key=None, **domain):
    """An act that was signed for another domain."""
    act = case.message(kind, role)
    fields = {"name": "ReturnLedger", "version": "1", "chainId": web3.eth.chain_id}
    fields = {**fields, "verifyingContract": case.world.ledger.address, **domain}
    types = {kind.name: [{"name": name, "type": kind_of} for name, kind_of in ACTS[kind].items()]}
    signable = encode_typed_data(fields, types, {name: act[name] for name in ACTS[kind]})
    return tuple(act.values()), (key or case.parties[role]).sign_message(signable).signature


def high_s(signature):
    """The other signature that the same key and message have."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    return r + (ORDER - s).to_bytes(32, "big") + bytes([27 + 28 - v])


def bad(case, role):
    return "BadSignature", case.parties[role].address


def ask(case, act, signature):
    return case.world.refusal(case.world.ledger.record, act, signature)


# --- keys -----------------------------------------------------------------------------------------------------------


def test_signature_on_this_domain_counts(case):
    assert ask(case, *on_domain(case, Kind.Evidence, Role.Consumer)) is None


@pytest.mark.parametrize("chain", [1, 137, 10**9])
def test_signature_for_another_chain(case, chain):
    assert ask(case, *on_domain(case, Kind.Evidence, Role.Consumer, chainId=chain)) == bad(case, Role.Consumer)


@pytest.mark.parametrize("contract", ["escrow", "panel", "lens"])
def test_signature_for_another_contract(case, contract):
    other = getattr(case.world, contract).address
    answer = ask(case, *on_domain(case, Kind.Evidence, Role.Consumer, verifyingContract=other))
    assert answer == bad(case, Role.Consumer)


@pytest.mark.parametrize("domain", [{"name": "RefundEscrow"}, {"version": "2"}])
def test_signature_for_another_domain(case, domain):
    assert ask(case, *on_domain(case, Kind.Evidence, Role.Consumer, **domain)) == bad(case, Role.Consumer)


def test_signature_for_another_case(court, case):
    other = court.bring(State.Disputed)
    act = case.message(Kind.Evidence, Role.Consumer)
    signature = other.sign({**act, "caseId": other.id}, court.world.consumer)
    assert ask(case, tuple(act.values()), signature) == bad(case, Role.Consumer)


def test_signature_of_a_used_nonce(court, case):
    signed = case.signed(Kind.Evidence, Role.Consumer)
    court.world.ledger.record(*signed, {"from": court.world.relayer})
    used = case.nonces[Role.Consumer]
    assert ask(case, *signed) == ("WrongNonce", Role.Consumer, used + 1, used)
    act = signed[0]
    renumbered = (*act[:3], used + 1, *act[4:])
    assert ask(case, renumbered, signed[1]) == bad(case, Role.Consumer)


def test_signature_with_the_higher_s(case):
    act, signature = case.signed(Kind.Evidence, Role.Consumer)
    assert ask(case, act, signature) is None
    assert ask(case, act, high_s(signature)) == bad(case, Role.Consumer)


@pytest.mark.parametrize("change", ["cut", "longer", "empty", "zeros", "v of 0 or 1", "other v"])
def test_signature_of_another_form(case, change):
    act, signature = case.signed(Kind.Evidence, Role.Consumer)
    changed = {
        "cut": signature[:64],
        "longer": signature + b"\0",
        "empty": b"",
        "zeros": b"\0" * 65,
        "v of 0 or 1": signature[:64] + bytes([signature[64] - 27]),
        "other v": signature[:64] + bytes([27 + 28 - signature[64]]),
    }
    assert ask(case, act, changed[change]) == bad(case, Role.Consumer)


def test_signature_past_its_time(court, case):
    until = court.world.chain[-1].timestamp + 100
    signed = case.signed(Kind.Evidence, Role.Consumer, validUntil=until)
    court.world.block_at(until)
    assert ask(case, *signed) is None
    court.world.block_at(until + 1)
    assert ask(case, *signed) == ("SignatureExpired", until)


def test_signature_for_another_role_of_the_same_key(court):
    """Whoever is carrier and warehouse at once signs for one of them at a time."""
    case = court.open(parties=court.world.parties(carrier=court.world.warehouse)).reach(State.PickedUp)
    act = case.message(Kind.Received, Role.Warehouse, nonce=0)
    as_carrier = case.sign({**act, "role": Role.Carrier}, court.world.warehouse)
    assert ask(case, tuple(act.values()), as_carrier) == bad(case, Role.Warehouse)


@pytest.mark.parametrize("signer", ["merchant", "carrier", "warehouse", "inspector", "stranger_key"])
def test_signature_of_somebody_else(case, signer):
    answer = refusal(case, Kind.Evidence, Role.Consumer, key=getattr(case.world, signer))
    assert answer == bad(case, Role.Consumer)


CLAIMS = [Kind.Disputed, Kind.Split, Kind.Appealed, Kind.Challenged]


@pytest.mark.parametrize("signed", CLAIMS)
@pytest.mark.parametrize("used", [Kind.Disputed, Kind.Split])
def test_signature_of_one_claim_is_none_of_another(case, signed, used):
    """They have the same fields: the message's name alone tells an offer from a claim."""
    act = case.message(used, Role.Merchant, share=4_000)
    answer = ask(case, tuple(act.values()), case.sign({**act, "kind": signed}, case.world.merchant))
    assert answer == (None if signed == used else bad(case, Role.Merchant))


@pytest.mark.parametrize("kind", [Kind.Disputed, Kind.Split])
def test_signature_of_another_share(case, kind):
    act = case.message(kind, Role.Consumer, share=4_001)
    signature = case.sign({**act, "share": 4_000}, case.world.consumer)
    assert ask(case, tuple(act.values()), signature) == bad(case, Role.Consumer)


@pytest.mark.parametrize("change", [{"share": 9_001}, {"fee": 1}, {"grade": Grade.Opened}, {"commitment": b"\1" * 32}])
def test_signature_of_another_inspection(court, change):
    case = court.bring(State.Received)
    act = case.message(Kind.Inspected, Role.Inspector, share=9_000)
    signature = case.sign(act, court.world.inspector)
    assert ask(case, tuple({**act, **change}.values()), signature) == bad(case, Role.Inspector)


def test_signature_of_a_vote_is_none_of_an_act(court, case):
    """Another contract's message, of the same case and by a key that acts in it."""
    vote, signature = court.signed_vote(case, court.world.consumer, FULL)
    act = case.message(Kind.Disputed, Role.Consumer, share=FULL, commitment=vote[-1])
    assert ask(case, tuple(act.values()), signature) == bad(case, Role.Consumer)


# --- openings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", [{"chainId": 1}, {"verifyingContract": "escrow"}, {"name": "RefundEscrow"}])
def test_opening_signed_for_another_domain(court, domain):
    case = court.prepare()
    fields = {"name": "ReturnLedger", "version": "1", "chainId": web3.eth.chain_id}
    fields = {**fields, "verifyingContract": court.world.ledger.address, **domain}
    if fields["verifyingContract"] == "escrow":
        fields["verifyingContract"] = court.world.escrow.address
    types = {"Open": OPEN, "Terms": TERMS}
    listed = {name: [{"name": n, "type": t} for n, t in members.items()] for name, members in types.items()}
    message = {"terms": case.terms, "commitment": case.opening[1], "validUntil": FAR}
    signature = court.world.merchant.sign_message(encode_typed_data(fields, listed, message)).signature
    answer = court.world.refusal(court.world.ledger.open, (*case.opening[:3], signature))
    assert answer == ("BadSignature", court.world.merchant.address)


@pytest.mark.parametrize("name", ["refund", "reserve", "panel", "consumerKeyHeld", "salt"])
def test_opening_signed_for_other_terms(court, name):
    case = court.prepare()
    other = {"refund": 1_00, "reserve": 30_01, "panel": 0, "consumerKeyHeld": True, "salt": b"\2" * 32}
    terms = tuple({**case.terms, name: other[name]}.values())
    answer = court.world.refusal(court.world.ledger.open, (terms, *case.opening[1:]))
    assert answer == ("BadSignature", court.world.merchant.address)


def test_opening_with_the_higher_s(court):
    case = court.prepare()
    answer = court.world.refusal(court.world.ledger.open, (*case.opening[:3], high_s(case.opening[3])))
    assert answer == ("BadSignature", court.world.merchant.address)


# --- two at the same time -------------------------------------------------------------------------------------------

TOGETHER = {
    "evidence": (State.Disputed, Kind.Evidence, Kind.Evidence, {}, {}),
    "disputes": (State.PickedUp, Kind.Disputed, Kind.Disputed, {"share": 9_000}, {"share": 1_000}),
    "offers that differ": (State.Received, Kind.Split, Kind.Split, {"share": 9_000}, {"share": 1_000}),
    "offers that meet": (State.Received, Kind.Split, Kind.Split, {"share": 5_000}, {"share": 5_000}),
    "dispute and offer": (State.Received, Kind.Disputed, Kind.Split, {"share": 5_000}, {"share": 5_000}),
    "key and evidence": (State.Disputed, Kind.KeyBound, Kind.Evidence, {}, {}),
}


@pytest.mark.parametrize("consumer_first", [True, False])
@pytest.mark.parametrize("together", list(TOGETHER))
def test_signatures_made_at_the_same_time_both_count(court, together, consumer_first):
    """Both read the same case and signed; in whichever order they arrive, neither voids the other's."""
    state, by_consumer, by_merchant, says, answers = TOGETHER[together]
    case = court.bring(state, mode=Mode.Bond)
    signed = [case.signed(by_consumer, Role.Consumer, **says), case.signed(by_merchant, Role.Merchant, **answers)]
    before = case.view["nonces"]
    for act, signature in signed if consumer_first else signed[::-1]:
        court.world.ledger.record(act, signature, {"from": court.world.relayer})
    after = case.view
    assert after["nonces"] == (0, before[1] + 1, before[2] + 1, *before[3:])
    if together == "disputes":
        # Whichever came first opened the dispute and put its default in the other's place; the second said its own.
        assert (after["consumerClaim"], after["merchantClaim"]) == (9_000, 1_000)
    if together == "offers that meet":
        assert after["share"] == 5_000
    if together == "offers that differ":
        assert after["offer"] == (1_000 if consumer_first else 9_000)


# --- wallets --------------------------------------------------------------------------------------------------------


class Wallet:
    """A contract as an actor; its owner's key signs."""

    def __init__(self, contract, owner):
        self.address, self.owner = contract.address, owner

    def sign_message(self, signable):
        return self.owner.sign_message(signable)


def odd(world, answer=YES, reverts=False, uses=0):
    return Wallet(OddWallet.deploy(answer, reverts, uses, {"from": world.operator}), keyed("owner"))


REFUSED = {
    "reverts": (YES, True),
    "reverts without a word": (b"", True),
    "lies: zero": (b"\0" * 32, False),
    "lies: true": ((1).to_bytes(32, "big"), False),
    "lies: all ones": (b"\xff" * 32, False),
    "lies: dirty magic": (YES[:4] + b"\0" * 27 + b"\1", False),
    "lies: magic at the end": (YES[:4].rjust(32, b"\0"), False),
    "too little": (YES[:31], False),
    "bare magic": (YES[:4], False),
    "nothing": (b"", False),
}


@pytest.mark.parametrize("answer", list(REFUSED))
def test_wallet_that_does_not_agree(court, answer):
    wallet = odd(court.world, *REFUSED[answer])
    case = court.bring(State.Authorised, consumer=wallet)
    for kind in (Kind.Cancelled, Kind.KeyBound):
        assert refusal(case, kind, Role.Consumer) == ("BadSignature", wallet.address)


@pytest.mark.parametrize("answer", [YES, YES + b"\0" * 32, YES + b"\1"])
def test_wallet_that_agrees(court, answer):
    case = court.bring(State.Authorised, consumer=odd(court.world, answer))
    assert refusal(case, Kind.Cancelled, Role.Consumer) is None


@pytest.mark.parametrize("burns", [True, False], ids=["burns its gas", "answers far too much"])
def test_wallet_that_means_harm_is_refused_by_name(court, burns):
    spiteful = SpitefulWallet.deploy(burns, {"from": court.world.operator})
    case = court.bring(State.Authorised, consumer=Wallet(spiteful, keyed("owner")))
    assert refusal(case, Kind.Cancelled, Role.Consumer) == ("BadSignature", spiteful.address)


def test_wallet_refuses_what_its_owner_signed_for_another_case(court):
    owner = keyed("owner")
    wallet = Wallet(SmartWallet.deploy(owner.address, {"from": court.world.operator}), owner)
    one, other = (court.bring(State.Authorised, consumer=wallet) for _ in range(2))
    act = one.message(Kind.Cancelled, Role.Consumer)
    signature = one.sign({**act, "caseId": other.id}, owner)
    assert ask(one, tuple(act.values()), signature) == ("BadSignature", wallet.address)
    assert refusal(one, Kind.Cancelled, Role.Consumer) is None


# --- gas ------------------------------------------------------------------------------------------------------------

HUNGRY = 370_000  # of the 400,000 that a wallet may use
GAS = [*range(30_000, 700_000, 15_000)]


def asked(world, data, gas):
    """What a call with that gas is refused with: an error, `()` where it simply ran out, None if it works."""
    _, reason = call_raw(world.stranger, world.ledger.address, data, gas=gas)
    return None if reason is None else read_error(world.errors, reason)


def test_relayer_with_too_little_gas_is_never_told_of_a_bad_signature(court, ledger):
    case = court.bring(State.Authorised, consumer=odd(court.world, uses=HUNGRY))
    data = ledger.record.encode_input(*case.signed(Kind.Cancelled, Role.Consumer))
    answers = [asked(court.world, data, gas) for gas in GAS]
    assert set(answers) == {(), ("WalletGasTooLow",), None}
    assert answers[-1] is None


def landed(world, method, *args, gas):
    """A transaction with that gas; its receipt, or None where the chain does not even take it."""
    call = {"from": str(world.stranger), "to": method._address, "data": method.encode_input(*args)}
    call = {**call, "gas": hex(gas), "gasPrice": hex(3 * 10**9)}
    answer = web3.provider.make_request("eth_sendTransaction", [call])
    if "result" not in answer:
        return None
    return web3.eth.wait_for_transaction_receipt(answer["result"], timeout=60, poll_latency=0.005)


@pytest.mark.parametrize("gas", range(60_000, 660_000, 40_000))
def test_relayer_with_too_little_gas_has_nothing_skipped(court, ledger, gas):
    """A batch of an undemanding act and a wallet's: it counts as a whole, or not at all."""
    first = court.bring(State.Authorised)
    second = court.bring(State.Authorised, consumer=odd(court.world, uses=HUNGRY))
    items = first.packed(Kind.Cancelled, Role.Consumer) + second.packed(Kind.Cancelled, Role.Consumer)
    receipt = landed(court.world, ledger.recordPacked, items, gas=gas)
    worked = receipt is not None and receipt["status"] == 1
    assert [case.state for case in (first, second)] == [State.Closed if worked else State.Authorised] * 2


@pytest.mark.parametrize("method", ["open", "openBatch"])
def test_relayer_with_too_little_gas_opens_the_case_or_is_refused(court, ledger, eur, method):
    """Whatever is left once the wallet has used its part: no opening is passed over without a word."""
    wallet = odd(court.world, uses=HUNGRY)
    court.world.fund(eur, 500_00, merchant=wallet)
    parties = court.world.parties(merchant=wallet)
    court.world.send(ledger.open, court.prepare(parties=parties).opening)  # what is remembered costs no more gas
    case = court.prepare(parties=parties)
    argument = case.opening if method == "open" else [case.opening]
    data = getattr(ledger, method).encode_input(argument)
    seen = {gas: asked(court.world, data, gas) for gas in range(420_000, 900_000, 40_000)}
    least = min(gas for gas, answer in seen.items() if answer is None)
    seen |= {gas: asked(court.world, data, gas) for gas in range(least - 80_000, least, 4_000)}
    assert set(seen.values()) <= {None, (), ("WalletGasTooLow",), ("BatchGasTooLow", 0)}
    for gas in sorted(gas for gas, answer in seen.items() if answer is None)[:3]:
        with undone():
            receipt = landed(court.world, getattr(ledger, method), argument, gas=gas)
            assert receipt["status"] == 1
            assert case.state == State.Requested, gas


def test_relayer_with_too_little_gas_for_a_batch_of_openings(court, ledger):
    openings = [court.prepare().opening for _ in range(2)]
    data = ledger.openBatch.encode_input(openings)
    answers = [asked(court.world, data, gas) for gas in range(200_000, 1_200_000, 25_000)]
    assert {("BatchGasTooLow", 0), ("BatchGasTooLow", 1), None} <= set(answers)
    assert set(answers) <= {("BatchGasTooLow", 0), ("BatchGasTooLow", 1), None, ()}


def test_relayer_of_a_batch_with_a_wallet_that_burns_skips_that_alone(court, ledger):
    spiteful = SpitefulWallet.deploy(True, {"from": court.world.operator})
    bad_case = court.bring(State.Authorised, consumer=Wallet(spiteful, keyed("owner")))
    good = court.bring(State.Authorised)
    items = pack(*bad_case.signed(Kind.Cancelled, Role.Consumer)) + good.packed(Kind.Cancelled, Role.Consumer)
    tx = ledger.recordPacked(items, {"from": court.world.relayer})
    assert [(index, answer) for index, _, _, answer in skipped(court.world, tx)] == [
        (0, ("BadSignature", spiteful.address))
    ]
    assert good.state == State.Closed
