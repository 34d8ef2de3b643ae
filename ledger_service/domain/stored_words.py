"""A case and its lock as the contracts store them, a word each.

Twin of `contracts/libraries/CaseWord.sol`, and of `Lock` in `contracts/interfaces/IRefundEscrow.sol`.
"""

from __future__ import annotations

from .case_state import CaseState
from .chain_facts import LockState

_CASE_FIELDS = (  # and where a `CaseWord` has them
    *(("length", 0), ("state", 40), ("deadline", 48), ("mode", 120), ("marks", 122)),
    *(("grade", 128), ("share", 136), ("fee", 152), ("flags", 168)),
)
_NONCES = 160  # below the first role's, which has the number 1
_INDEXES = (0xFFFF << 24) | (0xFFFFFFFF << 88)  # of policy and parties in the contract's registers


def case_word(case: CaseState) -> int:
    """A case as the contract stores it in one word, but for the indexes of its policy and parties."""
    fields = sum(int(getattr(case, name)) << at for name, at in _CASE_FIELDS)
    return fields + sum(nonce << (_NONCES + 16 * role) for role, nonce in enumerate(case.nonces) if role)


def same_case(stored: int, expected: int) -> bool:
    return stored & ~_INDEXES == expected


def lock_of(word: int) -> LockState:
    """A lock as the escrow stores it: three amounts, the token's index, and whether it is settled."""
    refund, freight, reserve = (word >> at & (1 << 64) - 1 for at in (0, 64, 128))
    return LockState(refund, freight, reserve, settled=bool(word >> 208 & 0xFF))
