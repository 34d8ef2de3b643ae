"""What a transaction of ours carries: as much of what waits in the outbox as a chain takes at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..chain.abi import ESCROW, LEDGER, function
from ..chain.codec import (
    encode_open_batch,
    encode_poke_batch,
    encode_record_batch,
    encode_register_panel,
    encode_register_parties,
    encode_register_policy,
    encode_vote_batch,
    encode_withdraw_batch,
    encode_withdraw_credit,
)
from ..chain.deployments import Deployment
from ..chain.rpc import Block, Rpc, block_call
from ..chain.transactions import Signer, gas_price, intrinsic_gas
from ..clock import Clock
from ..domain.hashing import from_hex
from ..domain.messages import Opening, Parties, Terms
from ..domain.panels import Panel
from ..domain.vocabulary import Role
from ..errors import IntegrityFailure
from ..services.projection import act_of, vote_of
from ..store.chain_facts import panels_by_version
from ..store.database import Database
from ..store.outbox import (
    acts_waiting,
    case_with_parties,
    consumers_now,
    openings_waiting,
    panel_content,
    panels_of_cases,
    votes_waiting,
    waiting,
)
from ..store.tables import CaseRow, OutboxRow, RecordRow, VoteRow
from .gas import GasPlan
from .holding import PolicyById

_SINGLE_GAS = 1_500_000  # of a call that is no batch
_RESERVE = 60_000  # gas of a batch for itself
_REFUSAL = 20_000  # gas for the event that names a refused item, beyond what the item itself may use
_WORD = 16 * 32  # gas for a word of calldata without zeros
_GAS_CAP = 16_000_000  # of one transaction, whatever fits a block: since EIP-7825 Ethereum takes no more than 2**24


@dataclass(frozen=True, slots=True)
class Batch:
    """One transaction to be made. `gas` is what it may use beyond being a transaction with these bytes."""

    signer: Signer
    to: str
    data: bytes
    rows: list[int]
    gas: int


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a batch call: `value` is what its encoder takes, `gas` the most that it may use, `words` its
    calldata."""

    row: OutboxRow
    value: Any
    gas: int
    words: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a step needs to know of the chain, asked once. `nonces` are the next ones by address."""

    gas_price: int
    block_gas: int
    nonces: dict[str, int]


Maker = Callable[[], Batch | None]


class Batches:
    """Makes transactions of the outbox's rows, for the accounts that send them."""

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
        batch_size: int,
    ) -> None:
        self._database = database
        self._rpc = rpc
        self._deployment = deployment
        self._writer = writer
        self._operator = operator
        self._clock = clock
        self._policy_by_id = policy_by_id
        self._batch_size = batch_size
        self._bounds: dict[str, int] = {}
        self._seen: Seen | None = None
        # Acts before votes: what is of one case goes in the order of acceptance (`store.outbox`). What goes alone comes
        # last, however much of it there is, so that it holds up nothing else.
        self.makers: tuple[tuple[str, Signer, Maker], ...] = (
            ("register_policy", operator, self._policies),
            ("register_panel", operator, self._panels),
            ("register_parties", writer, self._parties),
            ("open", writer, self._openings),
            ("act", writer, self._acts),
            ("vote", writer, self._votes),
            ("poke", writer, self._pokes),
            ("withdraw", writer, self._withdrawals),
            ("withdraw_credit", writer, self._credits),
            ("open", writer, partial(self._openings, alone=True)),
            ("act", writer, partial(self._acts, alone=True)),
            ("vote", writer, partial(self._votes, alone=True)),
        )

    def begin_step(self) -> None:
        """Forgets what was seen of the chain."""
        self._seen = None

    def chain(self) -> Seen:
        if self._seen is None:
            addresses = (self._writer.address, self._operator.address)
            price, latest, *nonces = self._rpc.batch_all(
                [
                    ("eth_gasPrice",),
                    block_call("latest"),
                    *(("eth_getTransactionCount", address, "latest") for address in addresses),
                ]
            )
            self._seen = Seen(
                gas_price=gas_price(int(price, 16), Block.from_json(latest)),
                block_gas=int(latest["gasLimit"], 16),
                nonces={address: int(nonce, 16) for address, nonce in zip(addresses, nonces, strict=True)},
            )
        return self._seen

    # --- one at a time -----------------------------------------------------------------------------------------------

    def _policies(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "register_policy", 1)
        if not rows:
            return None
        data = encode_register_policy(self._policy_by_id(rows[0].subject))
        return _single(self._operator, self._deployment.ledger, data, rows[0])

    def _panels(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "register_panel", 1)
            content = panel_content(session, rows[0].subject) if rows else None
        if not rows:
            return None
        if content is None:
            raise _lost(f"Nothing is kept of the panel {rows[0].subject} that is to be registered.")
        data = encode_register_panel(Panel.from_json(json.loads(content)))
        return _single(self._operator, self._deployment.panel, data, rows[0])

    def _parties(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "register_parties", 1)
            case = case_with_parties(session, rows[0].case_id, rows[0].subject) if rows else None
        if not rows:
            return None
        if case is None:
            raise _lost(f"No case has the parties {rows[0].subject} that are to be registered.")
        parties = Parties(case.merchant, case.carrier, case.warehouse, case.inspector)
        return _single(self._writer, self._deployment.ledger, encode_register_parties(parties), rows[0])

    def _credits(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "withdraw_credit", 1)
        if not rows:
            return None
        account, token, _ = rows[0].subject.split(":")
        return _single(self._writer, self._deployment.escrow, encode_withdraw_credit(account, token), rows[0])

    # --- many at once ------------------------------------------------------------------------------------------------

    def _openings(self, *, alone: bool = False) -> Batch | None:
        with self._database.read() as session:
            found = openings_waiting(session, *self._how_many(alone))
        plan = self._plan([record.signer for _, record, _ in found if record.key_holder == "own"], alone)
        items = [
            Item(row, (_opening(record, case), record.signature), plan.opening(record.signer), _words(record, 22))
            for row, record, case in found
        ]
        # What the contract wants to be left at every item, so that no relayer can have one refused.
        left = self._bound(LEDGER, "OPENING_GAS") if found else 0
        return self._batch(self._deployment.ledger, items, encode_open_batch, extra=left)

    def _acts(self, *, alone: bool = False) -> Batch | None:
        with self._database.read() as session:
            found = acts_waiting(session, *self._how_many(alone))
            panels = panels_of_cases(session, [record.case_id for _, record in found])
            consumers = consumers_now(
                session, [record.case_id for _, record in found if record.role == Role.CONSUMER.wire]
            )
        # The contract asks whoever holds the role by then. A consumer can have bound another account since.
        who = [_accounts(record, consumers) for _, record in found]
        own = [record.signer for _, record in found if record.key_holder == "own"]
        plan = self._plan([*own, *(account for _, *later in who for account in later)], alone)
        items = [
            Item(
                row,
                (act_of(record), record.signature),
                plan.act(record.kind, panels[record.case_id], *accounts),
                5,
            )
            for (row, record), accounts in zip(found, who, strict=True)
        ]
        return self._batch(self._deployment.ledger, items, encode_record_batch)

    def _votes(self, *, alone: bool = False) -> Batch | None:
        with self._database.read() as session:
            found = votes_waiting(session, *self._how_many(alone))
            panels = panels_of_cases(session, [vote.case_id for _, vote in found])
        plan = self._plan([vote.arbitrator for _, vote in found if vote.key_holder == "own"], alone)
        items = [
            Item(
                row,
                (vote_of(vote), vote.arbitrator, vote.signature),
                plan.vote(vote.arbitrator, panels[vote.case_id]),
                _words(vote, 12),
            )
            for row, vote in found
        ]
        return self._batch(self._deployment.panel, items, encode_vote_batch)

    def _pokes(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "poke", self._batch_size)
            panels = panels_of_cases(session, [row.case_id or "" for row in rows])
        plan = self._plan([])
        items = [
            Item(row, from_hex(row.case_id or "0x"), plan.poke(panels.get(row.case_id or "", 0)) + _REFUSAL, 1)
            for row in rows
        ]
        return self._batch(self._deployment.ledger, items, encode_poke_batch)

    def _withdrawals(self) -> Batch | None:
        with self._database.read() as session:
            rows = waiting(session, "withdraw", self._batch_size)
        bound = self._bound(ESCROW, "ITEM_GAS") if rows else 0
        items = [Item(row, from_hex(row.subject), bound + _REFUSAL, 1) for row in rows]
        return self._batch(self._deployment.escrow, items, encode_withdraw_batch, extra=bound // 32)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _batch(
        self, to: str, items: Sequence[Item], encode: Callable[[list[Any]], bytes], *, extra: int = 0
    ) -> Batch | None:
        """The first of the items, as many as there is room for in a block and a transaction; at least one."""
        if not items:
            return None
        room = min(self.chain().block_gas * 9 // 10, _GAS_CAP) - intrinsic_gas(b"") - _RESERVE - extra
        taken = 0
        for item in items:
            room -= item.gas + item.words * _WORD
            if room < 0 and taken:
                break
            taken += 1
        carried = items[:taken]
        return Batch(
            signer=self._writer,
            to=to,
            data=encode([item.value for item in carried]),
            rows=_ids([item.row for item in carried]),
            gas=sum(item.gas for item in carried) + extra + _RESERVE,
        )

    def _how_many(self, alone: bool) -> tuple[int, int | None]:
        """What to ask the outbox for: as many as go together, or one that goes alone by now."""
        return (1, self._clock.seconds()) if alone else (self._batch_size, None)

    def _plan(self, own: list[str], alone: bool = False) -> GasPlan:
        """`own` are the accounts that sign with keys of their own, any of which can be a contract. What goes alone was
        undone as it was planned: it gets the gas for a wallet without asking."""
        asked = [] if alone else sorted(set(own))
        codes = self._rpc.batch_all([("eth_getCode", account, "latest") for account in asked]) if asked else []
        with self._database.read() as session:
            panels = panels_by_version(session)
        wallets = frozenset(account for account, code in zip(asked, codes, strict=True) if code not in ("0x", "0x0"))
        return GasPlan(panels, None if alone else wallets)

    def _bound(self, contract: str, name: str) -> int:
        """Gas that a contract lets one item use."""
        if name not in self._bounds:
            view = function(contract, name)
            address = self._deployment.contracts[contract].address
            (self._bounds[name],) = view.decode(self._rpc.read(address, view.encode()))
        return self._bounds[name]


def _single(signer: Signer, to: str, data: bytes, row: OutboxRow) -> Batch:
    return Batch(signer, to, data, _ids([row]), _SINGLE_GAS)


def _ids(rows: Sequence[OutboxRow]) -> list[int]:
    return [row.id for row in rows if row.id is not None]


def _accounts(record: RecordRow, consumers: dict[str, str]) -> list[str]:
    """Who signed an act, and who else holds the role now."""
    now = consumers.get(record.case_id, record.signer) if record.role == Role.CONSUMER.wire else record.signer
    return [record.signer] if now == record.signer else [record.signer, now]


def _words(signed: RecordRow | VoteRow, plainly: int) -> int:
    return plainly + len(signed.signature) // 32


def _opening(record: RecordRow, case: CaseRow) -> Opening:
    return Opening(Terms.from_json(json.loads(case.terms)), from_hex(record.commitment), record.valid_until)


def _lost(what: str) -> IntegrityFailure:
    return IntegrityFailure(what, remedy="Restore the database from a backup.")
