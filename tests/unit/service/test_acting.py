"""Milestones that are taken together: each is judged by what those before it have led to, and fails alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from asking import account_of
from sqlalchemy import delete, func, select, text
from sqlmodel import Session, SQLModel, col
from structlog.testing import capture_logs

from ledger_service.domain.vocabulary import Kind
from ledger_service.errors import (
    Conflict,
    Forbidden,
    IntegrityFailure,
    Interrupted,
    InvalidInput,
    NotFound,
    OutOfOrder,
    Overloaded,
)
from ledger_service.services.accounts import create_account
from ledger_service.services.acting import Statement, state_milestone, state_milestones
from ledger_service.services.app import App
from ledger_service.services.idempotency import Answer, IdempotencyClaim, claim_of
from ledger_service.services.inputs import CaseInput, MilestoneInput
from ledger_service.services.opening import open_case
from ledger_service.store import database as database_module
from ledger_service.store.idempotency import insert_answers
from ledger_service.store.tables import Account, CaseKey, CaseRow, DisclosureRow, HeldKey, OutboxRow, RecordRow

AUTHORISED = MilestoneInput(kind="authorised")


@pytest.fixture
def cases(app: App, shop: Account) -> list[str]:
    body = {
        "reference": "RMA-1",
        "consumer": {"email": "ana@customers.example"},
        "items": [{"sku": "1", "quantity": 1, "unit_price": "19.80"}],
        "refund": {"amount": "19.80", "currency": "GBP"},
        "policy": "eu-14",
        "escrow": "none",
    }
    return [open_case(app, shop, CaseInput.model_validate(body))["case_id"] for _ in range(3)]


def count(app: App) -> dict[str, int]:
    with app.database.read() as session:
        return {
            name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in SQLModel.metadata.tables.items()
        }


def rows_of(app: App, case_id: str) -> list[RecordRow]:
    with app.database.read() as session:
        found = session.scalars(select(RecordRow).where(col(RecordRow.case_id) == case_id).order_by(col(RecordRow.seq)))
        return list(found)


def taken(outcome: Answer | Exception) -> dict[str, Any]:
    assert isinstance(outcome, Answer), outcome
    assert outcome.status == 202
    return outcome.body


def keyed(app: App, shop: Account, case_id: str, key: str, request: MilestoneInput = AUTHORISED) -> Statement:
    return Statement(shop, case_id, request, claim_of(app, f"account:{shop.id}", key, f"{case_id}:{request.kind}"))


def test_each_of_several_cases_is_answered_in_its_place(app: App, shop: Account, cases: list[str]) -> None:
    bodies = [taken(each) for each in state_milestones(app, [Statement(shop, case, AUTHORISED) for case in cases])]
    assert [body["case_id"] for body in bodies] == cases
    for body in bodies:
        opened, stated = rows_of(app, body["case_id"])
        assert (opened.kind, stated.kind) == ("requested", "authorised")
        assert (stated.record_id, stated.commitment) == (body["record_id"], body["commitment"])
        assert stated.receipt == body["receipt"]["jws"]
    with app.database.read() as session:
        sent = session.scalars(
            select(OutboxRow).where(col(OutboxRow.action) == "act").order_by(col(OutboxRow.id))
        ).all()
    assert [row.record_id for row in sent] == [body["record_id"] for body in bodies]
    assert [row.case_id for row in sent] == cases


def test_refusals_among_others_are_theirs_alone_and_leave_nothing(app: App, shop: Account, cases: list[str]) -> None:
    stranger = account_of(app, create_account(app, "merchant", "Other")["api_key"])
    auditor = account_of(app, create_account(app, "auditor", "Eyes")["api_key"])
    before = count(app)
    outcomes = state_milestones(
        app,
        [
            Statement(shop, cases[0], AUTHORISED),
            Statement(stranger, cases[1], AUTHORISED),
            Statement(shop, "0x" + "00" * 32, AUTHORISED),
            Statement(auditor, cases[1], AUTHORISED),
            Statement(shop, cases[1], MilestoneInput(kind="no such kind")),
            Statement(shop, cases[1], MilestoneInput(kind="received")),
            Statement(shop, cases[1], MilestoneInput(kind="authorised", data={"reason": 7})),
            Statement(shop, cases[2], AUTHORISED),
        ],
    )
    wrong = [NotFound, NotFound, Forbidden, InvalidInput, OutOfOrder, InvalidInput]
    assert [type(each) for each in outcomes] == [Answer, *wrong, Answer]
    after = count(app)
    assert after == {**before, "records": before["records"] + 2, "outbox": before["outbox"] + 2}
    assert len(rows_of(app, cases[1])) == 1


def test_act_of_a_case_is_judged_by_those_before_it_in_the_group(app: App, shop: Account, cases: list[str]) -> None:
    kinds = ("authorised", "authorised", "picked_up", "received")
    outcomes = state_milestones(app, [Statement(shop, cases[0], MilestoneInput(kind=kind)) for kind in kinds])
    assert [type(each) for each in outcomes] == [Answer, OutOfOrder, Answer, Answer]
    assert [row.kind for row in rows_of(app, cases[0])] == ["requested", "authorised", "picked_up", "received"]
    inspected = MilestoneInput(kind="inspected", data={"grade": "as_new", "share": 10_000})
    assert state_milestone(app, shop, cases[0], inspected)["kind"] == Kind.INSPECTED.wire


def test_same_key_twice_in_a_group_counts_once(app: App, shop: Account, cases: list[str]) -> None:
    one, other = keyed(app, shop, cases[0], "k"), keyed(app, shop, cases[1], "k")
    first, again, different = state_milestones(app, [one, one, other])
    assert taken(first) == taken(again)
    assert (first.replayed, again.replayed) == (False, True)  # type: ignore[union-attr]
    assert isinstance(different, InvalidInput)
    assert different.field == "Idempotency-Key"
    assert count(app)["idempotent_requests"] == 1
    (later,) = state_milestones(app, [one])
    assert later == Answer(202, taken(first), replayed=True)
    assert (len(rows_of(app, cases[0])), len(rows_of(app, cases[1]))) == (2, 1)


def test_key_of_a_refused_request_is_free_in_the_same_group(app: App, shop: Account, cases: list[str]) -> None:
    late, right = keyed(app, shop, cases[0], "k", MilestoneInput(kind="received")), keyed(app, shop, cases[0], "k")
    refused, accepted = state_milestones(app, [late, right])
    assert isinstance(refused, OutOfOrder)
    assert taken(accepted)["kind"] == "authorised"


def test_erased_case_takes_what_is_not_personal(app: App, shop: Account, cases: list[str]) -> None:
    with app.database.write() as session:
        session.execute(delete(CaseKey).where(col(CaseKey.case_id) == cases[0]))
    personal = MilestoneInput(kind="authorised", personal={"clerk": "Ana"})
    erased, kept, bare = state_milestones(
        app,
        [
            Statement(shop, cases[0], personal),
            Statement(shop, cases[1], personal),
            Statement(shop, cases[0], AUTHORISED),
        ],
    )
    assert isinstance(erased, Conflict)
    assert taken(bare)["case_id"] == cases[0]
    with app.database.read() as session:
        sealed = session.scalars(
            select(DisclosureRow).where(col(DisclosureRow.record_id) == taken(kept)["record_id"])
        ).one()
        key = session.get_one(CaseKey, cases[1])
    secret = app.vault.unwrap(cases[1], key.wrapped)
    assert b"Ana" not in sealed.sealed
    assert app.vault.open(secret, sealed.digest, sealed.sealed)


def test_without_room_only_what_was_answered_is_answered(app: App, shop: Account, cases: list[str]) -> None:
    known, new, keyless = (
        keyed(app, shop, cases[0], "k"),
        keyed(app, shop, cases[1], "l"),
        Statement(shop, cases[2], AUTHORISED),
    )
    used = keyed(app, shop, cases[1], "k")
    (first,) = state_milestones(app, [known])
    before = count(app)

    def full() -> None:
        raise Overloaded("Too much is waiting for the chain.", retry_after=1)

    again, refused, too, wrong = state_milestones(app, [known, new, keyless, used], full)
    assert taken(again) == taken(first)
    assert isinstance(wrong, InvalidInput)
    assert isinstance(refused, Overloaded)
    assert isinstance(too, Overloaded)
    assert count(app) == before


def test_unit_of_work_that_may_have_been_kept_is_not_done_again(
    app: App, shop: Account, cases: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut while the database commits."""
    write = app.database.write

    @contextmanager
    def cut() -> Iterator[Session]:
        with write() as session:
            yield session
        raise ConnectionResetError

    monkeypatch.setattr(app.database, "write", cut)
    outcomes = state_milestones(app, [Statement(shop, case, AUTHORISED) for case in cases])
    assert [type(each) for each in outcomes] == [ConnectionResetError] * 3
    assert [len(rows_of(app, case)) for case in cases] == [2, 2, 2]


