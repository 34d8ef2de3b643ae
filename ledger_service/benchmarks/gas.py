"""What every operation of the contracts costs, and what a user would pay elsewhere for the like of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..chain.abi import ANCHOR, ESCROW, LEDGER, PANEL
from ..chain.codec import encode_register_panel, encode_register_parties, encode_register_policy
from ..domain.messages import escrow_domain, keep_payee_hash, withdraw_to_hash
from ..domain.panels import Panel
from ..domain.policies import Policy
from ..domain.signatures import sign_digest
from ..domain.vocabulary import FULL_SHARE, Kind, Mode, Role
from .cases import FAR, Case, Play, arbitrator, each
from .lab import TOKEN, UNIT, Lab, address_named, fingerprint, key_of
from .peers import Peers, measure_peers

BATCH = 100
OBSERVATIONS = 1_000
VOTES = (4_000, 6_000, 5_000)  # basis points, by three arbitrators
_FEE = 1_00  # cents for each vote
_ROUND = 10**9  # seconds: later than any window

_C, _M, _F, _W, _I = Role.CONSUMER, Role.MERCHANT, Role.CARRIER, Role.WAREHOUSE, Role.INSPECTOR
_ON_THE_WAY = ((Kind.AUTHORISED, _M), (Kind.PICKED_UP, _F))
_RECEIVED = (*_ON_THE_WAY, (Kind.RECEIVED, _W))
_INSPECTED = (*_RECEIVED, (Kind.INSPECTED, _I))
_PAYABLE = (*_INSPECTED, (Kind.ACCEPTED, _C))


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the comparison, in gas. A peer that has nothing of the kind is None."""

    what: str
    ours: int
    naive: int | None
    attestations: int | None
    target: int

    @property
    def holds(self) -> bool:
        return self.ours <= self.target


@dataclass(frozen=True, slots=True)
class Report:
    """`operations` are exact; what stands in a batch is per item, rounded down."""

    client: str
    operations: dict[str, int]
    rows: list[Row]


