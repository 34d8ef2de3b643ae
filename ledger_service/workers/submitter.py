"""Sends what waits in the outbox: the accounts that send, each with its share of the work.

It records attempts, never success: that is the indexer's. A kill between saving and broadcasting loses nothing, since
what was saved is broadcast at the next start, byte for byte; twice broadcast is once mined.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ..chain.deployments import Deployment
from ..chain.rpc import Rpc
from ..chain.transactions import Signer
from ..clock import Clock
from ..store.database import Database
from ..store.outbox import Share
from .batches import Batches
from .holding import PolicyById
from .sender import PATIENCE, Fence, Sender, unfenced

BATCH_SIZE = 250  # entries of one transaction, where the gas allows


class Submitter:
    """One for a database. The operator sends policies and panels, which the contracts take from it alone; the writers
    share everything else by cases. The first of `writers` take new cases, as many as `active` says; the others, which
    did so once, finish theirs."""

    def __init__(
        self,
        database: Database,
        rpc: Rpc,
        deployment: Deployment,
        *,
        writers: Sequence[Signer],
        operator: Signer,
        clock: Clock,
        policy_by_id: PolicyById,
        active: int | None = None,
        batch_size: int = BATCH_SIZE,
        max_gas_price: int | None = None,
        patience: float = PATIENCE,
        fence: Fence = unfenced,
    ) -> None:
        plan = partial(
            Batches, database, rpc, deployment, clock=clock, policy_by_id=policy_by_id, batch_size=batch_size
        )

        def sender(signer: Signer, share: Share | None) -> Sender:
            return Sender(
                database,
                rpc,
                deployment.chain_id,
                signer,
                plan(share=share),
                clock=clock,
                max_gas_price=max_gas_price,
                patience=patience,
                fence=fence,
            )

        count = len(writers) if active is None else active
        self.operator = sender(operator, None)
        self.writers = [
            sender(signer, Share(signer.address, number if number < count else None, count))
            for number, signer in enumerate(writers)
        ]

    @property
    def in_flight(self) -> int:
        """Transactions that were not known to be mined when the last steps ended."""
        return sum(one.in_flight for one in (self.operator, *self.writers))

    def step(self) -> int:
        """What each account has to send. The workers' loop takes them one by one, each with its own failures."""
        return self.step_operator() + self.step_writer()

    def step_operator(self) -> int:
        return self.operator.step()

    def step_writer(self) -> int:
        return sum(one.step() for one in self.writers)
