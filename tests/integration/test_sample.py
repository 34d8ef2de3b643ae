"""The sample of a local run: what it shows once it is ready."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import httpx
import pytest
from unit.documents.pages import files_in, text_of

from ledger_service.domain.breaches import judge_breach
from ledger_service.domain.evidence import parse_evidence
from ledger_service.domain.reading import Reading
from ledger_service.services.sample_lives import LIVES
from ledger_service.verification import verify_bundle

from .running import Running

ENDS = {  # by credit note: state, what was paid in pounds, and a kind that the timeline has
    "C536391": ("settled", "141.48", "accepted"),
    "C536506": ("settled", "17.85", "accepted"),
    "C536543": ("settled", "3.80", "received"),
    "C536548": ("settled", "0.00", "refunded"),
    "C536606": ("closed", "0.00", "cancelled"),
    "C536622": ("declined", "0.00", "declined"),
    "C536625": ("inspected", "0.00", "inspected"),
    "C536734": ("settled", "18.72", "evidence"),
    "C537333": ("settled", "30.60", "appealed"),
    "C536855": ("settled", "0.00", "exchange_delivered"),
    "C536822": ("settled", "22.59", "split"),
    "C537373": ("disputed", "0.00", "disputed"),
    "C536642": ("picked_up", "0.00", "picked_up"),
}

LATE = "C536543"  # the shop and its inspector let their windows pass


@pytest.fixture(scope="module")
def statuses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """What each printed link shows, by credit note."""
    installation = Running(tmp_path_factory.mktemp("sample") / "data", "anvil")
    try:
        installation.start(seconds=240)
        printed = installation.output.read_text("utf-8")
        found = {}
        for note, token in re.findall(r"\((C\d+)\):\n\s+http\S+/s#(\S+)", printed):
            headers = {"Authorization": f"Bearer {token}"}
            answer = httpx.get(f"{installation.url}/v1/status", headers=headers, timeout=60)
            found[note] = answer.raise_for_status().json()
            missed = httpx.get(f"{installation.url}/v1/status/breaches", headers=headers, timeout=60)
            found[note]["breaches"] = missed.raise_for_status().json()["items"]
        shop = json.loads((installation.data / "sample-keys.json").read_text("utf-8"))["Sample Shop"]
        refunds = installation.client(shop["api_key"]).get("/v1/audit/refunds").raise_for_status().json()["items"]
        for refund in refunds:
            found[refund["reference"]]["audit"] = refund
        late = f"/v1/cases/{found[LATE]['case_id']}/bundle.pdf"
        found[LATE]["pdf"] = installation.client(shop["api_key"]).get(late).raise_for_status().content
        found[LATE]["jwks"] = httpx.get(f"{installation.url}/.well-known/jwks.json").raise_for_status().json()
        found[LATE]["mails"] = [file.read_bytes() for file in sorted((installation.data / "mail").glob("*.eml"))]
        yield found
    finally:
        installation.close()


def test_sample_shows_every_life(statuses: dict[str, dict[str, Any]]) -> None:
    assert statuses.keys() == ENDS.keys() == {life.note for life in LIVES}


@pytest.mark.parametrize("note", ENDS)
def test_life_ends_as_it_should(statuses: dict[str, dict[str, Any]], note: str) -> None:
    state, paid, kind = ENDS[note]
    shown = statuses[note]
    assert (shown["state"], shown["refund"]["paid"]) == (state, paid)
    assert kind in [step["kind"] for step in shown["timeline"]]
    assert [step for step in shown["timeline"] if step["stage"] == "rejected"] == []
    assert shown["verdict"] == ("pending" if state == "disputed" else "verified")


def test_rulings_pay_their_arbitrators_out_of_the_reserve(statuses: dict[str, dict[str, Any]]) -> None:
    assert statuses["C536734"]["money"]["fees"] == "1.50"
    assert statuses["C537333"]["money"]["fees"] == "4.00"
    rulings = [step["data"] for step in statuses["C537333"]["timeline"] if step["kind"] == "ruled"]
    assert [ruling["share"] for ruling in rulings] == [5_000, 9_000]
    assert [len(ruling["votes"]) for ruling in rulings] == [3, 5]


def test_audit_of_refunds_names_rulings_and_fees(statuses: dict[str, dict[str, Any]]) -> None:
    def arbitration(note: str) -> dict[str, Any]:
        found: dict[str, Any] = statuses[note]["audit"]["arbitration"]
        return found

    once = {"ruled_share": 7_500, "rulings": 1, "fees": "1.50", "fees_of_consumer": "0.00"}
    assert arbitration("C536734") == once
    assert arbitration("C537333") == {**once, "ruled_share": 9_000, "rulings": 2, "fees": "4.00"}
    assert arbitration("C536391") == {"ruled_share": None, "rulings": 0, "fees": "0.00", "fees_of_consumer": "0.00"}


def test_dispute_waits_for_two_more_votes(statuses: dict[str, dict[str, Any]]) -> None:
    dispute = statuses["C537373"]["dispute"]
    assert [each["voted"] for each in dispute["panel"]["arbitrators"]] == [True, False, False]
    assert dispute["claims"]["merchant"]["share"] == 5_000


def test_surrenders_took_effect_after_their_notice(statuses: dict[str, dict[str, Any]]) -> None:
    for note, kind in (("C536506", "accepted"), ("C536606", "cancelled"), ("C536822", "split")):
        last = [step for step in statuses[note]["timeline"] if step["kind"] == kind][-1]
        assert last["by"]["key"] == "contract"


def test_windows_that_were_missed_are_certified_and_borne_out_by_the_document(
    statuses: dict[str, dict[str, Any]],
) -> None:
    late = statuses[LATE]
    missed = [(one["basis"], one["window"], one["party"], one["shown_by"]) for one in late["breaches"]]
    assert missed == [
        ("service_level", "first_response", "merchant", "poke"),
        ("contract", "requested", "merchant", "poke"),
        ("service_level", "inspection", "inspector", "poke"),
        ("contract", "received", "inspector", "poke"),
    ]
    (bundle,) = files_in(late["pdf"]).values()
    content = json.loads(bundle)
    assert verify_bundle(content, keys=late["jwks"]).verdict == "verified"
    reading = Reading(parse_evidence(content["evidence"]))
    judged = [judge_breach(one["certificate"], reading, late["jwks"]).finding for one in late["breaches"]]
    assert judged == ["confirmed"] * 4
    text = text_of(late["pdf"])
    assert "3.80 GBP for the consumer" in text
    assert text.count(": deadline of the contract") == 2


def test_nobody_misses_a_deadline_of_the_contract_where_all_answer(statuses: dict[str, dict[str, Any]]) -> None:
    assert [one["window"] for one in statuses["C536391"]["breaches"] if one["basis"] == "contract"] == []


def test_each_opening_was_acknowledged_with_a_document(statuses: dict[str, dict[str, Any]]) -> None:
    """What else is told depends on which steps came together, so no other subject can be named here."""
    mails = [message_from_bytes(content, policy=policy.default) for content in statuses[LATE]["mails"]]
    attached = [(str(mail["Subject"]), len(list(mail.iter_attachments()))) for mail in mails]
    openings = [one for one in attached if re.fullmatch(r"(Your return|Ihre Rücksendung|您的退货) C\d{6}", one[0])]
    assert {count for _, count in openings} == {1}
    assert ("Your return C536734", 1) in openings
    assert ("Ihre Rücksendung C537333", 1) in openings
    assert {count for subject, count in attached if (subject, count) not in openings} == {0}
