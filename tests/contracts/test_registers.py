"""ReturnLedger.registerPolicy, registerParties, registerInspector"""

import pytest
from support import make_policy, policy_id, read_policy
from words import DAY, ZERO, Freight, State

HOUR = 3_600
LIVE = [state for state in State if state not in (State.None_, State.Settled, State.Closed)]


def windows(**changed):
    values = [0] + [7 * DAY] * 12 + [0, 0, 0]
    for state, window in changed.items():
        values[int(state[1:])] = window
    return make_policy(windows=values)


def refusal(world, policy):
    return world.refusal(world.ledger.registerPolicy, policy, sender=world.operator)


def unauthorized(ledger, account, role):
    return ("AccessControlUnauthorizedAccount", account.address, bytes(getattr(ledger, role)()))


# --- policies -------------------------------------------------------------------------------------------------------


def test_register_policy_as_a_stranger(world, ledger):
    answer = world.refusal(ledger.registerPolicy, windows())
    assert answer == unauthorized(ledger, world.stranger, "OPERATOR")


@pytest.mark.parametrize("state", LIVE, ids=lambda state: state.name)
@pytest.mark.parametrize("window", [0, 180 * DAY + HOUR, 0xFFFF * HOUR])
def test_register_policy_with_a_window_out_of_bounds(world, state, window):
    policy = windows(**{f"w{int(state)}": window})
    assert refusal(world, policy) == ("WindowOutOfBounds", state, window)


@pytest.mark.parametrize("window", [HOUR, 180 * DAY])
def test_register_policy_with_windows_at_the_bounds(world, window):
    assert refusal(world, make_policy(windows=[0] + [window] * 12 + [0] * 3)) is None


@pytest.mark.parametrize("place", [0, 13, 14, 15])
def test_register_policy_with_a_window_where_no_state_is_live(world, place):
    state = place if place < 15 else State.None_
    assert refusal(world, windows(**{f"w{place}": HOUR})) == ("WindowOutOfBounds", state, HOUR)


def test_register_policy_with_a_notice_beyond_the_longest_window(world):
    assert refusal(world, make_policy(notice=180 * DAY + HOUR)) == ("NoticeOutOfBounds", 180 * DAY + HOUR)


@pytest.mark.parametrize("notice", [0, 180 * DAY])
def test_register_policy_with_a_notice_at_the_bounds(world, notice):
    assert refusal(world, make_policy(notice=notice)) is None


@pytest.mark.parametrize("grade", range(6))
def test_register_policy_with_a_least_share_above_the_whole(world, grade):
    shares = [0] * 6
    shares[grade] = 10_001
    assert refusal(world, make_policy(min_share=shares)) == ("BasisPointsOutOfBounds", 10_001)


def test_register_policy_with_a_fee_cap_above_the_whole(world):
    assert refusal(world, make_policy(fee_cap=10_001)) == ("BasisPointsOutOfBounds", 10_001)


@pytest.mark.parametrize("freight", [3, 0xFF])
def test_register_policy_with_a_freight_that_is_none(world, freight):
    policy = make_policy(freight=freight)
    assert refusal(world, policy) == ("RulesMalformed", policy[1])


@pytest.mark.parametrize("bit", [136, 255])
def test_register_policy_with_a_bit_where_no_field_is(world, bit):
    hours, rules, document = make_policy()
    assert refusal(world, (hours, rules | 1 << bit, document)) == ("RulesMalformed", rules | 1 << bit)


def test_register_policy(world, ledger):
    """What is announced is what was registered, read by the layout that `PolicyWords` documents."""
    days = [0] + [(20 + state) * DAY for state in range(1, 13)] + [0, 0, 0]
    policy = make_policy(
        freight=Freight.Supplied, fee_cap=1_234, notice=5 * HOUR, min_share=(1, 2, 3, 4, 5, 10_000), windows=days
    )
    assert not ledger.isPolicy(policy_id(policy))
    tx = ledger.registerPolicy(policy, {"from": world.operator})
    event = tx.events["PolicyRegistered"]
    assert (bytes(event["policy"]), event["index"]) == (policy_id(policy), 4)
    assert read_policy(event["content"]) == {
        "windows": days,
        "min_share": [1, 2, 3, 4, 5, 10_000],
        "fee_cap": 1_234,
        "freight": Freight.Supplied,
        "notice": 5 * HOUR,
        "document": b"\x11" * 32,
    }
    assert ledger.isPolicy(policy_id(policy))
    assert bytes(ledger.policyAt(4)) == policy_id(policy)
    assert bytes(ledger.policyAt(5)) == b"\0" * 32


def test_register_policy_again_changes_nothing(world, ledger):
    policy = make_policy()
    assert ledger.isPolicy(policy_id(policy))
    assert not ledger.registerPolicy(policy, {"from": world.operator}).events
    assert bytes(ledger.registerPolicy.call(policy, {"from": world.operator})) == policy_id(policy)


# --- parties --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(4))
def test_register_parties_with_a_zero_address(world, ledger, place):
    parties = [world.merchant.address] * 4
    parties[place] = ZERO
    assert world.refusal(ledger.registerParties, parties) == ("ZeroAddress",)


def test_register_parties(world, ledger):
    parties = [world.merchant.address] * 4
    tx = ledger.registerParties(parties, {"from": world.stranger})
    event = tx.events["PartiesRegistered"]
    assert event["index"] == 2
    assert event["content"].dict() == dict.fromkeys(
        ("merchant", "carrier", "warehouse", "inspector"), world.merchant.address
    )
    assert ledger.isParties(event["parties"])
    assert world.parties(**dict.fromkeys(("carrier", "warehouse", "inspector"), world.merchant))[1] == bytes(
        event["parties"]
    )


def test_register_parties_again_changes_nothing(world, ledger):
    parties = [actor.address for actor in world.default_parties.values()]
    assert not ledger.registerParties(parties, {"from": world.stranger}).events
    assert bytes(ledger.registerParties.call(parties)) == world.parties_id


def test_register_parties_can_be_looked_up_by_their_number(world, ledger):
    names = ("merchant", "carrier", "warehouse", "inspector")
    assert ledger.partiesAt(1).dict() == {name: getattr(world, name).address for name in names}
    assert ledger.partiesAt(2).dict() == dict.fromkeys(names, ZERO)


def test_register_parties_unknown_ones_are_unknown(ledger):
    assert not ledger.isParties(b"\1" * 32)


# --- inspectors -----------------------------------------------------------------------------------------------------


def test_register_inspector_as_a_stranger(world, ledger):
    answer = world.refusal(ledger.registerInspector, world.inspector.address, True)
    assert answer == unauthorized(ledger, world.stranger, "OPERATOR")


def test_register_inspector_as_the_guardian(world, ledger):
    answer = world.refusal(ledger.registerInspector, world.inspector.address, True, sender=world.guardian)
    assert answer == unauthorized(ledger, world.guardian, "OPERATOR")


@pytest.mark.parametrize("independent", [True, False])
def test_register_inspector(world, ledger, independent):
    ledger.registerInspector(world.inspector.address, not independent, {"from": world.operator})
    tx = ledger.registerInspector(world.inspector.address, independent, {"from": world.operator})
    event = tx.events["InspectorRegistered"]
    assert (event["inspector"], event["independent"]) == (world.inspector.address, independent)
    assert ledger.isIndependent(world.inspector.address) == independent
