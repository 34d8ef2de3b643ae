"""Votes and rulings on cases of the real ledger: rounds, appeals, challenges, what is ruled, and what it costs"""

import os
import random

import pytest
from panel_support import Bench, arbitrators, read_ballot
from support import keyed, link, records_of
from words import FULL, Flag, Kind, Mode, Role, State

APPEAL, FALLBACK, FIRST, PLAIN = 1, 2, 3, 4
REFUND, RESERVE = 19_80, 6_000
QUORUM = {APPEAL: 5, FALLBACK: 1, FIRST: 3, PLAIN: 3}
MEMBERS = {
    APPEAL: [*arbitrators(1), *arbitrators(6, first=7)],
    FALLBACK: arbitrators(2, first=5),
    FIRST: arbitrators(4),
    PLAIN: arbitrators(4),
}
FEE = {APPEAL: 70, FALLBACK: 900, FIRST: 500, PLAIN: 500}


@pytest.fixture(scope="module")
def bench(world):
    """Arbitrators 1 to 4 (three are a quorum), 5 and 6 as their fallback (one), 1 and 7 to 12 on appeal (five). A
    fourth panel has the first one's arbitrators, and neither fallback nor appeal."""
    bench = Bench(None, world.panel, world.operator, world.relayer, world.chain)
    bench.errors = world.errors
    options = {FIRST: {"appeal": APPEAL, "fallback": FALLBACK}}
    for version in (APPEAL, FALLBACK, FIRST, PLAIN):
        members, quorum = MEMBERS[version], QUORUM[version]
        assert bench.register(members, quorum, fee=FEE[version], **options.get(version, {})) == version
    return bench


def opened(world, version=FIRST, **options):
    if options.get("mode") != Mode.None_:
        options.setdefault("reserve", RESERVE)
    return world.open(panel=version, **options)


@pytest.fixture
def disputed(world, bench):
    """The consumer claims 90 % and the merchant leaves it nothing; nobody has voted."""
    return in_dispute(world)


def in_dispute(world, version=FIRST, claim=9_000, **options):
    case = opened(world, version, **options).reach(State.Authorised)
    act(case, Kind.Disputed, Role.Consumer, claim)
    assert case.state == State.Disputed
    return case


def act(case, kind, role, share=0):
    return case.act(kind, role, share=share)


def rule(bench, case, shares, number=0, version=FIRST):
    return bench.vote_all(case.id, list(zip(MEMBERS[version], shares, strict=False)), number)


def credit_of(world, version, seats):
    """Minor units that arbitrators can withdraw."""
    eur = world.tokens["EUR"]
    return [world.escrow.accountOf(MEMBERS[version][seat].address, eur)[2] for seat in seats]


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.Requested, State.Authorised, State.Inspected, State.Settled, State.Closed])
def test_vote_on_a_case_that_nobody_disputes(world, bench, state):
    case = opened(world, mode=Mode.Bond, consumerKeyHeld=False).reach(state)
    assert bench.refused(case.id, MEMBERS[FIRST][0], 1) == ("NotDisputed", case.id)


def test_vote_after_the_deadline_of_the_case(world, bench, disputed):
    """Late votes are refused before anybody has poked, and after: the fallback's round has begun by then."""
    one = MEMBERS[FIRST][0]
    rule(bench, disputed, [1, 2])
    last = bench.signed(disputed.id, MEMBERS[FIRST][2], 3)
    bench.block_at(disputed.deadline)
    assert bench.refusal(bench.panel.vote, *last) is None
    bench.block_at(disputed.deadline + 1)
    assert bench.refusal(bench.panel.vote, *last) == ("RoundOver", 0)
    disputed.poke()
    assert bench.refusal(bench.panel.vote, *last) == ("WrongRound", 1, 0)
    assert bench.refused(disputed.id, one, 1, round=1) == ("NotAnArbitrator", one.address)


def test_vote_by_the_consumer_on_the_panel(world, bench):
    one = MEMBERS[FIRST][0]
    case = in_dispute(world, consumer=one)
    assert bench.refused(case.id, one, FULL) == ("PartyOnPanel", one.address)


