"""What the service's own page says of checks while the node is away: for a reader, without the node's address."""

from __future__ import annotations

import pytest
from receiver import closed_port
from structlog.testing import capture_logs
from unit.verification.builder import paid

from ledger_service.chain.rpc import Rpc
from ledger_service.errors import Unavailable
from ledger_service.services.own_chain import OwnChain
from ledger_service.verification import verify_evidence


@pytest.mark.parametrize("runs", [True, False])
def test_checks_without_a_node_are_plain_sentences(runs: bool) -> None:
    rpc = Rpc(f"http://127.0.0.1:{closed_port()}/v3/secret", timeout=1) if runs else None
    evidence = paid().evidence()
    with capture_logs() as logs:
        report = verify_evidence(evidence, OwnChain(rpc, evidence))
    pending = [check for check in report.checks if check.result == "pending"]
    assert {check.number for check in pending} >= {4, 5, 6}
    for check in (*report.checks, *(check for row in report.rows for check in row.checks)):
        assert "127.0.0.1" not in check.detail
        assert ".)" not in check.detail
        assert "secret" not in check.detail
    why = "The service's node gives no answer right now" if runs else "It has not run yet"
    assert f"the chain does not answer ({why})" in pending[0].detail
    told = [each for each in logs if each["event"] == "own_chain_not_asked"]
    assert [("127.0.0.1" in each["error"], "secret" in each["error"]) for each in told] == [(True, False)] * runs


def test_account_that_cannot_be_asked_is_a_plain_sentence_too() -> None:
    rpc = Rpc(f"http://127.0.0.1:{closed_port()}", timeout=1)
    evidence = paid().evidence()
    chain = OwnChain(rpc, evidence)
    chain.known = paid().chain().facts(evidence)  # it answered a moment ago
    with pytest.raises(Unavailable) as raised:
        chain.accepts_signature("0x" + "11" * 20, bytes(32), bytes(65))
    assert "127.0.0.1" not in str(raised.value)
