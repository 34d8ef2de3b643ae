"""Accepted records as the services write them, without the services: so that a test can also state what they refuse."""

from __future__ import annotations

import json
import os
import uuid

from sqlmodel import Session, select

from ledger_service.chain.deployments import Deployment
from ledger_service.clock import Clock
from ledger_service.domain.hashing import ZERO_ADDRESS, hex0x
from ledger_service.domain.messages import Act, Opening, Parties, Terms, Vote
from ledger_service.domain.panels import Panel
from ledger_service.domain.vocabulary import Grade, Kind, Mode, Role
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services.policies import Policies
from ledger_service.store.cases import enqueue
from ledger_service.store.database import Database
from ledger_service.store.stages import staged_records
from ledger_service.store.tables import (
    Account,
    CaseRow,
    ChainCase,
    ChainPanel,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    OutboxRow,
    PanelRow,
    RecordRow,
    VoteRow,
)

_VALID = 86_400 * 7


class Case:
    """An opened case and the keys of its parties."""

    def __init__(self, case_id: bytes, keys: dict[Role, LocalSigner]) -> None:
        self.case_id = case_id
        self.id = hex0x(case_id)
        self.keys = keys
        self.nonces = {role: int(role is Role.MERCHANT) for role in keys}
        self.consumer = keys[Role.CONSUMER].address  # at the opening


