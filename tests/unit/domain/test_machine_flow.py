"""Whole lives of cases, and what stops an act on its way."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.machine import apply_act, check_proposal, next_state, possible_acts
from ledger_service.domain.vocabulary import Flag, Freight, Grade, Kind, Mark, Mode, Role, State
from ledger_service.errors import InvalidInput, LedgerError, OutOfOrder

from .lives import NOW, PANEL, POLICY, TERMS_KEY, WINDOWS, CaseState, act, after, carried, opened


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("independent", [True, False])
def test_open_case_starts_the_merchants_window(mode, held, independent):
    flags = (1 if held else 0) | (2 if independent else 0)
    case = opened(mode, held=held, independent=independent)
    assert case == CaseState(
        State.REQUESTED,
        mode,
        flags=flags,
        deadline=NOW + WINDOWS[State.REQUESTED],
        length=1,
        nonces=(0, 0, 1, 0, 0, 0, 0),
        consumer=TERMS_KEY,
        panel=PANEL,
    )


@pytest.mark.parametrize("late", [1, 1_000, 10**9])
def test_act_after_the_deadline_is_refused(late):
    case = opened()
    with pytest.raises(OutOfOrder) as raised:
        apply_act(case, act(case, "authorised", valid_until=2**40 - 1), POLICY, case.deadline + late)
    assert raised.value.field == "kind"
    assert raised.value.remedy


@pytest.mark.parametrize("early", [0, 1, 1_000])
def test_act_up_to_the_deadline_counts(early):
    case = opened()
    now = case.deadline - early
    then = apply_act(case, act(case, "authorised"), POLICY, now)
    assert (then.state, then.deadline) == (State.AUTHORISED, now + WINDOWS[State.AUTHORISED])


def test_act_after_its_signature_ran_out_is_refused():
    case = opened()
    assert apply_act(case, act(case, "authorised", valid_until=NOW), POLICY, NOW).state is State.AUTHORISED
    with pytest.raises(OutOfOrder) as raised:
        apply_act(case, act(case, "authorised", valid_until=NOW - 1), POLICY, NOW)
    assert raised.value.field == "valid_until"


@pytest.mark.parametrize("nonce", [0, 2, 3, 65_535])
def test_act_with_another_nonce_than_the_next_is_refused(nonce):
    case = opened()
    with pytest.raises(OutOfOrder) as raised:
        apply_act(case, act(case, "authorised", nonce=nonce), POLICY, NOW)
    assert raised.value.field == "nonce"


def test_act_taken_twice_is_refused():
    case = replace(opened(), state=State.AUTHORISED)
    step = act(case, "picked_up")
    case = replace(apply_act(case, step, POLICY, NOW), state=State.AUTHORISED)
    with pytest.raises(OutOfOrder) as raised:
        apply_act(case, step, POLICY, NOW)
    assert raised.value.field == "nonce"


def test_act_of_a_role_whose_nonces_are_used_up_is_refused():
    case = replace(opened(), nonces=(0, 0, 65_535, 0, 0, 0, 0))
    with pytest.raises(OutOfOrder) as raised:
        apply_act(case, act(case, "authorised"), POLICY, NOW)
    assert raised.value.field == "nonce"


def test_act_counts_its_own_roles_nonce_only():
    assert carried("authorised", "picked_up", "received", "inspected").nonces == (0, 0, 2, 1, 1, 1, 0)


@pytest.mark.parametrize("word", ["authorised", "declined", "cancelled"])
@pytest.mark.parametrize(("name", "value"), [("share", 1), ("fee", 1), ("grade", Grade.USED)])
def test_act_with_a_value_that_it_does_not_sign_is_refused(word, name, value):
    case = opened()
    with pytest.raises(InvalidInput) as raised:
        apply_act(case, act(case, word, **{name: value}), POLICY, NOW)
    assert raised.value.field == f"data.{name}"


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(State))
def test_act_out_of_order_is_refused_with_its_reason(state, role):
    case = replace(opened(), state=state)
    for kind in Kind:
        if next_state(state, kind, role) is None:
            with pytest.raises(OutOfOrder) as raised:
                apply_act(case, act(case, kind, role), POLICY, NOW)
            assert raised.value.field == "kind"
            assert raised.value.remedy


@pytest.mark.parametrize(
    ("grade", "share", "fee", "field"),
    [
        (Grade.NONE, 10_000, 0, "data.grade"),
        (Grade.AS_NEW, 9_999, 0, "data.share"),
        (Grade.OPENED, 8_999, 0, "data.share"),
        (Grade.USED, 4_999, 0, "data.share"),
        (Grade.USED, 10_001, 0, "data.share"),
        (Grade.DAMAGED, -1, 0, "data.share"),
        (Grade.DEFECTIVE, 9_999, 0, "data.share"),
        (Grade.DEFECTIVE, 10_000, 1, "data.fee"),
        (Grade.USED, 5_000, 1_501, "data.fee"),
        (Grade.USED, 5_000, -1, "data.fee"),
    ],
)
def test_inspection_outside_the_policy_is_refused(grade, share, fee, field):
    case = carried("authorised", "received")
    proposal = act(case, "inspected", grade=grade, share=share, fee=fee)
    for check in (lambda: check_proposal(proposal, POLICY), lambda: apply_act(case, proposal, POLICY, NOW)):
        with pytest.raises(InvalidInput) as raised:
            check()
        assert raised.value.field == field
        assert raised.value.remedy


@pytest.mark.parametrize(
    ("grade", "share", "fee"),
    [
        (Grade.AS_NEW, 10_000, 0),
        (Grade.AS_NEW, 10_000, 1_500),
        (Grade.OPENED, 9_000, 1),
        (Grade.USED, 5_000, 1_500),
        (Grade.DAMAGED, 0, 0),
        (Grade.DAMAGED, 10_000, 0),
        (Grade.DEFECTIVE, 10_000, 0),
    ],
)
def test_inspection_within_the_policy_stands(grade, share, fee):
    case = carried("authorised", "received", "inspected", grade=grade, share=share, fee=fee)
    assert (case.state, case.grade, case.share, case.fee) == (State.INSPECTED, grade, share, fee)


@pytest.mark.parametrize(
    ("mode", "state", "length"),
    [(Mode.REFUND, State.SETTLED, 7), (Mode.BOND, State.PAYABLE, 6), (Mode.NONE, State.PAYABLE, 6)],
)
def test_accepting_decides_the_outcome(mode, state, length):
    case = carried("authorised", "picked_up", "received", "inspected", "accepted", mode=mode)
    assert (case.state, case.share, case.fee, case.length) == (state, 7_500, 150, length)
    assert case.deadline == (0 if mode is Mode.REFUND else NOW + WINDOWS[State.PAYABLE])


@pytest.mark.parametrize("mode", list(Mode))
def test_accepting_nothing_settles_at_once(mode):
    words = ("authorised", "received", "inspected", "accepted")
    case = carried(*words, mode=mode, grade=Grade.DAMAGED, share=0, fee=0)
    assert (case.state, case.deadline, case.length) == (State.SETTLED, 0, 6)
    assert not case.has(Flag.UNPAID)


@pytest.mark.parametrize("mode", [Mode.BOND, Mode.NONE])
def test_refunding_by_a_provider_waits_for_the_consumers_challenge(mode):
    case = carried("authorised", "received", "inspected", "accepted", "refunded", mode=mode)
    assert (case.state, case.deadline) == (State.REFUNDED, NOW + WINDOWS[State.REFUNDED])


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("words", "state"), [(["declined"], "declined"), (["cancelled"], "closed"), (["authorised", "cancelled"], "closed")]
)
def test_returns_that_do_not_happen_decide_nothing(mode, words, state):
    case = carried(*words, mode=mode)
    assert (case.state.wire, case.share, case.fee) == (state, 0, 0)


@pytest.mark.parametrize(("role", "proven"), [(Role.CARRIER, True), (Role.CONSUMER, False)])
def test_picking_up_tells_who_stated_it(role, proven):
    case = carried("authorised")
    case = apply_act(case, act(case, "picked_up", role=role), POLICY, NOW)
    assert case.has(Flag.PICKUP_BY_CARRIER) is proven


@pytest.mark.parametrize(
    ("grade", "freight", "expected"),
    [
        (Grade.USED, Freight.CONSUMER, False),
        (Grade.DEFECTIVE, Freight.CONSUMER, True),
        (Grade.USED, Freight.REIMBURSED, True),
        (Grade.USED, Freight.SUPPLIED, False),
        (Grade.DEFECTIVE, Freight.SUPPLIED, True),
    ],
)
def test_accepting_gives_the_freight_to_whom_the_policy_says(grade, freight, expected):
    policy = replace(POLICY, freight=freight)
    words = ("authorised", "received", "inspected", "accepted")
    case = carried(*words, policy=policy, grade=grade, share=10_000, fee=0)
    assert case.has(Flag.FREIGHT_TO_CONSUMER) is expected


def test_apply_act_leaves_the_case_before_it_as_it_was():
    case = opened()
    before = replace(case)
    apply_act(case, act(case, "authorised"), POLICY, NOW)
    assert case == before


def test_acts_of_a_role_are_those_whose_guards_hold():
    case = carried("authorised", "received", "inspected")
    assert set(possible_acts(case, Role.CONSUMER)) == {Kind.ACCEPTED, Kind.DISPUTED, Kind.SPLIT, Kind.KEY_BOUND}
    assert set(possible_acts(case, Role.MERCHANT)) == {Kind.EXCHANGE_AGREED, Kind.SPLIT}
    offered = after(case, "exchange_agreed")
    assert Kind.EXCHANGE_AGREED in possible_acts(offered, Role.CONSUMER)
    assert Kind.DISPUTED in possible_acts(case.flagging(Flag.INSPECTOR_INDEPENDENT), Role.MERCHANT)


@given(st.lists(st.tuples(st.sampled_from(Kind), st.sampled_from(Role), st.integers(0, 900)), max_size=25))
def test_any_sequence_of_acts_keeps_the_case_sound(steps):
    case, now = opened(), NOW
    for kind, role, wait in steps:
        now += wait
        try:
            then = apply_act(case, act(case, kind, role), POLICY, now)
        except LedgerError:
            continue
        assert then.length > case.length
        assert sum(then.nonces) == sum(case.nonces) + 1
        assert then.state.is_live == (then.due >= now and then.deadline > 0)
        assert 0 <= then.share <= 10_000
        assert 0 <= then.fee <= 1_500
        assert case.state.is_live or then.marked(Mark.ERASED)
        case = then
