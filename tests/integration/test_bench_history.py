"""The past that the bench writes is one that the service would have: it verifies, and heads follow from its events."""

from __future__ import annotations

from pathlib import Path

from ledger_service.benchmarks.audits import read_heads
from ledger_service.benchmarks.growth import _reader
from ledger_service.benchmarks.history import write_history
from ledger_service.benchmarks.site import chain, site
from ledger_service.domain.evidence import parse_evidence
from ledger_service.services.chain_audit import audit_heads
from ledger_service.services.evidence import gather, show_all
from ledger_service.store.evidence_rows import case_ids_after
from ledger_service.verification import verify_evidence

RECORDS = 60


def test_written_past_is_as_the_service_would_have_it(tmp_path: Path) -> None:
    with chain("anvil", tmp_path, automine=False) as local, site(tmp_path / "site", local) as place:
        with place.workers():
            place.wait_recorded(0)
            place.cases.write(place.cases.lives(place.cases.open(2)))
            place.wait_recorded(10)
        past = write_history(place, RECORDS)
        assert place.recorded() == 10 + RECORDS
        with place.app.database.read() as session:
            ids = case_ids_after(session, "", 100)
            reports = [
                verify_evidence(parse_evidence(gather(place.app, session, case_id, show_all)[1])) for case_id in ids
            ]
        failed = [check for report in reports for check in report.checks if check.result == "fail"]
        assert (len(ids), failed) == (2 + RECORDS // 5, [])
        with _reader(place, past, replayed=True) as rpc:
            assert read_heads(place, rpc) > 0
            deployment, newest = place.app.deployment, rpc.latest().number
            report = audit_heads(rpc, deployment.ledger, deployment.deployed_at_block, newest)
            assert (report.events, report.cases, report.problems) == (10 + RECORDS, len(ids), [])
