"""The outcome of a verification: numbered checks, the rows of a timeline, one verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["pass", "fail", "pending", "skipped"]
Verdict = Literal["verified", "pending", "failed"]

NAMES = {
    0: "The file is as the service sealed it",
    1: "Every record matches its fingerprint",
    2: "Every signature is the stated actor's",
    3: "Every actor held its role in this case",
    4: "Every record stands in an event of the contract",
    5: "The timeline is complete, in order, and by the rules",
    6: "Every block is the chain's, and its time fits the receipts",
    7: "Observations are anchored",
    8: "The money moved as the records say",
}
_WORST_FIRST: tuple[Outcome, ...] = ("fail", "pending", "skipped", "pass")
_SHOWN = 3  # of the rows that a summary names


@dataclass(frozen=True, slots=True)
class Check:
    """`detail` is one or two plain sentences."""

    number: int
    result: Outcome
    detail: str

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "name": NAMES[self.number],
            "result": self.result,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class RowReport:
    """One row of the timeline: a record, or what the contract stated itself (`record_id` None)."""

    record_id: str | None
    position: int | None
    kind: str
    stage: str
    checks: tuple[Check, ...]

    @property
    def result(self) -> Outcome:
        return worst(check.result for check in self.checks)

    @property
    def label(self) -> str:
        named = f"record {self.record_id}" if self.record_id else "the contract's own record"
        where = "" if self.position is None else f" at position {self.position}"
        return f"{named} ({self.kind}{where})"

    def as_json(self) -> dict[str, Any]:
        return {
            "record_id": self.record_id,
            "position": self.position,
            "kind": self.kind,
            "stage": self.stage,
            "result": self.result,
            "checks": [check.as_json() for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """`chain` says which chain was asked, and who runs it; `trust` what is left to trust of it."""

    case_id: str
    chain: dict[str, Any]
    checks: tuple[Check, ...]
    rows: tuple[RowReport, ...]
    trust: str = ""

    @property
    def verdict(self) -> Verdict:
        """Failed if any check fails, else pending if any is pending, else verified."""
        results = {check.result for check in self.checks} | {row.result for row in self.rows}
        return "failed" if "fail" in results else "pending" if "pending" in results else "verified"

    @property
    def skipped(self) -> list[int]:
        """The numbers of the checks that were skipped, in whole or in part."""
        return [check.number for check in self.checks if check.result == "skipped"]

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "case_id": self.case_id,
            "checks": [check.as_json() for check in self.checks],
            "skipped": self.skipped,
            "chain": self.chain,
            "trust": self.trust,
            "records": [row.as_json() for row in self.rows],
        }


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Fail before pending before skipped before pass."""
    return min(outcomes, key=_WORST_FIRST.index, default="pass")


def summarise(number: int, rows: Iterable[RowReport], when_all_pass: str) -> Check:
    """The case's check of rows' checks: the worst of them, naming the rows it comes from."""
    judged = [(row, check) for row in rows for check in row.checks if check.number == number]
    result = worst(check.result for _, check in judged)
    if result == "pass":
        return Check(number, "pass", when_all_pass)
    concerned = [f"{row.label}: {check.detail}" for row, check in judged if check.result == result]
    if result != "fail" and len(concerned) > 1:
        return Check(number, result, f"{len(concerned)} of {len(judged)} records, the first being {concerned[0]}")
    more = f" And {len(concerned) - _SHOWN} more." if len(concerned) > _SHOWN else ""
    return Check(number, result, " ".join(_capital(text) for text in concerned[:_SHOWN]) + more)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
