"""Checks 1 to 3 of one row: is it what was stated, by whom, and was that theirs to state?"""

from __future__ import annotations

import re
from typing import Any

from ..errors import LedgerError, Unavailable
from .chain_facts import ChainReader
from .checks import Check
from .disclosures import from_base64url, read_disclosure
from .evidence import Statement
from .hashing import hex0x, keccak
from .messages import Act, Opening, signing_domain
from .money import to_minor
from .reading import Reading, Row
from .records import SCHEMA
from .replay import Rules
from .signatures import recover_signer
from .times import parse_moment, rfc3339
from .transitions import SIGNS_SHARE
from .vocabulary import Flag, Kind, Mode, Role

_MEMBERS = {
    "schema", "case_id", "kind", "role", "signer", "key", "occurred_at", "data", "salt", "_sd_alg", "_sd",
}  # fmt: skip
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
HELD_BY = {"own": "with a key of its own", "service": "with a key that the service holds for it"}
NO_FORM = "The record is not in its form."
BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, LedgerError)


# --- 1 ---------------------------------------------------------------------------------------------------------------


def check_fingerprint(reading: Reading, row: Row) -> Check:
    if row.by_contract:
        return Check(1, "pass", "The contract stated this itself, in the event; there is no document beside it.")
    if row.by_panel:
        return Check(1, "pass", "The fingerprint of a ruling is its ballot: who voted for which share.")
    if row.statement is None:
        return Check(1, "fail", "The contract has a record here whose content is missing.")
    if row.record is None:
        return Check(1, "fail", "The record's bytes are no record in canonical form: they were changed.")
    if keccak(row.record.canonical) != row.statement.commitment:
        return Check(1, "fail", "The record's bytes do not match its fingerprint: they were changed.")
    try:
        kind = row.record.body["kind"]
        problem = form_problem(reading, row.record.body, kind == Kind[kind.upper()].wire)
        problem = problem or _values_of(row.record.body, reading.act_of(row))
        problem = problem or disclosed_problem(row.record.body["_sd"], row.statement.disclosures)
    except BROKEN:
        problem = NO_FORM
    if problem is None and _is_repeated(reading, row.statement):
        problem = "The record is there twice."
    if problem is not None:
        return Check(1, "fail", problem)
    return matches(reading, row.statement.commitment, row.record.body["_sd"], row.statement.disclosures)


def matches(reading: Reading, commitment: bytes, digests: list[str], shown: tuple[str, ...]) -> Check:
    hidden = len(digests) - len(shown)
    rest = "were erased, and their fingerprints stand" if reading.is_erased and hidden else "are not shown"
    words = f"{len(shown)} personal fields shown match theirs, {hidden} {rest}."
    return Check(1, "pass", f"The record's bytes match the fingerprint {hex0x(commitment)}; {words}")


def form_problem(reading: Reading, body: dict[str, Any], kind_is_good: bool) -> str | None:
    """What is wrong with the form of a document in words. Raises one of `BROKEN` for what has no form at all."""
    return shape_problem(body, hex0x(reading.evidence.case_id), kind_is_good)


def shape_problem(body: dict[str, Any], case_id: str, kind_is_good: bool) -> str | None:
    """The same of a document that is to be of this case."""
    digests = body["_sd"]
    moment = parse_moment(body["occurred_at"], field="occurred_at")
    good = (
        set(body) == _MEMBERS
        and body["schema"] == SCHEMA
        and body["_sd_alg"] == "sha-256"
        and kind_is_good
        and body["role"] == Role[body["role"].upper()].wire
        and body["key"] in HELD_BY
        and isinstance(body["data"], dict)
        and len(from_base64url(body["salt"])) == 16
        and rfc3339(moment) == body["occurred_at"]
        and digests == sorted(set(digests))
        and all(_DIGEST.fullmatch(digest) for digest in digests)
    )
    if not good:
        return NO_FORM
    return None if body["case_id"] == case_id else "The record is one of another case."


