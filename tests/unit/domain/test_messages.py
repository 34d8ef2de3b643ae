"""The EIP-712 messages against eth_account, an implementation that is not ours, and against the contracts' source."""

import re
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.hashing import ZERO_ADDRESS, hex0x, keccak
from ledger_service.domain.messages import (
    TYPE_HASHES,
    Act,
    Opening,
    Parties,
    SigningDomain,
    Terms,
    Vote,
    escrow_domain,
    keep_payee_hash,
    message_name,
    panel_domain,
    withdraw_to_hash,
)
from ledger_service.domain.signatures import recover_signer
from ledger_service.domain.vocabulary import Grade, Kind, Mode, Role

CONTRACTS = Path(__file__).parents[3] / "contracts"
ONE, TWO = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"
DOMAIN = SigningDomain(31_337, ONE)
ESCROW = escrow_domain(31_337, TWO)
PANEL = panel_domain(31_337, ONE)
WITHOUT_VALUES = [
    Kind.AUTHORISED,
    Kind.DECLINED,
    Kind.CANCELLED,
    Kind.PICKED_UP,
    Kind.RECEIVED,
    Kind.ACCEPTED,
    Kind.EXCHANGE_AGREED,
    Kind.EXCHANGE_SHIPPED,
    Kind.EXCHANGE_DELIVERED,
    Kind.REFUNDED,
    Kind.EVIDENCE,
    Kind.OBJECTED,
    Kind.ERASED,
]
WITH_SHARE = [Kind.CHALLENGED, Kind.DISPUTED, Kind.APPEALED, Kind.SPLIT]
SIGNED = [*WITHOUT_VALUES, *WITH_SHARE, Kind.INSPECTED, Kind.KEY_BOUND]
PANEL_SOURCE = (CONTRACTS / "ArbitrationPanel.sol").read_text()
WORDS = st.binary(min_size=32, max_size=32)
ADDRESSES = st.binary(min_size=20, max_size=20).map(hex0x)


def act(kind, **changes):
    fields = {
        "case_id": bytes(range(32)),
        "kind": kind,
        "role": Role.INSPECTOR,
        "nonce": 7,
        "valid_until": 1_800_000_000,
        "commitment": bytes(range(32, 64)),
        "grade": Grade.USED if kind is Kind.INSPECTED else Grade.NONE,
        "share": 7_500 if kind in (*WITH_SHARE, Kind.INSPECTED) else 0,
        "fee": 150 if kind is Kind.INSPECTED else 0,
        "key": TWO if kind is Kind.KEY_BOUND else ZERO_ADDRESS,
    }
    return Act(**{**fields, **changes})


def terms(**changes):
    fields = {
        "salt": bytes(range(32)),
        "consumer": ONE,
        "consumer_key_held": True,
        "parties": bytes(range(1, 33)),
        "policy": bytes(range(2, 34)),
        "panel": 3,
        "mode": Mode.REFUND,
        "token": TWO,
        "refund": 1980,
        "freight": 450,
        "reserve": 300,
    }
    return Terms(**{**fields, **changes})


def assert_same(typed, struct_hash, domain):
    independent = encode_typed_data(full_message=typed)
    assert independent.header == domain.separator
    assert independent.body == struct_hash
    assert keccak(b"\x19" + independent.version + independent.header + independent.body) == domain.digest(struct_hash)


@pytest.mark.parametrize("kind", sorted(set(Kind) - set(SIGNED)))
def test_message_name_of_a_kind_that_nobody_signs_is_refused(kind):
    with pytest.raises(KeyError):
        message_name(kind)


@pytest.mark.parametrize("kind", SIGNED)
@pytest.mark.parametrize("role", [role for role in Role if role])
def test_act_has_the_hash_that_another_implementation_finds(kind, role):
    step = act(kind, role=role)
    assert_same(step.typed_data(DOMAIN), step.struct_hash(), DOMAIN)


@given(
    kind=st.sampled_from(SIGNED),
    case_id=WORDS,
    commitment=WORDS,
    nonce=st.integers(0, 2**16 - 1),
    valid_until=st.integers(0, 2**40 - 1),
    chain_id=st.integers(1, 2**63),
    contract=ADDRESSES,
)
def test_any_act_has_the_hash_that_another_implementation_finds(chain_id, contract, **fields):
    domain = SigningDomain(chain_id, contract)
    assert_same(act(**fields).typed_data(domain), act(**fields).struct_hash(), domain)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("held", [True, False])
