"""Write frontend_static/verify/tables.js anew: the tables by which a browser checks a case, from the service's own.

scripts/page_tables.py            rewrites the file
scripts/page_tables.py --check    changes nothing; exit code 1 if the committed file differs
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from iso4217 import Currency

from ledger_service.chain.abi import ANCHOR, ESCROW, LEDGER, PANEL, events, function
from ledger_service.chain.case_reader import MONEY_EVENTS
from ledger_service.domain.checks import NAMES
from ledger_service.domain.hashing import ZERO_ADDRESS, from_hex, hex0x, keccak
from ledger_service.domain.messages import SigningDomain, message_name
from ledger_service.domain.observations import ROLES
from ledger_service.domain.state_proof import CASES_SLOT, LOCKS_SLOT
from ledger_service.domain.transitions import GIVES_UP, LAPSES, LIVE, SIGNS_SHARE, TRANSITIONS
from ledger_service.domain.vocabulary import (
    FULL_SHARE,
    PASSING_MARKS,
    Flag,
    Freight,
    Grade,
    Kind,
    Mark,
    Mode,
    Role,
    State,
    Word,
)

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "frontend_static" / "verify" / "tables.js"
ARTIFACTS = ROOT / "ledger_service" / "chain" / "artifacts"
HEAD = "// Written by scripts/page_tables.py out of the service's own tables; do not edit.\nexport const TABLES = "
VIEWS = ((LEDGER, "head"), (ESCROW, "lockOf"), (ESCROW, "tokenInfo"), (PANEL, "panelOf"))


def words_of(kind: type[Word]) -> list[str]:
    return [word.wire for word in sorted(kind)]


def message_types() -> dict[str, list[list[str]]]:
    """The fields of each message that a bundle holds a signature of, as wallets get them."""
    domain = SigningDomain(1, ZERO_ADDRESS)
    acts = {row.kind for row in TRANSITIONS}
    names = ["Terms", "Open", "Vote", "Observation", *sorted(message_name(kind) for kind in acts)]
    listed = {name: domain.typed_data(name, {})["types"][name] for name in names}
    return {name: [[field["name"], field["type"]] for field in fields] for name, fields in listed.items()}


def event_types() -> dict[str, list[dict[str, Any]]]:
    """By contract, the events that a case's evidence is made of."""
    wanted = {LEDGER: ("Recorded", "Skipped"), ESCROW: MONEY_EVENTS, ANCHOR: ("Anchored",)}
    found: dict[str, list[dict[str, Any]]] = {contract: [] for contract in wanted}
    for (contract, topic), event in events().items():
        if event.name in wanted.get(contract, ()):
            inputs = [[part["name"], part["type"], bool(part["indexed"])] for part in event.inputs]
            found[contract].append({"name": event.name, "topic": topic, "inputs": inputs})
    return found


def code_of(contract: str) -> dict[str, Any]:
    """What the contract's code is but for the values that its constructor put in: those places are zero in the hash."""
    artifact = json.loads((ARTIFACTS / f"{contract}.json").read_text("utf-8"))
    code = bytearray(from_hex(artifact["deployedBytecode"]))
    places = sorted(
        (place["start"], place["length"]) for several in artifact["immutableReferences"].values() for place in several
    )
    for start, length in places:
        code[start : start + length] = bytes(length)
    return {"size": len(code), "immutables": [list(place) for place in places], "hash": hex0x(keccak(bytes(code)))}


def escrow_events() -> dict[str, list[list[str | int]]]:
    """The arguments of the money's events, integers by their bits."""
    return {
        event["name"]: [
            [name, kind if kind == "address" else int(kind.removeprefix("uint"))]
            for name, kind, _ in event["inputs"]
            if name != "caseId"
        ]
        for event in event_types()[ESCROW]
    }


def tables() -> dict[str, Any]:
    return {
        "words": {kind.__name__: words_of(kind) for kind in (State, Role, Kind, Mode, Grade, Freight)},
        "live": [state.wire for state in LIVE],
        "flags": {flag.name: int(flag) for flag in Flag},
        "marks": {mark.name: int(mark) for mark in Mark},
        "passing_marks": int(PASSING_MARKS),
        "full_share": FULL_SHARE,
        "transitions": [
            [
                row.origin.wire,
                row.kind.wire,
                row.role.wire,
                None if row.to is None else row.to.wire,
                row.guard.name if row.guard else None,
            ]
            for row in TRANSITIONS
        ],
        "lapses": [
            [
                row.origin.wire,
                row.condition.name if row.condition else None,
                row.kind.wire,
                row.to.wire,
                row.result.name if row.result else None,
            ]
            for row in LAPSES
        ],
        "gives_up": sorted(kind.wire for kind in GIVES_UP),
        "signs_share": sorted(kind.wire for kind in SIGNS_SHARE),
        "types": message_types(),
        "observations": {kind: [role.wire for role in roles] for kind, roles in ROLES.items()},
        "checks": NAMES,
        "currencies": {money.code: int(money.exponent) for money in Currency if money.exponent is not None},
        "escrow_events": escrow_events(),
        "events": event_types(),
        "selectors": {name: hex0x(function(contract, name).selector) for contract, name in VIEWS},
        "slots": {"cases": CASES_SLOT, "locks": LOCKS_SLOT},
        "code": {contract: code_of(contract) for contract in (LEDGER, ESCROW, PANEL, ANCHOR)},
    }


def render() -> str:
    """One line for each table and each entry of it."""
    lines = ["{"]
    for name, table in tables().items():
        if isinstance(table, dict):
            inner = [f"    {json.dumps(str(key))}: {json.dumps(value)}," for key, value in table.items()]
            lines += [f"  {name}: {{", *inner, "  },"]
        elif isinstance(table, list) and isinstance(table[0], list):
            lines += [f"  {name}: [", *(f"    {json.dumps(row)}," for row in table), "  ],"]
        else:
            lines.append(f"  {name}: {json.dumps(table)},")
    return HEAD + "\n".join([*lines, "};"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the tables of the page's checks anew.")
    parser.add_argument("--check", action="store_true", help="only compare with the committed file")
    check: bool = parser.parse_args().check

    fresh = render()
    if not check:
        FILE.write_text(fresh, encoding="utf-8")
    elif not FILE.is_file() or FILE.read_text("utf-8") != fresh:
        print(
            "frontend_static/verify/tables.js is not what the tables say: run .venv/bin/python scripts/page_tables.py"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
