"""Cases of the Python machine, made and moved in one line each."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.domain.hashing import ZERO_ADDRESS
from ledger_service.domain.machine import CaseState, PanelTerms, apply_act, open_case, poke
from ledger_service.domain.messages import Act
from ledger_service.domain.policies import Policy
from ledger_service.domain.transitions import SIGNS_SHARE
from ledger_service.domain.vocabulary import Flag, Freight, Grade, Kind, Mode, Role, State

NOW = 1_800_000_000
FAR = 2**40 - 1
NOTICE = 500
LIVE = [state for state in State if state.is_live]
WINDOWS = {state: 1_000 + int(state) for state in LIVE}
SHARES = {Grade.AS_NEW: 10_000, Grade.OPENED: 9_000, Grade.USED: 5_000, Grade.DAMAGED: 0, Grade.DEFECTIVE: 10_000}
POLICY = Policy(
    code="test",
    version=1,
    effective="2026-01-01",
    title="Test",
    windows=WINDOWS,
    notice=NOTICE,
    min_share=SHARES,
    fee_cap=1_500,
    freight=Freight.CONSUMER,
    document={},
)
SUPPLIED = replace(POLICY, freight=Freight.SUPPLIED)
REIMBURSED = replace(POLICY, freight=Freight.REIMBURSED)
TERMS_KEY, OWN_KEY = "0x" + "11" * 20, "0x" + "22" * 20
PANEL = PanelTerms(version=1, appeal=2, fallback=3)
SMALL_PANEL = PanelTerms(version=1)
ROLES = {
    Kind.CANCELLED: Role.CONSUMER,
    Kind.ACCEPTED: Role.CONSUMER,
    Kind.CHALLENGED: Role.CONSUMER,
    Kind.OBJECTED: Role.CONSUMER,
    Kind.KEY_BOUND: Role.CONSUMER,
    Kind.DISPUTED: Role.CONSUMER,
    Kind.PICKED_UP: Role.CARRIER,
    Kind.RECEIVED: Role.WAREHOUSE,
    Kind.INSPECTED: Role.INSPECTOR,
    Kind.EXCHANGE_DELIVERED: Role.CARRIER,
}


def opened(mode: Mode = Mode.REFUND, *, held: bool = False, independent: bool = False, **options) -> CaseState:
    """A case at its opening; without options its consumer has a key of its own."""
    options = {"panel": PANEL, "consumer": TERMS_KEY, **options}
    return open_case(mode, POLICY, consumer_key_held=held, inspector_independent=independent, now=NOW, **options)


def case_in(state: State, mode: Mode = Mode.REFUND, **fields) -> CaseState:
    """A case that entered a state now, with nothing behind it."""
    deadline = NOW + WINDOWS[state] if state.is_live else 0
    fields = {"deadline": deadline, "length": 5, "panel": PANEL, "consumer": TERMS_KEY, **fields}
    return CaseState(state, mode, **fields)


def act(case: CaseState, kind: Kind | str, role: Role | None = None, **changes) -> Act:
    kind = Kind.from_wire(kind) if isinstance(kind, str) else kind
    role = ROLES.get(kind, Role.MERCHANT) if role is None else role
    inspected = kind is Kind.INSPECTED
    fields = {
        "case_id": bytes(32),
        "kind": kind,
        "role": role,
        "nonce": case.nonce(role),
        "valid_until": FAR,
        "commitment": bytes(32),
        "grade": Grade.USED if inspected else Grade.NONE,
        "share": 7_500 if kind in SIGNS_SHARE else 0,
        "fee": 150 if inspected else 0,
        "key": OWN_KEY if kind is Kind.KEY_BOUND else ZERO_ADDRESS,
    }
    return Act(**{**fields, **changes})


def after(
    case: CaseState, kind: Kind | str, role: Role | None = None, *, now: int = NOW, policy: Policy = POLICY, **changes
) -> CaseState:
    """The case after one act."""
    return apply_act(case, act(case, kind, role, **changes), policy, now)


def lapsed(case: CaseState, policy: Policy = POLICY) -> CaseState:
    """The case after whatever is due next."""
    return poke(case, policy, case.due + 1)[1]


def carried(
    *kinds: str, mode: Mode = Mode.REFUND, policy: Policy = POLICY, held=False, independent=False, **inspection
):
    """A case after these acts, from its opening on."""
    case = opened(mode, held=held, independent=independent)
    for kind in kinds:
        case = after(case, kind, policy=policy, **(inspection if kind == "inspected" else {}))
    return case


def flagged(case: CaseState, *flags: Flag) -> CaseState:
    for flag in flags:
        case = case.flagging(flag)
    return case
