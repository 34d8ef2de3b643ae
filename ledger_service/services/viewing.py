"""A case with everything that its answers are made of, read once; and what shares of it come to in money."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from ..domain.case_state import CaseState, decide
from ..domain.money import to_decimal
from ..domain.payout import Payout, split_lock
from ..domain.policies import Policy
from ..domain.vocabulary import Flag, Mode, Role, State
from ..store.cases import chain_case
from ..store.stages import StagedRecord, staged_records
from ..store.tables import CaseRow, ChainCase
from .app import App
from .panels import Panel, panel_named
from .projection import opening_refused, project


@dataclass(frozen=True, slots=True)
class View:
    """`state` is the case after everything accepted; `chain` what the chain has, None before it knows the case."""

    case: CaseRow
    policy: Policy
    records: list[StagedRecord]
    state: CaseState
    chain: ChainCase | None
    panel: Panel | None

    @property
    def is_refused(self) -> bool:
        """Whether the contract refused the opening: there is no such case on the chain."""
        return opening_refused(self.records) is not None

    def money(self, minor: int) -> str:
        return to_decimal(minor, self.case.currency)

    def payout(self, state: CaseState, *, fees: int = 0, fees_from_consumer: int = 0) -> Payout:
        """What the lock would come to by a state's share and fee. In mode none, what the merchant would owe."""
        return split_lock(
            refund=self.case.refund_minor,
            freight=self.case.freight_minor,
            reserve=self.case.reserve_minor,
            share=state.share,
            fee=state.fee,
            freight_to_consumer=state.has(Flag.FREIGHT_TO_CONSUMER),
            fees=fees,
            fees_from_consumer=fees_from_consumer,
        )

    def if_ruled(self, share: int) -> CaseState:
        return decide(self.state, self.policy, share, 0)

    def comes_to(self, share: int) -> int:
        """Minor units that a share decided now would bring the consumer, with the freight, before any fees."""
        return self.payout(self.if_ruled(share)).to_consumer

    def consumer_would_lose(self, share: int) -> bool:
        """Whether an appeal that ends with this share is the consumer's loss."""
        state = self.state
        return share <= state.share if state.appellant is Role.CONSUMER else share < state.share

    @property
    def lost_fees(self) -> int:
        """Minor units of arbitration fees that the consumer bears, having lost an appeal."""
        if not self.state.consumer_lost_appeal or self.panel is None or self.state.mode is Mode.NONE:
            return 0
        return self.panel.on_appeal

    @property
    def expected(self) -> int:
        """Minor units that the consumer gets by what is proposed or decided: with the freight, less fees of theirs."""
        state = self.state
        if state.state in (State.INSPECTED, State.RULED):
            state = decide(state, self.policy, state.share, state.fee)
        fees = self.lost_fees if self.case.reserve_minor else 0
        return self.payout(state, fees=fees, fees_from_consumer=fees).to_consumer


def view_of(app: App, session: Session, case: CaseRow) -> View:
    records = staged_records(session, case.case_id, app.settings.confirmations_needed)
    policy = app.policies.by_id(case.policy_id)
    chain = chain_case(session, case.case_id)
    state = project(session, case, policy, chain.model_dump() if chain else None, records)
    panel = panel_named(session, state.panel.version)
    return View(case, policy, records, state, chain, panel)
