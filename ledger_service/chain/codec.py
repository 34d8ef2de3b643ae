"""What we send to the contracts, and what they say: calldata, events, reasons of a revert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from ..domain.hashing import from_hex, hex0x, word
from ..domain.messages import Act, Opening, Parties, Terms, Vote
from ..domain.packed_act import pack_act
from ..domain.panels import Panel
from ..domain.policies import Policy
from ..domain.vocabulary import Freight, Grade, Kind, Mode, Role, State, Word
from .abi import ESCROW, LEDGER, PANEL, EventType, abi_type, checksum, errors, events, function, plain, read_flat

_ENUMS: dict[str, type[Word]] = {f"enum {enum.__name__}": enum for enum in (State, Role, Kind, Mode, Grade, Freight)}


@dataclass(frozen=True, slots=True)
class Event:
    """An event of one of our contracts. `args` hold JSON values; `case_id` is None where it concerns no case."""

    contract: str
    name: str
    args: dict[str, Any]
    case_id: str | None
    block_number: int
    block_hash: str
    log_index: int
    tx_hash: str


# --- calldata --------------------------------------------------------------------------------------------------------


def encode_open_batch(openings: Sequence[tuple[Opening, bytes]]) -> bytes:
    """`openBatch` of openings with their merchants' signatures."""
    items = [
        (_terms(opening.terms), opening.commitment, opening.valid_until, signature) for opening, signature in openings
    ]
    return function(LEDGER, "openBatch").encode(items)


def encode_record_batch(acts: Sequence[tuple[Act, bytes]]) -> bytes:
    """`recordPacked` of acts with their signatures, 65 bytes each."""
    items = b"".join(pack_act(act, signature) for act, signature in acts)
    padding = bytes(-len(items) % 32)
    return function(LEDGER, "recordPacked").selector + word(32) + word(len(items)) + items + padding


def encode_vote_batch(votes: Sequence[tuple[Vote, str, bytes]]) -> bytes:
    """`voteBatch` of votes, each with its arbitrator and signature."""
    items = [
        ((vote.case_id, arbitrator, vote.round, vote.share, vote.valid_until, vote.commitment), signature)
        for vote, arbitrator, signature in votes
    ]
    return function(PANEL, "voteBatch").encode(items)


def encode_poke_batch(case_ids: Sequence[bytes]) -> bytes:
    return function(LEDGER, "pokeBatch").encode(case_ids)


def encode_register_parties(parties: Parties) -> bytes:
    values = (parties.merchant, parties.carrier, parties.warehouse, parties.inspector)
    return function(LEDGER, "registerParties").encode(values)


def encode_register_policy(policy: Policy) -> bytes:
    return function(LEDGER, "registerPolicy").encode(policy.on_chain())


def encode_register_panel(panel: Panel) -> bytes:
    values = (panel.arbitrators, panel.threshold, panel.appeal_panel, panel.fallback_panel, panel.fee)
    return function(PANEL, "registerPanel").encode(values)


def encode_withdraw_credit(account: str, token: str) -> bytes:
    """`withdrawCredit`: pays an arbitrator all that is credited to it in a token."""
    return function(ESCROW, "withdrawCredit").encode(account, token)


def encode_withdraw_batch(case_ids: Sequence[bytes]) -> bytes:
    """`withdrawForBatch`: pays what is due in these cases to their consumers."""
    return function(ESCROW, "withdrawForBatch").encode(case_ids)


def _terms(terms: Terms) -> tuple[Any, ...]:
    return (
        terms.salt,
        terms.consumer,
        terms.consumer_key_held,
        terms.parties,
        terms.policy,
        terms.panel,
        int(terms.mode),
        terms.token,
        terms.refund,
        terms.freight,
        terms.reserve,
    )


# --- events ----------------------------------------------------------------------------------------------------------


def decode_log(log: dict[str, Any], contract: str) -> Event | None:
    """The event of a log that `contract` emitted; None for one that is not in the interfaces (roles, pause)."""
    kind = events().get((contract, log["topics"][0])) if log["topics"] else None
    if kind is None:
        return None
    args = _recorded(log) if kind.name == "Recorded" else _args(kind, log)
    return Event(
        contract=contract,
        name=kind.name,
        args=args,
        case_id=args.get("caseId"),
        block_number=int(log["blockNumber"], 16),
        block_hash=log["blockHash"],
        log_index=int(log["logIndex"], 16),
        tx_hash=log["transactionHash"],
    )


def _recorded(log: dict[str, Any]) -> dict[str, Any]:
    """The one event that is read by the thousand, by its fixed layout: two indexed words, two words of data."""
    topics, data = log["topics"], log["data"]
    return {
        "caseId": topics[1],
        "actor": checksum("0x" + topics[2][26:]),
        "commitment": data[:66],
        "entry": "0x" + data[66:130],
    }


def _args(kind: EventType, log: dict[str, Any]) -> dict[str, Any]:
    if kind.is_flat:  # nearly all: read without the library, ten times faster
        indexed = map(from_hex, log["topics"][1:])
        data = from_hex(log["data"])
        others = (data[start : start + 32] for start in range(0, len(data), 32))
        return {p["name"]: read_flat(p, indexed if p["indexed"] else others) for p in kind.inputs}
    words = iter(log["topics"][1:])
    plainly = [p for p in kind.inputs if not p["indexed"]]
    values = iter(abi_decode([abi_type(p) for p in plainly], from_hex(log["data"])))
    args = {}
    for parameter in kind.inputs:
        if parameter["indexed"]:
            (value,) = abi_decode([abi_type(parameter)], from_hex(next(words)))
        else:
            value = next(values)
        args[parameter["name"]] = plain(value, parameter)
    return args


# --- reasons ---------------------------------------------------------------------------------------------------------


def explain_revert(data: bytes) -> str:
    """`NotAllowed(settled, accepted, consumer)` of the data that a revert returned; enums by their words."""
    if not data:
        return "reverted without a reason"
    kind = errors().get(data[:4])
    if kind is None:
        return f"unknown error {hex0x(data[:4])}"
    try:
        values = abi_decode([abi_type(p) for p in kind.inputs], data[4:])
    except DecodingError:
        return kind.name
    shown = [_shown(value, parameter) for value, parameter in zip(values, kind.inputs, strict=True)]
    return f"{kind.name}({', '.join(shown)})"


def _shown(value: Any, parameter: Any) -> str:
    enum = _ENUMS.get(parameter.get("internalType", ""))
    if enum is not None:
        try:
            return enum(value).wire
        except ValueError:
            return str(value)
    value = plain(value, parameter)
    return repr(value) if parameter["type"] == "string" else str(value)
