"""One account that sends: nonces counted here, transactions saved before they are broadcast, a price that rises.

What keeps a later transaction from being mined is always an earlier nonce. So it looks at the chain's next one: whoever
was saved for it is sent again, and pays more once it has waited; where nobody was, an empty transaction fills the gap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlmodel import Session

from .. import telemetry
from ..chain.rpc import Block, Rpc, RpcRefused, block_call
from ..chain.transactions import SignedTransaction, Signer, gas_price, intrinsic_gas, raise_price, sign_transaction
from ..clock import Clock
from ..errors import ReorgTooDeep, Unavailable
from ..store.chain_facts import read_cursor
from ..store.database import Database
from ..store.outbox import waiting_actions
from ..store.tables import TransactionRow
from ..store.transactions import (
    count_unsettled,
    mark_broadcast,
    next_nonce,
    nonces_from,
    save_transaction,
    unsettle,
    unsettled,
)
from .batches import Batch, Batches

_log = structlog.get_logger(__name__)
Fence = Callable[[Session, str], None]  # raises where somebody else sends for this address by now

PATIENCE = 60.0  # seconds that the first in line waits for its block before it pays more
_IN_A_STEP = 8  # transactions, so that the indexer gets its turn
_ON_ITS_WAY = 2 * _IN_A_STEP  # most of them at once: a node's pool, and what a reorg can undo, stay small
_AGAIN_AFTER = 5  # seconds until a transaction that was not mined is broadcast again
_GAPS = 64  # nonces looked at for gaps in a step
# What nodes say of a transaction that they, or the chain, have already, or have for a better price.
_KNOWN = (
    "already known",
    "already imported",
    "already exists",
    "known transaction",
    "nonce too low",
    "nonce is too low",
    "doesn't have the correct nonce",
    "replacement transaction underpriced",
    "could not replace existing tx",
    "replacementnotallowed",
    "to replace current transaction",
    "mining has already started",
)


def is_known(refused: RpcRefused) -> bool:
    """Whether a node refused a transaction because it, or the chain, has it already, or has it for a better price."""
    return any(word in refused.reason.lower() for word in _KNOWN)


def unfenced(_session: Session, _address: str) -> None:
    """For a single submitter that nobody can take over from."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a step needs to know of the chain, asked once. `nonce` is the account's next one, `price` what gets a
    transaction mined soon, `floor` what it has to pay at the least."""

    block: Block
    nonce: int
    price: int
    floor: int


@dataclass(frozen=True, slots=True)
class _First:
    """Who is first in line, since when, and the chain's block at that moment."""

    nonce: int
    since: int
    block: int


