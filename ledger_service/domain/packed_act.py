"""An act and its signature in 143 bytes, and 20 more for a new key: the batch's layout.

Twin of `contracts/libraries/PackedAct.sol`.
"""

from __future__ import annotations

import struct

from .hashing import ZERO_ADDRESS, from_hex, hex0x
from .messages import Act
from .vocabulary import Grade, Kind, Role

LENGTH = 143
_KEY = 20
_SMALL = struct.Struct(">HBBHHB")  # nonce, role, kind, fee, share, grade


def pack_act(act: Act, signature: bytes) -> bytes:
    """Raises ValueError for a signature that is not 65 bytes (an ERC-1271 one goes through `record`), and for a value
    that its field cannot hold."""
    if len(signature) != 65:
        raise ValueError(f"a packed act has a signature of 65 bytes, not {len(signature)}")
    try:
        small = _SMALL.pack(act.nonce, act.role, act.kind, act.fee, act.share, act.grade)
        item = act.case_id + act.commitment + act.valid_until.to_bytes(5, "big") + small
    except (struct.error, OverflowError) as error:
        raise ValueError(f"a value does not fit its field: {error}") from error
    if len(act.case_id) != 32 or len(act.commitment) != 32:
        raise ValueError("a case id and a commitment have 32 bytes each")
    return item + signature + (from_hex(act.key, _KEY) if act.kind is Kind.KEY_BOUND else b"")


def unpack_act(item: bytes) -> tuple[Act, bytes]:
    """Raises ValueError for another length, or a number that is no kind, role or grade."""
    if len(item) < LENGTH or len(item) != LENGTH + (_KEY if item[72] == Kind.KEY_BOUND else 0):
        raise ValueError(f"a packed act has {LENGTH} bytes, and {_KEY} more for a new key, not {len(item)}")
    nonce, role, kind, fee, share, grade = _SMALL.unpack(item[69:78])
    act = Act(
        case_id=item[:32],
        kind=Kind(kind),
        role=Role(role),
        nonce=nonce,
        valid_until=int.from_bytes(item[64:69], "big"),
        commitment=item[32:64],
        grade=Grade(grade),
        share=share,
        fee=fee,
        key=hex0x(item[LENGTH:]) if item[LENGTH:] else ZERO_ADDRESS,
    )
    return act, item[78:LENGTH]
