"""Evidence: all that is needed to check one case, as data. It is the content of a bundle.

    {"case_id": "0x…", "chain": {…}, "parties": {…}, "policy": {…the policy's file…},
     "panels": […the versions that may vote…], "votes": […of arbitrators, as documents…],
     "records": […what was stated…], "links": […the case's hash chain…], "refusals": […what the contract skipped…],
     "escrow": […the case's money…], "observations": […], "checkpoint": {…} | null,
     "blocks": […those named above, and the newest…], "headers": […theirs, as RLP…], "head": {…},
     "state_proof": {…of the contracts' state at the head's block…} | null, "jwks": {…}}

Reading is strict: every member has to be there, none may be beside them, and each value has one way to be written
(hex in lower case, addresses with their checksum), so that no two texts mean the same evidence.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .hashing import hex0x
from .messages import Parties
from .observations import AnchoredCheckpoint, Observation, parse_checkpoint, parse_observations
from .panels import Panel, check_panel
from .state_proof import NoProof, StateProof, parse_state_proof
from .strict_fields import address, dictionary, hex_bytes, integer, items, members, moment, refused, text, word

_ESCROW_ARGS: dict[str, dict[str, int | str]] = {
    "Locked": {"merchant": "address", "token": "address", "refund": 64, "freight": 64, "reserve": 64},
    "Settled": {"merchant": "address", "token": "address", "toConsumer": 64, "toMerchant": 64, "fees": 64},
    "Credited": {"arbitrator": "address", "token": "address", "amount": 64},
    "RedirectGiven": {"to": "address", "effectiveAt": 40},
    "RedirectVoided": {},
    "Withdrawn": {"to": "address", "token": "address", "amount": 64},
}


MEMBERS = (
    *("case_id", "chain", "parties", "policy", "panels", "votes", "records", "links", "refusals", "escrow"),
    *("observations", "checkpoint", "blocks", "headers", "head", "state_proof", "jwks"),
)


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """Which chain and contracts a case lives on, and who runs the chain, in the operator's own words."""

    id: int
    genesis_hash: str
    operator: str
    confirmations: int
    ledger: str
    escrow: str
    panel: str  # the contract through which arbitrators vote


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
class PanelVersion:
    """A panel as it was registered, under the version that cases name."""

    version: int
    panel: Panel


@dataclass(frozen=True, slots=True)
class VoteStatement:
    """A vote as it was accepted: its document, and what the arbitrator signed beside its commitment."""

    vote_id: str
    canonical: str
    commitment: bytes
    arbitrator: str
    round: int
    share: int
    valid_until: int
    signature: bytes
    disclosures: tuple[str, ...]  # those that are shown
    receipt: str


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
    """What the escrow did with a case's money, with the event's own name and argument names."""

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
    panels: tuple[PanelVersion, ...]
    votes: tuple[VoteStatement, ...]
    records: tuple[Statement, ...]
    links: tuple[Link, ...]
    refusals: tuple[Refusal, ...]
    escrow: tuple[EscrowEvent, ...]
    blocks: tuple[Block, ...]
    head: bytes
    head_block: int
    jwks: dict[str, Any]
    observations: tuple[Observation, ...] = ()
    checkpoint: AnchoredCheckpoint | None = None
    headers: tuple[bytes, ...] = ()  # of `blocks`, in their order; empty where nobody could give them
    state_proof: StateProof | NoProof | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "case_id": hex0x(self.case_id),
            "chain": asdict(self.chain),
            "parties": asdict(self.parties),
            "policy": self.policy,
            "panels": [_panel_json(one) for one in self.panels],
            "votes": [_plain(vote) for vote in self.votes],
            "records": [_plain(record) for record in self.records],
            "links": [_placed(link) for link in self.links],
            "refusals": [_placed(refusal) for refusal in self.refusals],
            "escrow": [_placed(event) for event in self.escrow],
            "observations": [one.as_json() for one in self.observations],
            "checkpoint": self.checkpoint.as_json() if self.checkpoint else None,
            "blocks": [asdict(block) for block in self.blocks],
            "headers": [hex0x(header) for header in self.headers],
            "head": {"value": hex0x(self.head), "block": self.head_block},
            "state_proof": self.state_proof.as_json() if self.state_proof else None,
            "jwks": self.jwks,
        }


