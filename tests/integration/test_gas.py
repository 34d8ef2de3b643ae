"""What every operation of the contracts costs, to the last unit of gas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger_service.benchmarks.gas import BATCH, Report, Row, compare, measure_gas
from ledger_service.benchmarks.peers import Peers
from ledger_service.services.policies import shipped_policies

SNAPSHOT = Path(__file__).with_name("gas_snapshot.json")
REWRITE = f".venv/bin/ledger bench gas --snapshot {SNAPSHOT.relative_to(Path(__file__).parents[2])}"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return measure_gas(tmp_path_factory.mktemp("gas"), shipped_policies().by_code("eu-14"))


def test_every_operation_costs_what_the_snapshot_says(report: Report) -> None:
    """Dearer or cheaper: a change shows in the snapshot's diff, and somebody has looked at it."""
    expected = json.loads(SNAPSHOT.read_text("utf-8"))
    found = report.operations
    lines = [
        f"{name}: {expected.get(name, 'new')} -> {found.get(name, 'gone')}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    assert not lines, "\n".join([*lines, f"to accept this: {REWRITE}"])


def test_every_operation_is_measured_once_more_to_the_same_figure(report: Report, tmp_path: Path) -> None:
    again = measure_gas(tmp_path, shipped_policies().by_code("eu-14"))
    assert again == report


def test_ours_is_cheaper_than_what_one_would_use_instead(report: Report) -> None:
    for row in report.rows:
        for peer in (row.naive, row.attestations):
            assert peer is None or row.ours < peer / 2, row.what


def test_row_above_its_target_is_missed() -> None:
    assert Row("a milestone", 46_000, None, None, 46_000).holds
    assert not Row("a milestone", 46_001, None, None, 46_000).holds


def test_later_milestone_is_the_dearest_of_those_that_follow_the_first() -> None:
    gas = {f"{BATCH} at once: {kind}": used for kind, used in (("picked_up", 1), ("received", 3), ("inspected", 2))}
    gas |= {"alone: received": 8, "alone, packed: received": 7, "observation": 1, "whole life": 1}
    rows = compare(gas | {"dispute to ruling": 1}, Peers(1, 1, 1, 1, 1, 1))
    assert [row.ours for row in rows[:2]] == [7, 3]
