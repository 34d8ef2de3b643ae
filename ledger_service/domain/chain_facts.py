"""What a verifier asks a chain about one case, and how it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .evidence import Block, EscrowEvent, Evidence, Link, Refusal
from .observations import AnchorFacts
from .panels import Panel


@dataclass(frozen=True, slots=True)
class LockState:
    """A case's lock in the escrow, in minor units. Once it is settled, `refund` is what can still be withdrawn."""

    refund: int
    freight: int
    reserve: int
    settled: bool


@dataclass(frozen=True, slots=True)
class CaseEvents:
    """All events of a case from its first record to the newest block, read from the contracts' logs."""

    links: tuple[Link, ...]
    refusals: tuple[Refusal, ...]
    escrow: tuple[EscrowEvent, ...]


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """What the chain answered, all as of the block `newest`.

    `blocks` holds those of the evidence's blocks that the chain has. `head` is zero for an unknown case. What was not
    asked is None.
    """

    chain_id: int
    genesis_hash: str
    newest: Block
    blocks: Mapping[int, Block]
    head: bytes
    lock: LockState | None = None
    currency: str | None = None
    events: CaseEvents | None = None
    panels: Mapping[int, Panel] | None = None  # those of the evidence's versions that are registered
    code_is_ours: bool | None = None
    anchor: AnchorFacts | None = None  # what stands where the evidence's checkpoint says that it was anchored


class ChainReader(Protocol):
    """A chain that can be asked. Both methods raise Unavailable if it does not answer."""

    def facts(self, evidence: Evidence) -> ChainFacts:
        """Asks for what the evidence needs. Without `events`, MUST be as of the evidence's own newest block."""

    def accepts_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Whether a contract account says that it signed (ERC-1271). MUST be False for an account without code."""
