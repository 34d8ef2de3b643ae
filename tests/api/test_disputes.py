"""What arbitrators read and how they vote, and appeals against a ruling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from coincurve import PrivateKey
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.domain.money import to_decimal, to_minor
from ledger_service.domain.payout import split_lock
from ledger_service.domain.signatures import address_of
from ledger_service.services.app import App
from ledger_service.services.housekeeping import tidy
from ledger_service.store.tables import CaseRow, ChainCase, DisclosureRow, OutboxRow, PreparedVote, VoteRow

from .conftest import ON_BOTH, Headers, Keys, Open, as_consumer, assert_problem, bearer, count_rows, token_of
from .panels import add_panel, count_vote, record_case, rule
from .test_own_keys import sign

pytestmark = ON_BOTH

OWN, STRANGER = (PrivateKey(bytes([number]) * 32) for number in (21, 22))


class Bench:
    """A panel of three, of whom the last has a key of its own; five for appeals; one who is on no panel."""

    def __init__(self, ledger: App, account: Keys) -> None:
        def make(name: str, address: str | None = None) -> dict[str, Any]:
            return account("arbitrator", name, address)

        self.own = make("Own key", address_of(OWN.public_key))
        self.first = [make("Ines"), make("Jun"), self.own]
        self.appeal = [make(f"Appeal {number}") for number in range(5)]
        self.nobody = make("Nobody")
        upper = add_panel(ledger, [each["address"] for each in self.appeal], 5)
        self.version = add_panel(ledger, [each["address"] for each in self.first], 3, appeal=upper)


@pytest.fixture
def bench(ledger: App, account: Keys) -> Bench:
    return Bench(ledger, account)


def as_(arbitrator: dict[str, Any]) -> Headers:
    return bearer(arbitrator["api_key"])


@pytest.fixture
def disputed(client: TestClient, ledger: App, bench: Bench, as_merchant: Headers, open_case: Open) -> str:
    """A case that its consumer disputes, on the chain: inspection proposed 50 %, the consumer claims all."""
    case_id = str(open_case()["case_id"])
    for kind, data in (
        ("authorised", {}),
        ("received", {}),
        ("inspected", {"grade": "used", "share": 5_000}),
    ):
        body = {"kind": kind, "data": data}
        assert client.post(f"/v1/cases/{case_id}/milestones", json=body, headers=as_merchant).status_code == 202
    body = {"kind": "disputed", "data": {"reason": "It was unused."}}
    assert client.post("/v1/status/acts", json=body, headers=as_consumer(ledger, case_id)).status_code == 202
    record_case(ledger, case_id)
    return case_id


Vote = Callable[..., httpx.Response]


@pytest.fixture
def vote(client: TestClient, disputed: str) -> Vote:
    def post(arbitrator: dict[str, Any], share: object = 7_000, **more: Any) -> httpx.Response:
        body = {"share": share, "reason": "Worn at the edge.", **more}
        return client.post(f"/v1/disputes/{disputed}/votes", json=body, headers=as_(arbitrator))

    return post


# --- who sees what ---------------------------------------------------------------------------------------------------


def test_list_shows_an_arbitrator_what_is_before_their_panel(
    client: TestClient, bench: Bench, disputed: str, as_merchant: Headers, account: Keys
) -> None:
    (shown,) = client.get("/v1/disputes", headers=as_(bench.first[0])).json()["items"]
    assert shown["case_id"] == disputed
    assert shown["round"] == "first"
    assert shown["claims"]["merchant"] == {"share": 5_000, "amount": "9.90"}
    assert shown["panel"]["threshold"] == 3
    assert shown["yours"] == {"on_panel": True, "voted": False}
    assert client.get("/v1/disputes", headers=as_merchant).json()["items"][0]["case_id"] == disputed
    assert len(client.get("/v1/disputes", headers=bearer(account("auditor")["api_key"])).json()["items"]) == 1
    for other in (bench.nobody, bench.appeal[0], account("merchant", "Other shop")):
        assert client.get("/v1/disputes", headers=as_(other)).json()["items"] == []


def test_cases_of_an_arbitrator_are_those_before_their_panel(
    client: TestClient, bench: Bench, disputed: str, open_case: Open
) -> None:
    open_case(reference="RMA-2", carrier=bench.nobody["address"])
    listed = client.get("/v1/cases", headers=as_(bench.first[0])).json()["items"]
    assert [case["case_id"] for case in listed] == [disputed]
    for other in (bench.nobody, bench.appeal[0]):
        assert client.get("/v1/cases", headers=as_(other)).json()["items"] == []


@pytest.mark.parametrize("role", ["carrier", "warehouse", "inspector"])
def test_disputes_are_not_for_other_parties(client: TestClient, account: Keys, disputed: str, role: str) -> None:
    headers = bearer(account(role)["api_key"])
    assert_problem(client.get("/v1/disputes", headers=headers), 403, "forbidden", field="Authorization")
    assert_problem(client.get(f"/v1/disputes/{disputed}", headers=headers), 403, "forbidden", field="Authorization")


def test_list_comes_in_pages_by_deadline(client: TestClient, ledger: App, bench: Bench, disputed: str) -> None:
    with ledger.database.write() as session:
        case, chain = session.get_one(CaseRow, disputed), session.get_one(ChainCase, disputed)
        for number in (1, 2):
            other = "0x" + f"{number:064x}"
            session.add(CaseRow(**{**case.model_dump(), "case_id": other, "reference": f"R-{number}"}))
            session.flush()
            session.add(ChainCase(**{**chain.model_dump(), "case_id": other, "due": chain.due - number}))
    headers, seen, cursor = as_(bench.first[0]), [], None
    for _ in range(3):
        query = f"&cursor={cursor}" if cursor else ""
        page = client.get(f"/v1/disputes?limit=1{query}", headers=headers).json()
        seen += [item["reference"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ["R-2", "R-1", "RMA-1001"]
    assert cursor is None
    assert_problem(
        client.get("/v1/disputes?cursor=x", headers=headers), 422, "invalid-input", field="cursor", remedy="next_cursor"
    )


def test_dispute_is_shown_with_all_that_a_ruling_rests_on(client: TestClient, bench: Bench, disputed: str) -> None:
    shown = client.get(f"/v1/disputes/{disputed}", headers=as_(bench.first[1])).json()
    assert shown["proposed"] == {"grade": "used", "fee": 0, "share": 5_000, "amount": "9.90"}
    assert [each["share"] for each in shown["payouts"]] == list(range(0, 10_001, 1_000))
    assert shown["payouts"][7] == {"share": 7_000, "consumer": "13.86", "merchant": "8.44", "arbitrators": "1.50"}
    assert shown["money"]["reserve"] == "4.00"
    assert shown["evidence"][-1]["text"] == "It was unused."
    assert shown["timeline"][-1]["kind"] == "disputed"
    assert shown["verdict"] in ("pending", "verified", "failed")
    assert len(shown["checks"]) == 8


def test_dispute_shows_its_rules_in_words_and_its_chain(client: TestClient, bench: Bench, disputed: str) -> None:
    shown = client.get(f"/v1/disputes/{disputed}", headers=as_(bench.first[1])).json()
    grades = {each["grade"]: each for each in shown["policy"]["grades"]}
    assert grades["used"]["min_share"] == 5_000
    assert "loss in value" in grades["used"]["meaning"]
    assert shown["policy"]["summary"].startswith("Bought at a distance")
    assert shown["chain"]["operator"]
    assert shown["as_of"].endswith("Z")


def test_payout_terms_give_the_payout_of_every_share(
    client: TestClient, ledger: App, bench: Bench, disputed: str
) -> None:
    def check(arbitrator: dict[str, Any]) -> None:
        shown = client.get(f"/v1/disputes/{disputed}", headers=as_(arbitrator)).json()
        for row in shown["payouts"]:
            assert _paid_by(shown["payout_terms"], row["share"]) == row

    check(bench.first[0])
    rule(ledger, disputed, 7_000)
    for arbitrator in bench.first:
        count_vote(ledger, disputed, arbitrator["address"], 7_000)
    appeal(client, disputed, as_consumer(ledger, disputed), share=9_000)
    record_case(ledger, disputed)
    check(bench.appeal[0])


def _paid_by(terms: dict[str, Any], share: int) -> dict[str, Any]:
    """What the terms of a dispute come to for a share, by the arithmetic of the contract."""
    minor = {name: to_minor(value, "GBP") for name, value in terms.items() if isinstance(value, str)}
    lost = terms["consumer_loses_up_to"] is not None and share <= terms["consumer_loses_up_to"]
    paid = split_lock(
        refund=minor["refund"],
        freight=minor["freight"],
        reserve=minor["reserve"],
        share=share,
        fee=0,
        freight_to_consumer=bool(share) and terms["freight_to_consumer"],
        fees=minor["fees"],
        fees_from_consumer=minor["fees_if_lost" if lost else "fees_of_consumer"],
    )
    parts = {"consumer": paid.to_consumer, "merchant": paid.to_merchant, "arbitrators": paid.to_panel}
    return {"share": share, **{name: to_decimal(value, "GBP") for name, value in parts.items()}}


def test_case_is_hidden_from_arbitrators_that_it_never_came_before(
    client: TestClient, bench: Bench, disputed: str
) -> None:
    for path in (f"/v1/disputes/{disputed}", f"/v1/cases/{disputed}", f"/v1/cases/{disputed}/bundle"):
        assert client.get(path, headers=as_(bench.first[0])).status_code == 200
        for other in (bench.nobody, bench.appeal[0]):
            assert_problem(client.get(path, headers=as_(other)), 404, "not-found", field="case_id")


def test_case_without_a_dispute_is_none_of_an_arbitrator_s(
    client: TestClient, bench: Bench, open_case: Open, as_merchant: Headers
) -> None:
    case_id = open_case()["case_id"]
    assert_problem(client.get(f"/v1/cases/{case_id}", headers=as_(bench.first[0])), 404, "not-found", field="case_id")
    assert_problem(client.get(f"/v1/disputes/{case_id}", headers=as_merchant), 404, "not-found", field="case_id")


# --- votes -----------------------------------------------------------------------------------------------------------


def test_vote_is_accepted_with_a_receipt(client: TestClient, ledger: App, bench: Bench, vote: Vote) -> None:
    answer = vote(bench.first[0])
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["round"], body["share"], body["stage"]) == (0, 7_000, "accepted")
    claims = ledger.tokens.verify("receipt+jwt", body["receipt"]["jws"], ledger.clock.now())
    assert claims["commitment"] == body["commitment"]
    with ledger.database.read() as session:
        row = session.exec(select(VoteRow)).one()
        work = session.exec(select(OutboxRow).where(OutboxRow.action == "vote")).one()
        sealed = session.exec(select(DisclosureRow).where(DisclosureRow.record_id == row.vote_id)).one()
    assert work.record_id == row.vote_id
    assert b"Worn" not in row.canonical
    assert b"Worn" not in sealed.sealed


def test_shares_stay_out_of_sight_until_the_round_is_over(
    client: TestClient, ledger: App, bench: Bench, disputed: str, vote: Vote
) -> None:
    vote(bench.first[0])
    count_vote(ledger, disputed, bench.first[0]["address"], 7_000)
    for headers in (as_(bench.first[1]), as_consumer(ledger, disputed)):
        path = f"/v1/disputes/{disputed}" if headers == as_(bench.first[1]) else "/v1/status"
        text = client.get(path, headers=headers).text
        assert "7000" not in text.replace('"share":7000,"consumer"', "")
        assert "Worn at the edge." not in text
    shown = client.get(f"/v1/disputes/{disputed}", headers=as_(bench.first[1])).json()
    assert shown["votes_given"] == 1
    assert [each["voted"] for each in shown["panel"]["arbitrators"]] == [True, False, False]
    rule(ledger, disputed, 7_000)
    shown = client.get(f"/v1/disputes/{disputed}", headers=as_(bench.first[1])).json()
    assert (shown["votes"][0]["share"], shown["votes"][0]["reason"]) == (7_000, "Worn at the edge.")


def test_arbitrator_sees_the_own_vote_at_once(client: TestClient, bench: Bench, disputed: str, vote: Vote) -> None:
    given = vote(bench.first[0], grounds=["condition_worse", "defect_shown"], conflict="none").json()
    [mine] = client.get(f"/v1/disputes/{disputed}", headers=as_(bench.first[0])).json()["votes"]
    assert (mine["share"], mine["reason"], mine["commitment"]) == (7_000, "Worn at the edge.", given["commitment"])
    assert (mine["grounds"], mine["conflict"]) == (["condition_worse", "defect_shown"], "none")
    [seen] = client.get(f"/v1/disputes/{disputed}", headers=as_(bench.first[1])).json()["votes"]
    assert (seen["share"], seen["reason"], seen["grounds"], seen["conflict"]) == (None, None, [], None)


def test_grounds_of_a_vote_are_sealed(ledger: App, bench: Bench, vote: Vote) -> None:
    assert vote(bench.first[0], grounds=["condition_worse"], conflict="none").status_code == 202
    with ledger.database.read() as session:
        row = session.exec(select(VoteRow)).one()
        sealed = session.exec(select(DisclosureRow).where(DisclosureRow.record_id == row.vote_id)).all()
    assert b"condition_worse" not in row.canonical
    assert len(sealed) == 3
    assert all(b"condition_worse" not in each.sealed for each in sealed)


@pytest.mark.parametrize(
    ("more", "field"), [({"grounds": ["because"]}, "grounds.0"), ({"conflict": "some"}, "conflict")]
)
def test_vote_with_unknown_grounds_is_refused(
    ledger: App, bench: Bench, vote: Vote, more: dict[str, Any], field: str
) -> None:
    before = count_rows(ledger)
    assert_problem(vote(bench.first[0], **more), 422, "invalid-input", field=field)
    assert count_rows(ledger) == before


def test_person_is_told_of_votes_once_their_round_is_over(
    client: TestClient, ledger: App, bench: Bench, disputed: str, vote: Vote, as_merchant: Headers
) -> None:
    def told() -> dict[str, Any]:
        body = {"email": "ada@example.org"}
        [case] = client.post("/v1/personal-data", json=body, headers=as_merchant).json()["cases"]
        return dict(case)

    given = vote(bench.first[0]).json()
    count_vote(ledger, disputed, bench.first[0]["address"], 7_000)
    before = told()
    assert before["votes"] == [{"vote_id": given["vote_id"], "stage": "accepted", "record": None}]
    assert "Worn at the edge." not in str(before)
    rule(ledger, disputed, 7_000)
    after = told()
    [shown] = after["votes"]
    assert (shown["record"]["kind"], shown["record"]["data"]["share"]) == ("vote", 7_000)
    said = [field["value"] for field in after["personal_fields"] if field["stated_in"] == given["vote_id"]]
    assert said == ["Worn at the edge."]


def test_second_vote_in_a_round_is_refused(ledger: App, bench: Bench, vote: Vote) -> None:
    assert vote(bench.first[0]).status_code == 202
    before = count_rows(ledger)
    assert_problem(vote(bench.first[0], 8_000), 409, "conflict", field="case_id", remedy="final")
    assert count_rows(ledger) == before


def test_vote_that_the_chain_counted_already_is_refused(ledger: App, bench: Bench, disputed: str, vote: Vote) -> None:
    count_vote(ledger, disputed, bench.first[0]["address"], 7_000)
    assert_problem(vote(bench.first[0]), 409, "conflict", field="case_id")


@pytest.mark.parametrize("share", [-1, 10_001, "7000", None, 0.5])
def test_vote_for_what_is_no_share_is_refused(ledger: App, bench: Bench, vote: Vote, share: object) -> None:
    before = count_rows(ledger)
    assert_problem(vote(bench.first[0], share), 422, "invalid-input", field="share")
    assert count_rows(ledger) == before


def test_vote_in_another_round_is_refused(ledger: App, bench: Bench, vote: Vote) -> None:
    before = count_rows(ledger)
    assert_problem(vote(bench.first[0], round=2), 409, "out-of-order", field="round")
    assert count_rows(ledger) == before


def test_vote_after_the_deadline_is_refused(ledger: App, bench: Bench, disputed: str, vote: Vote) -> None:
    record_case(ledger, disputed, deadline=1, due=1)
    assert_problem(vote(bench.first[0]), 409, "out-of-order", field="case_id", remedy="deadline")


def test_vote_on_a_case_that_was_ruled_is_refused(ledger: App, bench: Bench, disputed: str, vote: Vote) -> None:
    rule(ledger, disputed, 7_000)
    assert_problem(vote(bench.first[0]), 409, "out-of-order", field="case_id")


def test_vote_by_who_sits_on_another_panel_is_refused(ledger: App, bench: Bench, vote: Vote) -> None:
    for other in (bench.nobody, bench.appeal[0]):
        assert_problem(vote(other), 404, "not-found", field="case_id")


def test_vote_of_the_first_panel_in_the_appeal_is_refused(
    ledger: App, bench: Bench, disputed: str, vote: Vote, client: TestClient
) -> None:
    rule(ledger, disputed, 7_000)
    appeal(client, disputed, as_consumer(ledger, disputed), share=9_000)
    record_case(ledger, disputed)
    assert_problem(vote(bench.first[0]), 403, "forbidden", field="case_id")
    assert vote(bench.appeal[0]).status_code == 202


@pytest.mark.parametrize("role", ["merchant", "carrier", "auditor", "operator"])
def test_votes_are_for_arbitrators_alone(client: TestClient, account: Keys, disputed: str, role: str) -> None:
    headers = bearer(account(role, f"A {role}")["api_key"])
    for path in ("votes", "votes/prepare"):
        answer = client.post(f"/v1/disputes/{disputed}/{path}", json={"share": 1}, headers=headers)
        assert_problem(answer, 403, "forbidden", field="Authorization")


def test_vote_sent_again_under_its_key_counts_once(client: TestClient, bench: Bench, disputed: str) -> None:
    headers = {**as_(bench.first[0]), "Idempotency-Key": "vote-1"}
    path = f"/v1/disputes/{disputed}/votes"
    first = client.post(path, json={"share": 7_000}, headers=headers)
    again = client.post(path, json={"share": 7_000}, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


def test_arbitrator_with_an_own_key_votes_by_signature(
    client: TestClient, ledger: App, bench: Bench, disputed: str, vote: Vote
) -> None:
    assert_problem(vote(bench.own), 422, "invalid-input", field="signature", remedy="/votes/prepare")
    path, headers = f"/v1/disputes/{disputed}/votes", as_(bench.own)
    prepared = client.post(f"{path}/prepare", json={"share": 6_500, "reason": "x"}, headers=headers).json()
    assert prepared["signer"] == bench.own["address"]
    assert prepared["typed_data"]["domain"]["name"] == "ArbitrationPanel"
    assert prepared["typed_data"]["message"]["share"] == 6_500
    body = {"share": 6_500, "vote_id": prepared["vote_id"], "signer": prepared["signer"]}
    for wrong, field in (
        ({"signature": sign(STRANGER, prepared)}, "signature"),
        ({"signature": None}, "signature"),
        ({"signature": sign(OWN, prepared), "share": 6_501}, "share"),
        ({"signature": sign(OWN, prepared), "round": 2}, "round"),
        ({"signature": sign(OWN, prepared), "signer": address_of(STRANGER.public_key)}, "signer"),
    ):
        before = count_rows(ledger)
        answer = client.post(path, json={**body, **wrong}, headers=headers)
        assert_problem(answer, 422, "invalid-input", field=field)
        assert count_rows(ledger) == before
    taken = client.post(path, json={**body, "signature": sign(OWN, prepared)}, headers=headers)
    assert taken.status_code == 202, taken.text
    assert taken.json()["commitment"] == prepared["commitment"]
    again = client.post(path, json={**body, "signature": sign(OWN, prepared)}, headers=headers)
    assert_problem(again, 409, "conflict", field="vote_id")


def test_prepared_vote_is_deleted_once_its_signature_cannot_count(
    client: TestClient, ledger: App, bench: Bench, disputed: str
) -> None:
    path = f"/v1/disputes/{disputed}/votes/prepare"
    old, young = (client.post(path, json={"share": 1}, headers=as_(bench.own)).json()["vote_id"] for _ in range(2))
    kept = (ledger.settings.signature_days + 1) * 86_400
    with ledger.database.write() as session:
        session.get_one(PreparedVote, old).created_at -= kept + 1
        session.get_one(PreparedVote, young).created_at -= kept - 1
    tidy(ledger)
    with ledger.database.read() as session:
        assert [row.vote_id for row in session.exec(select(PreparedVote))] == [young]


def test_prepared_vote_of_somebody_else_is_not_found(
    client: TestClient, bench: Bench, disputed: str, vote: Vote
) -> None:
    path = f"/v1/disputes/{disputed}/votes/prepare"
    prepared = client.post(path, json={"share": 1}, headers=as_(bench.own)).json()
    body = {"share": 1, "vote_id": prepared["vote_id"], "signature": sign(OWN, prepared)}
    answer = client.post(f"/v1/disputes/{disputed}/votes", json=body, headers=as_(bench.first[0]))
    assert_problem(answer, 404, "not-found", field="vote_id")


# --- appeals ---------------------------------------------------------------------------------------------------------


def appeal(client: TestClient, case_id: str, headers: Headers, **body: Any) -> httpx.Response:
    return client.post(f"/v1/disputes/{case_id}/appeals", json={"reason": "Look again.", **body}, headers=headers)


@pytest.mark.parametrize(("share", "side"), [(7_000, "consumer"), (10_000, "merchant")])
def test_ruling_waits_for_whoever_can_appeal(
    client: TestClient, ledger: App, disputed: str, as_merchant: Headers, share: int, side: str
) -> None:
    rule(ledger, disputed, share)
    shown = client.get(f"/v1/cases/{disputed}", headers=as_merchant).json()
    assert shown["next"]["waiting_for"] == side


def test_consumer_appeals_through_the_link(
    client: TestClient, ledger: App, bench: Bench, disputed: str, as_merchant: Headers
) -> None:
    rule(ledger, disputed, 7_000)
    consumer = as_consumer(ledger, disputed)
    shown = client.get("/v1/status", headers=consumer).json()
    assert shown["next"]["limits"]["appealed"] == {"least": 7_001, "most": 10_000, "start": 10_000}
    assert shown["dispute"]["ruling"] == {"share": 7_000, "amount": "13.86"}
    answer = appeal(client, disputed, consumer, share=9_000)
    assert answer.status_code == 202, answer.text
    assert answer.json()["kind"] == "appealed"
    shown = client.get("/v1/status", headers=consumer).json()
    assert (shown["state"], shown["dispute"]["round"]) == ("disputed", "appeal")
    assert shown["dispute"]["claims"]["consumer"]["share"] == 9_000
    assert shown["dispute"]["panel"]["threshold"] == 5
    assert shown["next"]["otherwise"] == "as_ruled"
    assert client.get(f"/v1/disputes/{disputed}", headers=as_(bench.appeal[0])).status_code == 200


def test_merchant_appeals_with_its_key(client: TestClient, ledger: App, disputed: str, as_merchant: Headers) -> None:
    rule(ledger, disputed, 7_000)
    assert appeal(client, disputed, as_merchant, share=2_000).status_code == 202
    claims = client.get(f"/v1/cases/{disputed}", headers=as_merchant).json()["dispute"]["claims"]
    assert claims["merchant"]["share"] == 2_000


def test_appeal_that_loses_costs_the_consumer_part_of_the_payout(
    client: TestClient, ledger: App, bench: Bench, disputed: str
) -> None:
    rule(ledger, disputed, 7_000)
    for arbitrator in bench.first:
        count_vote(ledger, disputed, arbitrator["address"], 7_000)
    appeal(client, disputed, as_consumer(ledger, disputed), share=9_000)
    record_case(ledger, disputed)
    payouts = client.get(f"/v1/disputes/{disputed}", headers=as_(bench.appeal[0])).json()["payouts"]
    assert payouts[7] == {"share": 7_000, "consumer": "11.36", "merchant": "8.44", "arbitrators": "4.00"}
    assert payouts[8] == {"share": 8_000, "consumer": "15.84", "merchant": "3.96", "arbitrators": "4.00"}


@pytest.mark.parametrize("share", [7_000, 5_000])
def test_appeal_for_no_more_than_the_ruling_is_refused(
    client: TestClient, ledger: App, disputed: str, share: int
) -> None:
    rule(ledger, disputed, 7_000)
    consumer = as_consumer(ledger, disputed)
    before = count_rows(ledger)
    answer = appeal(client, disputed, consumer, share=share)
    assert_problem(answer, 409, "out-of-order", field="data.share")
    assert count_rows(ledger) == before


def test_second_appeal_is_refused(client: TestClient, ledger: App, disputed: str, as_merchant: Headers) -> None:
    rule(ledger, disputed, 7_000)
    assert appeal(client, disputed, as_merchant, share=2_000).status_code == 202
    again = appeal(client, disputed, as_consumer(ledger, disputed), share=9_000)
    assert_problem(again, 409, "out-of-order", field="kind")


def test_appeal_before_a_ruling_is_refused(client: TestClient, disputed: str, as_merchant: Headers) -> None:
    assert_problem(appeal(client, disputed, as_merchant, share=0), 409, "out-of-order", field="kind")


def test_appeal_needs_a_right_to_it(
    client: TestClient, ledger: App, bench: Bench, disputed: str, open_case: Open, account: Keys
) -> None:
    rule(ledger, disputed, 7_000)
    other = open_case(reference="RMA-2")
    reading = bearer(token_of(other["status_link"]))
    elsewhere = as_consumer(ledger, other["case_id"])
    assert_problem(appeal(client, disputed, elsewhere, share=9_000), 404, "not-found", field="case_id")
    assert_problem(appeal(client, other["case_id"], reading), 403, "forbidden", field="Authorization")
    assert_problem(appeal(client, disputed, as_(bench.first[0])), 403, "forbidden", field="kind")
    stranger = bearer(account("merchant", "Other shop")["api_key"])
    assert_problem(appeal(client, disputed, stranger), 404, "not-found", field="case_id")
    assert_problem(appeal(client, disputed, {}), 401, "unauthenticated", field="Authorization")
    assert_problem(appeal(client, disputed, bearer("lk_nobody")), 401, "unauthenticated", field="Authorization")
