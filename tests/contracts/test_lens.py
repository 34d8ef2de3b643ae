"""ReturnLens: what it says of cases in every state, of balances, and of what time will do."""

import pytest
from brownie import ReturnLens
from court import FREIGHT, LIVE, REFUND, RESERVE
from support import NEW_KEY, keyed, sign
from words import DAY, FAR, FULL, WITHDRAW_TO, ZERO, Flag, Grade, Kind, Mode, Role, State

ENDED = [State.Settled, State.Closed]
NO_NOTICE = {"kind": Kind.None_, "effectiveAt": 0, "share": 0, "key": ZERO}
# What `poke` would state of a case that has just come to a state, and the state that would follow.
NEXT = {
    State.Requested: (Kind.Authorised, State.Authorised),
    State.Declined: (Kind.Closed, State.Closed),
    State.Authorised: (Kind.Closed, State.Closed),
    State.PickedUp: (Kind.Disputed, State.Disputed),
    State.Received: (Kind.Accepted, State.Payable),
    State.Inspected: (Kind.Accepted, State.Payable),
    State.Exchanging: (Kind.Accepted, State.Payable),
    State.Delivered: (Kind.Settled, State.Settled),
    State.Disputed: (Kind.Disputed, State.Disputed),
    State.Ruled: (Kind.Accepted, State.Payable),
    State.Payable: (Kind.Settled, State.Settled),
    State.Refunded: (Kind.Settled, State.Settled),
}


def now(world):
    return world.chain[-1].timestamp


# --- getCase --------------------------------------------------------------------------------------------------------


def test_lens_unknown_case(world, lens):
    view = lens.getCase(b"\7" * 32).dict()
    assert view["state"] == State.None_
    assert (view["head"], view["consumer"], view["nonces"]) == ("0x" + "00" * 32, ZERO, (0,) * 6)
    assert view["parties"] == dict.fromkeys(("merchant", "carrier", "warehouse", "inspector"), ZERO)
    assert view["policy"] == "0x" + "00" * 32


@pytest.mark.parametrize("state", [*LIVE, *ENDED], ids=lambda state: state.name)
def test_lens_case_in_every_state(court, world, ledger, state):
    case = court.bring(state, mode=Mode.Bond)
    view = case.view
    assert view["state"] == state
    assert view["deadline"] == (0 if state in ENDED else now(world) + (10 + state) * DAY)
    assert (view["mode"], view["panel"]) == (Mode.Bond, court.versions["first"])
    assert view["consumer"] == ledger.consumerOf(case.id) == world.consumer.address
    assert view["head"] == ledger.head(case.id)
    assert view["policy"] == "0x" + world.policy_id.hex()
    names = ("merchant", "carrier", "warehouse", "inspector")
    assert view["parties"] == {name: getattr(world, name).address for name in names}
    assert list(view["nonces"])[1:] == [case.nonces[role] for role in list(Role)[1:6]]
    claims = (FULL, 0) if state in (State.Disputed, State.Ruled) else (0, 0)
    assert (view["consumerClaim"], view["merchantClaim"]) == claims
    assert (view["round"], view["notice"], view["erased"]) == (0, NO_NOTICE, False)


def test_lens_case_shows_what_was_inspected(court):
    view = court.bring(State.Inspected, {"grade": Grade.Used, "share": 6_000, "fee": 1_000}).view
    assert (view["grade"], view["share"], view["fee"]) == (Grade.Used, 6_000, 1_000)
    assert view["flags"] == Flag.PICKUP_BY_CARRIER


@pytest.mark.parametrize("role", [Role.Consumer, Role.Merchant])
def test_lens_case_shows_whose_offer_stands(court, role):
    case = court.bring(State.Authorised)
    assert (case.view["offeredBy"], case.view["offer"]) == (Role.None_, 0)
    case.act(Kind.Split, role, share=4_321)
    assert (case.view["offeredBy"], case.view["offer"]) == (role, 4_321)
    case.act(Kind.Received, Role.Warehouse)
    assert (case.view["offeredBy"], case.view["offer"]) == (Role.None_, 0)


def test_lens_case_shows_an_offered_exchange(court):
    case = court.bring(State.Inspected)
    assert not case.view["exchangeOffered"]
    case.act(Kind.ExchangeAgreed, Role.Merchant)
    assert case.view["exchangeOffered"]
    case.act(Kind.ExchangeAgreed, Role.Consumer)
    assert not case.view["exchangeOffered"]