def test_vote_by_the_key_that_the_consumer_has_bound(world, bench):
    two = MEMBERS[FIRST][1]
    case = in_dispute(world, consumerKeyHeld=False)
    binding = case.message(Kind.KeyBound, Role.Consumer, key=two.address)
    world.ledger.record(tuple(binding.values()), case.sign(binding, world.consumer), {"from": world.relayer})
    assert bench.refused(case.id, two, FULL) == ("PartyOnPanel", two.address)


@pytest.mark.parametrize("version", [FIRST, FALLBACK, APPEAL])
def test_open_with_a_party_on_one_of_the_panels(world, bench, version):
    arbitrator = MEMBERS[version][1]
    parties = world.parties(warehouse=arbitrator)
    case = world.prepare(panel=FIRST, reserve=RESERVE, parties=parties)
    assert world.refusal(world.ledger.open, case.opening) == ("PartyOnPanel", arbitrator.address)


def test_open_with_an_unknown_panel(world, bench):
    case = world.prepare(panel=5, reserve=RESERVE)
    assert world.refusal(world.ledger.open, case.opening) == ("UnknownPanelVersion", 5)


@pytest.mark.parametrize(("mode", "least"), [(Mode.Refund, 1_850), (Mode.Bond, 3_350)])
def test_open_with_too_small_a_reserve(world, bench, mode, least):
    """Three votes of the first panel at 500 come to more than one of its fallback's at 900; five of 70 on appeal."""
    case = world.prepare(panel=FIRST, reserve=least - 1, mode=mode)
    assert world.refusal(world.ledger.open, case.opening) == ("ReserveTooSmall", least - 1, least)
    assert world.refusal(world.ledger.open, world.prepare(panel=FIRST, reserve=least, mode=mode).opening) is None


@pytest.mark.parametrize("sender", ["operator", "guardian", "stranger"])
def test_rule_as_anybody_but_the_panel(world, bench, disputed, sender):
    sender = getattr(world, sender)
    answer = world.refusal(world.ledger.rule, disputed.id, FULL, b"\1" * 32, True, sender=sender)
    assert answer == ("NotThePanel", sender.address)


@pytest.mark.parametrize("state", [State.Authorised, State.Payable, State.Closed])
def test_rule_on_a_case_that_nobody_disputes(world, bench, state):
    """What the ledger says to the panel itself, should that be wrong."""
    case = opened(world, mode=Mode.Bond, consumerKeyHeld=False).reach(state)
    answer = world.refusal(world.ledger.rule, case.id, FULL, b"\1" * 32, True, sender=world.panel)
    assert answer == ("NotDisputed", case.id)


def test_rule_after_the_deadline(world, bench, disputed):
    args = (disputed.id, FULL, b"\1" * 32, True)
    bench.block_at(disputed.deadline)
    assert world.refusal(world.ledger.rule, *args, sender=world.panel) is None
    bench.block_at(disputed.deadline + 1)
    assert world.refusal(world.ledger.rule, *args, sender=world.panel) == ("NotDisputed", disputed.id)


# --- a ruling -------------------------------------------------------------------------------------------------------


def test_ruling_stands_in_the_case(world, bench, disputed):
    head = bytes(world.ledger.head(disputed.id))
    tx = rule(bench, disputed, [8_000, 2_000, 5_000])
    (record,) = records_of(tx, disputed)
    ballot = bytes(bench.panel.ballotOf(disputed.id, 0))
    assert (record["kind"], record["role"], record["state"]) == (Kind.Ruled, Role.Panel, State.Ruled)
    assert (record["actor"], record["commitment"]) == (bench.panel.address, ballot)
    assert (record["share"], record["fee"]) == (5_000, 0)
    assert read_ballot(ballot) == {0: 8_000, 1: 2_000, 2: 5_000}
    entry = bytes(tx.events["Recorded"]["entry"])
    assert bytes(world.ledger.head(disputed.id)) == link(head, bench.panel.address, ballot, entry)
    four = MEMBERS[FIRST][3]
    assert bench.refused(disputed.id, four, 1) == ("NotDisputed", disputed.id)


