"""Disputed cases from their opening to their end through the services: each verified, all of it audited."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from databases import Databases
from sqlalchemy import text

from ledger_service.chain.case_reader import FullReader
from ledger_service.chain.code import code_hashes
from ledger_service.services.app import make_app
from ledger_service.services.audit import audit
from ledger_service.services.bundles import make_bundle
from ledger_service.services.evidence import verify_case
from ledger_service.verification import verify_bundle

from .conftest import World
from .court import FEE, PAID_IN, Court, opened_court

LIVES = ("ruled", "appealed", "fallback", "silence", "challenge", "split", "exchange", "bound", "open")


class Lives:
    """A court that has seen a case of each kind."""

    def __init__(self, court: Court) -> None:
        self.court = court
        self.cases: dict[str, str] = {name: getattr(self, f"_{name}")() for name in LIVES}

    def _ruled(self) -> str:
        case = self.court.disputed("ruled")
        self.court.shop_says(case, "evidence", text="The lamp was worn.")
        self.votes = self.court.vote(case, self.court.judges, 9_000, 8_500, 9_700)
        self.court.lapse(case)
        return case

    def _appealed(self) -> str:
        case = self.court.disputed("appealed")
        self.court.vote(case, self.court.judges, 8_500, 8_500, 8_500)
        self.court.consumer_says(case, "appealed", share=10_000)
        self.court.settle()
        self.court.vote(case, self.court.elders, 8_500, 8_000, 8_400, 9_000, 8_600)
        return case

    def _fallback(self) -> str:
        case = self.court.disputed("fallback")
        self.court.vote(case, self.court.judges, 1_000)
        self.court.lapse(case)
        self.court.vote(case, self.court.deputies, 10_000, 10_000, 9_000)
        self.court.lapse(case)
        return case

    def _silence(self) -> str:
        case = self.court.disputed("silence")
        self.court.lapse(case)
        self.court.lapse(case)
        return case

    def _challenge(self) -> str:
        case = self.court.inspected("challenge", 10_000, "bond")
        self.court.consumer_says(case, "accepted")
        self.court.shop_says(case, "refunded", reference="pi_1")
        self.court.consumer_says(case, "challenged", share=3_000)
        self.court.settle()
        self.court.vote(case, self.court.judges, 3_000, 2_000, 1_000)
        return case

    def _split(self) -> str:
        case = self.court.disputed("split")
        self.court.shop_says(case, "split", share=9_200)
        self.court.consumer_says(case, "split", share=9_200)
        self.court.lapse(case)
        return case

    def _exchange(self) -> str:
        case = self.court.inspected("exchange", 10_000)
        self.court.shop_says(case, "exchange_agreed")
        self.court.consumer_says(case, "exchange_agreed")
        self.court.lapse(case)
        self.court.shop_says(case, "exchange_shipped")
        self.court.shop_says(case, "exchange_delivered")
        self.court.lapse(case)
        return case

    def _bound(self) -> str:
        case = self.court.inspected("bound", 8_000)
        own = self.court.consumer_binds(case)
        self.court.lapse(case)
        self.court.consumer_signs(case, own, "accepted")
        self.court.settle()
        return case

    def _open(self) -> str:
        """A dispute with one vote of three, and one that the panel refused because the case had moved on."""
        case = self.court.disputed("open")
        self.court.vote(case, self.court.judges, 7_000)
        return case


@pytest.fixture(scope="module")
def lives(world: World, databases_of_module: Databases) -> Iterator[Lives]:
    with opened_court(world, databases_of_module.make()) as court:
        made = Lives(court)
        court.settle()
        yield made


ENDS = {  # state, minor units to the consumer of 2,000, arbitrators' fees
    "ruled": ("settled", 1_800, 3 * FEE),
    "appealed": ("settled", 1_700 - 5 * FEE, 8 * FEE),
    "fallback": ("settled", 2_000, 3 * FEE),
    "silence": ("settled", 2_000, 0),
    "challenge": ("settled", 400, 3 * FEE),
    "split": ("settled", 1_840, 0),
    "exchange": ("settled", 0, 0),
    "bound": ("settled", 1_600, 0),
    "open": ("disputed", 0, 0),
}


@pytest.mark.parametrize("name", LIVES)
def test_life_ends_as_its_rules_say(lives: Lives, name: str) -> None:
    found = lives.court.case(lives.cases[name])
    assert (found.state, found.to_consumer, found.fees) == ENDS[name]
    assert found.withdrawn == found.to_consumer


@pytest.mark.parametrize("name", LIVES)
def test_life_is_verified_against_its_chain(lives: Lives, name: str) -> None:
    body = verify_case(lives.court.app, lives.cases[name])
    verdict = "pending" if name == "open" else "verified"
    assert (body["verdict"], body["skipped"]) == (verdict, [7]), body


@pytest.mark.parametrize("name", [name for name in LIVES if name != "open"])
def test_bundle_of_life_is_verified_by_a_stranger(lives: Lives, name: str, world: World) -> None:
    bundle = json.loads(json.dumps(make_bundle(lives.court.app, lives.cases[name])))
    report = verify_bundle(bundle, FullReader(world.chain.rpc), keys=lives.court.app.tokens.jwks())
    assert (report.verdict, report.skipped) == ("verified", [7]), report.as_json()


@pytest.mark.parametrize("name", LIVES)
def test_bundle_of_life_is_proven_by_one_block_hash_alone(lives: Lives, name: str) -> None:
    bundle = json.loads(json.dumps(make_bundle(lives.court.app, lives.cases[name])))
    newest = bundle["evidence"]["blocks"][-1]["hash"]
    report = verify_bundle(bundle, block_hash=newest, codes=code_hashes)
    refused = [4, 6] if bundle["evidence"]["refusals"] else []
    assert (report.verdict, report.skipped) == ("verified", [*refused, 7]), report.as_json()


def test_bundle_tells_nothing_of_votes_whose_round_goes_on(lives: Lives) -> None:
    shown = {name: len(make_bundle(lives.court.app, lives.cases[name])["evidence"]["votes"]) for name in LIVES}
    assert (shown["open"], shown["ruled"], shown["appealed"], shown["fallback"]) == (0, 3, 8, 4)


def test_audit_of_all_lives_finds_nothing(lives: Lives) -> None:
    report = audit(lives.court.app)
    assert report["problems"] == []
    money = report["money"]["EUR"]
    fees = sum(fees for _, _, fees in ENDS.values())
    assert Decimal(money["in"]) * 100 >= PAID_IN  # a stranger's case brings money of its own
    assert money["fees"] == f"{fees / 100:.2f}"
    assert money["withdrawn_by_arbitrators"] == money["fees"]


# --- until something is changed --------------------------------------------------------------------------------------


@pytest.fixture
def copy(lives: Lives, databases_of_module: Databases) -> Any:
    """The app of a copy of the court's database, which may be changed."""
    app = lives.court.app
    return make_app(app.settings, app.deployment, app.clock, databases_of_module.copy(lives.court.database))