class Sender:
    """`step` is one turn. `max_gas_price` is the most wei that are ever paid for gas; None for no limit."""

    def __init__(
        self,
        database: Database,
        rpc: Rpc,
        chain_id: int,
        signer: Signer,
        batches: Batches,
        *,
        clock: Clock,
        max_gas_price: int | None = None,
        patience: float = PATIENCE,
        fence: Fence = unfenced,
    ) -> None:
        self._database = database
        self._rpc = rpc
        self._chain_id = chain_id
        self._signer = signer
        self._batches = batches
        self._clock = clock
        self._cap = max_gas_price
        self._patience = patience
        self._fence = fence
        self._started = False
        self._is_anvil: bool | None = None
        self._first: _First | None = None
        self._jump: int | None = None  # a next nonce so far off that it is asked for twice
        self.address = signer.address
        self.in_flight = 0

    def step(self) -> int:
        """Sends some of what waits; how many transactions were made. Raises Unavailable if the chain takes none of this
        account's, which says nothing of another's."""
        self.in_flight = 0  # if this fails, there is nothing to be quick for
        with self._database.read() as session:
            cursor = read_cursor(session)
            if cursor is not None and cursor.halted:
                raise ReorgTooDeep(cursor.halted, remedy="Nothing is sent until an operator has looked.")
            on_its_way = count_unsettled(session, self.address)
            before = self._sent_before()
            again = unsettled(session, writer=self.address, sent_before=before) if on_its_way else []
            wanted = waiting_actions(session)
        made = 0
        if not on_its_way:
            self._first = None  # who comes next has not waited yet
        if again or wanted:
            seen = self._look()
            if cursor is not None and seen.block.number < cursor.block_number:
                raise Unavailable(
                    f"The node is at block {seen.block.number}, and {cursor.block_number} was read.",
                    remedy="It is asked again in a moment. If it stays, use another node.",
                )
            if self._first is None or self._first.nonce != seen.nonce:
                self._first = _First(seen.nonce, self._clock.seconds(), seen.block.number)
            if again:
                self._heal(seen, again)
            made = self._send(seen, wanted, min(_IN_A_STEP, _ON_ITS_WAY - on_its_way))
        self._started = True
        self.in_flight = on_its_way + made
        return made

    # --- what is on its way ------------------------------------------------------------------------------------------

    def _sent_before(self) -> int | None:
        """Everything at the start, later what takes long."""
        return self._clock.seconds() - _AGAIN_AFTER if self._started else None

    def _look(self) -> Seen:
        suggested, latest, nonce = self._rpc.batch_all(
            [("eth_gasPrice",), block_call("latest"), ("eth_getTransactionCount", self.address, "latest")]
        )
        block, asked = Block.from_json(latest), int(suggested, 16)
        return Seen(block, int(nonce, 16), gas_price(asked, block), max(asked, block.base_fee))

    def _heal(self, seen: Seen, again: Sequence[TransactionRow]) -> None:
        """Sees to it that whoever is first in line gets on. What is mined by its nonce is left to the indexer."""
        again = [row for row in again if row.nonce >= seen.nonce]
        more = [*self._fill_gaps(seen), *self._pay_more(seen)]
        if again or more:
            telemetry.REBROADCASTS.inc(len(again))
            self.broadcast(sorted([*again, *more], key=lambda row: (row.nonce, row.gas_price)))
            if self._started and self._anvil():
                self._rpc.call("evm_mine")  # its automatic mining can overlook what came while it mined
        self._complain_of_price(seen)

    def _fill_gaps(self, seen: Seen) -> list[TransactionRow]:
        """Empty transactions for nonces that the chain waits for and nobody was saved for: another sender's with our
        key was taken back, or the database is older than the chain."""
        with self._database.read() as session:
            saved = nonces_from(session, self.address, seen.nonce, _GAPS)
        if saved and saved[0] == seen.nonce and not any(row.nonce == seen.nonce for row in self._dearest(seen.nonce)):
            self._revive(seen.nonce)
        missing = sorted(set(range(seen.nonce, saved[-1])) - set(saved))[:_GAPS] if saved else []
        if not missing:
            return []
        price = self._price(seen)
        filled = [
            self._row(self._sign(nonce, price, Batch(self.address, b"", [], 0)), price, None) for nonce in missing
        ]
        self._keep([(row, []) for row in filled])
        telemetry.GAPS.inc(len(missing))
        _log.warning("nonce_gap_filled", writer=self.address, nonces=missing)
        return filled

    def _revive(self, nonce: int) -> None:
        """What was said to be over is what the chain waits for: then whoever said so was wrong. It is sent again."""
        with self._database.write() as session:
            self._fence(session, self.address)
            unsettle(session, {self.address: nonce})

    def _pay_more(self, seen: Seen) -> list[TransactionRow]:
        """Everything on its way again at a higher price, once the first in line has waited although blocks came."""
        now, first = self._clock.seconds(), self._first
        if first is None or now - first.since < self._patience or seen.block.number <= first.block:
            return []
        self._first = _First(seen.nonce, now, seen.block.number)
        raised = []
        for row in self._dearest(seen.nonce):
            price = self._raised(row.gas_price, seen.price)
            # What the node did not take did not lack a better price, and would cost it once the node does take it.
            if price is not None and row.broadcast_at is not None:
                signed = raise_price(self._signer, row.raw, price, self._chain_id)
                raised.append(self._row(signed, price, row.root))
        self._keep([(row, []) for row in raised])
        telemetry.FEE_BUMPS.inc(len(raised))
        if raised:
            _log.warning("price_raised", writer=self.address, transactions=len(raised), wei=raised[0].gas_price)
        return raised

    def _dearest(self, first: int) -> list[TransactionRow]:
        """The attempt at each nonce from `first` on that pays most."""
        with self._database.read() as session:
            rows = unsettled(session, writer=self.address, first=first, limit=None)
        return list({row.nonce: row for row in rows}.values())

    def _raised(self, old: int, fair: int) -> int | None:
        """An eighth more, or what is fair now if that is more still. Nodes take nothing under a tenth more; None where
        the cap leaves less."""
        price = max(fair, -(-old * 9 // 8))
        if self._cap is not None and price > self._cap:
            return self._cap if self._cap * 10 >= old * 11 else None
        return price

    def _complain_of_price(self, seen: Seen) -> None:
        """Raises Unavailable if what is first in line pays the most that may be paid, and that is too little now."""
        first = next(iter(self._dearest(seen.nonce)), None)
        if self._cap is None or first is None or first.nonce != seen.nonce or first.gas_price >= seen.floor:
            return
        if self._raised(first.gas_price, seen.price) is None:
            raise _too_dear(self._cap, seen.floor)

    # --- what is new -------------------------------------------------------------------------------------------------

    def _send(self, seen: Seen, wanted: set[str], most: int) -> int:
        made: list[TransactionRow] = []
        try:
            for batches in self._batches.make(wanted, most, seen.block.gas_limit):
                made += self.save(batches, seen)
        finally:
            if made:
                self.broadcast(made)
        return len(made)

    def save(self, batches: Sequence[Batch], seen: Seen) -> list[TransactionRow]:
        """Signs batches with the next nonces, and keeps each together with what it carries."""
        price = self._price(seen)
        with self._database.read() as session:
            saved = next_nonce(session, self.address)
        self._look_twice(seen.nonce, saved)
        first = max(seen.nonce, saved)
        rows = [
            self._row(self._sign(nonce, price, batch), price, None) for nonce, batch in enumerate(batches, start=first)
        ]
        self._keep([(row, batch.rows) for row, batch in zip(rows, batches, strict=True)])
        for row, batch in zip(rows, batches, strict=True):
            telemetry.BATCH_ITEMS.observe(len(batch.rows))
            _log.info("transaction_saved", tx_hash=row.tx_hash, nonce=row.nonce, items=len(batch.rows))
        return rows

    def _look_twice(self, nonce: int, saved: int) -> None:
        """Raises Unavailable where the chain's next nonce is far beyond ours, unless it said the same before: a wrong
        one would leave a gap that only paid transactions fill."""
        if saved and nonce - saved > _GAPS and nonce != self._jump:
            self._jump = nonce
            raise Unavailable(
                f"The chain says that {nonce} comes next for {self.address}, and {saved} was expected.",
                remedy="It is asked again in a moment, and believed then.",
            )

    def _price(self, seen: Seen) -> int:
        """For a first attempt. Raises Unavailable where not even the least that the chain takes may be paid."""
        if self._cap is None or seen.price <= self._cap:
            return seen.price
        if seen.floor > self._cap:
            raise _too_dear(self._cap, seen.floor)
        return self._cap

    def _sign(self, nonce: int, price: int, batch: Batch) -> SignedTransaction:
        return sign_transaction(
            self._signer,
            chain_id=self._chain_id,
            nonce=nonce,
            gas_price=price,
            gas=intrinsic_gas(batch.data) + batch.gas,
            to=batch.to,
            data=batch.data,
        )

    def _row(self, signed: SignedTransaction, price: int, root: str | None) -> TransactionRow:
        return TransactionRow(
            tx_hash=signed.hash,
            root=root or signed.hash,
            writer=self.address,
            nonce=signed.nonce,
            raw=signed.raw,
            gas_price=price,
            created_at=self._clock.seconds(),
        )

    def _keep(self, rows: Sequence[tuple[TransactionRow, list[int]]]) -> None:
        """Saves transactions with what they carry, all or none. Raises Conflict if somebody else sends for this account
        by now, or has sent some of it."""
        if rows:
            with self._database.write() as session:
                self._fence(session, self.address)
                for row, carried in rows:
                    save_transaction(session, row, carried)

    def broadcast(self, rows: Sequence[TransactionRow]) -> None:
        """Raises Unavailable, after all were tried, if the chain refused a nonce for a reason that waiting may heal."""
        answers = self._rpc.batch([("eth_sendRawTransaction", "0x" + row.raw.hex()) for row in rows])
        refused: dict[int, RpcRefused] = {}
        taken: list[TransactionRow] = []
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, RpcRefused) and not is_known(answer):
                refused[row.nonce] = answer
            else:
                taken.append(row)
        if taken:
            with self._database.write() as session:
                mark_broadcast(session, [row.tx_hash for row in taken], self._clock.seconds())
        for row in taken:
            refused.pop(row.nonce, None)  # another attempt at it was taken
        if refused:
            raise Unavailable(
                f"The chain refused {len(refused)} of {len({row.nonce for row in rows})} transactions of "
                f"{self.address}: {next(iter(refused.values())).reason}.",
                remedy="If an account lacks gas money, send it some; what waits is sent by itself then.",
            )

    def _anvil(self) -> bool:
        if self._is_anvil is None:
            self._is_anvil = self._rpc.client_version().startswith("anvil")
        return self._is_anvil


def _too_dear(cap: int, wanted: int) -> Unavailable:
    return Unavailable(
        f"Gas costs {wanted / 10**9:.3g} gwei now, and LEDGER_MAX_GAS_PRICE allows {cap / 10**9:.3g}.",
        remedy="What waits is sent once gas is cheaper, or with a higher limit. Nothing is lost.",
    )
