"""The slots of which bundles hold proofs are those where the compiler puts cases and locks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import solcx

from ledger_service.domain.state_proof import CASES_SLOT, LOCKS_SLOT

ROOT = Path(__file__).resolve().parents[3]
CONTRACTS = ("ReturnLedger", "RefundEscrow")


@pytest.fixture(scope="module")
def layouts() -> dict[str, Any]:
    names = {name: f"contracts/{name}.sol" for name in CONTRACTS}
    sources = {path: {"content": (ROOT / path).read_text("utf-8")} for path in names.values()}
    (compiler,) = (ROOT / "scripts" / "solc").glob("solc-v*")
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": sources,
            "settings": {
                "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
                "outputSelection": {"*": {"*": ["storageLayout"]}},
            },
        },
        base_path=str(ROOT),
        solc_binary=compiler,
    )
    return {name: output["contracts"][path][name]["storageLayout"] for name, path in names.items()}


def place_of(layout: Any, label: str) -> tuple[int, list[tuple[str, int, int]]]:
    """Where a mapping stands, and the members of what it holds: name, slot and offset in bytes."""
    (found,) = (entry for entry in layout["storage"] if entry["label"] == label)
    value = layout["types"][layout["types"][found["type"]]["value"]]
    return int(found["slot"]), [(one["label"], int(one["slot"]), one["offset"]) for one in value["members"]]


def test_a_case_stands_where_its_proofs_look(layouts: dict[str, Any]) -> None:
    slot, members = place_of(layouts["ReturnLedger"], "_cases")
    assert slot == CASES_SLOT
    assert members[:2] == [("word", 0, 0), ("head", 1, 0)]


def test_a_lock_stands_where_its_proof_looks(layouts: dict[str, Any]) -> None:
    slot, members = place_of(layouts["RefundEscrow"], "_locks")
    assert slot == LOCKS_SLOT
    assert members == [("refund", 0, 0), ("freight", 0, 8), ("reserve", 0, 16), ("token", 0, 24), ("settled", 0, 26)]
