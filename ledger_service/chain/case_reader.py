"""Asking a chain about one case: what its contracts hold, the blocks, and all of the case's events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eth_abi.abi import encode as abi_encode

from ..domain.chain_facts import CaseEvents, ChainFacts, LockState
from ..domain.evidence import Block, EscrowEvent, Evidence, Link, Place, Refusal
from ..domain.hashing import ZERO_ADDRESS, from_hex, hex0x, keccak
from ..domain.panels import Panel
from ..errors import Unavailable
from .abi import ESCROW, LEDGER, PANEL, checksum, function
from .anchors import anchor_facts
from .code import is_our_code
from .codec import Event, decode_log, explain_revert
from .rpc import Call, Rpc, RpcRefused, block_call, tag_of

MONEY_EVENTS = ("Locked", "Settled", "Credited", "RedirectGiven", "RedirectVoided", "Withdrawn")
_MOST_PANELS = 3  # that a case can name: its own, the fallback and the appeal panel
_IS_VALID_SIGNATURE = keccak(b"isValidSignature(bytes32,bytes)")[:4]
_ATTEMPTS = 5


class QuickReader:
    """A chain as the service asks its own: a few views and block headers, in one request."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def facts(self, evidence: Evidence) -> ChainFacts:
        """Raises Unavailable if the chain does not answer, or went on in this very case and keeps no earlier state."""
        facts = self._ask(evidence, "latest")
        if facts.newest.number <= evidence.head_block:
            return facts
        try:
            return self._ask(evidence, evidence.head_block)
        except RpcRefused:
            if facts.head == evidence.head:
                return replace(facts, lock=None)
            raise Unavailable("It has gone on since.", remedy="Look again in a moment.") from None

    def accepts_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        return accepts_signature(self._rpc, account, digest, signature)

    def _ask(self, evidence: Evidence, block: int | str) -> ChainFacts:
        facts = _facts(evidence, self._rpc.batch_all(_calls(evidence, block)))
        anchor = anchor_facts(self._rpc, evidence.checkpoint)
        return replace(facts, panels=_panels_of(self._rpc, evidence), anchor=anchor)


class FullReader:
    """A chain as a stranger asks it: the contracts' code is compared, and all events of the case are read.

    With `block_hash`, that block counts as the newest.
    """

    def __init__(self, rpc: Rpc, block_hash: str | None = None) -> None:
        self._rpc = rpc
        self._block_hash = block_hash

    def facts(self, evidence: Evidence) -> ChainFacts:
        """Raises Unavailable if the chain does not answer, or does not stand still for long enough to be read."""
        calls = [*_calls(evidence, "latest"), _logs_call(evidence), block_call("latest")]
        for _ in range(_ATTEMPTS):
            *answers, logs, after = self._rpc.batch_all(calls)
            facts = _facts(evidence, answers)
            if after["hash"] == facts.newest.hash:
                return replace(
                    facts,
                    events=_events(evidence, logs),
                    panels=_panels_of(self._rpc, evidence),
                    code_is_ours=self._is_our_code(evidence),
                    newest=self._pinned(facts.newest),
                    anchor=anchor_facts(self._rpc, evidence.checkpoint, code=True),
                )
        raise Unavailable("The chain moved on with every look.", remedy="Try again, or ask another node.")

    def accepts_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        return accepts_signature(self._rpc, account, digest, signature)

    def _pinned(self, newest: Block) -> Block:
        if self._block_hash is None:
            return newest
        named = self._rpc.call("eth_getBlockByHash", self._block_hash, False)
        block = _block(named) if named else None
        if block is None or self._rpc.call(*block_call(block.number))["hash"] != block.hash:
            raise Unavailable(f"The chain at {self._rpc.place} has no block {self._block_hash}.")
        return block

    def _is_our_code(self, evidence: Evidence) -> bool:
        chain = evidence.chain
        places = ((LEDGER, chain.ledger), (ESCROW, chain.escrow), (PANEL, chain.panel))
        return all(is_our_code(name, self._rpc.code(address)) for name, address in places)


def accepts_signature(rpc: Rpc, account: str, digest: bytes, signature: bytes) -> bool:
    """ERC-1271. Raises Unavailable if the chain does not answer."""
    try:
        answer = rpc.read(account, _IS_VALID_SIGNATURE + abi_encode(["bytes32", "bytes"], [digest, signature]))
    except RpcRefused:
        return False
    return answer[:32] == _IS_VALID_SIGNATURE.ljust(32, b"\0")


def _panels_of(rpc: Rpc, evidence: Evidence) -> dict[int, Panel]:
    versions = [one.version for one in evidence.panels[:_MOST_PANELS]]
    return panels_of(rpc, evidence.chain.panel, versions)


