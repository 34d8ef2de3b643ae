"""What the chain says of itself, asked in a thread of its own: no request waits for a node that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..chain.rpc import Call, RpcRefused, block_call
from ..store.health import newest_settled
from .app import App
from .evidence import own_rpc

_REMEMBERED_SECONDS = 2.0
_RECEIPTS = 20  # of the newest transactions, which tell what gas is used and paid now


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction of ours as it was mined: gas, and wei for each."""

    gas_used: int
    gas_price: int


@dataclass(frozen=True, slots=True)
class ChainSeen:
    """`is_ours` is whether it is the chain that we deployed to; None where it was not reached."""

    is_ours: bool | None = None
    head: int | None = None
    time: int | None = None  # of the newest block, seconds since 1970
    gas_price: int | None = None
    balances: Mapping[str, int] = field(default_factory=dict)  # wei, by the account's name
    mined: Sequence[Mined] = ()

    @property
    def reached(self) -> bool:
        return self.is_ours is not None


class ChainWatch:
    """`accounts` are the addresses, by name, whose gas money is watched."""

    def __init__(self, app: App, accounts: Mapping[str, str]) -> None:
        self._app = app
        self._accounts = dict(accounts)
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._asking = False
        self._answered = threading.Event()
        self._seen: ChainSeen | None = None

    def seen(self, wait: float = 0.0) -> ChainSeen | None:
        """The last answer, while the next may be on its way; the first is waited for this long."""
        with self._lock:
            old = self._asked_at is None or time.monotonic() - self._asked_at > _REMEMBERED_SECONDS
            begins = old and not self._asking
            self._asking = self._asking or begins
        if begins:
            threading.Thread(target=self._look, name="chain-watch", daemon=True).start()
        if self._seen is None and wait:
            self._answered.wait(wait)
        return self._seen

    def _look(self) -> None:
        try:
            self._seen = self._ask()
        except Exception:  # noqa: BLE001 - whatever a node or its proxy answers, it was not reached
            self._seen = ChainSeen()
        with self._lock:
            self._asked_at, self._asking = time.monotonic(), False
        self._answered.set()

    def _ask(self) -> ChainSeen:
        """Raises whatever comes of a node that does not answer, or not as nodes do."""
        rpc = own_rpc(self._app)
        if rpc is None:
            return ChainSeen()
        with self._app.database.read() as session:
            hashes = newest_settled(session, _RECEIPTS)
        calls: list[Call] = [("eth_chainId",), block_call(0), block_call("latest"), ("eth_gasPrice",)]
        calls += [("eth_getBalance", address, "latest") for address in self._accounts.values()]
        calls += [("eth_getTransactionReceipt", tx_hash) for tx_hash in hashes]
        answers = rpc.batch(calls)
        chain_id, genesis, newest, price = answers[:4]
        if isinstance(chain_id, RpcRefused) or not isinstance(genesis, dict) or not isinstance(newest, dict):
            return ChainSeen()
        ours = self._app.deployment
        same = genesis["hash"] == ours.genesis_hash
        balances, receipts = answers[4 : 4 + len(self._accounts)], answers[4 + len(self._accounts) :]
        return ChainSeen(
            is_ours=same and int(chain_id, 16) == ours.chain_id,
            head=int(newest["number"], 16),
            time=int(newest["timestamp"], 16),
            gas_price=_number(price),
            balances={
                name: value
                for name, answer in zip(self._accounts, balances, strict=True)
                if (value := _number(answer)) is not None
            },
            mined=[mined for receipt in receipts if (mined := _mined(receipt)) is not None],
        )


def _number(answer: Any) -> int | None:
    return int(answer, 16) if isinstance(answer, str) else None


def _mined(receipt: Any) -> Mined | None:
    if not isinstance(receipt, dict) or not isinstance(receipt.get("gasUsed"), str):
        return None
    return Mined(int(receipt["gasUsed"], 16), _number(receipt.get("effectiveGasPrice")) or 0)
