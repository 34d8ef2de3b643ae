"""A vote's document: what stands open in it, and what its commitment covers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ledger_service.domain.disclosures import make_disclosure
from ledger_service.domain.hashing import keccak
from ledger_service.domain.records import Record
from ledger_service.domain.votes import make_vote

REASONS = make_disclosure(b"\x01" * 16, "reason", "The seal was whole.")


def vote(round_: int = 0, share: int = 7_000) -> Record:
    return make_vote(
        case_id=b"\x5a" * 32,
        signer="0x" + "ab" * 20,
        key="own",
        round_=round_,
        share=share,
        occurred_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        disclosures=[REASONS],
        salt=b"\x02" * 16,
    )


def test_kind_of_a_vote_is_no_milestone_s() -> None:
    assert vote().body["kind"] == "vote"
    with pytest.raises(KeyError):
        _ = vote().kind


def test_make_vote_commits_to_round_and_share() -> None:
    made = vote()
    assert made.commitment == keccak(made.canonical)
    assert made.body["data"] == {"round": 0, "share": 7_000}
    assert len({made.commitment, vote(round_=1).commitment, vote(share=7_001).commitment}) == 3


def test_make_vote_keeps_the_reasons_out() -> None:
    assert b"seal" not in vote().canonical
    assert vote().body["_sd"] == [REASONS.digest]