def panels_of(rpc: Rpc, contract: str, versions: Sequence[int]) -> dict[int, Panel]:
    """What the panels' contract has registered under these versions, which never changes; unknown ones are left out.
    Raises Unavailable if nothing there answers as that contract does."""
    view = function(PANEL, "panelOf")
    calls = [("eth_call", {"to": contract, "data": hex0x(view.encode(version))}, "latest") for version in versions]
    found = {}
    for version, answer in zip(versions, rpc.batch(calls) if calls else [], strict=True):
        if isinstance(answer, RpcRefused):
            continue
        try:
            ((arbitrators, *numbers),) = view.decode(from_hex(answer))
        except Exception as error:  # a contract that is none of ours may answer anything
            raise Unavailable(
                f"Nothing at {contract} answers as the panels do.", remedy="Is this the right chain?"
            ) from error
        found[version] = Panel(tuple(checksum(one) for one in arbitrators), *numbers)
    return found


def _calls(evidence: Evidence, block: int | str) -> list[Call]:
    """What every look asks, in the order in which `_facts` takes the answers."""
    ledger, escrow = evidence.chain.ledger, evidence.chain.escrow
    locked = next((event.args["token"] for event in evidence.escrow if event.event == "Locked"), ZERO_ADDRESS)
    views = (
        (ledger, function(LEDGER, "head").encode(evidence.case_id)),
        (escrow, function(ESCROW, "lockOf").encode(evidence.case_id)),
        (escrow, function(ESCROW, "tokenInfo").encode(locked)),
    )
    return [
        ("eth_chainId",),
        block_call(0),
        block_call("latest"),
        *(("eth_call", {"to": to, "data": hex0x(data)}, tag_of(block)) for to, data in views),
        *(block_call(named.number) for named in evidence.blocks),
    ]


def _facts(evidence: Evidence, answers: list[Any]) -> ChainFacts:
    chain_id, genesis, newest, head, lock, token, *blocks = answers
    if head == "0x":  # no contract there
        head, lock, token = hex0x(bytes(32)), hex0x(bytes(160)), hex0x(bytes(96))
    try:
        (kept,) = function(ESCROW, "lockOf").decode(from_hex(lock))
        (info,) = function(ESCROW, "tokenInfo").decode(from_hex(token))
        refund, freight, reserve, _, settled = kept
        return ChainFacts(
            chain_id=int(chain_id, 16),
            genesis_hash=genesis["hash"],
            newest=_block(newest),
            blocks={block.number: block for block in map(_block, filter(None, blocks))},
            head=from_hex(head, 32),
            lock=LockState(refund, freight, reserve, settled),
            currency=bytes(info[0]).decode("ascii") if info[1] else None,
        )
    except Exception as error:  # a node, or a contract that is none of ours, may answer anything
        raise Unavailable(
            f"Nothing at {evidence.chain.ledger} answers as the ledger does.", remedy="Is this the right chain?"
        ) from error


def _block(value: dict[str, Any]) -> Block:
    return Block(int(value["number"], 16), value["hash"], int(value["timestamp"], 16))


def _logs_call(evidence: Evidence) -> Call:
    first = min((block.number for block in evidence.blocks), default=0)
    contracts = [evidence.chain.ledger, evidence.chain.escrow]
    topics = [None, hex0x(evidence.case_id)]
    return ("eth_getLogs", {"address": contracts, "topics": topics, "fromBlock": hex(first), "toBlock": "latest"})


def _events(evidence: Evidence, logs: list[dict[str, Any]]) -> CaseEvents:
    ledger = evidence.chain.ledger.lower()
    decoded = [decode_log(log, LEDGER if log["address"].lower() == ledger else ESCROW) for log in logs]
    events = sorted((event for event in decoded if event), key=lambda event: (event.block_number, event.log_index))
    return CaseEvents(
        links=tuple(link_of(event) for event in events if event.name == "Recorded"),
        refusals=tuple(refusal_of(event) for event in events if event.name == "Skipped"),
        escrow=tuple(
            escrow_event_of(event) for event in events if event.contract == ESCROW and event.name in MONEY_EVENTS
        ),
    )


def link_of(event: Event) -> Link:
    args = event.args
    return Link(args["actor"], from_hex(args["commitment"]), from_hex(args["entry"]), _place(event))


def refusal_of(event: Event) -> Refusal:
    return Refusal(from_hex(event.args["commitment"]), explain_revert(from_hex(event.args["reason"])), _place(event))


def escrow_event_of(event: Event) -> EscrowEvent:
    return EscrowEvent(
        event.name, {name: value for name, value in event.args.items() if name != "caseId"}, _place(event)
    )


def _place(event: Event) -> Place:
    return Place(event.block_number, event.tx_hash, event.log_index)
