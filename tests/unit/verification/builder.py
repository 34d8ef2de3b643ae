"""Whole lives of cases with real keys, played by the Python twin of the case machine, and a chain that can be asked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.domain.chain_facts import CaseEvents, ChainFacts, LockState
from ledger_service.domain.disclosures import make_disclosure
from ledger_service.domain.disputes import panel_of, round_of
from ledger_service.domain.entry import NO_COMMITMENT, Entry, chain_heads
from ledger_service.domain.evidence import (
    Block,
    ChainIdentity,
    EscrowEvent,
    Evidence,
    Link,
    PanelVersion,
    Place,
    Refusal,
    Statement,
    VoteStatement,
)
from ledger_service.domain.hashing import ZERO_ADDRESS, ZERO_WORD, hex0x, keccak
from ledger_service.domain.machine import CaseState, PanelTerms, apply_act, open_case, poke, rule
from ledger_service.domain.messages import Act, Opening, Parties, SigningDomain, Terms, Vote, panel_domain
from ledger_service.domain.money import to_decimal
from ledger_service.domain.panels import Panel, ballot_of
from ledger_service.domain.payout import split_lock
from ledger_service.domain.policies import Policy, parse_policy
from ledger_service.domain.records import canonical_bytes, make_record
from ledger_service.domain.rulings import Ruling
from ledger_service.domain.signatures import address_of, sign_digest
from ledger_service.domain.times import from_chain
from ledger_service.domain.transitions import SIGNS_SHARE
from ledger_service.domain.vocabulary import Flag, Freight, Grade, Kind, Mode, Role, State
from ledger_service.domain.votes import make_vote
from ledger_service.errors import Unavailable
from ledger_service.tokens import TokenService

START = 1_780_000_000
GENESIS = hex0x(keccak(b"genesis"))
TOKENS = TokenService([Ed25519PrivateKey.from_private_bytes(bytes(range(32)))])
_KEYS = {role: PrivateKey(hashlib.sha256(role.name.encode()).digest()) for role in Role}


def address(name: str) -> str:
    return address_of(PrivateKey(hashlib.sha256(name.encode()).digest()).public_key)


LEDGER, ESCROW, TOKEN, PANEL = address("ledger"), address("escrow"), address("token"), address("panel")
OWN_KEY = PrivateKey(hashlib.sha256(b"own").digest())
_SEATS = [f"arbitrator {number}" for number in range(9)]
PANELS = {  # three, then the five of the appeal, then one who takes over
    1: Panel(tuple(address(name) for name in _SEATS[:3]), 3, appeal_panel=2, fallback_panel=3, fee=100),
    2: Panel(tuple(address(name) for name in _SEATS[3:8]), 5, fee=40),
    3: Panel((address(_SEATS[8]),), 1, fee=70),
}
_ARBITRATORS = {address(name): PrivateKey(hashlib.sha256(name.encode()).digest()) for name in _SEATS}


def shipped_policy(code: str) -> Policy:
    for file in (files("ledger_service") / "policies").iterdir():
        document = json.loads(file.read_text("utf-8"))
        if document["policy"] == code:
            return parse_policy(document)
    raise AssertionError(code)


@dataclass
class FakeChain:
    """A `ChainReader` over what a life wrote. `events=False` answers as the service's own quick reader does."""

    life: Life
    events: bool = True
    down: bool = False
    changes: dict[str, Any] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)

    def facts(self, evidence: Evidence) -> ChainFacts:
        if self.down:
            raise Unavailable("The chain is asleep.")
        life = self.life
        own = CaseEvents(tuple(life.links), tuple(life.refusals), tuple(life.escrow))
        asked = {block.number for block in evidence.blocks}
        facts = ChainFacts(
            chain_id=1337,
            genesis_hash=GENESIS,
            newest=life.blocks[max(life.blocks)],
            blocks={number: block for number, block in life.blocks.items() if number in asked},
            head=life.head(),
            lock=life.lock,
            currency="EUR" if life.terms.mode is not Mode.NONE else None,
            panels=life.panels,
            events=own if self.events else None,
        )
        return replace(facts, **self.changes)

    def accepts_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        if self.down:
            raise Unavailable("The chain is asleep.")
        return account in self.accounts


