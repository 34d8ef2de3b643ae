"""ArbitrationPanel.vote: who may vote on what, when, and what the quorum rules"""

from itertools import permutations

import pytest
from brownie import ArbitrationPanel, DisputeStub, accounts, chain
from panel_support import Bench, arbitrators, read_ballot, vote_of
from support import keyed
from words import FULL, ZERO

APPEAL, FIRST, FALLBACK = 1, 3, 2
ROUNDS = {0: FIRST, 1: FALLBACK, 2: APPEAL, 3: FIRST, 4: FALLBACK}


@pytest.fixture(scope="module")
def bench(module_isolation):
    """Arbitrators 1 to 4 (three of them a quorum), 5 and 6 as their fallback (one), 1 and 7 to 13 on appeal (five)."""
    operator, relayer = accounts[0], accounts[2]
    stub = DisputeStub.deploy({"from": operator})
    bench = Bench(stub, ArbitrationPanel.deploy(stub, operator, {"from": operator}), operator, relayer, chain)
    bench.members = {
        APPEAL: [*arbitrators(1), *arbitrators(7, first=7)],
        FALLBACK: arbitrators(2, first=5),
        FIRST: arbitrators(4),
    }
    assert bench.register(bench.members[APPEAL], 5, fee=70) == APPEAL
    assert bench.register(bench.members[FALLBACK], 1, fee=900) == FALLBACK
    assert bench.register(bench.members[FIRST], 3, APPEAL, FALLBACK, 500) == FIRST
    return bench


@pytest.fixture
def one(bench):
    return bench.members[FIRST][0]


def ruling(tx):
    return tx.events["RuledBy"] if "RuledBy" in tx.events else None  # noqa: SIM401 - brownie's events have no get


def voted(bench, case_id, shares, version=FIRST, number=0):
    """The ruling that the shares lead to, the first arbitrator's vote first."""
    return ruling(bench.vote_all(case_id, list(zip(bench.members[version], shares, strict=False)), number))


# --- refusals -------------------------------------------------------------------------------------------------------


def test_vote_after_its_time(bench, one):
    case_id = bench.dispute(FIRST)
    bench.block_at(when := bench.now + 1_000)
    assert bench.refused(case_id, one, 0, validUntil=when - 1) == ("VoteExpired", when - 1)
    assert bench.refused(case_id, one, 0, validUntil=when) is None


def test_vote_on_an_unknown_case(bench, one):
    case_id = b"\1" * 32
    assert bench.refused(case_id, one, 0) == ("NotDisputed", case_id)


def test_vote_on_a_case_that_is_not_in_dispute(bench, one):
    case_id = bench.dispute(FIRST, disputed=False)
    assert bench.refused(case_id, one, 0) == ("NotDisputed", case_id)


@pytest.mark.parametrize("number", range(5))
def test_vote_in_another_round(bench, number):
    case_id = bench.dispute(FIRST, number)
    for given in (0, 1, 2, 3, 4, 5, 255):
        answer = bench.refused(case_id, bench.members[ROUNDS[number]][0], 0, round=given)
        assert answer == (None if given == number else ("WrongRound", number, given))


def test_vote_after_the_deadline(bench, one):
    deadline = bench.now + 1_000
    signed = bench.signed(bench.dispute(FIRST, deadline=deadline), one, 0)
    bench.block_at(deadline)
    assert bench.refusal(bench.panel.vote, *signed) is None
    bench.block_at(deadline + 1)
    assert bench.refusal(bench.panel.vote, *signed) == ("RoundOver", 0)


def test_vote_after_the_quorum(bench):
    """The ledger has left the dispute by then; the panel would refuse the vote by itself."""
    bench.stub.stay(True, {"from": bench.relayer})
    case_id = bench.dispute(FIRST)
    voted(bench, case_id, [1, 2, 3])
    assert bench.refused(case_id, bench.members[FIRST][3], 4) == ("RoundOver", 0)
    bench.stub.stay(False, {"from": bench.relayer})
    voted(bench, case_id := bench.dispute(FIRST), [1, 2, 3])
    assert bench.refused(case_id, bench.members[FIRST][3], 4) == ("NotDisputed", case_id)


