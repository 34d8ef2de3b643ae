"""The case machine against the table of the rules, written down here a second time and by hand."""

from dataclasses import replace

import pytest

from ledger_service.domain.machine import WAITS_FOR, CaseState, allowed_acts, apply_act, next_lapse, next_state, poke
from ledger_service.domain.transitions import LAPSES, TRANSITIONS, Guard
from ledger_service.domain.vocabulary import Flag, Freight, Grade, Kind, Mark, Mode, Role, State
from ledger_service.errors import InvalidInput, OutOfOrder

from .lives import LIVE, NOW, PANEL, POLICY, REIMBURSED, SMALL_PANEL, SUPPLIED, WINDOWS, act, case_in, flagged

# state: what each role may state there, and where that leads (`outcome`: the money is decided, `stays`: nothing moves)
ACTS = {
    "requested": {
        "merchant": {"authorised": "authorised", "declined": "declined"},
        "consumer": {"cancelled": "closed"},
    },
    "declined": {"consumer": {"disputed": "disputed"}},
    "authorised": {
        "carrier": {"picked_up": "picked_up", "received": "received"},
        "warehouse": {"received": "received"},
        "consumer": {"picked_up": "picked_up", "cancelled": "closed", "disputed": "disputed"},
    },
    "picked_up": {
        "carrier": {"received": "received"},
        "warehouse": {"received": "received"},
        "consumer": {"disputed": "disputed"},
        "merchant": {"disputed": "disputed"},
    },
    "received": {
        "inspector": {"inspected": "inspected"},
        "consumer": {"disputed": "disputed"},
        "merchant": {"disputed": "disputed"},
    },
    "inspected": {
        "consumer": {"accepted": "outcome", "disputed": "disputed", "exchange_agreed": "exchanging"},
        "merchant": {"disputed": "disputed", "exchange_agreed": "stays"},
    },
    "exchanging": {
        "carrier": {"exchange_shipped": "stays", "exchange_delivered": "delivered"},
        "merchant": {"exchange_shipped": "stays"},
        "consumer": {"disputed": "disputed"},
    },
    "delivered": {"consumer": {"disputed": "disputed"}},
    "disputed": {
        "consumer": {"evidence": "stays", "disputed": "stays"},
        "merchant": {"evidence": "stays", "disputed": "stays"},
    },
    "ruled": {"consumer": {"appealed": "disputed"}, "merchant": {"appealed": "disputed"}},
    "payable": {"merchant": {"refunded": "refunded"}},
    "refunded": {"consumer": {"challenged": "disputed"}},
    "settled": {"merchant": {"erased": "stays"}},
    "closed": {"merchant": {"erased": "stays"}},
    "none": {},
}
IN_ANY_LIVE_STATE = {
    "consumer": {"split": "outcome", "objected": "stays", "key_bound": "stays"},
    "merchant": {"split": "outcome"},
}
# For each guard: what a case needs so that it holds, whatever its state.
HOLDS = {
    None: {},
    Guard.INSPECTOR_INDEPENDENT: {"flags": Flag.INSPECTOR_INDEPENDENT},
    Guard.EXCHANGE_OFFERED: {"marks": Mark.EXCHANGE_OFFERED},
    Guard.NOTICE_RUNNING: {"marks": Mark.NOTICED},
    Guard.NOT_ERASED: {},
    Guard.RULED_AGAINST: {"share": 6_000, "consumer_claim": 10_000, "merchant_claim": 0},
    Guard.WITHIN_OWED: {"share": 9_000, "fee": 500},
    Guard.OFFER_STANDS: {"marks": Mark.OFFER_BY_CONSUMER | Mark.OFFER_BY_MERCHANT, "offer": 7_500},
}
FAILS = {
    Guard.INSPECTOR_INDEPENDENT: {},
    Guard.EXCHANGE_OFFERED: {},
    Guard.NOTICE_RUNNING: {},
    Guard.NOT_ERASED: {"marks": Mark.ERASED},
    Guard.RULED_AGAINST: {"share": 6_000, "consumer_claim": 6_000, "merchant_claim": 6_000},
    Guard.WITHIN_OWED: {"share": 500, "fee": 500},
}


def case(state, mode=Mode.REFUND, **fields):
    return CaseState(state, mode, deadline=NOW - 1, length=5, **fields)


def after(state, mode=Mode.REFUND, policy=POLICY, **fields):
    """What a lapse states, and the case after it in short."""
    kind, then = poke(case(state, mode, **fields), policy, NOW)
    return kind.wire, then.state.wire, then.share, then.fee


def allowed(state, role):
    always = IN_ANY_LIVE_STATE.get(role.wire, {}) if state.is_live else {}
    return {**ACTS[state.wire].get(role.wire, {}), **always}


def share_for(row):
    """A share that suits the row's guard."""
    return {"share": 5_000 if row.role is Role.MERCHANT else 7_000} if row.guard is Guard.RULED_AGAINST else {}