def _values_of(body: dict[str, Any], act: Act | None) -> str | None:
    """What the record says in words has to be what was signed in numbers."""
    if act is None:
        return "What was signed is no act."
    data = body["data"]
    if act.kind is Kind.INSPECTED:
        signed = {"grade": act.grade.wire, "share": act.share, "fee": act.fee}
        if any(data.get(name) != value for name, value in signed.items()):
            return "The record says another grade, share or fee than was signed."
        return None
    if act.kind in SIGNS_SHARE and data.get("share") != act.share:
        return "The record says another share than was signed."
    if act.kind is Kind.REQUESTED and act.nonce:
        return "An opening has no nonce but zero."
    unsigned = act.grade or act.fee or (act.share and act.kind not in SIGNS_SHARE)
    return "The act holds values that its message does not sign." if unsigned else None


def disclosed_problem(digests: list[str], shown: tuple[str, ...]) -> str | None:
    try:
        found = [read_disclosure(text) for text in shown]
    except ValueError:
        return "A personal field cannot be read: it was changed."
    if len({item.digest for item in found}) != len(found):
        return "A personal field is shown twice."
    wrong = [item.name for item in found if item.digest not in digests]
    return f"The personal field {wrong[0]!r} does not match its digest: it was changed." if wrong else None


def _is_repeated(reading: Reading, stated: Statement) -> bool:
    records = reading.evidence.records
    same = [one for one in records if one.commitment == stated.commitment or one.record_id == stated.record_id]
    return len(same) != 1


# --- 2 ---------------------------------------------------------------------------------------------------------------


def check_signature(reading: Reading, row: Row, chain: ChainReader | None) -> Check:
    if row.by_contract:
        return Check(2, "pass", "The contract acted by its own rules; nobody signs for it.")
    if row.by_panel:
        return Check(2, "pass", "The panel's contract took each vote by its arbitrator's signature.")
    if row.statement is None or row.record is None:
        return Check(2, "fail", "There is no record that a signature could be checked of.")
    try:
        digest = _digest(reading, row)
        signer, holder = str(row.record.body["signer"]), HELD_BY[row.record.body["key"]]
    except BROKEN:
        return Check(2, "fail", "It cannot be told what was signed.")
    return judge_signature(signer, holder, digest, row.statement.signature, chain)


def judge_signature(signer: str, holder: str, digest: bytes, signature: bytes, chain: ChainReader | None) -> Check:
    """Whether `signer` signed a digest, by its own key or as a contract account; `holder` says whose hand held it."""
    if recover_signer(digest, signature) == signer:
        return Check(2, "pass", f"{signer} signed it {holder}.")
    if chain is None:
        if len(signature) == 65:
            return Check(2, "fail", f"The signature is not that of {signer}.")
        return Check(2, "skipped", f"{signer} signs as a contract account (ERC-1271), which only a chain can check.")
    try:
        accepted = chain.accepts_signature(signer, digest, signature)
    except Unavailable as error:
        return Check(2, "pending", f"The chain cannot be asked about the account {signer}: {error.detail}")
    if accepted:
        return Check(2, "pass", f"The contract account {signer} says that it signed it (ERC-1271).")
    return Check(2, "fail", f"The signature is not that of {signer}.")


def _digest(reading: Reading, row: Row) -> bytes:
    """What the signer signed: EIP-712, bound to chain and contract. Raises LookupError or LedgerError without one."""
    act, chain = reading.act_of(row), reading.evidence.chain
    if act is None:
        raise LookupError
    domain = signing_domain(chain.id, chain.ledger)
    if act.kind is not Kind.REQUESTED:
        return domain.digest(act.struct_hash())
    rules = reading.rules
    if isinstance(rules, str):
        raise LedgerError(rules)
    return domain.digest(Opening(rules.terms, act.commitment, act.valid_until).struct_hash())


# --- 3 ---------------------------------------------------------------------------------------------------------------


