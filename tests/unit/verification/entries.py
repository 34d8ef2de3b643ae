"""All the doors by which input of others comes to the verifier, each with what is changed and who judges it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger_service.domain.breaches import TYPE, breach_claims, find_breaches, judge_breach
from ledger_service.domain.bundle_file import read_json
from ledger_service.domain.checkpoint import Checkpoint, keys_of, read_checkpoint, sign_checkpoint
from ledger_service.domain.disclosures import read_disclosure
from ledger_service.domain.entry import Entry
from ledger_service.domain.hashing import from_hex, keccak
from ledger_service.domain.headers import read_header
from ledger_service.domain.jws import read_token
from ledger_service.domain.merkle import verify_consistency, verify_inclusion
from ledger_service.domain.reading import Reading, read_policy
from ledger_service.domain.records import record_of
from ledger_service.domain.rlp import decode, encode
from ledger_service.domain.state_proof import case_slot
from ledger_service.domain.tries import prove_account, prove_slot
from ledger_service.errors import IntegrityFailure, InvalidInput
from ledger_service.verification import verify_bundle

from .builder import LIVES, TOKENS, opened, paid, seal
from .changing import Changer, Where, in_bytes, in_text, places
from .test_seen import observed

FOLDER = Path(__file__).parents[2] / "vectors" / "bundles"
EXPECTED = json.loads((FOLDER / "expected.json").read_text("utf-8"))["bundles"]
_CLEAN = (InvalidInput, IntegrityFailure, ValueError)  # ValueError of what reads single values, as their docs say
SMALL = ("refused", "under_way")  # of the real ones, which have headers and state proofs


@dataclass(frozen=True)
class Base:
    """A bundle to change. `chain` is one to ask, where there is one."""

    value: Any
    block_hash: str | None
    chain: Any = None

    @property
    def data(self) -> bytes:
        return json.dumps(self.value, ensure_ascii=False).encode()


def _bases() -> list[tuple[Base, int]]:
    """The bundles with how often each is taken: those that are judged in a millisecond most often."""
    real = {name: json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in EXPECTED}
    found = [(Base(value, EXPECTED[name]["block_hash"]), 6 if name in SMALL else 1) for name, value in real.items()]
    for name in ("opened", "refused act", "cancelled", "own key bound anew"):
        life = LIVES[name]()
        found += [(Base(seal(life.evidence().as_json()), None, chain), 6) for chain in (None, life.chain())]
    life = opened()
    return [
        *found,
        (Base(seal(observed(life, 5).as_json()), None), 12),
        (Base(seal(paid().evidence().as_json()), None), 2),
    ]


BASES, WEIGHTS = zip(*_bases(), strict=True)
_FILES: list[bytes] = [base.data for base in BASES]
_PLACES: list[list[Where]] = [list(places(base.value)) for base in BASES]
_CHANGER = Changer([base.value for base in BASES])


def _judge(value: Any, base: Base) -> str:
    report = verify_bundle(value, base.chain, block_hash=base.block_hash)
    json.dumps(report.as_json())
    assert report.verdict == "failed" or value == base.value, "a change that the seal does not show"
    return report.verdict


def bundle_bytes(chance: random.Random) -> str:
    (number,) = chance.choices(range(len(BASES)), WEIGHTS)
    return _judge(read_json(in_bytes(chance, _FILES[number]), "bundle.json"), BASES[number])


def bundle_structure(chance: random.Random) -> str:
    (number,) = chance.choices(range(len(BASES)), WEIGHTS)
    return _judge(_CHANGER.changed(chance, BASES[number].value, _PLACES[number]), BASES[number])


# --- and the parts ---------------------------------------------------------------------------------------------------

_REAL = json.loads((FOLDER / "under_way.json").read_text("utf-8"))["evidence"]
_OBSERVED = observed(opened(), 5)
_KEYS = TOKENS.jwks()
_NOTE = _OBSERVED.checkpoint.note if _OBSERVED.checkpoint else ""
_CANONICAL = [record["canonical"] for record in _REAL["records"]]
_HEADER = from_hex(_REAL["headers"][-1])
_LATE = Reading(opened().lapse().evidence())


def token(chance: random.Random) -> str:
    read_token("receipt+jwt", in_text(chance, _REAL["records"][0]["receipt"]), _REAL["jwks"])
    return "read"


def key_set(chance: random.Random) -> str:
    keys = _CHANGER.changed(chance, _REAL["jwks"], list(places(_REAL["jwks"])))
    keys_of(keys)
    read_token("receipt+jwt", _REAL["records"][0]["receipt"], keys)
    return "read"


def note(chance: random.Random) -> str:
    read_checkpoint(in_text(chance, _NOTE or ""), keys_of(_KEYS))
    return "read"


def signed_note(chance: random.Random) -> str:
    """Of an origin, a size and a root that the service itself would have to have signed."""
    origin = in_text(chance, "shop.example/0x00").replace("\udc80", "")
    made = Checkpoint(origin, chance.choice((0, 1, 2**63, 10**18, -1)), chance.randbytes(chance.choice((0, 32, 33))))
    read_checkpoint(sign_checkpoint(made, TOKENS), keys_of(_KEYS))
    return "read"


def document(chance: random.Random) -> str:
    record_of(in_bytes(chance, chance.choice(_CANONICAL).encode()))
    return "read"


def shown_field(chance: random.Random) -> str:
    read_disclosure(in_text(chance, "WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwiY29uc3VtZXIubmFtZSIsIkFkYSJd"))
    return "read"


def policy(chance: random.Random) -> str:
    document = _REAL["policy"]
    read_policy(_CHANGER.changed(chance, document, list(places(document))))
    return "read"


def timeline_entry(chance: random.Random) -> str:
    Entry.unpack(in_bytes(chance, from_hex(chance.choice(_REAL["links"])["entry"])))
    return "read"


def rlp(chance: random.Random) -> str:
    data = in_bytes(chance, chance.choice((_HEADER, *map(from_hex, _REAL["state_proof"]["case_word"]))))
    assert encode(decode(data)) == data  # one way to write each
    return "read"


def header(chance: random.Random) -> str:
    read_header(in_bytes(chance, _HEADER))
    return "read"


def state_proof(chance: random.Random) -> str:
    """Nodes changed, each named anew by the one above it where that still names it: so the last ones are met too."""
    named = chance.choice(("ledger", "case_word", "case_head", "escrow", "lock"))
    nodes = [from_hex(node) for node in _REAL["state_proof"][named]]
    at = chance.randrange(len(nodes))
    nodes[at : at + 1] = chance.choice(([], [in_bytes(chance, nodes[at])] * chance.choice((1, 1, 1, 2))))
    for place in range(min(at, len(nodes) - 1), 0, -1):
        before = keccak(from_hex(_REAL["state_proof"][named][place]))
        nodes[place - 1] = nodes[place - 1].replace(before, keccak(nodes[place]))
    root = keccak(nodes[0]) if nodes else bytes(32)
    if named in ("ledger", "escrow"):
        prove_account(root, from_hex(_REAL["chain"][named]), nodes)
    else:
        prove_slot(root, case_slot(from_hex(_REAL["case_id"])) + (named == "case_head"), nodes)
    return "read"


def tree_proof(chance: random.Random) -> str:
    one = _OBSERVED.observations[0]
    proof = [in_bytes(chance, node) if chance.random() < 0.5 else node for node in one.proof]
    proof = chance.sample(proof, len(proof)) * chance.choice((1, 1, 2))
    index, size = chance.choice((-1, 0, 4, 2**62)), chance.choice((-1, 0, 1, 5, 2**63))
    held = verify_inclusion(index, size, one.commitment, proof, chance.randbytes(chance.choice((0, 32))))
    held = verify_consistency(index, size, bytes(32), chance.randbytes(32), proof) or held
    assert not held or index in (0, -1, size)
    return "read"


assert not isinstance(_LATE.rules, str)
_CLAIMS = breach_claims(find_breaches(_LATE)[0], _LATE.evidence, _LATE.rules)


def breach(chance: random.Random) -> str:
    """A certificate with other claims, signed by the service all the same; or one changed after it was signed."""
    made = TOKENS.sign(TYPE, _CHANGER.changed(chance, _CLAIMS, list(places(_CLAIMS))))
    return judge_breach(in_text(chance, made) if chance.random() < 0.3 else made, _LATE, _KEYS).finding


# Each door with its share of a hundred inputs.
DOORS: dict[str, tuple[Callable[[random.Random], str], int]] = {
    "a bundle's bytes": (bundle_bytes, 30),
    "a bundle's structure": (bundle_structure, 40),
    "tokens (JWS)": (token, 3),
    "key sets (JWK)": (key_set, 2),
    "notes": (note, 3),
    "notes that were signed": (signed_note, 2),
    "documents": (document, 4),
    "shown fields": (shown_field, 1),
    "policies": (policy, 2),
    "entries": (timeline_entry, 2),
    "RLP": (rlp, 3),
    "headers": (header, 2),
    "state proofs": (state_proof, 4),
    "proofs of the log": (tree_proof, 2),
    "certificates": (breach, 2),
}
_NAMES, _SHARES = list(DOORS), [share for _, share in DOORS.values()]


def enter(chance: random.Random) -> tuple[str, str]:
    """One input by some door: which, and what became of it. Anything but a clean error comes out as it is."""
    (name,) = chance.choices(_NAMES, _SHARES)
    try:
        return name, DOORS[name][0](chance)
    except _CLEAN as error:
        if name.startswith("a bundle") and not isinstance(error, InvalidInput):
            raise
        return name, "refused"
