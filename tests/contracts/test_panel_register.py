"""ArbitrationPanel.registerPanel, and the views of what is registered"""

import pytest
from brownie import ArbitrationPanel, DisputeStub, accounts, chain
from panel_support import Bench, arbitrators, as_panel
from support import call_raw, errors_of, keyed, read_error
from words import ZERO

NOBODY = type("Nobody", (), {"address": ZERO})


@pytest.fixture(scope="module")
def bench(module_isolation):
    operator, relayer = accounts[0], accounts[2]
    stub = DisputeStub.deploy({"from": operator})
    panel = ArbitrationPanel.deploy(stub, operator, {"from": operator})
    return Bench(stub, panel, operator, relayer, chain)


def refusal(bench, *args, sender=None, **options):
    content = as_panel(*args, **options)
    return bench.refusal(bench.panel.registerPanel, content, sender=sender or bench.operator)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["ledger", "operator"])
def test_deploy_with_a_zero_address(bench, missing):
    args = [ZERO if missing == "ledger" else bench.stub.address, ZERO if missing == "operator" else bench.operator]
    _, reason = call_raw(bench.operator, None, "0x" + ArbitrationPanel.deploy.encode_input(*args))
    assert read_error(errors_of(ArbitrationPanel), reason) == ("ZeroAddress",)


def test_register_as_a_stranger(bench):
    answer = refusal(bench, arbitrators(3), 3, sender=bench.relayer)
    expected = ("AccessControlUnauthorizedAccount", bench.relayer.address, bytes(bench.panel.OPERATOR()))
    assert answer == expected


@pytest.mark.parametrize("size", [0, 16, 300])
def test_register_with_a_size_out_of_bounds(bench, size):
    assert refusal(bench, arbitrators(size), 1) == ("PanelSizeOutOfBounds", size)


@pytest.mark.parametrize(("size", "threshold"), [(3, 0), (3, 2), (4, 4), (1, 3), (4, 5), (15, 17), (15, 255)])
def test_register_with_a_threshold_out_of_bounds(bench, size, threshold):
    assert refusal(bench, arbitrators(size), threshold) == ("ThresholdOutOfBounds", threshold)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_register_with_nobody_on_a_seat(bench, place):
    members = arbitrators(3)
    members[place] = NOBODY
    assert refusal(bench, members, 1) == ("ZeroAddress",)


@pytest.mark.parametrize("places", [(0, 1), (0, 2), (1, 2)])
def test_register_with_somebody_on_two_seats(bench, places):
    members = arbitrators(3)
    members[places[1]] = members[places[0]]
    assert refusal(bench, members, 3) == ("DuplicateArbitrator", members[places[0]].address)


@pytest.mark.parametrize("named", ["appeal", "fallback"])
@pytest.mark.parametrize("version", [1, 2, 2**32 - 1])
def test_register_with_an_unknown_panel_named(bench, named, version):
    """Version 1 would be the panel itself: it cannot name itself, or one that comes later."""
    assert refusal(bench, arbitrators(3), 3, **{named: version}) == ("UnknownPanelVersion", version)


@pytest.mark.parametrize(("size", "threshold"), [(3, 3), (4, 3), (3, 1), (7, 1)])
def test_register_with_an_appeal_panel_that_is_no_larger(bench, size, threshold):
    appeal = bench.register(arbitrators(size), threshold)
    assert refusal(bench, arbitrators(3), 3, appeal=appeal) == ("AppealPanelNotLarger", appeal)


def test_register_with_a_larger_appeal_panel_of_the_same_size(bench):
    appeal = bench.register(arbitrators(5), 5)
    assert refusal(bench, arbitrators(5), 3, appeal=appeal) == ("AppealPanelNotLarger", appeal)


def test_register_with_an_appeal_panel_no_larger_than_the_fallback(bench):
    appeal = bench.register(arbitrators(5), 3)
    fallback = bench.register(arbitrators(5), 1)
    answer = refusal(bench, arbitrators(1), 1, appeal=appeal, fallback=fallback)
    assert answer == ("AppealPanelNotLarger", appeal)