def test_lens_case_shows_rounds_claims_and_who_appealed(court):
    case = court.bring(State.Disputed, mode=Mode.Bond)
    seen = [case.view["round"]]
    case.poke()
    seen.append(case.view["round"])
    court.rule(case, 5_000)
    assert case.view["appellant"] == Role.None_
    case.act(Kind.Appealed, Role.Merchant, share=1_000)
    view = case.view
    seen.append(view["round"])
    assert (view["appellant"], view["consumerClaim"], view["merchantClaim"]) == (Role.Merchant, FULL, 1_000)
    assert view["flags"] & (Flag.APPEALED | Flag.FALLBACK) == Flag.APPEALED | Flag.FALLBACK
    court.rule(case, 4_000)
    case.act(Kind.Refunded, Role.Merchant)
    case.act(Kind.Challenged, Role.Consumer, share=3_999)
    view = case.view
    seen.append(view["round"])
    assert (view["consumerClaim"], view["merchantClaim"]) == (3_999, 0)
    assert view["flags"] & (Flag.APPEALED | Flag.FALLBACK | Flag.CHALLENGED) == Flag.CHALLENGED
    case.poke()
    assert [*seen, case.view["round"]] == [0, 1, 2, 3, 4]


def test_lens_case_shows_that_it_was_erased(court):
    case = court.bring(State.Closed)
    case.act(Kind.Erased, Role.Merchant)
    assert case.view["erased"]


# --- notices --------------------------------------------------------------------------------------------------------

NOTICES = {
    "cancelled": (State.Authorised, (Kind.Cancelled, {}), (Kind.Cancelled, State.Closed)),
    "accepted": (State.Inspected, (Kind.Accepted, {}), (Kind.Accepted, State.Payable)),
    "exchange": (State.Inspected, (Kind.ExchangeAgreed, {}), (Kind.ExchangeAgreed, State.Exchanging)),
    "split": (State.PickedUp, (Kind.Split, {"share": 4_000}), (Kind.Split, State.Payable)),
    "key": (State.Received, (Kind.KeyBound, {}), (Kind.KeyBound, State.Received)),
}


@pytest.mark.parametrize("name", NOTICES)
def test_lens_shows_a_notice_that_runs_and_what_it_will_do(court, world, ledger, lens, name):
    state, (kind, values), following = NOTICES[name]
    case = court.bring(state, {"share": 9_500}, mode=Mode.Bond, consumerKeyHeld=True)
    if kind in (Kind.ExchangeAgreed, Kind.Split):
        case.act(kind, Role.Merchant, **values)
    case.act(kind, Role.Consumer, **values)
    effective_at = now(world) + 2 * DAY
    key = NEW_KEY.address if kind == Kind.KeyBound else ZERO
    notice = {"kind": kind, "effectiveAt": effective_at, "share": values.get("share", 0), "key": key}
    assert case.view["notice"] == notice
    assert case.state == state
    assert ledger.pokeOf(case.id) == (*following, effective_at)
    overview = lens.overviewOf(case.id)
    assert (overview["pokeKind"], overview["pokeTo"], overview["pokeAfter"]) == (*following, effective_at)

    world.block_at(effective_at)
    assert world.refusal(ledger.poke, case.id) == ("DeadlineAhead", effective_at)
    world.travel(effective_at + 1)
    ledger.poke(case.id, {"from": world.stranger})
    assert case.state == following[1]
    assert case.view["notice"] == NO_NOTICE


def test_lens_shows_no_notice_that_was_voided(court, ledger):
    case = court.bring(State.Authorised, consumerKeyHeld=True)
    case.act(Kind.Cancelled, Role.Consumer)
    case.act(Kind.Objected, Role.Consumer)
    assert case.view["notice"] == NO_NOTICE
    assert ledger.pokeOf(case.id) == (Kind.Closed, State.Closed, case.deadline)


def test_lens_says_that_the_deadline_comes_before_the_end_of_a_notice(court, world, ledger):
    """The notice is voided then, and what the silence means takes effect."""
    case = court.bring(State.Requested, consumerKeyHeld=True)
    world.block_at(case.deadline - DAY)
    case.act(Kind.Cancelled, Role.Consumer)
    assert case.view["notice"]["effectiveAt"] > case.deadline
    assert ledger.pokeOf(case.id) == (Kind.Authorised, State.Authorised, case.deadline)
    case.poke()
    assert (case.state, case.view["notice"]) == (State.Authorised, NO_NOTICE)


