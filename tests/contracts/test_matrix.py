"""Every state, kind and role, and every passed deadline, from the one table that machine and documents go by."""

import sys
from pathlib import Path

import pytest
from court import LIVE, refusal, undone
from eth_abi import decode
from eth_utils import keccak
from support import pack, read_error
from words import DAY, FULL, Flag, Kind, Mode, Role, State

sys.path.append(str(Path(__file__).resolve().parents[2]))
from ledger_service.domain import transitions
from ledger_service.domain.transitions import LAPSES, TRANSITIONS, Condition, Guard, Result

ROWS = {(State(row.origin), Kind(row.kind), Role(row.role)): row for row in TRANSITIONS}
CELLS = [(kind, role) for kind in Kind for role in Role]
SKIPPED = keccak(text="Skipped(bytes32,bytes32,uint256,bytes)")
OPENED = [state for state in State if state != State.None_]
# What does not hold in a case that has just come to a state, of which the merchant is not known to be independent.
UNMET = {Guard.INSPECTOR_INDEPENDENT, Guard.EXCHANGE_OFFERED, Guard.NOTICE_RUNNING}
# What an act has to say beside its kind, so that nothing but the table can stand against it.
VALUES = {
    (Kind.Appealed, Role.Consumer): {"share": FULL},
    (Kind.Appealed, Role.Merchant): {"share": 0},
    (Kind.Challenged, Role.Consumer): {"share": FULL},
    (Kind.Split, Role.Consumer): {"share": 4_000},
    (Kind.Split, Role.Merchant): {"share": 4_000},
}


@pytest.mark.parametrize(("ours", "theirs"), [(State, "State"), (Kind, "Kind"), (Role, "Role")])
def test_matrix_numbers_of_the_table_are_those_of_the_contracts(ours, theirs):
    words = {word.value: word.name.replace("_", "") for word in getattr(transitions, theirs)}
    assert {word.value: word.name.rstrip("_").upper() for word in ours} == words


@pytest.mark.parametrize("state", OPENED, ids=lambda state: state.name)
def test_matrix_allows_what_the_table_says_and_nothing_else(court, state):
    """All that is refused goes into one batch, which names each refusal; what is allowed is asked for by itself."""
    case = court.bring(state, mode=Mode.Bond)
    refused = [cell for cell in CELLS if expectation(state, *cell)]
    assert refusals(case, refused) == [expectation(state, *cell) for cell in refused]
    for kind, role in set(CELLS) - set(refused):
        assert refusal(case, kind, role, **VALUES.get((kind, role), {})) is None, (kind, role)


def refusals(case, cells):
    """What `recordPacked` refuses unsigned acts with."""
    items = [pack(tuple(case.message(*cell).values()), b"\0" * 65) for cell in cells]
    receipt = case.world.send(case.world.ledger.recordPacked, b"".join(items))
    found = [decode(["uint256", "bytes"], log["data"]) for log in receipt["logs"] if log["topics"][0] == SKIPPED]
    assert [index for index, _ in found] == list(range(len(cells)))
    return [read_error(case.world.errors, reason) for _, reason in found]


def expectation(state, kind, role):
    row = ROWS.get((state, kind, role))
    return None if row and row.guard not in UNMET else ("NotAllowed", state, kind, role)


def test_matrix_nobody_acts_on_a_case_that_is_not_there(court):
    case = court.prepare()
    assert refusals(case, CELLS) == [("UnknownCase", case.id)] * len(CELLS)


# --- where it leads, and what guards it -----------------------------------------------------------------------------


def prepare(case, guard, kind, role, met):
    """Makes a guard hold, or not; answers what the act then says, and its refusal."""
    values = VALUES.get((kind, role), {})
    if guard == Guard.EXCHANGE_OFFERED and met:
        send(case, Kind.ExchangeAgreed, Role.Merchant)
    elif guard == Guard.NOTICE_RUNNING and met:
        send(case, Kind.KeyBound, Role.Consumer)
    elif guard == Guard.NOT_ERASED and not met:
        send(case, Kind.Erased, Role.Merchant)
    elif guard == Guard.OFFER_STANDS and met:
        send(case, Kind.Split, Role.Merchant if role == Role.Consumer else Role.Consumer, **values)
    elif guard == Guard.RULED_AGAINST and not met:
        return {"share": 5_000}, ("NothingToAppeal", 5_000, FULL if role == Role.Consumer else 0)
    elif guard == Guard.WITHIN_OWED and not met:
        return {"share": 0}, ("ShareAboveOwed", 0, FULL)
    if met or guard.error == "":
        return values, None
    return values, ("NotAllowed", case.state, kind, role)


def send(case, kind, role, **values):
    case.relay([case.packed(kind, role, **values)])


