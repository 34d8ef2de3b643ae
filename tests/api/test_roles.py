"""Who may do what, as one table: every operation of the API, asked by everybody, of a case of theirs and of another's.

A new operation needs a row here. Whoever asks for what is another's is answered as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.examples import CALENDAR
from ledger_service.services import accounts, links
from ledger_service.services.app import App
from ledger_service.store.tables import CaseRow, ChainBalance

from .conftest import POUNDS, Headers, bearer, case_body, token_of
from .panels import add_panel, record_case

ROLES = ("merchant", "carrier", "warehouse", "inspector", "arbitrator", "auditor", "operator")
LINKS = ("reading link", "acting link")
ALL = " ".join(ROLES)
PARTIES = "merchant carrier warehouse inspector"
SEERS = "auditor operator"  # of every case
JUDGES = "merchant arbitrator auditor operator"
BOOKS = "merchant auditor operator"
NOT_JUDGES = "merchant carrier warehouse inspector auditor operator"
NOWHERE = {
    "case_id": "0x" + "ab" * 32,
    "jti": "x",
    "view_id": "view_" + "f" * 16,
    "endpoint_id": "ep_" + "f" * 24,
    "secret_id": "whs_" + "f" * 16,
    "delivery_id": "999999",
    "key_id": "key_none",
    "party_id": "999999",
}


@dataclass(frozen=True)
class Row:
    """Who gets past the question who they are: with what is theirs, and with what is another's. `holders` of a link do,
    and `public` is for everybody. `body` is one that is right in itself."""

    own: str = ""
    others: str = ""
    holders: tuple[str, ...] = ()
    body: Any = None
    public: bool = False
    always: int | None = None  # what everybody is answered
    query: dict[str, str] = field(default_factory=dict)
    is_slow: bool = False  # asked by those alone who may not
    in_session: bool | None = None  # True: with a session alone; False: with an API key alone
    absent: str = ""  # who is told that it is not there, though the case is theirs


def public(**more: Any) -> Row:
    return Row(public=True, **more)


def link(*holders: str, **more: Any) -> Row:
    return Row(holders=holders or LINKS, **more)


NOTED = {"kind": "noted", "data": {"note": "It was open."}}
SCAN = {"kind": "scanned", "data": {"event": "seen"}}
TABLE: dict[str, Row] = {
    "POST /v1/cases": Row("merchant", body=case_body(reference="RMA-9")),
    "POST /v1/cases/prepare": Row("merchant", body=case_body(reference="RMA-9")),
    "POST /v1/cases/{case_id}/opening": Row("merchant", body={"signature": "0x11"}),
    "GET /v1/cases": Row(ALL),
    "GET /v1/cases/counts": Row(ALL),
    "GET /v1/cases/{case_id}": Row(ALL, SEERS),
    "GET /v1/cases/{case_id}/verification": Row(ALL, SEERS),
    "GET /v1/cases/{case_id}/bundle": Row(ALL, SEERS),
    "GET /v1/cases/{case_id}/bundle.pdf": Row(ALL, SEERS, is_slow=True),
    "GET /v1/cases/{case_id}/acknowledgement.pdf": Row("merchant", is_slow=True),
    "GET /v1/cases/{case_id}/breaches": Row(ALL, SEERS),
    "GET /v1/cases/{case_id}/milestones": Row(ALL, SEERS),
    "POST /v1/cases/{case_id}/milestones": Row("merchant", body={"kind": "authorised"}),
    "POST /v1/cases/{case_id}/milestones/prepare": Row("merchant", body={"kind": "authorised"}),
    "GET /v1/cases/{case_id}/observations": Row(ALL, SEERS),
    "POST /v1/cases/{case_id}/observations": Row(PARTIES, body=SCAN),
    "POST /v1/cases/{case_id}/observations/prepare": Row(PARTIES, body=SCAN),
    "POST /v1/cases/{case_id}/status-links": Row("merchant", body={}),
    "DELETE /v1/cases/{case_id}/status-links/{jti}": Row("merchant"),
    "POST /v1/cases/{case_id}/erasure": Row("merchant operator", "operator", body={}),
    "POST /v1/cases/{case_id}/erasure/prepare": Row("merchant"),
    "POST /v1/personal-data": Row("merchant", body={"email": "ada@example.org"}),
    "GET /v1/work-list": Row(ALL),
    "GET /v1/saved-views": Row(ALL),
    "POST /v1/saved-views": Row(ALL, body={"name": "Mine", "query": {}}),
    "PUT /v1/saved-views/{view_id}": Row(ALL, body={"name": "Mine", "query": {}}),
    "DELETE /v1/saved-views/{view_id}": Row(ALL),
    "GET /v1/exports/cases.csv": Row(ALL),
    "GET /v1/exports/refunds.csv": Row(BOOKS),
    "POST /v1/imports/preview": Row("merchant", body=[case_body(reference="RMA-9")]),
    "POST /v1/imports": Row("merchant", body=[case_body(reference="RMA-9")], query={"preview_id": "imp_none"}),
    "POST /v1/reconciliation/uploads": Row("merchant", body=[], query={"provider": "stripe"}),
    "GET /v1/reconciliation": Row("merchant"),
    "GET /v1/reconciliation/summary": Row("merchant"),
    "GET /v1/statistics": Row(BOOKS),
    "GET /v1/service-levels": Row(BOOKS),
    "GET /v1/service-levels/breaches": Row(BOOKS),
    "GET /v1/business-calendar": Row(ALL),
    "PUT /v1/business-calendar": Row(ALL, body=CALENDAR),
    "GET /v1/audit/refunds": Row(BOOKS),
    "GET /v1/audit/refunds/{case_id}": Row(BOOKS, SEERS),
    "GET /v1/audit/access": Row("merchant operator"),
    "GET /v1/disputes": Row(JUDGES),
    "GET /v1/disputes/{case_id}": Row(JUDGES, SEERS),
    "POST /v1/disputes/{case_id}/votes": Row("arbitrator", body={"share": 5_000}),
    "POST /v1/disputes/{case_id}/votes/prepare": Row("arbitrator", body={"share": 5_000}),
    "POST /v1/disputes/{case_id}/appeals": Row("merchant", holders=("acting link",), body={}),
    "GET /v1/status": link(),
    "GET /v1/status/verification": link(),
    "GET /v1/status/bundle": link(),
    "GET /v1/status/breaches": link(),
    "GET /v1/status/reading-link": link(),
    "GET /v1/status/stream": link(is_slow=True),
    "GET /v1/status/bundle.pdf": link(is_slow=True),
    "GET /v1/status/acknowledgement.pdf": link("acting link", is_slow=True),
    "POST /v1/status/acts": link("acting link", body={"kind": "accepted"}),
    "POST /v1/status/acts/prepare": link("acting link", body={"kind": "accepted"}),
    "POST /v1/status/observations": link("acting link", body=NOTED),
    "POST /v1/status/observations/prepare": link("acting link", body=NOTED),
    "GET /v1/webhook-endpoints": Row(ALL),
    "POST /v1/webhook-endpoints": Row(NOT_JUDGES, body={"url": "https://93.184.216.34/returns"}),
    "GET /v1/webhook-endpoints/{endpoint_id}": Row(NOT_JUDGES, absent="arbitrator"),
    "POST /v1/webhook-endpoints/{endpoint_id}/enable": Row(NOT_JUDGES, absent="arbitrator"),
    "POST /v1/webhook-endpoints/{endpoint_id}/secrets": Row(NOT_JUDGES, absent="arbitrator"),
    "DELETE /v1/webhook-endpoints/{endpoint_id}/secrets/{secret_id}": Row(NOT_JUDGES, absent="arbitrator"),
    "GET /v1/webhook-endpoints/{endpoint_id}/deliveries": Row(NOT_JUDGES, absent="arbitrator"),
    "POST /v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}/resend": Row(NOT_JUDGES, absent="arbitrator"),
    "POST /v1/webhook-endpoints/{endpoint_id}/test": Row(NOT_JUDGES, absent="arbitrator"),
    "DELETE /v1/webhook-endpoints/{endpoint_id}": Row(NOT_JUDGES, absent="arbitrator"),
    "GET /v1/api-keys": Row(ALL),
    "POST /v1/api-keys": Row(ALL, in_session=False, body={"name": "Scanner"}),
    "POST /v1/api-keys/{key_id}/rotation": Row(ALL, in_session=False, body={}),
    "DELETE /v1/api-keys/{key_id}": Row(ALL, in_session=False),
    "GET /v1/parties": Row("merchant"),
    "POST /v1/parties": Row("merchant", in_session=False, body={"role": "carrier", "name": "Van 7"}),
    "DELETE /v1/parties/{party_id}": Row("merchant", in_session=False),
    "POST /v1/sessions": Row(ALL, in_session=False),
    "GET /v1/sessions/current": Row(ALL, in_session=True),
    "DELETE /v1/sessions/current": Row(ALL, in_session=True),
    "POST /v1/sessions/challenge": public(body={"address": "0x" + "ab" * 20}),
    "POST /v1/sessions/sign-in": public(body={}, always=422),
    "POST /v1/webhooks/easypost": public(body={}, always=401),
    "GET /v1/log/checkpoint": public(always=404),
    "GET /v1/log/key": public(),
    "GET /v1/log/tile/{path}": public(always=404),
    "GET /v1/log/proof/inclusion": public(always=422),
    "GET /v1/log/proof/consistency": public(always=422),
    "GET /healthz": public(),
    "GET /readyz": public(),
    "GET /metrics": public(),
    "GET /.well-known/jwks.json": public(),
    "GET /schemas/after-sales-bundle-1.schema.json": public(),
}


@dataclass
class Tenant:
    """A merchant with its parties, a case of theirs in dispute, and what each of them keeps."""

    keys: dict[str, str]
    case_id: str
    jti: str
    links: dict[str, str]


def _tenant(app: App, client: TestClient, name: str) -> Tenant:
    made = {role: accounts.create_account(app, role, f"{name} {role}") for role in ROLES}
    keys = {role: each["api_key"] for role, each in made.items()}
    with app.database.write() as session:
        session.add(ChainBalance(account=made["merchant"]["address"], token=POUNDS, minor=10**9))
    add_panel(app, [made["arbitrator"]["address"]], 1)
    headers = bearer(keys["merchant"])
    named = {role: made[role]["address"] for role in ("carrier", "warehouse", "inspector")}
    opened = client.post("/v1/cases", json=case_body(reference=name, **named), headers=headers).json()
    path = f"/v1/cases/{opened['case_id']}"
    for role, kind in (("merchant", "authorised"), ("carrier", "received"), ("merchant", "disputed")):
        stated = client.post(f"{path}/milestones", json={"kind": kind}, headers=bearer(keys[role]))
        assert stated.status_code == 202, stated.text
    jti = client.post(f"{path}/status-links", json={}, headers=headers).json()["jti"]
    with app.database.write() as session:
        case = session.get_one(CaseRow, opened["case_id"])
        url, _ = links.issue_link(app, session, case, links.ACTING, app.clock.seconds() + 3_600)
    record_case(app, opened["case_id"])
    held = {"reading link": token_of(opened["status_link"]), "acting link": token_of(url)}
    return Tenant(keys, opened["case_id"], jti, held)


def _things(client: TestClient, role: str, headers: Headers, name: str) -> dict[str, str]:
    """Something of the caller's own behind every id that a path can have. Arbitrators have no endpoints."""
    view = client.post("/v1/saved-views", json={"name": name, "query": {}}, headers=headers).json()
    key = client.post("/v1/api-keys", json={"name": name}, headers=headers).json()
    found = {**NOWHERE, "view_id": view["view_id"], "key_id": key["key_id"]}
    if role == "merchant":
        party = client.post("/v1/parties", json={"role": "carrier", "name": f"{name}'s"}, headers=headers).json()
        found["party_id"] = str(party["party_id"])
    if role == "arbitrator":
        return found
    made = client.post("/v1/webhook-endpoints", json={"url": "https://93.184.216.34/returns"}, headers=headers).json()
    path = f"/v1/webhook-endpoints/{made['endpoint_id']}"
    tried = client.post(f"{path}/test", headers=headers).json()
    secret = client.get(path, headers=headers).json()["secrets"][0]
    return {
        **found,
        "endpoint_id": made["endpoint_id"],
        "secret_id": secret["secret_id"],
        "delivery_id": str(tried["delivery_id"]),
    }


