"""The most that a side can lose, whoever the other is and whatever it sends: found by search, and stated here.

In basis points of the refund. `ALL` is the refund; to it comes the freight of 700 under the policies named. A vote
costs 10: `FEES` are those of a first instance by three, `APPEAL` those of five, and the reserve that they come from is
the merchant's. The consumer's key held or own, the inspector independent or not: the bounds are the same.

| column | the panel |
| --- | --- |
| honest | rules for the side in the right |
| fallback | stays silent, the fallback panel rules for the side in the right |
| silent | all of them stay silent |
| none | the case has none |
| wrong | rules against the side in the right; an appeal panel, and it alone, rules for it |

What the table says in words: a consumer that acts in time loses nothing, unless a wrong panel decides on a provider's
refund, after which there is no appeal; a merchant that is in the right loses the fees where a panel rules, and all
where none does, since no complaint expires in its favour; whoever stays silent can lose everything.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from ledger_service.domain import machine
from ledger_service.domain.transitions import LIVE
from ledger_service.domain.vocabulary import Freight, Mode, Role, State

from .worst_case import FEE, FIRST, FREIGHT, ON_APPEAL, REFUND, Search, Setting

PANELS = ("honest", "fallback", "silent", "none", "wrong")
ALL, FEES, APPEAL = REFUND, FIRST * FEE, ON_APPEAL * FEE
REFUNDS, BONDS = (Mode.REFUND,), (Mode.BOND,)
BOTH = REFUNDS + BONDS
ON_BOTH_KEYS = [(True, False), (False, True)]  # held or own, and then with an independent inspector


@dataclass(frozen=True)
class Bound:
    """`refund` basis points, and the freight where the policy is one of `freight`."""

    refund: int
    freight: tuple[Freight, ...] = ()

    def under(self, freight: Freight) -> int:
        return self.refund + (FREIGHT if freight in self.freight else 0)


NOTHING = Bound(0)
REIMBURSED = (Freight.REIMBURSED,)
LOCKED = (Freight.CONSUMER, Freight.REIMBURSED)  # where freight is locked at all
EVERYTHING = Bound(ALL, REIMBURSED)  # that a consumer has a right to
PAID_ALL = Bound(ALL, LOCKED)  # by a merchant that owed nothing: silence gives the freight as well

# who is attacked, and how it begins; what the bound is with each panel
TABLE: list[tuple[str, tuple[Mode, ...], dict, tuple[Bound, Bound, Bound, Bound, Bound]]] = [
    # the consumer sent the goods in good order, and the merchant is its own carrier, warehouse and inspector
    ("a consumer, to the worst merchant", REFUNDS, {}, (NOTHING,) * 5),
    ("a consumer, to the worst merchant", BONDS, {}, (*(NOTHING,) * 4, EVERYTHING)),
    ("a consumer, to a silent merchant", BOTH, {"attacks": False}, (NOTHING,) * 5),
    ("a consumer that agreed to an exchange", REFUNDS, {"begins": "exchanging"}, (NOTHING,) * 5),
    ("a consumer that agreed to an exchange", BONDS, {"begins": "exchanging"}, (*(NOTHING,) * 4, EVERYTHING)),
    ("a consumer that was not paid as stated", BONDS, {"begins": "refunded"}, (*(NOTHING,) * 4, EVERYTHING)),
    ("a silent consumer", BOTH, {"defends": False}, (EVERYTHING,) * 5),
    ("a silent consumer with an exchange", BOTH, {"defends": False, "begins": "exchanging"}, (EVERYTHING,) * 5),
    ("a silent consumer that was not paid", BONDS, {"defends": False, "begins": "refunded"}, (EVERYTHING,) * 5),
    # nothing came back, or nothing of worth
    (
        "a merchant that owes nothing",
        BOTH,
        {"attacker": Role.CONSUMER, "due": 0},
        (Bound(FEES + APPEAL), Bound(FEES + APPEAL), PAID_ALL, PAID_ALL, Bound(FEES + APPEAL)),
    ),
    (
        "a merchant that owes nothing, to a silent consumer",
        BOTH,
        {"attacker": Role.CONSUMER, "due": 0, "attacks": False},
        (NOTHING,) * 5,
    ),
    (
        "a silent merchant that owes nothing",
        BOTH,
        {"attacker": Role.CONSUMER, "due": 0, "defends": False},
        (Bound(FEES + APPEAL), Bound(FEES + APPEAL), PAID_ALL, PAID_ALL, Bound(ALL + FEES, REIMBURSED)),
    ),
    (
        "a merchant that sent a replacement",
        BOTH,
        {"attacker": Role.CONSUMER, "due": 0, "begins": "exchanging"},
        (Bound(FEES + APPEAL), Bound(FEES + APPEAL), PAID_ALL, PAID_ALL, Bound(FEES + APPEAL)),
    ),
    # the goods came back in good order, and the consumer wants more than the refund
    *(
        (
            name,
            BOTH,
            {"attacker": Role.CONSUMER, "defends": defends},
            (Bound(FEES), Bound(FEES), Bound(0, (Freight.CONSUMER,)), Bound(0, (Freight.CONSUMER,)), Bound(FEES)),
        )
        for name, defends in (("a merchant that owes all", True), ("a silent merchant that owes all", False))
    ),
    (
        "a merchant that paid all through its provider",
        BONDS,
        {"attacker": Role.CONSUMER, "begins": "refunded"},
        (Bound(FEES), Bound(FEES), EVERYTHING, EVERYTHING, Bound(ALL + FEES, REIMBURSED)),
    ),
]
# Whoever has stolen the consumer's key from the service, and is the merchant too. The consumer objects in time.
STOLEN: dict[tuple[Mode, str], int] = {
    (Mode.REFUND, "honest"): 0,
    (Mode.REFUND, "fallback"): 0,
    (Mode.REFUND, "silent"): 0,
    (Mode.REFUND, "none"): 0,
    (Mode.REFUND, "wrong"): 0,
    (Mode.BOND, "honest"): 0,
    (Mode.BOND, "fallback"): 0,
    (Mode.BOND, "silent"): 0,
    (Mode.BOND, "none"): 0,
    (Mode.BOND, "wrong"): ALL,
}
ROWS = [
    pytest.param(mode, options, panel, bound, id=f"{name}, {mode.wire}, {panel}")
    for name, modes, options, bounds in TABLE
    for mode in modes
    for panel, bound in zip(PANELS, bounds, strict=True)
]


def losses(mode, options, panel, keys):
    """What the search finds by freight, key and inspector."""
    found = {}
    for freight, (held, independent) in itertools.product(Freight, keys):
        setting = Setting(mode=mode, freight=freight, held=held, independent=independent, panel=panel, **options)
        found[freight, held, independent] = Search(setting).most_lost()
    return found


@pytest.mark.parametrize(("mode", "options", "panel", "bound"), ROWS)
def test_side_never_loses_more_than_the_table_says(mode, options, panel, bound):
    found = losses(mode, options, panel, ON_BOTH_KEYS)
    assert found == {setting: bound.under(setting[0]) for setting in found}


@pytest.mark.long
@pytest.mark.parametrize(("mode", "options", "panel", "bound"), ROWS)
def test_side_never_loses_more_with_the_other_keys_and_inspectors(mode, options, panel, bound):
    found = losses(mode, options, panel, [(held, not independent) for held, independent in ON_BOTH_KEYS])
    assert found == {setting: bound.under(setting[0]) for setting in found}


@pytest.mark.parametrize(("mode", "panel"), [(Mode.REFUND, "silent"), (Mode.REFUND, "wrong")])
def test_stolen_key_takes_no_more_than_the_table_says(mode, panel):
    assert Search(Setting(mode=mode, panel=panel, stolen=True)).most_lost() == STOLEN[mode, panel]


@pytest.mark.long
@pytest.mark.parametrize(("mode", "panel"), list(STOLEN))
def test_stolen_key_takes_no_more_in_any_mode(mode, panel):
    assert Search(Setting(mode=mode, panel=panel, stolen=True)).most_lost() == STOLEN[mode, panel]


def test_search_meets_every_state():
    settings = [
        Setting(),
        Setting(mode=Mode.BOND),
        Setting(attacker=Role.CONSUMER, due=0),
        Setting(begins="exchanging"),
    ]
    met = set()
    for setting in settings:
        search = Search(setting)
        search.most_lost()
        met |= {node.case.state for node in search.known}
    assert met == set(LIVE)


def test_search_finds_what_a_weaker_rule_would_cost(monkeypatch):
    """If an authorised return that nobody sends were paid in full, a merchant would lose by silence alone."""
    silent = Setting(attacker=Role.CONSUMER, due=0, attacks=False, defends=False)
    assert Search(silent).most_lost() == 0
    kept = {**machine._LAPSES, State.AUTHORISED: machine._LAPSES[State.RECEIVED]}
    monkeypatch.setattr(machine, "_LAPSES", kept)
    assert Search(silent).most_lost() == ALL + FREIGHT
