"""The case machine against the table of the rules, written down here a second time and by hand."""

from dataclasses import replace

import pytest

from ledger_service.domain.machine import (
    WAITS_FOR,
    CaseState,
    allowed_acts,
    next_lapse,
    next_state,
    poke,
)
from ledger_service.domain.policies import Policy
from ledger_service.domain.vocabulary import Flag, Freight, Grade, Kind, Mode, Role, State
from ledger_service.errors import OutOfOrder

# state: what each role may state there, and where that leads (`outcome`: the money is decided)
ACTS = {
    "requested": {
        "merchant": {"authorised": "authorised", "declined": "declined"},
        "consumer": {"cancelled": "closed"},
    },
    "declined": {},
    "authorised": {
        "carrier": {"picked_up": "picked_up", "received": "received"},
        "warehouse": {"received": "received"},
        "consumer": {"picked_up": "picked_up", "cancelled": "closed"},
    },
    "picked_up": {"carrier": {"received": "received"}, "warehouse": {"received": "received"}},
    "received": {"inspector": {"inspected": "inspected"}},
    "inspected": {"consumer": {"accepted": "outcome"}},
    "exchanging": {},
    "delivered": {},
    "disputed": {},
    "ruled": {},
    "payable": {"merchant": {"refunded": "refunded"}},
    "refunded": {},
    "settled": {},
    "closed": {},
    "none": {},
}
LIVE = [state for state in State if state.is_live]
NOW = 1_800_000_000
WINDOWS = {state: 1_000 + int(state) for state in LIVE}
POLICY = Policy(
    code="test",
    version=1,
    effective="2026-01-01",
    title="Test",
    windows=WINDOWS,
    notice=3_600,
    min_share={Grade.AS_NEW: 10_000, Grade.USED: 5_000, Grade.DEFECTIVE: 10_000},
    fee_cap=1_500,
    freight=Freight.CONSUMER,
    document={},
)
SUPPLIED = replace(POLICY, freight=Freight.SUPPLIED)
REIMBURSED = replace(POLICY, freight=Freight.REIMBURSED)


def case(state, mode=Mode.REFUND, **fields):
    return CaseState(state, mode, deadline=NOW - 1, length=5, **fields)


def after(state, mode=Mode.REFUND, policy=POLICY, **fields):
    """What a lapse states, and the case after it in short."""
    kind, then = poke(case(state, mode, **fields), policy, NOW)
    return kind.wire, then.state.wire, then.share, then.fee


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(State))
def test_next_state_is_that_of_the_table_for_every_kind(state, role):
    allowed = ACTS[state.wire].get(role.wire, {})
    for kind in Kind:
        expected = allowed.get(kind.wire)
        found = next_state(state, kind, role)
        assert (found and found.wire) == ("payable" if expected == "outcome" else expected), kind


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(State))
def test_allowed_acts_are_those_of_the_table(state, role):
    assert sorted(kind.wire for kind in allowed_acts(state, role)) == sorted(ACTS[state.wire].get(role.wire, {}))


def test_table_names_every_state():
    assert set(ACTS) == {state.wire for state in State}


def test_every_live_state_waits_for_somebody():
    assert set(WAITS_FOR) == set(LIVE)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("state", [State.NONE, State.SETTLED, State.CLOSED])
def test_lapse_of_a_case_that_has_ended_is_refused(state, mode):
    with pytest.raises(OutOfOrder):
        next_lapse(CaseState(state, mode), POLICY)
    with pytest.raises(OutOfOrder):
        poke(CaseState(state, mode), POLICY, NOW)


@pytest.mark.parametrize("state", LIVE)
@pytest.mark.parametrize("early", [0, 1, 1_000])
def test_lapse_until_the_deadline_is_refused(state, early):
    with pytest.raises(OutOfOrder):
        poke(replace(case(state), deadline=NOW + early), POLICY, NOW)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.REQUESTED, ("authorised", "authorised")),
        (State.DECLINED, ("closed", "closed")),
        (State.AUTHORISED, ("closed", "closed")),
        (State.PICKED_UP, ("disputed", "disputed")),
        (State.DELIVERED, ("settled", "settled")),
        (State.REFUNDED, ("settled", "settled")),
        (State.PAYABLE, ("settled", "settled")),
    ],
)
def test_lapse_without_an_outcome_leads_on(state, mode, expected):
    assert after(state, mode)[:2] == expected


@pytest.mark.parametrize("state", [State.RECEIVED, State.EXCHANGING, State.DISPUTED])
@pytest.mark.parametrize(("mode", "then"), [(Mode.REFUND, "settled"), (Mode.BOND, "payable"), (Mode.NONE, "payable")])
def test_lapse_of_the_merchants_silence_gives_the_consumer_everything(state, mode, then):
    kind = "ruled" if state is State.DISPUTED else "accepted"
    assert after(state, mode, share=2_000, fee=900) == (kind, then, 10_000, 0)


@pytest.mark.parametrize("state", [State.INSPECTED, State.RULED])
@pytest.mark.parametrize(("mode", "then"), [(Mode.REFUND, "settled"), (Mode.BOND, "payable"), (Mode.NONE, "payable")])
def test_lapse_of_the_consumers_silence_takes_what_stands(state, mode, then):
    flags = Flag.INSPECTOR_INDEPENDENT
    assert after(state, mode, share=7_000, fee=300, flags=flags) == ("accepted", then, 7_000, 300)