@dataclass
class World:
    client: TestClient
    mine: Tenant
    others: Tenant
    things: dict[tuple[str, bool], dict[str, str]]  # ids in paths, by who has them and whether in a session
    theirs: dict[str, str]
    sessions: dict[str, Headers] = field(default_factory=dict)

    def session_of(self, role: str) -> Headers:
        """The role's session, opened anew where it was ended."""
        opened = self.sessions.get(role)
        if opened is None or self.client.get("/v1/sessions/current", headers=opened).status_code == 401:
            token = self.client.post("/v1/sessions", headers=bearer(self.mine.keys[role])).json()["token"]
            self.sessions[role] = bearer(token)
        return self.sessions[role]

    def ask(self, operation: str, row: Row, headers: Headers, ids: dict[str, str]) -> httpx.Response:
        method, path = operation.split(" ")
        path = path.replace("{path}", "0/000.p/1").format(**ids)
        body = {} if row.body is None else {"json": row.body}
        return self.client.request(method, path, headers=headers, params=row.query, **body)


@pytest.fixture
def world(ledger: App) -> Iterator[World]:
    with TestClient(create_app(ledger), raise_server_exceptions=False) as client:
        mine, others = _tenant(ledger, client, "Mine"), _tenant(ledger, client, "Theirs")
        things = {
            (role, in_session): _things(client, role, bearer(key), f"{role} {in_session}")
            for role, key in mine.keys.items()
            for in_session in (False, True)
        }
        theirs = _things(client, "merchant", bearer(others.keys["merchant"]), "Theirs")
        theirs |= {"case_id": others.case_id, "jti": others.jti}
        yield World(client, mine, others, things, theirs)


