"""Notices: what a service-held consumer key gives up waits, and who can stop it."""

import pytest
from court import FREIGHT, LIVE, events, moves_of, notice_of, refusal, stays
from support import NEW_KEY, make_policy, records_of
from words import DAY, FULL, NO_WORD, ZERO, Flag, Grade, Kind, Mode, Role, State

NOTICE = 2 * DAY
USED = {"grade": Grade.Used, "share": 6_000, "fee": 1_000}

# Kind, state, who acts before, who gives it, what it says, and where it leads.
GIVEN = {
    "cancelled": (Kind.Cancelled, State.Authorised, [], Role.Consumer, {}, State.Closed),
    "cancelled early": (Kind.Cancelled, State.Requested, [], Role.Consumer, {}, State.Closed),
    "accepted": (Kind.Accepted, State.Inspected, [], Role.Consumer, {}, State.Payable),
    "exchange": (
        Kind.ExchangeAgreed,
        State.Inspected,
        [(Kind.ExchangeAgreed, Role.Merchant, {})],
        Role.Consumer,
        {},
        State.Exchanging,
    ),
    "split by consumer": (
        Kind.Split,
        State.Inspected,
        [(Kind.Split, Role.Merchant, {"share": 3_000})],
        Role.Consumer,
        {"share": 3_000},
        State.Payable,
    ),
    "split by merchant": (
        Kind.Split,
        State.Disputed,
        [(Kind.Split, Role.Consumer, {"share": 3_000})],
        Role.Merchant,
        {"share": 3_000},
        State.Payable,
    ),
    "key": (Kind.KeyBound, State.Inspected, [], Role.Consumer, {}, State.Inspected),
}
ALL = pytest.mark.parametrize("given", list(GIVEN))


def bring(court, given, **options):
    """A case on which nothing but that act is missing."""
    kind, state, before, role, values, _ = GIVEN[given]
    options = {"mode": Mode.Bond, "consumerKeyHeld": True, **options}
    case = court.bring(state, USED if state == State.Inspected else (), **options)
    case.relay([case.packed(*act[:2], **act[2]) for act in before])
    return case, kind, role, values


def give(court, given, **options):
    """A case with that notice."""
    case, kind, role, values = bring(court, given, **options)
    tx = case.act(kind, role, **values)
    return case, kind, role, tx


def apply(court, case):
    court.world.travel(case.view["notice"]["effectiveAt"] + 1)
    return court.world.ledger.poke(case.id, {"from": court.world.stranger})


# --- when one is given ----------------------------------------------------------------------------------------------


@ALL
def test_notice_of_what_a_held_key_gives_up(court, given):
    case, kind, role, tx = give(court, given)
    record = stays(case, tx, kind, role)
    assert record["state"] == GIVEN[given][1]
    effective_at = tx.timestamp + NOTICE
    assert [tuple(event.values()) for event in events(tx, "NoticeGiven")] == [
        ("0x" + case.id.hex(), "0x" + record["commitment"].hex(), effective_at)
    ]
    share = 3_000 if kind == Kind.Split else 0
    assert notice_of(case) == (kind, effective_at, share, NEW_KEY.address if kind == Kind.KeyBound else ZERO)
    assert court.world.ledger.pokeOf(case.id) == (kind, GIVEN[given][5], effective_at)


@ALL
@pytest.mark.parametrize("why", ["own key", "no notice in the policy"])
def test_notice_is_not_needed(court, given, why):
    policy = court.world.policy_id
    if why != "own key":
        policy = court.world.register_policy(make_policy(notice=0))
    case, _, _, tx = give(court, given, policy=policy, consumerKeyHeld=why != "own key")
    assert case.state == GIVEN[given][5]
    assert not events(tx, "NoticeGiven")
    assert notice_of(case) is None


