"""The word that says what a record did to its case, and the links of a case's hash chain.

Twin of `contracts/libraries/Entry.sol`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .hashing import ZERO_WORD, keccak, word
from .vocabulary import Grade, Kind, Role, State

_FIELDS = (  # name, bits; from the lowest bit
    ("position", 24),
    ("kind", 8),
    ("role", 8),
    ("state", 8),
    ("deadline", 40),
    ("time", 40),
    ("grade", 8),
    ("share", 16),
    ("fee", 16),
    ("flags", 8),
)
_WORD = struct.Struct(">10sBHHB5s5sBBB3s")  # the same fields from the highest bit, and what is above them
_NOTHING = bytes(10)


@dataclass(frozen=True, slots=True)
class Entry:
    """`deadline` and `time` are seconds since 1970 UTC, `share` and `fee` basis points."""

    position: int
    kind: Kind
    role: Role
    state: State
    deadline: int
    time: int
    grade: Grade
    share: int
    fee: int
    flags: int

    def pack(self) -> bytes:
        """32 bytes. Raises ValueError for a value that its field cannot hold."""
        value = shift = 0
        for name, bits in _FIELDS:
            part = int(getattr(self, name))
            if part < 0 or part >> bits:
                raise ValueError(f"an entry's {name} has {bits} bits, too few for {part}")
            value |= part << shift
            shift += bits
        return word(value)

    @classmethod
    def unpack(cls, data: bytes) -> Entry:
        """Raises ValueError for another length, or a number that is no kind, role, state or grade."""
        if len(data) != 32:
            raise ValueError(f"an entry has 32 bytes, not {len(data)}")
        above, flags, fee, share, grade, time, deadline, state, role, kind, position = _WORD.unpack(data)
        if above != _NOTHING:
            raise ValueError("an entry has no bits above its fields")
        return cls(
            position=int.from_bytes(position, "big"),
            kind=Kind(kind),
            role=Role(role),
            state=State(state),
            deadline=int.from_bytes(deadline, "big"),
            time=int.from_bytes(time, "big"),
            grade=Grade(grade),
            share=share,
            fee=fee,
            flags=flags,
        )


def link(head: bytes, actor: str, commitment: bytes, entry: bytes) -> bytes:
    """The head after one more record; the first head is the case id."""
    return keccak(head + word(actor) + commitment + entry)


def chain_heads(case_id: bytes, links: list[tuple[str, bytes, bytes]]) -> bytes:
    """The head after all `(actor, commitment, entry)`, in order."""
    head = case_id
    for actor, commitment, entry in links:
        head = link(head, actor, commitment, entry)
    return head


NO_COMMITMENT = ZERO_WORD  # of a record that the contract composes itself
