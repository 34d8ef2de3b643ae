"""What each numbered check refuses, what leaves it pending or skipped, and what it passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.domain.checks import NAMES, Report
from ledger_service.domain.entry import Entry
from ledger_service.domain.evidence import Evidence, parse_evidence
from ledger_service.domain.hashing import ZERO_WORD, hex0x, keccak
from ledger_service.domain.panels import ballot_of
from ledger_service.domain.vocabulary import Grade, Kind, Mode, Role
from ledger_service.errors import InvalidInput
from ledger_service.verification import verify_bundle, verify_evidence

from .builder import (
    ESCROW,
    GENESIS,
    LIVES,
    PANELS,
    TOKENS,
    Life,
    bound,
    disputed,
    inspected,
    opened,
    paid,
    seal,
    shipped_policy,
)


def result(report: Report, number: int) -> str:
    return next(check.result for check in report.checks if check.number == number)


def detail(report: Report, number: int) -> str:
    return next(check.detail for check in report.checks if check.number == number)


def with_record(evidence: Evidence, index: int, **changes: Any) -> Evidence:
    records = list(evidence.records)
    records[index] = replace(records[index], **changes)
    return replace(evidence, records=tuple(records))


def with_link(evidence: Evidence, index: int, **changes: Any) -> Evidence:
    links = list(evidence.links)
    links[index] = replace(links[index], **changes)
    return replace(evidence, links=tuple(links))


def with_entry(evidence: Evidence, index: int, **changes: Any) -> Evidence:
    entry = Entry.unpack(evidence.links[index].entry)
    return with_link(evidence, index, entry=replace(entry, **changes).pack())


# --- the verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(LIVES))
@pytest.mark.parametrize("events", [True, False])
def test_verify_whole_life_against_chain_is_verified(name: str, events: bool) -> None:
    life = LIVES[name]()
    report = verify_evidence(life.evidence(), life.chain(events=events))
    assert report.verdict == "verified", report.as_json()
    assert report.skipped == [7]
    assert [check.number for check in report.checks] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_verify_without_chain_names_what_rests_on_one() -> None:
    report = verify_evidence(paid().evidence())
    assert (report.verdict, report.skipped) == ("verified", [4, 5, 6, 7])
    assert all("no chain asked" in detail(report, number) for number in (4, 5, 6, 8))


def test_verify_with_silent_chain_is_pending() -> None:
    life = paid()
    report = verify_evidence(life.evidence(), life.chain(down=True))
    assert report.verdict == "pending"
    assert "asleep" in detail(report, 5)


def test_fail_any_check_outweighs_pending() -> None:
    life = paid()
    report = verify_evidence(with_record(life.evidence(), 1, canonical="{}"), life.chain(down=True))
    assert report.verdict == "failed"


def test_report_as_json_has_the_shape_of_the_api() -> None:
    life = paid()
    body = verify_evidence(life.evidence(), life.chain()).as_json()
    assert set(body) == {"verdict", "case_id", "checks", "skipped", "chain", "trust", "records"}
    assert set(body["chain"]) >= {"id", "operator", "contract", "confirmations", "head_block"}
    assert {frozenset(check) for check in body["checks"]} == {frozenset({"number", "name", "result", "detail"})}
    row = body["records"][0]
    assert set(row) == {"record_id", "position", "kind", "stage", "result", "checks"}
    assert (row["kind"], row["stage"], row["result"]) == ("requested", "final", "pass")
    assert body["records"][-1]["record_id"] is None
    assert all(check["name"] == NAMES[check["number"]] for check in body["checks"])


# --- 1: fingerprints -------------------------------------------------------------------------------------------------


def test_check_1_changed_record_fails_and_names_it() -> None:
    evidence = paid().evidence()
    changed = evidence.records[2].canonical.replace("as usual", "as never")
    report = verify_evidence(with_record(evidence, 2, canonical=changed))
    assert result(report, 1) == "fail"
    assert evidence.records[2].record_id in detail(report, 1)


def test_check_1_other_disclosure_fails() -> None:
    evidence = paid().evidence()
    report = verify_evidence(with_record(evidence, 1, disclosures=evidence.records[2].disclosures))
    assert "does not match its digest" in detail(report, 1)


def test_check_1_hidden_disclosure_passes() -> None:
    report = verify_evidence(with_record(paid().evidence(), 1, disclosures=()))
    assert result(report, 1) == "pass"
    assert "1 are not shown" in report.rows[1].checks[0].detail


def test_check_1_record_missing_for_event_fails() -> None:
    evidence = paid().evidence()
    report = verify_evidence(replace(evidence, records=evidence.records[:2] + evidence.records[3:]))
    assert "content is missing" in detail(report, 1)


def test_check_1_same_record_twice_fails() -> None:
    evidence = paid().evidence()
    report = verify_evidence(replace(evidence, records=(*evidence.records, evidence.records[1])))
    assert result(report, 1) == "fail"


def test_check_1_inspection_says_other_share_than_signed_fails() -> None:
    life = inspected(grade=Grade.USED, share=8_000)
    report = verify_evidence(with_record(life.evidence(), 4, share=9_000))
    assert "another grade, share or fee" in detail(report, 1)


# --- 2: signatures ---------------------------------------------------------------------------------------------------


def test_check_2_signature_of_another_act_fails() -> None:
    evidence = paid().evidence()
    report = verify_evidence(with_record(evidence, 1, signature=evidence.records[2].signature))
    assert result(report, 2) == "fail"


def test_check_2_signature_for_another_contract_fails() -> None:
    evidence = paid().evidence()
    chain = replace(evidence.chain, ledger=evidence.chain.escrow)
    assert result(verify_evidence(replace(evidence, chain=chain)), 2) == "fail"


def test_check_2_contract_account_without_chain_is_skipped() -> None:
    report = verify_evidence(with_record(paid().evidence(), 1, signature=bytes(130)))
    assert result(report, 2) == "skipped"
    assert "ERC-1271" in detail(report, 2)


def test_check_2_contract_account_is_asked() -> None:
    life = paid()
    evidence = with_record(life.evidence(), 1, signature=bytes(130))
    assert result(verify_evidence(evidence, life.chain()), 2) == "fail"
    signs = life.chain(accounts={life.parties.merchant})
    assert result(verify_evidence(evidence, signs), 2) == "pass"


def test_check_2_names_whose_hand_held_the_key() -> None:
    report = verify_evidence(LIVES["own key"]().evidence())
    assert "a key of its own" in report.rows[5].checks[1].detail
    assert "the service holds" in report.rows[0].checks[1].detail


# --- 3: roles --------------------------------------------------------------------------------------------------------


def test_check_3_other_parties_than_the_terms_name_fails() -> None:
    evidence = paid().evidence()
    parties = replace(evidence.parties, carrier=evidence.parties.merchant)
    report = verify_evidence(replace(evidence, parties=parties))
    assert "The parties are not those" in detail(report, 3)


def test_check_3_event_by_another_actor_fails() -> None:
    evidence = paid().evidence()
    report = verify_evidence(with_link(evidence, 2, actor=evidence.parties.merchant))
    assert "The contract took it from" in detail(report, 3)


def test_check_3_contract_record_by_somebody_else_fails() -> None:
    evidence = paid().evidence()
    report = verify_evidence(with_link(evidence, 6, actor=evidence.parties.merchant))
    assert "not the contract that acted" in detail(report, 3)


# --- 4: events -------------------------------------------------------------------------------------------------------


def test_check_4_waiting_record_is_pending() -> None:
    life = opened()
    life.stated(Kind.AUTHORISED, Role.MERCHANT)
    report = verify_evidence(life.evidence(), life.chain())
    assert (report.verdict, result(report, 4)) == ("pending", "pending")
    assert (report.rows[-1].stage, report.rows[-1].result) == ("accepted", "pending")


def test_check_4_acknowledged_but_withheld_record_fails() -> None:
    life = opened()
    life.stated(Kind.AUTHORISED, Role.MERCHANT)
    life.mine(8 * 86_400)
    report = verify_evidence(life.evidence(), life.chain())
    assert "is not recorded" in detail(report, 4)


def test_check_4_refused_record_passes_with_its_reason() -> None:
    life = LIVES["refused act"]()
    report = verify_evidence(life.evidence(), life.chain())
    assert report.rows[-1].stage == "rejected"
    assert "NotAllowed" in report.rows[-1].checks[3].detail


def test_check_4_event_that_the_chain_has_not_fails() -> None:
    life = paid()
    evidence = life.evidence()
    moved = replace(evidence.links[2].place, log_index=99)
    assert result(verify_evidence(with_link(evidence, 2, place=moved), life.chain()), 4) == "fail"


def test_check_4_code_of_another_contract_fails() -> None:
    life = paid()
    assert result(verify_evidence(life.evidence(), life.chain(changes={"code_is_ours": False})), 4) == "fail"


# --- 5: timeline -----------------------------------------------------------------------------------------------------


def test_check_5_removed_record_fails() -> None:
    evidence = paid().evidence()
    assert result(verify_evidence(replace(evidence, links=evidence.links[:3] + evidence.links[4:])), 5) == "fail"


def test_check_5_cut_off_end_fails() -> None:
    life = paid()
    evidence = life.evidence()
    cut = replace(evidence, links=evidence.links[:4], records=evidence.records[:4], head=ZERO_WORD)
    assert result(verify_evidence(cut, life.chain()), 5) == "fail"


def test_check_5_head_of_contract_is_another_fails() -> None:
    life = paid()
    report = verify_evidence(life.evidence(), life.chain(events=False, changes={"head": keccak(b"other")}))
    assert "The contract's head is" in detail(report, 5)


def test_check_5_node_whose_events_do_not_lead_to_the_head_fails() -> None:
    life = paid()
    report = verify_evidence(life.evidence(), life.chain(changes={"head": keccak(b"other")}))
    assert "answers wrongly" in detail(report, 5)


def test_check_5_chain_has_gone_on_since_passes_and_says_so() -> None:
    life = inspected()
    evidence = life.evidence()
    life.act(Kind.ACCEPTED, Role.CONSUMER).withdraw()
    report = verify_evidence(evidence, life.chain())
    assert report.verdict == "verified"
    assert "2 more since" in detail(report, 5)


@pytest.mark.parametrize(
    ("field", "value"), [("deadline", 1), ("share", 9_999), ("fee", 1), ("flags", 31), ("grade", Grade.USED)]
)
def test_check_5_entry_against_the_rules_fails(field: str, value: int) -> None:
    """Whoever runs a contract that breaks the rules is found out, even where its hash chain is whole."""
    evidence = with_entry(inspected().evidence(), 3, **{field: value})
    report = verify_evidence(evidence)
    assert result(report, 5) == "fail"
    assert f"its {field} is" in report.rows[3].checks[4].detail


def test_check_5_poke_before_the_deadline_fails() -> None:
    life = opened()
    assert life.case is not None
    life.case = replace(life.case, deadline=life.now)
    life.lapse()
    report = verify_evidence(life.evidence())
    assert "nothing was due" in detail(report, 5)


def test_check_5_merchant_marked_as_independent_inspector_fails() -> None:
    life = Life()
    life.parties = replace(life.parties, inspector=life.parties.merchant)
    life.terms = replace(life.terms, parties=life.parties.id())
    life.case_id = life.terms.struct_hash()
    report = verify_evidence(life.open().evidence())
    assert "marked as independent" in detail(report, 5)


def test_check_5_another_policy_fails() -> None:
    evidence = paid().evidence()
    report = verify_evidence(replace(evidence, policy=shipped_policy("uk-14").document))
    assert "The policy is not the one" in detail(report, 5)


# --- 6: blocks and times ---------------------------------------------------------------------------------------------


def test_check_6_block_that_is_not_the_chains_fails() -> None:
    life = paid()
    evidence = life.evidence()
    other = replace(evidence.blocks[0], hash=hex0x(keccak(b"other")))
    report = verify_evidence(replace(evidence, blocks=(other, *evidence.blocks[1:])), life.chain())
    assert result(report, 6) == "fail"


def test_check_6_other_chain_fails() -> None:
    life = paid()
    for change in ({"chain_id": 1}, {"genesis_hash": hex0x(keccak(b"other"))}):
        report = verify_evidence(life.evidence(), life.chain(changes=change))
        assert "another chain" in detail(report, 6)


def test_check_6_block_before_its_receipt_fails() -> None:
    """Whoever runs the chain has held its clock."""
    life = opened()
    life.now += 7_200
    life.stated(Kind.AUTHORISED, Role.MERCHANT)
    life.records, late = life.records[:1], life.records[1]
    life.now -= 7_200
    life.act(Kind.AUTHORISED, Role.MERCHANT)
    evidence = replace(life.evidence(), records=(life.records[0], late))
    link = replace(evidence.links[1], commitment=late.commitment)
    report = verify_evidence(replace(evidence, links=(evidence.links[0], link)))
    assert "before the service even accepted it" in detail(report, 6)


def test_check_6_receipt_of_another_record_fails() -> None:
    evidence = paid().evidence()
    report = verify_evidence(with_record(evidence, 1, receipt=evidence.records[2].receipt))
    assert "one of another record" in detail(report, 6)


def test_check_6_too_few_confirmations_is_pending() -> None:
    life = opened(confirmations=3)
    report = verify_evidence(life.evidence(), life.chain())
    assert (report.verdict, report.rows[0].stage) == ("pending", "recorded")
    life.mine()
    life.mine()
    life.mine()
    assert verify_evidence(life.evidence(), life.chain()).verdict == "verified"


def test_check_6_named_block_hash_is_held_against_the_evidence() -> None:
    life = paid()
    evidence = life.evidence()
    newest = life.blocks[max(life.blocks)].hash
    assert result(verify_evidence(evidence, block_hash=GENESIS), 6) == "fail"
    assert result(verify_evidence(evidence, life.chain(), block_hash=GENESIS), 6) == "fail"
    assert verify_evidence(evidence, life.chain(), block_hash=newest).verdict == "verified"


def test_check_6_evidence_newer_than_the_named_block_fails() -> None:
    life = paid()
    earlier = life.blocks[max(life.blocks) - 1]
    report = verify_evidence(life.evidence(), life.chain(changes={"newest": earlier}), block_hash=earlier.hash)
    assert "newer than block" in detail(report, 6)


# --- 8: money --------------------------------------------------------------------------------------------------------


def test_check_8_other_amounts_than_the_outcome_fails() -> None:
    evidence = paid().evidence()
    wrong = replace(evidence.escrow[1], args={**evidence.escrow[1].args, "toConsumer": 1, "toMerchant": 2_429})
    report = verify_evidence(replace(evidence, escrow=(evidence.escrow[0], wrong)))
    assert "other amounts" in detail(report, 8)


def test_check_8_withdrawal_before_anything_is_due_fails() -> None:
    life = opened()
    life.withdraw()
    assert result(verify_evidence(life.evidence()), 8) == "fail"


def test_check_8_withdrawal_twice_fails() -> None:
    evidence = paid().evidence()
    report = verify_evidence(replace(evidence, escrow=(*evidence.escrow, evidence.escrow[2])))
    assert "something else than what was due" in detail(report, 8)


def test_check_8_money_in_a_case_without_any_fails() -> None:
    evidence = replace(opened(Mode.NONE).evidence(), escrow=opened().evidence().escrow)
    assert result(verify_evidence(evidence), 8) == "fail"


def test_check_8_record_names_another_amount_than_the_terms_fails() -> None:
    life = Life()
    life.amount = 1_981
    assert "1981 minor units" in detail(verify_evidence(life.open().evidence()), 8)


def test_check_8_token_of_another_currency_fails() -> None:
    life = paid()
    report = verify_evidence(life.evidence(), life.chain(changes={"currency": "JPY"}))
    assert "the locked token is one of JPY" in detail(report, 8)


def test_check_8_escrow_holds_something_else_fails() -> None:
    life = paid()
    life.lock = replace(life.lock, refund=5)
    assert "What the escrow holds" in detail(verify_evidence(life.evidence(), life.chain()), 8)


def test_check_8_hidden_payment_fails() -> None:
    life = inspected().act(Kind.ACCEPTED, Role.CONSUMER)
    evidence = life.evidence()
    report = verify_evidence(replace(evidence, escrow=evidence.escrow[:1]), life.chain())
    assert result(report, 8) == "fail"


def test_check_8_opening_waits_is_pending() -> None:
    life = Life()
    life.stated(Kind.REQUESTED, Role.MERCHANT)
    report = verify_evidence(life.evidence(), life.chain())
    assert (report.verdict, result(report, 8)) == ("pending", "pending")


def test_check_8_refused_opening_locked_nothing() -> None:
    life = Life().refuse(Kind.REQUESTED, Role.MERCHANT, "BalanceTooLow(0x, 0, 1)")
    report = verify_evidence(life.evidence(), life.chain())
    assert report.verdict == "verified"
    assert "no money was locked" in detail(report, 8)


def test_check_8_says_the_amounts() -> None:
    assert "19.80 are the consumer's and 14.50 went back" in detail(verify_evidence(paid().evidence()), 8)


# --- the bundle ------------------------------------------------------------------------------------------------------


def test_bundle_without_its_form_is_refused() -> None:
    for value in (None, [], {}, {"format": "after-sales-bundle/1"}, {"format": "x", "evidence": {}, "seal": ""}):
        with pytest.raises(InvalidInput):
            verify_bundle(value)


def test_bundle_changed_after_its_seal_fails() -> None:
    bundle = seal(paid().evidence().as_json())
    bundle["evidence"]["chain"]["operator"] = "somebody else"
    report = verify_bundle(bundle)
    assert result(report, 0) == "fail"


def test_bundle_sealed_by_another_key_than_known_fails() -> None:
    bundle = seal(paid().evidence().as_json())
    assert result(verify_bundle(bundle, keys={"keys": []}), 0) == "fail"
    assert result(verify_bundle(bundle, keys=TOKENS.jwks()), 0) == "pass"


def test_receipts_by_another_key_than_known_fail() -> None:
    bundle = seal(paid().evidence().as_json())
    assert "not in the key set" in detail(verify_bundle(bundle, keys={"keys": []}), 6)
    assert result(verify_bundle(bundle, keys=TOKENS.jwks()), 6) != "fail"


def test_bundle_with_receipt_for_a_seal_fails() -> None:
    bundle = seal(paid().evidence().as_json())
    bundle["seal"] = bundle["evidence"]["records"][0]["receipt"]
    assert "not of the type" in detail(verify_bundle(bundle), 0)


def test_evidence_as_json_reads_back() -> None:
    for make in LIVES.values():
        evidence = make().evidence()
        assert parse_evidence(evidence.as_json()) == evidence


# --- disputes --------------------------------------------------------------------------------------------------------


def with_vote(evidence: Evidence, index: int, **changes: Any) -> Evidence:
    votes = list(evidence.votes)
    votes[index] = replace(votes[index], **changes)
    return replace(evidence, votes=tuple(votes))


def row_of(report: Report, record_id: str) -> dict[int, str]:
    row = next(row for row in report.rows if row.record_id == record_id)
    return {check.number: check.result for check in row.checks}


def test_vote_is_pending_while_its_round_is_open() -> None:
    life = disputed().vote(6_000, 7_000)
    report = verify_evidence(life.evidence(), life.chain())
    assert report.verdict == "pending"
    assert row_of(report, life.votes[0].vote_id) == {1: "pass", 2: "pass", 3: "pass", 4: "pending", 6: "pass"}


def test_vote_of_a_round_without_a_ruling_counted_for_nothing() -> None:
    life = disputed().vote(6_000).lapse()
    report = verify_evidence(life.evidence(), life.chain())
    assert report.verdict == "verified"
    assert "no vote of it counted" in next(
        check.detail for row in report.rows if row.kind == "vote" for check in row.checks if check.number == 4
    )


def test_vote_that_the_ballot_holds_otherwise_fails() -> None:
    life = disputed().vote(6_000, 7_000, 8_000)
    again = replace(life.votes[0], share=6_500)
    assert verify_evidence(replace(life.evidence(), votes=(again, *life.votes[1:]))).verdict == "failed"
    assert row_of(verify_evidence(with_vote(life.evidence(), 0, share=6_500)), life.votes[0].vote_id)[4] == "fail"


def test_vote_of_somebody_who_sits_on_another_panel_fails() -> None:
    life = disputed().vote(6_000, 7_000, 8_000)
    report = verify_evidence(with_vote(life.evidence(), 0, arbitrator=life.panels[3].arbitrators[0]))
    assert row_of(report, life.votes[0].vote_id)[3] == "fail"


def test_vote_shown_twice_fails() -> None:
    life = disputed().vote(6_000, 7_000, 8_000)
    evidence = life.evidence()
    assert "twice" in detail(verify_evidence(replace(evidence, votes=(*evidence.votes, evidence.votes[0]))), 1)


def test_ruling_that_is_not_the_median_of_its_ballot_fails() -> None:
    life = disputed().vote(6_000, 7_000, 8_000)
    index = len(life.links) - 1
    assert "share is 7000, not 6000" in detail(verify_evidence(with_entry(life.evidence(), index, share=6_000)), 5)


def test_ruling_by_a_ballot_that_lacks_the_quorum_fails() -> None:
    life = disputed().vote(6_000, 7_000, 8_000)
    ballot = ballot_of(life.panels[1], dict(zip(life.panels[1].arbitrators, (6_000, 8_000), strict=False)))
    evidence = with_link(life.evidence(), len(life.links) - 1, commitment=ballot)
    assert "ballot" in detail(verify_evidence(evidence), 5)


def test_ruling_by_another_contract_fails() -> None:
    life = disputed().vote(6_000, 7_000, 8_000)
    assert verify_evidence(with_link(life.evidence(), len(life.links) - 1, actor=ESCROW)).verdict == "failed"


def test_panels_other_than_those_of_the_terms_fail() -> None:
    evidence = disputed().evidence()
    for panels in (evidence.panels[1:], evidence.panels[:1], (*evidence.panels, evidence.panels[0]), ()):
        assert verify_evidence(replace(evidence, panels=panels)).verdict == "failed"


def test_panels_other_than_those_registered_fail() -> None:
    life = disputed()
    report = verify_evidence(life.evidence(), life.chain(changes={"panels": {**PANELS, 1: PANELS[2]}}))
    assert "panels are not those" in detail(report, 4)


def test_act_by_the_key_before_the_one_that_was_bound_fails() -> None:
    life = bound()
    assert life.case is not None
    life.case = replace(life.case, consumer=life.terms.consumer)
    life.act(Kind.CANCELLED, Role.CONSUMER)
    report = verify_evidence(life.evidence(), life.chain())
    assert (result(report, 3), result(report, 5)) == ("fail", "fail")


def test_withdrawal_elsewhere_by_a_held_key_without_a_redirect_fails() -> None:
    life = paid(withdrawn=False).withdraw(ESCROW)
    assert "without a redirect" in detail(verify_evidence(life.evidence(), life.chain()), 8)


def test_withdrawal_to_a_redirect_that_was_objected_to_fails() -> None:
    life = paid(withdrawn=False).redirect(ESCROW).keep_payee().withdraw(ESCROW)
    assert "without a redirect" in detail(verify_evidence(life.evidence(), life.chain()), 8)


def test_fees_credited_to_another_arbitrator_fail() -> None:
    life = disputed().vote(6_000, 7_000, 8_000).lapse()
    at = next(index for index, event in enumerate(life.escrow) if event.event == "Credited")
    life.escrow[at] = replace(life.escrow[at], args={**life.escrow[at].args, "arbitrator": ESCROW})
    assert "other amounts" in detail(verify_evidence(life.evidence(), life.chain()), 8)


def test_claim_that_the_record_states_otherwise_fails() -> None:
    life = disputed()
    position = next(i for i, one in enumerate(life.records) if '"disputed"' in one.canonical)
    assert "another share" in detail(verify_evidence(with_record(life.evidence(), position, share=9_000)), 1)


def test_missing_claim_stops_the_replay() -> None:
    life = disputed()
    kept = tuple(one for one in life.records if '"disputed"' not in one.canonical)
    assert "missing" in detail(verify_evidence(replace(life.evidence(), records=kept)), 5)


def test_record_that_another_party_copied_the_commitment_of_stays_unrecorded() -> None:
    life = opened()
    _, stated = life.stated(Kind.CANCELLED, Role.CONSUMER)
    life.act(Kind.AUTHORISED, Role.MERCHANT)
    evidence = with_link(life.evidence(), 1, commitment=stated.commitment)
    rows = verify_evidence(replace(evidence, records=evidence.records[:2])).rows

    named = [(row.position, row.record_id, row.kind, row.stage) for row in rows]
    assert named[1][:3] == (1, None, "authorised")
    assert named[2] == (None, stated.record_id, "cancelled", "accepted")
