"""Windows that were missed, found in the evidence of a case, and the certificates that say so.

Two kinds, told apart by `basis`. `contract`: a deadline of the contract, which then went on without whoever it waited
for. `service_level`: a shorter time that the policy's file promises (`service_levels`), and the contract does not
enforce; the file is named by hash in the case's terms, so that it cannot be changed later either. Both are measured by
the times of blocks alone. Windows in which the consumer may act are rights and no duties: to let one pass is no breach.

Working days (`7wd`) are Monday to Friday in UTC, with no holidays. As in Regulation (EEC, Euratom) No 1182/71, article
3, the day of the event is not counted, and the last day counts to its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from ..errors import IntegrityFailure, InvalidInput
from .entry import Entry
from .evidence import Block, Evidence
from .hashing import hex0x
from .jws import read_token
from .machine import WAITS_FOR
from .notices import next_by_notice
from .reading import Reading
from .replay import Replay, Rules
from .times import from_chain, to_chain
from .vocabulary import Role, State

TYPE: Final = "breach+jwt"
Basis = Literal["contract", "service_level"]
ShownBy = Literal["poke", "act", "open"]
Finding = Literal["confirmed", "refuted", "unproven"]

# What each service level shortens: the window of the state in which it is waited for somebody.
LEVELS = {
    "first_response": State.REQUESTED,
    "return": State.PICKED_UP,
    "inspection": State.RECEIVED,
    "dispute": State.DISPUTED,
}
_LEVEL = re.compile(r"([1-9][0-9]{0,3})(h|d|wd)")
_SECONDS = {"h": 3_600, "d": 86_400}
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Breach:
    """A window that was missed, and the block that shows it. Moments are seconds since 1970 UTC.

    `window` is the state's word, or the service level's. `shown_by` says by what: the contract's own record after the
    deadline (`poke`), a record that came late (`act`), or that the newest block is past it and nothing came (`open`).
    """

    basis: Basis
    window: str
    state: State
    party: Role
    entered: int  # position of the record that started it
    since: int
    deadline: int
    shown_by: ShownBy
    position: int | None  # of the record that shows it
    block: Block

    @property
    def late(self) -> int:
        """Seconds, up to the block that shows it."""
        return self.block.time - self.deadline


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a certificate; `claims` is empty where it cannot be read."""

    finding: Finding
    detail: str
    claims: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Stay:
    """A case in one state under one deadline. `left` is the position at which that ended, None while it goes on."""

    state: State
    entered: int
    since: int
    deadline: int
    left: int | None


# --- finding ---------------------------------------------------------------------------------------------------------


def find_breaches(reading: Reading) -> list[Breach]:
    """All windows that were missed by the evidence, the earliest deadline first.

    Raises IntegrityFailure where the timeline cannot be followed, InvalidInput for service levels that are none.
    """
    replayed, rules = reading.replayed, reading.rules
    if isinstance(replayed, str) or isinstance(rules, str):
        raise IntegrityFailure(replayed if isinstance(replayed, str) else str(rules))
    if replayed.problems:
        raise IntegrityFailure(next(iter(replayed.problems.values())))
    entries = [row.entry for row in reading.rows if row.entry is not None]
    stays = list(_stays(entries))
    found = [*_of_contract(reading, replayed, entries, stays), *_of_levels(reading, rules, entries, stays)]
    return sorted(found, key=lambda breach: (breach.deadline, breach.basis))


def _stays(entries: list[Entry]) -> Iterator[_Stay]:
    begun: Entry | None = None
    for entry in entries:
        if begun is not None and (entry.state, entry.deadline) != (begun.state, begun.deadline):
            yield _stay(begun, entry.position)
            begun = None
        begun = begun or entry
    if begun is not None:
        yield _stay(begun, None)


def _stay(begun: Entry, left: int | None) -> _Stay:
    return _Stay(begun.state, begun.position, begun.time, begun.deadline, left)


def _of_contract(reading: Reading, replayed: Replay, entries: list[Entry], stays: list[_Stay]) -> Iterator[Breach]:
    for stay in stays:
        party, met = WAITS_FOR.get(stay.state), replayed.met_by(stay.left)
        if party is None or party is Role.CONSUMER or met is None or next_by_notice(met) is not None:
            continue
        if stay.left is None or entries[stay.left].role is Role.NONE:
            yield from _missed(reading, "contract", stay.state.wire, stay, stay.deadline, stay.left, entries)


def _of_levels(reading: Reading, rules: Rules, entries: list[Entry], stays: list[_Stay]) -> Iterator[Breach]:
    levels = service_levels(rules.policy.document)
    names = {LEVELS[name]: name for name in levels}
    for number, stay in enumerate(stays):
        if stay.state not in names or (number and stays[number - 1].state is stay.state):
            continue  # a turn to the fallback panel begins a window of the contract anew, and no service level
        name = names[stay.state]
        deadline = level_deadline(levels[name], stay.since)
        yield from _missed(reading, "service_level", name, stay, deadline, _answered(stay, entries), entries)


def _answered(stay: _Stay, entries: list[Entry]) -> int | None:
    """The position of the record that did what was waited for: it led on, or it is a first response."""
    for entry in entries[stay.entered + 1 :]:
        responded = stay.state is State.REQUESTED and entry.role is Role.MERCHANT
        if entry.state is not stay.state or responded:
            return entry.position
    return None


