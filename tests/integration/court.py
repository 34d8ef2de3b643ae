"""An installation with a shop, three panels and consumers, through the services alone: lives of disputed cases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asking import account_of
from eth_account.messages import encode_typed_data
from sqlalchemy import text

from ledger_service.chain.faucet import pay_in
from ledger_service.config import Settings
from ledger_service.domain.hashing import keccak
from ledger_service.domain.panels import Panel
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services.accounts import create_account
from ledger_service.services.acting import act_by_link, state_milestone
from ledger_service.services.app import App, make_app
from ledger_service.services.inputs import CaseInput, MilestoneInput, SignedActInput, VoteInput
from ledger_service.services.links import ACTING, LinkClaims
from ledger_service.services.opening import open_case
from ledger_service.services.panels import register_panel, version_registered
from ledger_service.services.preparing import prepare_act
from ledger_service.services.voting import cast_vote
from ledger_service.store.database import Database
from ledger_service.store.tables import Account, ChainCase

from .conftest import Ledger, World

FEE = 100
PAID_IN = 1_000_000


class Court:
    """`app` and the people around it. Every step is taken at once; `settle` brings all of it onto the chain."""

    def __init__(self, world: World, database: Database) -> None:
        self.world, self.database = world, database
        settings = Settings(data=world.data, chain=world.chain.name)
        self.app: App = make_app(settings, world.deployment, world.clock, self.database)
        self.ledger = Ledger(world, self.database)
        made = create_account(self.app, "merchant", "Court shop")
        self.shop = account_of(self.app, made["api_key"])
        pay_in(world.chain.url, world.deployment, world.deployment.tokens["EUR"], made["address"], PAID_IN)
        self.judges = [self._arbitrator(f"Judge {number}") for number in range(3)]
        self.deputies = [self._arbitrator(f"Deputy {number}") for number in range(3)]
        self.elders = [self._arbitrator(f"Elder {number}") for number in range(5)]
        self.appeal = self._panel(self.elders, 5)
        self.fallback = self._panel(self.deputies, 3)
        self.panel = self._panel(self.judges, 3, appeal=self.appeal, fallback=self.fallback)
        self.ledger.run_until(lambda: self.read("SELECT minor FROM chain_balances"))

    def _arbitrator(self, name: str) -> Account:
        return account_of(self.app, create_account(self.app, "arbitrator", name)["api_key"])

    def _panel(self, seats: list[Account], threshold: int, *, appeal: int = 0, fallback: int = 0) -> int:
        asked = register_panel(self.app, Panel(tuple(one.address for one in seats), threshold, appeal, fallback, FEE))
        self.ledger.run_until(lambda: version_registered(self.app, asked))
        return version_registered(self.app, asked) or 0

    def close(self) -> None:
        self.ledger.close()

    def read(self, query: str) -> Any:
        with self.database.read() as session:
            return session.execute(text(query)).first()

    # --- people ------------------------------------------------------------------------------------------------------

    def open(self, reference: str, escrow: str = "refund") -> str:
        request = {
            "reference": reference,
            "consumer": {"name": "Ana", "email": "ana@customers.example", "country": "DE", "language": "de"},
            "items": [{"sku": "1", "description": "Lamp", "quantity": 1, "unit_price": "20.00"}],
            "refund": {"amount": "20.00", "currency": "EUR"},
            "policy": "eu-14",
            "escrow": escrow,
            "panel": self.panel,
        }
        return str(open_case(self.app, self.shop, CaseInput.model_validate(request))["case_id"])

    def inspected(self, reference: str, share: int, escrow: str = "refund") -> str:
        case_id = self.open(reference, escrow)
        inspection = {"grade": "used", "share": share, "fee": 0}
        for kind, data in (("authorised", {}), ("picked_up", {}), ("received", {}), ("inspected", inspection)):
            self.shop_says(case_id, kind, **data)
        return case_id

    def disputed(self, reference: str, share: int = 8_000, escrow: str = "refund") -> str:
        case_id = self.inspected(reference, share, escrow)
        self.consumer_says(case_id, "disputed", share=10_000, reason="It was never switched on.")
        self.settle()
        return case_id

    def shop_says(self, case_id: str, kind: str, **data: Any) -> str:
        stated = state_milestone(self.app, self.shop, case_id, MilestoneInput(kind=kind, data=data))
        return str(stated["record_id"])

    def consumer_says(self, case_id: str, kind: str, **data: Any) -> str:
        stated = act_by_link(self.app, self._link(case_id), SignedActInput(kind=kind, data=data))
        return str(stated["record_id"])

    def consumer_binds(self, case_id: str) -> LocalSigner:
        """A key of the consumer's own, which signs the message that binds it."""
        own, link = LocalSigner(new_key()), self._link(case_id)
        asked = SignedActInput(kind="key_bound", data={"key": own.address})
        prepared = prepare_act(self.app, link, asked)
        shown = own.sign(_digest(prepared))
        answer = asked.model_copy(update={"record_id": prepared["record_id"], "key_signature": "0x" + shown.hex()})
        act_by_link(self.app, link, answer)
        return own

    def consumer_signs(self, case_id: str, own: LocalSigner, kind: str, **data: Any) -> str:
        link, asked = self._link(case_id), SignedActInput(kind=kind, data=data)
        prepared = prepare_act(self.app, link, asked)
        signature = own.sign(_digest(prepared))
        signed = {"record_id": prepared["record_id"], "signer": own.address, "signature": "0x" + signature.hex()}
        return str(act_by_link(self.app, link, asked.model_copy(update=signed))["record_id"])

    def vote(self, case_id: str, seats: list[Account], *shares: int) -> list[str]:
        cast = []
        for arbitrator, share in zip(seats, shares, strict=False):
            request = VoteInput(share=share, reason="The seal was whole.")
            cast.append(str(cast_vote(self.app, arbitrator, case_id, request)["vote_id"]))
            self.settle()
        return cast

    def _link(self, case_id: str) -> LinkClaims:
        return LinkClaims(case_id, "test", ACTING, self.app.clock.seconds() + 3_600)

    # --- time --------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        self.ledger.run_until(self.ledger.book.settled, seconds=120)

    def lapse(self, case_id: str) -> None:
        """Lets what is due next pass, and the workers poke."""
        self.settle()
        before = self.case(case_id)
        self.world.chain.advance(before.due - self.app.clock.seconds() + 2)
        self.ledger.run_until(lambda: self.case(case_id).length > before.length, seconds=120)
        self.settle()

    def case(self, case_id: str) -> ChainCase:
        with self.database.read() as session:
            return session.get_one(ChainCase, case_id)


def _digest(prepared: dict[str, Any]) -> bytes:
    """What a wallet signs, of the typed data alone."""
    signable = encode_typed_data(full_message=prepared["typed_data"])
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


@contextmanager
def opened_court(world: World, database: Database) -> Iterator[Court]:
    court = Court(world, database)
    try:
        yield court
    finally:
        court.close()
