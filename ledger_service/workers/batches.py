"""What a transaction of ours carries: as much of what waits in the outbox as a chain takes at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..chain.abi import ESCROW, LEDGER, function
from ..chain.anchors import encode_anchor
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
from ..chain.rpc import Rpc
from ..chain.transactions import intrinsic_gas
from ..clock import Clock
from ..domain.hashing import from_hex
from ..domain.messages import Opening, Parties, Terms
from ..domain.panels import Panel
from ..domain.vocabulary import Kind, Role
from ..errors import IntegrityFailure
from ..services.projection import act_of, vote_of
from ..store.chain_facts import panels_by_version
from ..store.database import Database
from ..store.observation_log import ANCHOR, checkpoint_of
from ..store.outbox import (
    Share,
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

    to: str
    data: bytes
    rows: list[int]
    gas: int


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a batch call. `row` is the outbox's, `value` what its encoder takes, `gas` the most that it may use,
    `words` its calldata."""

    row: int
    value: Any
    gas: int
    words: int


Maker = Callable[[int], list[Batch]]


class Batches:
    """Makes transactions of the outbox's rows, for one account: what an operator's takes, or a writer's share."""

    def __init__(
        self,
        database: Database,
        rpc: Rpc,
        deployment: Deployment,
        *,
        clock: Clock,
        policy_by_id: PolicyById,
        batch_size: int,
        share: Share | None,
    ) -> None:
        self._database = database
        self._rpc = rpc
        self._deployment = deployment
        self._clock = clock
        self._policy_by_id = policy_by_id
        self._batch_size = batch_size
        self._share = share
        self._bounds: dict[str, int] = {}
        self._room = 0
        # Acts before votes: what is of one case goes in the order of acceptance (`store.outbox`). What goes alone comes
        # last, however much of it there is, so that it holds up nothing else.
        self.makers: tuple[tuple[str, Maker], ...] = (
            (
                ("register_parties", self._parties),
                ("open", self._openings),
                ("act", self._acts),
                ("vote", self._votes),
                ("poke", self._pokes),
                ("withdraw", self._withdrawals),
                ("withdraw_credit", self._credits),
                (ANCHOR, self._anchors),
                ("open", partial(self._openings, alone=True)),
                ("act", partial(self._acts, alone=True)),
                ("vote", partial(self._votes, alone=True)),
            )
            if share is not None
            else (("register_policy", self._policies), ("register_panel", self._panels))
        )

    def make(self, actions: set[str], most: int, block_gas: int) -> Iterator[list[Batch]]:
        """Transactions of what waits, at most so many; what was handed over is to be kept before the next is asked for.
        Of one action they are handed over together, in the order in which they have to be mined."""
        self._room = min(block_gas * 9 // 10, _GAS_CAP) - intrinsic_gas(b"") - _RESERVE
        for action, maker in self.makers:
            if action in actions and most > 0:
                made = maker(most)
                most -= len(made)
                if made:
                    yield made

    # --- one at a time -----------------------------------------------------------------------------------------------

    def _policies(self, most: int) -> list[Batch]:
        with self._database.read() as session:
            rows = waiting(session, "register_policy", most, self._clock.seconds())
        ledger = self._deployment.ledger
        return [_single(ledger, encode_register_policy(self._policy_by_id(row.subject)), row) for row in rows]

    def _panels(self, most: int) -> list[Batch]:
        made = []
        with self._database.read() as session:
            for row in waiting(session, "register_panel", most, self._clock.seconds()):
                content = panel_content(session, row.subject)
                if content is None:
                    raise _lost(f"Nothing is kept of the panel {row.subject} that is to be registered.")
                data = encode_register_panel(Panel.from_json(json.loads(content)))
                made.append(_single(self._deployment.panel, data, row))
        return made

    def _parties(self, most: int) -> list[Batch]:
        made = []
        with self._database.read() as session:
            for row in waiting(session, "register_parties", most, self._clock.seconds(), self._share):
                case = case_with_parties(session, row.case_id, row.subject)
                if case is None:
                    raise _lost(f"No case has the parties {row.subject} that are to be registered.")
                parties = Parties(case.merchant, case.carrier, case.warehouse, case.inspector)
                made.append(_single(self._deployment.ledger, encode_register_parties(parties), row))
        return made

    def _credits(self, most: int) -> list[Batch]:
        with self._database.read() as session:
            rows = waiting(session, "withdraw_credit", most, self._clock.seconds(), self._share)
        made = []
        for row in rows:
            account, token, _ = row.subject.split(":")
            made.append(_single(self._deployment.escrow, encode_withdraw_credit(account, token), row))
        return made

    def _anchors(self, most: int) -> list[Batch]:
        """Of the first writer alone, which has the cases that are none: it is whom the contract takes them from."""
        made = []
        with self._database.read() as session:
            for row in waiting(session, ANCHOR, most, self._clock.seconds(), self._share):
                checkpoint = checkpoint_of(session, int(row.subject))
                if checkpoint is None:
                    raise _lost(f"Nothing is kept of the checkpoint {row.subject} that is to be anchored.")
                data = encode_anchor(checkpoint.size, from_hex(checkpoint.root))
                made.append(_single(self._deployment.anchor, data, row))
        return made

    # --- many at once ------------------------------------------------------------------------------------------------

    def _openings(self, most: int, *, alone: bool = False) -> list[Batch]:
        with self._database.read() as session:
            found = openings_waiting(session, *self._how_many(most, alone))
        plan = self._plan([record.signer for _, record, _ in found if record.key_holder == "own"], alone)
        items = [
            Item(
                row.id or 0, (_opening(record, case), record.signature), plan.opening(record.signer), _words(record, 22)
            )
            for row, record, case in found
        ]
        # What the contract wants to be left at every item, so that no relayer can have one refused.
        left = self._bound(LEDGER, "OPENING_GAS") if found else 0
        return self._batch(self._deployment.ledger, items, encode_open_batch, most, extra=left, alone=alone)

    def _acts(self, most: int, *, alone: bool = False) -> list[Batch]:
        with self._database.read() as session:
            found = acts_waiting(session, *self._how_many(most, alone))
            panels = panels_of_cases(session, [act.case_id for act in found if act.kind == Kind.SPLIT.wire])
            consumers = consumers_now(session, [act.case_id for act in found if act.role == Role.CONSUMER.wire])
        # The contract asks whoever holds the role by then. A consumer can have bound another account since.
        who = [_accounts(act, consumers) for act in found]
        own = [act.signer for act in found if act.key_holder == "own"]
        plan = self._plan([*own, *(account for _, *later in who for account in later)], alone)
        items = [
            Item(act.row, (act_of(act), act.signature), plan.act(act.kind, panels.get(act.case_id, 0), *accounts), 5)
            for act, accounts in zip(found, who, strict=True)
        ]
        return self._batch(self._deployment.ledger, items, encode_record_batch, most, alone=alone)

    def _votes(self, most: int, *, alone: bool = False) -> list[Batch]:
        with self._database.read() as session:
            found = votes_waiting(session, *self._how_many(most, alone))
            panels = panels_of_cases(session, [vote.case_id for _, vote in found])
        plan = self._plan([vote.arbitrator for _, vote in found if vote.key_holder == "own"], alone)
        items = [
            Item(
                row.id or 0,
                (vote_of(vote), vote.arbitrator, vote.signature),
                plan.vote(vote.arbitrator, panels[vote.case_id]),
                _words(vote, 12),
            )
            for row, vote in found
        ]
        return self._batch(self._deployment.panel, items, encode_vote_batch, most, alone=alone)

    def _pokes(self, most: int) -> list[Batch]:
        with self._database.read() as session:
            rows = waiting(session, "poke", most * self._batch_size, self._clock.seconds(), self._share)
            panels = panels_of_cases(session, [row.case_id or "" for row in rows])
        plan = self._plan([])
        items = [
            Item(row.id or 0, from_hex(row.case_id or "0x"), plan.poke(panels.get(row.case_id or "", 0)) + _REFUSAL, 1)
            for row in rows
        ]
        return self._batch(self._deployment.ledger, items, encode_poke_batch, most)

    def _withdrawals(self, most: int) -> list[Batch]:
        with self._database.read() as session:
            rows = waiting(session, "withdraw", most * self._batch_size, self._clock.seconds(), self._share)
        bound = self._bound(ESCROW, "ITEM_GAS") if rows else 0
        items = [Item(row.id or 0, from_hex(row.subject), bound + _REFUSAL, 1) for row in rows]
        return self._batch(self._deployment.escrow, items, encode_withdraw_batch, most, extra=bound // 32)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _batch(
        self,
        to: str,
        items: Sequence[Item],
        encode: Callable[[list[Any]], bytes],
        most: int,
        *,
        extra: int = 0,
        alone: bool = False,
    ) -> list[Batch]:
        """The items in order, as many in each as a transaction and a block have room for, at least one."""
        made: list[Batch] = []
        left = list(items)
        while left and len(made) < most:
            taken = 1 if alone else self._taken(left, self._room - extra)
            carried, left = left[:taken], left[taken:]
            made.append(
                Batch(
                    to=to,
                    data=encode([item.value for item in carried]),
                    rows=[item.row for item in carried],
                    gas=sum(item.gas for item in carried) + extra + _RESERVE,
                )
            )
        return made

    def _taken(self, items: Sequence[Item], room: int) -> int:
        """How many of the first go together."""
        taken = 0
        for item in items[: self._batch_size]:
            room -= item.gas + item.words * _WORD
            if room < 0 and taken:
                break
            taken += 1
        return taken

    def _how_many(self, most: int, alone: bool) -> tuple[int, Share | None, int | None]:
        """What to ask the outbox for: as many as go together, or those that go alone by now."""
        return (most, self._share, self._clock.seconds()) if alone else (most * self._batch_size, self._share, None)

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


def _single(to: str, data: bytes, row: OutboxRow) -> Batch:
    return Batch(to, data, [row.id or 0], _SINGLE_GAS)


def _accounts(record: Any, consumers: dict[str, str]) -> list[str]:
    """Who signed an act, and who else holds the role now."""
    now = consumers.get(record.case_id, record.signer) if record.role == Role.CONSUMER.wire else record.signer
    return [record.signer] if now == record.signer else [record.signer, now]


def _words(signed: RecordRow | VoteRow, plainly: int) -> int:
    return plainly + len(signed.signature) // 32


def _opening(record: RecordRow, case: CaseRow) -> Opening:
    return Opening(Terms.from_json(json.loads(case.terms)), from_hex(record.commitment), record.valid_until)


def _lost(what: str) -> IntegrityFailure:
    return IntegrityFailure(what, remedy="Restore the database from a backup.")
