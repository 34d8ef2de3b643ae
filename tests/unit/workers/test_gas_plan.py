"""The bounds of a batch's items hold what the contracts were measured to use, alone and with everything cold."""

import json
from pathlib import Path

import pytest

from ledger_service.workers.gas import ACT, OPENING, VOTE, GasPlan

MEASURED = json.loads((Path(__file__).parents[2] / "integration" / "gas_snapshot.json").read_text("utf-8"))
TRANSACTION = 21_000  # which a batch pays once
ACTS = (
    "appealed",
    "authorised",
    "challenged",
    "declined",
    "disputed",
    "erased",
    "evidence",
    "exchange_delivered",
    "exchange_shipped",
    "inspected",
    "key_bound",
    "objected",
    "picked_up",
    "received",
    "refunded",
    "cancelled, with notice",
    "exchange, agreed",
    "exchange, offered",
    "split, offered",
)
PANELS = {
    1: {"threshold": 3, "appeal_panel": 2, "fallback_panel": 0},
    2: {"threshold": 5, "appeal_panel": 0, "fallback_panel": 0},
}


@pytest.mark.parametrize("act", ACTS)
def test_act_stays_within_its_bound_with_a_fifth_to_spare(act):
    kind = act.split(",")[0]
    bound = GasPlan({}, frozenset()).act("exchange" if kind.startswith("exchange,") else kind, 0)
    assert (MEASURED[f"alone: {act}"] - TRANSACTION) * 6 // 5 <= bound


@pytest.mark.parametrize("act", ["accepted", "split, agreed"])
def test_act_that_settles_stays_within_its_bound(act):
    assert (MEASURED[f"alone: {act}"] - TRANSACTION) * 6 // 5 <= GasPlan({}, frozenset()).act(act.split(",")[0], 0)


def test_two_hundred_and_fifty_acts_fit_one_transaction():
    assert 250 * (ACT + 5 * 32 * 16) < 16_000_000


@pytest.mark.parametrize("opening", ["open and lock", "open in mode none"])
def test_opening_stays_within_its_bound(opening):
    assert MEASURED[f"alone: {opening}"] - TRANSACTION <= OPENING


@pytest.mark.parametrize("poke", ["requested", "received, with the settlement"])
def test_poke_stays_within_its_bound(poke):
    assert MEASURED[f"alone: poke, {poke}"] - TRANSACTION <= GasPlan(PANELS, frozenset()).poke(0)


@pytest.mark.parametrize(("vote", "panel"), [("1 of 3", 1), ("3 of 3", 1), ("5 of 5 on appeal", 1)])
def test_vote_stays_within_its_bound_also_where_it_settles_and_pays_everybody(vote, panel):
    assert MEASURED[f"alone: vote {vote}"] - TRANSACTION <= GasPlan(PANELS, frozenset()).vote("0x", panel)


def test_first_vote_stays_within_a_vote_s_own_bound():
    assert MEASURED["alone: vote 1 of 5 on appeal"] - TRANSACTION <= VOTE
