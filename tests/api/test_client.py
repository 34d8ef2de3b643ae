"""The Python client over a socket: what it sends again is done once, lists are whole, problems are exceptions."""

from __future__ import annotations

import inspect
import json
import threading
import traceback
import types as plain_types
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import httpx
import pytest
from starlette.testclient import TestClient

from ledger_service.client import Conflict, Forbidden, InvalidInput, LedgerClient, NoAnswer, NotFound, Unauthenticated
from ledger_service.client import types as client_types
from ledger_service.client.uploads import parts_of
from ledger_service.services.app import App

from .conftest import Keys, case_body, count_rows
from .panels import record_case

STRIPE = json.loads((Path(__file__).parents[1] / "vectors" / "stripe_refund.json").read_text())


class Losing:
    """A gateway before the service that passes everything on, and keeps the answers to itself for a while: by turns it
    breaks the connection, and says 503."""

    def __init__(self, server: str, lost: int) -> None:
        self.lost, self.asked = lost, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                answer = httpx.request(self.command, server + self.path, content=body, headers=headers)
                outer.asked += 1
                if outer.asked <= outer.lost and outer.asked % 2:
                    self.connection.close()
                    return
                is_lost = outer.asked <= outer.lost
                self.send_response(503 if is_lost else answer.status_code)
                content = b"" if is_lost else answer.content
                for name, value in (("Retry-After", "0"), ("Content-Length", str(len(content)))):
                    self.send_header(name, value)
                self.send_header("Content-Type", answer.headers.get("content-type", "text/plain"))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _pass_on  # noqa: N815 - as the library calls them

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def mine(server: str, merchant: dict[str, Any]) -> Iterator[LedgerClient]:
    with LedgerClient(server, merchant["api_key"], tries=1) as made:
        yield made


def test_what_got_no_answer_is_sent_again_and_done_once(server: str, ledger: App, merchant: dict[str, Any]) -> None:
    gateway = Losing(server, lost=3)
    try:
        with LedgerClient(gateway.url, merchant["api_key"]) as client:
            opened = client.open_case(case_body(escrow="none"))
        assert gateway.asked == 4
        with ledger.database.read():
            assert count_rows(ledger)["cases"] == 1
        assert opened["reference"] == "RMA-1001"
        gateway.asked, gateway.lost = 1, 9  # so that the last of two tries ends in a broken connection
        with LedgerClient(gateway.url, merchant["api_key"], tries=2) as client, pytest.raises(NoAnswer) as told:
            client.case(opened["case_id"])
        assert "127.0.0.1" in str(told.value)
    finally:
        gateway.close()


def test_problems_are_exceptions_with_field_and_remedy(
    server: str, mine: LedgerClient, account: Keys, ledger: App
) -> None:
    with pytest.raises(InvalidInput) as wrong:
        mine.open_case(case_body(refund__amount="-1"))
    assert (wrong.value.status, wrong.value.field) == (422, "refund.amount")
    assert wrong.value.remedy
    assert wrong.value.instance.startswith("urn:ledger:request:")
    with pytest.raises(NotFound):
        mine.case("0x" + "00" * 32)
    with LedgerClient(server, "lk_nobody") as nobody, pytest.raises(Unauthenticated):
        list(nobody.cases())
    with LedgerClient(server, account("carrier")["api_key"]) as carrier, pytest.raises(Forbidden):
        list(carrier.refunds())
    case_id = mine.open_case(case_body(escrow="none"))["case_id"]
    mine.state(case_id, "authorised")
    with pytest.raises(Conflict) as late:
        mine.state(case_id, "declined")
    assert late.value.type == "urn:ledger:problem:out-of-order"


@pytest.mark.parametrize("credential", ["lk_secret\n", "lk_se cret", "“lk_secret”", ""])
def test_credential_with_its_line_s_end_is_refused_and_not_quoted(server: str, credential: str) -> None:
    """Read from a file as it stands: the HTTP library would quote it in what it raises, and so in a log."""
    with pytest.raises(ValueError, match="visible ASCII") as raised:
        LedgerClient(server, credential).api_keys()
    assert "secret" not in "".join(traceback.format_exception(raised.value, chain=True))


