"""What a consumer's key gives up while the service holds it."""

from dataclasses import replace

import pytest

from ledger_service.domain.machine import apply_act, next_lapse, poke
from ledger_service.domain.vocabulary import Flag, Kind, Mark, Mode, Role, State
from ledger_service.errors import InvalidInput, OutOfOrder

from .lives import NOTICE, NOW, OWN_KEY, POLICY, TERMS_KEY, act, after, case_in

CONSUMER, MERCHANT = Role.CONSUMER, Role.MERCHANT
HELD = Flag.CONSUMER_KEY_HELD
UNHURRIED = replace(POLICY, notice=0)
OFFERED = {"marks": Mark.OFFER_BY_MERCHANT, "offer": 4_000}
GIVEN_UP = {  # what is given up: where, by what, and what it comes to after the notice
    "cancelled": ({"state": State.REQUESTED}, {}, State.CLOSED),
    "cancelled later": ({"state": State.AUTHORISED}, {}, State.CLOSED),
    "accepted": ({"state": State.INSPECTED, "share": 7_000}, {}, State.SETTLED),
    "accepted less a fee": ({"state": State.INSPECTED, "share": 10_000, "fee": 1}, {}, State.SETTLED),
    "exchange_agreed": (
        {"state": State.INSPECTED, "marks": Mark.EXCHANGE_OFFERED},
        {"role": CONSUMER},
        State.EXCHANGING,
    ),
    "split": ({"state": State.DISPUTED, **OFFERED}, {"role": CONSUMER, "share": 4_000}, State.SETTLED),
    "split, merchant last": (
        {"state": State.DISPUTED, "marks": Mark.OFFER_BY_CONSUMER, "offer": 4_000},
        {"role": MERCHANT, "share": 4_000},
        State.SETTLED,
    ),
    "key_bound": ({"state": State.RECEIVED}, {}, State.RECEIVED),
}


def given_up(name, *, policy=POLICY, flags=HELD):
    """A case before and after the act of that name."""
    fields, changes, _ = GIVEN_UP[name]
    before = case_in(flags=flags, **fields)
    kind = name.split(" ")[0].rstrip(",")
    return before, after(before, kind, policy=policy, **changes)


@pytest.mark.parametrize("name", GIVEN_UP)
def test_what_a_held_key_gives_up_waits(name):
    before, then = given_up(name)
    assert (then.state, then.deadline, then.length) == (before.state, before.deadline, before.length + 1)
    assert (then.due, then.notice.effective_at) == (NOW + NOTICE, NOW + NOTICE)
    assert then.marks == before.marks | Mark.NOTICED
    assert (then.share, then.fee, then.consumer) == (before.share, before.fee, TERMS_KEY)


@pytest.mark.parametrize("name", GIVEN_UP)
@pytest.mark.parametrize(("policy", "flags"), [(POLICY, 0), (UNHURRIED, HELD)], ids=["own key", "no notice"])
def test_what_an_own_key_gives_up_takes_effect_at_once(name, policy, flags):
    _, then = given_up(name, policy=policy, flags=flags)
    assert (then.state, then.notice) == (GIVEN_UP[name][2], None)
    assert (then.consumer == OWN_KEY) is (name == "key_bound")


@pytest.mark.parametrize("name", GIVEN_UP)
def test_poke_applies_a_notice_once_its_time_is_over(name):
    before, then = given_up(name)
    with pytest.raises(OutOfOrder):
        poke(then, POLICY, then.due)
    expected, _ = next_lapse(then, POLICY)
    kind, done = poke(then, POLICY, then.due + 1)
    assert (kind, done.state, done.notice) == (expected, GIVEN_UP[name][2], None)
    assert kind.wire == name.split(" ")[0].rstrip(",")
    assert not done.marked(Mark.NOTICED)
    if name == "key_bound":
        assert (done.consumer, done.has(HELD), done.deadline) == (OWN_KEY, False, before.deadline)
    if done.state is State.SETTLED:
        assert (done.share, done.fee) == ((4_000, 0) if "split" in name else (before.share, before.fee))