class Life:
    """One case from its opening on. Every step is a block of its own, an hour after the one before."""

    def __init__(
        self,
        mode: Mode = Mode.REFUND,
        *,
        policy: str = "eu-14",
        refund: int = 1980,
        freight: int = 450,
        own_key: bool = False,
        independent: bool = True,
        confirmations: int = 0,
        panel: int = 1,
    ) -> None:
        self.policy = shipped_policy(policy)
        self.parties = Parties(
            *(self._address(Role[name]) for name in ("MERCHANT", "CARRIER", "WAREHOUSE", "INSPECTOR"))
        )
        funded = mode is not Mode.NONE
        self.amount = refund
        self.freight = freight if funded and self.policy.freight is not Freight.SUPPLIED else 0
        self.terms = Terms(
            salt=keccak(b"salt"),
            consumer=self._address(Role.CONSUMER),
            consumer_key_held=not own_key,
            parties=self.parties.id(),
            policy=self.policy.id(),
            panel=panel,
            mode=mode,
            token=TOKEN if funded else ZERO_ADDRESS,
            refund=refund if funded else 0,
            freight=self.freight,
            reserve=1_000 if funded and panel else 0,
        )
        self.panels = PANELS if panel else {}
        self.votes: list[VoteStatement] = []
        self.rulings: list[Ruling] = []
        self.case_id = self.terms.struct_hash()
        self.domain = SigningDomain(1337, LEDGER)
        self.independent, self.confirmations = independent, confirmations
        self.now, self.case = START, None
        self.records: list[Statement] = []
        self.links: list[Link] = []
        self.refusals: list[Refusal] = []
        self.escrow: list[EscrowEvent] = []
        self.lock = LockState(0, 0, 0, settled=False)
        self.blocks: dict[int, Block] = {}
        self.logs = 0
        self.mine()

    case: CaseState | None

    @staticmethod
    def _address(role: Role) -> str:
        return address_of(_KEYS[role].public_key)

    def head(self) -> bytes:
        links = [(link.actor, link.commitment, link.entry) for link in self.links]
        return chain_heads(self.case_id, links) if links else ZERO_WORD

    def mine(self, after: int = 3600) -> None:
        self.now += after
        number = len(self.blocks) + 10
        self.blocks[number] = Block(number, hex0x(keccak(b"block %d" % number)), self.now)

    def _place(self) -> Place:
        self.logs += 1
        number = max(self.blocks)
        return Place(number, hex0x(keccak(b"tx %d" % number)), self.logs)

    # --- acts --------------------------------------------------------------------------------------------------------

    def open(self) -> Life:
        record, _statement = self.stated(Kind.REQUESTED, Role.MERCHANT)
        self.mine()
        self.case = open_case(
            self.terms.mode,
            self.policy,
            consumer_key_held=self.terms.consumer_key_held,
            inspector_independent=self.independent,
            now=self.now,
            consumer=self.terms.consumer,
            panel=PanelTerms(1, 2, 3) if self.panels else PanelTerms(),
        )
        self._link(Kind.REQUESTED, Role.MERCHANT, record.commitment, 0, self.case)
        if self.terms.mode is not Mode.NONE:
            self.lock = LockState(self.terms.refund, self.terms.freight, self.terms.reserve, settled=False)
            amounts = {"refund": self.terms.refund, "freight": self.terms.freight, "reserve": self.terms.reserve}
            self._escrow("Locked", {"merchant": self.parties.merchant, "token": TOKEN, **amounts})
        return self

    def act(
        self,
        kind: Kind,
        role: Role,
        *,
        grade: Grade = Grade.NONE,
        share: int = 0,
        fee: int = 0,
        key: str = ZERO_ADDRESS,
    ) -> Life:
        assert self.case is not None
        record, statement = self.stated(kind, role, grade=grade, share=share, fee=fee, key=key)
        self.mine()
        before = self.case
        signed = self._act(kind, role, statement, key)
        self.case = apply_act(before, signed, self.policy, self.now)
        self._link(kind, role, record.commitment, before.length, self.case, before)
        self._settle(before)
        return self

    def vote(self, *shares: int) -> Life:
        """The arbitrators of the round vote in the order of their seats; the last vote that is needed rules."""
        assert self.case is not None
        before, panel = self.case, self.panels[panel_of(self.case)]
        votes = dict(zip(panel.arbitrators, shares, strict=False))
        self.votes += [self._vote(arbitrator, round_of(before), share) for arbitrator, share in votes.items()]
        self.mine()
        if len(votes) < panel.threshold:
            return self
        ruling = Ruling(round_of(before), ballot_of(panel, votes), votes, panel.fee)
        self.rulings.append(ruling)
        self.case = rule(before, ruling.share, self.policy, self.now)
        self._link(Kind.RULED, Role.PANEL, ruling.ballot, before.length, self.case)
        self._settle(before)
        return self

    def inspect(self, grade: Grade = Grade.AS_NEW, share: int = 10_000, fee: int = 0) -> Life:
        return self.act(Kind.INSPECTED, Role.INSPECTOR, grade=grade, share=share, fee=fee)

    def lapse(self) -> Life:
        assert self.case is not None
        before = self.case
        self.mine(before.due - self.now + 1)
        kind, self.case = poke(before, self.policy, self.now)
        self._link(kind, Role.NONE, NO_COMMITMENT, before.length, self.case)
        self._settle(before)
        return self

    def redirect(self, to: str) -> Life:
        self.mine()
        self._escrow("RedirectGiven", {"to": to, "effectiveAt": self.now + self.policy.notice})
        return self

    def keep_payee(self) -> Life:
        self.mine()
        self._escrow("RedirectVoided", {})
        return self

    def withdraw(self, to: str | None = None) -> Life:
        assert self.case is not None
        self.mine()
        self._escrow("Withdrawn", {"to": to or self.case.consumer, "token": TOKEN, "amount": self.lock.refund})
        self.lock = LockState(0, 0, 0, settled=True)
        return self

    def refuse(self, kind: Kind, role: Role, reason: str = "NotAllowed(requested, received, carrier)") -> Life:
        record, _ = self.stated(kind, role)
        self.mine()
        self.refusals.append(Refusal(record.commitment, reason, self._place()))
        return self

    # --- making ------------------------------------------------------------------------------------------------------

    def stated(
        self,
        kind: Kind,
        role: Role,
        *,
        grade: Grade = Grade.NONE,
        share: int = 0,
        fee: int = 0,
        key: str = ZERO_ADDRESS,
    ) -> Any:
        """A record with its signature and receipt, accepted and not yet on the chain."""
        own = role is Role.CONSUMER and (self.case is None or not self.case.has(Flag.CONSUMER_KEY_HELD))
        shown = [make_disclosure(hashlib.sha256(b"%d" % len(self.records)).digest()[:16], "consumer.name", "Ada")]
        record = make_record(
            case_id=self.case_id,
            kind=kind.wire,
            role=role,
            signer=self._actor(role),
            key="own" if own else "service",
            occurred_at=from_chain(self.now),
            data=self._data(kind, grade, share, fee, key),
            disclosures=shown,
            salt=hashlib.sha256(b"salt %d" % len(self.records)).digest()[:16],
        )
        statement = Statement(
            record_id=f"rec_{len(self.records):032x}",
            canonical=record.canonical.decode(),
            commitment=record.commitment,
            nonce=0 if kind is Kind.REQUESTED or self.case is None else self.case.nonce(role),
            valid_until=self.now + 7 * 86_400,
            grade=grade,
            share=share,
            fee=fee,
            signature=b"",
            disclosures=(shown[0].encoded,),
            receipt="",
        )
        if kind is Kind.REQUESTED:
            hashed = Opening(self.terms, record.commitment, statement.valid_until).struct_hash()
        else:
            hashed = self._act(kind, role, statement, key).struct_hash()
        bound = role is Role.CONSUMER and self.case is not None and self.case.consumer != self.terms.consumer
        statement = replace(
            statement,
            signature=sign_digest(OWN_KEY if bound else _KEYS[role], self.domain.digest(hashed)),
            receipt=TOKENS.sign("receipt+jwt", self._receipt(statement.record_id, statement.commitment)),
        )
        self.records.append(statement)
        return record, statement

    def _vote(self, arbitrator: str, round_: int, share: int) -> VoteStatement:
        number = len(self.votes)
        shown = [make_disclosure(hashlib.sha256(b"vote %d" % number).digest()[:16], "reasons", "It is as it is.")]
        record = make_vote(
            case_id=self.case_id,
            signer=arbitrator,
            key="own",
            round_=round_,
            share=share,
            occurred_at=from_chain(self.now),
            disclosures=shown,
            salt=hashlib.sha256(arbitrator.encode()).digest()[:16],
        )
        until = self.now + 7 * 86_400
        message = Vote(self.case_id, round_, share, until, record.commitment)
        digest = panel_domain(1337, PANEL).digest(message.struct_hash())
        vote_id = f"vote_{round_}_{arbitrator}"
        return VoteStatement(
            vote_id=vote_id,
            canonical=record.canonical.decode(),
            commitment=record.commitment,
            arbitrator=arbitrator,
            round=round_,
            share=share,
            valid_until=until,
            signature=sign_digest(_ARBITRATORS[arbitrator], digest),
            disclosures=(shown[0].encoded,),
            receipt=TOKENS.sign("receipt+jwt", self._receipt(vote_id, record.commitment)),
        )

    def _receipt(self, record_id: str, commitment: bytes) -> dict[str, Any]:
        return {
            "iss": "http://shop.example",
            "iat": self.now,
            "jti": record_id,
            "sub": hex0x(self.case_id),
            "commitment": hex0x(commitment),
            "chain_id": 1337,
            "contract": LEDGER,
        }

    def _actor(self, role: Role) -> str:
        return self.case.consumer if role is Role.CONSUMER and self.case is not None else self._address(role)

    def _data(self, kind: Kind, grade: Grade, share: int, fee: int, key: str) -> dict[str, Any]:
        if kind is Kind.INSPECTED:
            return {"grade": grade.wire, "share": share, "fee": fee}
        if kind is Kind.KEY_BOUND:
            return {"key": key}
        if kind in SIGNS_SHARE:
            return {"share": share}
        if kind is not Kind.REQUESTED:
            return {"note": "as usual"}
        return {
            "reference": "RMA-1",
            "items": [],
            "refund": {"amount": to_decimal(self.amount, "EUR"), "currency": "EUR"},
            "escrow": self.terms.mode.wire,
            "policy": {"code": self.policy.code, "version": self.policy.version, "id": hex0x(self.policy.id())},
            "parties": {name: getattr(self.parties, name) for name in Parties.__slots__},
            "terms": self.terms.as_json(),
            **({"freight": {"amount": to_decimal(self.freight, "EUR"), "currency": "EUR"}} if self.freight else {}),
        }

    def _act(self, kind: Kind, role: Role, stated: Statement, key: str = ZERO_ADDRESS) -> Act:
        grade = Grade(stated.grade)
        return Act(
            self.case_id,
            kind,
            role,
            stated.nonce,
            stated.valid_until,
            stated.commitment,
            grade,
            stated.share,
            stated.fee,
            key,
        )

    def _link(
        self,
        kind: Kind,
        role: Role,
        commitment: bytes,
        position: int,
        after: CaseState,
        before: CaseState | None = None,
    ) -> None:
        contracts = {Role.NONE: LEDGER, Role.PANEL: PANEL}
        actor = contracts.get(role) or self._address(role)
        if role is Role.CONSUMER and before is not None:
            actor = before.consumer
        settles = after.length - position == 2
        payable = self.now + self.policy.windows[State.PAYABLE]
        entry = Entry(
            position=position,
            kind=kind,
            role=role,
            state=State.PAYABLE if settles else after.state,
            deadline=payable if settles else after.deadline,
            time=self.now,
            grade=after.grade,
            share=after.share,
            fee=after.fee,
            flags=after.flags,
        )
        self.links.append(Link(actor, commitment, entry.pack(), self._place()))
        if settles:
            settled = replace(
                entry, position=position + 1, kind=Kind.SETTLED, role=Role.NONE, state=State.SETTLED, deadline=0
            )
            self.links.append(Link(LEDGER, NO_COMMITMENT, settled.pack(), self._place()))

    def _settle(self, before: CaseState) -> None:
        case = self.case
        assert case is not None
        if case.state.is_live or self.terms.mode is Mode.NONE:
            return
        if not before.state.is_live:
            return
        by_time = Entry.unpack(self.links[-1].entry).kind is Kind.SETTLED and len(self.links) == before.length + 1
        released = case.state is State.CLOSED or (before.state is State.REFUNDED and by_time)
        fees = sum(ruling.fees for ruling in self.rulings)
        payout = split_lock(
            refund=self.terms.refund,
            freight=self.terms.freight,
            reserve=self.terms.reserve,
            share=0 if released else case.share,
            fee=0 if released else case.fee,
            freight_to_consumer=not released and case.has(Flag.FREIGHT_TO_CONSUMER),
            fees=fees,
            fees_from_consumer=sum(one.fees for one in self.rulings if one.round == 2 and case.consumer_lost_appeal),
        )
        shares = {"toConsumer": payout.to_consumer, "toMerchant": payout.to_merchant, "fees": payout.to_panel}
        self._escrow("Settled", {"merchant": self.parties.merchant, "token": TOKEN, **shares})
        for ruling in self.rulings:
            for arbitrator in ruling.votes:
                self._escrow("Credited", {"arbitrator": arbitrator, "token": TOKEN, "amount": ruling.fee})
        self.lock = LockState(payout.to_consumer, 0, 0, settled=True)

    def _escrow(self, name: str, args: dict[str, Any]) -> None:
        self.escrow.append(EscrowEvent(name, args, self._place()))

    # --- showing -----------------------------------------------------------------------------------------------------

    def evidence(self) -> Evidence:
        newest = max(self.blocks)
        used = {item.place.block for item in [*self.links, *self.refusals, *self.escrow]} | {newest}
        return Evidence(
            case_id=self.case_id,
            chain=ChainIdentity(1337, GENESIS, "the tests", self.confirmations, LEDGER, ESCROW, PANEL),
            parties=self.parties,
            policy=self.policy.document,
            panels=tuple(PanelVersion(version, panel) for version, panel in self.panels.items()),
            votes=tuple(self.votes),
            records=tuple(self.records),
            links=tuple(self.links),
            refusals=tuple(self.refusals),
            escrow=tuple(self.escrow),
            blocks=tuple(self.blocks[number] for number in sorted(used)),
            head=self.head(),
            head_block=newest,
            jwks=TOKENS.jwks(),
        )

    def chain(self, **options: Any) -> FakeChain:
        return FakeChain(self, **options)


