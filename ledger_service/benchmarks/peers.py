"""What one would use instead: a contract of structs and strings, and a general registry of attestations.

Both stand in contracts/mocks/bench and are measured as their users would call them. Neither checks who may do what and
when; the first has no batch, the second neither states nor money.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode as abi_encode

from ..domain.hashing import hex0x, keccak
from ..domain.vocabulary import Kind
from .lab import TOKEN, UNIT, Lab, address_named, fingerprint

NAIVE, REGISTRY = "NaiveReturns", "AttestationRegistry"
_FIELDS = "bytes32 caseId,uint8 kind,uint8 role,uint40 occurredAt,bytes32 commitment"
_STEPS = (
    ("authorised", "Example Shop", "Berlin, DE", "Return accepted within the withdrawal period"),
    ("picked_up", "Example Express", "Lyon, FR", "Parcel picked up at the consumer's door, label scanned"),
    ("received", "Example Fulfilment", "Leipzig, DE", "Parcel unloaded at dock 4, seal intact, weight 1.2 kg"),
    ("inspected", "Example Fulfilment", "Leipzig, DE", "Grade A, unused and complete, full refund proposed"),
)


@dataclass(frozen=True, slots=True)
class Peers:
    """Gas by what is compared."""

    milestone: int
    attest: int
    multi_attest: int
    timestamp: int
    whole_life: int
    dispute: int


def measure_peers(lab: Lab, batch: int, observations: int, votes: int) -> Peers:
    """Deploys both on the chain of ours and measures them there."""
    lab.create(NAIVE)
    lab.create(REGISTRY)
    lab.send(TOKEN, "approve", lab.at[NAIVE], UNIT * 10**9)
    _naive_life(lab, "R-2026-000001")  # the first return pays for slots that all others share
    milestones, life = _naive_life(lab, "R-2026-000002")
    attest, multi_attest, timestamp = _attestations(lab, batch, observations)
    return Peers(max(milestones), attest, multi_attest, timestamp, life, _naive_dispute(lab, "R-2026-000003", votes))


def _naive_life(lab: Lab, name: str) -> tuple[list[int], int]:
    """The milestones but the first, and the whole life with settlement and withdrawal."""
    opened = _open_naive(lab, name)
    milestones = [_naive_milestone(lab, name, step) for step in _STEPS]
    rest = lab.send(NAIVE, "settle", name) + lab.send(NAIVE, "withdraw", name)
    return milestones[1:], opened + sum(milestones) + rest


def _open_naive(lab: Lab, name: str) -> int:
    goods, reason = "Table lamp, brass, 40 cm", "Changed my mind"
    values = (goods, reason, address_named(f"{name} consumer"), lab.at[TOKEN], 49_90 * UNIT)
    return lab.send(NAIVE, "openReturn", name, "O-2026-104711", *values)


def _naive_milestone(lab: Lab, name: str, step: tuple[str, ...]) -> int:
    kind, *texts = step
    return lab.send(NAIVE, "recordMilestone", name, kind, *texts, hex0x(fingerprint(f"{name} {kind}")))


def _naive_dispute(lab: Lab, name: str, votes: int) -> int:
    """From the dispute to the last vote."""
    _open_naive(lab, name)
    for step in _STEPS[:3]:
        _naive_milestone(lab, name, step)
    gas = lab.send(NAIVE, "openDispute", name, "The lamp was unused, see the photos of the sealed box")
    for number in range(votes):
        reason = f"Photos show an intact seal, arbitrator {number + 1}"
        gas += lab.send(NAIVE, "castVote", name, 50 + number, reason)
    return gas


def _attestations(lab: Lab, batch: int, observations: int) -> tuple[int, int, int]:
    """One attestation alone, one in a batch, and one timestamp in a batch."""
    lab.send(REGISTRY, "registerSchema", _FIELDS, True)
    schema = keccak(_FIELDS.encode() + b"\x01")
    lab.send(REGISTRY, "attest", schema, _attestation("earlier"))
    alone = lab.send(REGISTRY, "attest", schema, _attestation("alone"))
    many = [_attestation(f"case {number}") for number in range(batch)]
    # Half of them at a time: a hundred take more gas than Ethereum gives a transaction.
    halves = (many[: batch // 2], many[batch // 2 :])
    in_batches = sum(lab.send(REGISTRY, "multiAttest", schema, half) for half in halves)
    tenth = observations // 10
    stamps = [fingerprint(f"observation {number}") for number in range(tenth)]
    return alone, in_batches // batch, lab.send(REGISTRY, "multiTimestamp", stamps) // tenth


def _attestation(name: str) -> tuple[Any, ...]:
    """A milestone as an attestation: to the consumer, without an end, by nobody's reference."""
    values = (fingerprint(name), int(Kind.RECEIVED), 4, 1_780_000_000, fingerprint(f"{name} commitment"))
    data = abi_encode(["bytes32", "uint8", "uint8", "uint40", "bytes32"], values)
    return address_named(f"{name} consumer"), 0, True, bytes(32), data