Wrong = list[str]
Check = Callable[[str, httpx.Response], None]


def _outcome(answer: httpx.Response) -> str:
    """What is wrong with who asks; `in` where nothing is, whatever else may stand in the way."""
    status = answer.status_code
    is_made_up = status == 500 and answer.json()["type"].endswith("integrity-failure")  # as the chain is, here
    return "in" if is_made_up or (status not in (401, 403, 404) and status < 500) else str(status)


def _expected(row: Row, role: str, in_session: bool) -> str:
    if row.in_session is not None and role in row.own.split():
        return "in" if row.in_session == in_session else "403"
    if role in row.absent.split():
        return "404"
    return "401" if row.holders and not row.own else "in" if role in row.own.split() else "403"


def _is_spared(row: Row, expected: str) -> bool:
    """Documents take a second each, and streams do not end."""
    return row.is_slow and expected == "in"


def _by_businesses(world: World, operation: str, row: Row) -> Iterator[str]:
    for role in ROLES:
        api_key = bearer(world.mine.keys[role])
        for in_session in (False, True):
            headers = world.session_of(role) if in_session else api_key
            expected = _expected(row, role, in_session)
            if _is_spared(row, expected):
                continue
            ids = {**world.things[role, in_session], "case_id": world.mine.case_id, "jti": world.mine.jti}
            answer = world.ask(operation, row, headers, ids)
            if _outcome(answer) != expected:
                yield f"{operation} by {role}{' in session' if in_session else ''}: {answer.text[:120]}, not {expected}"