# --- pokeOf ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", LIVE, ids=lambda state: state.name)
def test_lens_poke_of_every_live_state_is_what_poke_does(court, world, ledger, state):
    case = court.bring(state, mode=Mode.Bond)
    deadline = case.deadline
    assert ledger.pokeOf(case.id) == (*NEXT[state], deadline)
    world.block_at(deadline)
    assert world.refusal(ledger.poke, case.id) == ("DeadlineAhead", deadline)
    case.poke()
    assert case.state == NEXT[state][1]
    assert case.deadline != deadline


@pytest.mark.parametrize("state", [State.None_, *ENDED], ids=lambda state: state.name)
def test_lens_poke_of_what_is_not_live(court, ledger, state):
    case = court.prepare() if state == State.None_ else court.bring(state)
    assert ledger.pokeOf(case.id) == (Kind.None_, State.None_, 0)


# --- money ----------------------------------------------------------------------------------------------------------


def test_lens_overview_of_a_case_with_a_lock(court, world, lens):
    case = court.bring(State.Inspected, mode=Mode.Bond)
    overview = lens.overviewOf(case.id)
    assert overview["details"].dict() == case.view
    lock = {"refund": REFUND, "freight": FREIGHT, "reserve": RESERVE[Mode.Bond], "token": 1, "settled": False}
    assert overview["lock"].dict() == lock
    assert overview["due"] == 0
    assert overview["redirect"].dict() == {"to": ZERO, "effectiveAt": 0, "nonce": 0}
    answer = tuple(overview[name] for name in ("pokeKind", "pokeTo", "pokeAfter"))
    assert answer == (Kind.Accepted, State.Payable, case.deadline)


def test_lens_overview_of_a_payment_that_waits_out_a_notice(court, world, escrow, lens):
    case = court.bring(State.Settled, consumerKeyHeld=True)
    message = {"caseId": case.id, "to": world.guardian.address, "nonce": 0, "validUntil": FAR}
    signature = sign(world.consumer, escrow, "RefundEscrow", "WithdrawTo", message, WithdrawTo=WITHDRAW_TO)
    escrow.withdrawTo(*message.values(), signature, {"from": world.stranger})
    overview = lens.overviewOf(case.id)
    redirect = {"to": world.guardian.address, "effectiveAt": now(world) + 2 * DAY, "nonce": 1}
    assert overview["redirect"].dict() == redirect
    assert overview["due"] == REFUND
    assert overview["lock"]["settled"]
    assert (overview["pokeKind"], overview["pokeTo"], overview["pokeAfter"]) == (Kind.None_, State.None_, 0)


def test_lens_overview_of_an_unknown_case(lens):
    overview = lens.overviewOf(b"\7" * 32)
    assert overview["details"]["state"] == State.None_
    assert overview["lock"]["token"] == overview["due"] == overview["pokeAfter"] == 0


def test_lens_accounts_of_a_merchant(court, world, escrow, eur, lens):
    free = escrow.balanceOf(world.merchant.address, eur)
    case = court.open()
    amount = sum(case.terms[part] for part in ("refund", "freight", "reserve"))
    accounts = {account["token"]: account.dict() for account in lens.accountsOf(world.merchant.address)}
    assert list(accounts) == list(escrow.tokens())
    assert accounts.pop(eur.address) == {"token": eur.address, "free": free - amount, "locked": amount, "credit": 0}
    assert {tuple(list(a.values())[1:]) for a in accounts.values()} == {(0, 0, 0)}


def test_lens_accounts_of_an_arbitrator(court, eur, lens):
    case = court.bring(State.Disputed, panel="plain")
    court.rule(case, FULL)
    for arbitrator, credit in zip(court.members["plain"], (500, 500, 500, 0), strict=True):
        accounts = {account["token"]: account["credit"] for account in lens.accountsOf(arbitrator.address)}
        assert accounts.pop(eur.address) == credit
        assert set(accounts.values()) == {0}


def test_lens_accounts_of_nobody(lens, escrow):
    accounts = lens.accountsOf(keyed("nobody in particular").address)
    assert [tuple(account) for account in accounts] == [(token, 0, 0, 0) for token in escrow.tokens()]


def test_lens_can_be_deployed_anew(court, world, ledger, escrow, lens):
    case = court.bring(State.Inspected)
    other = ReturnLens.deploy(ledger, escrow, {"from": world.stranger})
    assert other.overviewOf(case.id) == lens.overviewOf(case.id)
