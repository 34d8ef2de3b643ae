"""The EIP-712 messages of the contracts: type strings, struct hashes, digests, and typed data for wallets.

Twin of `contracts/libraries/Messages.sol`. One table, `_TYPES`, is the source of both the hashes and the typed data.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache, lru_cache
from typing import Any

from .hashing import ZERO_ADDRESS, from_hex, hex0x, keccak, word
from .vocabulary import Grade, Kind, Mode, Role

Fields = tuple[tuple[str, str], ...]

_ACT: Fields = (
    ("caseId", "bytes32"),
    ("role", "uint8"),
    ("nonce", "uint16"),
    ("validUntil", "uint40"),
    ("commitment", "bytes32"),
)
_CLAIM: Fields = (*_ACT, ("share", "uint16"))
_INSPECTION: Fields = (*_ACT, ("grade", "uint8"), ("share", "uint16"), ("fee", "uint16"))
_TERMS: Fields = (
    ("salt", "bytes32"),
    ("consumer", "address"),
    ("consumerKeyHeld", "bool"),
    ("parties", "bytes32"),
    ("policy", "bytes32"),
    ("panel", "uint32"),
    ("mode", "uint8"),
    ("token", "address"),
    ("refund", "uint64"),
    ("freight", "uint64"),
    ("reserve", "uint64"),
)
_TYPES: dict[str, Fields] = {
    "Terms": _TERMS,
    "Open": (("terms", "Terms"), ("commitment", "bytes32"), ("validUntil", "uint40")),
    "Authorised": _ACT,
    "Declined": _ACT,
    "Cancelled": _ACT,
    "PickedUp": _ACT,
    "Received": _ACT,
    "Inspected": _INSPECTION,
    "Accepted": _ACT,
    "ExchangeAgreed": _ACT,
    "ExchangeShipped": _ACT,
    "ExchangeDelivered": _ACT,
    "Refunded": _ACT,
    "Challenged": _CLAIM,
    "Disputed": _CLAIM,
    "Evidence": _ACT,
    "Objected": _ACT,
    "Appealed": _CLAIM,
    "Split": _CLAIM,
    "KeyBound": (*_ACT, ("key", "address")),
    "Erased": _ACT,
    "Vote": (
        ("caseId", "bytes32"),
        ("round", "uint8"),
        ("share", "uint16"),
        ("validUntil", "uint40"),
        ("commitment", "bytes32"),
    ),
    "Observation": (("caseId", "bytes32"), ("commitment", "bytes32")),
    "WithdrawTo": (("caseId", "bytes32"), ("to", "address"), ("nonce", "uint32"), ("validUntil", "uint40")),
    "KeepPayee": (("caseId", "bytes32"), ("nonce", "uint32"), ("validUntil", "uint40")),
    "WithdrawBalance": (
        ("merchant", "address"),
        ("token", "address"),
        ("amount", "uint256"),
        ("to", "address"),
        ("nonce", "uint256"),
        ("validUntil", "uint40"),
    ),
}
_DOMAIN: Fields = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))


def _signature_of(name: str) -> str:
    return name + "(" + ",".join(f"{kind} {label}" for label, kind in _TYPES[name]) + ")"


def _type_string(name: str) -> str:
    inner = [kind for _, kind in _TYPES[name] if kind in _TYPES]
    return _signature_of(name) + "".join(_signature_of(kind) for kind in sorted(inner))


TYPE_HASHES = {name: keccak(_type_string(name).encode("ascii")) for name in _TYPES}
_DOMAIN_HASH = keccak(("EIP712Domain(" + ",".join(f"{kind} {label}" for label, kind in _DOMAIN) + ")").encode("ascii"))


@cache
def message_name(kind: Kind) -> str:
    """`PickedUp` of `PICKED_UP`. Raises KeyError for a kind that nobody signs as an act."""
    name = "".join(part.capitalize() for part in kind.name.split("_"))
    if name not in _TYPES:
        raise KeyError(kind)
    return name


@dataclass(frozen=True, slots=True)
class SigningDomain:
    """What binds a message to one contract on one chain."""

    chain_id: int
    contract: str
    name: str = "ReturnLedger"
    version: str = "1"
    separator: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = keccak(self.name.encode()) + keccak(self.version.encode())
        object.__setattr__(self, "separator", keccak(_DOMAIN_HASH + names + word(self.chain_id) + word(self.contract)))

    def digest(self, struct_hash: bytes) -> bytes:
        return keccak(b"\x19\x01" + self.separator + struct_hash)

    def typed_data(self, name: str, message: dict[str, Any]) -> dict[str, Any]:
        """The EIP-712 JSON that a wallet signs (`eth_signTypedData_v4`)."""
        inner = [kind for _, kind in _TYPES[name] if kind in _TYPES]
        return {
            "types": {
                "EIP712Domain": _listed(_DOMAIN),
                name: _listed(_TYPES[name]),
                **{kind: _listed(_TYPES[kind]) for kind in inner},
            },
            "primaryType": name,
            "domain": {
                "name": self.name,
                "version": self.version,
                "chainId": self.chain_id,
                "verifyingContract": self.contract,
            },
            "message": message,
        }


def _listed(typed: Fields) -> list[dict[str, str]]:
    return [{"name": label, "type": kind} for label, kind in typed]


@dataclass(frozen=True, slots=True)
class Act:
    """One signed step; `grade`, `share`, `fee` and `key` are zero unless its message has them."""

    case_id: bytes
    kind: Kind
    role: Role
    nonce: int
    valid_until: int
    commitment: bytes
    grade: Grade = Grade.NONE
    share: int = 0
    fee: int = 0
    key: str = ZERO_ADDRESS  # the consumer's own, in a key binding

    def _values(self) -> dict[str, int | bytes | str]:
        return {
            "caseId": self.case_id,
            "role": self.role,
            "nonce": self.nonce,
            "validUntil": self.valid_until,
            "commitment": self.commitment,
            "grade": self.grade,
            "share": self.share,
            "fee": self.fee,
            "key": self.key,
        }

    def unsigned(self) -> list[str]:
        """Which of `grade`, `share`, `fee` and `key` hold something that the kind's message leaves out."""
        named = {label for label, _ in _TYPES[message_name(self.kind)]}
        empty = {"grade": Grade.NONE, "share": 0, "fee": 0, "key": ZERO_ADDRESS}
        return [label for label, zero in empty.items() if getattr(self, label) != zero and label not in named]

    def struct_hash(self) -> bytes:
        name, values = message_name(self.kind), self._values()
        return keccak(TYPE_HASHES[name] + b"".join(word(values[label]) for label, _ in _TYPES[name]))

    def typed_data(self, domain: SigningDomain) -> dict[str, Any]:
        name, values = message_name(self.kind), self._values()
        message = {label: _jsonable(values[label]) for label, _ in _TYPES[name]}
        return domain.typed_data(name, message)