@pytest.mark.parametrize(
    ("inspection", "waits"),
    [
        ({"share": FULL, "fee": 0}, False),
        ({"share": FULL, "fee": 1}, True),
        ({"share": 9_999, "fee": 0}, True),
    ],
)
def test_notice_of_an_acceptance_where_it_gives_up_something(court, inspection, waits):
    case = court.bring(State.Inspected, inspection, consumerKeyHeld=True)
    case.act(Kind.Accepted, Role.Consumer)
    assert (case.state == State.Inspected, notice_of(case) is None) == (waits, not waits)


def test_notice_is_not_given_by_offers(court):
    case = court.bring(State.Inspected, USED, consumerKeyHeld=True)
    for kind, role in ((Kind.Split, Role.Consumer), (Kind.Split, Role.Merchant), (Kind.ExchangeAgreed, Role.Merchant)):
        case.act(kind, role, **({"share": 1 + role} if kind == Kind.Split else {}))
        assert notice_of(case) is None


def test_notice_is_not_given_by_what_the_consumer_keeps(court):
    """A dispute, evidence, a pickup give nothing up."""
    case = court.bring(State.Authorised, consumerKeyHeld=True)
    case.act(Kind.PickedUp, Role.Consumer)
    case.act(Kind.Disputed, Role.Consumer, share=1)
    case.act(Kind.Evidence, Role.Consumer)
    assert (case.state, notice_of(case) is None) == (State.Disputed, True)


# --- while it runs --------------------------------------------------------------------------------------------------


@ALL
def test_notice_is_crossed_by_nothing_that_agrees(court, given):
    case, *_ = give(court, given)
    effective_at = case.view["notice"]["effectiveAt"]
    crossing = [(Kind.Split, Role.Consumer, {"share": 1}), (Kind.Split, Role.Merchant, {"share": 3_000})]
    crossing.append((Kind.KeyBound, Role.Consumer, {}))
    if case.state == State.Inspected:
        crossing += [(Kind.Accepted, Role.Consumer, {}), (Kind.ExchangeAgreed, Role.Merchant, {})]
    if case.state in (State.Requested, State.Authorised):
        crossing.append((Kind.Cancelled, Role.Consumer, {}))
    for kind, role, values in crossing:
        assert refusal(case, kind, role, **values) == ("NoticeRuns", effective_at)


@ALL
def test_notice_is_objected_to_by_the_consumer(court, given):
    case, kind, role, _ = give(court, given)
    values, deadline = GIVEN[given][4], case.deadline
    tx = case.act(Kind.Objected, Role.Consumer)
    stays(case, tx, Kind.Objected, Role.Consumer)
    assert [tuple(event.values()) for event in events(tx, "NoticeVoided")] == [("0x" + case.id.hex(),)]
    assert (notice_of(case) is None, case.deadline) == (True, deadline)
    assert refusal(case, Kind.Objected, Role.Consumer)[0] == "NotAllowed"
    assert refusal(case, kind, role, **values) is None  # and it can be said anew
    court.world.travel(court.world.chain[-1].timestamp + NOTICE + 1)
    assert court.world.refusal(court.world.ledger.poke, case.id) == ("DeadlineAhead", deadline)


def test_notice_cannot_be_objected_to_by_the_merchant(court):
    case, *_ = give(court, "cancelled")
    answer = refusal(case, Kind.Objected, Role.Merchant)
    assert answer == ("NotAllowed", State.Authorised, Kind.Objected, Role.Merchant)


