"""Deploys the contracts. Killed half way it leaves contracts that nobody refers to; the next run deploys afresh.

The contracts name each other for good, so their addresses are worked out before they exist, from the deployer's next
nonces. The deployments file is written last, once the chain has shown that all is right.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode as abi_encode

from ..domain.hashing import hex0x, keccak
from ..domain.money import exponent
from ..errors import ChainMismatch, InvalidInput, NotFound, Unavailable
from .abi import ANCHOR, CONTRACTS, ESCROW, LEDGER, LENS, PANEL, checksum, constructor_types, function
from .artifacts import load_artifact
from .deployments import Contract, Deployment, Token, check_chain, read_deployment, write_deployment
from .rpc import Rpc
from .transactions import Signer, contract_address, gas_price, sign_transaction

TEST_CURRENCIES = ("GBP", "EUR", "USD", "CNY", "JPY", "BRL", "AUD", "SGD", "SEK", "KWD")
_MINTABLE = "TestToken"
_TEST_DECIMALS = 6
MOST_GROWTH = 1_000_000  # observations that one checkpoint can add; see ICheckpointAnchor
# Who names whom: contract, getter, contract.
_NAMES = (
    (ESCROW, "ledger", LEDGER),
    (LEDGER, "escrow", ESCROW),
    (LEDGER, "panel", PANEL),
    (PANEL, "ledger", LEDGER),
    (LENS, "ledger", LEDGER),
    (LENS, "escrow", ESCROW),
)
_ENOUGH = 100 * 10**18  # wei; below it, an account on a local chain is given more
_GIFT = 10_000 * 10**18


@dataclass(frozen=True, slots=True)
class Roles:
    """Addresses: `operator` registers policies, inspectors and panels, `guardian` pauses, `writer` sends the batches
    and anchors checkpoints."""

    operator: str
    guardian: str
    writer: str


def deploy(rpc: Rpc, data: Path, deployer: Signer, roles: Roles, *, tokens: Path | None = None) -> Deployment:
    """The ledger of this installation on this chain: the one that stands there already, or a new one.

    Without `tokens` (a JSON file, currency to token address) test tokens are deployed as well, which only a local chain
    should have. Raises ChainMismatch if the installation's contracts are not where its file says they are, InvalidInput
    for a tokens file that cannot be right, Unavailable if the chain refuses.
    """
    try:
        deployment = read_deployment(data, rpc.chain_id())
    except NotFound:
        deployment = _Deployer(rpc, deployer).deploy(roles, tokens)
        write_deployment(data, deployment)
        return deployment
    check_chain(rpc, deployment)
    return deployment


def deploy_anchor(rpc: Rpc, key: Signer) -> Contract:
    """A contract for the checkpoints of a log whose own chain is another one; `key` deploys, operates and writes it."""
    made, _ = _Deployer(rpc, key).create(ANCHOR, key.address, key.address, MOST_GROWTH)
    return made


def fund_accounts(rpc: Rpc, addresses: Sequence[str]) -> None:
    """Gives accounts on a local chain gas money from the chain's own rich account; those that have enough stay."""
    rich = rpc.call("eth_accounts")
    if not rich:
        raise Unavailable("This chain has no account of its own to give from.", remedy="Send the accounts gas money.")
    for address in dict.fromkeys(addresses):
        if rpc.balance(address) < _ENOUGH:
            gift = {"from": rich[0], "to": address, "value": hex(_GIFT), "gas": hex(21_000)}
            rpc.wait_for_receipt(rpc.call("eth_sendTransaction", gift))