class Book:
    """Writes what was accepted, and reads what became of it."""

    def __init__(self, database: Database, deployment: Deployment, clock: Clock, policies: Policies) -> None:
        self._database = database
        self._deployment = deployment
        self._clock = clock
        self._policies = policies
        self.roles = (Role.MERCHANT, Role.CARRIER, Role.WAREHOUSE, Role.INSPECTOR)
        self.parties = {role: LocalSigner(new_key()) for role in self.roles}
        with database.write() as session:
            session.add(
                Account(
                    name="Shop", role="merchant", address=self.address(Role.MERCHANT), api_key_hash="x", created_at=0
                )
            )

    def address(self, role: Role) -> str:
        return self.parties[role].address

    def open(
        self,
        mode: Mode = Mode.NONE,
        *,
        refund: int = 1980,
        currency: str = "GBP",
        policy: str = "eu-14",
        panel: int = 0,
        reserve: int = 0,
        key_held: bool = False,
    ) -> Case:
        """Accepts an opening, with the registration of its parties."""
        consumer = LocalSigner(new_key())
        parties = Parties(*(self.address(role) for role in self.roles))
        chosen = self._policies.by_code(policy)
        funded = mode is not Mode.NONE
        terms = Terms(
            salt=os.urandom(32),
            consumer=consumer.address,
            consumer_key_held=key_held,
            parties=parties.id(),
            policy=chosen.id(),
            panel=panel,
            mode=mode,
            token=self._deployment.tokens[currency].address if funded else ZERO_ADDRESS,
            refund=refund if funded else 0,
            reserve=reserve if funded else 0,
        )
        case = Case(terms.struct_hash(), {**self.parties, Role.CONSUMER: consumer})
        opening = Opening(terms, os.urandom(32), self._clock.seconds() + _VALID)
        signature = case.keys[Role.MERCHANT].sign(self._deployment.domain.digest(opening.struct_hash()))
        act = Act(case.case_id, Kind.REQUESTED, Role.MERCHANT, 0, opening.valid_until, opening.commitment)
        with self._database.write() as session:
            session.add(self._row(case, terms, parties, currency, refund, policy))
            session.flush()
            enqueue(session, "register_parties", hex0x(terms.parties), self._clock.seconds(), case_id=case.id)
            self._accept(session, "open", act, self.address(Role.MERCHANT), signature)
        return case

    def state(self, case: Case, kind: Kind, role: Role, *, nonce: int | None = None, **values: int) -> str:
        """Accepts an act, whatever the contract may think of it; the record's id."""
        act = Act(
            case_id=case.case_id,
            kind=kind,
            role=role,
            nonce=case.nonces[role] if nonce is None else nonce,
            valid_until=self._clock.seconds() + _VALID,
            commitment=os.urandom(32),
            grade=Grade(values.get("grade", 0)),
            share=values.get("share", 0),
            fee=values.get("fee", 0),
        )
        return self._sign(case, act, "act", counted=nonce is None)

    def bind(self, case: Case, key: LocalSigner) -> str:
        """Accepts the binding of a key of the consumer's own; the record's id."""
        role = Role.CONSUMER
        until = self._clock.seconds() + _VALID
        act = Act(case.case_id, Kind.KEY_BOUND, role, case.nonces[role], until, os.urandom(32), key=key.address)
        return self._sign(case, act, "act")

    def _sign(self, case: Case, act: Act, action: str, *, counted: bool = True) -> str:
        if counted:
            case.nonces[act.role] += 1
        key = case.keys[act.role]
        signature = key.sign(self._deployment.domain.digest(act.struct_hash()))
        with self._database.write() as session:
            return self._accept(session, action, act, key.address, signature)

    # --- disputes ----------------------------------------------------------------------------------------------------

    def panel(
        self, arbitrators: list[LocalSigner], *, threshold: int = 3, appeal: int = 0, fallback: int = 0, fee: int = 100
    ) -> Panel:
        """Asks for a panel to be registered."""
        named = Panel(tuple(one.address for one in arbitrators), threshold, appeal, fallback, fee)
        with self._database.write() as session:
            session.add(PanelRow(panel_id=named.id(), content=json.dumps(named.as_json()), created_at=0))
            enqueue(session, "register_panel", named.id(), self._clock.seconds())
        return named

    def version_of(self, panel: Panel) -> int:
        """0 until it is registered."""
        with self._database.read() as session:
            named = json.dumps(list(panel.arbitrators))
            found = session.exec(select(ChainPanel.version).where(ChainPanel.arbitrators == named)).first()
        return found or 0

    def vote(self, case: Case, arbitrator: LocalSigner, share: int, *, round_: int = 0) -> str:
        """Accepts a vote, whatever the contract may think of it; its id."""
        now, vote_id = self._clock.seconds(), f"vote_{uuid.uuid4().hex}"
        vote = Vote(case.case_id, round_, share, now + _VALID, os.urandom(32))
        with self._database.write() as session:
            session.add(
                VoteRow(
                    vote_id=vote_id,
                    case_id=case.id,
                    round=round_,
                    arbitrator=arbitrator.address,
                    share=share,
                    key_holder="service",
                    canonical=b"{}",
                    commitment=hex0x(vote.commitment),
                    valid_until=vote.valid_until,
                    signature=arbitrator.sign(self._deployment.panel_domain.digest(vote.struct_hash())),
                    occurred_at=now,
                    accepted_at=now,
                    receipt="",
                )
            )
            session.flush()
            enqueue(session, "vote", vote_id, now, case_id=case.id, record_id=vote_id)
        return vote_id

    def refusals_of(self, vote_ids: list[str]) -> list[str | None]:
        """Why the panel refused these votes."""
        with self._database.read() as session:
            asked = [session.exec(select(VoteRow).where(VoteRow.vote_id == one)).one() for one in vote_ids]
            found = {row.commitment: row.reason for row in session.exec(select(ChainRefusal))}
        return [found.get(row.commitment) for row in asked]

    def votes(self, case: Case) -> list[ChainVote]:
        """Those that were counted, in order."""
        with self._database.read() as session:
            query = select(ChainVote).where(ChainVote.case_id == case.id)
            return sorted(session.exec(query), key=lambda row: (row.block_number, row.log_index))

    def advance_to_inspected(self, case: Case, *, grade: Grade = Grade.AS_NEW, share: int = 10_000) -> None:
        self.state(case, Kind.AUTHORISED, Role.MERCHANT)
        self.state(case, Kind.PICKED_UP, Role.CARRIER)
        self.state(case, Kind.RECEIVED, Role.WAREHOUSE)
        self.state(case, Kind.INSPECTED, Role.INSPECTOR, grade=grade, share=share)

    # --- what became of it -------------------------------------------------------------------------------------------

    def chain_case(self, case: Case) -> ChainCase | None:
        with self._database.read() as session:
            return session.get(ChainCase, case.id)

    def state_of(self, case: Case) -> str | None:
        found = self.chain_case(case)
        return found.state if found else None

    def timeline(self, case: Case) -> list[str]:
        """The kinds of the recorded links, in order."""
        with self._database.read() as session:
            query = select(ChainRecord).where(ChainRecord.case_id == case.id)
            return [row.kind for row in sorted(session.exec(query), key=lambda row: row.position)]

    def stages(self, case: Case, confirmations: int = 0) -> list[tuple[str, str, str | None]]:
        """Kind, stage and reason of each accepted record."""
        with self._database.read() as session:
            found = staged_records(session, case.id, confirmations)
            return [(staged.row.kind, staged.stage.wire, staged.reason) for staged in found]

    def outbox(self, **where: object) -> list[OutboxRow]:
        with self._database.read() as session:
            return list(session.exec(select(OutboxRow).filter_by(**where).order_by(OutboxRow.id)))  # type: ignore[arg-type]

    def settled(self) -> bool:
        """Whether nothing waits any more."""
        return not self.outbox(done=False)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _row(self, case: Case, terms: Terms, parties: Parties, currency: str, refund: int, policy: str) -> CaseRow:
        return CaseRow(
            case_id=case.id,
            account_id=1,
            merchant=parties.merchant,
            carrier=parties.carrier,
            warehouse=parties.warehouse,
            inspector=parties.inspector,
            consumer=terms.consumer,
            reference=f"RMA-{case.id[2:8]}",
            policy=policy,
            policy_id=hex0x(terms.policy),
            mode=terms.mode.wire,
            currency=currency,
            refund_minor=refund,
            freight_minor=0,
            reserve_minor=terms.reserve,
            token=terms.token,
            language="en",
            terms=json.dumps(terms.as_json()),
            opened_at=self._clock.seconds(),
        )

    def _accept(self, session: Session, action: str, act: Act, signer: str, signature: bytes) -> str:
        record_id, case_id = f"rec_{uuid.uuid4().hex}", hex0x(act.case_id)
        now = self._clock.seconds()
        session.add(
            RecordRow(
                record_id=record_id,
                case_id=case_id,
                kind=act.kind.wire,
                role=act.role.wire,
                signer=signer,
                key_holder="service",
                canonical=json.dumps({"data": {"key": act.key}}).encode(),
                commitment=hex0x(act.commitment),
                nonce=act.nonce,
                valid_until=act.valid_until,
                grade=act.grade,
                share=act.share,
                fee=act.fee,
                signature=signature,
                occurred_at=now,
                accepted_at=now,
                receipt="",
            )
        )
        session.flush()
        enqueue(session, action, record_id, now, case_id=case_id, record_id=record_id)
        return record_id
