"""What one writes first with web3.py: build the transaction, sign it, send it, wait for its receipt, and again.

It is given every help: no signature to check, a contract that only stores, a node of its own that mines at once, and a
receipt that is asked for every two milliseconds.
"""

from __future__ import annotations

from typing import Any

from web3 import HTTPProvider, Web3
from web3.contract import Contract

from ..chain.artifacts import load_artifact
from ..errors import IntegrityFailure
from .lab import key_of
from .peers import NAIVE

_POLL = 0.002
_RICH = 10**24  # wei
_RETURN = "R-2026-000001"
_KEY = "web3 loop"


class Web3Loop:
    """One milestone at a time, of one return, by one account."""

    def __init__(self, url: str) -> None:
        self._web3 = Web3(HTTPProvider(url))
        self._account = self._web3.eth.account.from_key(key_of(_KEY).secret)
        for method in ("anvil_setBalance", "evm_setAccountBalance"):  # anvil's name, and ganache's
            answer = self._web3.provider.make_request(method, [self._account.address, hex(_RICH)])  # type: ignore[arg-type]
            if "error" not in answer:
                break
        self._count = 0

    def deploy(self) -> str:
        """The contract of structs and strings; its address."""
        artifact = load_artifact(NAIVE)
        made = self._web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor()
        address = str(self._send(made)["contractAddress"])
        self.use(address)
        return address

    def use(self, address: str) -> None:
        self._contract: Contract = self._web3.eth.contract(address=address, abi=load_artifact(NAIVE).abi)  # type: ignore[call-overload]

    def record(self) -> None:
        """One milestone, mined."""
        self._count += 1
        words = ("picked_up", "Example Express", "Lyon, FR", "Parcel picked up, label scanned")
        self._send(self._contract.functions.recordMilestone(_RETURN, *words, f"0x{self._count:064x}"))

    def _send(self, call: Any) -> Any:
        eth, address = self._web3.eth, self._account.address
        transaction = call.build_transaction({"from": address, "nonce": eth.get_transaction_count(address)})
        signed = self._account.sign_transaction(transaction)
        sent = eth.send_raw_transaction(signed.raw_transaction)
        receipt = eth.wait_for_transaction_receipt(sent, poll_latency=_POLL)
        if receipt["status"] != 1:
            raise IntegrityFailure("A transaction of the measured loop failed.", remedy="Repair the benchmark.")
        return receipt