def name_of(row):
    return f"{row.origin.wire}-{row.kind.wire}-{row.role.wire}"


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(State))
def test_next_state_is_that_of_the_table_for_every_kind(state, role):
    for kind in Kind:
        expected = {"outcome": "payable", "stays": state.wire}.get(word := allowed(state, role).get(kind.wire), word)
        found = next_state(state, kind, role)
        assert (found and found.wire) == expected, kind


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(State))
def test_allowed_acts_are_those_of_the_table(state, role):
    assert sorted(kind.wire for kind in allowed_acts(state, role)) == sorted(allowed(state, role))


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("role", list(Role))
def test_act_that_the_table_does_not_name_is_refused_in_every_state(kind, role):
    for state in State:
        if kind.wire not in allowed(state, role):
            with pytest.raises(OutOfOrder) as raised:
                apply_act(case_in(state), act(case_in(state), kind, role), POLICY, NOW)
            assert raised.value.field == "kind"


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("row", TRANSITIONS, ids=name_of)
def test_act_of_the_table_leads_where_it_says(row, mode):
    before = case_in(row.origin, mode, **HOLDS[row.guard])
    then = apply_act(before, act(before, row.kind, row.role, **share_for(row)), POLICY, NOW + 7)
    if row.to is None:
        assert (then.state, then.deadline, then.length) == (row.origin, before.deadline, 6)
        return
    settles = row.to is State.PAYABLE and (mode is Mode.REFUND or then.share == 0 or row.origin is State.REFUNDED)
    assert then.state is (State.SETTLED if settles else row.to)
    assert then.length == (7 if settles else 6)
    assert then.deadline == (NOW + 7 + WINDOWS[then.state] if then.state.is_live else 0)
    assert then.marks == 0


@pytest.mark.parametrize("row", [row for row in TRANSITIONS if row.guard in FAILS], ids=name_of)
def test_act_whose_guard_does_not_hold_is_refused(row):
    before = case_in(row.origin, **FAILS[row.guard])
    with pytest.raises(OutOfOrder if row.guard is not Guard.WITHIN_OWED else InvalidInput) as raised:
        apply_act(before, act(before, row.kind, row.role), POLICY, NOW)
    assert raised.value.remedy


def test_table_names_every_state():
    assert set(ACTS) == {state.wire for state in State}


def test_table_has_no_row_twice():
    assert len({(row.origin, row.kind, row.role) for row in TRANSITIONS}) == len(TRANSITIONS)


@pytest.mark.parametrize("state", LIVE)
def test_last_lapse_of_a_state_has_no_condition(state):
    lapses = [lapse for lapse in LAPSES if lapse.origin is state]
    assert [lapse.condition is None for lapse in lapses] == [False] * (len(lapses) - 1) + [True]


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


@pytest.mark.parametrize(
    ("flags", "panel", "fields", "expected"),
    [
        ([], PANEL, {}, ("disputed", "disputed", 4_000, 900)),
        ([Flag.FALLBACK], PANEL, {}, ("ruled", "payable", 10_000, 0)),
        ([], SMALL_PANEL, {}, ("ruled", "payable", 10_000, 0)),
        ([Flag.APPEALED], PANEL, {}, ("ruled", "payable", 4_000, 900)),
        ([Flag.APPEALED, Flag.FALLBACK], PANEL, {}, ("ruled", "payable", 4_000, 900)),
        ([Flag.CHALLENGED], PANEL, {"consumer_claim": 300}, ("disputed", "disputed", 4_000, 900)),
        ([Flag.CHALLENGED, Flag.FALLBACK], PANEL, {"consumer_claim": 300}, ("ruled", "settled", 300, 0)),
        ([Flag.CHALLENGED], SMALL_PANEL, {"consumer_claim": 300}, ("ruled", "settled", 300, 0)),
    ],
    ids=[
        "fallback is asked",
        "fallback is silent too",
        "no fallback",
        "appeal",
        "appeal of the fallback's ruling",
        "challenge, fallback is asked",
        "challenge, fallback is silent too",
        "challenge, no fallback",
    ],
)
def test_lapse_of_a_dispute_goes_by_its_round(flags, panel, fields, expected):
    bits = sum(flags)
    assert after(State.DISPUTED, Mode.BOND, share=4_000, fee=900, flags=bits, panel=panel, **fields) == expected


def test_lapse_to_the_fallback_panel_keeps_the_claims():
    before = flagged(case(State.DISPUTED, panel=PANEL, consumer_claim=8_000, merchant_claim=2_000))
    _, then = poke(before, POLICY, NOW)
    assert (then.consumer_claim, then.merchant_claim, then.has(Flag.FALLBACK)) == (8_000, 2_000, True)


@pytest.mark.parametrize("state", [State.PICKED_UP, State.INSPECTED])
def test_lapse_into_a_dispute_claims_all_for_one_side_and_the_proposal_for_the_other(state):
    _, then = poke(case(state, share=3_000, consumer_claim=1, merchant_claim=1), POLICY, NOW)
    assert (then.state, then.consumer_claim, then.merchant_claim) == (State.DISPUTED, 10_000, 3_000)


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
