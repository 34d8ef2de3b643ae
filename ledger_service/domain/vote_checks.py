"""The checks of one vote: its document, its signature, its arbitrator's seat, and its place in the ballot.

The chain keeps the ballot, and with it each vote's share, in the fingerprint of the ruling.
"""

from __future__ import annotations

from .chain_facts import ChainReader
from .checks import Check
from .disputes import panel_of_round, round_of
from .evidence import Place, VoteStatement
from .hashing import hex0x, keccak
from .messages import Vote, panel_domain
from .reading import Reading
from .records import record_of
from .replay import Replay
from .row_checks import BROKEN, HELD_BY, NO_FORM, disclosed_problem, form_problem, judge_signature, matches
from .rulings import Ruling
from .vocabulary import Role, State
from .votes import KIND


def check_vote(reading: Reading, vote: VoteStatement, chain: ChainReader | None) -> tuple[Check, ...]:
    """Checks 1 to 4 of a vote."""
    return (_fingerprint(reading, vote), _signature(reading, vote, chain), _seat(reading, vote), _count(reading, vote))


def ruled_at(reading: Reading, vote: VoteStatement) -> Place | None:
    """Where the ruling stands that holds this vote; None while no ruling does."""
    ruling = _ruling(reading, vote)
    if ruling is None or ruling.votes.get(vote.arbitrator) != vote.share:
        return None
    return next((row.place for row in reading.rows if row.link and row.link.commitment == ruling.ballot), None)


def missing_vote(reading: Reading) -> str | None:
    """A vote that a ruling counts and whose document is not here, in words."""
    held = {(vote.round, vote.arbitrator) for vote in reading.evidence.votes}
    rulings = reading.replayed.rulings if isinstance(reading.replayed, Replay) else []
    missing = [(one.round, name) for one in rulings for name in one.votes if (one.round, name) not in held]
    return f"The document of {missing[0][1]}'s vote in round {missing[0][0]} is missing." if missing else None


def _fingerprint(reading: Reading, vote: VoteStatement) -> Check:
    try:
        record = record_of(vote.canonical.encode())
        body = record.body
        problem = form_problem(reading, body, body["kind"] == KIND)
        said = {"round": vote.round, "share": vote.share}
        if problem is None and (body["role"], body["signer"]) != (Role.PANEL.wire, vote.arbitrator):
            problem = "The vote names another arbitrator than the one that signed."
        if problem is None and body["data"] != said:
            problem = "The vote says another round or share than was signed."
        problem = problem or disclosed_problem(body["_sd"], vote.disclosures)
    except BROKEN:
        return Check(1, "fail", NO_FORM)
    if keccak(record.canonical) != vote.commitment:
        return Check(1, "fail", "The vote's bytes do not match its fingerprint: they were changed.")
    same = [
        one
        for one in reading.evidence.votes
        if one.vote_id == vote.vote_id
        or one.commitment == vote.commitment
        or (one.arbitrator, one.round) == (vote.arbitrator, vote.round)
    ]
    if problem is None and len(same) != 1:
        problem = "The vote is there twice."
    return Check(1, "fail", problem) if problem else matches(reading, vote.commitment, body["_sd"], vote.disclosures)


def _signature(reading: Reading, vote: VoteStatement, chain: ChainReader | None) -> Check:
    named = reading.evidence.chain
    message = Vote(reading.evidence.case_id, vote.round, vote.share, vote.valid_until, vote.commitment)
    try:
        digest = panel_domain(named.id, named.panel).digest(message.struct_hash())
        holder = HELD_BY[record_of(vote.canonical.encode()).body["key"]]
    except BROKEN:
        return Check(2, "fail", "It cannot be told what was signed.")
    return judge_signature(vote.arbitrator, holder, digest, vote.signature, chain)


def _seat(reading: Reading, vote: VoteStatement) -> Check:
    rules = reading.rules
    if isinstance(rules, str):
        return Check(3, "fail", rules)
    version = panel_of_round(rules.panel_terms(), vote.round)
    panel = rules.panels.get(version)
    if panel is None or vote.arbitrator not in panel.arbitrators:
        return Check(3, "fail", f"{vote.arbitrator} is no arbitrator of this case's round {vote.round}.")
    return Check(3, "pass", f"{vote.arbitrator} sits on panel {version}, which votes in round {vote.round}.")


def _count(reading: Reading, vote: VoteStatement) -> Check:
    ruling = _ruling(reading, vote)
    if ruling is None and _is_open(reading, vote):
        return Check(4, "pending", "Its round has no ruling yet, so the chain does not show whether it counted.")
    if ruling is None:
        return Check(4, "pass", "Its round ended without a ruling, so no vote of it counted.")
    counted = ruling.votes.get(vote.arbitrator)
    if counted is None:
        return Check(4, "pass", "The round was over without it, so it is no part of the ruling.")
    if counted != vote.share:
        return Check(4, "fail", f"The ballot has {counted} basis points for {vote.arbitrator}, not {vote.share}.")
    return Check(4, "pass", f"The ballot {hex0x(ruling.ballot)} of the ruling holds it.")


def _is_open(reading: Reading, vote: VoteStatement) -> bool:
    replayed = reading.replayed
    case = replayed.case if isinstance(replayed, Replay) else None
    return case is None or (case.state is State.DISPUTED and round_of(case) == vote.round)


def _ruling(reading: Reading, vote: VoteStatement) -> Ruling | None:
    replayed = reading.replayed
    rulings = replayed.rulings if isinstance(replayed, Replay) else []
    return next((ruling for ruling in rulings if ruling.round == vote.round), None)
