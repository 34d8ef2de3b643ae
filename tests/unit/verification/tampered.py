"""What tampering brings: tables that Python's checks and the page's are held to.

The tamperer holds the service's keys, so that the seal is no help; the reader knows the hash of the newest block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger_service.domain.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.domain.vocabulary import State

from .builder import TOKENS, seal
from .tampers import (
    OTHER_WORD,
    STRANGER,
    Tamper,
    added,
    borrowed,
    both,
    bundle,
    disclosed,
    entry,
    exchanged,
    flipped,
    header_field,
    last_left_out,
    observation_receipt,
    observed_again,
    put,
    receipt,
    rehead,
    said_again,
    signed_by_a_stranger,
    swapped,
    twice,
    without,
)

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
    # observations
    "an observation says something else": (
        "observed",
        put("observations", 0, "canonical", to=lambda text: text.replace("4.5", "5.5")),
        1,
        CHANGED,
    ),
    "an observation says something else, its fingerprint made anew": (
        "observed",
        observed_again(0, "4.5", "5.5"),
        2,
        NOT_THEIRS,
    ),
    "an observation made anew is not the one in the log": ("observed", observed_again(0, "4.5", "5.5"), 7, ""),
    "an observation is of another case": ("observed", borrowed("observed_today", "observations", 0), 1, "another case"),
    "an observation is there twice": ("observed", twice("observations", 0), 1, "twice"),
    "an observation is signed by another key": ("observed", signed_by_a_stranger("observations"), 2, NOT_THEIRS),
    "an observation is signed for another contract": (
        "observed",
        put("checkpoint", "contract", to=STRANGER),
        2,
        NOT_THEIRS,
    ),
    "a personal field of an observation is changed": (
        "observed",
        put("observations", 1, "disclosures", 0, to=lambda text: text[:-4] + "AAAA"),
        1,
        "personal field",
    ),
    "two observations are exchanged in the log": (
        "observed",
        exchanged("observations", "index", 0, 1),
        7,
        "It is not entry",
    ),
    "a hash of a proof of the log is another": (
        "observed",
        put("observations", 0, "proof", 0, to=flipped),
        7,
        "It is not entry",
    ),
    "a proof of the log is cut off": ("observed", without("observations", 0, "proof", -1), 7, "It is not entry"),
    "an observation's receipt is another's": (
        "observed",
        exchanged("observations", "receipt", 0, 1),
        7,
        "receipt is one of another observation",
    ),
    "an observation was put in after the log was anchored": (
        "observed",
        observation_receipt(0, iat=2_000_000_000),
        7,
        "The block of its anchor is dated",
    ),
    "an observation's receipt has no time": ("observed", observation_receipt(0, iat="now"), 7, "receipt is one of"),
    "an observation's receipt is of a time that is none": ("observed", observation_receipt(0, iat=-1), 7, "no time"),
    "the checkpoint is changed": (
        "observed",
        put("checkpoint", "note", to=lambda note: note.replace("\n3\n", "\n4\n", 1)),
        7,
        "The checkpoint",
    ),
    "the checkpoint is of another log": (
        "observed",
        put("checkpoint", "note", to=lambda note: sign_checkpoint(Checkpoint(f"h/{STRANGER}", 3, bytes(32)), TOKENS)),
        7,
        "",
    ),
    "the checkpoint was never anchored in that block": (
        "observed",
        put("checkpoint", "anchor", "block", to=1),
        7,
        "not among the blocks",
    ),
    "an anchor without a checkpoint": ("observed", put("checkpoint", "note", to=None), 7, "names an anchor"),
    "observations without a checkpoint": ("observed", put("checkpoint", to=None), 7, "no checkpoint"),
    "a checkpoint without observations": ("observed", put("observations", to=[]), 7, "no observation"),
    "an observation that waits brings a proof": (
        "observed_today",
        put("observations", 1, "proof", to=[OTHER_WORD]),
        7,
        "It brings a proof",
    ),
    "an observation that waits has a place in the log": (
        "observed_today",
        put("observations", 1, "index", to=0),
        7,
        "",
    ),
    # cases that are erased, and times that were missed
    "an erasure is left out": ("erased", both(without("links", -1), rehead), 5, "The contract holds the head"),
    "a field comes back that was erased": (
        "erased",
        put("records", 0, "disclosures", to=["WyJhIiwiYiIsImMiXQ"]),
        1,
        "does not match its digest",
    ),
    "the deadline that was missed is a later one": ("silent", entry(0, deadline=2_000_000_000), 5, "deadline"),
    "what came after the deadline is left out": ("silent", both(without("links", -1), rehead), 5, "holds the head"),
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


# By somebody without the service's keys.
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

# What is no bundle, and the field that says so.
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
