"""Policies: the windows and rules of a case, from dated, versioned files, fixed in its terms by hash."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from .hashing import keccak, word
from .records import canonical_bytes
from .vocabulary import FULL_SHARE, Freight, Grade, State

_FEE_CAP, _FREIGHT, _NOTICE = 96, 112, 120  # where they stand in the word of rules
_DAY = 86_400
_HOUR = 3_600
_WINDOW = re.compile(r"([1-9][0-9]{0,4})([dh])")
SHORTEST, LONGEST = _HOUR, 180 * _DAY  # as the contract bounds them


@dataclass(frozen=True, slots=True)
class Policy:
    """`windows` and `notice` are seconds, shares and fees basis points. `document` is the file's own JSON."""

    code: str
    version: int
    effective: str
    title: str
    windows: dict[State, int]
    notice: int
    min_share: dict[Grade, int]
    fee_cap: int
    freight: Freight
    document: dict[str, Any]

    @property
    def document_hash(self) -> bytes:
        return keccak(canonical_bytes(self.document))

    def id(self) -> bytes:
        """The policy's name on the chain: keccak-256 of its three words."""
        return keccak(b"".join(word(value) for value in self.on_chain()))

    def on_chain(self) -> tuple[int, int, bytes]:
        """The argument of `registerPolicy`. Twin of `contracts/libraries/PolicyWords.sol`."""
        windows = _pack((window // _HOUR, 16 * state) for state, window in self.windows.items())
        shares = _pack((share, 16 * grade) for grade, share in self.min_share.items())
        rest = _pack([(self.fee_cap, _FEE_CAP), (int(self.freight), _FREIGHT), (self.notice // _HOUR, _NOTICE)])
        return windows, shares | rest, self.document_hash

    @property
    def total_days(self) -> int:
        """Days that all windows and the notice last, one after the other; a dispute can take one for each round."""
        return (sum(self.windows.values()) + self.notice) // _DAY + 1


def _pack(fields: Iterable[tuple[int, int]]) -> int:
    """Values in one word, each at its lowest bit."""
    return sum(value << bit for value, bit in fields)


def parse_policy(document: dict[str, Any]) -> Policy:
    """A policy of its file. Raises KeyError or ValueError for a file that lacks something: it ships with us.

    `windows` holds `<n>d` or `<n>h` by live state; `grades` holds `meaning` and `min_share` by grade.
    """
    code, rules = document["policy"], document["grades"]
    windows = {State.from_wire(name): _seconds(text) for name, text in document["windows"].items()}
    if set(windows) != {state for state in State if state.is_live}:
        raise ValueError(f"policy {code} needs a window for each live state, and for no other")
    if {Grade.from_wire(name) for name in rules} != set(Grade) - {Grade.NONE}:
        raise ValueError(f"policy {code} needs a rule for each grade")
    if not all(isinstance(rule["meaning"], str) and rule["meaning"] for rule in rules.values()):
        raise ValueError(f"policy {code} has to say what each grade means")
    if _points(rules["defective"]["min_share"]) != FULL_SHARE:
        raise ValueError(f"policy {code} has to refund defective goods in full")
    return Policy(
        code=code,
        version=_version(document["version"]),
        effective=date.fromisoformat(document["effective"]).isoformat(),
        title=document["title"],
        windows=windows,
        notice=_seconds(document["notice"]),
        min_share={Grade.from_wire(name): _points(rule["min_share"]) for name, rule in rules.items()},
        fee_cap=_points(document["fee_cap"]),
        freight=Freight.from_wire(document["freight"]),
        document=document,
    )


def _seconds(text: str) -> int:
    match = _WINDOW.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no window; write 14d or 48h")
    seconds = int(match[1]) * {"d": _DAY, "h": _HOUR}[match[2]]
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(f"a window lasts from one hour to 180 days, not {text}")
    return seconds


def _points(value: object) -> int:
    if type(value) is not int or not 0 <= value <= FULL_SHARE:
        raise ValueError(f"{value!r} is no number of basis points from 0 to 10,000")
    return value


def _version(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{value!r} is no version; they count from 1")
    return value
