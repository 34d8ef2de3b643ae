"""Evidence: all that is needed to check one case, as data. It is the content of a bundle.

    {"case_id": "0x…", "chain": {…}, "parties": {…}, "policy": {…the policy's file…},
     "records": […what was stated…], "links": […the case's hash chain…], "refusals": […what the contract skipped…],
     "escrow": […the case's money…], "blocks": […those named above, and the newest…], "head": {…}, "jwks": {…}}

Reading is strict: every member has to be there, none may be beside them, and each value has one way to be written
(hex in lower case, addresses with their checksum), so that no two texts mean the same evidence.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address

from ..errors import InvalidInput
from .hashing import hex0x
from .messages import Parties

MAX_ITEMS = 10_000  # of one list; a case of that length would take years
_ESCROW_ARGS = {
    "Locked": {"merchant": "address", "token": "address", "refund": 64, "freight": 64, "reserve": 64},
    "Settled": {"merchant": "address", "token": "address", "toConsumer": 64, "toMerchant": 64},
    "Withdrawn": {"to": "address", "token": "address", "amount": 64},
}


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """Which chain and contracts a case lives on, and who runs the chain, in the operator's own words."""

    id: int
    genesis_hash: str
    operator: str
    confirmations: int
    ledger: str
    escrow: str


@dataclass(frozen=True, slots=True)
class Block:
    """`time` is seconds since 1970 UTC."""

    number: int
    hash: str
    time: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands."""

    block: int
    tx_hash: str
    log_index: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A record as it was accepted: its canonical text, and what its signer signed beside its commitment."""

    record_id: str
    canonical: str
    commitment: bytes
    nonce: int
    valid_until: int
    grade: int
    share: int
    fee: int
    signature: bytes
    disclosures: tuple[str, ...]  # those that are shown
    receipt: str


@dataclass(frozen=True, slots=True)
class Link:
    """A `Recorded` event."""

    actor: str
    commitment: bytes
    entry: bytes
    place: Place


@dataclass(frozen=True, slots=True)
class Refusal:
    """A `Skipped` event; `reason` is the contract's error in words."""

    commitment: bytes
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class EscrowEvent:
    """`Locked`, `Settled` or `Withdrawn`, with the event's own argument names."""

    event: str
    args: dict[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Evidence:
    """`head` is the contract's for this case at `head_block`; zero while the case is not on the chain."""

    case_id: bytes
    chain: ChainIdentity
    parties: Parties
    policy: dict[str, Any]
    records: tuple[Statement, ...]
    links: tuple[Link, ...]
    refusals: tuple[Refusal, ...]
    escrow: tuple[EscrowEvent, ...]
    blocks: tuple[Block, ...]
    head: bytes
    head_block: int
    jwks: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "case_id": hex0x(self.case_id),
            "chain": asdict(self.chain),
            "parties": asdict(self.parties),
            "policy": self.policy,
            "records": [_plain(record) for record in self.records],
            "links": [_placed(link) for link in self.links],
            "refusals": [_placed(refusal) for refusal in self.refusals],
            "escrow": [_placed(event) for event in self.escrow],
            "blocks": [asdict(block) for block in self.blocks],
            "head": {"value": hex0x(self.head), "block": self.head_block},
            "jwks": self.jwks,
        }


def _plain(value: Any) -> dict[str, Any]:
    return {
        name: hex0x(item) if isinstance(item, bytes) else list(item) if isinstance(item, tuple) else item
        for name, item in asdict(value).items()
    }


def _placed(value: Any) -> dict[str, Any]:
    flat = _plain(value)
    place = flat.pop("place")
    return {**flat, **place}


# --- reading ---------------------------------------------------------------------------------------------------------


def parse_evidence(value: Any) -> Evidence:
    """The evidence of its JSON. Raises InvalidInput for anything else, with the path of what is wrong."""
    top = (
        "case_id",
        "chain",
        "parties",
        "policy",
        "records",
        "links",
        "refusals",
        "escrow",
        "blocks",
        "head",
        "jwks",
    )
    body = _members(value, "evidence", top)
    head = _members(body["head"], "head", ("value", "block"))
    return Evidence(
        case_id=_word(body["case_id"], "case_id"),
        chain=_chain(body["chain"]),
        parties=_parties(body["parties"]),
        policy=_dictionary(body["policy"], "policy"),
        records=tuple(_statement(item, f"records[{i}]") for i, item in _items(body["records"], "records")),
        links=tuple(_link(item, f"links[{i}]") for i, item in _items(body["links"], "links")),
        refusals=tuple(_refusal(item, f"refusals[{i}]") for i, item in _items(body["refusals"], "refusals")),
        escrow=tuple(_escrow_event(item, f"escrow[{i}]") for i, item in _items(body["escrow"], "escrow")),
        blocks=tuple(_block(item, f"blocks[{i}]") for i, item in _items(body["blocks"], "blocks")),
        head=_word(head["value"], "head.value"),
        head_block=_integer(head["block"], "head.block", 53),
        jwks=_dictionary(body["jwks"], "jwks"),
    )


