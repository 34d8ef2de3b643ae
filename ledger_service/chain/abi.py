"""The contracts' ABI, as lookups: selectors, types, events by topic, errors by selector."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode

from ..domain.hashing import checksum_address, from_hex, hex0x, keccak
from .artifacts import load_artifact

LEDGER = "ReturnLedger"
ESCROW = "RefundEscrow"
PANEL = "ArbitrationPanel"
ANCHOR = "CheckpointAnchor"
LENS = "ReturnLens"
CONTRACTS = (ESCROW, LEDGER, PANEL, ANCHOR, LENS)  # in the order of their deployment


@dataclass(frozen=True, slots=True)
class Function:
    """`inputs` and `outputs` are the ABI's parameter descriptions."""

    selector: bytes
    inputs: Sequence[Mapping[str, Any]]
    outputs: Sequence[Mapping[str, Any]]

    def encode(self, *args: Any) -> bytes:
        """Calldata. Structs are tuples in the order of their fields."""
        return self.selector + abi_encode([abi_type(p) for p in self.inputs], args)

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """What a call returned."""
        return abi_decode([abi_type(p) for p in self.outputs], data)


@dataclass(frozen=True, slots=True)
class EventType:
    """`is_flat` where every value is a word of its own, one after the other."""

    contract: str
    name: str
    inputs: Sequence[Mapping[str, Any]]
    is_flat: bool


@dataclass(frozen=True, slots=True)
class ErrorType:
    name: str
    inputs: Sequence[Mapping[str, Any]]


def abi_type(parameter: Mapping[str, Any]) -> str:
    """`(bytes32,uint8)[]` of a parameter that may be a struct or a list of structs."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(abi_type(part) for part in parameter["components"]) + ")" + kind[len("tuple") :]


def _signature(entry: Mapping[str, Any]) -> bytes:
    return f"{entry['name']}({','.join(abi_type(p) for p in entry['inputs'])})".encode()


def _is_flat(parameter: Mapping[str, Any]) -> bool:
    kind: str = parameter["type"]
    if kind == "tuple":
        return all(_is_flat(part) for part in parameter["components"])
    return kind in ("address", "bool", "bytes32") or re.fullmatch(r"uint\d+", kind) is not None


def read_flat(parameter: Mapping[str, Any], words: Iterator[bytes]) -> Any:
    """The next value of words that hold no lengths and no places, as `plain` gives it. Raises ValueError for a word
    that is no value of its type."""
    kind: str = parameter["type"]
    if kind == "tuple":
        return {part["name"]: read_flat(part, words) for part in parameter["components"]}
    word = next(words, b"")
    if len(word) != 32:
        raise ValueError(f"there is no word for {parameter['name']}")
    if kind == "bytes32":
        return hex0x(word)
    number = int.from_bytes(word, "big")
    bits = {"address": 160, "bool": 1}.get(kind) or int(kind[4:])
    if number >> bits:
        raise ValueError(f"{hex0x(word)} is no {kind}")
    if kind == "address":
        return checksum_address(word[12:])
    return bool(number) if kind == "bool" else number


@cache
def function(contract: str, name: str) -> Function:
    """Raises KeyError for a function that the contract does not have."""
    for entry in load_artifact(contract).abi:
        if entry["type"] == "function" and entry["name"] == name:
            return Function(keccak(_signature(entry))[:4], entry["inputs"], entry["outputs"])
    raise KeyError(f"{contract}.{name}")


@cache
def constructor_types(contract: str) -> tuple[str, ...]:
    for entry in load_artifact(contract).abi:
        if entry["type"] == "constructor":
            return tuple(abi_type(p) for p in entry["inputs"])
    return ()


@cache
def events() -> Mapping[tuple[str, str], EventType]:
    """By contract and topic: some of our contracts have events of one name."""
    found = {}
    for contract in CONTRACTS:
        for entry in load_artifact(contract).abi:
            if entry["type"] == "event":
                topic = hex0x(keccak(_signature(entry)))
                is_flat = all(_is_flat(p) for p in entry["inputs"])
                found[contract, topic] = EventType(contract, entry["name"], entry["inputs"], is_flat)
    return found


@cache
def errors() -> Mapping[bytes, ErrorType]:
    """By selector, with the two that the compiler makes itself."""
    found = {
        keccak(b"Error(string)")[:4]: ErrorType("Error", [{"name": "reason", "type": "string"}]),
        keccak(b"Panic(uint256)")[:4]: ErrorType("Panic", [{"name": "code", "type": "uint256"}]),
    }
    for contract in (*CONTRACTS, "TestToken"):
        for entry in load_artifact(contract).abi:
            if entry["type"] == "error":
                found[keccak(_signature(entry))[:4]] = ErrorType(entry["name"], entry["inputs"])
    return found


def checksum(address: str) -> str:
    """An address with its checksum, whatever its letters were. Raises ValueError for what is none."""
    return checksum_address(from_hex(address, 20))


def plain(value: Any, parameter: Mapping[str, Any]) -> Any:
    """A decoded value as JSON has it: bytes as `0x` hex, addresses with their checksum, structs as objects."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        inner = {**parameter, "type": kind[: kind.rindex("[")]}
        return [plain(item, inner) for item in value]
    if kind == "tuple":
        parts = parameter["components"]
        return {part["name"]: plain(item, part) for item, part in zip(value, parts, strict=True)}
    if kind == "address":
        return checksum(value)
    return hex0x(value) if isinstance(value, bytes) else value
