"""A search over all orders of acts and pokes: the most that one side of a case can lose to the other.

One side attacks, the other defends itself. In each state that a case enters, the attacker moves first, as often as it
likes to hurry the case on; then the defender has its turn, since no window is shorter than an hour; then the attacker
again, in the very last second; then the panel rules or `poke` does what is due. Left out is what changes nothing, what
repeats itself, a third act in the same turn, and what needs the word of both, splits and exchanges: nobody loses by an
agreement that it can leave alone. All of that is searched where the attacker has both keys.

Amounts are basis points of the refund: the lock holds 10,000 of them, the freight beside it, and the reserve.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from ledger_service.domain.case_state import decide
from ledger_service.domain.disputes import APPEAL, CHALLENGE, most_share, panel_of, round_of, rule
from ledger_service.domain.disputes import FIRST as FIRST_ROUND
from ledger_service.domain.machine import CaseState, Notice, PanelTerms, apply_act, open_case, poke, possible_acts
from ledger_service.domain.messages import Act
from ledger_service.domain.payout import split_lock
from ledger_service.domain.policies import Policy
from ledger_service.domain.vocabulary import FULL_SHARE, Flag, Freight, Grade, Kind, Mark, Mode, Role, State
from ledger_service.errors import LedgerError

from .lives import FAR, OWN_KEY, POLICY, TERMS_KEY

REFUND, FREIGHT = FULL_SHARE, 700
FEE, FIRST, ON_APPEAL = 10, 3, 5  # of a vote, and the votes of a round
THIEFS_KEY = "0x" + "33" * 20
PROPOSALS = (
    (Grade.AS_NEW, FULL_SHARE, 0),
    (Grade.AS_NEW, FULL_SHARE, 1_500),
    (Grade.USED, 5_000, 1_500),
    (Grade.DAMAGED, 0, 0),
)
_MERCHANTS = (Role.MERCHANT, Role.CARRIER, Role.WAREHOUSE)
_IDLE = frozenset({Kind.EVIDENCE, Kind.EXCHANGE_SHIPPED, Kind.ERASED})
_AGREED = frozenset({Kind.SPLIT, Kind.EXCHANGE_AGREED, Kind.KEY_BOUND})
_NO_NONCES = (0,) * len(Role)
_ATTACKER, _DEFENDER = "attacker", "defender"
_TURNS = (_ATTACKER, _ATTACKER, _DEFENDER, _DEFENDER, _ATTACKER)
_NEXT_SIDE = (2, 2, 4, 4, 5)  # where it goes on when the side that has the turn says no more
_LATE = 4  # the last second, and just before the last vote that a panel needs


@dataclass(frozen=True)
class Setting:
    """Who attacks whom, with what. `due` is what the consumer has a right to, in basis points of the refund."""

    attacker: Role = Role.MERCHANT
    due: int = FULL_SHARE
    mode: Mode = Mode.REFUND
    freight: Freight = Freight.CONSUMER
    held: bool = True
    independent: bool = False
    panel: str = "honest"  # "silent", "none", "fallback": the first is silent; "wrong": until it is appealed
    attacks: bool = True  # else the attacker stays silent in every state
    defends: bool = True  # else the other side does
    stolen: bool = False  # the attacker has the consumer's key as well, which the service holds
    begins: str = "requested"  # or "exchanging", which both agreed to, or "refunded" by the merchant in full

    @cached_property
    def policy(self) -> Policy:
        return replace(POLICY, freight=self.freight)

    @property
    def locked_freight(self) -> int:
        return 0 if self.freight is Freight.SUPPLIED else FREIGHT

    @property
    def freight_due(self) -> int:
        return self.locked_freight if self.freight is Freight.REIMBURSED and self.due else 0

    @property
    def reserve(self) -> int:
        rounds = 2 if self.mode is Mode.BOND else 1
        return 0 if self.panel == "none" else FEE * (rounds * FIRST + ON_APPEAL)


@dataclass(frozen=True)
class Node:
    """A case at time 0, or in its last second; `paid` is what a provider paid beside the lock."""

    case: CaseState
    turn: int = 0
    paid: int = 0
    fees: int = 0
    fees_on_appeal: int = 0


class Search:
    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.known: dict[Node, int] = {}

    def most_lost(self) -> int:
        """Basis points that the defender loses when both play as well as they can."""
        paid = REFUND + self.setting.freight_due if self.setting.begins == "refunded" else 0
        return self.value(Node(self.opened(), paid=paid if self.setting.attacker is Role.CONSUMER else 0))

    def opened(self) -> CaseState:
        setting = self.setting
        panel = PanelTerms() if setting.panel == "none" else PanelTerms(version=1, appeal=2, fallback=3)
        case = open_case(
            setting.mode,
            setting.policy,
            consumer_key_held=setting.held,
            inspector_independent=setting.independent,
            now=0,
            consumer=TERMS_KEY,
            panel=panel,
        )
        if setting.begins != "requested":
            state = State.from_wire(setting.begins)
            case = replace(case, state=state, deadline=setting.policy.windows[state])
        if setting.begins == "refunded":
            case = decide(replace(case, grade=Grade.AS_NEW), setting.policy, FULL_SHARE, 0)
        return at_zero(case, 0)

    def value(self, node: Node) -> int:
        found = self.known.get(node)
        if found is None:
            found = self.known[node] = self._value(node)
        return found

    def _value(self, node: Node) -> int:
        case, turn = node.case, node.turn
        votes = self._votes(case)
        if turn == len(_TURNS) or (votes and turn == _LATE and case.has(Flag.CHALLENGED)):
            return self._after_ruling(node) if votes else self._after_poke(node)
        mover = _TURNS[turn]
        values = [self.value(replace(node, turn=_NEXT_SIDE[turn]))]  # nothing said
        values += [self._after(node, act, mover) for act in self._acts(node, mover)]
        return max(values) if mover == _ATTACKER else min(values)

    def _votes(self, case: CaseState) -> bool:
        """Whether the panel of this round reaches its quorum."""
        kind = self.setting.panel
        if case.state is not State.DISPUTED or not panel_of(case) or kind in ("silent", "none"):
            return False
        return kind != "fallback" or round_of(case) not in (FIRST_ROUND, CHALLENGE)

    # --- moves -------------------------------------------------------------------------------------------------------

    def _acts(self, node: Node, mover: str) -> Iterator[Act]:
        case = node.case
        for role in self._roles(mover, case):
            for kind in possible_acts(case, role):
                if kind not in _IDLE and (self.setting.stolen or kind not in _AGREED):
                    for grade, share, fee in self._signed(mover, role, kind, case):
                        yield self._act(mover, case, kind, role, grade, share, fee)

    def _roles(self, mover: str, case: CaseState) -> tuple[Role, ...]:
        setting, attacks = self.setting, mover == _ATTACKER
        if not (setting.attacks if attacks else setting.defends):
            return ()
        if (setting.attacker is Role.MERCHANT) is not attacks:  # the consumer's side
            helped = (Role.INSPECTOR,) if setting.independent and setting.attacker is Role.MERCHANT else ()
            return helped if case.consumer == THIEFS_KEY else (Role.CONSUMER, *helped)
        own = () if setting.independent and setting.attacker is Role.MERCHANT else (Role.INSPECTOR,)
        thief = (Role.CONSUMER,) if setting.stolen and case.consumer != OWN_KEY else ()
        return (*_MERCHANTS, *own, *thief)

    def _signed(self, mover: str, role: Role, kind: Kind, case: CaseState) -> Iterator[tuple[Grade, int, int]]:
        if kind is Kind.INSPECTED:
            truth = (Grade.AS_NEW, FULL_SHARE, 0) if self.setting.due else (Grade.DAMAGED, 0, 0)
            yield from (truth,) if self.setting.independent else PROPOSALS
            return
        shares = {
            Kind.DISPUTED: (0, FULL_SHARE, *((1, case.owed) if case.has(Flag.CHALLENGED) else ())),
            Kind.APPEALED: (FULL_SHARE if role is Role.CONSUMER else 0,),
            Kind.CHALLENGED: (1, case.owed),
            Kind.SPLIT: (0, FULL_SHARE),
        }
        claimed = case.consumer_claim if role is Role.CONSUMER else case.merchant_claim
        said = {Kind.DISPUTED: claimed if case.state is State.DISPUTED else None, Kind.SPLIT: case.share}.get(kind)
        for share in dict.fromkeys(shares.get(kind, (0,))):
            if share != said or kind not in shares:
                yield Grade.NONE, share, 0

    def _act(self, mover: str, case: CaseState, kind: Kind, role: Role, grade: Grade, share: int, fee: int) -> Act:
        key = (
            (THIEFS_KEY if mover == _ATTACKER and self.setting.stolen else OWN_KEY) if kind is Kind.KEY_BOUND else None
        )
        more = {"key": key} if key else {}
        return Act(bytes(32), kind, role, case.nonce(role), FAR, bytes(32), grade, share, fee, **more)

    def _after(self, node: Node, act: Act, mover: str) -> int:
        case, late = node.case, node.turn >= _LATE
        now = case.due if late else 0
        try:
            then = apply_act(case, act, self.setting.policy, now)
        except LedgerError:
            return -1 if mover == _ATTACKER else 10**9  # never chosen
        paid = node.paid
        if act.kind is Kind.REFUNDED and mover == _DEFENDER:  # an attacker says so, and pays nothing
            paid += case.owed + (self.setting.locked_freight if case.has(Flag.FREIGHT_TO_CONSUMER) else 0)
        if then.state is case.state and then.deadline == case.deadline:
            stays = replace(then, length=0, nonces=case.nonces)
            return self.value(replace(node, case=stays, turn=node.turn + 1, paid=paid))
        return self._entered(replace(node, paid=paid), then, now, released=then.state is State.CLOSED)

    # --- what follows ------------------------------------------------------------------------------------------------

    def _after_poke(self, node: Node) -> int:
        case, policy = node.case, self.setting.policy
        now = case.due + 1
        kind, then = poke(case, policy, now)
        by_time = case.state is State.REFUNDED and kind is Kind.SETTLED
        return self._entered(node, then, now, released=by_time or then.state is State.CLOSED)

    def _after_ruling(self, node: Node) -> int:
        case = node.case
        round_ = round_of(case)
        votes = ON_APPEAL if round_ == APPEAL else FIRST
        then = rule(case, self._ruling(node), self.setting.policy, 0)
        earned = {"fees": node.fees + FEE * votes}
        if round_ == APPEAL:
            earned["fees_on_appeal"] = FEE * votes
        return self._entered(replace(node, **earned), then, 0, released=False)

    def _ruling(self, node: Node) -> int:
        case, setting = node.case, self.setting
        most = most_share(case)
        right = min(most, setting.due)
        if case.has(Flag.CHALLENGED):
            right = 0 if node.paid else most
        if setting.panel == "wrong" and round_of(case) != APPEAL:
            return 0 if setting.attacker is Role.MERCHANT else most
        return right

    def _entered(self, node: Node, then: CaseState, now: int, *, released: bool) -> int:
        if then.state.is_live:
            return self.value(replace(node, case=at_zero(then, now), turn=0))
        setting = self.setting
        payout = split_lock(
            refund=REFUND,
            freight=setting.locked_freight,
            reserve=setting.reserve,
            share=0 if released else then.share,
            fee=0 if released else then.fee,
            freight_to_consumer=not released and then.has(Flag.FREIGHT_TO_CONSUMER),
            fees=node.fees,
            fees_from_consumer=node.fees_on_appeal if then.consumer_lost_appeal else 0,
        )
        right = setting.due + setting.freight_due
        if setting.attacker is Role.MERCHANT:
            return max(0, right - payout.to_consumer - node.paid)
        return max(0, payout.to_consumer + payout.to_panel + node.paid - right)


def at_zero(case: CaseState, now: int) -> CaseState:
    """The same case with `now` as its time 0, and without what counts up or has no effect any more."""
    notice = case.notice and Notice(
        case.notice.kind, case.notice.effective_at - now, case.notice.share, case.notice.key
    )
    claimed = case.state in (State.DISPUTED, State.RULED)
    return replace(
        case,
        deadline=case.deadline - now,
        notice=notice,
        length=0,
        nonces=_NO_NONCES,
        grade=Grade.NONE,  # of none that is proposed here anything depends
        offer=case.offer if case.marks & (Mark.OFFER_BY_CONSUMER | Mark.OFFER_BY_MERCHANT) else 0,
        consumer_claim=case.consumer_claim if claimed else 0,
        merchant_claim=case.merchant_claim if claimed else 0,
    )