@pytest.mark.parametrize("name", GIVEN_UP)
def test_objection_voids_a_notice_until_its_last_second(name):
    before, then = given_up(name)
    with pytest.raises(OutOfOrder):
        after(then, "objected", now=then.due + 1)
    kept = after(then, "objected", now=then.due)
    assert (kept.state, kept.deadline, kept.due, kept.notice) == (before.state, before.deadline, before.deadline, None)
    assert kept.marks == before.marks


@pytest.mark.parametrize("kind", ["cancelled", "accepted", "exchange_agreed", "split", "key_bound"])
@pytest.mark.parametrize("role", [CONSUMER, MERCHANT])
def test_nothing_else_is_given_up_while_a_notice_runs(kind, role):
    states = [State.AUTHORISED, State.INSPECTED]
    for state in states:
        _, then = given_up("key_bound")
        case = replace(then, state=state, share=7_000, marks=then.marks | Mark.EXCHANGE_OFFERED)
        with pytest.raises(OutOfOrder):
            after(case, kind, role)


def test_merchants_offers_need_no_notice():
    case = case_in(State.INSPECTED, flags=HELD, share=7_000)
    assert after(case, "exchange_agreed", MERCHANT).notice is None
    assert after(case, "split", MERCHANT, share=4_000).notice is None
    assert after(case, "split", CONSUMER, share=4_000).notice is None


@pytest.mark.parametrize("mode", list(Mode))
def test_full_share_is_accepted_without_a_notice(mode):
    then = after(case_in(State.INSPECTED, mode, flags=HELD, share=10_000), "accepted")
    assert then.state is (State.SETTLED if mode is Mode.REFUND else State.PAYABLE)


def test_change_of_state_voids_a_notice():
    _, noticed = given_up("cancelled later")
    then = after(noticed, "received")
    assert (then.state, then.notice, then.marks) == (State.RECEIVED, None, 0)
    assert then.due == then.deadline


def test_other_acts_leave_a_notice_running():
    _, noticed = given_up("split")
    then = after(noticed, "evidence", MERCHANT, now=NOW + 9)
    assert (then.notice, then.due) == (noticed.notice, noticed.due)


@pytest.mark.parametrize(("left", "applies"), [(NOTICE, True), (NOTICE + 1, True), (NOTICE - 1, False)])
def test_deadline_before_the_end_of_a_notice_goes_first(left, applies):
    case = case_in(State.AUTHORISED, flags=HELD, deadline=NOW + left)
    noticed = after(case, "key_bound")
    assert noticed.due == NOW + min(left, NOTICE)
    kind, then = poke(noticed, POLICY, noticed.due + 1)
    assert kind is (Kind.KEY_BOUND if applies else Kind.CLOSED)
    assert then.state is (State.AUTHORISED if applies else State.CLOSED)


@pytest.mark.parametrize("flags", [0, HELD])
@pytest.mark.parametrize("key", ["0x" + "00" * 20, TERMS_KEY, TERMS_KEY.upper().replace("0X", "0x")])
def test_key_that_is_none_or_the_same_is_refused(key, flags):
    with pytest.raises(InvalidInput) as raised:
        after(case_in(State.RECEIVED, flags=flags), "key_bound", key=key)
    assert raised.value.field == "data.key"


def test_key_bound_goes_on_with_the_nonces_of_the_one_before():
    then = after(after(case_in(State.RECEIVED), "split", CONSUMER), "key_bound")
    assert (then.consumer, then.nonce(CONSUMER)) == (OWN_KEY, 2)
    with pytest.raises(OutOfOrder):
        apply_act(then, act(then, "disputed", nonce=0), POLICY, NOW)


def test_act_after_the_end_of_a_notice_is_refused():
    _, noticed = given_up("accepted")
    with pytest.raises(OutOfOrder):
        after(noticed, "disputed", now=noticed.due + 1)
    assert after(noticed, "disputed", now=noticed.due).state is State.DISPUTED
