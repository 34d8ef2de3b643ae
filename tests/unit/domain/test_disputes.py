"""Disputes: claims, rulings, appeals, challenges, splits and exchanges."""

from dataclasses import replace

import pytest

from ledger_service.domain.disputes import most_share, panel_of, panel_of_round, round_of, rule
from ledger_service.domain.machine import apply_act
from ledger_service.domain.transitions import LIVE
from ledger_service.domain.vocabulary import Flag, Grade, Kind, Mark, Mode, Role, State
from ledger_service.errors import InvalidInput, OutOfOrder

from .lives import (
    NOW,
    PANEL,
    POLICY,
    REIMBURSED,
    SMALL_PANEL,
    WINDOWS,
    PanelTerms,
    act,
    after,
    case_in,
    flagged,
    lapsed,
)

CONSUMER, MERCHANT = Role.CONSUMER, Role.MERCHANT


def disputed(mode=Mode.REFUND, *, consumer=10_000, merchant=0, panel=PANEL, **fields):
    claims = {"consumer_claim": consumer, "merchant_claim": merchant}
    return case_in(State.DISPUTED, mode, panel=panel, **{**claims, **fields})


def ruled(share, mode=Mode.REFUND, **fields):
    return rule(disputed(mode, **fields), share, POLICY, NOW)


def refunded(mode=Mode.BOND, *, share=9_000, fee=500, **fields):
    return case_in(State.REFUNDED, mode, share=share, fee=fee, **fields)


def challenged(mode=Mode.BOND, *, claim=3_000, **fields):
    return after(refunded(mode, **fields), "challenged", share=claim)


# --- claims ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [-1, 10_001, 2**16 - 1])
@pytest.mark.parametrize("role", [CONSUMER, MERCHANT])
def test_dispute_that_claims_more_than_all_is_refused(role, share):
    for case in (case_in(State.RECEIVED), disputed()):
        with pytest.raises(InvalidInput) as raised:
            after(case, "disputed", role, share=share)
        assert raised.value.field == "data.share"


@pytest.mark.parametrize("share", [0, 9_001, 10_000])
def test_claim_after_a_challenge_is_bound_by_what_is_owed(share):
    with pytest.raises(InvalidInput) as raised:
        after(challenged(share=9_500, fee=500), "disputed", share=share)
    assert raised.value.field == "data.share"


@pytest.mark.parametrize(
    ("role", "claims"), [(CONSUMER, (8_000, 2_000)), (MERCHANT, (10_000, 8_000))], ids=["consumer", "merchant"]
)
def test_dispute_begins_with_all_against_the_proposal_and_its_own_claim(role, claims):
    case = case_in(State.INSPECTED, share=2_000, flags=Flag.INSPECTOR_INDEPENDENT, consumer_claim=1, merchant_claim=1)
    then = after(case, "disputed", role, share=8_000)
    assert (then.consumer_claim, then.merchant_claim) == claims
    assert then.deadline == NOW + WINDOWS[State.DISPUTED]


@pytest.mark.parametrize(("role", "claims"), [(CONSUMER, (4_000, 1_000)), (MERCHANT, (9_000, 4_000))])
def test_claim_stated_anew_replaces_ones_own_alone(role, claims):
    case = disputed(consumer=9_000, merchant=1_000)
    then = after(case, "disputed", role, share=4_000, now=NOW + 5)
    assert (then.consumer_claim, then.merchant_claim) == claims
    assert (then.state, then.deadline, then.length) == (State.DISPUTED, case.deadline, case.length + 1)


@pytest.mark.parametrize("role", [CONSUMER, MERCHANT])
def test_evidence_changes_nothing_but_the_record(role):
    case = disputed()
    then = after(case, "evidence", role)
    assert replace(then, length=case.length, nonces=case.nonces) == case
    assert (then.length, then.nonce(role)) == (case.length + 1, 1)


# --- rounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "round_", "panel"),
    [
        ([], 0, 1),
        ([Flag.FALLBACK], 1, 3),
        ([Flag.APPEALED], 2, 2),
        ([Flag.FALLBACK, Flag.APPEALED], 2, 2),
        ([Flag.CHALLENGED], 3, 1),
        ([Flag.CHALLENGED, Flag.FALLBACK], 4, 3),
    ],
)
def test_round_follows_from_the_flags(flags, round_, panel):
    case = flagged(disputed(), *flags)
    assert (round_of(case), panel_of(case)) == (round_, panel)
    assert panel_of_round(PANEL, round_) == panel