def test_ruling_takes_effect_as_it_is(world, bench, disputed):
    before = world.escrow.balanceOf(world.merchant.address, world.tokens["EUR"])
    rule(bench, disputed, [5_000, 5_001, 5_000])
    disputed.poke()
    assert disputed.state == State.Settled
    assert world.escrow.dueOf(disputed.id) == REFUND // 2
    after = world.escrow.balanceOf(world.merchant.address, world.tokens["EUR"])
    assert after - before == REFUND // 2 + RESERVE - 3 * FEE[FIRST]
    assert credit_of(world, FIRST, range(4)) == [500, 500, 500, 0]


@pytest.mark.parametrize(
    ("shares", "due"),
    [([5_000, 5_001, 5_001], 991), ([5_000, 5_000, 5_001], 990), ([0, 0, 1], 0), ([0, 1, 1], 1), ([FULL] * 3, REFUND)],
)
def test_arbitrators_who_disagree_by_one_basis_point_still_rule_to_the_cent(world, bench, shares, due):
    """Where no appeal panel is named the ruling settles the case at once; dust is the consumer's."""
    case = in_dispute(world, PLAIN)
    tx = rule(bench, case, shares, version=PLAIN)
    assert [record["kind"] for record in records_of(tx, case)] == [Kind.Ruled, Kind.Settled]
    assert (case.state, world.escrow.dueOf(case.id)) == (State.Settled, due)
    assert [tuple(event.values())[1:] for event in tx.events["Credited"]] == [
        (member.address, world.tokens["EUR"].address, 500) for member in MEMBERS[PLAIN][:3]
    ]


