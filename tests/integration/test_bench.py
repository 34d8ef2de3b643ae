"""`ledger bench` runs, with real chains, databases and processes. Nothing is said about how fast: machines differ."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from ledger_service.benchmarks.everything import PARTS

QUICK = (sys.executable, "-m", "ledger_service.cli", "bench")
ROWS = {
    "pipeline": {"pipeline.anvil", "pipeline.ganache"},
    "http": {"http.sqlite", "http.postgresql"},
    "status": {"status.rate", "status.p99"},
    "audit": {"audit.heads", "audit.signatures"},
    "proofs": {"proofs.inclusion"},
    "log": {"log.append", "log.proof", "log.memory"},
    "growth": {"growth.http", "growth.status", "growth.audit", "growth.memory.api", "growth.memory.worker"},
}


def measure(*part: str) -> list[dict[str, Any]]:
    done = subprocess.run([*QUICK, *part, "--quick", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert (done.returncode == 0) is report["holds"]
    for row in report["rows"]:
        assert row["skipped"] or (row["ours"]["median"] > 0 and row["peer"]["median"] > 0 and row["ratio"] > 0), row
    return report["rows"]


@pytest.mark.parametrize("part", ["audit", "proofs", "log"])
def test_part_of_the_bench_runs(part: str) -> None:
    assert {row["key"] for row in measure(part)} == ROWS[part]


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_whole_bench_runs() -> None:
    keys = {row["key"] for row in measure()}
    assert {key for key in keys if not key.startswith("gas.")} == set().union(*ROWS.values())
    assert len([key for key in keys if key.startswith("gas.")]) == 5


def test_every_part_has_its_rows() -> None:
    assert set(PARTS) == set(ROWS)