@pytest.mark.parametrize(
    ("given", "kind", "role", "values", "to"),
    [
        ("cancelled early", Kind.Authorised, Role.Merchant, {}, State.Authorised),
        ("cancelled early", Kind.Declined, Role.Merchant, {}, State.Declined),
        ("cancelled", Kind.PickedUp, Role.Carrier, {}, State.PickedUp),
        ("cancelled", Kind.Disputed, Role.Consumer, {"share": FULL}, State.Disputed),
        ("accepted", Kind.Disputed, Role.Consumer, {"share": FULL}, State.Disputed),
        ("key", Kind.Disputed, Role.Consumer, {"share": FULL}, State.Disputed),
    ],
)
def test_notice_is_voided_by_any_change_of_state(court, given, kind, role, values, to):
    case, *_ = give(court, given)
    effective_at = case.view["notice"]["effectiveAt"]
    tx = case.act(kind, role, **values)
    assert (case.state, notice_of(case) is None) == (to, True)
    assert len(events(tx, "NoticeVoided")) == 1
    court.world.travel(effective_at + 1)
    assert court.world.refusal(court.world.ledger.poke, case.id) == ("DeadlineAhead", case.deadline)


def test_notice_is_voided_by_a_ruling(court):
    case, *_ = give(court, "split by merchant")
    tx = court.rule(case, 5_000)
    assert (case.state, notice_of(case) is None, len(events(tx, "NoticeVoided"))) == (State.Ruled, True, 1)


def test_notice_is_not_voided_by_what_stays(court):
    case, *_ = give(court, "split by merchant")
    case.act(Kind.Evidence, Role.Merchant)
    case.act(Kind.Disputed, Role.Merchant, share=5)
    court.vote(case, 0, 0)
    assert notice_of(case) is not None


# --- when it ends ---------------------------------------------------------------------------------------------------


@ALL
def test_notice_is_applied_by_anybody_once_its_time_has_passed(court, given):
    case, kind, _, _ = give(court, given)
    view, to = case.view, GIVEN[given][5]
    effective_at = view["notice"]["effectiveAt"]
    court.world.block_at(effective_at)
    assert court.world.refusal(court.world.ledger.poke, case.id) == ("DeadlineAhead", effective_at)
    assert refusal(case, Kind.Objected, Role.Consumer) is None
    tx = apply(court, case)
    (record,) = records_of(tx, case)
    assert (record["kind"], record["role"], record["state"]) == (kind, Role.None_, to)
    assert (record["actor"], record["commitment"]) == (court.world.ledger.address, NO_WORD)
    assert (case.state, notice_of(case) is None, events(tx, "NoticeVoided")) == (to, True, [])
    assert case.view["nonces"] == view["nonces"]
    if kind == Kind.Split:
        assert (record["share"], record["fee"]) == (3_000, 0)
    if kind == Kind.Accepted:
        assert (record["share"], record["fee"]) == (6_000, 1_000)


@ALL
def test_notice_that_has_passed_leaves_no_room_for_acts(court, given):
    case, *_ = give(court, given)
    effective_at = case.view["notice"]["effectiveAt"]
    court.world.block_at(effective_at + 1)
    expected = ("DeadlinePassed", effective_at)
    assert refusal(case, Kind.Objected, Role.Consumer) == expected
    assert refusal(case, Kind.Split, Role.Merchant, share=1) == expected
    if case.state == State.Disputed:
        assert refusal(case, Kind.Evidence, Role.Merchant) == expected
        member = court.members["first"][0]
        assert court.refused_vote(case, member, 0) == ("RoundOver", 0)
        args = case.id, 0, NO_WORD, True
        answer = court.world.refusal(court.world.ledger.rule, *args, sender=court.world.panel.address)
        assert answer == ("NotDisputed", case.id)


def test_notice_of_a_cancellation_gives_the_lock_back(court):
    case, *_ = give(court, "cancelled", mode=Mode.Refund)
    locked = sum(case.terms[part] for part in ("refund", "freight", "reserve"))
    assert court.settlement(apply(court, case), case) == (0, locked, 0)


def test_notice_of_an_acceptance_pays_what_was_proposed(court):
    case, *_ = give(court, "accepted", mode=Mode.Refund)
    tx = apply(court, case)
    assert moves_of(tx, case) == [(Kind.Accepted, State.Payable), (Kind.Settled, State.Settled)]
    assert court.settlement(tx, case)[0] == 60_00 - 10_00


