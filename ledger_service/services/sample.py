"""Sample returns: real credit notes carried through different lives, over weeks that a local chain travels through.

Every step is done once: a run that was killed goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any

from ..domain.money import to_decimal
from ..domain.online_retail import CreditNote, read_credit_notes
from ..domain.vocabulary import Stage
from ..errors import LedgerError
from ..store.cases import case_by_source
from ..store.keys import account_by_name
from ..store.stages import staged_records
from ..store.tables import Account, CaseRow
from .accounts import create_account
from .acting import act_by_link, state_milestone
from .app import App
from .inputs import ActInput, CaseInput, MilestoneInput
from .links import ACTING, LinkClaims, issue_link, last_window_ends
from .opening import open_case

DAYS = 40  # that the sample lives through, up to the present
SHOP, CARRIER, WAREHOUSE, INSPECTOR = "Sample Shop", "Sample Express", "Sample Warehouse", "Sample Inspection"
_ROLES = {SHOP: "merchant", CARRIER: "carrier", WAREHOUSE: "warehouse", INSPECTOR: "inspector"}
_CONSUMER = "consumer"
FUNDS_MINOR = 1_000_000  # what the sample shop pays into the escrow, in pence


@dataclass(frozen=True, slots=True)
class Step:
    """`day` counts from the sample's first; `actor` is one of the names above, or the consumer."""

    day: int
    kind: str
    actor: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Life:
    """`note` is the credit note it is about; `language` the consumer's."""

    title: str
    note: str
    escrow: str
    language: str
    steps: tuple[Step, ...]

    @property
    def source(self) -> str:
        return f"sample:{self.note}"


def _step(day: int, kind: str, actor: str, **data: Any) -> Step:
    return Step(day, kind, actor, data)


def _returned(day: int, *, inspected: Step | None = None) -> tuple[Step, ...]:
    """A return that goes its way: authorised, on the road, at the warehouse, inspected."""
    way = (
        _step(day, "requested", SHOP),
        _step(day + 1, "authorised", SHOP),
        _step(day + 3, "picked_up", CARRIER, location="Manchester"),
        _step(day + 6, "received", WAREHOUSE),
    )
    return (*way, inspected) if inspected else way