@pytest.mark.parametrize("state", OPENED, ids=lambda state: state.name)
@pytest.mark.parametrize("held", [False, True], ids=["own key", "held key"])
def test_matrix_acts_lead_where_the_table_says(court, state, held):
    """With guards both ways. A held consumer key tells apart only what a notice guards."""
    rows = [row for row in TRANSITIONS if row.origin == state and (row.guard == Guard.NOTICE_RUNNING) == held]
    case = court.bring(state, mode=Mode.Bond, consumerKeyHeld=held)
    for row in rows:
        for met in [False] if row.guard == Guard.INSPECTOR_INDEPENDENT else [True, False] if row.guard else [True]:
            with undone():
                nonces = dict(case.nonces)
                check(court, case, row, met)
                case.nonces = nonces


def test_matrix_merchant_disputes_an_independent_inspection(court):
    court.world.ledger.registerInspector(court.world.inspector.address, True, {"from": court.world.operator})
    case = court.bring(State.Inspected, mode=Mode.Bond)
    (row,) = [row for row in TRANSITIONS if row.guard == Guard.INSPECTOR_INDEPENDENT]
    check(court, case, row, met=True)


def check(court, case, row, met):
    kind, role = Kind(row.kind), Role(row.role)
    where = f"{case.state.name} {kind.name} {role.name} {row.guard} {met}"
    values, expected = prepare(case, row.guard, kind, role, met)
    if expected:
        assert refusal(case, kind, role, **values) == expected, where
        return
    before = case.view
    send(case, kind, role, **values)
    after = case.view
    assert after["nonces"][role] == before["nonces"][role] + 1, where
    if row.to is None or (row.guard == Guard.OFFER_STANDS and not met):
        assert (after["state"], after["deadline"]) == (before["state"], before["deadline"]), where
        assert after["length"] == before["length"] + 1
        return
    settles = row.to == transitions.OUTCOME and before["state"] == State.Refunded
    to = State.Settled if settles else State(row.to)
    window = 0 if to in (State.Settled, State.Closed) else court.world.chain[-1].timestamp + (10 + to) * DAY
    assert (after["state"], after["deadline"]) == (to, window), where


# --- deadlines ------------------------------------------------------------------------------------------------------


def lapsing(court, lapse):
    """A case of which that lapse is the next; no earlier condition of its state holds."""
    state, condition = State(lapse.origin), lapse.condition
    if condition == Condition.PICKUP_PROVEN:
        return court.bring(state, mode=Mode.Bond, policy=court.world.supplied, freight=0)
    if condition == Condition.SELF_INSPECTED:
        return court.bring(state, {"share": 9_999}, mode=Mode.Bond)
    if condition == Condition.IN_APPEAL:
        case = court.bring(State.Ruled, mode=Mode.Bond)
        send(case, Kind.Appealed, Role.Consumer, share=FULL)
        return case
    if condition == Condition.CHALLENGED:
        case = court.bring(State.Refunded, panel="plain", mode=Mode.Bond)
        send(case, Kind.Challenged, Role.Consumer, share=7_000)
        return case
    if condition == Condition.UNENFORCED:
        return court.bring(state, mode=Mode.None_)
    if state == State.Disputed and condition is None:
        return court.bring(state, panel="plain", mode=Mode.Bond)
    return court.bring(state, mode=Mode.Bond)


@pytest.mark.parametrize(
    "lapse", LAPSES, ids=lambda lapse: lapse.origin.name + (f" {lapse.condition.name}" if lapse.condition else "")
)
def test_matrix_deadlines_lead_where_the_table_says(court, ledger, lapse):
    case = lapsing(court, lapse)
    assert case.state == State(lapse.origin)
    before = case.view
    assert ledger.pokeOf(case.id) == (lapse.kind, lapse.to, before["deadline"])
    court.world.pass_deadline(case)
    court.world.send(ledger.poke, case.id)
    after = case.view
    shares = {
        Result.FULL: (FULL, 0),
        Result.AS_CLAIMED: (7_000, 0),
        Result.NOTHING: (0, 0),
    }
    assert (after["share"], after["fee"]) == shares.get(lapse.result, (before["share"], before["fee"]))
    settles = lapse.to == transitions.OUTCOME and (after["share"] == 0 or lapse.result == Result.AS_CLAIMED)
    assert after["state"] == (State.Settled if settles else lapse.to)
    assert bool(after["flags"] & Flag.UNPAID) == (lapse.result == Result.UNPAID)
    if lapse.result == Result.RELEASED:
        assert court.world.escrow.dueOf(case.id) == 0
    if lapse.result == Result.ENFORCED:
        assert court.world.escrow.dueOf(case.id) == case.terms["refund"]


def test_matrix_every_live_state_has_a_deadline_rule_that_always_holds():
    unconditional = [lapse.origin for lapse in LAPSES if lapse.condition is None]
    assert sorted(unconditional) == LIVE
