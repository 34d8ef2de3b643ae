"""Calldata, events and reasons against web3's codec for the same ABI."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import pytest
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from web3 import Web3

from ledger_service.chain import abi, codec
from ledger_service.chain.artifacts import load_artifact
from ledger_service.domain.entry import Entry
from ledger_service.domain.hashing import hex0x, keccak
from ledger_service.domain.messages import Act, Opening, Parties, Terms, Vote
from ledger_service.domain.packed_act import pack_act
from ledger_service.domain.panels import Panel
from ledger_service.domain.vocabulary import Grade, Kind, Mode, Role, State
from ledger_service.services.policies import shipped_policies

_LEDGER = Web3().eth.contract(abi=load_artifact(abi.LEDGER).abi)
_ESCROW = Web3().eth.contract(abi=load_artifact(abi.ESCROW).abi)
_PANEL = Web3().eth.contract(abi=load_artifact(abi.PANEL).abi)
_A, _B = Web3.to_checksum_address("0x" + "a1" * 20), Web3.to_checksum_address("0x" + "b2" * 20)
_TOKEN = Web3.to_checksum_address("0x" + "c3" * 20)
_WORD = bytes(range(32))


def _terms() -> Terms:
    return Terms(_WORD, _A, True, keccak(b"p"), keccak(b"q"), 0, Mode.REFUND, _B, 2**64 - 1, 5, 6)


def _struct(terms: Terms) -> tuple[Any, ...]:
    return astuple(terms)


def test_encode_open_batch_is_what_the_abi_says() -> None:
    openings = [(Opening(_terms(), keccak(bytes([i])), 1_700_000_000), bytes([i]) * 65) for i in range(3)]
    items = [(_struct(o.terms), o.commitment, o.valid_until, signature) for o, signature in openings]
    assert hex0x(codec.encode_open_batch(openings)) == _LEDGER.encode_abi("openBatch", args=[items])


@pytest.mark.parametrize("count", [0, 1, 2, 33])
def test_encode_record_batch_is_what_the_abi_says(count: int) -> None:
    act = Act(_WORD, Kind.INSPECTED, Role.INSPECTOR, 3, 1_700_000_000, keccak(b"c"), Grade.USED, 9_000, 500)
    data = codec.encode_record_batch([(act, bytes(65))] * count)
    (items,) = _LEDGER.decode_function_input(data)[1].values() if count else (b"",)
    assert len(items) == 143 * count
    assert hex0x(data) == _LEDGER.encode_abi("recordPacked", args=[items])


def test_encode_registrations_pokes_and_withdrawals_are_what_the_abi_says() -> None:
    parties = Parties(_A, _B, _A, _B)
    policy = shipped_policies().by_code("eu-14")
    calls = {
        "registerParties": (codec.encode_register_parties(parties), (_A, _B, _A, _B)),
        "registerPolicy": (codec.encode_register_policy(policy), policy.on_chain()),
        "pokeBatch": (codec.encode_poke_batch([_WORD, _WORD]), [_WORD, _WORD]),
    }
    for name, (data, arg) in calls.items():
        assert hex0x(data) == _LEDGER.encode_abi(name, args=[arg]), name
    withdrawal = codec.encode_withdraw_batch([_WORD])
    assert hex0x(withdrawal) == _ESCROW.encode_abi("withdrawForBatch", args=[[_WORD]])


def test_encode_record_batch_has_room_for_the_key_of_a_binding() -> None:
    act = Act(_WORD, Kind.KEY_BOUND, Role.CONSUMER, 3, 1_700_000_000, keccak(b"c"), key=_A)
    data = codec.encode_record_batch([(act, bytes(65))])
    (items,) = _LEDGER.decode_function_input(data)[1].values()
    assert items == pack_act(act, bytes(65))
    assert items.endswith(bytes.fromhex(_A[2:]))


@pytest.mark.parametrize("length", [0, 65, 130])
def test_encode_vote_batch_is_what_the_abi_says(length: int) -> None:
    votes = [(Vote(_WORD, number, 7_000, 1_700_000_000, keccak(b"v")), _A, bytes(length)) for number in range(3)]
    items = [((_WORD, _A, number, 7_000, 1_700_000_000, keccak(b"v")), bytes(length)) for number in range(3)]
    assert hex0x(codec.encode_vote_batch(votes)) == _PANEL.encode_abi("voteBatch", args=[items])


def test_encode_panels_and_credits_are_what_the_abi_says() -> None:
    panel = codec.encode_register_panel(Panel((_A, _B, _TOKEN), 3, 7, 8, 2**48 - 1))
    assert hex0x(panel) == _PANEL.encode_abi("registerPanel", args=[([_A, _B, _TOKEN], 3, 7, 8, 2**48 - 1)])
    assert hex0x(codec.encode_withdraw_credit(_A, _B)) == _ESCROW.encode_abi("withdrawCredit", args=[_A, _B])


def test_decode_registered_panel_is_the_panel_again() -> None:
    panel = Panel((_A, _B, _TOKEN), 3, 7, 8, 5)
    (kind,) = [k for k in abi.events().values() if k.name == "PanelRegistered"]
    (described,) = [p for p in kind.inputs if not p["indexed"]]
    data = abi_encode([abi.abi_type(described)], [([_A, _B, _TOKEN], 3, 7, 8, 5)])
    event = codec.decode_log(_log(abi.PANEL, "PanelRegistered", [(9).to_bytes(32, "big")], data), abi.PANEL)
    assert event is not None
    assert (event.args["version"], Panel.from_json(event.args["content"])) == (9, panel)
    assert Panel.from_json(event.args["content"]).id() == panel.id()


def test_decode_vote_names_case_arbitrator_and_round() -> None:
    indexed = [_WORD, bytes(12) + bytes.fromhex(_A[2:]), (2).to_bytes(32, "big")]
    data = abi_encode(["uint16", "bytes32"], [7_000, keccak(b"v")])
    event = codec.decode_log(_log(abi.PANEL, "Voted", indexed, data), abi.PANEL)
    assert event is not None
    named = {"caseId": hex0x(_WORD), "arbitrator": _A, "round": 2, "share": 7_000, "commitment": hex0x(keccak(b"v"))}
    assert (event.case_id, event.args) == (hex0x(_WORD), named)


def _log(contract: str, name: str, indexed: list[bytes], data: bytes) -> dict[str, Any]:
    (topic,) = [t for (owner, t), kind in abi.events().items() if owner == contract and kind.name == name]
    return {
        "address": _A,
        "topics": [topic, *map(hex0x, indexed)],
        "data": hex0x(data),
        "blockNumber": "0x10",
        "blockHash": "0x" + "11" * 32,
        "logIndex": "0x2",
        "transactionHash": "0x" + "22" * 32,
    }


def test_decode_recorded_reads_its_fixed_layout() -> None:
    entry = Entry(0, Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, 9, 8, Grade.NONE, 0, 0, 1).pack()
    log = _log(abi.LEDGER, "Recorded", [_WORD, bytes(12) + bytes.fromhex(_A[2:])], keccak(b"c") + entry)
    event = codec.decode_log(log, abi.LEDGER)
    assert event is not None
    assert (event.name, event.case_id, event.block_number, event.log_index) == ("Recorded", hex0x(_WORD), 16, 2)
    assert event.args == {
        "caseId": hex0x(_WORD),
        "actor": _A,
        "commitment": hex0x(keccak(b"c")),
        "entry": hex0x(entry),
    }


def test_decode_opened_gives_the_terms_as_their_json() -> None:
    terms = _terms()
    (kind,) = [k for k in abi.events().values() if k.name == "Opened"]
    (described,) = [p for p in kind.inputs if not p["indexed"]]
    data = abi_encode([abi.abi_type(described)], [_struct(terms)])
    topics = [terms.struct_hash(), bytes(12) + bytes.fromhex(_B[2:]), bytes(12) + bytes.fromhex(_A[2:])]
    event = codec.decode_log(_log(abi.LEDGER, "Opened", topics, data), abi.LEDGER)
    assert event is not None
    assert event.args == {
        "caseId": hex0x(terms.struct_hash()),
        "merchant": _B,
        "consumer": _A,
        "terms": terms.as_json(),
    }
    assert Terms.from_json(event.args["terms"]).struct_hash() == terms.struct_hash()


def _example(parameter: Mapping[str, Any], number: int) -> Any:
    """A value of the parameter's type as eth_abi takes it, another for each number."""
    kind = parameter["type"]
    if kind == "tuple":
        return tuple(_example(part, number + place) for place, part in enumerate(parameter["components"], 1))
    raw = keccak(number.to_bytes(2, "big"))
    if kind == "address":
        return hex0x(raw[:20])
    if kind == "bool":
        return number % 2 == 0
    return raw if kind == "bytes32" else int.from_bytes(raw, "big") >> (256 - int(kind[4:]))


