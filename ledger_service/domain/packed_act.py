"""An act and its signature in 143 bytes, the batch's layout. Twin of `contracts/libraries/PackedAct.sol`."""

from __future__ import annotations

import struct

from .messages import Act
from .vocabulary import Grade, Kind, Role

LENGTH = 143
_SMALL = struct.Struct(">BBHBHH")  # kind, role, nonce, grade, share, fee


def pack_act(act: Act, signature: bytes) -> bytes:
    """Raises ValueError for a signature that is not 65 bytes (an ERC-1271 one goes through `record`), for a key binding
    (which goes through `bindKey`), and for a value that its field cannot hold."""
    if act.kind is Kind.KEY_BOUND:
        raise ValueError("a packed act has no room for the key of a key binding")
    if len(signature) != 65:
        raise ValueError(f"a packed act has a signature of 65 bytes, not {len(signature)}")
    try:
        small = _SMALL.pack(act.kind, act.role, act.nonce, act.grade, act.share, act.fee)
        item = act.case_id + act.commitment + act.valid_until.to_bytes(5, "big") + small
    except (struct.error, OverflowError) as error:
        raise ValueError(f"a value does not fit its field: {error}") from error
    if len(act.case_id) != 32 or len(act.commitment) != 32:
        raise ValueError("a case id and a commitment have 32 bytes each")
    return item + signature


def unpack_act(item: bytes) -> tuple[Act, bytes]:
    """Raises ValueError for another length, or a number that is no kind, role or grade."""
    if len(item) != LENGTH:
        raise ValueError(f"a packed act has {LENGTH} bytes, not {len(item)}")
    kind, role, nonce, grade, share, fee = _SMALL.unpack(item[69:78])
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
    )
    return act, item[78:]
