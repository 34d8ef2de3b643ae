"""Cases as the benchmark plays them: opened, moved and voted on, alone or many in a transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..chain.abi import ESCROW, LEDGER, PANEL
from ..chain.codec import encode_open_batch, encode_record_batch, encode_vote_batch
from ..domain.messages import Act, Opening, Parties, Terms, Vote
from ..domain.signatures import sign_digest
from ..domain.vocabulary import FULL_SHARE, Grade, Kind, Mode, Role
from .lab import TOKEN, Lab, address_named, fingerprint, key_of

FAR = 2**40 - 1  # a validUntil that no run reaches
REFUND, FREIGHT = 49_90, 4_90  # cents


@dataclass
class Case:
    """A case and how far each role has counted. `name` makes its consumer's key, its salt and its records."""

    name: str
    opening: Opening
    id: bytes
    nonces: dict[Role, int] = field(default_factory=lambda: {**dict.fromkeys(Role, 0), Role.MERCHANT: 1})

    def signer(self, role: Role) -> str:
        return f"{self.name} consumer" if role is Role.CONSUMER else role.wire


class Play:
    """Prepares cases of one merchant, and sends what its people sign. Every method answers gas."""

    def __init__(self, lab: Lab, policy: bytes) -> None:
        self.lab = lab
        self.policy = policy
        self.parties = Parties(
            *(address_named(role.wire) for role in (Role.MERCHANT, Role.CARRIER)),
            *(address_named(role.wire) for role in (Role.WAREHOUSE, Role.INSPECTOR)),
        )

    def prepare(
        self, name: str, mode: Mode = Mode.REFUND, *, panel: int = 0, reserve: int = 0, held: bool = True
    ) -> Case:
        terms = Terms(
            salt=fingerprint(f"{name} salt"),
            consumer=address_named(f"{name} consumer"),
            consumer_key_held=held,
            parties=self.parties.id(),
            policy=self.policy,
            panel=panel,
            mode=mode,
            **({} if mode is Mode.NONE else self._money(reserve)),
        )
        return Case(name, Opening(terms, fingerprint(f"{name} requested"), FAR), terms.struct_hash())

    def _money(self, reserve: int) -> dict[str, Any]:
        return {"token": self.lab.at[TOKEN], "refund": REFUND, "freight": FREIGHT, "reserve": reserve}

    def open_alone(self, case: Case) -> int:
        terms = case.opening.terms
        values = tuple(getattr(terms, name) for name in terms.__dataclass_fields__)
        return self.lab.send(LEDGER, "open", (values, case.opening.commitment, FAR, self._signed_opening(case)[1]))

    def open_many(self, cases: Sequence[Case]) -> int:
        return self.lab.send_data(LEDGER, encode_open_batch([self._signed_opening(case) for case in cases]))

    def _signed_opening(self, case: Case) -> tuple[Opening, bytes]:
        return case.opening, self.lab.sign(Role.MERCHANT.wire, case.opening.struct_hash())

    def record(self, case: Case, kind: Kind, role: Role, **values: Any) -> int:
        """One act through `record`."""
        act, signature = self._signed_act(case, kind, role, values)
        struct = (act.case_id, kind, role, act.nonce, FAR, act.commitment, act.grade, act.share, act.fee, act.key)
        return self.lab.send(LEDGER, "record", struct, signature)

    def record_many(self, cases: Sequence[Case], kind: Kind, role: Role, **values: Any) -> int:
        """One act in each case, through `recordPacked`."""
        return self.lab.send_data(
            LEDGER, encode_record_batch([self._signed_act(case, kind, role, values) for case in cases])
        )

    def _signed_act(self, case: Case, kind: Kind, role: Role, values: dict[str, Any]) -> tuple[Act, bytes]:
        if kind is Kind.INSPECTED:
            values = {"grade": Grade.AS_NEW, "share": FULL_SHARE, **values}
        nonce = case.nonces[role]
        case.nonces[role] += 1
        commitment = fingerprint(f"{case.name} {role.wire} {nonce}")
        act = Act(case.id, kind, role, nonce, FAR, commitment, **values)
        return act, self.lab.sign(case.signer(role), act.struct_hash())

    def vote_many(self, cases: Sequence[Case], seat: int, share: int, round_: int = 0) -> int:
        """One arbitrator's vote in each case, through `voteBatch`."""
        votes = [Vote(case.id, round_, share, FAR, fingerprint(f"{case.name} {round_} {seat}")) for case in cases]
        return self.lab.send_data(
            PANEL, encode_vote_batch([(vote, arbitrator(seat), self._signed_vote(vote, seat)) for vote in votes])
        )

    def vote(self, case: Case, seat: int, share: int, round_: int = 0) -> int:
        vote = Vote(case.id, round_, share, FAR, fingerprint(f"{case.name} {round_} {seat}"))
        values = (case.id, arbitrator(seat), round_, share, FAR, vote.commitment)
        return self.lab.send(PANEL, "vote", values, self._signed_vote(vote, seat))

    def _signed_vote(self, vote: Vote, seat: int) -> bytes:
        return sign_digest(key_of(f"arbitrator {seat}"), self.lab.panel_domain.digest(vote.struct_hash()))

    def poke(self, case: Case, after: int) -> int:
        """Lets `after` seconds pass, and pokes."""
        self.lab.advance(after)
        return self.lab.send(LEDGER, "poke", case.id)

    def withdraw_many(self, cases: Sequence[Case]) -> int:
        return self.lab.send(ESCROW, "withdrawForBatch", [case.id for case in cases])

    def reach(self, cases: Sequence[Case], *steps: tuple[Kind, Role]) -> None:
        """Opens cases and takes them through steps, unmeasured."""
        self.open_many(cases)
        for kind, role in steps:
            self.record_many(cases, kind, role)


def arbitrator(seat: int) -> str:
    return address_named(f"arbitrator {seat}")


def each(count: int, make: Callable[[str], Case], prefix: str) -> list[Case]:
    return [make(f"{prefix} {number}") for number in range(count)]