def _plain(value: Any) -> dict[str, Any]:
    return {
        name: hex0x(item) if isinstance(item, bytes) else list(item) if isinstance(item, tuple) else item
        for name, item in asdict(value).items()
    }


def _panel_json(value: PanelVersion) -> dict[str, Any]:
    return {"version": value.version, **asdict(value.panel), "arbitrators": list(value.panel.arbitrators)}


def _placed(value: Any) -> dict[str, Any]:
    flat = _plain(value)
    place = flat.pop("place")
    return {**flat, **place}


# --- reading ---------------------------------------------------------------------------------------------------------


def parse_evidence(value: Any) -> Evidence:
    """The evidence of its JSON. Raises InvalidInput for anything else, with the path of what is wrong."""
    body = members(value, "evidence", MEMBERS)
    head = members(body["head"], "head", ("value", "block"))
    return Evidence(
        case_id=word(body["case_id"], "case_id"),
        chain=_chain(body["chain"]),
        parties=_parties(body["parties"]),
        policy=dictionary(body["policy"], "policy"),
        panels=tuple(_panel(item, f"panels[{i}]") for i, item in items(body["panels"], "panels")),
        votes=tuple(_vote(item, f"votes[{i}]") for i, item in items(body["votes"], "votes")),
        records=tuple(_statement(item, f"records[{i}]") for i, item in items(body["records"], "records")),
        links=tuple(_link(item, f"links[{i}]") for i, item in items(body["links"], "links")),
        refusals=tuple(_refusal(item, f"refusals[{i}]") for i, item in items(body["refusals"], "refusals")),
        escrow=tuple(_escrow_event(item, f"escrow[{i}]") for i, item in items(body["escrow"], "escrow")),
        blocks=tuple(_block(item, f"blocks[{i}]") for i, item in items(body["blocks"], "blocks")),
        head=word(head["value"], "head.value"),
        head_block=integer(head["block"], "head.block", 53),
        jwks=dictionary(body["jwks"], "jwks"),
        observations=parse_observations(body["observations"]),
        checkpoint=parse_checkpoint(body["checkpoint"]),
        headers=tuple(hex_bytes(item, f"headers[{i}]") for i, item in items(body["headers"], "headers")),
        state_proof=parse_state_proof(body["state_proof"], "state_proof"),
    )


def _chain(value: Any) -> ChainIdentity:
    names = ("id", "genesis_hash", "operator", "confirmations", "ledger", "escrow", "panel")
    body = members(value, "chain", names)
    return ChainIdentity(
        id=integer(body["id"], "chain.id", 53),
        genesis_hash=hex0x(word(body["genesis_hash"], "chain.genesis_hash")),
        operator=text(body["operator"], "chain.operator"),
        confirmations=integer(body["confirmations"], "chain.confirmations", 16),
        ledger=address(body["ledger"], "chain.ledger"),
        escrow=address(body["escrow"], "chain.escrow"),
        panel=address(body["panel"], "chain.panel"),
    )


def _parties(value: Any) -> Parties:
    names = ("merchant", "carrier", "warehouse", "inspector")
    body = members(value, "parties", names)
    return Parties(**{name: address(body[name], f"parties.{name}") for name in names})


def _panel(value: Any, path: str) -> PanelVersion:
    sizes = {"version": 32, "threshold": 8, "appeal_panel": 32, "fallback_panel": 32, "fee": 48}
    body = members(value, path, (*sizes, "arbitrators"))
    numbers = {name: integer(body[name], f"{path}.{name}", bits) for name, bits in sizes.items()}
    named = items(body["arbitrators"], f"{path}.arbitrators")
    arbitrators = tuple(address(item, f"{path}.arbitrators[{i}]") for i, item in named)
    version, panel = numbers.pop("version"), Panel(arbitrators, **numbers)
    check_panel(panel)
    return PanelVersion(version, panel)


