"""Real bundles, tampered with in named ways by somebody who can seal them again: the right check says what is wrong.

The tamperer holds the service's keys, so that the seal is no help; the reader knows the hash of the newest block.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_service.domain.checks import Check
from ledger_service.domain.entry import Entry, chain_heads
from ledger_service.domain.hashing import from_hex, hex0x, keccak
from ledger_service.domain.rlp import decode, encode
from ledger_service.domain.signatures import sign_digest
from ledger_service.domain.vocabulary import State
from ledger_service.errors import InvalidInput
from ledger_service.verification import verify_bundle

from .builder import OWN_KEY, TOKENS, address, seal
from .mutations import changed, leaves

FOLDER = Path(__file__).parents[2] / "vectors" / "bundles"
BUNDLES = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
STRANGER = address("a stranger")
OTHER_WORD = "0x" + "11" * 32

Evidence = dict[str, Any]
Tamper = Callable[[Evidence], Any]


def bundle(name: str) -> Any:
    return copy.deepcopy(BUNDLES[name])


def resealed(evidence: Evidence) -> Any:
    """Sealed as the service would, with one more of its keys."""
    keys = evidence["jwks"].get("keys", [])
    evidence["jwks"] = {"keys": [*keys, *TOKENS.jwks()["keys"]]}
    return seal(evidence)


def newest(name: str) -> str:
    return str(BUNDLES["expected"]["bundles"][name]["block_hash"])


def failed(made: Any, block_hash: str) -> list[Check]:
    report = verify_bundle(made, block_hash=block_hash)
    assert (report.verdict == "failed") == any(check.result == "fail" for check in report.checks)
    return [check for check in report.checks if check.result == "fail"]


# --- ways to tamper --------------------------------------------------------------------------------------------------


def put(*path: str | int, to: Any) -> Tamper:
    def tamper(evidence: Evidence) -> None:
        parent: Any = evidence
        for part in path[:-1]:
            parent = parent[part]
        parent[path[-1]] = to(parent[path[-1]]) if callable(to) else to

    return tamper


def without(*path: str | int) -> Tamper:
    def tamper(evidence: Evidence) -> None:
        parent: Any = evidence
        for part in path[:-1]:
            parent = parent[part]
        del parent[path[-1]]

    return tamper


def twice(member: str, index: int) -> Tamper:
    return lambda evidence: evidence[member].append(evidence[member][index])


def swapped(member: str, one: int, other: int) -> Tamper:
    def tamper(evidence: Evidence) -> None:
        listed = evidence[member]
        listed[one], listed[other] = listed[other], listed[one]

    return tamper


def exchanged(member: str, name: str, one: int, other: int) -> Tamper:
    """One value of two items, each in the other's place."""

    def tamper(evidence: Evidence) -> None:
        first, second = evidence[member][one], evidence[member][other]
        first[name], second[name] = second[name], first[name]

    return tamper


def borrowed(of: str, *path: str | int) -> Tamper:
    """A part of another case's bundle in the place of this one's."""

    def tamper(evidence: Evidence) -> None:
        source: Any = bundle(of)["evidence"]
        target: Any = evidence
        for part in path[:-1]:
            source, target = source[part], target[part]
        target[path[-1]] = source[path[-1]]

    return tamper


def added(of: str, member: str, index: int) -> Tamper:
    return lambda evidence: evidence[member].append(bundle(of)["evidence"][member][index])


def both(*tampers: Tamper) -> Tamper:
    def tamper(evidence: Evidence) -> None:
        for one in tampers:
            one(evidence)

    return tamper


def rehead(evidence: Evidence) -> None:
    """The head that follows from the events as they are now."""
    links = [(one["actor"], from_hex(one["commitment"]), from_hex(one["entry"])) for one in evidence["links"]]
    evidence["head"]["value"] = hex0x(chain_heads(from_hex(evidence["case_id"]), links))


def entry(index: int, **changes: Any) -> Tamper:
    """Another entry, and the head that follows."""

    def change(value: str) -> str:
        return hex0x(replace(Entry.unpack(from_hex(value)), **changes).pack())

    return both(put("links", index, "entry", to=change), rehead)


