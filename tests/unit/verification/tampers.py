"""Real bundles, and ways to tamper with them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger_service.domain.entry import Entry, chain_heads
from ledger_service.domain.hashing import from_hex, hex0x, keccak
from ledger_service.domain.rlp import decode, encode
from ledger_service.domain.signatures import sign_digest

from .builder import OWN_KEY, TOKENS, address, seal

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


def observed_again(index: int, old: str, new: str) -> Tamper:
    """An observation that says something else, its fingerprint taken anew."""

    def tamper(evidence: Evidence) -> None:
        one = evidence["observations"][index]
        one["canonical"] = one["canonical"].replace(old, new)
        one["commitment"] = hex0x(keccak(one["canonical"].encode()))

    return tamper


def observation_receipt(index: int, **claims: Any) -> Tamper:
    """An observation's receipt with other claims, signed anew."""

    def tamper(evidence: Evidence) -> None:
        one, chain = evidence["observations"][index], evidence["chain"]
        named = {"jti": one["observation_id"], "sub": evidence["case_id"], "commitment": one["commitment"]}
        named |= {"chain_id": chain["id"], "contract": evidence["checkpoint"]["contract"], "iat": 1_700_000_000}
        one["receipt"] = TOKENS.sign("receipt+jwt", named | claims)

    return tamper