def test_opening_has_the_hash_that_another_implementation_finds(mode, held):
    opening = Opening(terms(mode=mode, consumer_key_held=held), bytes(range(32)), 1_800_000_000)
    assert_same(opening.typed_data(DOMAIN), opening.struct_hash(), DOMAIN)


def test_terms_have_the_hash_that_another_implementation_finds():
    assert_same(DOMAIN.typed_data("Terms", terms().as_json()), terms().struct_hash(), DOMAIN)


def test_withdrawal_has_the_hash_that_another_implementation_finds():
    message = {"caseId": hex0x(bytes(range(32))), "to": ONE, "nonce": 3, "validUntil": 1_800_000_000}
    struct_hash = withdraw_to_hash(bytes(range(32)), ONE, 3, 1_800_000_000)
    assert_same(ESCROW.typed_data("WithdrawTo", message), struct_hash, ESCROW)


def test_objection_to_a_withdrawal_has_the_hash_that_another_implementation_finds():
    message = {"caseId": hex0x(bytes(range(32))), "nonce": 3, "validUntil": 1_800_000_000}
    struct_hash = keep_payee_hash(bytes(range(32)), 3, 1_800_000_000)
    assert_same(ESCROW.typed_data("KeepPayee", message), struct_hash, ESCROW)


@given(
    case_id=WORDS,
    round=st.integers(0, 4),
    share=st.integers(0, 10_000),
    valid_until=st.integers(0, 2**40 - 1),
    commitment=WORDS,
)
def test_vote_has_the_hash_that_another_implementation_finds(**fields):
    vote = Vote(**fields)
    assert_same(vote.typed_data(PANEL), vote.struct_hash(), PANEL)


def test_domains_of_the_contracts_differ_by_name():
    separators = {SigningDomain(31_337, ONE).separator, PANEL.separator, escrow_domain(31_337, ONE).separator}
    assert len(separators) == 3


def test_balance_withdrawal_has_the_hash_that_another_implementation_finds():
    values = [ONE, TWO, 10_000, ONE, 4, 1_800_000_000]
    message = dict(zip(["merchant", "token", "amount", "to", "nonce", "validUntil"], values, strict=True))
    kinds = ["bytes32", "address", "address", "uint256", "address", "uint256", "uint40"]
    struct_hash = keccak(encode(kinds, [TYPE_HASHES["WithdrawBalance"], *values]))
    assert_same(ESCROW.typed_data("WithdrawBalance", message), struct_hash, ESCROW)


@pytest.mark.parametrize("kind", SIGNED)
def test_signature_of_another_implementation_is_its_signers(kind):
    key = Account.from_key("0x" + "01" * 32)
    signed = key.sign_typed_data(full_message=act(kind).typed_data(DOMAIN))
    assert recover_signer(DOMAIN.digest(act(kind).struct_hash()), bytes(signed.signature)) == key.address


@pytest.mark.parametrize("kind", SIGNED)
def test_type_string_stands_in_the_contract(kind):
    source = (CONTRACTS / "libraries" / "Messages.sol").read_text()
    strings = {keccak(text.encode()) for text in re.findall(r'keccak256\(\s*"([^"]+)"', source)}
    assert TYPE_HASHES[message_name(kind)] in strings
    assert {TYPE_HASHES["Terms"], TYPE_HASHES["Open"]} <= strings


def test_type_string_of_a_vote_stands_in_the_panel():
    assert keccak(re.search(r'VOTE =\s+keccak256\(\s*"([^"]+)"', PANEL_SOURCE)[1].encode()) == TYPE_HASHES["Vote"]


@pytest.mark.parametrize("name", ["WithdrawTo", "KeepPayee", "WithdrawBalance"])
def test_type_string_stands_in_the_escrow(name):
    source = (CONTRACTS / "RefundEscrow.sol").read_text()
    strings = {keccak(text.encode()) for text in re.findall(r'keccak256\(\s*"([^"]+)"', source)}
    assert TYPE_HASHES[name] in strings


def test_type_hashes_differ():
    assert len(set(TYPE_HASHES.values())) == len(TYPE_HASHES)


