"""Sign-In with Ethereum (ERC-4361): the message that a wallet signs, read strictly by the ERC's grammar.

ledger.example wants you to sign in with your Ethereum account:
0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2

Sign in to the ledger.

URI: https://ledger.example
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2021-09-30T16:25:24Z
Expiration Time: 2021-09-30T16:30:24Z
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import InvalidInput
from .hashing import checksum_address, from_hex, keccak
from .signatures import recover_signer

LONGEST = 2_000

# RFC 3986, appendix A, with the names it has there.
_UNRESERVED = r"A-Za-z0-9\-._~"
_SUB_DELIMS = r"!$&'()*+,;="
_PCT = r"%[0-9A-Fa-f]{2}"
_PCHAR = rf"(?:[{_UNRESERVED}{_SUB_DELIMS}:@]|{_PCT})"
_SCHEME = r"[A-Za-z][A-Za-z0-9+\-.]*"
_USERINFO = rf"(?:[{_UNRESERVED}{_SUB_DELIMS}:]|{_PCT})*"
_REG_NAME = rf"(?:[{_UNRESERVED}{_SUB_DELIMS}]|{_PCT})*"
_HOST = rf"(?:\[[0-9A-Fa-f:.]+\]|{_REG_NAME})"
_AUTHORITY = rf"(?:{_USERINFO}@)?{_HOST}(?::[0-9]*)?"
_SEGMENTS = rf"(?:/{_PCHAR}*)*"
_HIER_PART = rf"(?://{_AUTHORITY}{_SEGMENTS}|/(?:{_PCHAR}+{_SEGMENTS})?|{_PCHAR}+{_SEGMENTS}|)"
_URI = rf"{_SCHEME}:{_HIER_PART}(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?"
# RFC 3339, section 5.6. Whether the calendar has that day is asked afterwards.
_DATE_TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_STATEMENT = rf"[{_UNRESERVED}{_SUB_DELIMS}:/?#\[\]@ ]*"
# ERC-4361, "ABNF Message Format".
_MESSAGE = re.compile(
    rf"(?:(?P<scheme>{_SCHEME})://)?(?P<domain>{_AUTHORITY}) wants you to sign in with your Ethereum account:\n"
    rf"(?P<address>0x[0-9A-Fa-f]{{40}})\n\n(?:(?P<statement>{_STATEMENT})\n)?\n"
    rf"URI: (?P<uri>{_URI})\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain_id>[0-9]{1,78})\n"
    r"Nonce: (?P<nonce>[A-Za-z0-9]{8,})\n"
    rf"Issued At: (?P<issued_at>{_DATE_TIME})"
    rf"(?:\nExpiration Time: (?P<expiration_time>{_DATE_TIME}))?"
    rf"(?:\nNot Before: (?P<not_before>{_DATE_TIME}))?"
    rf"(?:\nRequest ID: (?P<request_id>{_PCHAR}*))?"
    rf"(?P<resources>\nResources:(?:\n- {_URI})*)?"
)
_IP_LITERAL = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class SignIn:
    """A message's fields, as they stand in it; those it does not have are None."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: str
    scheme: str | None = None
    statement: str | None = None
    expiration_time: str | None = None
    not_before: str | None = None
    request_id: str | None = None
    resources: tuple[str, ...] | None = None

    def text(self) -> str:
        """What the wallet shows and signs."""
        statement = [self.statement] if self.statement is not None else []
        named = (("Expiration Time", self.expiration_time), ("Not Before", self.not_before))
        asks = "wants you to sign in with your Ethereum account:"
        lines = [
            f"{self.scheme + '://' if self.scheme else ''}{self.domain} {asks}",
            self.address,
            "",
            *statement,
            "",
            f"URI: {self.uri}",
            "Version: 1",
            f"Chain ID: {self.chain_id}",
            f"Nonce: {self.nonce}",
            f"Issued At: {self.issued_at}",
            *(f"{name}: {value}" for name, value in (*named, ("Request ID", self.request_id)) if value is not None),
            *(("Resources:", *(f"- {each}" for each in self.resources)) if self.resources is not None else ()),
        ]
        return "\n".join(lines)


def read_sign_in(message: str) -> SignIn:
    """The fields of a message. Raises InvalidInput for one that the grammar does not have, a moment that no calendar
    has, or an address without its checksum (EIP-55)."""
    found = _MESSAGE.fullmatch(message) if len(message) <= LONGEST else None
    if found is None or not found["domain"] or not _has_real_hosts(message):
        raise _refused("It is no message by the grammar of ERC-4361.")
    fields: dict[str, Any] = found.groupdict()
    if checksum_address(from_hex(fields["address"])) != fields["address"]:
        raise _refused("The address is not written with its checksum (EIP-55).")
    moments = ("issued_at", "expiration_time", "not_before")
    if not all(_is_moment(fields[name]) for name in moments if fields[name] is not None):
        raise _refused("It names a moment that there is not.")
    resources = fields.pop("resources")
    listed = tuple(line[2:] for line in resources.split("\n")[2:]) if resources is not None else None
    return SignIn(**{**fields, "chain_id": int(fields["chain_id"]), "resources": listed})


def signer_of(message: str, signature: bytes) -> str | None:
    """Who signed a message as a wallet does (`personal_sign`, ERC-191 version 0x45); None for no signature at all.
    Some wallets count the recovery id from 0."""
    raw = message.encode("utf-8")
    digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(raw)).encode("ascii") + raw)
    if len(signature) == 65 and signature[64] in (0, 1):
        signature = signature[:64] + bytes([signature[64] + 27])
    return recover_signer(digest, signature)


def _has_real_hosts(message: str) -> bool:
    """Whether what stands in brackets as a host is an IPv6 address. A statement may have brackets of its own."""
    head, _, rest = message.partition("\n")
    lines = [head, *(line for line in rest.split("\n") if line.startswith(("URI: ", "- ")))]
    return all(_is_ipv6(literal) for line in lines for literal in _IP_LITERAL.findall(line))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_moment(text: str) -> bool:
    """RFC 3339 has leap seconds, which Python has not."""
    plain = re.sub(r":60(?=[.Zz+-])", ":59", text[:19] + "Z", count=1)
    try:
        datetime.fromisoformat(plain.upper())
    except ValueError:
        return False
    return True


def _refused(why: str) -> InvalidInput:
    return InvalidInput(why, field="message", remedy="Sign the message of POST /v1/sessions/challenge as it is.")
