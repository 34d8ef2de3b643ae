"""Writes `golden.json`: what contracts, service, pages and every later version have to agree on.

Run `python tests/vectors/regenerate.py`. A difference from what is committed means that records, signatures or policies
of yesterday would not be understood tomorrow: look twice before you commit one.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger_service.domain.disclosures import make_disclosure
from ledger_service.domain.entry import Entry, chain_heads
from ledger_service.domain.hashing import ZERO_ADDRESS, hex0x
from ledger_service.domain.messages import (
    Act,
    Opening,
    Parties,
    SigningDomain,
    Terms,
    Vote,
    escrow_domain,
    keep_payee_hash,
    panel_domain,
    withdraw_to_hash,
)
from ledger_service.domain.packed_act import pack_act
from ledger_service.domain.panels import Panel, ballot_of
from ledger_service.domain.policies import parse_policy
from ledger_service.domain.records import make_record
from ledger_service.domain.transitions import SIGNS_SHARE
from ledger_service.domain.vocabulary import Grade, Kind, Mode, Role, State
from ledger_service.domain.votes import make_vote

HERE = Path(__file__).parent
POLICIES = HERE.parents[1] / "ledger_service" / "policies"
LEDGER, ESCROW = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"
PANEL = "0xE57bFE9F44b819898F47BF37E5AF72a0783e1141"
CONSUMER = "0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69"
CASE, COMMITMENT, UNTIL = bytes(range(32)), bytes(range(32, 64)), 1_800_000_000
NO_ACTS = (Kind.NONE, Kind.REQUESTED, Kind.RULED, Kind.SETTLED, Kind.CLOSED)
PACKED = (Kind.INSPECTED, Kind.KEY_BOUND)


def act(kind: Kind) -> Act:
    inspected = kind is Kind.INSPECTED
    return Act(
        case_id=CASE,
        kind=kind,
        role=Role.INSPECTOR if inspected else Role.MERCHANT,
        nonce=7,
        valid_until=UNTIL,
        commitment=COMMITMENT,
        grade=Grade.USED if inspected else Grade.NONE,
        share=7_500 if kind in SIGNS_SHARE else 0,
        fee=150 if inspected else 0,
        key=LEDGER if kind is Kind.KEY_BOUND else ZERO_ADDRESS,
    )


def record() -> dict[str, Any]:
    disclosure = make_disclosure(bytes(range(16)), "name", "Zoë Müller 王")
    made = make_record(
        case_id=CASE,
        kind=Kind.INSPECTED.wire,
        role=Role.INSPECTOR,
        signer=LEDGER,
        key="own",
        occurred_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        data={"grade": "used", "share": 7_500, "fee": 150, "note": "Kratzer am Gehäuse €"},
        disclosures=[disclosure],
        salt=bytes(range(16, 32)),
    )
    return {
        "disclosure": {"encoded": disclosure.encoded, "digest": disclosure.digest},
        "canonical": made.canonical.decode("utf-8"),
        "commitment": hex0x(made.commitment),
    }


def messages() -> dict[str, Any]:
    ledger, escrow, panel = SigningDomain(31_337, LEDGER), escrow_domain(31_337, ESCROW), panel_domain(31_337, PANEL)
    parties = Parties(LEDGER, ESCROW, ESCROW, LEDGER)
    policy = parse_policy(json.loads((POLICIES / "eu-14.json").read_text("utf-8")))
    terms = Terms(CASE, CONSUMER, True, parties.id(), policy.id(), 0, Mode.REFUND, ESCROW, 1_980, 450, 300)
    opening = Opening(terms, COMMITMENT, UNTIL)
    acts = [act(kind) for kind in Kind if kind not in NO_ACTS]
    return {
        "domains": {
            "ledger": hex0x(ledger.separator),
            "escrow": hex0x(escrow.separator),
            "panel": hex0x(panel.separator),
        },
        "parties": hex0x(parties.id()),
        "terms": terms.as_json(),
        "case_id": hex0x(terms.struct_hash()),
        "open": hex0x(ledger.digest(opening.struct_hash())),
        "acts": {step.kind.wire: hex0x(ledger.digest(step.struct_hash())) for step in acts},
        "vote": hex0x(panel.digest(Vote(CASE, 2, 7_500, UNTIL, COMMITMENT).struct_hash())),
        "withdraw_to": hex0x(escrow.digest(withdraw_to_hash(CASE, CONSUMER, 3, UNTIL))),
        "keep_payee": hex0x(escrow.digest(keep_payee_hash(CASE, 3, UNTIL))),
        "packed": [hex0x(pack_act(act(kind), bytes(range(64)) + b"\x1c")) for kind in PACKED],
    }


def votes() -> dict[str, Any]:
    panel = Panel((LEDGER, ESCROW, CONSUMER), 3, appeal_panel=2, fallback_panel=1, fee=250)
    reasons = make_disclosure(bytes(range(16)), "reasons", "Gründe und 理由")
    document = make_vote(
        case_id=CASE,
        signer=LEDGER,
        key="own",
        round_=2,
        share=7_500,
        occurred_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        disclosures=[reasons],
        salt=bytes(range(16, 32)),
    )
    return {
        "canonical": document.canonical.decode("utf-8"),
        "commitment": hex0x(document.commitment),
        "panel": panel.id(),
        "ballot": hex0x(ballot_of(panel, {LEDGER: 7_500, CONSUMER: 0, ESCROW: 10_000})),
    }


def chain() -> dict[str, Any]:
    first = Entry(0, Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, UNTIL, UNTIL - 9, Grade.NONE, 0, 0, 1)
    second = Entry(1, Kind.INSPECTED, Role.INSPECTOR, State.INSPECTED, UNTIL, UNTIL - 5, Grade.USED, 7_500, 150, 7)
    links = [(CONSUMER, COMMITMENT, first.pack()), (LEDGER, CASE, second.pack())]
    return {"entries": [hex0x(first.pack()), hex0x(second.pack())], "head": hex0x(chain_heads(CASE, links))}


def policies() -> dict[str, str]:
    files = sorted(POLICIES.glob("*.json"))
    return {path.stem: hex0x(parse_policy(json.loads(path.read_text("utf-8"))).id()) for path in files}


def golden() -> str:
    """The file's text."""
    content = {"record": record(), "messages": messages(), "votes": votes(), "chain": chain(), "policies": policies()}
    return json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    (HERE / "golden.json").write_text(golden(), "utf-8")