@pytest.mark.parametrize(
    ("flags", "share", "expected"),
    [
        (0, 9_999, "disputed"),
        (0, 0, "disputed"),
        (0, 10_000, "settled"),
        (Flag.INSPECTOR_INDEPENDENT, 0, "settled"),
        (Flag.INSPECTOR_INDEPENDENT, 9_999, "settled"),
        (Flag.CONSUMER_KEY_HELD, 9_999, "disputed"),
    ],
)
def test_lapse_of_a_merchants_own_inspection_below_the_full_share_is_a_dispute(flags, share, expected):
    assert after(State.INSPECTED, share=share, flags=flags)[1] == expected


@pytest.mark.parametrize(
    ("policy", "flags", "expected"),
    [
        (SUPPLIED, Flag.PICKUP_BY_CARRIER, ("accepted", "settled", 10_000, 0)),
        (SUPPLIED, 0, ("disputed", "disputed", 0, 0)),
        (POLICY, Flag.PICKUP_BY_CARRIER, ("disputed", "disputed", 0, 0)),
        (REIMBURSED, Flag.PICKUP_BY_CARRIER, ("disputed", "disputed", 0, 0)),
        (POLICY, 0, ("disputed", "disputed", 0, 0)),
    ],
    ids=["supplied, proven", "supplied, unproven", "consumer, proven", "reimbursed, proven", "consumer, unproven"],
)
def test_lapse_of_a_lost_parcel_pays_only_what_the_carrier_proved(policy, flags, expected):
    assert after(State.PICKED_UP, policy=policy, flags=flags) == expected


@pytest.mark.parametrize("state", [State.INSPECTED, State.RULED])
@pytest.mark.parametrize("mode", list(Mode))
def test_lapse_with_a_share_of_zero_settles_at_once(state, mode):
    assert after(state, mode, share=0, flags=Flag.INSPECTOR_INDEPENDENT)[1] == "settled"


@pytest.mark.parametrize("mode", list(Mode))
def test_lapse_after_the_replacement_arrived_owes_nothing_any_more(mode):
    assert after(State.DELIVERED, mode, share=8_000, fee=200) == ("settled", "settled", 0, 0)


@pytest.mark.parametrize(("mode", "unpaid"), [(Mode.NONE, True), (Mode.BOND, False)])
def test_lapse_of_payable_marks_only_mode_none_as_unpaid(mode, unpaid):
    _, then = poke(case(State.PAYABLE, mode, share=10_000), POLICY, NOW)
    assert (then.state, then.has(Flag.UNPAID), then.share) == (State.SETTLED, unpaid, 10_000)


@pytest.mark.parametrize("mode", list(Mode))
def test_lapse_of_refunded_is_not_unpaid(mode):
    _, then = poke(case(State.REFUNDED, mode, share=10_000), POLICY, NOW)
    assert not then.has(Flag.UNPAID)


@pytest.mark.parametrize(
    ("state", "policy", "grade", "share", "expected"),
    [
        (State.RECEIVED, POLICY, Grade.NONE, 0, True),  # the silent side bears the freight
        (State.DISPUTED, POLICY, Grade.NONE, 0, True),
        (State.INSPECTED, POLICY, Grade.USED, 10_000, False),
        (State.INSPECTED, POLICY, Grade.DEFECTIVE, 10_000, True),
        (State.INSPECTED, REIMBURSED, Grade.USED, 10_000, True),
        (State.INSPECTED, REIMBURSED, Grade.DAMAGED, 0, False),  # nothing of the refund, nothing of the freight
        (State.INSPECTED, SUPPLIED, Grade.USED, 10_000, False),  # nothing was locked for it
    ],
)
def test_lapse_gives_the_freight_to_whom_the_policy_says(state, policy, grade, share, expected):
    before = case(state, grade=grade, share=share, flags=Flag.INSPECTOR_INDEPENDENT)
    _, then = poke(before, policy, NOW)
    assert then.has(Flag.FREIGHT_TO_CONSUMER) is expected


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("state", LIVE)
def test_lapse_starts_the_window_of_the_state_it_enters(state, mode):
    _, then = poke(case(state, mode), POLICY, NOW)
    assert then.deadline == (NOW + WINDOWS[then.state] if then.state.is_live else 0)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("state", LIVE)
def test_lapse_adds_one_record_and_one_more_where_it_settles_an_outcome(state, mode):
    kind, then = poke(case(state, mode), POLICY, NOW)
    settles_an_outcome = then.state is State.SETTLED and kind in (Kind.ACCEPTED, Kind.RULED)
    assert then.length == 5 + (2 if settles_an_outcome else 1)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("state", LIVE)
def test_lapse_says_what_next_lapse_says(state, mode):
    before = case(state, mode)
    kind, to = next_lapse(before, POLICY)
    found, then = poke(before, POLICY, NOW)
    assert found is kind
    assert then.state is to or to is State.PAYABLE


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("state", LIVE)
@pytest.mark.parametrize("freight", list(Freight))
def test_every_live_case_ends_by_silence_alone(state, mode, freight):
    policy, then = replace(POLICY, freight=freight), case(state, mode)
    for _ in range(12):
        if not then.state.is_live:
            break
        _, then = poke(then, policy, max(then.deadline, NOW) + 1)
    assert then.state in (State.SETTLED, State.CLOSED)
    assert then.deadline == 0


@pytest.mark.parametrize("state", LIVE)
def test_lapse_uses_no_nonce(state):
    _, then = poke(case(state, nonces=(0, 1, 2, 3, 4, 5, 6)), POLICY, NOW)
    assert then.nonces == (0, 1, 2, 3, 4, 5, 6)
