"""Writes what real nodes prove of their state: `anvil.json` and `ganache.json`.

Run `python tests/vectors/proofs/regenerate.py`. Each holds a block's header, and under its state root the proofs of
accounts and slots that are there and of some that are not, with the values that the node says by other calls.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from integration.conftest import World  # noqa: E402

from ledger_service.chain.local import NAMES, LocalChain  # noqa: E402
from ledger_service.chain.proofs import header_of  # noqa: E402
from ledger_service.chain.rpc import Rpc  # noqa: E402
from ledger_service.domain.hashing import from_hex, hex0x, keccak  # noqa: E402

NOBODY = "0x00000000000000000000000000000000000000aA"
SLOTS = (0, 1, 2, 3, 9_999)  # of the escrow: two are zero, a mark, a number of tokens, and one that nobody uses


def main() -> None:
    for name in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            chain = LocalChain(name, Path(folder), kept=False)
            chain.start()
            try:
                found = proofs(chain.rpc, World(chain, Path(folder)))
            finally:
                chain.stop()
        (HERE / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def proofs(rpc: Rpc, world: World) -> dict[str, Any]:
    block = rpc.call("eth_getBlockByNumber", "latest", False)
    escrow, operator = world.deployment.escrow, world.operator.address
    asked = ((escrow, SLOTS), (operator, (0,)), (NOBODY, ()))
    return {
        "client": rpc.client_version(),
        "hash": block["hash"],
        "number": int(block["number"], 16),
        "time": int(block["timestamp"], 16),
        "header": hex0x(header_of(block)),
        "accounts": [_account(rpc, block["number"], address, slots) for address, slots in asked],
    }


def _account(rpc: Rpc, at: str, address: str, slots: tuple[int, ...]) -> dict[str, Any]:
    answer = rpc.call("eth_getProof", address, [hex0x(slot.to_bytes(32, "big")) for slot in slots], at)
    return {
        "address": address,
        "code_hash": hex0x(keccak(from_hex(rpc.call("eth_getCode", address, at)))),
        "proof": answer["accountProof"],
        "slots": [
            {
                "slot": slot,
                "value": int.from_bytes(from_hex(rpc.call("eth_getStorageAt", address, hex(slot), at)), "big"),
                "proof": given["proof"],
            }
            for slot, given in zip(slots, answer["storageProof"], strict=True)
        ],
    }


if __name__ == "__main__":
    main()