def seal(evidence: dict[str, Any]) -> dict[str, Any]:
    """A bundle of evidence in JSON, sealed as the service does."""
    claims = {
        "iss": "http://shop.example",
        "sub": evidence["case_id"],
        "sha256": hashlib.sha256(canonical_bytes(evidence)).hexdigest(),
    }
    return {"format": "after-sales-bundle/1", "evidence": evidence, "seal": TOKENS.sign("bundle+jwt", claims)}


def opened(mode: Mode = Mode.REFUND, **options: Any) -> Life:
    return Life(mode, **options).open()


def inspected(mode: Mode = Mode.REFUND, *, grade: Grade = Grade.AS_NEW, share: int = 10_000, **options: Any) -> Life:
    life = opened(mode, **options).act(Kind.AUTHORISED, Role.MERCHANT).act(Kind.PICKED_UP, Role.CARRIER)
    return life.act(Kind.RECEIVED, Role.WAREHOUSE).inspect(grade, share)


def paid(mode: Mode = Mode.REFUND, *, withdrawn: bool = True, **options: Any) -> Life:
    life = inspected(mode, **options).act(Kind.ACCEPTED, Role.CONSUMER)
    return life.withdraw() if withdrawn else life


def disputed(mode: Mode = Mode.REFUND, **options: Any) -> Life:
    life = inspected(mode, grade=Grade.USED, share=8_000, **options).act(Kind.DISPUTED, Role.CONSUMER, share=10_000)
    return life.act(Kind.EVIDENCE, Role.MERCHANT).act(Kind.DISPUTED, Role.MERCHANT, share=7_500)