def last_left_out(evidence: Evidence) -> None:
    """All that the last record did, as if it had not come yet."""
    recorded = {link["commitment"] for link in evidence["links"][-2:]}
    evidence["links"] = evidence["links"][:-2]
    evidence["records"] = [one for one in evidence["records"] if one["commitment"] not in recorded]
    evidence["escrow"] = evidence["escrow"][:1]
    used = {one["block"] for one in (*evidence["links"], *evidence["escrow"])} | {evidence["head"]["block"]}
    kept = [number for number, block in enumerate(evidence["blocks"]) if block["number"] in used]
    for member in ("blocks", "headers"):
        evidence[member] = [evidence[member][number] for number in kept]
    rehead(evidence)


def said_again(index: int, old: str, new: str) -> Tamper:
    """A record that says something else, its fingerprint taken anew wherever it stands."""

    def tamper(evidence: Evidence) -> None:
        record = evidence["records"][index]
        before, record["canonical"] = record["commitment"], record["canonical"].replace(old, new)
        record["commitment"] = hex0x(keccak(record["canonical"].encode()))
        assert record["commitment"] != before
        for link in evidence["links"]:
            link["commitment"] = record["commitment"] if link["commitment"] == before else link["commitment"]
        rehead(evidence)

    return tamper


def signed_by_a_stranger(member: str) -> Tamper:
    return put(member, 1, "signature", to=hex0x(sign_digest(OWN_KEY, bytes(32))))


def receipt(index: int, **claims: Any) -> Tamper:
    """A receipt with other claims, signed anew."""

    def tamper(evidence: Evidence) -> None:
        record, chain = evidence["records"][index], evidence["chain"]
        named = {"jti": record["record_id"], "sub": evidence["case_id"], "commitment": record["commitment"]}
        named |= {"chain_id": chain["id"], "contract": chain["ledger"], "iat": 1_700_000_000}
        record["receipt"] = TOKENS.sign("receipt+jwt", named | claims)

    return tamper


def header_field(index: int, field: int, value: bytes, *, renamed: bool = False) -> Tamper:
    """A header with another field, and with `renamed` its block under the hash that it then has."""

    def tamper(evidence: Evidence) -> None:
        fields = decode(from_hex(evidence["headers"][index]))
        assert isinstance(fields, list)
        header = encode([*fields[:field], value, *fields[field + 1 :]])
        evidence["headers"][index] = hex0x(header)
        if renamed:
            evidence["blocks"][index]["hash"] = hex0x(keccak(header))

    return tamper


def flipped(text: str) -> str:
    """Hex with its last digit another."""
    return text[:-1] + ("1" if text[-1] == "0" else "0")


def disclosed(index: int) -> Tamper:
    return put("records", 0, "disclosures", index, to=lambda text: text[:-4] + "AAAA")


HEAD = ("head", "value")
NO_HEAD = "The head of the hash chain does not follow from the records"
CHANGED = "bytes do not match"
NO_PROOF = "The state proof does not hold"
MOVED = "The escrow moved other amounts"
OTHER_VALUES = "another grade, share or fee"
NOT_THEIRS = "The signature is not that of"

