"""How much gas an item of a batch may use, at the most. What a transaction is given it need not use up, but a batch
that runs out of it is undone as a whole.

The bounds are what the contracts were measured to use, rounded up; `tests/unit/workers/test_gas_plan.py` holds
them against the snapshot of gas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..domain.vocabulary import Kind

OPENING = 190_000  # a case with its lock, the first of its merchant and panel
ACT = 42_000  # one record by an account without code
_MORE = {Kind.KEY_BOUND.wire: 14_000, Kind.CANCELLED.wire: 22_000}  # on top, for what they write beside the case
POKE = 60_000  # one that applies a notice
SETTLEMENT = 70_000  # the lock's end on top, without fees
AWARD = 35_000  # one arbitrator's fee, credited
VOTE = 70_000
WALLET = 420_000  # asking a contract account (ERC-1271): the contracts' WALLET_GAS and what EIP-150 keeps back
_MAY_SETTLE = {Kind.CANCELLED.wire, Kind.ACCEPTED.wire, Kind.SPLIT.wire}


class GasPlan:
    """`panels` are the registered ones by version, `wallets` the accounts with code among those that act; None if each
    of them may have come by some since it was looked at."""

    def __init__(self, panels: Mapping[int, Mapping[str, Any]], wallets: frozenset[str] | None) -> None:
        self._panels = panels
        self._wallets = wallets

    def opening(self, merchant: str) -> int:
        return OPENING + self._asking(merchant)

    def act(self, kind: str, panel: int, *accounts: str) -> int:
        """`panel` is the version that the case names; `accounts` are who signed, and who may hold the role by now."""
        gas = ACT + _MORE.get(kind, 0) + self._asking(*accounts)
        if kind in _MAY_SETTLE:
            gas += SETTLEMENT + (self._awards(panel) if kind == Kind.SPLIT.wire else 0)
        return gas

    def vote(self, arbitrator: str, panel: int) -> int:
        """The last vote of a round rules, and may settle the case at once."""
        return VOTE + self._asking(arbitrator) + self.poke(panel)

    def poke(self, panel: int) -> int:
        return POKE + SETTLEMENT + self._awards(panel)

    def _asking(self, *accounts: str) -> int:
        return WALLET if self._wallets is None or not self._wallets.isdisjoint(accounts) else 0

    def _awards(self, version: int) -> int:
        """Fees of as many rounds as a case can have: a first one twice, once more after a challenge, and an appeal."""
        panel = self._panels.get(version)
        if panel is None:
            return 0
        first = max(int(panel["threshold"]), self._threshold(panel["fallback_panel"]))
        return AWARD * (2 * first + self._threshold(panel["appeal_panel"]))

    def _threshold(self, version: int) -> int:
        panel = self._panels.get(version)
        return int(panel["threshold"]) if panel else 0
