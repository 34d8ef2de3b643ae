"""The numbered checks by which anybody can judge a case, the same in the API, the command line and a bundle.

    1 records and fingerprints   4 events of this contract   7 observations
    2 signatures                 5 order, rules, head        8 money
    3 roles                      6 blocks and times          (0 the seal of a bundle)

What a check rests on is said in its detail. Without a chain to ask, 4 to 6 are judged by the evidence itself: what
contradicts itself fails, what its state proof proves of a block that the reader named passes, the rest is skipped.
Hostile evidence fails or raises InvalidInput, and nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from .domain.basis import Basis, Codes
from .domain.chain_facts import ChainFacts, ChainReader
from .domain.checks import Check, Report, RowReport, summarise, worst
from .domain.entry import chain_heads
from .domain.evidence import Block, EscrowEvent, Evidence, Link, Place, Refusal, VoteStatement, parse_evidence
from .domain.hashing import ZERO_WORD, hex0x
from .domain.jws import read_token
from .domain.movements import money_words, movements_problem
from .domain.observation_checks import Asked, judge_observations
from .domain.reading import Reading, Row
from .domain.receipts import receipt_of, record_receipt, too_early
from .domain.records import canonical_bytes
from .domain.replay import Replay
from .domain.row_checks import check_fingerprint, check_role, check_signature, requested_amount_problem
from .domain.seen import other_name
from .domain.times import from_chain, rfc3339
from .domain.vocabulary import Mode
from .domain.vote_checks import check_vote, missing_vote, ruled_at
from .errors import IntegrityFailure, InvalidInput

BUNDLE = "after-sales-bundle/1"
_ALL_PASS = {
    1: "Each record's bytes match its fingerprint, and each personal field shown matches its digest.",
    2: "Each record is signed by the actor that it names, for this chain, this contract and this case.",
    3: "Each actor is the one that the case's terms name for the role.",
    4: "Each record's fingerprint stands in an event of the contract {ledger}.",
    6: "Each record's block is on chain {id}, run by: {operator}. Whoever runs a chain can hold its clock.",
}
_PROVEN = {  # instead, where a state proof and a block's hash from elsewhere are all there is
    4: "Each record's fingerprint is in the hash chain whose head the contract {ledger} holds. Transaction hashes and "
    "log indexes are the file's own word.",
    6: "The newest block is the one whose hash you gave, by its own header; each record's time is part of its entry, "
    "which the head proves. The numbers and hashes of earlier blocks are the file's own word.",
}


def verify_bundle(
    bundle: Any,
    chain: ChainReader | None = None,
    *,
    block_hash: str | None = None,
    keys: dict[str, Any] | None = None,
    codes: Codes | None = None,
) -> Report:
    """Judges a bundle. `keys` is the service's key set (JWKS) from elsewhere, `block_hash` a block to hold the head to,
    `codes` tells the hashes of the contracts' code for the state proof.

    Raises InvalidInput for what is no bundle at all.
    """
    if not isinstance(bundle, dict) or set(bundle) != {"format", "evidence", "seal"} or bundle["format"] != BUNDLE:
        raise InvalidInput(f"This is no evidence bundle ({BUNDLE}).", field="bundle", remedy="Ask for it again.")
    evidence = parse_evidence(bundle["evidence"])
    report = verify_reading(Reading(evidence, keys), chain, block_hash=block_hash, codes=codes)
    return replace(report, checks=(_check_seal(bundle, evidence, keys), *report.checks))


def verify_evidence(evidence: Evidence, chain: ChainReader | None = None, *, block_hash: str | None = None) -> Report:
    """Judges evidence, asking the chain if there is one."""
    return verify_reading(Reading(evidence), chain, block_hash=block_hash)


def verify_reading(
    reading: Reading, chain: ChainReader | None = None, *, block_hash: str | None = None, codes: Codes | None = None
) -> Report:
    """The same for evidence that was read already."""
    evidence = reading.evidence
    basis = Basis(reading, chain, block_hash, codes)
    rows = tuple(_judge(reading, row, basis) for row in reading.rows)
    rows += tuple(_judge_vote(reading, vote, basis) for vote in evidence.votes)
    observed, logged = judge_observations(reading, evidence.observations, evidence.checkpoint, _asked(basis))
    rows += observed
    named = {"ledger": evidence.chain.ledger, "id": evidence.chain.id, "operator": evidence.chain.operator}
    texts = _ALL_PASS | _PROVEN if basis.offline else _ALL_PASS
    summary = {number: summarise(number, rows, text.format(**named)) for number, text in texts.items()}
    checks = (
        _check_documents(reading, summary[1]),
        summary[2],
        summary[3],
        _check_events(reading, summary[4], basis),
        _check_timeline(reading, rows, basis),
        _check_chain(reading, summary[6], basis),
        logged,
        _check_money(reading, basis),
    )
    return Report(hex0x(evidence.case_id), _chain_named(evidence, basis), checks, rows, basis.trust)


def _asked(basis: Basis) -> Asked:
    """What was asked about the log of observations."""
    facts = basis.facts
    anchored = facts.anchor if facts else None
    return Asked(_newest(basis.reading.evidence, basis), basis.chain, anchored, basis.without, basis.why)


def _chain_named(evidence: Evidence, basis: Basis) -> dict[str, Any]:
    return {
        "id": evidence.chain.id,
        "operator": evidence.chain.operator,
        "contract": evidence.chain.ledger,
        "confirmations": evidence.chain.confirmations,
        "head_block": basis.facts.newest.number if basis.facts else evidence.head_block,
        "asked": basis.facts is not None,
    }


def _check_seal(bundle: dict[str, Any], evidence: Evidence, keys: dict[str, Any] | None) -> Check:
    try:
        claims, kid = read_token("bundle+jwt", str(bundle["seal"]), evidence.jwks if keys is None else keys)
        digest = hashlib.sha256(canonical_bytes(bundle["evidence"])).hexdigest()
    except (IntegrityFailure, InvalidInput) as error:
        return Check(0, "fail", error.detail)
    if claims.get("sha256") != digest or claims.get("sub") != hex0x(evidence.case_id):
        return Check(0, "fail", "The file was changed after the service sealed it.")
    known = (
        "a key of the set you gave" if keys is not None else "the key named in the file; compare it with the service's"
    )
    issuer = claims.get("iss")
    return Check(0, "pass", f"Sealed by {issuer} with {known}: {kid}.{other_name(evidence.checkpoint, issuer)}")


# --- one row ---------------------------------------------------------------------------------------------------------


def _judge(reading: Reading, row: Row, basis: Basis) -> RowReport:
    checks = (
        check_fingerprint(reading, row),
        check_signature(reading, row, basis.chain),
        check_role(reading, row),
        _check_event(reading, row, basis),
        _check_step(reading, row),
        _check_block(reading, row, basis),
    )
    record_id = row.statement.record_id if row.statement else None
    return RowReport(record_id, row.position, row.kind, _stage(reading, row, basis), checks)


def _judge_vote(reading: Reading, vote: VoteStatement, basis: Basis) -> RowReport:
    problem, _ = receipt_of(reading, vote.receipt, vote.vote_id, vote.commitment)
    taken = Check(6, "fail", problem) if problem else Check(6, "pass", "It has a valid receipt.")
    ruled = ruled_at(reading, vote)
    stage = "accepted" if ruled is None else _stage_at(ruled, reading.evidence, basis)
    return RowReport(vote.vote_id, None, "vote", stage, (*check_vote(reading, vote, basis.chain), taken))


def _newest(evidence: Evidence, basis: Basis) -> int:
    return basis.facts.newest.number if basis.facts else evidence.head_block


def _stage(reading: Reading, row: Row, basis: Basis) -> str:
    if row.link is None:
        return "rejected" if row.refusal else "accepted"
    return _stage_at(row.link.place, reading.evidence, basis)


def _stage_at(place: Place, evidence: Evidence, basis: Basis) -> str:
    depth = _newest(evidence, basis) - place.block
    return "final" if depth >= evidence.chain.confirmations else "recorded"


def _check_event(reading: Reading, row: Row, basis: Basis) -> Check:
    evidence = reading.evidence
    events = basis.facts.events if basis.facts else None
    where = _where(row.place)
    if row.refusal is not None:
        found = events is None or any(
            (seen.commitment, seen.place) == (row.refusal.commitment, row.refusal.place) for seen in events.refusals
        )
        said = f"The contract refused it, so it is no part of the case: {row.refusal.reason} ({where})."
        return (
            basis.rests(4, said, provable=False)
            if found
            else Check(4, "fail", f"The chain has no such refusal in {where}.")
        )
    if row.link is None:
        return _still_waiting(reading, row)
    if events is not None and row.link not in events.links:
        return Check(4, "fail", f"The contract has no such event in {where}.")
    if list(evidence.links).count(row.link) != 1:
        return Check(4, "fail", "The same event is there twice.")
    if basis.offline:
        return basis.rests(
            4, f"It is in the contract's hash chain; that its event is in {where} is the file's own word."
        )
    return basis.rests(4, f"It stands in an event of {evidence.chain.ledger}: {where}.")


def _where(place: Place | None) -> str:
    return f"block {place.block}, transaction {place.tx_hash}, log {place.log_index}" if place else "no block"


def _still_waiting(reading: Reading, row: Row) -> Check:
    newest = reading.blocks.get(reading.evidence.head_block)
    if newest is not None and row.statement is not None and newest.time > row.statement.valid_until:
        until = rfc3339(from_chain(row.statement.valid_until))
        return Check(
            4,
            "fail",
            f"The service accepted it, but its signature counted until {until} and it is not recorded.",
        )
    return Check(4, "pending", "The service accepted it; it waits to be recorded by the contract.")


def _check_step(reading: Reading, row: Row) -> Check:
    if row.position is None:
        said = "It is no part of the timeline." if row.refusal else "It has no position yet."
        return Check(5, "pass" if row.refusal else "pending", said)
    replayed = reading.replayed
    if isinstance(replayed, str):
        return Check(5, "fail", replayed)
    if row.position in replayed.problems:
        return Check(5, "fail", replayed.problems[row.position])
    if replayed.stopped_at is not None and row.position > replayed.stopped_at:
        return Check(5, "skipped", f"The timeline is broken at position {replayed.stopped_at} before it.")
    return Check(5, "pass", "State, deadline and amounts follow from the record before it by the case's rules.")


def _check_block(reading: Reading, row: Row, basis: Basis) -> Check:
    problem, accepted_at = record_receipt(reading, row)
    if problem is not None:
        return Check(6, "fail", problem)
    if row.place is None:
        return Check(6, "pending", "It has a valid receipt, and no block yet.")
    block = reading.blocks.get(row.place.block)
    problem = _block_problem(row, row.place, block, reading, basis)
    if problem is not None or block is None:
        return Check(6, "fail", problem or "")
    early = too_early(block, accepted_at)
    if early is not None:
        return Check(6, "fail", f"Its block {early}")
    depth, needed = _newest(reading.evidence, basis) - block.number, reading.evidence.chain.confirmations
    if depth < needed:
        return Check(6, "pending", f"Its block {block.number} has {depth} of {needed} confirmations.")
    said = f"Block {block.number} of {rfc3339(from_chain(block.time))} has {depth} blocks on top."
    return basis.rests(6, said, provable=row.link is not None)


def _block_problem(row: Row, place: Place, block: Block | None, reading: Reading, basis: Basis) -> str | None:
    if block is None:
        return f"Block {place.block} is not among the blocks of the evidence."
    if row.entry is not None and row.entry.time != block.time:
        return f"The contract says {row.entry.time} as its time, the block {block.time}."
    if block.number > reading.evidence.head_block:
        return f"Block {block.number} is newer than the newest of the evidence."
    if basis.facts is not None and basis.facts.blocks.get(block.number) != block:
        return f"Block {block.number} with the hash {block.hash} is not on the chain."
    return None


# --- the whole case --------------------------------------------------------------------------------------------------


def _check_documents(reading: Reading, rows: Check) -> Check:
    problem = missing_vote(reading)
    return Check(1, "fail", problem) if problem is not None and rows.result != "fail" else rows


def _check_events(reading: Reading, rows: Check, basis: Basis) -> Check:
    facts = basis.facts
    if (facts is not None and facts.code_is_ours is False) or basis.code_is_others():
        return Check(
            4, "fail", "The code at these addresses is not that of this release's contracts: anything may run there."
        )
    panels = {one.version: one.panel for one in reading.evidence.panels}
    if facts is not None and facts.panels is not None and dict(facts.panels) != panels:
        return Check(4, "fail", "The panels are not those that were registered on the chain.")
    judged = {row.refusal for row in reading.rows}
    if any(refusal not in judged for refusal in reading.evidence.refusals):
        return Check(4, "fail", "The evidence names a refusal of a record that it does not hold, or that was recorded.")
    return rows


def _check_timeline(reading: Reading, rows: tuple[RowReport, ...], basis: Basis) -> Check:
    evidence = reading.evidence
    steps = summarise(5, rows, "")
    if steps.result == "fail":
        return steps
    head = _head_of(evidence.case_id, evidence.links)
    if head != evidence.head:
        return Check(
            5,
            "fail",
            "The head of the hash chain does not follow from the records: one was changed or left out.",
        )
    if evidence.links and isinstance(reading.replayed, Replay) and reading.replayed.case is None:
        return Check(5, "fail", "The timeline cannot be replayed.")
    newer, problem = _against_contract(evidence, head, basis.facts)
    problem = problem or basis.timeline_problem()
    if problem is not None:
        return Check(5, "fail", problem)
    count = len(evidence.links)
    since = f" The contract has {newer} more since this evidence was made." if newer else ""
    done = basis.rests(5, f"{count} records without a gap, by the rules, ending in the head {hex0x(head)}.{since}")
    return steps if worst((steps.result, done.result)) == "pending" and done.result == "pass" else done


def _against_contract(evidence: Evidence, head: bytes, facts: ChainFacts | None) -> tuple[int, str | None]:
    """How many records the contract has beyond the evidence, and what contradicts it."""
    if facts is None:
        return 0, None
    if facts.events is None:
        return (
            0,
            None if facts.head == head else f"The contract's head is {hex0x(facts.head)}, not {hex0x(head)}.",
        )
    if _head_of(evidence.case_id, facts.events.links) != facts.head:
        return 0, "The chain's own events do not lead to the contract's head: the node answers wrongly."
    if facts.events.links[: len(evidence.links)] != evidence.links:
        return 0, "The contract has other records than these."
    return len(facts.events.links) - len(evidence.links), None


def _head_of(case_id: bytes, links: tuple[Link, ...]) -> bytes:
    if not links:
        return ZERO_WORD
    return chain_heads(case_id, [(link.actor, link.commitment, link.entry) for link in links])


def _check_chain(reading: Reading, rows: Check, basis: Basis) -> Check:
    evidence, facts, block_hash = reading.evidence, basis.facts, basis.block_hash
    own = reading.blocks.get(evidence.head_block)
    problem = _named_blocks_problem(reading) or basis.headers_problem
    if problem is not None or own is None:
        return Check(6, "fail", problem or "")
    if facts is None:
        if block_hash is not None and own.hash != block_hash:
            return Check(6, "fail", f"The evidence was made at block {own.hash}, not at {block_hash}.")
        return rows
    if facts.chain_id != evidence.chain.id or facts.genesis_hash != evidence.chain.genesis_hash:
        return Check(6, "fail", f"This is another chain: {facts.chain_id} with genesis {facts.genesis_hash}.")
    if block_hash is not None and facts.newest.hash != block_hash:
        return Check(6, "fail", f"The chain's head is {facts.newest.hash}, not {block_hash}.")
    if evidence.head_block > facts.newest.number:
        return Check(6, "fail", f"The evidence is newer than block {facts.newest.number}, the newest that counts here.")
    wrong = [number for number, block in sorted(reading.blocks.items()) if facts.blocks.get(number) != block]
    if wrong:
        return Check(6, "fail", f"Block {wrong[0]} of the evidence is not on the chain.")
    return rows


def _named_blocks_problem(reading: Reading) -> str | None:
    """What is wrong with the list of the evidence's blocks."""
    evidence = reading.evidence
    own = reading.blocks.get(evidence.head_block)
    if own is None or len(reading.blocks) != len(evidence.blocks):
        return "The evidence does not name its blocks once each, with the newest among them."
    placed: tuple[Link | Refusal | EscrowEvent, ...] = (*evidence.links, *evidence.refusals, *evidence.escrow)
    used = {own.number, *(one.place.block for one in placed)}
    if evidence.checkpoint and evidence.checkpoint.anchor:
        used.add(evidence.checkpoint.anchor.block)
    if missing := sorted(used - set(reading.blocks)):
        return f"Block {missing[0]} is not among the blocks of the evidence."
    return None if set(reading.blocks) == used else "The evidence names blocks that nothing stands in."


def _check_money(reading: Reading, basis: Basis) -> Check:
    rules, replayed, facts = reading.rules, reading.replayed, basis.facts
    if isinstance(rules, str):
        return Check(8, "fail", rules)
    if isinstance(replayed, str) or replayed.problems:
        return Check(8, "fail", "The outcome cannot be told, since the timeline is broken.")
    problem = requested_amount_problem(reading, rules, facts.currency if facts else None)
    if problem is None:
        problem = movements_problem(reading.evidence, rules, replayed, facts, basis.lock())
    if problem is not None:
        return Check(8, "fail", problem)
    if rules.terms.mode is Mode.NONE:
        return Check(8, "pass", "This case is a record only: no money was locked and none has moved.")
    if replayed.case is None:
        if any(row.kind == "requested" and row.refusal for row in reading.rows):
            return Check(8, "pass", "The contract refused to open this case: no money was locked.")
        return Check(8, "pending", "The money is not locked yet.")
    alone = "" if facts else f" As the evidence says; {basis.why}."
    if basis.offline:
        alone = f" The lock in the escrow's own storage agrees. {basis.if_canonical}"
    return Check(8, "pass", money_words(reading.evidence.escrow, reading.requested["refund"]["currency"]) + alone)
