"""Observations: the many small statements about a case that gate nothing, each an entry of the log.

As documents they have the canonical form of records (`records.py`), with kinds of their own. The signer signs the
EIP-712 message `Observation(bytes32 caseId,bytes32 commitment)` in the domain of the contract `CheckpointAnchor`; the
entry of the log (RFC 6962) is the commitment's 32 bytes.

In evidence there are two members, both read strictly:

    "observations": [{"observation_id": "obs_…", "canonical": "{…}", "commitment": "0x…", "signature": "0x…",
                      "disclosures": […those shown…], "receipt": "…", "index": 7 | null, "proof": ["0x…", …]}, …]
    "checkpoint": null | {"contract": "0x…", "note": "…" | null,
                          "anchor": null | {"block": 9, "tx_hash": "0x…", "log_index": 0}}

`checkpoint` is null exactly where there are no observations. `index` is null before the log has the entry; `proof` is
the audit path under the checkpoint's root, empty (beside a log of one) where the checkpoint does not cover the entry.
`note` is the checkpoint as a signed note, null before the first; `anchor` is the event that anchored it, null while
there is none, and its block belongs among the evidence's `blocks`.

How to read and judge them, of a `Reading` of the evidence:

    observations = parse_observations(evidence_json["observations"])
    checkpoint = parse_checkpoint(evidence_json["checkpoint"])
    rows, check = judge_observations(reading, observations, checkpoint, asked)     # domain/observation_checks.py

`rows` are RowReports with checks 1, 2, 3 and 7, `check` is the case's check 7; `asked` (`observation_checks.Asked`)
says what a chain answered, with `AnchorFacts` as `chain/anchors.py` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .hashing import hex0x
from .strict_fields import address, hex_bytes, integer, items, members, refused, text, word
from .vocabulary import Role

# Of one case: all of them stand in each of its bundles, which have to stay of a size that people can send.
MOST = 2_000
MOST_BYTES = 2 * 1024 * 1024  # of their documents, and of what is sealed of them
_LONGEST_PROOF = 64

_OF_THE_PARCEL = (Role.CARRIER, Role.WAREHOUSE)
_OF_BUSINESSES = (Role.MERCHANT, *_OF_THE_PARCEL, Role.INSPECTOR)
# Who states what, whoever is likeliest first: a key can hold several roles in a case.
ROLES: dict[str, tuple[Role, ...]] = {
    "scanned": _OF_THE_PARCEL,
    "reading": (*_OF_THE_PARCEL, Role.INSPECTOR, Role.MERCHANT),
    "message": (*_OF_BUSINESSES, Role.CONSUMER),
    "noted": (*_OF_BUSINESSES, Role.CONSUMER),
}
KINDS = tuple(ROLES)


@dataclass(frozen=True, slots=True)
class Observation:
    """One of a bundle's. `index` is its place in the log, None before it has one."""

    observation_id: str
    canonical: str
    commitment: bytes
    signature: bytes
    disclosures: tuple[str, ...]  # those that are shown
    receipt: str
    index: int | None
    proof: tuple[bytes, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "observation_id": self.observation_id,
            "canonical": self.canonical,
            "commitment": hex0x(self.commitment),
            "signature": hex0x(self.signature),
            "disclosures": list(self.disclosures),
            "receipt": self.receipt,
            "index": self.index,
            "proof": [hex0x(node) for node in self.proof],
        }


@dataclass(frozen=True, slots=True)
class AnchorPlace:
    """Where the event `Anchored` stands."""

    block: int
    tx_hash: str
    log_index: int


@dataclass(frozen=True, slots=True)
class AnchoredCheckpoint:
    """The checkpoint of a bundle, the contract that anchors the log, and where it did."""

    contract: str
    note: str | None
    anchor: AnchorPlace | None

    def as_json(self) -> dict[str, Any]:
        place = self.anchor
        named = {"block": place.block, "tx_hash": place.tx_hash, "log_index": place.log_index} if place else None
        return {"contract": self.contract, "note": self.note, "anchor": named}


@dataclass(frozen=True, slots=True)
class AnchorFacts:
    """What a chain answered of a bundle's checkpoint: the size and root of the event at its place, None where there is
    none such; whether the contract's code is ours, None where it was not asked."""

    anchored: tuple[int, bytes] | None
    code_is_ours: bool | None = None


# --- reading ---------------------------------------------------------------------------------------------------------


def parse_observations(value: Any) -> tuple[Observation, ...]:
    """The observations of evidence. Raises InvalidInput with the path of what is wrong."""
    return tuple(_observation(item, f"observations[{i}]") for i, item in items(value, "observations"))


def parse_checkpoint(value: Any) -> AnchoredCheckpoint | None:
    """The checkpoint of evidence; None for null. Raises as `parse_observations`."""
    if value is None:
        return None
    body = members(value, "checkpoint", ("contract", "note", "anchor"))
    note = None if body["note"] is None else text(body["note"], "checkpoint.note")
    contract = address(body["contract"], "checkpoint.contract")
    return AnchoredCheckpoint(contract, note, _place(body["anchor"], "checkpoint.anchor"))


def _place(value: Any, path: str) -> AnchorPlace | None:
    if value is None:
        return None
    body = members(value, path, ("block", "tx_hash", "log_index"))
    return AnchorPlace(
        block=integer(body["block"], f"{path}.block", 53),
        tx_hash=hex0x(word(body["tx_hash"], f"{path}.tx_hash")),
        log_index=integer(body["log_index"], f"{path}.log_index", 32),
    )


def _observation(value: Any, path: str) -> Observation:
    names = ("observation_id", "canonical", "commitment", "signature", "disclosures", "receipt", "index", "proof")
    body = members(value, path, names)
    shown = items(body["disclosures"], f"{path}.disclosures")
    proof = items(body["proof"], f"{path}.proof")
    if len(proof) > _LONGEST_PROOF:
        raise refused(f"It has more than {_LONGEST_PROOF} hashes.", f"{path}.proof")
    return Observation(
        observation_id=text(body["observation_id"], f"{path}.observation_id"),
        canonical=text(body["canonical"], f"{path}.canonical"),
        commitment=word(body["commitment"], f"{path}.commitment"),
        signature=hex_bytes(body["signature"], f"{path}.signature"),
        disclosures=tuple(text(item, f"{path}.disclosures[{i}]") for i, item in shown),
        receipt=text(body["receipt"], f"{path}.receipt"),
        index=None if body["index"] is None else integer(body["index"], f"{path}.index", 53),
        proof=tuple(word(node, f"{path}.proof[{i}]") for i, node in proof),
    )
