"""Where our contracts stand, by chain: DATA/deployments/<chain id>.json, and whether a chain is really that one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..domain.hashing import hex0x, keccak
from ..domain.messages import SigningDomain
from ..errors import ChainMismatch, NotFound
from .abi import ANCHOR, CONTRACTS, ESCROW, LEDGER, LENS, PANEL, checksum
from .rpc import Rpc

_FORMAT = 2  # 1 had two contracts, before disputes


@dataclass(frozen=True, slots=True)
class Contract:
    """`code_hash` is keccak-256 of the code that runs there."""

    address: str
    code_hash: str
    transaction: str


@dataclass(frozen=True, slots=True)
class Token:
    """`unit` is how many token units one minor unit of the currency is; a `test` token can be minted by anyone."""

    address: str
    decimals: int
    unit: int
    test: bool


@dataclass(frozen=True)
class Deployment:
    """The contracts of one ledger on one chain. `deployed_at_block` is the first block that has anything of it."""

    chain_id: int
    genesis_hash: str
    deployed_at_block: int
    operator: str
    guardian: str
    contracts: Mapping[str, Contract]
    tokens: Mapping[str, Token] = field(default_factory=dict)  # by ISO 4217 code

    @property
    def ledger(self) -> str:
        return self.contracts[LEDGER].address

    @property
    def escrow(self) -> str:
        return self.contracts[ESCROW].address

    @property
    def panel(self) -> str:
        return self.contracts[PANEL].address

    @property
    def anchor(self) -> str:
        return self.contracts[ANCHOR].address

    @property
    def lens(self) -> str:
        return self.contracts[LENS].address

    @cached_property
    def name_of(self) -> Mapping[str, str]:
        """The contracts' names by address."""
        return {kept.address: name for name, kept in self.contracts.items()}

    @cached_property
    def domain(self) -> SigningDomain:
        """What acts and openings are signed for."""
        return SigningDomain(self.chain_id, self.ledger)

    @cached_property
    def escrow_domain(self) -> SigningDomain:
        """What withdrawals are signed for."""
        return SigningDomain(self.chain_id, self.escrow, name=ESCROW)

    @cached_property
    def panel_domain(self) -> SigningDomain:
        """What votes are signed for."""
        return SigningDomain(self.chain_id, self.panel, name=PANEL)

    def as_json(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "chain_id": self.chain_id,
            "genesis_hash": self.genesis_hash,
            "deployed_at_block": self.deployed_at_block,
            "operator": self.operator,
            "guardian": self.guardian,
            "contracts": {
                name: {"address": kept.address, "code_hash": kept.code_hash, "transaction": kept.transaction}
                for name, kept in self.contracts.items()
            },
            "tokens": {
                code: {
                    "address": kept.address,
                    "decimals": kept.decimals,
                    "unit": str(kept.unit),  # beyond what JSON readers keep exact
                    "test": kept.test,
                }
                for code, kept in self.tokens.items()
            },
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Deployment:
        """Raises KeyError, TypeError or ValueError for what is no deployments file of this format."""
        if value["format"] != _FORMAT:
            raise ValueError(f"format {value['format']} is not {_FORMAT}, the one of this release's contracts")
        if missing := set(CONTRACTS) - set(value["contracts"]):
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        return cls(
            chain_id=int(value["chain_id"]),
            genesis_hash=value["genesis_hash"],
            deployed_at_block=int(value["deployed_at_block"]),
            operator=checksum(value["operator"]),
            guardian=checksum(value["guardian"]),
            contracts={
                name: Contract(checksum(kept["address"]), kept["code_hash"], kept["transaction"])
                for name, kept in value["contracts"].items()
            },
            tokens={
                code: Token(checksum(kept["address"]), int(kept["decimals"]), int(kept["unit"]), bool(kept["test"]))
                for code, kept in value["tokens"].items()
            },
        )


def deployment_path(data: Path, chain_id: int) -> Path:
    return data / "deployments" / f"{chain_id}.json"


def read_deployment(data: Path, chain_id: int) -> Deployment:
    """Raises NotFound if nothing was deployed there, ChainMismatch for a file that cannot be read."""
    path = deployment_path(data, chain_id)
    try:
        deployment = Deployment.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise NotFound(
            f"No contracts of ours are known on chain {chain_id}.", remedy="Run `ledger deploy` first."
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise ChainMismatch(
            f"The deployments file {path} cannot be read: {error}.",
            remedy="Restore it from a backup, or start anew with an empty --data folder.",
        ) from error
    return deployment


def write_deployment(data: Path, deployment: Deployment) -> None:
    """Whole or not at all."""
    path = deployment_path(data, deployment.chain_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(deployment.as_json(), indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def check_chain(rpc: Rpc, deployment: Deployment) -> None:
    """Raises ChainMismatch unless this is the chain, with the code, that the ledger was deployed to."""
    chain_id = rpc.chain_id()
    if chain_id != deployment.chain_id:
        raise ChainMismatch(
            f"The chain at {rpc.place} has id {chain_id}; the ledger was deployed to chain {deployment.chain_id}.",
            remedy="Give the address of that chain, or another --data folder for this one.",
        )
    genesis = rpc.block(0)
    if genesis is None or genesis.hash != deployment.genesis_hash:
        found = genesis.hash if genesis else "none"
        raise ChainMismatch(
            f"The chain at {rpc.place} has id {chain_id} but another first block ({found}) than the one the ledger was "
            f"deployed to ({deployment.genesis_hash}).",
            remedy="Bring back the chain's own data, or start anew with an empty --data folder.",
        )
    for name, contract in deployment.contracts.items():
        code = rpc.code(contract.address)
        if hex0x(keccak(code)) != contract.code_hash:
            what = "other code than" if code else "no code; it should be"
            raise ChainMismatch(
                f"At {contract.address} the chain at {rpc.place} has {what} the {name} that was deployed there.",
                remedy="Bring back the chain's own data, or start anew with an empty --data folder.",
            )
