"""Policies: the windows and rules of a case, from dated, versioned files, fixed in its terms by hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .hashing import keccak, word
from .records import canonical_bytes
from .vocabulary import Freight, Grade, State

SLOTS = 16  # windows on the chain, one a state, the rest zero
_DAY = 86_400
_HOUR = 3_600


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
        """The policy's name on the chain: keccak-256 of its ABI encoding."""
        values: list[int | bytes] = [self.windows.get(State(i), 0) if i in list(State) else 0 for i in range(SLOTS)]
        values += [self.notice]
        values += [self.min_share.get(grade, 0) for grade in Grade]
        values += [self.fee_cap, self.freight, self.document_hash]
        return keccak(b"".join(word(value) for value in values))

    def on_chain(self) -> tuple[list[int], int, list[int], int, int, bytes]:
        """The arguments of `registerPolicy`."""
        windows = [self.windows.get(State(i), 0) if i in list(State) else 0 for i in range(SLOTS)]
        shares = [self.min_share.get(grade, 0) for grade in Grade]
        return windows, self.notice, shares, self.fee_cap, int(self.freight), self.document_hash

    @property
    def total_days(self) -> int:
        """Days after which a case has ended whatever anybody does: all windows, one after the other, and the notice."""
        return (sum(self.windows.values()) + self.notice) // _DAY + 1


def parse_policy(document: dict[str, Any]) -> Policy:
    """A policy of its file. Raises KeyError or ValueError for a file that lacks something: it ships with us.

    `windows` holds `<n>d` or `<n>h` by state; `grades` holds `meaning` and `min_share` by grade.
    """
    grades = {Grade[name.upper()]: int(rule["min_share"]) for name, rule in document["grades"].items()}
    windows = {State[name.upper()]: _seconds(text) for name, text in document["windows"].items()}
    missing = [state.wire for state in State if state.is_live and state not in windows]
    if missing:
        raise ValueError(f"policy {document['policy']} lacks windows for {', '.join(missing)}")
    return Policy(
        code=document["policy"],
        version=int(document["version"]),
        effective=document["effective"],
        title=document["title"],
        windows=windows,
        notice=_seconds(document["notice"]),
        min_share=grades,
        fee_cap=int(document["fee_cap"]),
        freight=Freight[document["freight"].upper()],
        document=document,
    )


def _seconds(text: str) -> int:
    unit = {"d": _DAY, "h": _HOUR}.get(text[-1:])
    if unit is None:
        raise ValueError(f"{text!r} is no window; write 14d or 48h")
    return int(text[:-1]) * unit


