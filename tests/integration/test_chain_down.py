"""API and workers as processes of their own, and a chain that goes away: what is accepted meanwhile is kept, marked
as delayed, and recorded once the chain is back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger_service.chain.local import LocalChain

from .running import LEDGER, ROOT, Running, free_port, wait_for

pytestmark = pytest.mark.timeout(600)  # several processes start, one after the other
BODY = {
    "reference": "RMA-1",
    "consumer": {"name": "Ada", "email": "ada@customers.example", "country": "DE", "language": "de"},
    "items": [{"sku": "1", "description": "Tin", "quantity": 1, "unit_price": "1.00"}],
    "refund": {"amount": "1.00", "currency": "GBP"},
    "policy": "eu-14",
    "escrow": "none",
}


class Apart(Running):
    """`ledger serve --no-workers` and `ledger worker`, installed by a short `ledger run`."""

    worker: subprocess.Popen[bytes] | None = None

    def separate(self) -> None:
        self.start()
        assert self.stop() == 0
        self.metrics = f"http://127.0.0.1:{free_port()}/metrics"
        self._environment |= {"LEDGER_PUBLIC_URL": self.url, "LEDGER_CHAIN": self.chain, "LEDGER_LOG_FORMAT": "json"}
        self.process = self._begin("serve", "--no-workers", "--port", str(self.port))
        wait_for(self._is_ready, seconds=120, what="the API's start")
        self.start_worker()

    def start_worker(self) -> None:
        self.worker = self._begin("worker", "--metrics-port", self.metrics.rpartition(":")[2].partition("/")[0])

    def stop_worker(self) -> None:
        assert self.worker is not None
        self.worker.terminate()
        assert self.worker.wait(timeout=60) == 0

    def _begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.output.open("ab") as log:
            return subprocess.Popen(
                [str(LEDGER), *arguments, "--data", str(self.data)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env=self._environment,
            )

    def look(self) -> dict[str, Any]:
        answer = httpx.get(f"{self.url}/readyz", timeout=20)
        return {"status": answer.status_code, **answer.json()}

    def gauge(self, name: str, *, of_worker: bool = False) -> float:
        text = httpx.get(self.metrics if of_worker else f"{self.url}/metrics", timeout=20).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def close(self) -> None:
        if self.worker is not None and self.worker.poll() is None:
            self.worker.kill()
            self.worker.wait(timeout=30)
        super().close()


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalChain]:
    chain = LocalChain("ganache", tmp_path_factory.mktemp("chain"))
    chain.start()
    yield chain
    chain.stop()


@pytest.fixture(scope="module")
def apart(chain: LocalChain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    installation = Apart(tmp_path_factory.mktemp("apart") / "data", chain.url, "--no-sample")
    try:
        installation.separate()
        yield installation
    finally:
        installation.close()


def test_records_of_a_time_without_chain_are_kept_and_recorded_later(apart: Apart, chain: LocalChain) -> None:
    merchant = apart.client(apart.ledger_json("keys", "create", "--role", "merchant", "--name", "Shop")["api_key"])
    wait_for(lambda: apart.look()["degraded"] == [], seconds=120, what="a service that is well")
    first = merchant.post("/v1/cases", json=BODY).raise_for_status().json()
    assert "delayed" not in first
    apart.wait_recorded(merchant, first["case_id"], "requested")

    chain.stop()
    down = wait_for(lambda: _with(apart, "chain"), seconds=120, what="the chain's absence")
    assert (down["status"], down["ready"]) == (200, True)
    second = merchant.post("/v1/cases", json=BODY).raise_for_status().json()
    assert (second["stage"], second["delayed"]) == ("accepted", True)
    link = {"Authorization": f"Bearer {second['status_link'].partition('#')[2]}"}
    assert merchant.get("/v1/status", headers=link).json()["delayed"] is True
    wait_for(lambda: apart.gauge("ledger_step_failures_total", of_worker=True) > 0, what="a failed step")
    assert apart.gauge("ledger_queue_depth") >= 1

    chain.start()
    apart.wait_recorded(merchant, second["case_id"], "requested")
    wait_for(lambda: apart.look()["degraded"] == [], seconds=120, what="a service that is well again")
    assert merchant.get("/v1/status", headers=link).json()["delayed"] is False
    assert apart.gauge('ledger_records_total{outcome="recorded"}', of_worker=True) >= 2
    # The chain is asked when somebody looks, and the next look shows the answer.
    wait_for(lambda: apart.gauge('ledger_account_balance_wei{account="writer"}', of_worker=True) > 0, what="a balance")
    wait_for(lambda: apart.gauge("ledger_recent_transaction_gas") > 21_000, what="the gas of it")


def test_api_without_workers_says_so_and_keeps_what_comes(apart: Apart) -> None:
    merchant = apart.client(apart.ledger_json("keys", "create", "--role", "merchant", "--name", "Other")["api_key"])
    apart.stop_worker()
    alone = wait_for(lambda: _with(apart, "workers"), seconds=120, what="the workers' absence")
    assert alone["ready"] is True
    assert "ledger worker" in alone["components"]["workers"]["detail"]
    case = merchant.post("/v1/cases", json=BODY).raise_for_status().json()
    assert case["delayed"] is True
    apart.start_worker()
    apart.wait_recorded(merchant, case["case_id"], "requested")


def test_complaint_leads_to_log_lines_and_transaction(apart: Apart) -> None:
    merchant = apart.client(apart.ledger_json("keys", "create", "--role", "merchant", "--name", "Third")["api_key"])
    answer = merchant.post("/v1/cases", json=BODY)
    case_id = answer.json()["case_id"]
    apart.wait_recorded(merchant, case_id, "requested")
    (milestone,) = merchant.get(f"/v1/cases/{case_id}/milestones").json()["items"]
    lines = Path(apart.output).read_text().splitlines()
    (of_case,) = [line for line in lines if case_id in line and '"POST"' in line]
    assert answer.headers["x-request-id"] in of_case
    assert milestone["record_id"] in of_case
    of_transaction = [line for line in lines if milestone["transaction"] in line]
    assert any("transaction_saved" in line for line in of_transaction)
    assert any("indexed" in line for line in of_transaction)


def _with(apart: Apart, component: str) -> dict[str, Any] | None:
    look = apart.look()
    return look if component in look["degraded"] else None