def test_notice_of_a_split_pays_what_was_agreed(court):
    case, *_ = give(court, "split by consumer", mode=Mode.Refund, policy=court.world.reimbursed)
    assert court.settlement(apply(court, case), case)[0] == 30_00 + FREIGHT


def test_notice_of_a_split_of_a_stated_refund(court):
    case = court.bring(State.Refunded, mode=Mode.Bond, consumerKeyHeld=True)
    case.act(Kind.Split, Role.Consumer, share=2_000)
    case.act(Kind.Split, Role.Merchant, share=2_000)
    tx = apply(court, case)
    assert moves_of(tx, case) == [(Kind.Split, State.Payable), (Kind.Settled, State.Settled)]
    assert court.settlement(tx, case)[0] == 20_00


@pytest.mark.parametrize("late", [0, 3_600])
def test_notice_and_deadline_the_earlier_one_counts(court, late):
    """A notice that would end after the deadline is void when that passes; one that ends in the same second is applied.
    Inspection and acceptance are in one block, so that both count from the same second."""
    policy = court.world.register_policy(make_policy(notice=16 * DAY + late))
    case = court.bring(State.Received, mode=Mode.Bond, policy=policy, consumerKeyHeld=True)
    proposal = case.packed(Kind.Inspected, Role.Inspector, **USED)
    case.relay([proposal, case.packed(Kind.Accepted, Role.Consumer)])
    deadline = case.deadline
    assert case.view["notice"]["effectiveAt"] == deadline + late
    kind, to = (Kind.Disputed, State.Disputed) if late else (Kind.Accepted, State.Payable)
    assert court.world.ledger.pokeOf(case.id) == (kind, to, deadline)
    court.world.block_at(deadline)
    assert court.world.refusal(court.world.ledger.poke, case.id) == ("DeadlineAhead", deadline)
    tx = case.poke()
    assert moves_of(tx, case) == [(kind, to)]
    assert (len(events(tx, "NoticeVoided")), notice_of(case) is None) == (int(late > 0), True)


def test_notice_is_voided_where_the_fallback_panel_takes_over(court):
    """The case stays disputed, yet it is another round."""
    case = court.bring(State.Disputed, consumerKeyHeld=True)
    court.world.travel(case.deadline - DAY)
    case.act(Kind.KeyBound, Role.Consumer)
    tx = case.poke()
    assert moves_of(tx, case) == [(Kind.Disputed, State.Disputed)]
    assert (notice_of(case) is None, len(events(tx, "NoticeVoided"))) == (True, 1)


@pytest.mark.parametrize("state", LIVE)
def test_notice_cannot_keep_a_case_alive(court, state):
    """Objecting and giving notice anew moves no deadline."""
    case = court.bring(state, mode=Mode.Bond, consumerKeyHeld=True)
    deadline = case.deadline
    for _ in range(3):
        case.relay([case.packed(Kind.KeyBound, Role.Consumer), case.packed(Kind.Objected, Role.Consumer)])
    assert case.deadline == deadline
    case.relay([case.packed(Kind.KeyBound, Role.Consumer)])
    court.world.travel(deadline + 1)
    assert court.world.refusal(court.world.ledger.poke, case.id) is None


def test_notice_of_a_withdrawal_is_the_escrows(court):
    """The ledger says how long it has to wait: as long as the service holds the key, and no longer."""
    case = court.bring(State.Inspected, consumerKeyHeld=True)
    assert tuple(court.world.ledger.payeeOf(case.id)) == (court.world.consumer.address, NOTICE)
    case.act(Kind.KeyBound, Role.Consumer)
    apply(court, case)
    assert tuple(court.world.ledger.payeeOf(case.id)) == (NEW_KEY.address, 0)
    assert not case.view["flags"] & Flag.CONSUMER_KEY_HELD
    assert tuple(court.world.ledger.payeeOf(b"\6" * 32)) == (ZERO, 0)