# --- what is registered ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "threshold"), [(1, 1), (3, 3), (15, 1), (15, 15)])
def test_register_at_the_bounds(bench, size, threshold):
    assert bench.register(arbitrators(size), threshold) == 1


def test_register(bench):
    fallback = bench.register(arbitrators(2, first=8), 1, fee=2**48 - 1)
    appeal = bench.register(arbitrators(5), 5, fee=70)
    members = arbitrators(3)
    content = as_panel(members, 3, appeal, fallback, 900)
    tx = bench.panel.registerPanel(content, {"from": bench.operator})
    assert tx.return_value == bench.panel.panelCount() == 3
    event = tx.events["PanelRegistered"]
    assert (event["version"], tuple(event["content"])) == (3, content)
    assert tuple(bench.panel.panelOf(3)) == content
    assert [bench.panel.fallbackOf(version) for version in (0, 1, 2, 3, 4)] == [0, 0, 0, fallback, 0]


def test_register_keeps_what_was_registered_before(bench):
    old = as_panel(arbitrators(3), 3, fee=700)
    bench.panel.registerPanel(old, {"from": bench.operator})
    bench.register(arbitrators(5), 5, fee=100)
    bench.register(arbitrators(3, first=4), 1, appeal=2, fallback=1, fee=1)
    assert tuple(bench.panel.panelOf(1)) == old
    assert tuple(bench.panel.feesOf(1)) == (2_100, 0)


@pytest.mark.parametrize("version", [0, 1, 7])
@pytest.mark.parametrize("view", ["panelOf", "feesOf", "requireClear"])
def test_ask_for_an_unknown_version(bench, view, version):
    rest = [(ZERO,) * 4] if view == "requireClear" else []
    assert bench.refusal(getattr(bench.panel, view), version, *rest) == ("UnknownPanelVersion", version)


@pytest.mark.parametrize(
    ("own", "fallback", "first"),
    [((3, 500), None, 1_500), ((3, 500), (1, 1_400), 1_500), ((3, 500), (5, 400), 2_000), ((1, 0), (1, 0), 0)],
)
@pytest.mark.parametrize("on_appeal", [None, 0, 2**48 - 1])
def test_fees(bench, own, fallback, first, on_appeal):
    """The fees of the first instance are those of the dearer of the two panels; only one of them is ever paid."""
    named = {}
    if fallback:
        named["fallback"] = bench.register(arbitrators(fallback[0]), fallback[0], fee=fallback[1])
    if on_appeal is not None:
        named["appeal"] = bench.register(arbitrators(15), 15, fee=on_appeal)
    version = bench.register(arbitrators(own[0]), own[0], fee=own[1], **named)
    assert tuple(bench.panel.feesOf(version)) == (first, 15 * (on_appeal or 0))


# --- parties on a panel ---------------------------------------------------------------------------------------------


@pytest.fixture
def version(bench):
    """Arbitrators 1 to 3, their fallback 4 and 5, and 6 to 10 on appeal; 11 and 12 stand behind those two."""
    fallback = bench.register(arbitrators(2, first=4), 1, fallback=bench.register(arbitrators(1, first=11), 1))
    appeal = bench.register(arbitrators(5, first=6), 5, fallback=bench.register(arbitrators(1, first=12), 1))
    return bench.register(arbitrators(3), 3, appeal=appeal, fallback=fallback)


@pytest.mark.parametrize("place", range(4), ids=["merchant", "carrier", "warehouse", "inspector"])
def test_require_clear_with_a_party_on_one_of_the_panels(bench, version, place):
    for arbitrator in arbitrators(10):
        parties = [keyed(f"party {i}").address for i in range(4)]
        parties[place] = arbitrator.address
        assert bench.refusal(bench.panel.requireClear, version, parties) == ("PartyOnPanel", arbitrator.address)


def test_require_clear(bench, version):
    """Whoever stands behind the fallback or the appeal panel never votes on this version's cases."""
    bench.register(arbitrators(1, first=13), 1, fallback=version)
    parties = [keyed(name).address for name in ("party", "arbitrator 11", "arbitrator 12", "arbitrator 13")]
    assert bench.refusal(bench.panel.requireClear, version, parties) is None
