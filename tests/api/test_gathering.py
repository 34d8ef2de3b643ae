"""Requests that are done together, and milestones that are taken as they come: nobody can tell, but by the clock."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Scope

from api import plain_milestones
from api.dependencies import account_of, gather_keys
from api.gathering import Gatherer
from ledger_service.errors import NotFound, Overloaded, Unauthenticated
from ledger_service.services.accounts import authenticate_all, disable_account
from ledger_service.services.acting import state_milestone
from ledger_service.services.app import App
from ledger_service.services.inputs import MilestoneInput
from ledger_service.services.rate_limits import RateLimits
from ledger_service.store.tables import Account

from .conftest import ON_BOTH, Headers, Keys, Open, bearer, case_body, count_rows

PLAIN = "application/json"
ODD = "application/json; charset=utf-8"  # goes to the route


# --- gathering -------------------------------------------------------------------------------------------------------


def test_what_comes_while_a_group_is_done_is_the_next_group() -> None:
    groups: list[list[int]] = []
    first, go_on = threading.Event(), threading.Event()

    def work(asked: Sequence[int]) -> list[int | Exception]:
        groups.append(list(asked))
        first.set()
        assert go_on.wait(30)
        return [NotFound("none", field="x") if number == 3 else number * 10 for number in asked]

    async def run() -> list[Any]:
        gatherer: Gatherer[int, int] = Gatherer(work, most=3, line=100, why="write")
        asked = [asyncio.create_task(gatherer.ask(0))]
        await asyncio.to_thread(first.wait, 30)
        asked += [asyncio.create_task(gatherer.ask(number)) for number in range(1, 6)]
        await asyncio.sleep(0)
        asked[2].cancel()
        go_on.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(run())
    assert groups == [[0], [1, 2, 3], [4, 5]]
    assert [answers[at] for at in (0, 1, 4, 5)] == [0, 10, 40, 50]
    assert isinstance(answers[2], asyncio.CancelledError)
    assert isinstance(answers[3], NotFound)


def test_who_asks_again_at_once_goes_with_those_who_came_meanwhile() -> None:
    groups: list[list[int]] = []
    first, go_on = threading.Event(), threading.Event()

    def work(asked: Sequence[int]) -> list[int | Exception]:
        groups.append(sorted(asked))
        first.set()
        assert go_on.wait(30)
        return list(asked)

    async def ask(gatherer: Gatherer[int, int], number: int, times: int) -> None:
        for _ in range(times):
            await gatherer.ask(number)

    async def run() -> None:
        gatherer: Gatherer[int, int] = Gatherer(work, most=9, line=9, why="write")
        asked = [asyncio.create_task(ask(gatherer, 0, 3))]
        await asyncio.to_thread(first.wait, 30)
        asked += [asyncio.create_task(ask(gatherer, number, 2)) for number in (1, 2)]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(*asked)

    asyncio.run(run())
    assert groups == [[0], [0, 1, 2], [0, 1, 2]]


def test_nobody_waits_for_a_gatherer_that_is_ended_before_its_group_began() -> None:
    async def run() -> list[Any]:
        gatherer: Gatherer[int, int] = Gatherer(list, most=9, line=9, why="write")
        asked = [asyncio.create_task(gatherer.ask(number)) for number in range(2)]
        await asyncio.sleep(0)
        assert gatherer._at_work is not None
        await asyncio.sleep(0)
        gatherer._at_work.cancel()
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)

    assert [type(each) for each in asyncio.run(run())] == [RuntimeError] * 2


def test_line_is_bounded_and_an_error_of_the_group_is_each_ones() -> None:
    go_on = threading.Event()

    def work(_: Sequence[int]) -> list[int | Exception]:
        assert go_on.wait(30)
        raise ZeroDivisionError

    async def run() -> list[Any]:
        gatherer: Gatherer[int, int] = Gatherer(work, most=2, line=2, why="write")
        asked = [asyncio.create_task(gatherer.ask(0))]
        await asyncio.sleep(0.1)
        asked += [asyncio.create_task(gatherer.ask(number)) for number in range(1, 5)]
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(run())
    assert [type(each) for each in answers] == [ZeroDivisionError] * 3 + [Overloaded] * 2


class EndOfAll(BaseException):
    """No Exception, such as what an extension raises that panics."""


def _fail(_: Sequence[int]) -> list[int | Exception]:
    raise EndOfAll


def _one_too_few(asked: Sequence[int]) -> list[int | Exception]:
    return list(asked)[1:]


def _stop(asked: Sequence[int]) -> list[int | Exception]:
    return [StopIteration() if number == 0 else number for number in asked]


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (_fail, [RuntimeError] * 3),  # the third is in the line while the first two are done
        (_one_too_few, [ValueError] * 3),
        (_stop, [RuntimeError, int, int]),
    ],
)
def test_nobody_waits_for_a_group_that_cannot_be_answered(
    work: Callable[[Sequence[int]], list[int | Exception]], expected: list[type]
) -> None:
    async def run() -> tuple[list[Any], int | Exception | None]:
        works = [work]
        gatherer: Gatherer[int, int] = Gatherer(lambda asked: works[0](asked), most=2, line=9, why="write")
        answers = await asyncio.wait_for(
            asyncio.gather(*(gatherer.ask(number) for number in range(3)), return_exceptions=True), 10
        )
        works[0] = list
        return answers, await asyncio.wait_for(gatherer.ask(7), 10)

    answers, after = asyncio.run(run())
    assert [type(each) for each in answers] == expected
    assert after == 7, "it goes on with the next"


def test_line_of_keys_is_short(ledger: App, account: Keys) -> None:
    """Each that waits in it holds a body that nobody has vouched for."""
    key = f"Bearer {account('merchant')['api_key']}"

    async def run() -> list[Any]:
        keys = gather_keys(ledger)
        limits = RateLimits(ledger.settings)
        asked = (account_of(keys, limits, key, "127.0.0.1") for _ in range(310))
        return await asyncio.gather(*asked, return_exceptions=True)

    assert Counter(type(each) for each in asyncio.run(run())) == {Account: 300, Overloaded: 10}


# --- milestones ------------------------------------------------------------------------------------------------------


@ON_BOTH
def test_milestones_of_many_cases_at_once_are_each_taken_once(
    server: str, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    cases = [open_case(escrow="none")["case_id"] for _ in range(12)]

    def life(case_id: str) -> list[int]:
        with httpx.Client(base_url=server, headers=as_merchant, timeout=120) as client:
            path = f"/v1/cases/{case_id}/milestones"
            return [
                client.post(path, json={"kind": kind}).status_code for kind in ("authorised", "picked_up", "picked_up")
            ]

    with ThreadPoolExecutor(len(cases)) as pool:
        assert list(pool.map(life, cases)) == [[202, 202, 409]] * len(cases)
    assert count_rows(ledger)["records"] == 3 * len(cases)


ODDITIES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"kind": "authorised"}, {"Authorization": ""}),
    ({"kind": "authorised"}, {"Authorization": "Bearer lk_none"}),
    ({"kind": "authorised"}, {"Authorization": "Basic abc"}),
    ({"kind": "authorised"}, {"Idempotency-Key": "with space"}),
    ({"kind": "authorised"}, {"Idempotency-Key": "x" * 300}),
    ({"kind": "received"}, {}),
    ({"kind": "Authorised"}, {}),
    ({"kind": ""}, {}),
    ({}, {}),
    ({"kind": "authorised", "data": {"reason": 7}}, {}),
    ({"kind": "authorised", "more": 1}, {}),
    ({"kind": "authorised", "occurred_at": "yesterday"}, {}),
    ({"kind": "authorised", "occurred_at": "2126-01-01T00:00:00Z"}, {}),
    ({"kind": "authorised", "record_id": "rec_none", "signature": "0x00"}, {}),
]


@pytest.mark.parametrize(("body", "headers"), ODDITIES)
def test_what_is_wrong_is_refused_alike_on_either_way(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open, body: dict[str, Any], headers: Headers
) -> None:
    path = f"/v1/cases/{open_case()['case_id']}/milestones"
    before = count_rows(ledger)
    answers = [
        client.post(path, json=body, headers={**as_merchant, **headers, "Content-Type": declared})
        for declared in (PLAIN, ODD)
    ]
    plain, odd = ({**answer.json(), "instance": ""} for answer in answers)
    assert plain == odd
    assert answers[0].status_code == answers[1].status_code >= 400
    for name in ("content-type", "cache-control", "www-authenticate", "content-security-policy"):
        assert answers[0].headers.get(name) == answers[1].headers.get(name)
    assert count_rows(ledger) == before


@pytest.mark.parametrize("declared", [PLAIN, ODD])
def test_milestone_is_answered_and_counted_alike_on_either_way(
    client: TestClient, as_merchant: Headers, open_case: Open, declared: str
) -> None:
    case_id = open_case()["case_id"]
    headers = {**as_merchant, "Content-Type": declared, "Idempotency-Key": '"one"'}
    answer = client.post(f"/v1/cases/{case_id}/milestones", content='{"kind": "authorised"}', headers=headers)
    assert answer.status_code == 202
    assert sorted(answer.json()) == ["case_id", "commitment", "delayed", "kind", "receipt", "record_id", "stage"]
    counted = 'ledger_http_requests_total{method="POST",route="/v1/cases/{case_id}/milestones",status="202"} 1.0'
    assert counted in client.get("/metrics").text.splitlines()
    other = {"Content-Type": ODD if declared == PLAIN else PLAIN, "Idempotency-Key": "one"}
    again = client.post(
        f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}, headers={**as_merchant, **other}
    )
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["record_id"] == answer.json()["record_id"]


@pytest.mark.parametrize(("length", "is_plain"), [(16_384, True), (16_385, False)])
def test_long_body_goes_to_the_route_and_is_taken_there(
    client: TestClient,
    as_merchant: Headers,
    open_case: Open,
    monkeypatch: pytest.MonkeyPatch,
    length: int,
    is_plain: bool,
) -> None:
    taken: list[plain_milestones.Asked] = []
    take = plain_milestones._take

    async def seen(asked: plain_milestones.Asked, scope: Scope) -> Response:
        taken.append(asked)
        return await take(asked, scope)

    monkeypatch.setattr(plain_milestones, "_take", seen)
    path = f"/v1/cases/{open_case()['case_id']}/milestones"
    body = '{"kind": "authorised"}'.rjust(length)
    answer = client.post(path, content=body, headers={**as_merchant, "Content-Type": PLAIN})
    assert answer.status_code == 202
    assert len(taken) == is_plain


def test_disabled_key_ends_with_the_next_request(client: TestClient, ledger: App, account: Keys) -> None:
    made = account("merchant", "Other")
    as_other = bearer(made["api_key"])
    case_id = client.post("/v1/cases", json=case_body(escrow="none"), headers=as_other).json()["case_id"]
    disable_account(ledger, "merchant", "Other")
    answer = client.post(f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}, headers=as_other)
    assert answer.status_code == 401


@ON_BOTH
def test_account_that_was_disabled_since_its_key_was_looked_up_takes_nothing(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    case_id = open_case()["case_id"]
    [account] = authenticate_all(ledger, [as_merchant["Authorization"].removeprefix("Bearer ")])
    assert isinstance(account, Account)
    prepared = client.post(
        f"/v1/cases/{case_id}/milestones/prepare", json={"kind": "authorised"}, headers=as_merchant
    ).json()
    disable_account(ledger, "merchant", account.name)
    before = count_rows(ledger)
    for record_id, signature in ((None, None), (prepared["record_id"], "0x" + "00" * 65)):
        request = MilestoneInput(kind="authorised", record_id=record_id, signature=signature)
        with pytest.raises(Unauthenticated):
            state_milestone(ledger, account, case_id, request)
    assert count_rows(ledger) == before
