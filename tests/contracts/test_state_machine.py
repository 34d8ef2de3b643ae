"""Who may move a case from where to where: every state, kind and role, from one table."""

import pytest
from support import PATHS
from words import TRANSITIONS, Kind, Mode, Role


@pytest.mark.parametrize("state", list(PATHS), ids=lambda state: state.name)
def test_state_machine_allows_what_the_table_says_and_nothing_else(world, ledger, state):
    case = world.open(mode=Mode.Bond).reach(state)
    wrong = []
    for kind in Kind:
        for role in Role:
            to = TRANSITIONS.get((state, kind, role))
            if to:
                expected, signed = None, case.signed(kind, role)
            else:
                expected = ("NotAllowed", state, kind, role)
                signed = tuple(case.message(kind, role, nonce=0).values()), b"\0" * 65
            answer = world.refusal(ledger.record, *signed)
            if answer != expected:
                wrong.append((kind, role, answer))
    assert not wrong


@pytest.mark.parametrize(
    ("move", "to"),
    list(TRANSITIONS.items()),
    ids=lambda part: "-".join(p.name for p in part) if isinstance(part, tuple) else part.name,
)
def test_state_machine_goes_where_the_table_says(world, move, to):
    state, kind, role = move
    case = world.open(mode=Mode.Bond).reach(state)
    case.act(kind, role)
    assert case.state == to


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.None_, Role.Panel)])
def test_state_machine_no_role_acts_on_a_case_that_is_not_there(world, ledger, role):
    case = world.prepare()
    assert world.refusal(ledger.record, *case.signed(Kind.Authorised, role)) == ("UnknownCase", case.id)