@pytest.mark.parametrize(
    ("most", "share"), [(FULL, FULL + 1), (FULL, 2**16 - 1), (1_234, 1_235), (1_234, FULL), (1, 2)]
)
def test_vote_out_of_bounds(bench, one, most, share):
    case_id = bench.dispute(FIRST, most=most)
    assert bench.refused(case_id, one, share) == ("VoteOutOfBounds", share, most)


@pytest.mark.parametrize("share", [0, 1_234])
def test_vote_at_the_bounds(bench, one, share):
    case_id = bench.dispute(FIRST, most=1_234)
    assert bench.refused(case_id, one, share) is None


def test_vote_as_the_consumer(bench, one):
    case_id = bench.dispute(FIRST, consumer=one)
    assert bench.refused(case_id, one, 0) == ("PartyOnPanel", one.address)
    assert bench.refused(case_id, bench.members[FIRST][1], 0) is None


@pytest.mark.parametrize("number", range(5))
def test_vote_as_somebody_who_is_not_on_the_round_s_panel(bench, number):
    case_id = bench.dispute(FIRST, number)
    panel = bench.members[ROUNDS[number]]
    everybody = {member.address: member for members in bench.members.values() for member in members}
    for arbitrator in [*everybody.values(), keyed("stranger")]:
        is_on = arbitrator.address in [member.address for member in panel]
        answer = bench.refused(case_id, arbitrator, 0, round=number)
        assert answer == (None if is_on else ("NotAnArbitrator", arbitrator.address))


def test_vote_as_nobody(bench):
    case_id = bench.dispute(FIRST)
    vote = {**vote_of(case_id, keyed("x"), 0), "arbitrator": ZERO}
    assert bench.refusal(bench.panel.vote, tuple(vote.values()), b"\0" * 65) == ("NotAnArbitrator", ZERO)


@pytest.mark.parametrize("number", range(5))
def test_vote_where_no_panel_is_named(bench, one, number):
    """A dispute without a panel waits for its deadline."""
    case_id = bench.dispute(0, number)
    assert bench.refused(case_id, one, 0, round=number) == ("NotAnArbitrator", one.address)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_vote_where_the_panel_names_no_other(bench, one, number):
    case_id = bench.dispute(FALLBACK, number)
    assert bench.refused(case_id, one, 0, round=number) == ("NotAnArbitrator", one.address)


@pytest.mark.parametrize("again", [0, 4_000, FULL])
@pytest.mark.parametrize("seat", [0, 3])
def test_vote_twice(bench, seat, again):
    arbitrator = bench.members[FIRST][seat]
    case_id = bench.dispute(FIRST)
    bench.vote(case_id, arbitrator, 4_000)
    assert bench.refused(case_id, arbitrator, again) == ("AlreadyVoted", arbitrator.address, 0)


def test_vote_again_in_another_round(bench, one):
    """The same vote cannot be sent again there, and a new one counts."""
    case_id = bench.dispute(FIRST)
    vote, signature = bench.signed(case_id, one, 4_000)
    bench.panel.vote(vote, signature, {"from": bench.relayer})
    bench.dispute(FIRST, number=2, case_id=case_id)
    assert bench.refusal(bench.panel.vote, vote, signature) == ("WrongRound", 2, 0)
    moved = (*vote[:2], 2, *vote[3:])
    assert bench.refusal(bench.panel.vote, moved, signature) == ("BadVoteSignature", one.address)
    bench.vote(case_id, one, 5_000, round=2)
    assert read_ballot(bench.panel.ballotOf(case_id, 0)) == {0: 4_000}
    assert read_ballot(bench.panel.ballotOf(case_id, 2)) == {0: 5_000}


# --- a vote ---------------------------------------------------------------------------------------------------------


def test_vote(bench):
    case_id = bench.dispute(FIRST)
    arbitrator = bench.members[FIRST][2]
    tx = bench.vote(case_id, arbitrator, 4_321, commitment=b"\7" * 32)
    event = tx.events["Voted"]
    assert bytes(event["caseId"]) == case_id
    assert bytes(event["commitment"]) == b"\7" * 32
    assert (event["arbitrator"], event["round"], event["share"]) == (arbitrator.address, 0, 4_321)
    assert ruling(tx) is None
    assert read_ballot(bench.panel.ballotOf(case_id, 0)) == {2: 4_321}


