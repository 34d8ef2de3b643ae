"""Sends what waits in the outbox: batched, signed with nonces counted here, saved before it is broadcast.

It records attempts, never success: that is the indexer's. A kill between saving and broadcasting loses nothing, since
what was saved is broadcast at the next start, byte for byte; twice broadcast is once mined.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from ..chain.deployments import Deployment
from ..chain.rpc import Rpc, RpcRefused
from ..chain.transactions import Signer, intrinsic_gas, sign_transaction
from ..clock import Clock
from ..errors import Unavailable
from ..store.database import Database
from ..store.outbox import (
    count_unsettled,
    mark_broadcast,
    next_nonce,
    save_transaction,
    unsettled,
    waiting_actions,
)
from ..store.tables import TransactionRow
from .batches import Batch, Batches
from .holding import PolicyById

_log = structlog.get_logger(__name__)
_IN_A_STEP = 8  # transactions, so that the indexer gets its turn
_ON_ITS_WAY = 2 * _IN_A_STEP  # most of them at once: a node's pool, and what a reorg can undo, stay small
_AGAIN_AFTER = 5  # seconds until a transaction that was not mined is broadcast again
# What nodes say of a transaction that they, or the chain, have already.
_KNOWN = (
    "already known",
    "already imported",
    "already exists",
    "known transaction",
    "nonce too low",
    "nonce is too low",
    "doesn't have the correct nonce",
)


class Submitter:
    """One for a database. `writer` sends everything but policies and panels, which the contracts take from `operator`
    alone."""

    def __init__(
        self,
        database: Database,
        rpc: Rpc,
        deployment: Deployment,
        *,
        writer: Signer,
        operator: Signer,
        clock: Clock,
        policy_by_id: PolicyById,
        batch_size: int = 100,
    ) -> None:
        self._database = database
        self._rpc = rpc
        self._deployment = deployment
        self._writer = writer
        self._operator = operator
        self._clock = clock
        self._batches = Batches(
            database,
            rpc,
            deployment,
            writer=writer,
            operator=operator,
            clock=clock,
            policy_by_id=policy_by_id,
            batch_size=batch_size,
        )
        self._started: set[str] = set()  # addresses
        self._in_flight: dict[str, int] = {}

    @property
    def in_flight(self) -> int:
        """Transactions that were not known to be mined when the last steps ended."""
        return sum(self._in_flight.values())

    def step(self) -> int:
        """What each account has to send. The workers' loop takes them one by one, each with its own failures."""
        return self.step_operator() + self.step_writer()

    def step_operator(self) -> int:
        """Sends some of what waits for the operator's account; as `step_writer`."""
        return self._step_of(self._operator.address)

    def step_writer(self) -> int:
        """Sends some of what waits for the writer's account; how many transactions were made. Raises Unavailable if
        the chain takes none of this account's, which says nothing of the other's."""
        return self._step_of(self._writer.address)

    def _step_of(self, address: str) -> int:
        self._batches.begin_step()
        self._in_flight[address] = 0  # if this fails, there is nothing to be quick for
        with self._database.read() as session:
            rows = unsettled(session, writer=address, sent_before=self._sent_before(address))
            on_its_way = count_unsettled(session, address)
            wanted = waiting_actions(session)
        self._resend(address, rows)
        most = min(_IN_A_STEP, _ON_ITS_WAY - on_its_way)
        made = 0
        for action, signer, make in self._batches.makers:
            while signer.address == address and action in wanted and made < most:
                batch = make()
                if batch is None:
                    break
                self.broadcast([self.save(batch)])
                made += 1
        self._in_flight[address] = on_its_way + made
        return made

    def _sent_before(self, address: str) -> int | None:
        return self._clock.seconds() - _AGAIN_AFTER if address in self._started else None

    def _resend(self, address: str, rows: Sequence[TransactionRow]) -> None:
        """Broadcasts again what was saved and is not mined: everything at start, later what takes long. What is mined
        by its nonce is left to the indexer."""
        if rows:
            used = self._rpc.nonce(address)
            rows = [row for row in rows if row.nonce >= used]
        if rows:
            self.broadcast(rows)
            if address in self._started and self._rpc.client_version().startswith("anvil"):
                self._rpc.call("evm_mine")  # its automatic mining can overlook what came while it mined
        self._started.add(address)

    def save(self, batch: Batch) -> TransactionRow:
        """Signs a batch with the next nonce, and keeps it together with what it carries."""
        writer = batch.signer.address
        chain = self._batches.chain()
        with self._database.write() as session:
            signed = sign_transaction(
                batch.signer,
                chain_id=self._deployment.chain_id,
                nonce=max(chain.nonces[writer], next_nonce(session, writer)),
                gas_price=chain.gas_price,
                gas=intrinsic_gas(batch.data) + batch.gas,
                to=batch.to,
                data=batch.data,
            )
            row = TransactionRow(
                tx_hash=signed.hash,
                root=signed.hash,
                writer=writer,
                nonce=signed.nonce,
                raw=signed.raw,
                gas_price=chain.gas_price,
                created_at=self._clock.seconds(),
            )
            save_transaction(session, row, batch.rows)
        return row

    def broadcast(self, rows: Sequence[TransactionRow]) -> None:
        """Raises Unavailable, after all were tried, if the chain refused one for a reason that waiting may heal."""
        answers = self._rpc.batch([("eth_sendRawTransaction", "0x" + row.raw.hex()) for row in rows])
        refused: list[RpcRefused] = []
        sent = []
        for row, answer in zip(rows, answers, strict=True):
            known = isinstance(answer, RpcRefused) and any(word in answer.reason.lower() for word in _KNOWN)
            if isinstance(answer, RpcRefused) and not known:
                refused.append(answer)
            else:
                sent.append(row.tx_hash)
        if sent:
            with self._database.write() as session:
                mark_broadcast(session, sent, self._clock.seconds())
        if refused:
            who = " and ".join(sorted({row.writer for row in rows}))
            raise Unavailable(
                f"The chain refused {len(refused)} of {len(rows)} transactions of {who}: {refused[0].reason}.",
                remedy="If an account lacks gas money, send it some; what waits is sent by itself then.",
            )
