"""Cases and acts by the thousand, as the service would have accepted them, without asking it one by one.

Every record is whole: canonical, committed to, signed, with its receipt. Only the checks of requests are left out, and
rows are written many at a time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..domain.hashing import ZERO_ADDRESS, from_hex, hex0x
from ..domain.messages import Act, Opening, Parties, Terms
from ..domain.records import Record, make_record
from ..domain.vocabulary import FULL_SHARE, Grade, Kind, Mode, Role
from ..keystore import LocalSigner
from ..services import accounts
from ..services.accepting import new_record_id, record_row
from ..services.app import App
from ..services.receipts import receipt_claims
from ..store.accepted import insert_many
from ..store.cases import enqueue
from ..store.tables import Account, CaseRow, OutboxRow, RecordRow

POLICY = "eu-14"
MERCHANT = "Bench shop"
STEPS = (Kind.AUTHORISED, Kind.PICKED_UP, Kind.RECEIVED, Kind.INSPECTED)  # of one merchant that is all parties
ROLES = (Role.MERCHANT, Role.CARRIER, Role.WAREHOUSE, Role.INSPECTOR)
_DAY = 86_400

Row = dict[str, Any]
Made = tuple[Row, Row, Row]  # case, record, outbox; an act has no new case


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant that carries, stores and inspects its returns itself."""

    account: Account
    api_key: str
    signer: LocalSigner


def make_shop(app: App) -> Shop:
    made = accounts.create_account(app, "merchant", MERCHANT)
    account = accounts.merchant_named(app, MERCHANT)
    with app.database.read() as session:
        signer = app.keys.signer(session, account.address)
    if not isinstance(signer, LocalSigner):
        raise TypeError("the bench's merchant has a key of the service's")
    return Shop(account, made["api_key"], signer)


class Generator:
    """Writes openings and acts of one shop's cases, which are also their own consumer's; the workers send them."""

    def __init__(self, app: App, shop: Shop) -> None:
        self._app = app
        self._shop = shop
        self._policy = app.policies.by_code(POLICY)
        self._own = shop.account.address
        self._parties = Parties(self._own, self._own, self._own, self._own)
        # What all rows have in common: making an object of each takes longer than signing it.
        self._outbox = OutboxRow(action="act", subject="", created_at=0).model_dump(exclude={"id"})
        self._case = self._common_case()

    def open(self, count: int) -> list[str]:
        """The ids of so many new cases, whose openings wait to be sent."""
        with self._app.database.write() as session:
            enqueue(session, "register_parties", hex0x(self._parties.id()), self._app.clock.seconds())
        made = self.openings(count)
        self.write(made)
        return [record["case_id"] for _, record, _ in made]

    def openings(self, count: int) -> list[Made]:
        """So many openings, not written yet."""
        return [self._opening(number) for number in range(count)]

    @property
    def policy_code(self) -> str:
        return self._policy.code

    def lives(self, case_ids: Sequence[str]) -> list[Made]:
        """Every step of these cases, which were opened: the first of each, then the second; not written yet."""
        return [({}, *self._act(case_id, kind)) for kind in STEPS for case_id in case_ids]

    def write(self, made: Sequence[Made]) -> None:
        """All of it in one unit of work."""
        cases, records, outbox = (list(column) for column in zip(*made, strict=True))
        with self._app.database.write() as session:
            insert_many(session, CaseRow, [case for case in cases if case])
            insert_many(session, RecordRow, records)
            insert_many(session, OutboxRow, outbox)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _opening(self, number: int) -> Made:
        terms = Terms(
            salt=os.urandom(32),
            consumer=self._own,
            consumer_key_held=True,
            parties=self._parties.id(),
            policy=self._policy.id(),
            panel=0,
            mode=Mode.NONE,
        )
        record = self._record(terms.struct_hash(), Kind.REQUESTED, Role.MERCHANT, self._requested(terms, number))
        opening = Opening(terms, record.commitment, self._valid_until())
        act = Act(terms.struct_hash(), Kind.REQUESTED, Role.MERCHANT, 0, opening.valid_until, opening.commitment)
        return self._case_row(terms, number), *self._rows("open", record, act, opening.struct_hash())

    def _requested(self, terms: Terms, number: int) -> Row:
        """What the service itself states of an opening (`services.opening`)."""
        policy = self._policy
        return {
            "reference": f"RMA-{number}",
            "items": [{"sku": "22556", "description": "Table lamp", "quantity": 1, "unit_price": "49.90"}],
            "refund": {"amount": "49.90", "currency": "EUR"},
            "escrow": terms.mode.wire,
            "policy": {"code": policy.code, "version": policy.version, "id": hex0x(policy.id())},
            "parties": asdict(self._parties),
            "consumer": {"country": None, "language": "en"},
            "terms": terms.as_json(),
        }

    def _common_case(self) -> Row:
        case = CaseRow(
            case_id="",
            account_id=self._shop.account.id or 0,
            **asdict(self._parties),
            consumer=self._own,
            reference="",
            policy=self._policy.code,
            policy_id=hex0x(self._policy.id()),
            mode=Mode.NONE.wire,
            currency="EUR",
            refund_minor=49_90,
            freight_minor=0,
            reserve_minor=0,
            token=ZERO_ADDRESS,
            language="en",
            terms="",
            opened_at=self._app.clock.seconds(),
        )
        return case.model_dump()

    def _case_row(self, terms: Terms, number: int) -> Row:
        own = {"case_id": hex0x(terms.struct_hash()), "reference": f"RMA-{number}"}
        return {**self._case, **own, "terms": json.dumps(terms.as_json())}

    def _act(self, case_id: str, kind: Kind) -> tuple[Row, Row]:
        place = STEPS.index(kind)
        role = ROLES[place]
        data = {"grade": "as_new", "share": FULL_SHARE, "fee": 0} if kind is Kind.INSPECTED else {"location": "Leipzig"}
        record = self._record(from_hex(case_id), kind, role, data)
        stated: dict[str, Any] = {"grade": Grade.AS_NEW, "share": FULL_SHARE} if kind is Kind.INSPECTED else {}
        nonce = 1 if role is Role.MERCHANT else 0  # the opening was the merchant's first
        act = Act(from_hex(case_id), kind, role, nonce, self._valid_until(), record.commitment, **stated)
        return self._rows("act", record, act, act.struct_hash())

    def _record(self, case_id: bytes, kind: Kind, role: Role, data: dict[str, Any]) -> Record:
        return make_record(
            case_id=case_id,
            kind=kind.wire,
            role=role,
            signer=self._own,
            key="service",
            occurred_at=self._app.clock.now(),
            data=data,
            disclosures=[],
            salt=os.urandom(16),
        )

    def _rows(self, action: str, record: Record, act: Act, struct_hash: bytes) -> tuple[Row, Row]:
        now, record_id = self._app.clock.seconds(), new_record_id()
        receipt = self._app.tokens.sign("receipt+jwt", receipt_claims(self._app, record_id, record, now))
        signature = self._shop.signer.sign(self._app.deployment.domain.digest(struct_hash))
        row = record_row(record_id, record, act, signature, receipt, now)
        named = {"subject": record_id, "case_id": row["case_id"], "record_id": record_id}
        return row, {**self._outbox, **named, "action": action, "created_at": now}

    def _valid_until(self) -> int:
        return self._app.clock.seconds() + 7 * _DAY