def appealed(role: Role, share: int) -> Life:
    return disputed().vote(6_000, 7_800, 8_000).act(Kind.APPEALED, role, share=share)


def challenged(mode: Mode = Mode.BOND) -> Life:
    life = inspected(mode).act(Kind.ACCEPTED, Role.CONSUMER).act(Kind.REFUNDED, Role.MERCHANT)
    return life.act(Kind.CHALLENGED, Role.CONSUMER, share=2_500)


def ruled_twice() -> Life:
    life = disputed(Mode.BOND).vote(6_000, 7_000, 8_000).lapse().act(Kind.REFUNDED, Role.MERCHANT)
    return life.act(Kind.CHALLENGED, Role.CONSUMER, share=500).vote(500, 500, 100).withdraw()


def split(life: Life, share: int, first: Role, second: Role) -> Life:
    return life.act(Kind.SPLIT, first, share=share).act(Kind.SPLIT, second, share=share)


def exchanging() -> Life:
    life = inspected().act(Kind.EXCHANGE_AGREED, Role.MERCHANT).act(Kind.EXCHANGE_AGREED, Role.CONSUMER)
    return life.lapse()  # of the notice


def bound() -> Life:
    return opened().act(Kind.KEY_BOUND, Role.CONSUMER, key=_OWN).lapse()


