"""Test money on a local chain: minted and paid into the escrow by the chain's own rich account."""

from __future__ import annotations

from typing import Any

from ..errors import Unavailable
from .abi import ESCROW
from .artifacts import load_artifact
from .deployments import Deployment, Token


def pay_in(rpc_url: str, deployment: Deployment, token: Token, merchant: str, minor: int) -> str:
    """Mints `minor` units of a test token and deposits them for a merchant. Answers the deposit's transaction hash.

    Raises Unavailable on a chain that has no account of its own to send from, or that refuses a transfer.
    """
    from web3 import HTTPProvider, Web3  # a second to import, which every other command is spared
    from web3.exceptions import Web3Exception

    chain = Web3(HTTPProvider(rpc_url))
    if not token.test or not chain.eth.accounts:
        raise Unavailable("This chain gives no test money.", remedy="Deposit real tokens into the escrow.")
    rich, units = chain.eth.accounts[-1], minor * token.unit
    money = chain.eth.contract(chain.to_checksum_address(token.address), abi=load_artifact("TestToken").abi)
    escrow = chain.eth.contract(chain.to_checksum_address(deployment.escrow), abi=load_artifact(ESCROW).abi)

    def send(call: Any) -> str:
        sent = call.transact({"from": rich})
        if chain.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.05)["status"] != 1:
            raise Unavailable("The chain refused a transfer of test money.", remedy="Try again.")
        return str(sent.to_0x_hex())

    try:
        send(money.functions.mint(rich, units))
        send(money.functions.approve(deployment.escrow, units))
        return send(escrow.functions.deposit(merchant, token.address, units))
    except (Web3Exception, ValueError, OSError) as error:
        raise Unavailable(f"The chain refused a transfer of test money: {error}.", remedy="Try again.") from error