def test_unit_of_work_that_gave_way_to_another_is_done_again(
    app: App, shop: Account, cases: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, tried = app.database.write, iter(range(9))

    @contextmanager
    def deadlocked() -> Iterator[Session]:
        with write() as session:
            yield session
            if next(tried) == 0:
                raise Interrupted("Another transaction went first.", remedy="Try again.")

    monkeypatch.setattr(app.database, "write", deadlocked)
    outcomes = state_milestones(app, [Statement(shop, case, AUTHORISED) for case in cases])
    assert [type(each) for each in outcomes] == [Answer] * 3
    assert [len(rows_of(app, case)) for case in cases] == [2, 2, 2]


def test_group_that_the_database_refuses_is_done_one_by_one(app: App, shop: Account, cases: list[str]) -> None:
    """Another process has given an answer under one of the keys, and commits it once this one has looked."""
    if app.database.is_sqlite:
        pytest.skip("SQLite lets one writer look at a time")
    other = claim_of(app, f"account:{shop.id}", "l", "another request")
    statements = [keyed(app, shop, case, key) for case, key in zip(cases, "klm", strict=True)]
    outcomes: list[Answer | Exception] = []
    group = threading.Thread(target=lambda: outcomes.extend(state_milestones(app, statements)))
    with app.database.write() as session:
        insert_answers(session, [other.answered(202, {})])
        group.start()
        time.sleep(1.0)
        assert group.is_alive(), "it waits for the other's end"
    group.join(30)
    assert [type(each) for each in outcomes] == [Answer, InvalidInput, Answer]
    assert [len(rows_of(app, case)) for case in cases] == [2, 1, 2]
    assert isinstance(statements[0].claim, IdempotencyClaim)


def test_keystore_that_cannot_be_opened_is_that_account_s_alone(
    app: App, shop: Account, cases: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others stay one group: one unit of work, one commit."""
    other = _shop_with_a_damaged_key(app)
    statements = [Statement(each, case, AUTHORISED) for each, case in zip((shop, other, shop), cases, strict=True)]
    with app.database.write() as session:
        case = session.get_one(CaseRow, cases[1])
        case.merchant, case.account_id = other.address, other.id or 0
        session.add(case)
    write, units = app.database.write, []

    def counted() -> AbstractContextManager[Session]:
        units.append(1)
        return write()

    monkeypatch.setattr(app.database, "write", counted)
    outcomes = state_milestones(app, statements)
    assert [type(each) for each in outcomes] == [Answer, IntegrityFailure, Answer]
    assert len(units) == 1


def _shop_with_a_damaged_key(app: App) -> Account:
    made = create_account(app, "merchant", "Another shop")
    with app.database.write() as session:
        held = session.get_one(HeldKey, made["address"])
        held.keystore = held.keystore.replace("mac", "cam")
        session.add(held)
        return session.scalars(select(Account).where(col(Account.address) == made["address"])).one()


def test_case_that_is_held_by_a_stuck_session_holds_up_the_others_for_a_while(
    app: App, shop: Account, cases: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if app.database.is_sqlite:
        pytest.skip("SQLite lets one writer look at a time")
    monkeypatch.setattr(database_module, "_LOCK", 1)
    app.database.engine.dispose()
    again = [Statement(shop, cases[1], AUTHORISED)] * 20
    began = time.monotonic()
    with app.database.engine.connect() as stuck, capture_logs() as logs:
        stuck.execute(text("SELECT 1 FROM cases WHERE case_id = :case FOR UPDATE"), {"case": cases[1]})
        outcomes = state_milestones(app, [Statement(shop, cases[0], AUTHORISED), *again])
        stuck.rollback()
    assert time.monotonic() - began < 15
    assert [type(each) for each in outcomes] == [Answer, *[Interrupted] * 20]
    assert {each["why"] for each in logs if each["event"] == "taken_one_by_one"} == {"Interrupted"}
    assert [type(each) for each in state_milestones(app, again[:1])] == [Answer]