def change(app: Any, statement: str, **values: Any) -> None:
    with app.database.write() as session:
        session.execute(text(statement), values)


# One chain suffices, and its database, which takes values of any type: what is found depends on neither.
ONE_CHAIN = pytest.mark.parametrize("world", ["ganache"], indirect=True)
CHANGES = {
    "share": "share + 1",
    "round": "round + 1",
    "arbitrator": "'0x' || substr(arbitrator, 5) || 'ff'",
    "canonical": "replace(canonical, '8500', '8501')",
    "commitment": "'0x' || substr(commitment, 5) || 'ff'",
    "signature": "zeroblob(65)",
    "valid_until": "valid_until + 1",
    "key_holder": "'own'",
    "occurred_at": "occurred_at + 1",
    "accepted_at": "accepted_at + 1",
    "receipt": "receipt || 'a'",
}


@ONE_CHAIN
@pytest.mark.parametrize("column", CHANGES)
def test_audit_after_a_vote_is_changed_names_it(lives: Lives, copy: Any, column: str) -> None:
    vote = lives.votes[1]
    change(copy, f"UPDATE votes SET {column} = {CHANGES[column]} WHERE vote_id = :vote", vote=vote)
    problems = audit(copy)["problems"]
    assert vote in {problem.get("record_id") for problem in problems}, problems
    assert verify_case(copy, lives.cases["ruled"])["verdict"] == "failed"


@ONE_CHAIN
@pytest.mark.parametrize("table", ["votes", "chain_votes", "chain_panels", "chain_balances"])
def test_audit_after_a_row_of_disputes_is_removed_fails(lives: Lives, copy: Any, table: str) -> None:
    change(copy, f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})")  # the court's own
    assert not audit(copy)["ok"]


@ONE_CHAIN
@pytest.mark.parametrize("column", ["share", "commitment", "arbitrator", "round", "tx_hash", "block_hash"])
def test_audit_after_a_counted_vote_is_changed_fails(lives: Lives, copy: Any, column: str) -> None:
    value = f"{column} + 1" if column in ("share", "round") else f"substr({column}, 1, 20) || 'ff'"
    row = "(SELECT min(rowid) FROM chain_votes WHERE case_id = :case)"
    change(copy, f"UPDATE chain_votes SET {column} = {value} WHERE rowid = {row}", case=lives.cases["ruled"])
    assert not audit(copy)["ok"]


@ONE_CHAIN
@pytest.mark.parametrize("column", ["threshold", "fee", "appeal_panel", "fallback_panel", "arbitrators"])
def test_audit_after_a_panel_is_changed_fails(lives: Lives, copy: Any, column: str) -> None:
    value = "'[]'" if column == "arbitrators" else f"{column} + 2"
    change(copy, f"UPDATE chain_panels SET {column} = {value} WHERE version = :it", it=lives.court.panel)
    assert not audit(copy)["ok"]