def _chain(value: Any) -> ChainIdentity:
    body = _members(value, "chain", ("id", "genesis_hash", "operator", "confirmations", "ledger", "escrow"))
    return ChainIdentity(
        id=_integer(body["id"], "chain.id", 53),
        genesis_hash=hex0x(_word(body["genesis_hash"], "chain.genesis_hash")),
        operator=_text(body["operator"], "chain.operator"),
        confirmations=_integer(body["confirmations"], "chain.confirmations", 16),
        ledger=_address(body["ledger"], "chain.ledger"),
        escrow=_address(body["escrow"], "chain.escrow"),
    )


def _parties(value: Any) -> Parties:
    names = ("merchant", "carrier", "warehouse", "inspector")
    body = _members(value, "parties", names)
    return Parties(**{name: _address(body[name], f"parties.{name}") for name in names})


def _statement(value: Any, path: str) -> Statement:
    sizes = {"nonce": 16, "valid_until": 40, "grade": 8, "share": 16, "fee": 16}
    body = _members(
        value, path, ("record_id", "canonical", "commitment", *sizes, "signature", "disclosures", "receipt")
    )
    numbers = {name: _integer(body[name], f"{path}.{name}", bits) for name, bits in sizes.items()}
    shown = _items(body["disclosures"], f"{path}.disclosures")
    return Statement(
        record_id=_text(body["record_id"], f"{path}.record_id"),
        canonical=_text(body["canonical"], f"{path}.canonical"),
        commitment=_word(body["commitment"], f"{path}.commitment"),
        signature=_hex(body["signature"], f"{path}.signature"),
        disclosures=tuple(_text(item, f"{path}.disclosures[{i}]") for i, item in shown),
        receipt=_text(body["receipt"], f"{path}.receipt"),
        **numbers,
    )


def _link(value: Any, path: str) -> Link:
    body = _members(value, path, ("actor", "commitment", "entry", "block", "tx_hash", "log_index"))
    return Link(
        actor=_address(body["actor"], f"{path}.actor"),
        commitment=_word(body["commitment"], f"{path}.commitment"),
        entry=_word(body["entry"], f"{path}.entry"),
        place=_place(body, path),
    )


def _refusal(value: Any, path: str) -> Refusal:
    body = _members(value, path, ("commitment", "reason", "block", "tx_hash", "log_index"))
    commitment = _word(body["commitment"], f"{path}.commitment")
    return Refusal(commitment, _text(body["reason"], f"{path}.reason"), _place(body, path))


def _escrow_event(value: Any, path: str) -> EscrowEvent:
    body = _members(value, path, ("event", "args", "block", "tx_hash", "log_index"))
    known = _ESCROW_ARGS.get(_text(body["event"], f"{path}.event"))
    if known is None:
        raise _refused(f"{body['event']!r} is no event of a case's money.", f"{path}.event")
    given = _members(body["args"], f"{path}.args", tuple(known))
    args = {
        name: _integer(given[name], f"{path}.args.{name}", kind)
        if isinstance(kind, int)
        else _address(given[name], f"{path}.args.{name}")
        for name, kind in known.items()
    }
    return EscrowEvent(body["event"], args, _place(body, path))


def _place(body: dict[str, Any], path: str) -> Place:
    return Place(
        block=_integer(body["block"], f"{path}.block", 53),
        tx_hash=hex0x(_word(body["tx_hash"], f"{path}.tx_hash")),
        log_index=_integer(body["log_index"], f"{path}.log_index", 32),
    )


def _block(value: Any, path: str) -> Block:
    body = _members(value, path, ("number", "hash", "time"))
    number = _integer(body["number"], f"{path}.number", 53)
    return Block(number, hex0x(_word(body["hash"], f"{path}.hash")), _integer(body["time"], f"{path}.time", 40))


def _members(value: Any, path: str, names: tuple[str, ...]) -> dict[str, Any]:
    body = _dictionary(value, path)
    missing, beside = set(names) - set(body), set(body) - set(names)
    if missing or beside:
        what = f"lacks {sorted(missing)[0]!r}" if missing else f"has an unknown {sorted(beside)[0]!r}"
        raise _refused(f"It {what}.", path)
    return body


def _dictionary(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _refused("It is no JSON object.", path)
    return value


def _items(value: Any, path: str) -> list[tuple[int, Any]]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise _refused(f"It is no list of at most {MAX_ITEMS} items.", path)
    return list(enumerate(value))


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _refused("It is no text.", path)
    return value


def _integer(value: Any, path: str, bits: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise _refused(f"It is no whole number of {bits} bits.", path)
    return value


def _hex(value: Any, path: str) -> bytes:
    text = _text(value, path)
    try:
        data = bytes.fromhex(text[2:])
    except ValueError:
        data = b""
    if hex0x(data) != text:
        raise _refused("It is no 0x hex in lower case.", path)
    return data


def _word(value: Any, path: str) -> bytes:
    data = _hex(value, path)
    if len(data) != 32:
        raise _refused("It is no 32 bytes.", path)
    return data


def _address(value: Any, path: str) -> str:
    text = _text(value, path)
    if not _is_address(text):
        raise _refused("It is no address with its checksum.", path)
    return text


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    return re.fullmatch(r"0x[0-9a-fA-F]{40}", text) is not None and to_checksum_address(text) == text


def _refused(what: str, path: str) -> InvalidInput:
    return InvalidInput(what, field=path, remedy="Ask for the evidence again, and pass it on unchanged.")