def test_vote_may_name_all_but_after_a_challenge_no_more_than_is_claimed():
    assert most_share(disputed(consumer=300)) == 10_000
    assert most_share(challenged(claim=300)) == 300


# --- rulings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [state for state in State if state is not State.DISPUTED])
def test_ruling_outside_a_dispute_is_refused(state):
    with pytest.raises(OutOfOrder):
        rule(case_in(state), 5_000, POLICY, NOW)


def test_ruling_without_a_panel_is_refused():
    with pytest.raises(OutOfOrder):
        rule(disputed(panel=PanelTerms()), 5_000, POLICY, NOW)


def test_ruling_after_the_deadline_is_refused():
    case = disputed()
    assert rule(case, 5_000, POLICY, case.deadline).state is State.RULED
    with pytest.raises(OutOfOrder):
        rule(case, 5_000, POLICY, case.deadline + 1)


@pytest.mark.parametrize(("case", "share"), [(disputed(), 10_001), (disputed(), -1), (challenged(claim=300), 301)])
def test_ruling_of_more_than_a_vote_may_name_is_refused(case, share):
    with pytest.raises(InvalidInput):
        rule(case, share, POLICY, NOW)


@pytest.mark.parametrize("share", [0, 1, 5_000, 9_999])
def test_ruling_below_a_claim_waits_for_an_appeal(share):
    then = ruled(share, fee=700)
    assert (then.state, then.share, then.fee, then.marks) == (State.RULED, share, 0, Mark.RULED)
    assert then.deadline == NOW + WINDOWS[State.RULED]


@pytest.mark.parametrize(
    ("share", "fields"),
    [
        (5_000, {"panel": SMALL_PANEL}),
        (5_000, {"flags": Flag.APPEALED, "appellant": CONSUMER}),
        (5_000, {"consumer": 5_000, "merchant": 5_000}),
        (5_000, {"consumer": 4_000, "merchant": 6_000}),
        (10_000, {"merchant": 10_000}),
    ],
    ids=["no appeal panel", "appealed", "both have what they claim", "both have more", "consumer has all"],
)
@pytest.mark.parametrize(("mode", "state"), [(Mode.REFUND, "settled"), (Mode.BOND, "payable"), (Mode.NONE, "payable")])
def test_ruling_that_nobody_can_appeal_is_the_outcome(share, fields, mode, state):
    then = ruled(share, mode, **fields)
    assert (then.state.wire, then.share, then.fee) == (state, share, 0)


@pytest.mark.parametrize(
    ("appellant", "ruling", "lost"),
    [
        (CONSUMER, 5_000, True),
        (CONSUMER, 4_999, True),
        (CONSUMER, 5_001, False),
        (MERCHANT, 5_000, False),
        (MERCHANT, 4_999, True),
        (MERCHANT, 5_001, False),
    ],
)
def test_ruling_on_appeal_says_whether_the_consumer_lost(appellant, ruling, lost):
    then = rule(disputed(flags=Flag.APPEALED, appellant=appellant, share=5_000), ruling, POLICY, NOW)
    assert (then.consumer_lost_appeal, then.share) == (lost, ruling)


def test_ruling_in_another_round_says_nothing_of_an_appeal():
    assert not ruled(0).consumer_lost_appeal
    assert rule(challenged(consumer_lost_appeal=True), 0, POLICY, NOW).consumer_lost_appeal


@pytest.mark.parametrize(
    ("grade", "policy", "share", "freight"),
    [
        (Grade.USED, POLICY, 5_000, False),
        (Grade.DEFECTIVE, POLICY, 5_000, True),
        (Grade.NONE, REIMBURSED, 5_000, True),
        (Grade.NONE, REIMBURSED, 0, False),
    ],
)
def test_ruling_gives_the_freight_to_whom_the_policy_says(grade, policy, share, freight):
    before = disputed(panel=SMALL_PANEL, grade=grade, flags=Flag.FREIGHT_TO_CONSUMER)
    assert rule(before, share, policy, NOW).has(Flag.FREIGHT_TO_CONSUMER) is freight


