"""Sends what waits in the outbox: batched, signed with nonces counted here, saved before it is broadcast.

It records attempts, never success: that is the indexer's. A kill between saving and broadcasting loses nothing, since
what was saved is broadcast at the next start, byte for byte; twice broadcast is once mined.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from ..chain.abi import LEDGER, function
from ..chain.codec import (
    encode_open_batch,
    encode_poke_batch,
    encode_record_batch,
    encode_register_parties,
    encode_register_policy,
    encode_withdraw_batch,
)
from ..chain.deployments import Deployment
from ..chain.rpc import Block, Rpc, RpcRefused, block_call
from ..chain.transactions import Signer, gas_price, intrinsic_gas, sign_transaction
from ..clock import Clock
from ..domain.hashing import from_hex
from ..domain.messages import Opening, Parties, Terms
from ..domain.policies import Policy
from ..errors import IntegrityFailure, Unavailable
from ..services.projection import act_of
from ..store.database import Database
from ..store.outbox import (
    acts_waiting,
    case_with_parties,
    count_unsettled,
    mark_broadcast,
    next_nonce,
    openings_waiting,
    save_transaction,
    unsettled,
    waiting,
    waiting_actions,
)
from ..store.tables import CaseRow, OutboxRow, RecordRow, TransactionRow

_log = structlog.get_logger(__name__)
_IN_A_STEP = 8  # transactions, so that the indexer gets its turn
_ON_ITS_WAY = 2 * _IN_A_STEP  # most of them at once: a node's pool, and what a reorg can undo, stay small
_AGAIN_AFTER = 5  # seconds until a transaction that was not mined is broadcast again
_SINGLE_GAS = 1_000_000  # of a registration
_PER_ITEM = 20_000  # gas of a batch for an item beyond the item's own bound
_PER_DATA = 16_000  # gas for the bytes that an item brings, an opening's being the most
_RESERVE = 60_000  # gas of a batch for itself
_GAS_CAP = 16_000_000  # of one transaction, whatever fits a block: since EIP-7825 Ethereum takes no more than 2**24
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


@dataclass(frozen=True, slots=True)
class Batch:
    """One transaction to be made. `items` is how many a batch call carries, 0 for a call that is none."""

    signer: Signer
    to: str
    data: bytes
    rows: list[int]
    items: int


@dataclass(frozen=True, slots=True)
class _Chain:
    """What a step needs to know of the chain, asked once. `nonces` are the next ones by address."""

    gas_price: int
    block_gas: int
    nonces: dict[str, int]


class Submitter:
    """One for a database. `writer` sends everything but policies, which the contract takes from `operator` alone."""

    def __init__(
        self,
        database: Database,
        rpc: Rpc,
        deployment: Deployment,
        *,
        writer: Signer,
        operator: Signer,
        clock: Clock,
        policy_by_id: Callable[[str], Policy],
        batch_size: int = 100,
    ) -> None:
        self._database = database
        self._rpc = rpc
        self._deployment = deployment
        self._writer = writer
        self._operator = operator
        self._clock = clock
        self._policy_by_id = policy_by_id
        self._batch_size = batch_size
        self._item_gas: int | None = None
        self._seen: _Chain | None = None
        self._started: set[str] = set()  # addresses
        self._in_flight: dict[str, int] = {}
        self._makers: tuple[tuple[str, Signer, Callable[[], Batch | None]], ...] = (
            ("register_policy", operator, self._policies),
            ("register_parties", writer, self._parties),
            ("open", writer, self._openings),
            ("act", writer, self._acts),
            ("poke", writer, self._pokes),
            ("withdraw", writer, self._withdrawals),
        )

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
        self._seen = None
        self._in_flight[address] = 0  # if this fails, there is nothing to be quick for
        with self._database.read() as session:
            rows = unsettled(session, writer=address, sent_before=self._sent_before(address))
            on_its_way = count_unsettled(session, address)
            wanted = waiting_actions(session)
        self._resend(address, rows)
        most = min(_IN_A_STEP, _ON_ITS_WAY - on_its_way)
        made = 0
        for action, signer, make in self._makers:
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
        chain = self._chain()
        with self._database.write() as session:
            signed = sign_transaction(
                batch.signer,
                chain_id=self._deployment.chain_id,
                nonce=max(chain.nonces[writer], next_nonce(session, writer)),
                gas_price=chain.gas_price,
                gas=self._gas(batch),
                to=batch.to,
                data=batch.data,
            )
            row = TransactionRow(
                tx_hash=signed.hash,
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

    # --- what a transaction carries ----------------------------------------------------------------------------------

    def _policies(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "register_policy", 1)
        if not rows:
            return None
        data = encode_register_policy(self._policy_by_id(rows[0].subject))
        return self._single(self._operator, self._deployment.ledger, data, rows[0])

    def _parties(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "register_parties", 1)
            case = case_with_parties(session, rows[0].case_id, rows[0].subject) if rows else None
        if not rows:
            return None
        if case is None:
            raise IntegrityFailure(
                f"No case has the parties {rows[0].subject} that are to be registered.",
                remedy="Restore the database from a backup.",
            )
        parties = Parties(case.merchant, case.carrier, case.warehouse, case.inspector)
        return self._single(self._writer, self._deployment.ledger, encode_register_parties(parties), rows[0])

    def _openings(self) -> Batch | None:
        with self._database.read() as session:
            found = openings_waiting(session, self._most())
        if not found:
            return None
        data = encode_open_batch([(_opening(record, case), record.signature) for _, record, case in found])
        return self._many(data, [row for row, _, _ in found])

    def _acts(self) -> Batch | None:
        with self._database.read() as session:
            found = acts_waiting(session, self._most())
        if not found:
            return None
        data = encode_record_batch([(act_of(record), record.signature) for _, record in found])
        return self._many(data, [row for row, _ in found])

    def _pokes(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "poke", self._most())
        if not rows:
            return None
        return self._many(encode_poke_batch([from_hex(row.case_id or "0x") for row in rows]), rows)

    def _withdrawals(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "withdraw", self._most())
        if not rows:
            return None
        data = encode_withdraw_batch([from_hex(row.subject) for row in rows])
        return Batch(self._writer, self._deployment.escrow, data, _ids(rows), items=len(rows))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _single(self, signer: Signer, to: str, data: bytes, row: OutboxRow) -> Batch:
        return Batch(signer, to, data, _ids([row]), items=0)

    def _many(self, data: bytes, rows: Sequence[OutboxRow]) -> Batch:
        return Batch(self._writer, self._deployment.ledger, data, _ids(rows), items=len(rows))

    def _most(self) -> int:
        """Items in a batch, by the room in a block and in a transaction."""
        room = min(self._chain().block_gas * 9 // 10, _GAS_CAP) - intrinsic_gas(b"") - self._bound() // 32 - _RESERVE
        return max(1, min(self._batch_size, room // (self._bound() + _PER_ITEM + _PER_DATA)))

    def _gas(self, batch: Batch) -> int:
        """Enough for the worst that every item may do: the contract undoes a batch that has less."""
        if batch.items == 0:
            return intrinsic_gas(batch.data) + _SINGLE_GAS
        # 1/32 of a bound on top once: what the contract keeps back for itself while an item runs (EIP-150).
        return intrinsic_gas(batch.data) + batch.items * (self._bound() + _PER_ITEM) + self._bound() // 32 + _RESERVE

    def _chain(self) -> _Chain:
        if self._seen is None:
            addresses = (self._writer.address, self._operator.address)
            price, latest, *nonces = self._rpc.batch_all(
                [
                    ("eth_gasPrice",),
                    block_call("latest"),
                    *(("eth_getTransactionCount", address, "latest") for address in addresses),
                ]
            )
            self._seen = _Chain(
                gas_price=gas_price(int(price, 16), Block.from_json(latest)),
                block_gas=int(latest["gasLimit"], 16),
                nonces={address: int(nonce, 16) for address, nonce in zip(addresses, nonces, strict=True)},
            )
        return self._seen

    def _bound(self) -> int:
        """Gas that the contract lets one item use."""
        if self._item_gas is None:
            view = function(LEDGER, "ITEM_GAS")
            (self._item_gas,) = view.decode(self._rpc.read(self._deployment.ledger, view.encode()))
        return int(self._item_gas or 0)


def _ids(rows: Sequence[OutboxRow]) -> list[int]:
    return [row.id for row in rows if row.id is not None]


def _opening(record: RecordRow, case: CaseRow) -> Opening:
    return Opening(Terms.from_json(json.loads(case.terms)), from_hex(record.commitment), record.valid_until)
