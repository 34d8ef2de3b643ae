"""Evidence with values that nobody could show or write: it is refused, and nothing else happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.domain.entry import Entry
from ledger_service.errors import InvalidInput
from ledger_service.verification import verify_bundle

from .builder import TOKENS, opened, paid, seal
from .test_seen import observed

FAR = 2**39  # seconds: the year 19391, which no date can name


def test_times_beyond_the_last_date_are_refused() -> None:
    life = opened()
    evidence = life.evidence().as_json()
    evidence["records"][0]["valid_until"] = FAR
    with pytest.raises(InvalidInput, match="valid_until"):
        verify_bundle(seal(evidence))
    evidence = life.evidence().as_json()
    entry = replace(Entry.unpack(life.links[0].entry), time=FAR)
    evidence["links"][0]["entry"] = "0x" + entry.pack().hex()
    for block in evidence["blocks"]:
        block["time"] = FAR
    with pytest.raises(InvalidInput, match="time"):
        verify_bundle(seal(evidence))


def test_receipt_of_a_time_beyond_the_last_date_does_not_hold() -> None:
    life = opened()
    evidence = life.evidence().as_json()
    record = evidence["records"][0]
    claims = {**life._receipt(record["record_id"], life.records[0].commitment), "iat": FAR}
    record["receipt"] = TOKENS.sign("receipt+jwt", claims)
    report = verify_bundle(seal(evidence))
    assert report.verdict == "failed"
    assert "Its receipt has no time." in report.rows[0].checks[5].detail


def test_half_a_character_is_no_text() -> None:
    evidence = observed(paid(), 3).as_json()
    evidence["checkpoint"]["note"] = evidence["checkpoint"]["note"].replace("shop.example", "shop\ud800example")
    with pytest.raises(InvalidInput, match="note"):
        verify_bundle({**seal(paid().evidence().as_json()), "evidence": evidence})
