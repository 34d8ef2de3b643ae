"""Real bundles, tampered with in named ways by somebody who can seal them again: the right check says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.domain.checks import Check
from ledger_service.errors import InvalidInput
from ledger_service.verification import verify_bundle

from .builder import TOKENS
from .mutations import changed, leaves
from .tampered import SEALS, TAMPERED, UNREADABLE
from .tampers import BUNDLES, bundle, newest, resealed


def failed(made: Any, block_hash: str) -> list[Check]:
    report = verify_bundle(made, block_hash=block_hash)
    assert (report.verdict == "failed") == any(check.result == "fail" for check in report.checks)
    return [check for check in report.checks if check.result == "fail"]


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_fails_the_check_that_it_concerns(name: str) -> None:
    of, tamper, number, said = TAMPERED[name]
    evidence = bundle(of)["evidence"]
    tamper(evidence)
    found = failed(resealed(evidence), newest(of))
    details = {check.number: check.detail for check in found}
    assert number in details, details
    assert said in details[number], details
    assert 0 not in details


@pytest.mark.parametrize("of", sorted(set(BUNDLES) - {"expected"}))
def test_sealing_again_alone_fails_nothing(of: str) -> None:
    assert failed(resealed(bundle(of)["evidence"]), newest(of)) == []


def test_signature_that_only_a_chain_can_judge_is_skipped_by_name() -> None:
    """It may be a contract account's (ERC-1271): the contract took it, and the proof covers that it did."""
    evidence = bundle("ruled")["evidence"]
    evidence["records"][1]["signature"] = "0x12"
    report = verify_bundle(resealed(evidence), block_hash=newest("ruled"))
    assert (report.verdict, report.skipped) == ("verified", [2, 7])


def test_proof_that_is_taken_away_proves_nothing_any_more() -> None:
    evidence = bundle("ruled")["evidence"]
    evidence["state_proof"] = {"reason": "The node forgot it."}
    report = verify_bundle(resealed(evidence), block_hash=newest("ruled"))
    assert (report.verdict, report.skipped) == ("verified", [4, 5, 6, 7])
    assert "The node forgot it." in report.trust


def test_there_are_enough_ways() -> None:
    assert len(TAMPERED) + len(SEALS) >= 130


@pytest.mark.parametrize("name", SEALS)
def test_bundle_that_the_service_did_not_seal_so_fails_check_0(name: str) -> None:
    tamper, said = SEALS[name]
    made = bundle("ruled")
    tamper(made)
    details = {check.number: check.detail for check in failed(made, newest("ruled"))}
    assert said in details[0]


def test_seal_by_other_keys_than_those_from_elsewhere_fails_check_0() -> None:
    report = verify_bundle(bundle("ruled"), keys=TOKENS.jwks())
    assert report.checks[0].result == "fail"


# --- what is no bundle -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_bundle_is_refused_with_its_place(name: str) -> None:
    tamper, field = UNREADABLE[name]
    evidence = bundle("ruled")["evidence"]
    tamper(evidence)
    with pytest.raises(InvalidInput) as caught:
        verify_bundle(resealed(evidence))
    assert caught.value.field == field


# --- and every value -------------------------------------------------------------------------------------------------

# What stays the file's own word when the hash of a block is all that is known; docs/verification.md says the same.
OWN_WORD = {
    *(("chain", "operator"), ("chain", "confirmations"), ("chain", "genesis_hash")),
    *(("links", "tx_hash"), ("links", "log_index"), ("escrow", "tx_hash"), ("escrow", "log_index")),
    *(("refusals", "reason"), ("refusals", "tx_hash"), ("refusals", "log_index")),
}
_OF_A_PANEL = ("version", "threshold", "fee", "arbitrators", "appeal_panel", "fallback_panel")
UNUSED_PANELS = {("panels", name) for name in _OF_A_PANEL}  # of rounds that never were


def unproven(of: str) -> set[tuple[str, ...]]:
    """The values of a bundle that can be changed and sealed again without a check that fails."""
    found = set()
    for path in leaves(BUNDLES[of]["evidence"]):
        evidence = changed(BUNDLES[of]["evidence"], path)
        try:
            verdict = verify_bundle(resealed(evidence), block_hash=newest(of)).verdict
        except InvalidInput:
            continue
        if verdict != "failed":
            found.add(tuple(part for part in path if isinstance(part, str)))
    return found


@pytest.mark.parametrize("of", ["ruled", "refused"])
def test_every_value_that_can_be_changed_unseen_is_said_to_be_the_files_own_word(of: str) -> None:
    assert unproven(of) <= OWN_WORD | UNUSED_PANELS
