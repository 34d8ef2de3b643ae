"""Sample returns: real credit notes carried through different lives, over weeks that a local chain travels through.

Every step is done once: a run that was killed goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from itertools import groupby

from ..domain.money import to_decimal
from ..domain.online_retail import CreditNote, read_credit_notes
from ..domain.vocabulary import Stage
from ..errors import LedgerError
from ..store.cases import case_by_source
from ..store.disputes import votes_of
from ..store.stages import staged_records
from ..store.tables import Account, CaseRow
from .acting import act_by_link, state_milestone
from .app import App
from .inputs import ActInput, CaseInput, MilestoneInput, VoteInput
from .links import ACTING, LinkClaims, issue_link, last_window_ends
from .local_panels import arbitrators
from .opening import open_case
from .sample_accounts import ensure_accounts
from .sample_lives import CARRIER, CONSUMER, DAYS, INSPECTOR, LIVES, ROLES, SHOP, VOTE, WAREHOUSE, Life, Step
from .voting import cast_vote

FUNDS_MINOR = 1_000_000  # what the sample shop pays into the escrow, in pence


@dataclass(frozen=True, slots=True)
class Sample:
    """`travel_to(day)` brings chain and clock to a day of the sample; `settle()` waits until the pipeline is idle."""

    app: App
    travel_to: Callable[[int], None]
    settle: Callable[[], None]

    def accounts(self) -> dict[str, Account]:
        found = arbitrators(self.app)
        for name, role in ROLES.items():
            found |= ensure_accounts(self.app, role, [name])
        return found

    def play(self, progress: Callable[[str], None]) -> None:
        """Carries every life as far as it goes, day by day, and ends at the present."""
        accounts, notes = self.accounts(), sample_notes()
        for day, steps in groupby(_schedule(), key=lambda pair: pair[0].day):
            left = [(step, life) for step, life in steps if not self._is_done(accounts, life, step)]
            if not left:
                continue
            self.travel_to(day)
            self.settle()
            progress(f"day {day} of {DAYS}: " + ", ".join(f"{life.note} {step.kind}" for step, life in left))
            for step, life in left:
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

    def _is_done(self, accounts: dict[str, Account], life: Life, step: Step) -> bool:
        case = self._case(life)
        if case is None or step.kind == "requested":
            return case is not None
        confirmations = self.app.settings.confirmations_needed
        with self.app.database.read() as session:
            if step.kind == VOTE:
                votes = votes_of(session, case.case_id, confirmations)
                return any(v.row.arbitrator == accounts[step.actor].address for v in votes)
            records = staged_records(session, case.case_id, confirmations)
        role = ROLES.get(step.actor, CONSUMER)
        stated = [r.row for r in records if r.row.kind == step.kind and r.stage is not Stage.REJECTED]
        return any((row.role == CONSUMER) == (role == CONSUMER) for row in stated)

    def _do(self, accounts: dict[str, Account], notes: dict[str, CreditNote], life: Life, step: Step) -> None:
        if step.kind == "requested":
            open_case(self.app, accounts[SHOP], _request(notes[life.note], life, accounts), source=life.source)
            return
        case = self._case(life)
        if case is None:
            raise LedgerError(f"The sample case {life.note} was not opened.")
        if step.kind == VOTE:
            cast_vote(self.app, accounts[step.actor], case.case_id, VoteInput.model_validate(step.data))
        elif step.actor == CONSUMER:
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