# --- appeals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "share", "claims"),
    [
        (CONSUMER, 5_000, (10_000, 0)),
        (CONSUMER, 4_999, (10_000, 0)),
        (CONSUMER, 10_000, (5_000, 0)),
        (CONSUMER, 10_000, (4_000, 0)),
        (MERCHANT, 5_000, (10_000, 0)),
        (MERCHANT, 5_001, (10_000, 0)),
        (MERCHANT, 0, (10_000, 5_000)),
        (MERCHANT, 0, (10_000, 6_000)),
    ],
)
def test_appeal_that_could_gain_nothing_is_refused(role, share, claims):
    case = case_in(State.RULED, share=5_000, consumer_claim=claims[0], merchant_claim=claims[1])
    with pytest.raises(OutOfOrder) as raised:
        after(case, "appealed", role, share=share)
    assert raised.value.field == "data.share"


@pytest.mark.parametrize(("role", "share", "claims"), [(CONSUMER, 7_000, (7_000, 1_000)), (MERCHANT, 0, (9_000, 0))])
def test_appeal_goes_to_the_larger_panel_once(role, share, claims):
    then = after(ruled(5_000, consumer=9_000, merchant=1_000), "appealed", role, share=share, now=NOW + 3)
    assert (then.state, round_of(then), then.appellant) == (State.DISPUTED, 2, role)
    assert (then.consumer_claim, then.merchant_claim) == claims
    assert (then.share, then.deadline) == (5_000, NOW + 3 + WINDOWS[State.DISPUTED])
    assert rule(then, 4_000, POLICY, NOW).state is State.SETTLED


def test_appeal_panel_that_stays_silent_leaves_the_ruling_as_it_was():
    then = lapsed(after(ruled(5_000), "appealed", CONSUMER, share=9_000))
    assert (then.state, then.share, then.consumer_lost_appeal) == (State.SETTLED, 5_000, False)


def test_appeal_after_the_fallback_panel_ruled_is_not_that_panels_again():
    fallback = lapsed(disputed())
    then = rule(fallback, 5_000, POLICY, fallback.due)
    appealed = after(then, "appealed", CONSUMER, share=9_000, now=then.due)
    assert (round_of(appealed), panel_of(appealed)) == (2, PANEL.appeal)


# --- challenges ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 8_501, 9_000, 10_000])
def test_challenge_of_more_than_is_owed_is_refused(share):
    with pytest.raises(InvalidInput) as raised:
        after(refunded(share=9_000, fee=500), "challenged", share=share)
    assert raised.value.field == "data.share"


def test_challenge_of_nothing_owed_is_refused():
    with pytest.raises(InvalidInput):
        after(refunded(share=500, fee=1_000), "challenged", share=1)


def test_challenge_begins_new_rounds():
    case = flagged(refunded(marks=Mark.RULED, merchant_claim=4_000), Flag.FALLBACK, Flag.APPEALED)
    then = after(case, "challenged", share=3_000)
    assert (then.state, round_of(then), then.has(Flag.APPEALED)) == (State.DISPUTED, 3, False)
    assert (then.consumer_claim, then.merchant_claim, then.share, then.fee) == (3_000, 0, 9_000, 500)
    assert then.marked(Mark.RULED)


@pytest.mark.parametrize("share", [0, 1, 3_000])
@pytest.mark.parametrize("mode", [Mode.BOND, Mode.NONE])
def test_ruling_on_a_challenge_settles_at_once_and_has_no_appeal(mode, share):
    then = rule(challenged(mode), share, POLICY, NOW)
    assert (then.state, then.share, then.fee) == (State.SETTLED, share, 0)
    assert then.has(Flag.UNPAID) is (mode is Mode.NONE and share > 0)


def test_challenge_that_no_panel_hears_pays_what_was_claimed():
    then = lapsed(lapsed(challenged()))
    assert (then.state, then.share, then.fee) == (State.SETTLED, 3_000, 0)


@pytest.mark.parametrize("share", [0, 3_000])
@pytest.mark.parametrize("before", [True, False])
def test_challenge_keeps_the_freight_where_it_went(before, share):
    flags = Flag.FREIGHT_TO_CONSUMER if before else 0
    then = rule(challenged(flags=flags, grade=Grade.USED if before else Grade.DEFECTIVE), share, POLICY, NOW)
    assert then.has(Flag.FREIGHT_TO_CONSUMER) is (before and share > 0)


# --- splits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", LIVE)
@pytest.mark.parametrize("role", [CONSUMER, MERCHANT])
def test_split_offered_by_one_side_alone_changes_nothing(state, role):
    case = case_in(state)
    then = after(after(case, "split", role, share=4_000), "split", role, share=4_000)
    assert (then.state, then.deadline, then.offer) == (state, case.deadline, 4_000)
    assert then.marks == (Mark.OFFER_BY_CONSUMER if role is CONSUMER else Mark.OFFER_BY_MERCHANT)


