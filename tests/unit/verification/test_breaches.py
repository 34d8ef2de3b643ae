"""Windows that were missed: found in evidence, certified, and the certificate judged by other evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ledger_service.cli import main
from ledger_service.domain.breaches import (
    TYPE,
    Breach,
    breach_claims,
    find_breaches,
    judge_breach,
    level_deadline,
    service_levels,
)
from ledger_service.domain.entry import NO_COMMITMENT, Entry
from ledger_service.domain.evidence import Block, Evidence, parse_evidence
from ledger_service.domain.hashing import hex0x, keccak
from ledger_service.domain.machine import poke
from ledger_service.domain.reading import Reading
from ledger_service.domain.replay import Rules
from ledger_service.domain.vocabulary import Kind, Mode, Role
from ledger_service.errors import IntegrityFailure, InvalidInput
from ledger_service.services.policies import shipped_policies
from ledger_service.verification import verify_bundle

from .builder import TOKENS, Life, disputed, inspected, opened, paid, seal

DAY = 86_400


def found(evidence: Evidence) -> list[tuple[str, str, str, str]]:
    """Basis, window, party and what it is shown by."""
    breaches = find_breaches(Reading(evidence))
    return [(one.basis, one.window, one.party.wire, one.shown_by) for one in breaches]


def of_contract(life: Life) -> Breach:
    (breach,) = [one for one in find_breaches(Reading(life.evidence())) if one.basis == "contract"]
    return breach


def certify(life: Life, breach: Breach, **changes: Any) -> str:
    evidence = life.evidence()
    rules = Reading(evidence).rules
    assert isinstance(rules, Rules)
    claims = {**breach_claims(breach, evidence, rules), **changes}
    return TOKENS.sign(TYPE, {"iss": "http://shop.example", "iat": life.now, **claims})


def lapse_late(life: Life) -> None:
    """What a deadline brings, an hour after the newest block."""
    before = life.case
    assert before is not None
    life.mine()
    kind, life.case = poke(before, life.policy, life.now)
    life._link(kind, Role.NONE, NO_COMMITMENT, before.length, life.case)
    life._settle(before)


# --- finding ---------------------------------------------------------------------------------------------------------


def test_life_in_time_has_no_breach() -> None:
    assert found(paid().evidence()) == []


def test_deadline_that_the_contract_closed_is_shown_by_its_record() -> None:
    life = opened().lapse()
    breach = of_contract(life)
    entered, left = (Entry.unpack(link.entry) for link in life.links)
    assert (breach.window, breach.party, breach.shown_by) == ("requested", Role.MERCHANT, "poke")
    assert (breach.entered, breach.position) == (0, 1)
    assert (breach.since, breach.deadline) == (entered.time, entered.deadline)
    assert breach.block == life.blocks[life.links[1].place.block]
    assert breach.late == left.time - entered.deadline > 0


def test_deadline_that_nobody_closed_is_shown_by_the_newest_block() -> None:
    life = opened()
    assert life.case is not None
    life.mine(life.case.deadline - life.now)
    assert ("contract", "requested", "merchant", "open") not in found(life.evidence())
    life.mine(1)
    assert ("contract", "requested", "merchant", "open") in found(life.evidence())


@pytest.mark.parametrize(
    ("life", "party"),
    [
        (opened().lapse(), "merchant"),
        (opened().act(Kind.AUTHORISED, Role.MERCHANT).act(Kind.PICKED_UP, Role.CARRIER).lapse(), "carrier"),
        (disputed().lapse(), "panel"),
        (inspected(Mode.NONE).act(Kind.ACCEPTED, Role.CONSUMER).lapse(), "merchant"),
    ],
)
def test_missed_window_names_whom_it_waited_for(life: Life, party: str) -> None:
    assert of_contract(life).party.wire == party


def test_window_that_the_consumer_lets_pass_is_no_breach() -> None:
    lives = [opened().act(Kind.AUTHORISED, Role.MERCHANT).lapse(), inspected().lapse()]
    assert [entry for life in lives for entry in found(life.evidence()) if entry[0] == "contract"] == []


def test_notice_that_took_effect_is_no_breach() -> None:
    life = opened().act(Kind.CANCELLED, Role.CONSUMER)
    assert life.case is not None
    assert life.case.notice is not None
    life.lapse()
    assert [entry for entry in found(life.evidence()) if entry[0] == "contract"] == []


def test_fallback_panel_begins_a_window_of_its_own_and_no_service_level() -> None:
    life = disputed().lapse().lapse()
    windows = [(one.basis, one.entered) for one in find_breaches(Reading(life.evidence())) if one.party is Role.PANEL]
    assert [basis for basis, _ in windows].count("contract") == 2
    assert [basis for basis, _ in windows].count("service_level") == 1


def test_late_response_misses_the_service_level_alone() -> None:
    life = opened()
    life.mine(3 * 3_600)
    life.act(Kind.AUTHORISED, Role.MERCHANT)
    assert found(life.evidence()) == [("service_level", "first_response", "merchant", "act")]
    (breach,) = find_breaches(Reading(life.evidence()))
    assert (breach.deadline, breach.late) == (breach.since + 3_600, 3 * 3_600)


def test_response_in_the_last_second_is_in_time() -> None:
    life = opened()  # each act of a life comes an hour after the one before
    assert found(life.act(Kind.AUTHORISED, Role.MERCHANT).evidence()) == []


def test_offer_is_a_first_response() -> None:
    life = opened().act(Kind.SPLIT, Role.MERCHANT, share=5_000)
    life.mine(DAY)
    assert found(life.evidence()) == []


def test_late_inspection_and_late_carriage_are_found() -> None:
    life = opened().act(Kind.AUTHORISED, Role.MERCHANT).act(Kind.PICKED_UP, Role.CARRIER)
    life.mine(13 * DAY)
    life.act(Kind.RECEIVED, Role.WAREHOUSE)
    life.mine(2 * DAY)
    life.inspect()
    assert found(life.evidence()) == [
        ("service_level", "return", "carrier", "act"),
        ("service_level", "inspection", "inspector", "act"),
    ]


def test_broken_timeline_has_no_breaches_to_tell() -> None:
    evidence = opened().lapse().evidence()
    entry = Entry.unpack(evidence.links[1].entry)
    moved = replace(evidence.links[1], entry=replace(entry, time=entry.time - 10 * DAY).pack())
    with pytest.raises(IntegrityFailure):
        find_breaches(Reading(replace(evidence, links=(evidence.links[0], moved))))


# --- service levels --------------------------------------------------------------------------------------------------


def test_every_shipped_policy_promises_the_same_levels() -> None:
    for policy in shipped_policies().all():
        expected = {"first_response": "1h", "inspection": "24h", "return": "7wd", "dispute": "15wd"}
        assert service_levels(policy.document) == expected


def test_policy_without_levels_promises_none() -> None:
    assert service_levels({}) == {}


@pytest.mark.parametrize(
    "levels", [[], {"refund": "1h"}, {"return": "7"}, {"return": 7}, {"return": "0wd"}, {"return": "١wd"}, "7wd"]
)
def test_levels_in_another_form_are_refused(levels: object) -> None:
    with pytest.raises(InvalidInput):
        service_levels({"service_levels": levels})


@pytest.mark.parametrize(
    ("level", "start", "end"),
    [
        ("1h", "2026-03-06T23:30:00", "2026-03-07T00:30:00"),
        ("24h", "2026-03-06T12:00:00", "2026-03-07T12:00:00"),
        ("3d", "2026-03-06T12:00:00", "2026-03-09T12:00:00"),
        ("1wd", "2026-03-05T00:00:00", "2026-03-06T23:59:59"),  # Thursday to the end of Friday
        ("1wd", "2026-03-06T12:00:00", "2026-03-09T23:59:59"),  # Friday to the end of Monday
        ("1wd", "2026-03-07T12:00:00", "2026-03-09T23:59:59"),  # and so from Saturday
        ("1wd", "2026-03-08T23:59:59", "2026-03-09T23:59:59"),
        ("7wd", "2026-03-02T00:00:00", "2026-03-11T23:59:59"),
        ("15wd", "2026-12-24T09:00:00", "2027-01-14T23:59:59"),  # holidays count as days
    ],
)
def test_level_ends(level: str, start: str, end: str) -> None:
    since, ends = (int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) for text in (start, end))
    assert level_deadline(level, since) == ends


# --- certificates ----------------------------------------------------------------------------------------------------


def test_certificate_is_borne_out_by_its_own_evidence() -> None:
    life = opened().lapse()
    judged = judge_breach(certify(life, of_contract(life)), Reading(life.evidence()))
    assert judged.finding == "confirmed", judged
    assert judged.claims["window"] == "requested"


def test_certificate_of_an_open_window_is_borne_out_by_later_evidence() -> None:
    life = opened()
    assert life.case is not None
    life.mine(life.case.deadline - life.now + 60)
    token = certify(life, of_contract(life))
    assert judge_breach(token, Reading(life.evidence())).finding == "confirmed"
    life.mine(60)
    still_open = judge_breach(token, Reading(life.evidence()))
    assert still_open.finding == "confirmed"
    assert "is not in the file" in still_open.detail
    lapse_late(life)
    assert judge_breach(token, Reading(life.evidence())).finding == "confirmed"


def test_certificate_that_is_newer_than_the_evidence_is_not_proven_by_it() -> None:
    life = opened()
    before = life.evidence()
    assert life.case is not None
    life.mine(life.case.deadline - life.now + 60)
    assert judge_breach(certify(life, of_contract(life)), Reading(before)).finding == "unproven"


def test_certificate_of_an_open_window_that_was_left_before_is_refuted() -> None:
    life = opened()
    assert life.case is not None
    life.mine(life.case.deadline - life.now + 60)
    breach = of_contract(life)
    lapse_late(life)
    later = Block(max(life.blocks), hex0x(keccak(b"later")), life.now)
    assert judge_breach(certify(life, replace(breach, block=later)), Reading(life.evidence())).finding == "refuted"


@pytest.mark.parametrize(
    "changes",
    [
        {"party": "carrier"},
        {"actor": "0x" + "11" * 20},
        {"deadline": 1},
        {"late": 7},
        {"entered": 1},
        {"position": None},
        {"shown_by": "open"},
        {"shown_by": "act"},
        {"window": "received"},
        {"basis": "service_level"},
        {"policy": "0x" + "00" * 32},
        {"sub": "0x" + "00" * 32},
        {"chain_id": 1},
        {"contract": "0x" + "11" * 20},
        {"block": None},
        {"block": {"number": 12, "hash": "0x" + "00" * 32, "time": 1_780_000_000}},
        {"more": "than there is"},
    ],
)
def test_signed_certificate_that_says_something_else_is_refuted(changes: dict[str, Any]) -> None:
    life = opened().lapse()
    token = certify(life, of_contract(life), **changes)
    assert judge_breach(token, Reading(life.evidence())).finding == "refuted"


@pytest.mark.parametrize("change", [{"number": "12"}, {"time": None}, {"hash": 1}])
def test_block_in_no_form_is_refuted(change: dict[str, Any]) -> None:
    life = opened()
    assert life.case is not None
    life.mine(life.case.deadline - life.now + 60)
    breach = of_contract(life)
    block = {"number": breach.block.number, "hash": breach.block.hash, "time": breach.block.time, **change}
    assert judge_breach(certify(life, breach, block=block), Reading(life.evidence())).finding == "refuted"


def test_certificate_that_the_service_did_not_sign_is_refuted() -> None:
    life = opened().lapse()
    token = certify(life, of_contract(life))
    cut = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    assert judge_breach(cut, Reading(life.evidence())).finding == "refuted"
    assert judge_breach(token, Reading(life.evidence()), {"keys": []}).finding == "refuted"


def test_token_of_another_type_is_no_certificate() -> None:
    life = opened().lapse()
    receipt = TOKENS.sign("receipt+jwt", {"sub": hex0x(life.case_id)})
    assert judge_breach(receipt, Reading(life.evidence())).finding == "refuted"


# --- the command -----------------------------------------------------------------------------------------------------


def run(folder: Path, certificate: str, bundle: dict[str, Any], *more: str) -> Any:
    (folder / "breach.jws").write_text(certificate, encoding="utf-8")
    (folder / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    arguments = ["verify-breach", str(folder / "breach.jws"), "--bundle", str(folder / "bundle.json"), *more]
    return CliRunner().invoke(main, arguments)


def test_command_confirms_a_certificate_alone_and_in_json(tmp_path: Path) -> None:
    life = opened().lapse()
    token, bundle = certify(life, of_contract(life)), seal(life.evidence().as_json())
    shown = run(tmp_path, token + "\n", bundle)
    assert shown.exit_code == 0, shown.output
    assert "Certificate: confirmed" in shown.stdout
    as_json = run(tmp_path, json.dumps({"certificate": token}), bundle, "--json")
    assert as_json.exit_code == 0
    assert json.loads(as_json.stdout)["finding"] == "confirmed"


def test_command_refuses_a_certificate_by_a_bundle_that_was_changed(tmp_path: Path) -> None:
    life = opened().lapse()
    bundle = seal(life.evidence().as_json())
    bundle["evidence"]["chain"]["operator"] = "somebody else"
    assert run(tmp_path, certify(life, of_contract(life)), bundle).exit_code == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--block-hash", "0x12"), 1),
        (("--block-hash", "0x" + "12" * 32), 1),  # it is another's
        (("--nothing",), 1),
        (("--rpc", "http://127.0.0.1:9"), 2),
    ],
)
def test_command_refuses_as_verify_does(tmp_path: Path, options: tuple[str, ...], code: int) -> None:
    life = opened().lapse()
    bundle = seal(life.evidence().as_json())
    assert run(tmp_path, certify(life, of_contract(life)), bundle, *options).exit_code == code


def test_every_certificate_of_the_real_bundles_is_borne_out() -> None:
    folder = Path(__file__).parents[2] / "vectors" / "bundles"
    expected = json.loads((folder / "expected.json").read_text("utf-8"))["breaches"]
    assert {one["of"] for one in expected} >= {"silent"}
    for one in expected:
        bundle = json.loads((folder / f"{one['of']}.json").read_text("utf-8"))
        judged = judge_breach(one["certificate"], Reading(parse_evidence(bundle["evidence"])))
        assert judged.finding == one["finding"] == "confirmed"


def test_command_that_cannot_tell_exits_2(tmp_path: Path) -> None:
    life = opened()
    early = seal(life.evidence().as_json())
    assert life.case is not None
    life.mine(life.case.deadline - life.now + 60)
    assert run(tmp_path, certify(life, of_contract(life)), early).exit_code == 2


def test_command_says_what_was_skipped_and_what_is_left_to_trust(tmp_path: Path) -> None:
    life = opened().lapse()
    token, bundle = certify(life, of_contract(life)), seal(life.evidence().as_json())
    report = verify_bundle(bundle)
    assert report.skipped
    shown = " ".join(run(tmp_path, token, bundle).stdout.split())
    assert f"with skipped checks {', '.join(map(str, report.skipped))}" in shown
    assert " ".join(report.trust.split()) in shown
    as_json = json.loads(run(tmp_path, token, bundle, "--json").stdout)
    assert (as_json["skipped"], as_json["trust"]) == (list(report.skipped), report.trust)


def test_command_sends_a_terminal_no_commands(tmp_path: Path) -> None:
    life = opened().lapse()
    bundle = seal(life.evidence().as_json())
    shown = run(tmp_path, certify(life, of_contract(life), sub="0x\x1b[2J\x1b]0;verified\x07"), bundle)
    assert "\x1b" not in shown.stdout
    assert "\x07" not in shown.stdout


@pytest.mark.parametrize("content", ["", "{}", "[]", "a.b.c", '{"certificate": 1}', "{" * 5_000])
def test_command_refuses_what_is_no_certificate(tmp_path: Path, content: str) -> None:
    shown = run(tmp_path, content, seal(opened().evidence().as_json()))
    assert shown.exit_code == 1
    assert "Traceback" not in shown.output
