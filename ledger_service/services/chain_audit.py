"""The audit's first stage: all events of the chain in one pass, and what follows from them.

Every case's head is recomputed from its `Recorded` events and compared with the contract's, so that none can be
missing, doubled, moved or another's; and every signature is checked over what was stored of its record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..chain.abi import LEDGER, function
from ..chain.case_reader import accepts_signature
from ..chain.deployments import Deployment
from ..chain.event_stream import Log, log_ranges
from ..chain.heads import ACTOR, CASE_ID, COMMITMENT, KIND, POSITION, RECORDED, ROLE, follow, heads_of, link_of_log
from ..chain.rpc import Rpc
from ..domain.entry import NO_COMMITMENT
from ..domain.hashing import ZERO_ADDRESS, checksum_address, hex0x, keccak, word
from ..domain.messages import TYPE_HASHES, Act
from ..domain.signatures import recover_signer
from ..domain.vocabulary import Grade, Kind, Role
from ..errors import Unavailable
from ..store.audit_reads import SignedRecord, cases_among, signed_records
from ..store.database import Database
from .audit_problems import Problem

_HELD = 50_000  # heads kept in memory; beyond that, those that the contract has too are let go
_EXPLAINED = 20  # wrong heads whose events are read once more, to say what is wrong
_PATIENCE = 50  # looks at cases that the chain moves while we look
_PAUSE = 0.1  # seconds between them
_TOGETHER = 100  # cases in one question for later events
_SIGNED = "signature, nonce, valid_until, grade, share, fee"  # any of them, changed, breaks the signature
_FOREIGN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)

Tick = Callable[[int], None]  # is told how many more blocks are done


@dataclass(slots=True)
class ChainReport:
    """How much was looked at, and what contradicts."""

    events: int = 0
    cases: int = 0
    signatures: int = 0
    problems: list[Problem] = field(default_factory=list)


def audit_heads(rpc: Rpc, ledger: str, first: int, last: int, tick: Tick = lambda _: None) -> ChainReport:
    """From the chain alone: the heads of all cases, recomputed from the blocks `first` to `last` (the ledger's
    deployment, the newest) and compared with the contract's. Raises Unavailable if the chain does not answer."""
    heads = HeadAudit(rpc, ledger)
    report = ChainReport()
    for links in _links(rpc, ledger, first, last, tick, report):
        heads.add(links)
    report.problems += heads.problems(first, last)
    report.cases = heads.cases
    return report


def audit_signatures(
    rpc: Rpc, database: Database, deployment: Deployment, last: int, tick: Tick = lambda _: None
) -> ChainReport:
    """The same, and every signature checked over what the database has of the record."""
    first, ledger = deployment.deployed_at_block, deployment.ledger
    heads, signatures = HeadAudit(rpc, ledger), SignatureAudit(rpc, database, deployment)
    report = ChainReport()
    for links in _links(rpc, ledger, first, last, tick, report):
        heads.add(links)
        report.problems += signatures.problems(links)
    report.problems += heads.problems(first, last)
    report.cases, report.signatures = heads.cases, signatures.checked
    return report


def _links(rpc: Rpc, ledger: str, first: int, last: int, tick: Tick, report: ChainReport) -> Iterator[list[bytes]]:
    query = {"address": ledger, "topics": [RECORDED]}
    for found in log_ranges(rpc, query, first, last):
        links, problems = links_among(found.logs, ledger, found.first, found.last)
        report.events += len(links)
        report.problems += problems
        yield links
        tick(found.last - found.first + 1)


def links_among(logs: list[Log], ledger: str, first: int, last: int) -> tuple[list[bytes], list[Problem]]:
    """The links among the logs of some blocks, in the chain's order, and what cannot be.

    Raises Unavailable for logs that are none.
    """
    home, links, problems = ledger.lower(), [], []
    before = (first, -1)
    try:
        for log in logs:
            if log["topics"][:1] != [RECORDED] or log["address"].lower() != home:
                continue
            place = int(log["blockNumber"], 16), int(log["logIndex"], 16)
            if place <= before or place[0] > last:
                problems.append(_misplaced(log, place, place == before))
            before = place
            links.append(link_of_log(log))
    except _FOREIGN as error:
        raise Unavailable("The chain answers with logs that are none.", remedy="Ask another node.") from error
    return links, problems