def _jsonable(value: int | bytes | str) -> int | str:
    return hex0x(value) if isinstance(value, bytes) else value if isinstance(value, str) else int(value)


def _checked(value: Any, kind: str) -> Any:
    """A field of JSON as its EIP-712 type, bytes32 as bytes. Raises ValueError for a value of another type or range."""
    if kind == "bytes32":
        return from_hex(value, 32)
    if kind == "address":
        from_hex(value, 20)
        return value
    if kind == "bool" and type(value) is bool:
        return value
    if kind.startswith("uint") and type(value) is int and 0 <= value < 1 << int(kind[4:]):
        return value
    raise ValueError(f"{value!r} is no {kind}")


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything a case rests on; its struct hash is the case's id. Amounts are minor units."""

    salt: bytes
    consumer: str
    consumer_key_held: bool
    parties: bytes
    policy: bytes
    panel: int
    mode: Mode
    token: str = ZERO_ADDRESS
    refund: int = 0
    freight: int = 0
    reserve: int = 0

    def struct_hash(self) -> bytes:
        return keccak(TYPE_HASHES["Terms"] + b"".join(word(getattr(self, f.name)) for f in fields(self)))

    def as_json(self) -> dict[str, Any]:
        """With the contract's names, as the `requested` record and the typed data hold it."""
        return {
            label: bool(value) if kind == "bool" else _jsonable(value)
            for (label, kind), value in zip(_TERMS, (getattr(self, f.name) for f in fields(self)), strict=True)
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Terms:
        """What `as_json` wrote. Raises KeyError or ValueError for anything else."""
        if set(value) != {label for label, _ in _TERMS}:
            raise KeyError("terms have exactly the fields of their message")
        salt, consumer, held, parties, policy, panel, mode, token, refund, freight, reserve = (
            _checked(value[label], kind) for label, kind in _TERMS
        )
        return cls(salt, consumer, held, parties, policy, panel, Mode(mode), token, refund, freight, reserve)


@dataclass(frozen=True, slots=True)
class Opening:
    """What the merchant signs to open a case."""

    terms: Terms
    commitment: bytes
    valid_until: int

    def struct_hash(self) -> bytes:
        return keccak(TYPE_HASHES["Open"] + self.terms.struct_hash() + self.commitment + word(self.valid_until))

    def typed_data(self, domain: SigningDomain) -> dict[str, Any]:
        return domain.typed_data(
            "Open",
            {
                "terms": self.terms.as_json(),
                "commitment": hex0x(self.commitment),
                "validUntil": self.valid_until,
            },
        )


_PARTY_ROLES = (Role.MERCHANT, Role.CARRIER, Role.WAREHOUSE, Role.INSPECTOR)


@dataclass(frozen=True, slots=True)
class Parties:
    """The parties that a merchant's cases have in common."""

    merchant: str
    carrier: str
    warehouse: str
    inspector: str

    def id(self) -> bytes:
        return keccak(b"".join(word(getattr(self, f.name)) for f in fields(self)))

    def roles_of(self, address: str) -> list[Role]:
        own = address.lower()
        return [role for role in _PARTY_ROLES if getattr(self, role.wire).lower() == own]


@dataclass(frozen=True, slots=True)
class Vote:
    """An arbitrator's word in a round of a dispute, signed on the panel contract's domain. `share` is basis points."""

    case_id: bytes
    round: int
    share: int
    valid_until: int
    commitment: bytes

    def struct_hash(self) -> bytes:
        return keccak(TYPE_HASHES["Vote"] + b"".join(word(getattr(self, f.name)) for f in fields(self)))

    def typed_data(self, domain: SigningDomain) -> dict[str, Any]:
        names = (label for label, _ in _TYPES["Vote"])
        message = {label: _jsonable(getattr(self, f.name)) for label, f in zip(names, fields(self), strict=True)}
        return domain.typed_data("Vote", message)


@lru_cache(maxsize=64)
def signing_domain(chain_id: int, contract: str) -> SigningDomain:
    """The domain of acts and openings; an installation has one, whose separator is four hashes."""
    return SigningDomain(chain_id, contract)


def panel_domain(chain_id: int, contract: str) -> SigningDomain:
    """The domain of votes."""
    return SigningDomain(chain_id, contract, name="ArbitrationPanel")


def escrow_domain(chain_id: int, contract: str) -> SigningDomain:
    """The domain of what is said about money: `WithdrawTo`, `KeepPayee`, `WithdrawBalance`."""
    return SigningDomain(chain_id, contract, name="RefundEscrow")


def anchor_domain(chain_id: int, contract: str) -> SigningDomain:
    """The domain of observations, whose log this contract anchors."""
    return SigningDomain(chain_id, contract, name="CheckpointAnchor")


def observation_hash(case_id: bytes, commitment: bytes) -> bytes:
    """Struct hash of `Observation`, for the anchor's domain. No contract takes it, so it has no nonce and no end."""
    return keccak(TYPE_HASHES["Observation"] + case_id + commitment)


def withdraw_to_hash(case_id: bytes, to: str, nonce: int, valid_until: int) -> bytes:
    """Struct hash of `WithdrawTo`, for the escrow's domain. `nonce` counts the case's redirects from 0."""
    return keccak(TYPE_HASHES["WithdrawTo"] + case_id + word(to) + word(nonce) + word(valid_until))


def keep_payee_hash(case_id: bytes, nonce: int, valid_until: int) -> bytes:
    """Struct hash of `KeepPayee`, the consumer's objection to a redirect, for the escrow's domain."""
    return keccak(TYPE_HASHES["KeepPayee"] + case_id + word(nonce) + word(valid_until))