_FLAT = [kind for kind in abi.events().values() if kind.is_flat]


@pytest.mark.parametrize("kind", _FLAT, ids=lambda kind: f"{kind.contract}.{kind.name}")
def test_decode_flat_event_gives_what_eth_abi_gives(kind: abi.EventType) -> None:
    for number in (0, 1, 1_000):
        values = [_example(parameter, number + place) for place, parameter in enumerate(kind.inputs)]
        encoded = [abi_encode([abi.abi_type(p)], [value]) for p, value in zip(kind.inputs, values, strict=True)]
        pairs = list(zip(kind.inputs, encoded, strict=True))
        data = b"".join(raw for p, raw in pairs if not p["indexed"])
        event = codec.decode_log(
            _log(kind.contract, kind.name, [raw for p, raw in pairs if p["indexed"]], data), kind.contract
        )
        assert event is not None
        decoded = {p["name"]: abi.plain(abi_decode([abi.abi_type(p)], raw)[0], p) for p, raw in pairs}
        assert event.args == decoded


def test_events_that_are_not_flat_hold_lists_or_bytes() -> None:
    names = {kind.name for kind in abi.events().values() if not kind.is_flat}
    assert names & {"Recorded", "RedirectGiven", "Credited", "Withdrawn", "NoticeGiven"} == set()
    assert {"Skipped", "VoteSkipped", "WithdrawalSkipped", "PanelRegistered"} <= names
    assert {"Opened", "Locked", "Settled", "Voted", "Deposited"} <= {kind.name for kind in _FLAT}