def measure_gas(folder: Path, policy: Policy, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Runs everything on a chain of its own in `folder`. Raises Unavailable where anvil is missing."""
    with Lab(folder) as lab:
        bench = _Bench(lab, policy)
        for name in ("setting_up", "whole_life", "one_by_one", "disputes", "agreements", "notices", "money", "silence"):
            tell(name.replace("_", " "))
            getattr(bench, f"measure_{name}")()
        tell("peers")
        peers = measure_peers(lab, BATCH, OBSERVATIONS, len(VOTES))
        return Report(lab.client, dict(sorted(bench.gas.items())), compare(bench.gas, peers))


def compare(gas: dict[str, int], peers: Peers) -> list[Row]:
    """The rows that have a target."""
    later = max(gas[f"{BATCH} at once: {kind}"] for kind in ("picked_up", "received", "inspected"))
    alone = min(gas["alone: received"], gas["alone, packed: received"])
    return [
        Row("one milestone, sent alone", alone, peers.milestone, peers.attest, 46_000),
        Row(f"a milestone in a batch of {BATCH}, later ones of a case", later, None, peers.multi_attest, 20_000),
        Row(f"an observation, anchored {OBSERVATIONS:,} at a time", gas["observation"], None, peers.timestamp, 60),
        Row("a paid case's whole life, in batches", gas["whole life"], peers.whole_life, None, 300_000),
        Row("dispute to ruling by three votes, on top", gas["dispute to ruling"], peers.dispute, None, 250_000),
    ]


class _Bench:
    """Each method measures one part, into `gas`."""

    def __init__(self, lab: Lab, policy: Policy) -> None:
        self.lab = lab
        self.policy = policy
        self.play = Play(lab, policy.id())
        self.gas: dict[str, int] = {}

    def measure_setting_up(self) -> None:
        lab, gas = self.lab, self.gas
        gas["register a policy"] = lab.send_data(LEDGER, encode_register_policy(self.policy))
        gas["register parties"] = lab.send_data(LEDGER, encode_register_parties(self.play.parties))
        large = Panel(tuple(map(arbitrator, range(3, 8))), 5, fee=_FEE)
        gas["register a panel of 5"] = lab.send_data(PANEL, encode_register_panel(large))
        small = tuple(map(arbitrator, range(3)))
        gas["register a panel of 3"] = lab.send_data(PANEL, encode_register_panel(Panel(small, 3, fee=_FEE)))
        lab.send_data(PANEL, encode_register_panel(Panel(small, 3, appeal_panel=1, fee=_FEE)))
        self.final_panel, self.appealable = 2, 3
        merchant, token = address_named(Role.MERCHANT.wire), lab.at[TOKEN]
        gas["deposit, the first"] = lab.send(ESCROW, "deposit", merchant, token, UNIT * 10**9)
        gas["deposit, a later one"] = lab.send(ESCROW, "deposit", merchant, token, UNIT * 10**9)
        lab.send(ANCHOR, "anchor", OBSERVATIONS, fingerprint("first root"))
        anchored = lab.send(ANCHOR, "anchor", 2 * OBSERVATIONS, fingerprint("second root"))
        gas["anchor a checkpoint"] = anchored
        gas["observation"] = -(-anchored // OBSERVATIONS)

    def measure_whole_life(self) -> None:
        """From opening to the consumer's money, as a service sends it: many cases to a transaction."""
        play = self.play
        play.reach([play.prepare("earlier")], *_PAYABLE)  # the first case of a merchant pays for slots all others share
        cases = each(BATCH, play.prepare, "life")
        steps = {"open and lock": play.open_many(cases)}
        for kind, role in _PAYABLE:
            name = kind.wire if kind is not Kind.ACCEPTED else "accepted, with the settlement"
            steps[name] = play.record_many(cases, kind, role)
        steps["withdraw"] = play.withdraw_many(cases)
        self.gas |= {f"{BATCH} at once: {name}": total // BATCH for name, total in steps.items()}
        self.gas["whole life"] = -(-sum(steps.values()) // BATCH)

    def measure_one_by_one(self) -> None:
        play, gas = self.play, self.gas
        case = play.prepare("alone")
        gas["alone: open and lock"] = play.open_alone(case)
        gas["alone: open in mode none"] = play.open_alone(play.prepare("recorded only", Mode.NONE))
        for kind, role in _PAYABLE:
            gas[f"alone: {kind.wire}"] = play.record(case, kind, role)
        gas["alone: withdraw"] = self.lab.send(ESCROW, "withdrawFor", case.id)
        gas["alone: erased"] = play.record(case, Kind.ERASED, _M)
        packed = play.prepare("packed")
        play.open_many([packed])
        for kind, role in _INSPECTED:
            gas[f"alone, packed: {kind.wire}"] = play.record_many([packed], kind, role)
        declined = play.prepare("declined")
        play.open_many([declined])
        gas["alone: declined"] = play.record(declined, Kind.DECLINED, _M)

    def measure_disputes(self) -> None:
        play, gas = self.play, self.gas
        final = each(BATCH, lambda name: play.prepare(name, panel=self.final_panel, reserve=10 * _FEE), "final")
        gas["dispute to ruling"] = self._dispute(final, "settling at once")
        open_ended = each(BATCH, lambda name: play.prepare(name, panel=self.appealable, reserve=10 * _FEE), "open")
        gas["dispute to a ruling that can be appealed"] = self._dispute(open_ended, "appealable")
        case = open_ended[0]
        gas["alone: appealed"] = play.record(case, Kind.APPEALED, _C, share=FULL_SHARE)
        for seat in range(3, 8):
            gas[f"alone: vote {seat - 2} of 5 on appeal"] = play.vote(case, seat, 6_000, 2)
        gas["alone: withdraw an arbitrator's credit"] = self.lab.send(
            ESCROW, "withdrawCredit", arbitrator(0), self.lab.at[TOKEN]
        )
        alone = play.prepare("disputed alone", panel=self.final_panel, reserve=10 * _FEE)
        play.reach([alone], *_RECEIVED)
        gas["alone: disputed"] = play.record(alone, Kind.DISPUTED, _C, share=FULL_SHARE)
        gas["alone: evidence"] = play.record(alone, Kind.EVIDENCE, _M)
        for seat, share in enumerate(VOTES):
            gas[f"alone: vote {seat + 1} of 3"] = play.vote(alone, seat, share)

    def _dispute(self, cases: list[Case], how: str) -> int:
        """Dispute and three votes in each case, per case."""
        play = self.play
        play.reach(cases, *_RECEIVED)
        steps = {"disputed": play.record_many(cases, Kind.DISPUTED, _C, share=FULL_SHARE)}
        for seat, share in enumerate(VOTES):
            steps[f"vote {seat + 1} of 3, {how}"] = play.vote_many(cases, seat, share)
        self.gas |= {f"{BATCH} at once: {name}": total // BATCH for name, total in steps.items()}
        return -(-sum(steps.values()) // BATCH)

    def measure_agreements(self) -> None:
        play, gas = self.play, self.gas
        split, exchange = (play.prepare(name, held=False) for name in ("split", "exchange"))
        play.reach([split, exchange], *_INSPECTED)
        gas["alone: split, offered"] = play.record(split, Kind.SPLIT, _M, share=4_000)
        gas["alone: split, agreed"] = play.record(split, Kind.SPLIT, _C, share=4_000)
        gas["alone: exchange, offered"] = play.record(exchange, Kind.EXCHANGE_AGREED, _M)
        gas["alone: exchange, agreed"] = play.record(exchange, Kind.EXCHANGE_AGREED, _C)
        gas["alone: exchange_shipped"] = play.record(exchange, Kind.EXCHANGE_SHIPPED, _M)
        gas["alone: exchange_delivered"] = play.record(exchange, Kind.EXCHANGE_DELIVERED, _F)
        bond = play.prepare("bond", Mode.BOND, panel=self.final_panel, reserve=10 * _FEE)
        play.reach([bond], *_PAYABLE)
        gas["alone: refunded"] = play.record(bond, Kind.REFUNDED, _M)
        gas["alone: challenged"] = play.record(bond, Kind.CHALLENGED, _C, share=FULL_SHARE)

    def measure_notices(self) -> None:
        play, gas = self.play, self.gas
        case, bound = play.prepare("noticed"), play.prepare("bound", held=False)
        play.reach([case, bound])
        gas["alone: cancelled, with notice"] = play.record(case, Kind.CANCELLED, _C)
        gas["alone: objected"] = play.record(case, Kind.OBJECTED, _C)
        play.record(case, Kind.CANCELLED, _C)
        gas["alone: poke that applies a notice"] = play.poke(case, self.policy.notice + 1)
        gas["alone: key_bound"] = play.record(bound, Kind.KEY_BOUND, _C, key=address_named("own key"))

    def measure_money(self) -> None:
        lab, play, gas = self.lab, self.play, self.gas
        own, held = play.prepare("own key", held=False), play.prepare("held key")
        play.reach([own, held], *_PAYABLE)
        domain = escrow_domain(lab.domain.chain_id, lab.at[ESCROW])
        elsewhere = address_named("elsewhere")

        def signed(case: Case, struct_hash: bytes) -> bytes:
            return sign_digest(key_of(case.signer(_C)), domain.digest(struct_hash))

        for name, case in (("at once", own), ("with notice", held)):
            signature = signed(case, withdraw_to_hash(case.id, elsewhere, 0, FAR))
            gas[f"alone: withdraw elsewhere, {name}"] = lab.send(
                ESCROW, "withdrawTo", case.id, elsewhere, 0, FAR, signature
            )
        keep = signed(held, keep_payee_hash(held.id, 1, FAR))
        gas["alone: object to a withdrawal elsewhere"] = lab.send(ESCROW, "keepPayee", held.id, 1, FAR, keep)

    def measure_silence(self) -> None:
        """Last, because the chain's clock runs far ahead."""
        play, gas = self.play, self.gas
        cases = each(BATCH, play.prepare, "silent")
        alone, full = play.prepare("silent alone"), play.prepare("silent, received")
        play.reach([*cases, alone])
        play.reach([full], *_RECEIVED)
        gas["alone: poke, requested"] = play.poke(alone, _ROUND)
        gas["alone: poke, received, with the settlement"] = play.poke(full, 0)
        total = self.lab.send(LEDGER, "pokeBatch", [case.id for case in cases])
        gas[f"{BATCH} at once: poke, requested"] = total // BATCH