@pytest.mark.parametrize("state", LIVE)
@pytest.mark.parametrize(("mode", "ends"), [(Mode.REFUND, "settled"), (Mode.BOND, "payable"), (Mode.NONE, "payable")])
def test_split_that_both_signed_is_the_outcome(state, mode, ends):
    case = after(case_in(state, mode, fee=300), "split", MERCHANT, share=4_000)
    then = after(case, "split", CONSUMER, share=4_000, now=NOW + 9)
    ends = "settled" if state is State.REFUNDED else ends
    assert (then.state.wire, then.share, then.fee, then.marks) == (ends, 4_000, 0, 0)
    assert then.deadline == (NOW + 9 + WINDOWS[then.state] if then.state.is_live else 0)
    assert then.has(Flag.UNPAID) is (state is State.REFUNDED and mode is Mode.NONE)


@pytest.mark.parametrize("mode", list(Mode))
def test_split_of_nothing_settles_at_once(mode):
    case = after(case_in(State.RECEIVED, mode), "split", MERCHANT, share=0)
    then = after(case, "split", CONSUMER, share=0)
    assert (then.state, then.share, then.has(Flag.UNPAID)) == (State.SETTLED, 0, False)


def test_split_of_another_share_is_an_offer_in_place_of_the_first():
    case = after(case_in(State.RECEIVED), "split", MERCHANT, share=4_000)
    case = after(case, "split", CONSUMER, share=6_000)
    assert (case.state, case.offer, case.marks) == (State.RECEIVED, 6_000, Mark.OFFER_BY_CONSUMER)
    assert after(case, "split", MERCHANT, share=6_000).state is State.SETTLED


def test_split_offered_in_the_state_before_is_void():
    case = after(case_in(State.RECEIVED), "split", MERCHANT, share=4_000)
    case = after(case, "disputed")
    case = after(case, "split", CONSUMER, share=4_000)
    assert (case.state, case.marks) == (State.DISPUTED, Mark.OFFER_BY_CONSUMER)


@pytest.mark.parametrize("share", [-1, 10_001])
@pytest.mark.parametrize("role", [CONSUMER, MERCHANT])
def test_split_of_more_than_all_is_refused(role, share):
    with pytest.raises(InvalidInput):
        after(case_in(State.RECEIVED), "split", role, share=share)


def test_split_after_a_challenge_settles_at_once():
    case = after(challenged(Mode.NONE), "split", MERCHANT, share=1_000)
    then = after(case, "split", CONSUMER, share=1_000)
    assert (then.state, then.share, then.has(Flag.UNPAID)) == (State.SETTLED, 1_000, True)


# --- exchanges -------------------------------------------------------------------------------------------------------


def test_exchange_needs_the_merchants_word_first():
    case = case_in(State.INSPECTED)
    with pytest.raises(OutOfOrder):
        after(case, "exchange_agreed", CONSUMER)
    offered = after(case, "exchange_agreed", MERCHANT)
    assert (offered.state, offered.deadline, offered.marks) == (State.INSPECTED, case.deadline, Mark.EXCHANGE_OFFERED)
    assert after(offered, "exchange_agreed", CONSUMER).state is State.EXCHANGING


def test_exchange_that_arrived_ends_without_a_refund():
    case = after(case_in(State.EXCHANGING, share=8_000, fee=200), "exchange_shipped", MERCHANT)
    case = after(case, "exchange_delivered")
    assert case.state is State.DELIVERED
    then = lapsed(case)
    assert (then.state, then.share, then.fee) == (State.SETTLED, 0, 0)


@pytest.mark.parametrize("state", [State.EXCHANGING, State.DELIVERED])
def test_exchange_that_went_wrong_is_disputed_by_the_consumer_alone(state):
    then = after(case_in(state, share=8_000), "disputed", CONSUMER, share=9_000)
    assert (then.consumer_claim, then.merchant_claim) == (9_000, 8_000)
    with pytest.raises(OutOfOrder):
        after(case_in(state), "disputed", MERCHANT)


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.SETTLED, State.CLOSED])
def test_erasure_is_recorded_once(state):
    then = after(case_in(state), "erased", now=NOW + 10**8)
    assert (then.state, then.deadline, then.length, then.marks) == (state, 0, 6, Mark.ERASED)
    with pytest.raises(OutOfOrder):
        apply_act(then, act(then, Kind.ERASED), POLICY, NOW)
