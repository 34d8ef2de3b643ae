"""What the checks say of a case whose personal data was destroyed: its fingerprints stand."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.verification import verify_evidence

from .builder import LIVES, paid


def test_fields_that_were_erased_are_told_from_those_that_are_hidden() -> None:
    evidence = LIVES["erased"]().evidence()
    bare = replace(evidence, records=tuple(replace(record, disclosures=()) for record in evidence.records))
    report = verify_evidence(bare)
    said = {row.kind: row.checks[0].detail for row in report.rows}
    assert "1 were erased, and their fingerprints stand" in said["authorised"]
    assert [check.result for check in report.checks if check.number == 1] == ["pass"]


def test_nothing_is_called_erased_before_the_chain_says_so() -> None:
    evidence = paid().evidence()
    bare = replace(evidence, records=tuple(replace(record, disclosures=()) for record in evidence.records))
    assert "erased" not in str(verify_evidence(bare).as_json())