def _misplaced(log: Log, place: tuple[int, int], twice: bool) -> Problem:
    what = "twice" if twice else "out of its order"
    where = f"(block {place[0]}, log {place[1]})"
    return Problem(f"The chain answers with an event Recorded {what} {where}.", case_id=log["topics"][1], check=5)


# --- heads -----------------------------------------------------------------------------------------------------------


class HeadAudit:
    """Follows the heads of all cases, holding no more of them than there are cases whose events are still to come."""

    def __init__(self, rpc: Rpc, ledger: str, *, held: int = _HELD) -> None:
        self._rpc, self._ledger = rpc, ledger
        self._heads: dict[bytes, bytes] = {}
        self._held = self._most = held
        self._let_go = 0

    @property
    def cases(self) -> int:
        return self._let_go + len(self._heads)

    def add(self, links: Sequence[bytes]) -> None:
        """Links of further blocks, in the chain's order."""
        follow(self._heads, links)
        if len(self._heads) > self._most:
            before = len(self._heads)
            self._heads = self._differing(self._heads)
            self._let_go += before - len(self._heads)
            self._most = max(self._held, 2 * len(self._heads))

    def problems(self, first: int, last: int) -> Iterator[Problem]:
        """The cases whose head is not the contract's, once all links up to block `last` were added."""
        wrong, read = self._wrong(last)
        for number, (case_id, head) in enumerate(wrong.items()):
            why = f": {self._explain(case_id, head, first, read)}" if number < _EXPLAINED else ""
            said = f"The head that follows from the chain's events is not the contract's{why}."
            yield Problem(said, case_id=hex0x(case_id), check=5)

    def _differing(self, heads: dict[bytes, bytes]) -> dict[bytes, bytes]:
        said = heads_of(self._rpc, self._ledger, list(heads))
        return {case_id: head for (case_id, head), other in zip(heads.items(), said, strict=True) if head != other}

    def _wrong(self, read: int) -> tuple[dict[bytes, bytes], int]:
        """What differs for good, and the block up to which that holds: the chain may go on while we look."""
        left = self._heads
        for _ in range(_PATIENCE):
            left = self._differing(left)
            newest = self._rpc.latest().number
            if not left or newest <= read:
                return left, read
            follow(left, self._later(list(left), read + 1, newest))
            read = newest
            time.sleep(_PAUSE)
        raise Unavailable("The chain does not stand still for long enough to compare its heads.", remedy="Try again.")

    def _later(self, case_ids: list[bytes], first: int, last: int) -> Iterator[bytes]:
        for start in range(0, len(case_ids), _TOGETHER):
            some = [hex0x(case_id) for case_id in case_ids[start : start + _TOGETHER]]
            query = {"address": self._ledger, "topics": [RECORDED, some]}
            for found in log_ranges(self._rpc, query, first, last):
                yield from links_among(found.logs, self._ledger, found.first, found.last)[0]

    def _explain(self, case_id: bytes, head: bytes, first: int, last: int) -> str:
        """What is wrong with a case's events in words: they are read once more, and their positions looked at."""
        positions, again = [], {case_id: case_id}
        for link in self._later([case_id], first, last):
            positions.append(int.from_bytes(link[POSITION], "big"))
            follow(again, [link])
        view = function(LEDGER, "slotsOf")
        (slots,) = view.decode(self._rpc.read(self._ledger, view.encode(case_id)))
        length = int.from_bytes(slots[0], "big") & 0xFFFFFF  # the lowest field of the case's word
        if length and again[case_id] != head:
            return "asked again, the chain answers with other events"
        return _broken(positions, length)


