"""The checks of observations: document, signature, role, and their place under an anchored checkpoint (check 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import IntegrityFailure
from .chain_facts import ChainReader
from .checkpoint import Checkpoint, keys_of, read_checkpoint
from .checks import Check, Outcome, RowReport, summarise
from .evidence import Block
from .hashing import hex0x, keccak
from .merkle import leaf_hash, verify_inclusion
from .messages import anchor_domain, observation_hash
from .observations import KINDS, ROLES, AnchoredCheckpoint, AnchorFacts, Observation
from .reading import Reading
from .receipts import receipt_of, too_early
from .records import Record, record_of
from .replay import Rules
from .row_checks import BROKEN, HELD_BY, NO_FORM, disclosed_problem, form_problem, judge_signature, matches
from .vocabulary import Kind, Role

_NONE = "The case has no observations; there is nothing to check."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a chain answered of the log: `facts`, or without them the outcome that this leaves and why. `newest` is the
    block up to which confirmations count: the chain's, or the evidence's own."""

    newest: int
    chain: ChainReader | None = None
    facts: AnchorFacts | None = None
    without: Outcome = "skipped"
    why: str = "no chain asked"

    def rests(self, detail: str) -> Check:
        if self.facts is not None:
            return Check(7, "pass", detail)
        return Check(7, self.without, f"{detail} By the evidence alone; {self.why}.")


def judge_observations(
    reading: Reading, observations: Sequence[Observation], checkpoint: AnchoredCheckpoint | None, asked: Asked
) -> tuple[tuple[RowReport, ...], Check]:
    """A row with checks 1, 2, 3 and 7 for each observation, and the case's check 7."""
    if checkpoint is None or not observations:
        problem = _without(observations, checkpoint)
        return (), Check(7, "fail", problem) if problem else Check(7, "skipped", _NONE)
    log = _Log(reading, checkpoint, asked)
    times = Counter(name for one in observations for name in _names(one))
    rows = tuple(_judge(reading, one, log, any(times[name] > 1 for name in _names(one))) for one in observations)
    if log.problem is not None:
        return rows, Check(7, "fail", log.problem)
    held = f" {len(rows)} of its {log.size} entries are this case's." if log.size else ""
    return rows, summarise(7, rows, f"Each is in the log whose checkpoints {checkpoint.contract} anchors.{held}")


def _without(observations: Sequence[Observation], checkpoint: AnchoredCheckpoint | None) -> str | None:
    if observations:
        return "There are observations, and no checkpoint of the log beside them."
    return "There is a checkpoint of the log, and no observation that it is about." if checkpoint else None


def _names(one: Observation) -> Iterator[tuple[str, Any]]:
    """What no other observation may have too."""
    yield "id", one.observation_id
    yield "commitment", one.commitment
    if one.index is not None:
        yield "index", one.index


class _Log:
    """The checkpoint, read once. `problem` is what is wrong with it in words."""

    def __init__(self, reading: Reading, given: AnchoredCheckpoint, asked: Asked) -> None:
        self.given = given
        self.asked = asked
        self.checkpoint: Checkpoint | None = None
        self.anchored_in: Block | None = None
        self.depth: int | None = None  # blocks on top of that
        self.needed = reading.evidence.chain.confirmations
        self.problem = self._read(reading) or self._placed(reading)

    @property
    def size(self) -> int:
        return self.checkpoint.size if self.checkpoint else 0

    def _read(self, reading: Reading) -> str | None:
        if self.given.note is None:
            return None if self.given.anchor is None else "It names an anchor, and no checkpoint."
        try:
            self.checkpoint = read_checkpoint(self.given.note, keys_of(reading.keys))
        except IntegrityFailure as error:
            return error.detail
        named = self.checkpoint.origin.rpartition("/")[2]
        return None if named == self.given.contract else f"The checkpoint is of the log of {named}."

    def _placed(self, reading: Reading) -> str | None:
        place, checkpoint, facts = self.given.anchor, self.checkpoint, self.asked.facts
        if place is None or checkpoint is None:
            return None
        block = reading.blocks.get(place.block)
        if block is None or block.number > reading.evidence.head_block:
            return f"Block {place.block} of the anchor is not among the blocks of the evidence."
        self.anchored_in, self.depth = block, self.asked.newest - place.block
        if facts is not None and facts.code_is_ours is False:
            return f"The code at {self.given.contract} is not that of this release's anchor."
        if facts is not None and facts.anchored != (checkpoint.size, checkpoint.root):
            where = f"block {place.block}, transaction {place.tx_hash}, log {place.log_index}"
            return f"{self.given.contract} anchored no such checkpoint in {where}."
        return None