# What is done: the bundle it is done to, how, the check that fails, and what it says.
TAMPERED: dict[str, tuple[str, Tamper, int, str]] = {
    # records
    "a record is deleted": ("ruled", without("records", 2), 1, "content is missing"),
    "a record and its event are deleted": ("ruled", both(without("records", 2), without("links", 2)), 5, "next nonce"),
    "the last record is left out, and the head made anew": (
        "refunded",
        last_left_out,
        5,
        "The contract holds the head",
    ),
    "a record is there twice": ("ruled", twice("records", 1), 1, "twice"),
    "a record says something else": (
        "ruled",
        put("records", 1, "canonical", to=lambda text: text.replace("Z", "z", 1)),
        1,
        CHANGED,
    ),
    "a record is dated otherwise, and its fingerprint made anew": (
        "ruled",
        said_again(1, '"occurred_at":"20', '"occurred_at":"19'),
        2,
        NOT_THEIRS,
    ),
    "a record names another signer, and its fingerprint is made anew": (
        "ruled",
        said_again(1, '"key":"service"', '"key":"own"'),
        2,
        NOT_THEIRS,
    ),
    "the canonical form is another": ("ruled", put("records", 1, "canonical", to=lambda text: text + " "), 1, "form"),
    "the share is another than was signed": (
        "refunded",
        put("records", 4, "share", to=9_000),
        1,
        OTHER_VALUES,
    ),
    "the grade is another than was signed": ("refunded", put("records", 4, "grade", to=2), 1, OTHER_VALUES),
    "the fee is another than was signed": ("refunded", put("records", 4, "fee", to=100), 1, OTHER_VALUES),
    "the nonce is another": ("ruled", put("records", 1, "nonce", to=7), 2, NOT_THEIRS),
    "the signature counts longer": ("ruled", put("records", 1, "valid_until", to=2_000_000_000), 2, NOT_THEIRS),
    "a record is signed by another key": ("ruled", signed_by_a_stranger("records"), 2, NOT_THEIRS),
    "two signatures are exchanged": ("ruled", exchanged("records", "signature", 1, 2), 2, NOT_THEIRS),
    "a record of another case is put in": ("ruled", added("split", "records", 1), 1, "another case"),
    "a record of another case takes a record's place": (
        "ruled",
        borrowed("split", "records", 1),
        1,
        "content is missing",
    ),
    # events
    "an event is deleted": ("ruled", without("links", 2), 5, "next nonce"),
    "an event is deleted, and the head made anew": ("ruled", both(without("links", 2), rehead), 5, "next nonce"),
    "two events are exchanged": ("ruled", swapped("links", 1, 2), 5, "cannot state"),
    "two events are exchanged, and the head made anew": (
        "ruled",
        both(swapped("links", 1, 2), rehead),
        5,
        "cannot state",
    ),
    "an event is there twice": ("ruled", twice("links", 2), 4, "twice"),
    "an event is by another actor": ("ruled", both(put("links", 1, "actor", to=STRANGER), rehead), 3, "took it from"),
    "an event is dated otherwise": ("ruled", entry(1, time=1_700_000_000), 6, "as its time"),
    "an event leads to another state": ("ruled", entry(1, state=State.SETTLED, deadline=0), 5, ""),
    "an event gives another deadline": ("ruled", entry(1, deadline=2_000_000_000), 5, "deadline"),
    "an event gives another share": ("ruled", entry(-1, share=1), 5, ""),
    "an event has a kind that there is not": ("ruled", put("links", 1, "entry", to="0x" + "ff" * 32), 5, "is none"),
    "an event stands in another block": ("ruled", put("links", 1, "block", to=2), 6, "not among the blocks"),
    "the opening stands in another transaction": ("ruled", put("links", 0, "tx_hash", to=OTHER_WORD), 8, "transaction"),
    "the head is another": ("ruled", put(*HEAD, to=OTHER_WORD), 5, NO_HEAD),
    "a refusal is of another record": (
        "refused",
        put("refusals", 0, "commitment", to=OTHER_WORD),
        4,
        "names a refusal",
    ),
    "a refusal stands in another block": ("refused", put("refusals", 0, "block", to=2), 6, "not among the blocks"),
    # case, terms, policy
    "the case is another": ("ruled", put("case_id", to=OTHER_WORD), 3, "not the hash of its terms"),
    "a party is another": ("ruled", put("parties", "inspector", to=STRANGER), 3, "not those that the terms name"),
    "the terms name another amount": ("refunded", said_again(0, '"refund":2000', '"refund":9000'), 3, "not the hash"),
    "the policy waits longer": (
        "ruled",
        put("policy", "windows", to=lambda windows: {**windows, "inspected": "60d"}),
        3,
        "policy",
    ),
    "the policy is another's": ("ruled", put("policy", to={}), 3, "policy"),
    "the chain is another": ("ruled", put("chain", "id", to=1), 2, NOT_THEIRS),
    "the contract is another": ("ruled", put("chain", "ledger", to=STRANGER), 2, NOT_THEIRS),
    "the escrow is another": ("ruled", put("chain", "escrow", to=STRANGER), 5, NO_PROOF),
    "the panels' contract is another": ("ruled", put("chain", "panel", to=STRANGER), 2, NOT_THEIRS),
    # blocks and headers
    "a block has another hash": ("ruled", put("blocks", 0, "hash", to=OTHER_WORD), 6, "hashes to"),
    "a block has another time": ("ruled", put("blocks", 0, "time", to=1_700_000_000), 6, "By its header"),
    "the newest block has another time": ("ruled", put("blocks", -1, "time", to=1_700_000_000), 6, "By its header"),
    "a block has another number": ("ruled", put("blocks", 0, "number", to=3), 6, "not among the blocks"),
    "a block is there twice": ("ruled", both(twice("blocks", 0), twice("headers", 0)), 6, "once each"),
    "a block is put in": (
        "ruled",
        lambda one: one["blocks"].append({"number": 2, "hash": OTHER_WORD, "time": 3}),
        6,
        "nothing stands in",
    ),
    "a block is taken out": ("ruled", both(without("blocks", 0), without("headers", 0)), 6, "not among the blocks"),
    "the newest block is another": ("ruled", put("head", "block", to=1), 6, ""),
    "a header is changed": ("ruled", header_field(0, 11, b"\x65"), 6, "hashes to"),
    "a header is cut off": ("ruled", put("headers", 0, to=lambda text: text[:-2]), 6, "cannot be read"),
    "a header is taken out": ("ruled", without("headers", 0), 6, "one header for each"),
    "two headers are exchanged": ("ruled", swapped("headers", 0, 1), 6, "hashes to"),
    "a block's header is made up": ("ruled", header_field(0, 8, b"\x01", renamed=True), 6, "is number 1"),
    "the newest header is made up": ("ruled", header_field(-1, 3, bytes(32), renamed=True), 6, "was made at block"),
    # state proofs
    "a proof without headers": ("ruled", put("headers", to=[]), 5, "no header of the block"),
    "a node of a proof is changed": ("ruled", put("state_proof", "case_head", 0, to=flipped), 5, NO_PROOF),
    "a node of a proof is taken out": ("ruled", without("state_proof", "case_head", -1), 5, NO_PROOF),
    "a node of a proof is there twice": (
        "ruled",
        put("state_proof", "case_head", to=lambda nodes: [*nodes, nodes[-1]]),
        5,
        "does not need",
    ),
    "a proof is of another slot": (
        "ruled",
        lambda one: one["state_proof"].update(case_head=one["state_proof"]["case_word"]),
        5,
        "",
    ),
    "a proof is of another case": ("ruled", borrowed("split", "state_proof", "case_head"), 5, ""),
    "the word is of another case": ("ruled", borrowed("split", "state_proof", "case_word"), 5, ""),
    "the lock is of another case": ("ruled", borrowed("split", "state_proof", "lock"), 5, ""),
    "the account is another": (
        "ruled",
        lambda one: one["state_proof"].update(ledger=one["state_proof"]["escrow"]),
        5,
        NO_PROOF,
    ),
    # personal fields
    "a personal field is changed": ("refunded", disclosed(0), 1, "personal field"),
    "a personal field is another record's": (
        "refunded",
        lambda one: one["records"][1]["disclosures"].append(one["records"][0]["disclosures"][0]),
        1,
        "does not match its digest",
    ),
    "a personal field is shown twice": (
        "refunded",
        lambda one: one["records"][0]["disclosures"].append(one["records"][0]["disclosures"][0]),
        1,
        "shown twice",
    ),
    # receipts
    "a receipt is another record's": ("ruled", exchanged("records", "receipt", 1, 2), 6, "receipt is one of another"),
    "a receipt is changed": (
        "ruled",
        put("records", 1, "receipt", to=lambda text: text[:-9] + "AAAAAAAAA"),
        6,
        "receipt",
    ),
    "a receipt is of another chain": ("ruled", receipt(1, chain_id=1), 6, "receipt is one of another"),
    "a receipt is of another contract": ("ruled", receipt(1, contract=STRANGER), 6, "receipt is one of another"),
    "a receipt has no time": ("ruled", receipt(1, iat="now"), 6, "receipt is one of another"),
    "a receipt is later than the block": (
        "ruled",
        receipt(1, iat=2_000_000_000),
        6,
        "before the service even accepted",
    ),
    # votes and panels
    "a vote is another": ("ruled", put("votes", 0, "share", to=1), 1, "another round or share"),
    "a vote is deleted": ("ruled", without("votes", 0), 1, "vote in round 0 is missing"),
    "a vote is there twice": ("ruled", twice("votes", 0), 1, "twice"),
    "a vote is by another": ("ruled", put("votes", 0, "arbitrator", to=STRANGER), 1, "names another arbitrator"),
    "a vote is of another round": ("ruled", put("votes", 0, "round", to=1), 1, "another round or share"),
    "a vote is signed by another key": ("ruled", signed_by_a_stranger("votes"), 2, NOT_THEIRS),
    "a vote's document is another's": ("ruled", exchanged("votes", "canonical", 0, 1), 1, CHANGED),
    "a vote's receipt is another's": ("ruled", exchanged("votes", "receipt", 0, 1), 6, "receipt is one of another"),
    "an arbitrator is another": ("ruled", put("panels", -1, "arbitrators", 0, to=STRANGER), 3, "no arbitrator"),
    "the seats are exchanged": ("ruled", put("panels", -1, "arbitrators", to=lambda seats: seats[::-1]), 4, "ballot"),
    "a panel needs fewer votes": ("ruled", put("panels", -1, "threshold", to=1), 5, ""),
    "a panel costs more": ("ruled", put("panels", -1, "fee", to=300), 8, MOVED),
    "a panel is taken out": ("ruled", without("panels", -1), 3, ""),
    "a panel is there twice": ("ruled", twice("panels", -1), 3, "twice"),
    # money
    "less was locked": ("ruled", put("escrow", 0, "args", "refund", to=1), 8, MOVED),
    "another merchant's money was locked": ("ruled", put("escrow", 0, "args", "merchant", to=STRANGER), 8, MOVED),
    "another token was locked": ("ruled", put("escrow", 0, "args", "token", to=STRANGER), 8, MOVED),
    "the consumer got more": ("ruled", put("escrow", 1, "args", "toConsumer", to=2_000), 8, MOVED),
    "the settlement is deleted": ("ruled", without("escrow", 1), 8, MOVED),
    "the settlement stands elsewhere": ("ruled", put("escrow", 1, "tx_hash", to=OTHER_WORD), 8, "transaction"),
    "another was credited": ("ruled", put("escrow", 2, "args", "arbitrator", to=STRANGER), 8, MOVED),
    "the withdrawal is deleted": ("ruled", without("escrow", -1), 8, "What the escrow holds"),
    "less was withdrawn": ("ruled", put("escrow", -1, "args", "amount", to=1), 8, "something else than what was due"),
    "another withdrew": ("ruled", put("escrow", -1, "args", "to", to=STRANGER), 8, "somebody else than the consumer"),
    "it was withdrawn twice": ("ruled", twice("escrow", -1), 8, ""),
    "events of another case's money": ("ruled", borrowed("refunded", "escrow"), 8, ""),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_fails_the_check_that_it_concerns(name: str) -> None:
    of, tamper, number, said = TAMPERED[name]
    evidence = bundle(of)["evidence"]
    tamper(evidence)
    found = failed(resealed(evidence), newest(of))
    details = {check.number: check.detail for check in found}
    assert number in details, details
    assert said in details[number], details
    assert 0 not in details


@pytest.mark.parametrize("of", sorted(set(BUNDLES) - {"expected"}))
def test_sealing_again_alone_fails_nothing(of: str) -> None:
    assert failed(resealed(bundle(of)["evidence"]), newest(of)) == []


def test_signature_that_only_a_chain_can_judge_is_skipped_by_name() -> None:
    """It may be a contract account's (ERC-1271): the contract took it, and the proof covers that it did."""
    evidence = bundle("ruled")["evidence"]
    evidence["records"][1]["signature"] = "0x12"
    report = verify_bundle(resealed(evidence), block_hash=newest("ruled"))
    assert (report.verdict, report.skipped) == ("verified", [2, 7])


def test_proof_that_is_taken_away_proves_nothing_any_more() -> None:
    evidence = bundle("ruled")["evidence"]
    evidence["state_proof"] = {"reason": "The node forgot it."}
    report = verify_bundle(resealed(evidence), block_hash=newest("ruled"))
    assert (report.verdict, report.skipped) == ("verified", [4, 5, 6, 7])
    assert "The node forgot it." in report.trust


def test_there_are_enough_ways() -> None:
    assert len(TAMPERED) + len(SEALS) >= 40


# --- the seal, by somebody without the service's keys ----------------------------------------------------------------

SEALS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "the seal is another bundle's": (lambda one: one.update(seal=bundle("split")["seal"]), "changed after"),
    "the seal is a receipt": (
        lambda one: one.update(seal=one["evidence"]["records"][0]["receipt"]),
        "not of the type bundle+jwt",
    ),
    "the seal is no token": (lambda one: one.update(seal="nothing"), "cannot be read"),
    "the seal is cut off": (lambda one: one.update(seal=one["seal"][:-4]), ""),
    "the seal is by a key of the forger's": (
        lambda one: one.update(seal=seal(one["evidence"])["seal"]),
        "not in the key",
    ),
    "the operator is another": (lambda one: one["evidence"]["chain"].update(operator="a bank"), "changed after"),
    "fewer confirmations are needed": (lambda one: one["evidence"]["chain"].update(confirmations=9), "changed after"),
    "the key set is empty": (lambda one: one["evidence"]["jwks"].update(keys=[]), "not in the key set"),
    "a key has another name": (lambda one: one["evidence"]["jwks"]["keys"][0].update(kid="a"), "not what its id says"),
}