def bound_and_paid() -> Life:
    life = bound().act(Kind.AUTHORISED, Role.MERCHANT).act(Kind.RECEIVED, Role.CARRIER)
    return life.inspect(Grade.USED, 8_000).act(Kind.ACCEPTED, Role.CONSUMER)


_OWN = address_of(OWN_KEY.public_key)
_ARRIVED = (Kind.EXCHANGE_DELIVERED, Role.CARRIER)
_CANCELLED = (Kind.CANCELLED, Role.CONSUMER)


LIVES = {
    "opened": opened,
    "paid": paid,
    "partial": lambda: inspected(grade=Grade.USED, share=8_000).act(Kind.ACCEPTED, Role.CONSUMER).lapse(),
    "declined": lambda: opened().act(Kind.DECLINED, Role.MERCHANT).lapse(),
    "cancelled": lambda: opened().act(Kind.CANCELLED, Role.CONSUMER).lapse(),
    "silent merchant": lambda: opened().lapse().act(Kind.RECEIVED, Role.WAREHOUSE).lapse().withdraw(),
    "silent consumer": lambda: inspected(grade=Grade.USED, share=9_000).lapse(),
    "self-inspected": lambda: inspected(grade=Grade.USED, share=8_000, independent=False).lapse().lapse(),
    "bond refunded": lambda: paid_by_provider(),
    "bond pays": lambda: inspected(Mode.BOND).act(Kind.ACCEPTED, Role.CONSUMER).lapse().withdraw(),
    "record only": lambda: inspected(Mode.NONE).act(Kind.ACCEPTED, Role.CONSUMER).lapse(),
    "own key": lambda: inspected(own_key=True).act(Kind.ACCEPTED, Role.CONSUMER),
    "label": lambda: opened(policy="us-30").act(Kind.AUTHORISED, Role.MERCHANT),
    "disputed": lambda: disputed(),
    "ruled": lambda: disputed().vote(6_000, 7_000, 8_000).lapse().withdraw(),
    "appealed by the consumer": lambda: (
        appealed(Role.CONSUMER, 9_000).vote(7_000, 7_000, 7_000, 1_000, 9_000).withdraw()
    ),
    "appealed by the merchant": lambda: (
        appealed(Role.MERCHANT, 1_000).vote(1_000, 2_000, 3_000, 4_000, 5_000).withdraw()
    ),
    "silent appeal": lambda: appealed(Role.CONSUMER, 9_000).vote(9_000, 9_000).lapse(),
    "fallback": lambda: disputed().vote(6_000).lapse().vote(10_000).lapse(),
    "silent panels": lambda: disputed().lapse().lapse(),
    "no panel": lambda: disputed(panel=0).lapse(),
    "challenged": lambda: challenged().vote(2_000, 1_000, 0).withdraw(),
    "challenged, silent panels": lambda: challenged().lapse().lapse(),
    "ruled twice": lambda: ruled_twice(),
    "challenged record": lambda: challenged(Mode.NONE).vote(2_000, 1_000, 0),
    "split": lambda: split(disputed(), 4_000, Role.MERCHANT, Role.CONSUMER).lapse(),
    "split with an own key": lambda: split(disputed(own_key=True), 4_000, Role.CONSUMER, Role.MERCHANT),
    "exchanged": lambda: exchanging().act(Kind.EXCHANGE_SHIPPED, Role.MERCHANT).act(*_ARRIVED).lapse(),
    "exchange failed": lambda: exchanging().lapse(),
    "objected": lambda: opened().act(Kind.CANCELLED, Role.CONSUMER).act(Kind.OBJECTED, Role.CONSUMER),
    "key bound": lambda: bound().act(Kind.CANCELLED, Role.CONSUMER),
    "key bound, withdrawn elsewhere": lambda: bound_and_paid().withdraw(TOKEN),
    "own key bound anew": lambda: opened(own_key=True).act(Kind.KEY_BOUND, Role.CONSUMER, key=_OWN).act(*_CANCELLED),
    "redirected": lambda: paid(withdrawn=False).redirect(ESCROW).withdraw(ESCROW),
    "redirected in vain": lambda: paid(withdrawn=False).redirect(ESCROW).keep_payee().withdraw(),
    "erased": lambda: paid().act(Kind.ERASED, Role.MERCHANT),
    "released and erased": lambda: paid_by_provider().act(Kind.ERASED, Role.MERCHANT),
    "refused act": lambda: opened().refuse(Kind.RECEIVED, Role.CARRIER),
}


def paid_by_provider() -> Life:
    return inspected(Mode.BOND).act(Kind.ACCEPTED, Role.CONSUMER).act(Kind.REFUNDED, Role.MERCHANT).lapse()
