"""The quick start of docs/api.md, as it stands there, against a running installation with a chain; and the board's
certificates of what came late there."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_service.client import LedgerClient

from .running import ROOT, Running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    installation = Running(tmp_path_factory.mktemp("client") / "data", "anvil", "--no-sample")
    try:
        installation.start()
        yield installation
    finally:
        installation.close()


def quick_start() -> Callable[[str, str, Path], str]:
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    code = page.partition("<!-- quick start -->\n```python\n")[2].partition("```\n<!-- /quick start -->")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    found: Callable[[str, str, Path], str] = names["quick_start"]
    return found


def test_quick_start_does_what_it_says(running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = running.ledger_json("keys", "create", "--role", "merchant", "--name", "Client shop")["api_key"]
    assert quick_start()(running.url, key, tmp_path) == "verified"
    work, problem, line = capsys.readouterr().out.splitlines()
    assert work.startswith("RMA-2001 merchant ['authorised', 'declined', 'split'] ")
    assert work.endswith(" authorised")
    assert "declined" in problem
    assert line.split() == ["RMA-2001", "authorised", "recorded"] or line.split()[2] == "final"
    with (tmp_path / "cases.csv").open(newline="", encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert (row["reference"], row["refund_amount"], row["reason_code"]) == ("RMA-2001", "19.80", "changed_mind")
    with LedgerClient(running.url, key) as client:
        proof = client.refund_proof(row["case_id"])
        board = {level["level"]: level for level in client.service_levels()["items"]}
    assert [record["kind"] for record in proof["records"]] == ["requested", "authorised"]
    assert proof["verification"]["verdict"] == "verified"
    assert (board["first_response"]["done"], board["first_response"]["late"]) == (1, 0)