@pytest.mark.parametrize("name", SEALS)
def test_bundle_that_the_service_did_not_seal_so_fails_check_0(name: str) -> None:
    tamper, said = SEALS[name]
    made = bundle("ruled")
    tamper(made)
    details = {check.number: check.detail for check in failed(made, newest("ruled"))}
    assert said in details[0]


def test_seal_by_other_keys_than_those_from_elsewhere_fails_check_0() -> None:
    report = verify_bundle(bundle("ruled"), keys=TOKENS.jwks())
    assert report.checks[0].result == "fail"


# --- what is no bundle -----------------------------------------------------------------------------------------------

UNREADABLE: dict[str, tuple[Tamper, str]] = {
    "a member is missing": (without("links"), "evidence"),
    "a member is beside": (put("more", to=1), "evidence"),
    "a number is a text": (put("records", 0, "nonce", to="0"), "records[0].nonce"),
    "a number is too large": (put("links", 0, "log_index", to=2**32), "links[0].log_index"),
    "a number is negative": (put("links", 0, "log_index", to=-1), "links[0].log_index"),
    "hex is in capitals": (put("case_id", to="0x" + "AB" * 32), "case_id"),
    "an address has a wrong checksum": (put("chain", "ledger", to=lambda text: text.lower()), "chain.ledger"),
    "an event of money is unknown": (put("escrow", 0, "event", to="Burnt"), "escrow[0].event"),
    "a panel has an even threshold": (put("panels", -1, "threshold", to=2), "threshold"),
    "a proof is half there": (without("state_proof", "lock"), "state_proof"),
    "a proof and a reason": (put("state_proof", "reason", to="none"), "state_proof"),
    "a list is an object": (put("headers", to={}), "headers"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_bundle_is_refused_with_its_place(name: str) -> None:
    tamper, field = UNREADABLE[name]
    evidence = bundle("ruled")["evidence"]
    tamper(evidence)
    with pytest.raises(InvalidInput) as caught:
        verify_bundle(resealed(evidence))
    assert caught.value.field == field


# --- and every value -------------------------------------------------------------------------------------------------

# What stays the file's own word when the hash of a block is all that is known; docs/verification.md says the same.
OWN_WORD = {
    *(("chain", "operator"), ("chain", "confirmations"), ("chain", "genesis_hash")),
    *(("links", "tx_hash"), ("links", "log_index"), ("escrow", "tx_hash"), ("escrow", "log_index")),
    *(("refusals", "reason"), ("refusals", "tx_hash"), ("refusals", "log_index")),
}
_OF_A_PANEL = ("version", "threshold", "fee", "arbitrators", "appeal_panel", "fallback_panel")
UNUSED_PANELS = {("panels", name) for name in _OF_A_PANEL}  # of rounds that never were


def unproven(of: str) -> set[tuple[str, ...]]:
    """The values of a bundle that can be changed and sealed again without a check that fails."""
    found = set()
    for path in leaves(BUNDLES[of]["evidence"]):
        evidence = changed(BUNDLES[of]["evidence"], path)
        try:
            verdict = verify_bundle(resealed(evidence), block_hash=newest(of)).verdict
        except InvalidInput:
            continue
        if verdict != "failed":
            found.add(tuple(part for part in path if isinstance(part, str)))
    return found


@pytest.mark.parametrize("of", ["ruled", "refused"])
def test_every_value_that_can_be_changed_unseen_is_said_to_be_the_files_own_word(of: str) -> None:
    assert unproven(of) <= OWN_WORD | UNUSED_PANELS