def _missed(
    reading: Reading,
    basis: Basis,
    window: str,
    stay: _Stay,
    deadline: int,
    position: int | None,
    entries: list[Entry],
) -> Iterator[Breach]:
    """The breach, if the record at a position came after the deadline; for none, if the newest block does."""
    shown_by: ShownBy = "open"
    if position is None:
        block = reading.blocks.get(reading.evidence.head_block)
    else:
        shown_by = "poke" if entries[position].role is Role.NONE else "act"
        block = reading.blocks.get(reading.evidence.links[position].place.block)
    if block is not None and block.time > deadline:
        party = WAITS_FOR[stay.state]
        yield Breach(basis, window, stay.state, party, stay.entered, stay.since, deadline, shown_by, position, block)


# --- service levels --------------------------------------------------------------------------------------------------


def service_levels(document: dict[str, Any]) -> dict[str, str]:
    """The service levels of a policy's file; empty where it promises none. Raises InvalidInput for others than ours."""
    levels = document.get("service_levels", {})
    known = isinstance(levels, dict) and set(levels) <= set(LEVELS)
    if not known or not all(isinstance(text, str) and _LEVEL.fullmatch(text) for text in levels.values()):
        raise InvalidInput(
            "The policy's service levels are not in their form.",
            field="policy.service_levels",
            remedy=f"Each of {', '.join(LEVELS)} is hours, days or working days: 24h, 3d, 7wd.",
        )
    return dict(levels)


def level_deadline(level: str, since: int) -> int:
    """The last second that is in time, for a window that starts at `since`."""
    match = _LEVEL.fullmatch(level)
    if match is None:
        raise InvalidInput(f"{level!r} is no service level.", field="service_levels", remedy="Write 24h, 3d or 7wd.")
    count, unit = int(match[1]), match[2]
    if unit != "wd":
        return since + count * _SECONDS[unit]
    day = from_chain(since)
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < _SATURDAY
    return to_chain(day.replace(hour=23, minute=59, second=59))


# --- certificates ----------------------------------------------------------------------------------------------------


def breach_claims(breach: Breach, evidence: Evidence, rules: Rules) -> dict[str, Any]:
    """What a certificate states; `iss` and `iat` are added by whoever signs it."""
    return {
        "sub": hex0x(evidence.case_id),
        "chain_id": evidence.chain.id,
        "contract": evidence.chain.ledger,
        "policy": hex0x(rules.terms.policy),
        "basis": breach.basis,
        "window": breach.window,
        "state": breach.state.wire,
        "party": breach.party.wire,
        "actor": rules.actor(breach.party),
        "entered": breach.entered,
        "since": breach.since,
        "deadline": breach.deadline,
        "shown_by": breach.shown_by,
        "position": breach.position,
        "block": {"number": breach.block.number, "hash": breach.block.hash, "time": breach.block.time},
        "late": breach.late,
    }


def judge_breach(token: str, reading: Reading, keys: dict[str, Any] | None = None) -> Judgement:
    """Whether evidence bears out a certificate (a JWS of the type `breach+jwt`, RFC 7515). `keys` is the service's key
    set (RFC 7517) from elsewhere.

    It finds the breach again in the evidence; whether the evidence itself holds is `verify_bundle`'s to say.
    """
    evidence = reading.evidence
    try:
        claims, _ = read_token(TYPE, token, evidence.jwks if keys is None else keys)
        found = find_breaches(reading)
    except IntegrityFailure as error:
        return Judgement("refuted", f"It does not hold: {error.detail}", {})
    except InvalidInput as error:
        return Judgement("refuted", error.detail, {})
    rules = reading.rules
    if isinstance(rules, str):
        return Judgement("refuted", rules, claims)
    stated = {name: value for name, value in claims.items() if name not in ("iss", "iat")}
    borne_out = [breach_claims(breach, evidence, rules) for breach in found]
    if stated in borne_out:
        return Judgement("confirmed", "The evidence shows this breach, with the same block and record.", claims)
    return _judge_earlier(stated, borne_out, reading, claims)


_LATER = ("shown_by", "position", "block", "late")  # what a certificate of a window still open says otherwise later


def _judge_earlier(
    stated: dict[str, Any], borne_out: list[dict[str, Any]], reading: Reading, claims: dict[str, Any]
) -> Judgement:
    """A certificate that was made while the window was still open, held against evidence of a later block."""
    fixed = {name: value for name, value in stated.items() if name not in _LATER}
    same = next((each for each in borne_out if {k: v for k, v in each.items() if k not in _LATER} == fixed), None)
    block = _block_of(stated.get("block"))
    if same is None or block is None or stated.get("shown_by") != "open":
        if block is not None and block.number > reading.evidence.head_block:
            return Judgement("unproven", "The certificate is newer than the evidence: ask for the bundle anew.", claims)
        return Judgement("refuted", "By the evidence nobody missed this window, or not like this.", claims)
    known = reading.blocks.get(block.number)
    told_late = stated.get("position") is None and stated.get("late") == block.time - same["deadline"] > 0
    ends = same["block"]["number"] + (same["shown_by"] == "open")  # a block in which it was left shows no open window
    fits = all(_in_order(each, block) for each in reading.blocks.values())
    if not told_late or block.number >= ends or not fits:
        return Judgement("refuted", "The block that the certificate names contradicts the evidence.", claims)
    named = "" if known else f" Block {block.number} is not in the file: compare its hash with the chain's."
    return Judgement(
        "confirmed", f"The window was still open then, and the evidence shows it was missed.{named}", claims
    )


def _in_order(one: Block, other: Block) -> bool:
    """Whether one chain can hold both: the same number is the same block, and no later one is dated earlier."""
    if one.number == other.number:
        return one == other
    earlier, later = sorted((one, other), key=lambda block: block.number)
    return earlier.time <= later.time


def _block_of(value: Any) -> Block | None:
    try:
        block = Block(value["number"], value["hash"], value["time"])
    except (LookupError, TypeError):
        return None
    return block if type(block.number) is int and type(block.time) is int and isinstance(block.hash, str) else None
