"""Test money on a local chain: minted and paid into the escrow by the chain's own rich account."""

from __future__ import annotations

from typing import Any

from ..domain.hashing import hex0x
from ..errors import Unavailable
from .abi import ESCROW, function
from .deployments import Deployment, Token
from .rpc import Rpc


def pay_in(rpc: Rpc, deployment: Deployment, token: Token, merchant: str, minor: int) -> str:
    """Mints `minor` units of a test token and deposits them for a merchant. Answers the deposit's transaction hash.

    Raises Unavailable on a chain that has no account of its own to send from.
    """
    accounts: list[str] = rpc.call("eth_accounts")
    if not accounts or not token.test:
        raise Unavailable("This chain gives no test money.", remedy="Deposit real tokens into the escrow.")
    rich, units = accounts[-1], minor * token.unit
    _send(rpc, rich, token.address, function("TestToken", "mint").encode(rich, units))
    _send(rpc, rich, token.address, function("TestToken", "approve").encode(deployment.escrow, units))
    return _send(rpc, rich, deployment.escrow, function(ESCROW, "deposit").encode(merchant, token.address, units))


def _send(rpc: Rpc, sender: str, to: str, data: bytes) -> str:
    request: dict[str, Any] = {"from": sender, "to": to, "data": hex0x(data), "gas": hex(500_000)}
    tx_hash: str = rpc.call("eth_sendTransaction", request)
    receipt = rpc.wait_for_receipt(tx_hash)
    if int(receipt["status"], 16) != 1:
        raise Unavailable("The chain refused a transfer of test money.", remedy="Try again.")
    return tx_hash
