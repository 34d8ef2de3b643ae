"""What an opening has to bring along for a dispute: a panel without its own parties, and the fees of every round."""

import pytest
from court import APPEAL_FEES, FIRST_FEES, RESERVE
from panel_support import register
from support import keyed
from words import Mode


@pytest.mark.parametrize(
    ("panel", "mode", "least"),
    [
        ("first", Mode.Refund, FIRST_FEES + APPEAL_FEES),
        ("first", Mode.Bond, 2 * FIRST_FEES + APPEAL_FEES),
        ("plain", Mode.Refund, FIRST_FEES),
        ("plain", Mode.Bond, 2 * FIRST_FEES),
        ("fallback", Mode.Refund, 900),
        ("none", Mode.Refund, 0),
        ("none", Mode.Bond, 0),
    ],
)
def test_open_needs_a_reserve_for_the_fees_of_every_round(court, ledger, panel, mode, least):
    if least:
        case = court.prepare(panel, mode, reserve=least - 1)
        assert court.world.refusal(ledger.open, case.opening) == ("ReserveTooSmall", least - 1, least)
    assert court.world.refusal(ledger.open, court.prepare(panel, mode, reserve=least).opening) is None


def test_open_reserves_for_the_fallback_where_that_costs_more(court, ledger):
    members, fallback = [keyed("a single one")], court.versions["fallback"]
    version = register(court.world.panel, court.world.operator, members, 1, fallback=fallback, fee=899)
    case = court.world.prepare(panel=version, reserve=899)
    assert court.world.refusal(ledger.open, case.opening) == ("ReserveTooSmall", 899, 900)


def test_open_remembers_that_parties_are_clear_and_still_wants_the_reserve(court, ledger):
    court.open()
    case = court.prepare(reserve=RESERVE[Mode.Refund] - 1)
    assert court.world.refusal(ledger.open, case.opening)[0] == "ReserveTooSmall"
    case = court.prepare(mode=Mode.Bond, reserve=RESERVE[Mode.Bond] - 1)
    assert court.world.refusal(ledger.open, case.opening)[0] == "ReserveTooSmall"


@pytest.mark.parametrize("party", ["merchant", "carrier", "warehouse", "inspector"])
def test_open_with_a_party_on_the_panel_its_fallback_or_its_appeal_panel(court, ledger, party):
    for panel in ("first", "fallback", "appeal"):
        arbitrator = court.members[panel][-1]
        parties = court.world.parties(**{party: arbitrator})
        for mode in Mode:
            case = court.prepare(mode=mode, parties=parties)
            assert court.world.refusal(ledger.open, case.opening) == ("PartyOnPanel", arbitrator.address)


def test_open_with_a_party_on_another_panel(court, ledger):
    parties = court.world.parties(carrier=court.members["appeal"][0])
    assert court.world.refusal(ledger.open, court.prepare("plain", parties=parties).opening) is None


@pytest.mark.parametrize("mode", list(Mode))
def test_open_with_an_unknown_panel(court, ledger, mode):
    unknown = court.world.panel.panelCount() + 1
    case = court.world.prepare(mode=mode, panel=unknown)
    assert court.world.refusal(ledger.open, case.opening) == ("UnknownPanelVersion", unknown)
