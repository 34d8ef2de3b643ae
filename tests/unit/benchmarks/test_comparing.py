"""How figures are held against each other, and how they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_service.benchmarks.comparing import Figure, Row, all_hold, in_turns
from ledger_service.benchmarks.everything import BEGIN, END, markdown, put_between_markers
from ledger_service.benchmarks.load import Answers, get, post

PAGE = Path(__file__).resolve().parents[3] / "docs" / "performance.md"


def row(ours: float | None, **values: object) -> Row:
    mine = Figure((ours,)) if ours is not None else None
    peer = Figure((10.0,)) if ours is not None else None
    return Row("key", "what", "records/s", "a peer", mine, peer, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ours", "bound", "holds"),
    [(20.0, "least", True), (19.9, "least", False), (20.0, "most", True), (20.1, "most", False)],
)
def test_ratio_at_its_target_holds(ours: float, bound: str, holds: bool) -> None:
    assert row(ours, target=2.0, bound=bound).holds is holds


def test_row_that_was_left_out_keeps_the_whole_from_holding() -> None:
    left_out = row(None, target=2.0, skipped="There is no such database here.")
    assert left_out.holds is None
    assert all_hold([row(20.0, target=2.0), row(1.0)])
    assert not all_hold([row(20.0, target=2.0), left_out])
    assert not all_hold([row(19.0, target=2.0)])


def test_measures_take_turns_after_a_warm_up() -> None:
    order: list[str] = []
    values = iter([100.0, 100.0, 1.0, 10.0, 3.0, 30.0, 2.0, 20.0])

    def measure(name: str) -> float:
        order.append(name)
        return next(values)

    ours, peer = in_turns(3, lambda: measure("ours"), lambda: measure("peer"))
    assert order == ["ours", "peer"] * 4
    assert (ours.median, peer.median) == (2.0, 20.0)
    assert ours.as_json() == {"median": 2.0, "lowest": 1.0, "highest": 3.0}


def test_table_replaces_the_one_between_the_markers() -> None:
    page = f"# Page\n{BEGIN}\nearlier figures\n{END}\nrest\n"
    once = put_between_markers(page, markdown([row(12_345.0, target=2.0)]))
    assert "| what, records/s | 12,345 | a peer | 10 | 1,234 | ≥ 2 | holds |" in once
    assert "earlier" not in once
    assert once.startswith("# Page\n")
    assert once.endswith("\nrest\n")
    assert put_between_markers(once, markdown([row(12_345.0, target=2.0)])) == once


def test_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        put_between_markers("# Page\n", "")


def test_performance_page_has_the_markers() -> None:
    assert put_between_markers(PAGE.read_text("utf-8"), "| a |\n")


def test_p99_is_what_one_answer_in_a_hundred_exceeds() -> None:
    answers = Answers([number / 1_000 for number in range(1, 1_001)], 2.0, 0.0)
    assert answers.per_second == 500
    assert answers.p99 == pytest.approx(991, abs=1)


def test_requests_are_whole() -> None:
    assert get("/v1/status", "t") == b"GET /v1/status HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer t\r\n\r\n"
    assert post("/x", b"{}").endswith(b"Content-Length: 2\r\n\r\n{}")