def check_role(reading: Reading, row: Row) -> Check:
    rules = reading.rules
    if isinstance(rules, str):
        return Check(3, "fail", rules)
    if row.by_contract:
        return _contract_acted(rules, row)
    if row.by_panel:
        return _panel_ruled(rules, row)
    act = reading.act_of(row)
    if row.record is None or act is None:
        return Check(3, "fail", "There is no record that names a role.")
    try:
        problem = _role_problem(reading, rules, row, act)
    except BROKEN:
        problem = NO_FORM
    if problem is not None:
        return Check(3, "fail", problem)
    return Check(3, "pass", f"{row.record.body['signer']} is this case's {act.role.wire}.")


def _contract_acted(rules: Rules, row: Row) -> Check:
    own = row.link is not None and row.link.actor == rules.ledger
    if own and row.entry is not None and row.entry.role is Role.NONE:
        return Check(3, "pass", "The contract itself acted.")
    return Check(3, "fail", "This carries no record, yet it was not the contract that acted.")


def _panel_ruled(rules: Rules, row: Row) -> Check:
    if row.link is not None and row.link.actor == rules.panel_contract:
        return Check(3, "pass", "The contract of the panels spoke for the arbitrators that the terms name.")
    return Check(3, "fail", "This reads as a ruling, yet it was not the panel that ruled.")


def _role_problem(reading: Reading, rules: Rules, row: Row, act: Act) -> str | None:
    body = row.record.body if row.record else {}
    consumer, held = _consumer_at(reading, rules, row)
    if act.role in (Role.NONE, Role.PANEL) or rules.actor(act.role, consumer) != body["signer"]:
        return f"{body['signer']} is not this case's {act.role.wire}."
    if row.link is not None and row.link.actor != body["signer"]:
        return f"The contract took it from {row.link.actor}, the record names {body['signer']}."
    if row.entry is not None and (row.entry.role, row.entry.kind) != (act.role, act.kind):
        return f"The contract took it as {row.entry.kind.wire!r} by the {row.entry.role.wire}."
    if act.role is Role.CONSUMER and held != (body["key"] == "service"):
        return "The case says otherwise who holds the consumer's key."
    return None


def _consumer_at(reading: Reading, rules: Rules, row: Row) -> tuple[str, bool]:
    """The key that acted for the consumer when this was recorded, and whether the service held it."""
    replayed = reading.replayed
    case = None if isinstance(replayed, str) else replayed.met_by(row.position)
    if case is None:
        return rules.terms.consumer, rules.terms.consumer_key_held
    if row.refusal is not None and row.record is not None and row.record.body["signer"] == rules.terms.consumer:
        return rules.terms.consumer, rules.terms.consumer_key_held  # refused, perhaps since another key was bound
    return case.consumer, case.has(Flag.CONSUMER_KEY_HELD)


# --- of the opening, for check 8 -------------------------------------------------------------------------------------


def requested_amount_problem(reading: Reading, rules: Rules, currency: str | None) -> str | None:
    """Whether the amount that the record 'requested' names is what the terms lock; `currency` is the token's."""
    try:
        named = reading.requested["refund"]
        minor = to_minor(named["amount"], named["currency"])
        freight = reading.requested.get("freight")
        freight_minor = to_minor(freight["amount"], freight["currency"]) if freight else 0
    except BROKEN:
        return "The record 'requested' names no amount."
    terms = rules.terms
    if reading.requested.get("escrow") != terms.mode.wire:
        return "The record 'requested' names another mode than the terms."
    if terms.mode is Mode.NONE:
        return "The terms lock money in a mode without any." if terms.refund + terms.freight + terms.reserve else None
    if (minor, freight_minor) != (terms.refund, terms.freight):
        return (
            f"The record 'requested' says {minor} minor units and {freight_minor} of freight, the terms another amount."
        )
    if currency is not None and currency != named["currency"]:
        return f"The record 'requested' says {named['currency']}, the locked token is one of {currency}."
    return None