class _Deployer:
    """Sends one transaction after the other and waits for each."""

    def __init__(self, rpc: Rpc, signer: Signer) -> None:
        self._rpc = rpc
        self._signer = signer
        self._chain_id = rpc.chain_id()
        self._nonce = rpc.nonce(signer.address, "pending")
        self._gas_price = gas_price(int(rpc.call("eth_gasPrice"), 16), rpc.latest())

    def deploy(self, roles: Roles, tokens_file: Path | None) -> Deployment:
        genesis = self._rpc.block(0)
        if genesis is None:
            raise Unavailable(f"The chain at {self._rpc.place} has no first block.", remedy="Wait for it.")
        tokens = self._listed_tokens(tokens_file) if tokens_file else self._test_tokens()
        contracts, first_block = self._contracts(roles, tokens)
        return Deployment(
            chain_id=self._chain_id,
            genesis_hash=genesis.hash,
            deployed_at_block=first_block,
            operator=checksum(roles.operator),
            guardian=checksum(roles.guardian),
            contracts=contracts,
            tokens=tokens,
        )

    def _contracts(self, roles: Roles, tokens: dict[str, Token]) -> tuple[dict[str, Contract], int]:
        at = {name: contract_address(self._signer.address, self._nonce + place) for place, name in enumerate(CONTRACTS)}
        arguments: dict[str, tuple[Any, ...]] = {
            ESCROW: (at[LEDGER], [(token.address, code.encode(), exponent(code)) for code, token in tokens.items()]),
            LEDGER: (at[ESCROW], at[PANEL], roles.operator, roles.guardian),
            PANEL: (at[LEDGER], roles.operator),
            ANCHOR: (roles.operator, roles.writer, MOST_GROWTH),
            LENS: (at[LEDGER], at[ESCROW]),
        }
        made = {name: self.create(name, *arguments[name]) for name in CONTRACTS}
        for name, getter, named in _NAMES:
            view = function(name, getter)
            (found,) = view.decode(self._rpc.read(made[name][0].address, view.encode()))
            if checksum(found) != made[named][0].address:
                raise ChainMismatch(
                    f"The new {name} at {made[name][0].address} names {found} as its {getter}, not "
                    f"{made[named][0].address}: another transaction of the deployer came between.",
                    remedy="Let nobody else use the deployer's key meanwhile, and deploy again.",
                )
        return {name: contract for name, (contract, _) in made.items()}, made[CONTRACTS[0]][1]

    def _test_tokens(self) -> dict[str, Token]:
        tokens = {}
        for code in TEST_CURRENCIES:
            made, _ = self.create(_MINTABLE, f"Test {code}", f"t{code}", _TEST_DECIMALS)
            tokens[code] = Token(made.address, _TEST_DECIMALS, 10 ** (_TEST_DECIMALS - exponent(code)), test=True)
        return tokens

    def _listed_tokens(self, path: Path) -> dict[str, Token]:
        remedy = 'Write {"EUR": "0x…"}: a token\'s address for each currency.'
        try:
            listed: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            pairs = [(code, checksum(address)) for code, address in listed.items()]
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise InvalidInput(f"{path} is no list of tokens: {error}.", field="tokens", remedy=remedy) from error
        tokens = {}
        view = function(_MINTABLE, "decimals")
        for code, address in pairs:
            answer = self._rpc.read(address, view.encode())
            decimals = int(view.decode(answer)[0]) if len(answer) == 32 else -1
            if decimals < exponent(code, field="tokens"):
                raise InvalidInput(
                    f"{address} is no token that can hold {code} to its last digit.", field="tokens", remedy=remedy
                )
            tokens[code] = Token(address, decimals, 10 ** (decimals - exponent(code)), test=False)
        return tokens

    def create(self, name: str, *args: Any) -> tuple[Contract, int]:
        """A new contract, and the block it came in."""
        data = load_artifact(name).bytecode + abi_encode(constructor_types(name), args)
        request = {"from": self._signer.address, "data": hex0x(data)}
        gas = int(self._rpc.call("eth_estimateGas", request), 16) * 6 // 5
        transaction = sign_transaction(
            self._signer,
            chain_id=self._chain_id,
            nonce=self._nonce,
            gas_price=self._gas_price,
            gas=gas,
            to=None,
            data=data,
        )
        self._nonce += 1
        self._rpc.send_raw(transaction.raw)
        receipt = self._rpc.wait_for_receipt(transaction.hash, seconds=300)
        if int(receipt["status"], 16) != 1:
            raise Unavailable(f"The deployment of {name} failed.", remedy="Look at the deployer's balance and gas.")
        address = checksum(receipt["contractAddress"])
        code_hash = hex0x(keccak(self._rpc.code(address)))
        return Contract(address, code_hash, transaction.hash), int(receipt["blockNumber"], 16)