def _at_others(world: World, operation: str, row: Row) -> Iterator[str]:
    """What is another's is answered as what is not there at all, and never opens but to those who see every case."""
    headers = {role: bearer(key) for role, key in world.mine.keys.items()}
    if row.own and row.holders:
        headers |= {name: bearer(token) for name, token in world.mine.links.items()}
    for who, credential in headers.items():
        if row.is_slow and who in row.others.split():
            continue
        other = world.ask(operation, row, credential, world.theirs)
        if who in row.others.split():
            if _outcome(other) != "in":
                yield f"{operation} by {who} at another's: {other.text[:120]}, not in"
            continue
        if who in SEERS.split() and _outcome(other) == "403":
            continue  # they see that it is there
        none = world.ask(operation, row, credential, NOWHERE)
        expected = ("404",) if who in row.own.split() else ("401", "403", "404")
        if _outcome(other) not in expected or _told(other) != _told(none):
            yield f"{operation} by {who} at another's: {other.text[:160]}, and at none: {none.text[:160]}"


def _told(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, {key: value for key, value in answer.json().items() if key != "instance"}


def _by_others(world: World, operation: str, row: Row) -> Iterator[str]:
    """Holders of links, and nobody."""
    callers = {"nobody": {}, **{name: bearer(token) for name, token in world.mine.links.items()}}
    ids = {**world.things["merchant", False], "case_id": world.mine.case_id, "jti": world.mine.jti}
    for who, headers in callers.items():
        lacks = "403" if row.holders and who in LINKS else "401"
        expected = "in" if who in row.holders else lacks
        if row.is_slow and expected == "in":
            continue
        answer = world.ask(operation, row, headers, ids)
        if _outcome(answer) != expected:
            yield f"{operation} by {who}: {answer.text[:120]}, not {expected}"


def _by_everybody(world: World, operation: str, row: Row) -> Iterator[str]:
    held = {**world.mine.keys, **world.mine.links}
    for who, headers in {"nobody": {}, **{who: bearer(each) for who, each in held.items()}}.items():
        answer = world.ask(operation, row, headers, {})
        wrong = answer.status_code != row.always if row.always else answer.status_code not in (200, 503)
        if wrong:
            yield f"{operation} by {who}: {answer.status_code}, not {row.always or 200}"


@pytest.mark.timeout(900)
def test_everybody_is_answered_as_the_table_says(world: World) -> None:
    wrong: Wrong = []
    for operation, row in TABLE.items():
        if row.public:
            wrong += _by_everybody(world, operation, row)
            continue
        wrong += _by_businesses(world, operation, row)
        if "_id}" in operation:
            wrong += _at_others(world, operation, row)
        wrong += _by_others(world, operation, row)
    assert not wrong, "\n".join(wrong)


def test_table_has_every_operation(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert operations - set(TABLE) == set(), "say in TABLE who may do this"
    assert set(TABLE) - operations == set()
