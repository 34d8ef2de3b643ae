"""Chains that change their mind: the last blocks are taken back, and others stand in their place.

On anvil by `anvil_reorg`; on ganache, which has no such method, by going back to a snapshot and making other blocks.
"""

from __future__ import annotations

from random import Random
from typing import Any

from ledger_service.chain.transactions import sign_transaction
from ledger_service.domain.hashing import hex0x

from .site import Site

HOW = ("dropped", "moved", "conflicting")


class Fork:
    """`begin` where the blocks start that are to be undone, `undo` them all."""

    def __init__(self, site: Site) -> None:
        self._site, self._rpc = site, site.chain.rpc
        self._ganache = site.chain.name == "ganache"

    def begin(self) -> None:
        self._first = self._rpc.latest().number
        if self._ganache:
            self._snapshot = self._rpc.call("evm_snapshot")

    @property
    def depth(self) -> int:
        return self._rpc.latest().number - self._first

    def grow(self, depth: int) -> None:
        """Blocks until there are this many to be undone."""
        while self.depth < depth:
            self._rpc.call("evm_mine")

    def undo(self, how: str, rng: Random) -> list[str]:
        """Takes the blocks back: our transactions in them are `dropped`, `moved` into another block, or shut out by a
        `conflicting` one with the first one's number. The hashes of those that are not ours."""
        depth, last = self.depth, self._rpc.latest()
        ours = self._our_transactions()
        strange = [self._conflicting(ours)] if how == "conflicting" and ours else []
        kept = [] if how == "dropped" else [raw for raw, _ in strange] if strange else ours
        if self._ganache:
            self._undo_on_ganache(depth, kept, rng)
        else:
            at = rng.randrange(depth)
            self._rpc.call("anvil_reorg", depth, [[hex0x(raw), at] for raw in kept])
        now = self._rpc.block(last.number)
        assert now is not None
        assert now.hash != last.hash
        return [tx_hash for _, tx_hash in strange]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _undo_on_ganache(self, depth: int, kept: list[bytes], rng: Random) -> None:
        assert self._rpc.call("evm_revert", self._snapshot)
        self._site.chain.advance(1)  # without it, blocks of the same second could be the same
        for _ in range(rng.randrange(depth)):
            self._rpc.call("evm_mine")
        for raw in kept:
            self._rpc.wait_for_receipt(self._rpc.send_raw(raw))
        while self._rpc.latest().number < self._first + depth:
            self._rpc.call("evm_mine")

    def _our_transactions(self) -> list[bytes]:
        """Those of our writer in the blocks to be undone, as they were sent, in order."""
        from ledger_service.store.tables import TransactionRow

        writer, found = self._site.keys["writer"].address.lower(), []
        for number in range(self._first + 1, self._rpc.latest().number + 1):
            block: dict[str, Any] = self._rpc.call("eth_getBlockByNumber", hex(number), True)
            found += [one["hash"] for one in block["transactions"] if one["from"].lower() == writer]
        with self._site.database.read() as session:
            rows = [session.get(TransactionRow, tx_hash) for tx_hash in found]
        return [row.raw for row in rows if row is not None]

    def _conflicting(self, ours: list[bytes]) -> tuple[bytes, str]:
        """A payment to ourselves with the number of our first one."""
        writer = self._site.keys["writer"]
        nonce = self._rpc.nonce(writer.address) - len(ours)
        signed = sign_transaction(
            writer,
            chain_id=self._site.deployment.chain_id,
            nonce=nonce,
            gas_price=20_000_000_000,
            gas=21_000,
            to=writer.address,
            data=b"",
        )
        return signed.raw, signed.hash
