"""What merchants and consumers send, chosen by a seed; and what was acknowledged of it.

A request that was not answered is sent again, with its Idempotency-Key, as a client that obeys the API does.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from ledger_service.errors import Unavailable
from ledger_service.services.links import ACTING, issue_link, last_window_ends
from ledger_service.store.cases import find_case

from .site import CURRENCY, Site

# From its opening to the payment: who sends it, and what.
LIFE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("authorised", {}),
    ("picked_up", {}),
    ("received", {}),
    ("inspected", {"grade": "as_new", "share": 10_000, "fee": 0}),
    ("accepted", {}),
)
BY_CONSUMER = ("accepted",)
Post = Callable[..., Any]  # as `httpx.Client.post`


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A record that the service has answered for, with the commitment it said."""

    record_id: str
    case_id: str
    commitment: str
    kind: str


@dataclass(slots=True)
class Request:
    """One POST that is to have one effect, however often it is sent."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    case: Life | None


@dataclass(slots=True)
class Life:
    """How far a case of the traffic has come; `busy` while an answer is missing."""

    case_id: str
    step: int = 0
    busy: bool = False


@dataclass
class Traffic:
    """`some(n)` sends that many requests; `again()` those that had no answer."""

    site: Site
    rng: Random
    post: Post | None = None
    lives: list[Life] = field(default_factory=list)
    unanswered: list[Request] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # answers that were neither a yes nor "try again"
    statuses: Counter[int] = field(default_factory=Counter)  # of all answers
    strangers: set[str] = field(default_factory=set)  # transactions that others sent with our keys

    def some(self, requests: int) -> None:
        for _ in range(requests):
            self._send(self._next())

    def again(self) -> None:
        """Sends everything again that had no answer; what fails once more stays."""
        waiting, self.unanswered = self.unanswered, []
        for request in waiting:
            self._send(request)

    def finish(self, lives: int = 1) -> None:
        """Brings this many cases to their end."""
        for life in [life for life in self.lives if not life.busy][:lives]:
            while life.step < len(LIFE):
                before = life.step
                self._send(self._act(life))
                if life.step == before:
                    break

    def met_strangers(self, transactions: Iterable[str]) -> None:
        """Others have sent these with our keys."""
        self.strangers.update(transactions)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _next(self) -> Request:
        ready = [life for life in self.lives if not life.busy and life.step < len(LIFE)]
        if ready and self.rng.random() < 0.75:
            return self._act(self.rng.choice(ready))
        return self._opening()

    def _opening(self) -> Request:
        body = {
            "reference": f"RMA-{len(self.lives)}-{len(self.unanswered)}",
            "consumer": {"name": "Ana", "email": "ana@customers.example", "country": "DE", "language": "de"},
            "items": [{"sku": "1", "description": "Lamp", "quantity": 1, "unit_price": "19.80"}],
            "refund": {"amount": "19.80", "currency": CURRENCY},
            "policy": "eu-14",
            "escrow": self.rng.choice(("refund", "refund", "none")),
        }
        return Request("/v1/cases", body, self._headers(self.site.shop["api_key"]), None)

    def _act(self, life: Life) -> Request:
        kind, data = LIFE[life.step]
        life.busy = True
        if kind in BY_CONSUMER:
            return Request("/v1/status/acts", {"kind": kind}, self._headers(self._link(life.case_id)), life)
        path = f"/v1/cases/{life.case_id}/milestones"
        return Request(path, {"kind": kind, "data": data}, self._headers(self.site.shop["api_key"]), life)

    def _headers(self, credential: str) -> dict[str, str]:
        key = str(uuid.UUID(int=self.rng.getrandbits(128)))
        return {"Authorization": f"Bearer {credential}", "Idempotency-Key": key}

    def _link(self, case_id: str) -> str:
        """What the consumer's e-mail holds; a database that was cut off is asked again."""
        app = self.site.app
        for tries_left in reversed(range(20)):
            try:
                with app.database.write() as session:
                    case = find_case(session, case_id)
                    assert case is not None
                    url, _ = issue_link(app, session, case, ACTING, last_window_ends(app, case))
                break
            except Unavailable:
                if not tries_left:
                    raise
                time.sleep(0.1)
        return url.partition("#")[2]

    def _send(self, request: Request) -> None:
        post = self.post or self.site.client.post
        try:
            answer = post(request.path, json=request.body, headers=request.headers)
        except httpx.HTTPError:
            self.unanswered.append(request)
            return
        self.statuses[answer.status_code] += 1
        if answer.status_code in (429, 502, 503, 504) or answer.status_code == 500:
            self.unanswered.append(request)
            return
        if answer.status_code not in (201, 202):
            self.refused.append(f"{request.path} {request.body.get('kind', 'opening')}: {answer.text}")
            if request.case is not None:
                request.case.busy = False
                request.case.step = len(LIFE)
            return
        self._take(request, answer.json())

    def _take(self, request: Request, body: dict[str, Any]) -> None:
        stated = body["milestones"] if request.case is None else [body]
        for one in stated:
            self.acknowledged.append(Acknowledged(one["record_id"], body["case_id"], one["commitment"], one["kind"]))
        if request.case is None:
            self.lives.append(Life(body["case_id"]))
        else:
            request.case.step += 1
            request.case.busy = False
