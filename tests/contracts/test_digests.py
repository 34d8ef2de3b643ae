"""ReturnLens.caseIdOf, openingDigestOf, digestOf, and eip712Domain: what a wallet signs, by the rules of EIP-712."""

import pytest
from support import chain_id, digest_of, typed
from words import ACTS, OPEN, TERMS, ZERO, Grade, Kind, Mode, Role


def test_case_id_is_the_struct_hash_of_the_terms(world, lens):
    for mode in Mode:
        case = world.prepare(mode=mode, consumerKeyHeld=False, freight=0)
        assert bytes(lens.caseIdOf(tuple(case.terms.values()))) == case.id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("salt", b"\1" * 32),
        ("consumer", ZERO),
        ("consumerKeyHeld", False),
        ("parties", b"\2" * 32),
        ("policy", b"\3" * 32),
        ("panel", 2**32 - 1),
        ("mode", Mode.Bond),
        ("token", ZERO),
        ("refund", 2**64 - 1),
        ("freight", 2**64 - 2),
        ("reserve", 2**64 - 3),
    ],
)
def test_case_id_depends_on_every_term(world, ledger, lens, field, value):
    terms = world.prepare().terms
    changed = {**terms, field: value}
    expected = typed(ledger, "ReturnLedger", "Terms", changed, Terms=TERMS).body
    assert bytes(lens.caseIdOf(tuple(changed.values()))) == expected
    assert bytes(lens.caseIdOf(tuple(terms.values()))) != expected


def test_opening_digest(world, ledger, lens):
    case = world.prepare()
    _, commitment, valid_until, _ = case.opening
    message = {"terms": case.terms, "commitment": commitment, "validUntil": valid_until}
    expected = digest_of(ledger, "ReturnLedger", "Open", message, Open=OPEN, Terms=TERMS)
    assert bytes(lens.openingDigestOf(case.opening)) == expected


@pytest.mark.parametrize("kind", list(ACTS), ids=lambda kind: kind.name)
def test_act_digest(world, ledger, lens, kind):
    case = world.prepare()
    act = case.message(kind, Role.Carrier, nonce=513, validUntil=2**39 + 7, grade=Grade.Used, share=4_321, fee=1_234)
    fields = ACTS[kind]
    message = {label: act[label] for label in fields}
    expected = digest_of(ledger, "ReturnLedger", kind.name, message, **{kind.name: fields})
    assert bytes(lens.digestOf(tuple(act.values()))) == expected


def test_act_digest_of_every_kind_differs(world, lens):
    act = world.prepare().message(Kind.Authorised, Role.Merchant)
    digests = {bytes(lens.digestOf(tuple({**act, "kind": kind}.values()))) for kind in ACTS}
    assert len(digests) == len(ACTS)


@pytest.mark.parametrize("contract", ["ledger", "escrow", "panel"])
def test_domain_names_contract_and_chain(world, contract):
    contract = getattr(world, contract)
    fields, name, version, chain, address, _, extensions = contract.eip712Domain()
    assert (name, version, chain, address) == (contract._name, "1", chain_id(), contract.address)
    assert fields == "0x0f"
    assert not extensions
