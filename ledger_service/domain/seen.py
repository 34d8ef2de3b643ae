"""The last checkpoint of a log that a verifier saw, against the next: a log that only grows cannot take back what it
showed (RFC 9162, section 2.1.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import IntegrityFailure, Unavailable
from .checkpoint import Checkpoint, growth_problem, keys_of, origin_of, read_checkpoint
from .checks import Check, Outcome, worst
from .observations import AnchoredCheckpoint

# PROOF(first, D[second]) as the log gives it. Raises Unavailable where it gives none.
ConsistencyProof = Callable[[int, int], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A checkpoint that a key of the service signed, and which log it is of: host and key are its own to change."""

    log: str  # the chain, and the contract that anchors the log
    note: str
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Compared:
    """Check 7 as it is then, and whether the checkpoint is to be remembered from here on."""

    check: Check
    remembered: bool


def shown_in(note: str | None, jwks: dict[str, Any], chain_id: int) -> Shown | None:
    """What a bundle's note shows; None for no note, or one that no key of the set signed."""
    if note is None:
        return None
    try:
        checkpoint = read_checkpoint(note, keys_of(jwks))
    except IntegrityFailure:
        return None
    return Shown(f"{chain_id}/{checkpoint.origin.rpartition('/')[2]}", note, checkpoint)


def other_name(given: AnchoredCheckpoint | None, issuer: Any) -> str:
    """Said where a log is in another name than the seal beside it, as that of a service that was moved is."""
    origin = (given.note or "").partition("\n")[0] if given else ""
    if given is None or not origin or origin == origin_of(str(issuer), given.contract):
        return ""
    return f" The log of observations is in the name of {origin.rpartition('/')[0]}: ask whether the service was moved."


def compare(check: Check, before: Checkpoint | None, now: Checkpoint, prove: ConsistencyProof | None) -> Compared:
    """Check 7 with what the memory adds: it fails where the log that was seen before is not the same log."""
    if before is None:
        return Compared(_adding(check, "It is the first checkpoint of this log that you see."), remembered=True)
    if before.size == now.size:
        same = before.root == now.root
        said = f"You were shown another log of {now.size} entries before: one of the two hides something."
        return Compared(check if same else Check(7, "fail", said), remembered=False)
    first, second = sorted((before, now), key=lambda one: one.size)
    if prove is None:
        said = f"That the {first.size} entries of this log are the first of the {second.size} is not shown: give --log."
        return Compared(_adding(check, said, "skipped"), remembered=False)
    try:
        problem = growth_problem(first, second, prove(first.size, second.size))
    except Unavailable as error:
        said = f"Whether it is the log that you saw before cannot be told: {error.detail}"
        return Compared(_adding(check, said, "pending"), remembered=False)
    if problem is not None:
        said = f"The log is not the one that you saw before. {problem}"
        return Compared(Check(7, "fail", said), remembered=False)
    said = f"It is shown to be the same log as that of {before.size} entries, which you saw before."
    return Compared(_adding(check, said), remembered=second is now)


def _adding(check: Check, said: str, at_best: Outcome = "pass") -> Check:
    return Check(7, worst((check.result, at_best)), f"{check.detail} {said}")