LIVES = (
    Life(
        "paid after inspection",
        "C536391",
        "refund",
        "en",
        (
            *_returned(20, inspected=_step(27, "inspected", INSPECTOR, grade="as_new", share=10_000)),
            _step(28, "accepted", _CONSUMER),
        ),
    ),
    Life(
        "partly refunded: the goods were used",
        "C536506",
        "refund",
        "de",
        (
            *_returned(18, inspected=_step(25, "inspected", INSPECTOR, grade="used", share=7_000)),
            _step(27, "accepted", _CONSUMER),
        ),
    ),
    Life(
        "paid because the merchant stayed silent",
        "C536543",
        "refund",
        "en",
        (
            _step(8, "requested", SHOP),
            _step(13, "picked_up", CARRIER, location="Leeds"),
            _step(17, "received", WAREHOUSE),
        ),
    ),
    Life(
        "refunded by the payment provider, under a bond",
        "C536548",
        "bond",
        "de",
        (
            *_returned(4, inspected=_step(11, "inspected", INSPECTOR, grade="opened", share=10_000)),
            _step(12, "accepted", _CONSUMER),
            _step(14, "refunded", SHOP, reference="re_1Pgc72B7WZ01zgkWqPvrRrPE"),
        ),
    ),
    Life(
        "cancelled by the consumer",
        "C536606",
        "refund",
        "en",
        (_step(30, "requested", SHOP), _step(31, "cancelled", _CONSUMER)),
    ),
    Life(
        "declined by the merchant",
        "C536622",
        "refund",
        "en",
        (_step(35, "requested", SHOP), _step(36, "declined", SHOP, note="Returned after the policy's period.")),
    ),
    Life(
        "inspected, waiting for the consumer",
        "C536625",
        "refund",
        "zh-CN",
        _returned(31, inspected=_step(38, "inspected", INSPECTOR, grade="opened", share=10_000)),
    ),
    Life("waiting for the warehouse", "C536642", "refund", "en", _returned(35)[:3]),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """`travel_to(day)` brings chain and clock to a day of the sample; `settle()` waits until the pipeline is idle."""

    app: App
    travel_to: Callable[[int], None]
    settle: Callable[[], None]

    def accounts(self) -> dict[str, Account]:
        for name, role in _ROLES.items():
            with self.app.database.read() as session:
                known = account_by_name(session, name, role)
            if known is None:
                create_account(self.app, role, name)
        with self.app.database.read() as session:
            found = {name: account_by_name(session, name, role) for name, role in _ROLES.items()}
        return {name: account for name, account in found.items() if account is not None}

    def play(self, progress: Callable[[str], None]) -> None:
        """Carries every life as far as it goes, in the order of days, and ends at the present."""
        accounts, notes = self.accounts(), sample_notes()
        for step, life in _schedule():
            if self._is_done(life, step):
                continue
            self.travel_to(step.day)
            self.settle()
            progress(f"day {step.day} of {DAYS}: {life.note} {step.kind}")
            self._do(accounts, notes, life, step)
            self.settle()
        self.travel_to(DAYS)
        self.settle()

    def links(self) -> Iterator[tuple[Life, str]]:
        """A fresh link to each life's case, as its consumer has it."""
        for life in LIVES:
            with self.app.database.write() as session:
                case = case_by_source(session, life.source)
                if case is not None:
                    url, _ = issue_link(self.app, session, case, ACTING, last_window_ends(self.app, case))
                    yield life, url

    def _case(self, life: Life) -> CaseRow | None:
        with self.app.database.read() as session:
            return case_by_source(session, life.source)

    def _is_done(self, life: Life, step: Step) -> bool:
        case = self._case(life)
        if case is None or step.kind == "requested":
            return case is not None
        with self.app.database.read() as session:
            records = staged_records(session, case.case_id, self.app.settings.confirmations_needed)
        return any(r.row.kind == step.kind and r.stage is not Stage.REJECTED for r in records)

    def _do(self, accounts: dict[str, Account], notes: dict[str, CreditNote], life: Life, step: Step) -> None:
        if step.kind == "requested":
            open_case(self.app, accounts[SHOP], _request(notes[life.note], life, accounts), source=life.source)
            return
        case = self._case(life)
        if case is None:
            raise LedgerError(f"The sample case {life.note} was not opened.")
        if step.actor == _CONSUMER:
            claims = LinkClaims(case.case_id, "sample", ACTING, 0)
            act_by_link(self.app, claims, ActInput(kind=step.kind, data=step.data))
        else:
            state_milestone(
                self.app, accounts[step.actor], case.case_id, MilestoneInput(kind=step.kind, data=step.data)
            )


def sample_file() -> bytes:
    """The credit notes that ship with the service (D. Chen, Online Retail, UCI, CC BY 4.0)."""
    return (files("ledger_service") / "sample_data" / "online_retail_credit_notes.csv").read_bytes()


def sample_notes() -> dict[str, CreditNote]:
    return {note.number: note for note in read_credit_notes(sample_file()).notes}


def span() -> timedelta:
    return timedelta(days=DAYS)


def _schedule() -> list[tuple[Step, Life]]:
    steps = [(step, life) for life in LIVES for step in life.steps]
    return sorted(steps, key=lambda pair: pair[0].day)


def _request(note: CreditNote, life: Life, accounts: dict[str, Account]) -> CaseInput:
    return CaseInput.model_validate(
        {
            "reference": note.number,
            "consumer": {
                "customer_number": note.customer,
                "email": f"customer-{note.customer}@customers.example",
                "country": note.country,
                "language": life.language,
            },
            "items": [
                {
                    "sku": line.sku,
                    "description": line.description,
                    "quantity": line.quantity,
                    "unit_price": to_decimal(line.unit_price, "GBP"),
                }
                for line in note.lines
            ],
            "refund": {"amount": to_decimal(note.total, "GBP"), "currency": "GBP"},
            "policy": note.policy,
            "escrow": life.escrow,
            "shipment": {"carrier": CARRIER, "tracking_code": f"SE{note.number[1:]}"},
            "carrier": accounts[CARRIER].address,
            "warehouse": accounts[WAREHOUSE].address,
            "inspector": accounts[INSPECTOR].address,
        }
    )
