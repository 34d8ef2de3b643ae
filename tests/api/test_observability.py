"""Log lines and metrics of requests: from a consumer's complaint to what happened, without what nobody should read."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.commands.logs import set_up_logs
from ledger_service.config import Settings
from ledger_service.services import case_lists
from ledger_service.services.app import App

from .conftest import Headers, Open, as_consumer, bearer, case_body, token_of, wait_for_metrics

UUID = "8e03978e-40d5-43dd-bc93-6894a57f9324"


class Lines:
    """What was logged as JSON since it was last asked for."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def __call__(self, event: str | None = None) -> list[dict[str, Any]]:
        text = self.stream.getvalue()
        self.stream.truncate(0)
        self.stream.seek(0)
        lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if event in (None, line["event"])]


@pytest.fixture
def lines(settings: Settings) -> Iterator[Lines]:
    """The logs of a service in production."""
    hooks = sys.excepthook, threading.excepthook, logging.getLogger().handlers[:]
    lines = Lines()
    set_up_logs(settings.model_copy(update={"log_format": "json"}), lines.stream)
    yield lines
    structlog.reset_defaults()
    sys.excepthook, threading.excepthook, logging.getLogger().handlers[:] = hooks


def test_one_line_a_request_with_its_ids(
    client: TestClient, lines: Lines, as_merchant: Headers, open_case: Open
) -> None:
    opened = client.post("/v1/cases", json=case_body(), headers=as_merchant)
    (line,) = lines()
    assert line["request_id"] == opened.headers["x-request-id"]
    assert line["case_id"] == opened.json()["case_id"]
    assert line["record_id"] == opened.json()["milestones"][0]["record_id"]
    assert (line["event"], line["level"], line["method"], line["status"]) == ("answered", "info", "POST", 201)
    assert line["route"] == "/v1/cases"
    assert line["ms"] > 0
    assert line["timestamp"].endswith("Z")


def test_case_leads_to_every_request_about_it(
    ledger: App, client: TestClient, lines: Lines, as_merchant: Headers, open_case: Open
) -> None:
    case_id = open_case()["case_id"]
    lines()
    client.get(f"/v1/cases/{case_id.upper().replace('0X', '0x')}", headers=as_merchant)
    client.get("/v1/status", headers=as_consumer(ledger, case_id))
    client.get(f"/v1/cases/{case_id}/bundle", headers=bearer("lk_nobody"))
    found = lines("answered")
    assert [line["case_id"] for line in found] == [case_id] * 3
    assert [line["route"] for line in found] == ["/v1/cases/{case_id}", "/v1/status", "/v1/cases/{case_id}/bundle"]
    assert [line["status"] for line in found] == [200, 200, 401]
    assert len({line["request_id"] for line in found}) == 3


def test_line_of_a_request_says_nothing_of_the_one_before(
    client: TestClient, lines: Lines, as_merchant: Headers, open_case: Open
) -> None:
    open_case()
    lines()
    client.get("/v1/cases", headers=as_merchant)
    (line,) = lines()
    assert "case_id" not in line
    assert "record_id" not in line


def test_callers_request_id_is_noted_if_it_can_hold_nothing_else(client: TestClient, lines: Lines) -> None:
    for sent, noted in ((UUID, UUID), ("ada@example.org", None), ("+49 30 1234567", None), (f"{UUID}0", None)):
        answer = client.get("/v1/cases", headers={"X-Request-Id": sent})
        (line,) = lines()
        assert line.get("caller_request_id") == noted
        assert answer.headers["x-request-id"] == line["request_id"] != sent


def test_monitors_fill_no_log(client: TestClient, lines: Lines) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        client.get(path)
    assert lines("answered") == []


def test_unexpected_error_is_logged_without_its_text(
    ledger: App, lines: Lines, as_merchant: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("ada@example.org")

    monkeypatch.setattr(case_lists, "list_cases", break_down)
    with TestClient(create_app(ledger), raise_server_exceptions=False) as client:
        answer = client.get("/v1/cases", headers=as_merchant)
    (line,) = lines("unexpected")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["request_id"] in answer.json()["detail"]
    assert (line["error"], line["route"]) == ("RuntimeError", "/v1/cases")
    assert line["where"][-1].endswith("in break_down")
    assert "ada@example.org" not in json.dumps(line)


def test_libraries_speak_without_the_values_they_put_in(lines: Lines) -> None:
    log = logging.getLogger("some.library")
    try:
        raise ValueError("ada@example.org")
    except ValueError:
        log.exception("Cannot send to %s\nfuture: %s", "ada@example.org", "ada@example.org")
    (line,) = lines()
    assert (line["library"], line["text"], line["error"]) == ("some.library", "Cannot send to %s", "ValueError")
    assert line["where"]
    assert "ada@example.org" not in json.dumps(line)


def test_thread_that_ends_by_an_error_is_logged_without_its_text(lines: Lines) -> None:
    def end() -> None:
        raise ValueError("ada@example.org")

    thread = threading.Thread(target=end)
    thread.start()
    thread.join()
    (line,) = lines()
    assert (line["event"], line["error"]) == ("thread_ended", "ValueError")
    assert "ada@example.org" not in json.dumps(line)


def test_long_values_are_cut(lines: Lines) -> None:
    structlog.get_logger().info("said", value="x" * 10_000)
    (line,) = lines()
    assert len(line["value"]) < 600


def test_metrics_hold_no_token_and_no_case(
    ledger: App, client: TestClient, lines: Lines, open_case: Open, as_merchant: Headers
) -> None:
    opened = open_case()
    token = token_of(opened["status_link"])
    for headers in (bearer(token), bearer(token + "x"), as_merchant):
        client.get("/v1/status", headers=headers)
        client.get(f"/v1/cases/{opened['case_id']}?token={token}", headers=headers)
    metrics, logged = client.get("/metrics").text, json.dumps(lines())
    assert "/v1/cases/{case_id}" in metrics
    assert opened["case_id"] not in metrics
    for private in (token, as_merchant["Authorization"][7:], "ada@example.org"):
        assert private not in metrics + logged


def test_metrics_say_how_the_installation_is(client: TestClient, open_case: Open) -> None:
    open_case()
    client.get("/readyz")
    text = wait_for_metrics(
        client,
        'ledger_queue_action_depth{action="open"} 1.0',
        "ledger_queue_oldest_seconds 0.0",
        "ledger_transactions_in_flight 0.0",
        "ledger_mails_waiting 1.0",
        "ledger_deliveries_failing 0.0",
        'ledger_component_ok{component="chain"} 0.0',
        "ledger_chain_reached 0.0",
    )
    assert "ledger_disk_free_bytes " in text


def test_metrics_are_named_as_prometheus_has_it(client: TestClient) -> None:
    client.get("/v1/cases")
    kinds = [line.split()[2:] for line in client.get("/metrics").text.splitlines() if line.startswith("# TYPE")]
    assert kinds
    for name, kind in kinds:
        assert name.startswith("ledger_")
        assert name.endswith(("_total", "_created")) == (kind == "counter" or name.endswith("_created"))
        assert not name.endswith(("_ms", "_milliseconds", "_minutes", "_kb"))