def test_ruling_that_gives_both_what_they_claim_settles_at_once(world, bench):
    case = in_dispute(world, claim=6_000)
    act(case, Kind.Disputed, Role.Merchant, 6_000)
    rule(bench, case, [6_000, 6_000, 0])
    assert (case.state, world.escrow.dueOf(case.id)) == (State.Settled, REFUND * 6 // 10)


def test_ruling_in_mode_none_costs_nothing(world, bench):
    case = in_dispute(world, PLAIN, mode=Mode.None_)
    tx = rule(bench, case, [4_000] * 3, version=PLAIN)
    assert "Credited" not in tx.events
    assert (case.state, case.view["share"]) == (State.Payable, 4_000)


# --- panels that say nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("votes", [0, 2])
def test_fallback_panel_rules_where_the_first_stays_silent(world, bench, disputed, votes):
    if votes:
        rule(bench, disputed, [1] * votes)
    disputed.poke()
    assert (disputed.state, disputed.view["round"]) == (State.Disputed, 1)
    assert disputed.view["flags"] & Flag.FALLBACK
    rule(bench, disputed, [7_000], 1, FALLBACK)
    assert (disputed.state, disputed.view["share"]) == (State.Ruled, 7_000)
    disputed.poke()
    assert credit_of(world, FIRST, range(3)) == [0, 0, 0]
    assert credit_of(world, FALLBACK, range(2)) == [900, 0]
    assert bench.panel.awardsOf(disputed.id, FIRST)[0] == ((MEMBERS[FALLBACK][0].address, 900),)


def test_arbitrators_who_never_vote_cost_the_merchant_the_refund_and_nobody_a_fee(world, bench, disputed):
    before = world.escrow.balanceOf(world.merchant.address, world.tokens["EUR"])
    rule(bench, disputed, [0, 0])
    disputed.poke()
    disputed.poke()
    assert (disputed.state, world.escrow.dueOf(disputed.id)) == (State.Settled, REFUND)
    assert world.escrow.balanceOf(world.merchant.address, world.tokens["EUR"]) == before + RESERVE
    assert credit_of(world, FIRST, range(3)) + credit_of(world, FALLBACK, range(2)) == [0] * 5


def test_appeal_panel_that_stays_silent_leaves_the_ruling_as_it_was(world, bench, disputed):
    rule(bench, disputed, [3_000] * 3)
    act(disputed, Kind.Appealed, Role.Consumer, 9_000)
    rule(bench, disputed, [FULL] * 4, 2, APPEAL)
    disputed.poke()
    assert (disputed.state, world.escrow.dueOf(disputed.id)) == (State.Settled, REFUND * 3 // 10)
    assert credit_of(world, APPEAL, range(1, 5)) == [0] * 4
    assert credit_of(world, FIRST, range(3)) == [500] * 3


# --- appeals --------------------------------------------------------------------------------------------------------


def test_appeal_is_ruled_by_the_larger_panel(world, bench, disputed):
    rule(bench, disputed, [3_000] * 3)
    act(disputed, Kind.Appealed, Role.Consumer, 9_000)
    assert (disputed.state, disputed.view["round"]) == (State.Disputed, 2)
    two = MEMBERS[FIRST][1]
    assert bench.refused(disputed.id, two, 1, round=2) == ("NotAnArbitrator", two.address)
    assert bench.refused(disputed.id, MEMBERS[APPEAL][1], 1) == ("WrongRound", 2, 0)
    tx = rule(bench, disputed, [8_000, 8_000, 8_001, 0, FULL], 2, APPEAL)
    assert [record["kind"] for record in records_of(tx, disputed)] == [Kind.Ruled, Kind.Settled]
    assert world.escrow.dueOf(disputed.id) == REFUND * 8 // 10  # the merchant lost, its reserve pays
    assert credit_of(world, APPEAL, range(6)) == [570, 70, 70, 70, 70, 0]
    assert credit_of(world, FIRST, range(4)) == [570, 500, 500, 0]


@pytest.mark.parametrize(("share", "due"), [(3_000, 594 - 350), (1_000, 198 - 198), (0, 0)])
def test_consumer_who_loses_its_appeal_pays_for_it_as_far_as_its_part_reaches(world, bench, disputed, share, due):
    before = world.escrow.balanceOf(world.merchant.address, world.tokens["EUR"])
    rule(bench, disputed, [3_000] * 3)
    act(disputed, Kind.Appealed, Role.Consumer, 9_000)
    rule(bench, disputed, [share] * 5, 2, APPEAL)
    assert world.escrow.dueOf(disputed.id) == due
    fees = 3 * 500 + 5 * 70
    gained = world.escrow.balanceOf(world.merchant.address, world.tokens["EUR"]) - before
    assert gained == REFUND + RESERVE - fees - due
    assert credit_of(world, APPEAL, range(5)) == [570, 70, 70, 70, 70]


# --- challenges -----------------------------------------------------------------------------------------------------


@pytest.fixture
def challenged(world, bench):
    """A bond of which the merchant says that it is paid, and the consumer that 40 % of it is missing."""
    case = opened(world, mode=Mode.Bond, consumerKeyHeld=False).reach(State.Refunded)
    act(case, Kind.Challenged, Role.Consumer, 4_000)
    return case


def test_vote_on_a_challenge_goes_no_further_than_what_is_owed(world, bench, challenged):
    assert challenged.view["round"] == 3
    one = MEMBERS[FIRST][0]
    assert bench.refused(challenged.id, one, 4_001, round=3) == ("VoteOutOfBounds", 4_001, 4_000)
    assert bench.refused(challenged.id, one, 4_000) == ("WrongRound", 3, 0)
    tx = rule(bench, challenged, [4_000, 0, 1_000], 3)
    assert [record["kind"] for record in records_of(tx, challenged)] == [Kind.Ruled, Kind.Settled]
    assert world.escrow.dueOf(challenged.id) == REFUND // 10
    assert credit_of(world, FIRST, range(4)) == [500, 500, 500, 0]


def test_fallback_panel_rules_on_a_challenge(world, bench, challenged):
    challenged.poke()
    assert challenged.view["round"] == 4
    rule(bench, challenged, [2_000], 4, FALLBACK)
    assert (challenged.state, world.escrow.dueOf(challenged.id)) == (State.Settled, REFUND // 5)
    assert credit_of(world, FALLBACK, range(2)) == [900, 0]


def test_awards_of_a_case_that_went_through_every_round(world, bench):
    """Ruled by the fallback, appealed, paid, challenged, and ruled by the fallback again: each is paid once."""
    case = in_dispute(world, mode=Mode.Bond, consumerKeyHeld=False)
    case.poke()
    rule(bench, case, [3_000], 1, FALLBACK)
    act(case, Kind.Appealed, Role.Merchant, 0)
    rule(bench, case, [2_000] * 5, 2, APPEAL)
    assert case.state == State.Payable
    act(case, Kind.Refunded, Role.Merchant)
    act(case, Kind.Challenged, Role.Consumer, 2_000)
    rule(bench, case, [0, 1], 3)
    case.poke()
    tx = rule(bench, case, [500], 4, FALLBACK)
    expected = [(MEMBERS[FALLBACK][0].address, 900)]
    expected += [(member.address, 70) for member in MEMBERS[APPEAL][:5]]
    expected += [(MEMBERS[FALLBACK][0].address, 900)]
    awards, on_appeal = bench.panel.awardsOf(case.id, FIRST)
    assert ([tuple(award) for award in awards], on_appeal) == (expected, 350)
    assert [(event["arbitrator"], event["amount"]) for event in tx.events["Credited"]] == expected
    assert tx.events["Settled"][-1]["fees"] == 900 + 350 + 900


# --- whatever arbitrators do ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60 if os.environ.get("LEDGER_LONG_TESTS") else 4))
def test_case_ends_and_pays_whatever_arbitrators_do(world, bench, seed):
    """Some stay silent, vote twice, late, out of range, in other rounds or with other keys; the parties appeal where
    they can. Every case ends, and its lock is shared out to the last cent."""
    rng = random.Random(seed)
    case = in_dispute(world, mode=rng.choice([Mode.Refund, Mode.Bond]), consumerKeyHeld=False)
    everybody = [*MEMBERS[FIRST], *MEMBERS[FALLBACK], *MEMBERS[APPEAL][1:], keyed("stranger")]
    paid = []
    for _ in range(12):
        if case.state in (State.Settled, State.Closed):
            break
        tx = world.panel.voteBatch(odd_votes(bench, case, everybody, rng), {"from": world.relayer})
        paid += settlements(tx)
        if case.state == State.Settled:
            break
        move = rng.choice([(Kind.Appealed, Role.Consumer, FULL), (Kind.Appealed, Role.Merchant, 0)])
        signed = case.signed(*move[:2], share=move[2])
        if case.state == State.Ruled and world.refusal(world.ledger.record, *signed) is None:
            act(case, *move)
            continue
        tx = case.poke()
        paid += settlements(tx)
    assert case.state == State.Settled
    (event,) = paid
    assert event["toConsumer"] + event["toMerchant"] + event["fees"] == REFUND + RESERVE
    assert event["fees"] == sum(amount for _, amount in bench.panel.awardsOf(case.id, FIRST)[0])


def settlements(tx):
    if "Settled" not in tx.events:
        return []
    return list(tx.events["Settled"])


def odd_votes(bench, case, everybody, rng):
    """A batch of votes, good ones among them."""
    number = case.view["round"]
    batch = []
    for arbitrator in rng.sample(everybody, rng.randint(0, len(everybody))):
        changed = {"round": number if rng.random() < 0.8 else rng.randrange(6)}
        if rng.random() < 0.1:
            changed["validUntil"] = bench.now - 1
        if rng.random() < 0.1:
            changed["key"] = rng.choice(everybody)
        share = rng.choice([0, 1, 4_999, 5_000, 5_001, FULL, FULL + 1, 2**16 - 1])
        batch += [bench.signed(case.id, arbitrator, share, **changed)] * rng.choice([1, 1, 2])
    return batch


# --- versions, and what it costs ------------------------------------------------------------------------------------


def test_replacing_a_lost_key_affects_future_cases_only(world, bench, disputed):
    replacement, one = keyed("replacement"), MEMBERS[FIRST][0]
    version = bench.register([replacement, *MEMBERS[FIRST][1:]], 3, APPEAL, FALLBACK)
    later = in_dispute(world, version)
    assert bench.refused(disputed.id, replacement, 1) == ("NotAnArbitrator", replacement.address)
    assert bench.refused(later.id, one, 1) == ("NotAnArbitrator", one.address)
    assert bench.refused(disputed.id, one, 1) == bench.refused(later.id, replacement, 1) is None


def test_gas_of_a_dispute_with_three_votes_and_its_ruling(world, bench):
    """Every act a transaction of its own."""
    case = opened(world).reach(State.Authorised)
    dispute = act(case, Kind.Disputed, Role.Consumer, 9_000).gas_used
    votes = [bench.vote(case.id, member, 5_000).gas_used for member in MEMBERS[FIRST][:3]]
    assert case.state == State.Ruled
    print(f"dispute {dispute}, votes {votes}, all {dispute + sum(votes)}")
    assert dispute + sum(votes) <= 250_000
