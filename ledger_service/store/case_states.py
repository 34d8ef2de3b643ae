"""A case's row in the read model as the state that the machine works with, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..domain.case_state import CaseState, Notice, PanelTerms
from ..domain.disputes import panel_of, round_of
from ..domain.hashing import ZERO_ADDRESS
from ..domain.vocabulary import Grade, Kind, Mark, Mode, Role, State


def state_of(row: Mapping[str, Any]) -> CaseState:
    """The state that the columns of a `ChainCase` hold."""
    notice = None
    if row["marks"] & Mark.NOTICED:
        kind = Kind.from_wire(row["notice_kind"])
        notice = Notice(kind, row["notice_at"], row["notice_share"], row["notice_key"] or ZERO_ADDRESS)
    return CaseState(
        state=State.from_wire(row["state"]),
        mode=Mode.from_wire(row["mode"]),
        flags=row["flags"],
        grade=Grade.from_wire(row["grade"]),
        deadline=row["deadline"],
        length=row["length"],
        share=row["share"],
        fee=row["fee"],
        nonces=_nonces_of(row["nonces"]),
        marks=row["marks"],
        consumer=row["consumer"],
        panel=PanelTerms(row["panel"], row["appeal_panel"], row["fallback_panel"]),
        consumer_claim=row["consumer_claim"],
        merchant_claim=row["merchant_claim"],
        offer=row["offer"],
        appellant=Role.from_wire(row["appellant"]),
        consumer_lost_appeal=row["consumer_lost_appeal"],
        notice=notice,
    )


@lru_cache(maxsize=4_096)
def _nonces_of(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))


@lru_cache(maxsize=4_096)
def _json_of(nonces: tuple[int, ...]) -> str:
    return json.dumps(list(nonces))


def columns_of(case: CaseState) -> dict[str, Any]:
    """The columns of a `ChainCase` that a state fills."""
    notice = case.notice
    key = notice.key if notice and notice.key != ZERO_ADDRESS else None
    return {
        "state": case.state.wire,
        "mode": case.mode.wire,
        "flags": case.flags,
        "grade": case.grade.wire,
        "deadline": case.deadline,
        "due": case.due,
        "length": case.length,
        "share": case.share,
        "fee": case.fee,
        "nonces": _json_of(case.nonces),
        "marks": int(case.marks),
        "consumer": case.consumer,
        "panel": case.panel.version,
        "appeal_panel": case.panel.appeal,
        "fallback_panel": case.panel.fallback,
        "voting_panel": panel_of(case) if case.state is State.DISPUTED else 0,
        "round": round_of(case),
        "consumer_claim": case.consumer_claim,
        "merchant_claim": case.merchant_claim,
        "offer": case.offer,
        "notice_kind": notice.kind.wire if notice else Kind.NONE.wire,
        "notice_at": notice.effective_at if notice else 0,
        "notice_share": notice.share if notice else 0,
        "notice_key": key,
        "appellant": case.appellant.wire,
        "consumer_lost_appeal": case.consumer_lost_appeal,
    }