def _vote(value: Any, path: str) -> VoteStatement:
    names = ("vote_id", "canonical", "commitment", "arbitrator", "round", "share", "valid_until")
    body = members(value, path, (*names, "signature", "disclosures", "receipt"))
    shown = items(body["disclosures"], f"{path}.disclosures")
    return VoteStatement(
        vote_id=text(body["vote_id"], f"{path}.vote_id"),
        canonical=text(body["canonical"], f"{path}.canonical"),
        commitment=word(body["commitment"], f"{path}.commitment"),
        arbitrator=address(body["arbitrator"], f"{path}.arbitrator"),
        round=integer(body["round"], f"{path}.round", 8),
        share=integer(body["share"], f"{path}.share", 16),
        valid_until=moment(body["valid_until"], f"{path}.valid_until"),
        signature=hex_bytes(body["signature"], f"{path}.signature"),
        disclosures=tuple(text(item, f"{path}.disclosures[{i}]") for i, item in shown),
        receipt=text(body["receipt"], f"{path}.receipt"),
    )


def _statement(value: Any, path: str) -> Statement:
    sizes = {"nonce": 16, "grade": 8, "share": 16, "fee": 16}
    names = ("record_id", "canonical", "commitment", "valid_until", "signature", "disclosures", "receipt")
    body = members(value, path, (*names, *sizes))
    numbers = {name: integer(body[name], f"{path}.{name}", bits) for name, bits in sizes.items()}
    shown = items(body["disclosures"], f"{path}.disclosures")
    return Statement(
        record_id=text(body["record_id"], f"{path}.record_id"),
        canonical=text(body["canonical"], f"{path}.canonical"),
        commitment=word(body["commitment"], f"{path}.commitment"),
        valid_until=moment(body["valid_until"], f"{path}.valid_until"),
        signature=hex_bytes(body["signature"], f"{path}.signature"),
        disclosures=tuple(text(item, f"{path}.disclosures[{i}]") for i, item in shown),
        receipt=text(body["receipt"], f"{path}.receipt"),
        **numbers,
    )


def _link(value: Any, path: str) -> Link:
    body = members(value, path, ("actor", "commitment", "entry", "block", "tx_hash", "log_index"))
    return Link(
        actor=address(body["actor"], f"{path}.actor"),
        commitment=word(body["commitment"], f"{path}.commitment"),
        entry=word(body["entry"], f"{path}.entry"),
        place=_place(body, path),
    )


def _refusal(value: Any, path: str) -> Refusal:
    body = members(value, path, ("commitment", "reason", "block", "tx_hash", "log_index"))
    commitment = word(body["commitment"], f"{path}.commitment")
    return Refusal(commitment, text(body["reason"], f"{path}.reason"), _place(body, path))


def _escrow_event(value: Any, path: str) -> EscrowEvent:
    body = members(value, path, ("event", "args", "block", "tx_hash", "log_index"))
    known = _ESCROW_ARGS.get(text(body["event"], f"{path}.event"))
    if known is None:
        raise refused(f"{body['event']!r} is no event of a case's money.", f"{path}.event")
    given = members(body["args"], f"{path}.args", tuple(known))
    args = {
        name: integer(given[name], f"{path}.args.{name}", kind)
        if isinstance(kind, int)
        else address(given[name], f"{path}.args.{name}")
        for name, kind in known.items()
    }
    return EscrowEvent(body["event"], args, _place(body, path))


def _place(body: dict[str, Any], path: str) -> Place:
    return Place(
        block=integer(body["block"], f"{path}.block", 53),
        tx_hash=hex0x(word(body["tx_hash"], f"{path}.tx_hash")),
        log_index=integer(body["log_index"], f"{path}.log_index", 32),
    )


def _block(value: Any, path: str) -> Block:
    body = members(value, path, ("number", "hash", "time"))
    number = integer(body["number"], f"{path}.number", 53)
    return Block(number, hex0x(word(body["hash"], f"{path}.hash")), moment(body["time"], f"{path}.time"))