def test_votes_on_two_cases_do_not_mix(bench):
    first, second = bench.dispute(FIRST), bench.dispute(FIRST)
    voted(bench, first, [100, 101])
    voted(bench, second, [200, 201])
    assert read_ballot(bench.panel.ballotOf(first, 0)) == {0: 100, 1: 101}
    assert read_ballot(bench.panel.ballotOf(second, 0)) == {0: 200, 1: 201}


def test_arbitrators_who_never_vote_leave_the_case_to_its_deadline(bench):
    """One vote short of the quorum nothing is ruled, however long it takes."""
    case_id = bench.dispute(FIRST)
    assert voted(bench, case_id, [FULL, FULL]) is None
    assert bench.stub.disputeOf(case_id)[5]
    assert awards(bench, case_id) == ([], 0)


# --- the ruling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(5))
def test_quorum_rules(bench, number):
    case_id = bench.dispute(FIRST, number)
    version = ROUNDS[number]
    quorum = {FIRST: 3, FALLBACK: 1, APPEAL: 5}[version]
    shares = [9_000, 1_000, 5_000, 5_001, 0][:quorum]
    event = voted(bench, case_id, shares, version, number)
    assert event["caller"] == bench.panel.address
    assert bytes(event["caseId"]) == case_id
    assert event["share"] == sorted(shares)[quorum // 2]
    assert bytes(event["ballot"]) == bytes(bench.panel.ballotOf(case_id, number))
    assert read_ballot(event["ballot"]) == dict(enumerate(shares))
    assert event["hasAppealPanel"]


@pytest.mark.parametrize("version", [APPEAL, FALLBACK])
def test_ruling_of_a_panel_without_appeal(bench, version):
    case_id = bench.dispute(version)
    event = voted(bench, case_id, [0] * 5 if version == APPEAL else [0], version)
    assert not event["hasAppealPanel"]


@pytest.mark.parametrize("absent", range(4))
def test_ruling_is_the_median_whoever_votes_in_whatever_order(bench, absent):
    shares = dict(enumerate([300, 100, 400, 200]))
    del shares[absent]
    for seats in permutations(shares):
        tx = bench.vote_all(bench.dispute(FIRST), [(bench.members[FIRST][seat], shares[seat]) for seat in seats])
        assert ruling(tx)["share"] == sorted(shares.values())[1]


@pytest.mark.parametrize(
    ("shares", "median"),
    [
        ([5_000, 5_001, 5_000], 5_000),
        ([5_001, 5_000, 5_001], 5_001),
        ([5_000, 5_001, 5_002], 5_001),
        ([0, 0, 1], 0),
        ([FULL, FULL - 1, FULL], FULL),
    ],
)
def test_arbitrators_who_disagree_by_one_basis_point_still_rule(bench, shares, median):
    assert voted(bench, bench.dispute(FIRST), shares)["share"] == median


@pytest.mark.parametrize(("size", "colluding"), [(3, 1), (5, 2), (7, 3)])
def test_arbitrators_who_collude_below_half_of_the_quorum_stay_within_the_others(bench, size, colluding):
    members = arbitrators(size)
    version = bench.register(members, size)
    bench.members[version] = members
    honest = [4_000 + 10 * i for i in range(size - colluding)]
    for extreme in (0, FULL):
        event = voted(bench, bench.dispute(version), [extreme] * colluding + honest, version)
        assert min(honest) <= event["share"] <= max(honest)


def test_arbitrators_who_collude_below_the_quorum_decide_nothing_without_the_others(bench):
    """Two of three say the same: the third one's vote is still needed, and theirs is then the median."""
    case_id = bench.dispute(FIRST)
    assert voted(bench, case_id, [0, 0]) is None
    assert ruling(bench.vote(case_id, bench.members[FIRST][2], FULL))["share"] == 0


@pytest.mark.parametrize("threshold", [1, 3, 5, 7, 15])
def test_median(bench, threshold):
    """With the last seats of a panel of fifteen, so that the ballot is read to its end."""
    version = bench.register(arbitrators(15), threshold)
    bench.members[version] = arbitrators(15)[::-1]
    for shares in (
        list(range(threshold)),
        list(range(FULL, FULL - threshold, -1)),
        [7_777] * threshold,
        ([FULL, 0] * 8)[:threshold],
        [(i * 7_919) % (FULL + 1) for i in range(1, threshold + 1)],
    ):
        event = voted(bench, bench.dispute(version), shares, version)
        assert event["share"] == sorted(shares)[threshold // 2]
        assert read_ballot(event["ballot"]) == {14 - i: share for i, share in enumerate(shares)}


def test_new_version_changes_nothing_for_cases_of_an_old_one(bench, one):
    """A lost key is replaced for the cases that open later; those that opened before keep their arbitrators."""
    case_id = bench.dispute(FIRST)
    replacement = keyed("replacement")
    version = bench.register([replacement, *bench.members[FIRST][1:]], 1, fee=9)
    assert bench.refused(case_id, replacement, 0) == ("NotAnArbitrator", replacement.address)
    assert bench.refused(bench.dispute(version), one, 0) == ("NotAnArbitrator", one.address)
    assert voted(bench, case_id, [1, 2, 3])["share"] == 2
    assert awards(bench, case_id)[0] == [(member.address, 500) for member in bench.members[FIRST][:3]]


# --- what arbitrators have earned -----------------------------------------------------------------------------------


def awards(bench, case_id, version=FIRST):
    listed, on_appeal = bench.panel.awardsOf(case_id, version)
    return [tuple(award) for award in listed], on_appeal


def earned(bench, version, seats, fee):
    return [(bench.members[version][seat].address, fee) for seat in seats]


def test_awards_of_a_case_without_votes(bench):
    assert awards(bench, b"\1" * 32) == awards(bench, bench.dispute(FIRST)) == awards(bench, b"\1" * 32, 0) == ([], 0)


def test_awards_go_to_those_who_voted_in_the_order_of_seats(bench):
    case_id = bench.dispute(FIRST)
    for seat in (3, 0, 2):
        bench.vote(case_id, bench.members[FIRST][seat], 0)
    assert awards(bench, case_id) == (earned(bench, FIRST, [0, 2, 3], 500), 0)


@pytest.mark.parametrize("silent", [0, 2])
def test_awards_over_all_rounds(bench, silent):
    """A first round without a quorum pays nobody; its fallback, the appeal and the votes after a challenge do."""
    case_id = bench.dispute(FIRST)
    voted(bench, case_id, [5] * silent)
    steps = [
        (1, FALLBACK, 1, 900, 0),
        (2, APPEAL, 5, 70, 350),
        (3, FIRST, 2, None, 350),
        (4, FALLBACK, 1, 900, 350),
    ]
    expected = []
    for number, version, votes, fee, on_appeal in steps:
        bench.dispute(FIRST, number, case_id=case_id)
        voted(bench, case_id, [5] * votes, version, number)
        expected += earned(bench, version, range(votes), fee) if fee else []
        assert awards(bench, case_id) == (expected, on_appeal)


def test_awards_at_their_most(bench):
    case_id = bench.dispute(FIRST)
    for number, votes in ((0, 3), (2, 5), (3, 3)):
        bench.dispute(FIRST, number, case_id=case_id)
        voted(bench, case_id, [9] * votes, ROUNDS[number], number)
    three, five = range(3), range(5)
    expected = earned(bench, FIRST, three, 500) + earned(bench, APPEAL, five, 70) + earned(bench, FIRST, three, 500)
    listed, on_appeal = awards(bench, case_id)
    assert (listed, on_appeal) == (expected, 350)
    first, most_on_appeal = bench.panel.feesOf(FIRST)
    assert sum(fee for _, fee in listed) == 2 * first + most_on_appeal
    assert on_appeal == most_on_appeal


def test_awards_of_an_appeal_without_a_quorum(bench):
    case_id = bench.dispute(FIRST)
    voted(bench, case_id, [1, 2, 3])
    bench.dispute(FIRST, 2, case_id=case_id)
    voted(bench, case_id, [1, 2, 3, 4], APPEAL, 2)
    assert awards(bench, case_id) == (earned(bench, FIRST, range(3), 500), 0)


def test_awards_of_a_free_panel_name_those_who_voted(bench):
    free = bench.register(arbitrators(1), 1, fee=0)
    bench.members[free] = arbitrators(1)
    case_id = bench.dispute(free)
    voted(bench, case_id, [1], free)
    assert awards(bench, case_id, free) == ([(arbitrators(1)[0].address, 0)], 0)