def _broken(positions: list[int], length: int) -> str:
    """What is wrong with the positions of a case's events, of which the contract counts `length`."""
    if length == 0:
        return "the contract does not know the case"
    twice = sorted({position for position in positions if positions.count(position) > 1})
    if twice:
        return f"the event at position {twice[0]} is there twice"
    missing = sorted(set(range(length)) - set(positions))
    if missing:
        return f"the event at position {missing[0]} is missing"
    beyond = [position for position in positions if position >= length]
    if beyond:
        return f"the contract has no event at position {beyond[0]}"
    if positions != sorted(positions):
        return "the events are out of their order"
    return "an event is not the one that the contract recorded"


# --- signatures ------------------------------------------------------------------------------------------------------


class SignatureAudit:
    """Checks each recorded act's bytes against their fingerprint, and its signature over what is stored. Strangers'
    acts, of which nothing is stored, cannot be checked; those of the contract and of panels have no signature."""

    def __init__(self, rpc: Rpc, database: Database, deployment: Deployment) -> None:
        self._rpc, self._database = rpc, database
        self._domain = deployment.domain
        self.checked = 0

    def problems(self, links: Sequence[bytes]) -> Iterator[Problem]:
        signed = [link for link in links if link[COMMITMENT] != NO_COMMITMENT and link[ROLE] != Role.PANEL]
        with self._database.read() as session:
            kept = signed_records(session, [hex0x(link[COMMITMENT]) for link in signed])
            strange = [link for link in signed if not _is_of(kept.get(hex0x(link[COMMITMENT])), link)]
            ours = cases_among(session, {hex0x(link[CASE_ID]) for link in strange})
        for link in strange:
            if hex0x(link[CASE_ID]) in ours:
                said = "The contract has a record here whose content is missing."
                yield Problem(said, case_id=hex0x(link[CASE_ID]), check=1, table="records")
        missing = set(strange)
        for link in signed:
            if link not in missing:
                yield from self._judge(kept[hex0x(link[COMMITMENT])], link)

    def _judge(self, record: SignedRecord, link: bytes) -> Iterator[Problem]:
        self.checked += 1
        try:
            whole = keccak(bytes(record.canonical)) == link[COMMITMENT]
            digest, signature = self._digest(record, link), bytes(record.signature)
        except _FOREIGN:
            yield _of_record(record, 2, "It cannot be told what was signed.", _SIGNED)
            return
        if not whole:
            said = "The record's bytes do not match its fingerprint: they were changed."
            yield _of_record(record, 1, said, "canonical")
        if recover_signer(digest, signature) == record.signer:
            return
        if not accepts_signature(self._rpc, record.signer, digest, signature):
            yield _of_record(record, 2, f"The signature is not that of {record.signer}.", _SIGNED)

    def _digest(self, record: SignedRecord, link: bytes) -> bytes:
        kind, commitment = Kind(link[KIND]), link[COMMITMENT]
        if kind is Kind.REQUESTED:  # a case's id is the hash of its terms
            return self._domain.digest(
                keccak(TYPE_HASHES["Open"] + link[CASE_ID] + commitment + word(record.valid_until))
            )
        act = Act(
            case_id=link[CASE_ID],
            kind=kind,
            role=Role(link[ROLE]),
            nonce=record.nonce,
            valid_until=record.valid_until,
            commitment=commitment,
            grade=Grade(record.grade),
            share=record.share,
            fee=record.fee,
            key=_key_of(record) if kind is Kind.KEY_BOUND else ZERO_ADDRESS,
        )
        return self._domain.digest(act.struct_hash())


def _of_record(record: SignedRecord, check: int, detail: str, column: str) -> Problem:
    return Problem(
        detail,
        case_id=record.case_id,
        record_id=record.record_id,
        check=check,
        table="records",
        row=f"record_id {record.record_id}",
        column=column,
    )


def _key_of(record: SignedRecord) -> str:
    """The key that a key binding names."""
    return str(json.loads(record.canonical)["data"]["key"])


def _is_of(record: SignedRecord | None, link: bytes) -> bool:
    """Whether a link is this record's: anybody can put its commitment into an act of their own."""
    if record is None or record.case_id != hex0x(link[CASE_ID]):
        return False
    try:
        kind, role = Kind(link[KIND]).wire, Role(link[ROLE]).wire
    except ValueError:
        return False
    return (record.kind, record.role, record.signer) == (kind, role, checksum_address(link[ACTOR]))