def test_client_does_what_a_merchant_does(mine: LedgerClient, ledger: App, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [
        mine.open_case(case_body(escrow="none", reference=f"C-{n}"), idempotency_key=f"open-{n % 4}")["case_id"]
        for n in range(4)
    ]
    for case_id in ids:
        record_case(ledger, case_id)
    monkeypatch.setattr(mine, "pages", lambda path, query=None: _by_ones(mine, path, query))
    assert [case["case_id"] for case in mine.cases(sort="reference", mode="none")] == ids
    assert mine.count_cases(country="DE") == {"total": 4, "is_exact": True}
    assert {work["otherwise"] for work in mine.work()} == {"authorised"}
    view = mine.save_view("Mine", waiting_for="merchant", sort="deadline")
    assert [one["view_id"] for one in mine.saved_views()] == [view["view_id"]]
    mine.delete_view(view["view_id"])
    with mine.export_csv("cases", bom=True, q="C-1") as parts:
        text = b"".join(parts).decode("utf-8-sig")
    assert [line.split(",")[1] for line in text.splitlines()] == ["reference", "C-1"]
    assert mine.statistics("country")["items"][0]["cases"] == 4
    assert mine.set_calendar({"name": "All days", "weekend": [], "holidays": []})["weekend"] == []
    assert mine.service_levels()["calendar"]["name"] == "All days"
    assert mine.refund_proof(ids[0])["amounts"]["requested"] == "19.80"
    assert mine.bundle(ids[0])["format"]
    assert mine.verification(ids[0])["verdict"]


def _by_ones(client: LedgerClient, path: str, query: Any) -> Any:
    """The same pages, with one item each where pages have limits."""
    asked = {**(query or {})}
    if "limit" in asked:
        asked["limit"] = 1
    return client._transport.pages(path, asked)


@pytest.mark.parametrize("form", ["list", "lines", "csv"])
def test_long_export_goes_in_parts_and_is_reported_as_one(
    mine: LedgerClient, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr("ledger_service.client.uploads._MOST", 1_500)
    refunds = [{**STRIPE, "id": f"re_{n}", "status": "succeeded" if n != 7 else "lost"} for n in range(9)]
    head = "refund_id,amount,currency,status,created_at\r\n"
    rows = "".join(f"{one['id']},1.00,USD,{one['status']},2026-03-01T09:20:00Z\r\n" for one in refunds)
    texts = {"list": json.dumps(refunds), "lines": "\n".join(map(json.dumps, refunds)), "csv": head + rows * 4}
    provider = "csv" if form == "csv" else "stripe"
    report = mine.upload_refunds(provider, texts[form])  # type: ignore[arg-type]
    assert len(list(parts_of(provider, texts[form]))) > 1
    repeats = 4 if form == "csv" else 1
    assert (report["rows"], report["refused"]) == (9 * repeats, repeats)
    assert report["problems"][0]["row"] == 8
    assert mine.reconciliation_summary()["findings"]["missing_here"] == 8
    assert {one["finding"] for one in mine.reconciliation("missing_here")} == {"missing_here"}


# --- types -----------------------------------------------------------------------------------------------------------


def typed() -> dict[str, Any]:
    return dict(inspect.getmembers(client_types, is_typeddict))


def test_types_are_those_of_the_openapi_document(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert set(typed()) <= set(schemas)
    for name, kind in typed().items():
        hints, schema = get_type_hints(kind), schemas[name]
        assert set(hints) == set(schema["properties"]), name
        for field, hint in hints.items():
            stated = schema["properties"][field]
            nullable = any(one.get("type") == "null" for one in stated.get("anyOf", ()))
            assert (plain_types.NoneType in get_args(hint)) is nullable, (name, field)
