import dataclasses
import re
from pathlib import Path
from statistics import median_high

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.panels import SEATS, Panel, ballot_of, check_panel, median
from ledger_service.domain.rulings import read_ballot
from ledger_service.errors import InvalidInput, LedgerError

CONTRACTS = Path(__file__).parents[3] / "contracts"


def arbitrators(size):
    return tuple(f"0x{number:040x}" for number in range(1, size + 1))


PANEL = Panel(arbitrators(3), 3, appeal_panel=7, fallback_panel=5, fee=500)

VOTES = st.dictionaries(st.sampled_from(arbitrators(SEATS)), st.integers(0, 10_000), min_size=1)


# --- checks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("panel", "field"),
    [
        (Panel((), 1), "arbitrators"),
        (Panel(arbitrators(16), 1), "arbitrators"),
        (Panel((*arbitrators(2), arbitrators(1)[0]), 1), "arbitrators"),
        (Panel(("0x" + "ab" * 20, "0x" + "AB" * 20), 1), "arbitrators"),
        (Panel((*arbitrators(2), "0x" + "00" * 20), 1), "arbitrators"),
        (Panel(arbitrators(3), 0), "threshold"),
        (Panel(arbitrators(3), 2), "threshold"),
        (Panel(arbitrators(3), 5), "threshold"),
        (Panel(arbitrators(3), -1), "threshold"),
    ],
    ids=["nobody", "too many", "twice", "twice in other letters", "zero", "none", "even", "too great", "negative"],
)
def test_check_panel_refuses_what_the_contract_refuses(panel, field):
    with pytest.raises(InvalidInput) as refusal:
        check_panel(panel)
    assert refusal.value.field == field
    assert refusal.value.remedy


@pytest.mark.parametrize(("size", "threshold"), [(1, 1), (3, 3), (4, 3), (15, 1), (15, 15)])
def test_check_panel_takes_what_the_contract_takes(size, threshold):
    check_panel(Panel(arbitrators(size), threshold))


def test_seats_are_as_many_as_the_contract_has():
    source = (CONTRACTS / "libraries" / "Ballot.sol").read_text()
    assert int(re.search(r"SEATS = (\d+);", source)[1]) == SEATS


# --- as JSON --------------------------------------------------------------------------------------------------------


def test_from_json_reads_what_as_json_wrote():
    assert Panel.from_json(PANEL.as_json()) == PANEL


def test_as_json_has_the_contract_s_names():
    source = (CONTRACTS / "interfaces" / "IArbitrationPanel.sol").read_text()
    struct = re.search(r"struct Panel \{(.*?)\n    \}", source, re.DOTALL)[1]
    assert list(PANEL.as_json()) == re.findall(r"(\w+);", struct)


@pytest.mark.parametrize("name", ["arbitrators", "threshold", "appealPanel", "fallbackPanel", "fee"])
def test_from_json_without_a_field(name):
    content = PANEL.as_json()
    del content[name]
    with pytest.raises(KeyError):
        Panel.from_json(content)


def test_id_differs_where_anything_does():
    changes = [
        {"arbitrators": arbitrators(3)[::-1]},
        {"threshold": 1},
        {"appeal_panel": 8},
        {"fallback_panel": 0},
        {"fee": 501},
    ]
    ids = {panel.id() for panel in (PANEL, *(dataclasses.replace(PANEL, **change) for change in changes))}
    assert len(ids) == 1 + len(changes)


# --- ballots --------------------------------------------------------------------------------------------------------


def test_ballot_of_stranger_s_vote():
    with pytest.raises(ValueError, match="tuple"):
        ballot_of(PANEL, {arbitrators(4)[3]: 1})


@pytest.mark.parametrize("share", [-1, 10_001, 65_535])
def test_ballot_of_a_share_out_of_bounds(share):
    with pytest.raises(ValueError, match=str(share)):
        ballot_of(PANEL, {arbitrators(1)[0]: share})


def test_ballot_as_the_contract_lays_it_out():
    """Three votes: the count on top, then shares plus one from the lowest bits on, in the order of seats."""
    one, two, three = arbitrators(3)
    word = ballot_of(PANEL, {three: 10_000, one: 0, two: 4_321})
    assert word.hex() == "03" + "00" * 25 + "2711" + "10e2" + "0001"
    assert ballot_of(PANEL, {}) == bytes(32)


def test_ballot_with_the_last_seat():
    panel = Panel(arbitrators(SEATS), 1)
    word = ballot_of(panel, {arbitrators(SEATS)[-1]: 10_000})
    assert word.hex() == "01" + "00" + "2711" + "00" * 28


@given(VOTES)
def test_read_ballot_reads_what_ballot_of_wrote(votes):
    panel = Panel(arbitrators(SEATS), len(votes))
    assert read_ballot(panel, ballot_of(panel, votes)) == votes


@given(VOTES, st.integers(0, 255))
def test_read_ballot_with_a_bit_changed(votes, bit):
    """No word but the contract's own passes: neither another count, nor a vote from no seat, nor a share above all."""
    panel = Panel(arbitrators(SEATS), len(votes))
    word = int.from_bytes(ballot_of(panel, votes), "big") ^ (1 << bit)
    try:
        read = read_ballot(panel, word.to_bytes(32, "big"))
    except LedgerError:
        return
    assert bit < 240
    assert read != votes
    assert read.keys() == votes.keys()


@pytest.mark.parametrize("votes", [1, 2])
def test_read_ballot_short_of_the_quorum(votes):
    word = ballot_of(PANEL, dict.fromkeys(arbitrators(votes), 5_000))
    with pytest.raises(LedgerError):
        read_ballot(PANEL, word)


# --- the median -----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=SEATS))
def test_median_is_what_another_implementation_finds(shares):
    assert median(shares) == median_high(shares)


@given(st.integers(0, 7), st.data())
def test_median_stays_within_what_more_than_half_say(others, data):
    """Whoever is not in the majority, say what they may: the median is no less and no more than the majority's."""
    majority = data.draw(st.lists(st.integers(0, 10_000), min_size=others + 1, max_size=others + 1))
    minority = data.draw(st.lists(st.sampled_from([0, 10_000]), min_size=others, max_size=others))
    assert min(majority) <= median(majority + minority) <= max(majority)