@pytest.mark.parametrize("data", ["0x" + "00" * 95, "0x" + "ff" * 96, "0x", "0x" + "00" * 64])
def test_decode_flat_event_of_words_that_are_none_raises(data: str) -> None:
    log = _log(abi.ESCROW, "Settled", [_WORD, bytes(12) + b"\x01" * 20, bytes(12) + b"\x02" * 20], b"")
    with pytest.raises(ValueError, match=r"no word|is no uint64"):
        codec.decode_log({**log, "data": data}, abi.ESCROW)


def test_decode_settled_of_each_contract_is_told_apart() -> None:
    log = _log(
        abi.ESCROW,
        "Settled",
        [_WORD, bytes(12) + b"\x01" * 20, bytes(12) + b"\x02" * 20],
        abi_encode(["uint64"] * 3, [7, 8, 9]),
    )
    event = codec.decode_log(log, abi.ESCROW)
    assert event is not None
    assert (event.args["toConsumer"], event.args["toMerchant"], event.args["fees"]) == (7, 8, 9)
    assert codec.decode_log(log, abi.LEDGER) is None


def test_decode_unknown_event_is_none() -> None:
    log = {"topics": ["0x" + "00" * 32], "data": "0x"}
    assert codec.decode_log(log, abi.LEDGER) is None
    assert codec.decode_log({"topics": [], "data": "0x"}, abi.LEDGER) is None


@pytest.mark.parametrize(
    ("signature", "types", "values", "shown"),
    [
        ("WrongNonce(uint8,uint16,uint16)", ["uint8", "uint16", "uint16"], [2, 1, 7], "WrongNonce(merchant, 1, 7)"),
        ("NotAllowed(uint8,uint8,uint8)", ["uint8"] * 3, [13, 8, 1], "NotAllowed(settled, accepted, consumer)"),
        ("BadSignature(address)", ["address"], [_A], f"BadSignature({_A})"),
        ("UnsignedValue()", [], [], "UnsignedValue()"),
        ("Error(string)", ["string"], ["no"], "Error('no')"),
        ("Panic(uint256)", ["uint256"], [0x21], "Panic(33)"),
    ],
)
def test_explain_revert_names_error_and_arguments(
    signature: str, types: list[str], values: list[Any], shown: str
) -> None:
    assert codec.explain_revert(keccak(signature.encode())[:4] + abi_encode(types, values)) == shown


@pytest.mark.parametrize(
    "data", [b"", b"\x01", os.urandom(3), b"\xde\xad\xbe\xef", keccak(b"WrongNonce(uint8,uint16,uint16)")[:4]]
)
def test_explain_revert_of_anything_is_words(data: bytes) -> None:
    assert codec.explain_revert(data)