def _judge(reading: Reading, one: Observation, log: _Log, is_repeated: bool) -> RowReport:
    try:
        record = record_of(one.canonical.encode())
    except BROKEN:
        record = None
    checks = (
        _fingerprint(reading, one, record, is_repeated),
        _signature(reading, one, record, log),
        _role(reading, record),
        _logged(reading, one, log),
    )
    kind = str(record.body.get("kind")) if record else "unreadable"
    return RowReport(one.observation_id, None, kind, _stage(one, log), checks)


def _stage(one: Observation, log: _Log) -> str:
    if one.index is None:
        return "accepted"
    return "anchored" if log.depth is not None and one.index < log.size else "logged"


def _fingerprint(reading: Reading, one: Observation, record: Record | None, is_repeated: bool) -> Check:
    if record is None:
        return Check(1, "fail", "The observation's bytes are no record in canonical form: they were changed.")
    if keccak(record.canonical) != one.commitment:
        return Check(1, "fail", "The observation's bytes do not match its fingerprint: they were changed.")
    try:
        problem = form_problem(reading, record.body, record.body["kind"] in KINDS)
        problem = problem or disclosed_problem(record.body["_sd"], one.disclosures)
    except BROKEN:
        problem = NO_FORM
    if problem is None and is_repeated:
        problem = "The observation is there twice."
    if problem is not None:
        return Check(1, "fail", problem)
    return matches(reading, one.commitment, record.body["_sd"], one.disclosures)


def _signature(reading: Reading, one: Observation, record: Record | None, log: _Log) -> Check:
    evidence = reading.evidence
    try:
        body = record.body if record else {}
        signer, holder = str(body["signer"]), HELD_BY[body["key"]]
        domain = anchor_domain(evidence.chain.id, log.given.contract)
    except BROKEN:
        return Check(2, "fail", "It cannot be told what was signed.")
    digest = domain.digest(observation_hash(evidence.case_id, one.commitment))
    return judge_signature(signer, holder, digest, one.signature, log.asked.chain)


def _role(reading: Reading, record: Record | None) -> Check:
    rules = reading.rules
    if isinstance(rules, str):
        return Check(3, "fail", rules)
    try:
        body = record.body if record else {}
        role, signer = Role.from_wire(body["role"]), body["signer"]
        allowed = role in ROLES[body["kind"]]
        held = signer in _actors(reading, rules, role)
    except BROKEN:
        return Check(3, "fail", NO_FORM)
    if not held:
        return Check(3, "fail", f"{signer} is not this case's {role.wire}.")
    if not allowed:
        return Check(3, "fail", f"A {role.wire} does not state {body['kind']!r}.")
    return Check(3, "pass", f"{signer} is this case's {role.wire}.")


def _actors(reading: Reading, rules: Rules, role: Role) -> set[str]:
    """Who held a role. An observation has no position, so a consumer's is by any key that they ever had in the case."""
    if role is not Role.CONSUMER:
        return {rules.actor(role, rules.terms.consumer)}
    bound = {act.key for act in reading.acts.values() if act.kind is Kind.KEY_BOUND}
    return {rules.terms.consumer, *bound}


def _logged(reading: Reading, one: Observation, log: _Log) -> Check:
    problem = log.problem or _receipt_problem(reading, one, log)
    if problem is not None:
        return Check(7, "fail", problem)
    if one.index is None or one.index >= log.size or log.checkpoint is None:
        if one.proof:
            return Check(7, "fail", "It brings a proof, and no checkpoint that covers it.")
        if one.index is None:
            return Check(7, "pending", "It has a valid receipt, and waits for its place in the log.")
        return Check(7, "pending", f"It is entry {one.index} of the log, and waits for a checkpoint to be anchored.")
    if not verify_inclusion(one.index, log.size, leaf_hash(one.commitment), one.proof, log.checkpoint.root):
        return Check(7, "fail", f"It is not entry {one.index} of the log of {log.size} that the checkpoint stands for.")
    return _anchored(one, log)


def _anchored(one: Observation, log: _Log) -> Check:
    place, within = log.given.anchor, f"entry {one.index} of the log of {log.size}"
    if place is None or log.depth is None:
        return Check(7, "pending", f"It is {within}, whose checkpoint waits to be anchored.")
    if log.depth < log.needed:
        said = f"has {max(log.depth, 0)} of {log.needed} confirmations"
        return Check(7, "pending", f"It is {within}; the block {place.block} of its anchor {said}.")
    root = hex0x(log.checkpoint.root) if log.checkpoint else ""
    return log.asked.rests(f"It is {within} with the root {root}, anchored in block {place.block}.")


def _receipt_problem(reading: Reading, one: Observation, log: _Log) -> str | None:
    problem, accepted_at = receipt_of(
        reading,
        one.receipt,
        one.observation_id,
        one.commitment,
        contract=log.given.contract,
        of="observation",
    )
    if problem is not None or log.anchored_in is None or one.index is None or one.index >= log.size:
        return problem
    early = too_early(log.anchored_in, accepted_at)
    return early and f"The block of its anchor {early}"