@pytest.mark.parametrize(
    "changes",
    [
        {"case_id": bytes(32)},
        {"role": Role.MERCHANT},
        {"nonce": 8},
        {"valid_until": 1_800_000_001},
        {"commitment": bytes(32)},
        {"grade": Grade.DEFECTIVE},
        {"share": 7_501},
        {"fee": 0},
        {"kind": Kind.RECEIVED},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_digest_changes_with_every_field_of_an_act(changes):
    assert act(Kind.INSPECTED).struct_hash() != act(**{"kind": Kind.INSPECTED, **changes}).struct_hash()


def test_digest_of_a_key_binding_changes_with_the_key():
    assert act(Kind.KEY_BOUND).struct_hash() != act(Kind.KEY_BOUND, key=ONE).struct_hash()


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": bytes(32)},
        {"consumer": TWO},
        {"consumer_key_held": False},
        {"parties": bytes(32)},
        {"policy": bytes(32)},
        {"panel": 0},
        {"mode": Mode.BOND},
        {"token": ONE},
        {"refund": 1981},
        {"freight": 0},
        {"reserve": 0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_case_id_changes_with_every_field_of_the_terms(changes):
    assert terms(**changes).struct_hash() != terms().struct_hash()


@pytest.mark.parametrize(
    "other",
    [
        SigningDomain(1, ONE),
        SigningDomain(31_337, TWO),
        SigningDomain(31_337, ONE, name="RefundEscrow"),
        SigningDomain(31_337, ONE, version="2"),
    ],
    ids=["chain", "contract", "name", "version"],
)
def test_digest_changes_with_the_domain(other):
    assert DOMAIN.digest(bytes(32)) != other.digest(bytes(32))


@pytest.mark.parametrize("kind", SIGNED)
@pytest.mark.parametrize(("name", "value"), [("grade", Grade.USED), ("share", 1), ("fee", 1), ("key", ONE)])
def test_unsigned_names_the_values_that_the_message_leaves_out(kind, name, value):
    held = {"grade", "share", "fee"} if kind is Kind.INSPECTED else {"share"} if kind in WITH_SHARE else set()
    held |= {"key"} if kind is Kind.KEY_BOUND else set()
    assert act(kind, **{name: value}).unsigned() == ([] if name in held else [name])


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": "0x00"},
        {"salt": 5},
        {"salt": None},
        {"parties": "00" * 32},
        {"policy": "0x" + "zz" * 32},
        {"consumer": "Ada"},
        {"consumer": None},
        {"token": "0x00"},
        {"consumerKeyHeld": "false"},
        {"consumerKeyHeld": 1},
        {"mode": 3},
        {"mode": "refund"},
        {"panel": -1},
        {"panel": 2**32},
        {"refund": "1980"},
        {"refund": 19.8},
        {"refund": True},
        {"refund": -1},
        {"refund": 2**64},
        {"freight": None},
        {"reserve": "٣"},
        {"more": 1},
    ],
    ids=str,
)
def test_terms_from_another_shape_are_refused(changes):
    with pytest.raises((KeyError, ValueError)):
        Terms.from_json({**terms().as_json(), **changes})


@pytest.mark.parametrize("name", sorted(terms().as_json()))
def test_terms_without_a_field_are_refused(name):
    value = terms().as_json()
    del value[name]
    with pytest.raises(KeyError):
        Terms.from_json(value)


@given(
    salt=WORDS,
    consumer=ADDRESSES,
    consumer_key_held=st.booleans(),
    parties=WORDS,
    policy=WORDS,
    panel=st.integers(0, 2**32 - 1),
    mode=st.sampled_from(Mode),
    token=ADDRESSES,
    refund=st.integers(0, 2**64 - 1),
    freight=st.integers(0, 2**64 - 1),
    reserve=st.integers(0, 2**64 - 1),
)
def test_terms_come_back_from_json(**fields):
    made = Terms(**fields)
    assert Terms.from_json(made.as_json()) == made
    assert Terms.from_json(made.as_json()).struct_hash() == made.struct_hash()


def test_parties_id_is_the_hash_of_their_abi_encoding():
    parties = Parties(ONE, TWO, TWO, ONE)
    assert parties.id() == keccak(encode(["address"] * 4, [ONE, TWO, TWO, ONE]))


@pytest.mark.parametrize(
    ("address", "roles"),
    [
        (ONE, [Role.MERCHANT, Role.INSPECTOR]),
        (ONE.lower(), [Role.MERCHANT, Role.INSPECTOR]),
        (TWO, [Role.CARRIER, Role.WAREHOUSE]),
        ("0x" + "00" * 20, []),
    ],
)
def test_roles_of_an_address_are_all_that_it_holds(address, roles):
    assert Parties(ONE, TWO, TWO, ONE).roles_of(address) == roles
