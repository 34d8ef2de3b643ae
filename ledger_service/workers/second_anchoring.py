"""Anchors checkpoints on a second chain too, beside the first and never in its way.

It has an account of its own, one transaction on its way at a time, and no indexer: the contract itself takes a size
once, and its event is looked for by that size until no reorg can remove it. What was saved is broadcast again after a
kill, byte for byte; what a reorg took back is on its way again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from ..chain.abi import ANCHOR
from ..chain.anchors import anchor_places, encode_anchor, latest_anchor, most_growth
from ..chain.rpc import Block, Rpc, RpcRefused
from ..chain.transactions import Signer, gas_price, intrinsic_gas, raise_price, sign_transaction
from ..domain.hashing import from_hex, hex0x
from ..errors import IntegrityFailure, Unavailable
from ..services.app import App
from ..store import observation_log, second_anchors
from ..store.tables import LogCheckpoint, SecondAnchor
from .anchoring import Pace
from .sender import PATIENCE, is_known

_log = structlog.get_logger(__name__)
_FINAL = 64  # blocks on top after which nothing is looked for again
_GAS = 150_000  # of an anchor, beyond what any transaction takes


@dataclass(frozen=True, slots=True)
class _Seen:
    """The second chain at one moment. `size` and `root` are the contract's newest, `nonce` our account's next."""

    chain_id: int
    block: Block
    price: int
    nonce: int
    size: int
    root: bytes


class SecondAnchoring:
    """`step` is one turn. Raises Unavailable if the chain does not answer or takes nothing, IntegrityFailure where its
    checkpoint is none of this log."""

    def __init__(self, app: App, rpc: Rpc, contract: str, signer: Signer) -> None:
        settings = app.settings
        self._app = app
        self._rpc = rpc
        self._contract = contract
        self._signer = signer
        self._entries, self._seconds = settings.anchor_entries, settings.anchor_seconds
        self._growth: int | None = None

    def step(self) -> int:
        """How many transactions were made."""
        seen = self._look()
        waiting = self._settle(seen)
        if waiting:
            return self._push(seen, waiting)
        due = self._due(seen)
        if due is None:
            return 0
        self._send(seen, due)
        return 1

    # --- inside ------------------------------------------------------------------------------------------------------

    def _look(self) -> _Seen:
        size, root = latest_anchor(self._rpc, self._contract)
        block = self._rpc.latest()
        price = gas_price(int(self._rpc.call("eth_gasPrice"), 16), block)
        return _Seen(self._rpc.chain_id(), block, price, self._rpc.nonce(self._signer.address), size, root)

    def _settle(self, seen: _Seen) -> list[SecondAnchor]:
        """Writes down where those stand that are not sure yet; those still on their way."""
        with self._app.database.read() as session:
            rows = second_anchors.unsure(session, seen.block.number - _FINAL)
        waiting = []
        for row in rows:
            place = anchor_places(self._rpc, self._contract, row.size, row.from_block)
            if place is None and (row.size <= seen.size or row.nonce < seen.nonce):
                with self._app.database.write() as session:  # another one with its number, or a larger size, came first
                    second_anchors.forget(session, row.size)
                continue
            if place is None:
                waiting.append(row)
            stands = place or (None, None)
            if stands != (row.block_number, row.tx_hash):
                row.block_number, row.tx_hash = stands
                with self._app.database.write() as session:
                    second_anchors.put(session, row)
        return waiting

    def _push(self, seen: _Seen, waiting: Sequence[SecondAnchor]) -> int:
        """Broadcasts again what is on its way, for a better price once it has waited."""
        now = self._app.clock.seconds()
        for row in waiting:
            if now - row.created_at > PATIENCE:
                price = min(max(seen.price, -(-row.gas_price * 9 // 8)), self._app.settings.max_gas_price_wei)
                if price * 10 >= row.gas_price * 11:  # nodes take nothing under a tenth more
                    signed = raise_price(self._signer, row.raw, price, seen.chain_id)
                    row.raw, row.gas_price, row.created_at = signed.raw, price, now
                    with self._app.database.write() as session:
                        second_anchors.put(session, row)
            self._broadcast(row)
        return 0

    def _due(self, seen: _Seen) -> LogCheckpoint | None:
        if self._growth is None:
            self._growth = most_growth(self._rpc, self._contract)
        with self._app.database.read() as session:
            known = observation_log.checkpoint_of(session, seen.size) if seen.size else None
            if seen.size and (known is None or known.root != hex0x(seen.root)):
                raise IntegrityFailure(
                    f"The {ANCHOR} {self._contract} holds a checkpoint of {seen.size} that is none of this log.",
                    remedy="Name the one that was made for this installation, or restore a newer database.",
                )
            newest = observation_log.newest_checkpoint(session, seen.size + self._growth)
            last = second_anchors.newest(session)
        pace = Pace(self._entries, self._seconds, self._growth)
        waited = self._app.clock.seconds() - last.created_at if last else None
        return newest if newest is not None and pace.is_due(newest.size - seen.size, waited) else None

    def _send(self, seen: _Seen, checkpoint: LogCheckpoint) -> None:
        data = encode_anchor(checkpoint.size, from_hex(checkpoint.root))
        price = min(seen.price, self._app.settings.max_gas_price_wei)
        signed = sign_transaction(
            self._signer,
            chain_id=seen.chain_id,
            nonce=seen.nonce,
            gas_price=price,
            gas=intrinsic_gas(data) + _GAS,
            to=self._contract,
            data=data,
        )
        row = SecondAnchor(
            size=checkpoint.size,
            nonce=seen.nonce,
            raw=signed.raw,
            gas_price=price,
            created_at=self._app.clock.seconds(),
            from_block=seen.block.number,
        )
        with self._app.database.write() as session:
            second_anchors.put(session, row)
        _log.info("second_anchor", size=checkpoint.size, tx_hash=signed.hash)
        self._broadcast(row)

    def _broadcast(self, row: SecondAnchor) -> None:
        try:
            self._rpc.send_raw(row.raw)
        except RpcRefused as refused:
            if not is_known(refused):
                raise Unavailable(
                    f"The second chain refuses the checkpoint of {row.size}: {refused.reason}.",
                    remedy=f"If its account {self._signer.address} lacks gas money, send it some.",
                ) from refused
