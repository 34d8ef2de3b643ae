"""A fresh anvil chain with the contracts on it, where every figure is the `gasUsed` of a receipt.

Keys, salts and times in messages are derived from names, and the chain's accounts and nonces are its own fixed ones, so
that the same contracts cost the same to the last unit of gas, run after run.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from eth_abi.abi import encode as abi_encode

from ..chain.abi import ANCHOR, CONTRACTS, ESCROW, LEDGER, PANEL, checksum, constructor_types, function
from ..chain.artifacts import load_artifact
from ..chain.local import LocalChain
from ..chain.transactions import contract_address
from ..domain.hashing import hex0x, keccak
from ..domain.messages import SigningDomain, panel_domain
from ..domain.signatures import address_of, sign_digest
from ..errors import IntegrityFailure

TOKEN = "TestToken"  # noqa: S105 - a contract
BATCH_GAS = 16_000_000  # what Ethereum takes in one transaction, nearly
_CURRENCY, _EXPONENT, _DECIMALS = b"EUR", 2, 6
UNIT = 10 ** (_DECIMALS - _EXPONENT)  # token units in one cent
_MOST_GROWTH = 1_000_000
_SKIPPED = tuple(
    hex0x(keccak(signature))
    for signature in (
        b"Skipped(bytes32,bytes32,uint256,bytes)",
        b"VoteSkipped(bytes32,address,bytes32,uint256,bytes)",
        b"WithdrawalSkipped(bytes32,bytes)",
    )
)


@cache
def key_of(name: str) -> PrivateKey:
    """The same key for the same name, always."""
    return PrivateKey(keccak(name.encode()))


@cache
def address_named(name: str) -> str:
    return address_of(key_of(name).public_key)


def fingerprint(name: str) -> bytes:
    """32 bytes that stand for a record or a salt."""
    return keccak(name.encode())


class Lab:
    """Deploys everything and sends what is to be measured, one transaction after the other."""

    def __init__(self, folder: Path) -> None:
        self._chain = LocalChain("anvil", folder)

    def __enter__(self) -> Lab:
        """Raises Unavailable if anvil is not installed or does not start."""
        self._chain.start()
        try:
            self._prepare()
        except BaseException:
            self._chain.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._chain.stop()

    @property
    def client(self) -> str:
        return self._chain.rpc.client_version()

    def advance(self, seconds: int) -> None:
        """Lets time pass on the chain."""
        self._chain.advance(seconds)

    def send(self, contract: str, name: str, *args: Any) -> int:
        """The gas of a call. Raises IntegrityFailure if it fails or leaves something out: a refusal is no figure."""
        return self.send_data(contract, function(contract, name).encode(*args))

    def send_data(self, contract: str, data: bytes) -> int:
        """The same of ready-made calldata."""
        request = {"from": self.sender, "to": self.at[contract], "data": hex0x(data), "gas": hex(BATCH_GAS)}
        receipt = self._receipt(request)
        if any(log["topics"] and log["topics"][0] in _SKIPPED for log in receipt["logs"]):
            raise IntegrityFailure(
                f"{contract} left an item of the measured batch out.", remedy="Repair the benchmark."
            )
        return int(receipt["gasUsed"], 16)

    def read(self, contract: str, name: str, *args: Any) -> Any:
        view = function(contract, name)
        return view.decode(self._chain.rpc.read(self.at[contract], view.encode(*args)))

    def create(self, name: str, *args: Any) -> str:
        """Deploys a contract; its address."""
        data = load_artifact(name).bytecode + abi_encode(constructor_types(name), args)
        receipt = self._receipt({"from": self.sender, "data": hex0x(data), "gas": hex(BATCH_GAS)})
        address = self.at[name] = checksum(receipt["contractAddress"])
        return address

    # --- inside ------------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        rpc = self._chain.rpc
        self.sender = checksum(rpc.call("eth_accounts")[0])  # relays, operates and pays in
        self.at: dict[str, str] = {}
        token = self.create(TOKEN, "Test EUR", "tEUR", _DECIMALS)
        nonce = rpc.nonce(self.sender)
        planned = {name: contract_address(self.sender, nonce + place) for place, name in enumerate(CONTRACTS)}
        self.create(ESCROW, planned[LEDGER], [(token, _CURRENCY, _EXPONENT)])
        self.create(LEDGER, planned[ESCROW], planned[PANEL], self.sender, self.sender)
        self.create(PANEL, planned[LEDGER], self.sender)
        self.create(ANCHOR, self.sender, self.sender, _MOST_GROWTH)
        self.domain = SigningDomain(rpc.chain_id(), self.at[LEDGER])
        self.panel_domain = panel_domain(rpc.chain_id(), self.at[PANEL])
        self.send(TOKEN, "mint", self.sender, UNIT * 10**12)
        self.send(TOKEN, "approve", self.at[ESCROW], UNIT * 10**12)

    def sign(self, name: str, struct_hash: bytes) -> bytes:
        """An actor's signature on the ledger's domain."""
        return sign_digest(key_of(name), self.domain.digest(struct_hash))

    def _receipt(self, request: dict[str, Any]) -> dict[str, Any]:
        rpc = self._chain.rpc
        receipt = rpc.wait_for_receipt(rpc.call("eth_sendTransaction", request))
        if int(receipt["status"], 16) != 1:
            rpc.call("eth_call", request, "latest")  # says why
            raise IntegrityFailure("A measured transaction failed.", remedy="Repair the benchmark.")
        return receipt
