"""An open page hears at once that a record moved back, and that it stands again."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import delete
from sqlmodel import select

from ledger_service.services.app import App
from ledger_service.store.tables import ChainCase, ChainRecord

from .conftest import Open, bearer, token_of
from .panels import record_case
from .test_waiting import events


@pytest.mark.parametrize("same_block", [True, False])
def test_stream_tells_that_a_record_moved_back_and_stands_again(
    server: str, ledger: App, open_case: Open, same_block: bool
) -> None:
    opened = open_case()
    case_id = opened["case_id"]
    record_case(ledger, case_id)
    headers = bearer(token_of(opened["status_link"]))
    with httpx.stream("GET", f"{server}/v1/status/stream", headers=headers, timeout=30) as stream:
        told = events(stream.iter_lines())
        first = next(told)[1]["timeline"][0]
        assert first["stage"] in ("recorded", "final")
        _forget(ledger, case_id)
        assert next(told)[1]["timeline"][0]["stage"] == "accepted"
        record_case(ledger, case_id)
        assert next(told)[1]["timeline"][0]["stage"] == first["stage"]
        with ledger.database.write() as session:  # a reorg between two looks, with the record in another block
            link = session.exec(select(ChainRecord).where(ChainRecord.case_id == case_id)).one()
            link.tx_hash, link.head = "0x" + "ee" * 32, "0x" + "ff" * 32
            case = session.get_one(ChainCase, case_id)
            case.head, case.block_number = link.head, 1 if same_block else 2
        assert next(told)[0] == "status"


def _forget(ledger: App, case_id: str) -> None:
    """As the indexer does after a reorg."""
    with ledger.database.write() as session:
        session.execute(delete(ChainRecord).where(ChainRecord.case_id == case_id))  # type: ignore[arg-type]
        session.execute(delete(ChainCase).where(ChainCase.case_id == case_id))  # type: ignore[arg-type]
