"""Bundles judged twice: by Python, and by the page's modules, in node or in a browser."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from typing import Any

from unit.verification.builder import FakeChain

from ledger_service.domain.chain_facts import ChainFacts
from ledger_service.domain.hashing import hex0x
from ledger_service.errors import InvalidInput
from ledger_service.verification import verify_bundle

from .stub import ROOT

Json = dict[str, Any]
RUNNER = ROOT / "tests" / "browser" / "verify_bundles.mjs"


def in_node(tasks: list[Json]) -> list[Json]:
    """The page's modules' answers, in order. A task is `{"text": …, "facts": …, "blockHash": …, "keys": …}`."""
    lines = "".join(json.dumps(task) + "\n" for task in tasks)
    done = subprocess.run(
        ["node", "--no-warnings", str(RUNNER)], input=lines, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def in_python(
    bundle: Any, chain: FakeChain | None = None, block_hash: str | None = None, keys: Json | None = None
) -> Json:
    """What the command line says, as the page's modules say it."""
    try:
        report = verify_bundle(bundle, chain, block_hash=block_hash, keys=keys).as_json()
    except InvalidInput as error:
        return {"refused": error.field}
    checks = [_plain(check) for check in report["checks"]]
    records = [{**row, "checks": [_plain(check) for check in row["checks"]]} for row in report["records"]]
    return {"verdict": report["verdict"], "trust": report["trust"], "checks": checks, "records": records}


def results_of(report: Json) -> Any:
    """All that has to be the same: verdict, and each check's result, of the case and of each row."""
    if "refused" in report:
        return "refused"
    rows = [
        (row["record_id"], row["position"], row["kind"], row["stage"], row["result"], _results(row["checks"]))
        for row in report["records"]
    ]
    return report["verdict"], _results(report["checks"]), rows


def facts_json(chain: FakeChain, evidence: Any) -> Json:
    """What a chain answers about evidence, for the page's modules."""
    if chain.down:
        return {"down": True}
    facts: ChainFacts = chain.facts(evidence)
    return {
        "chainId": facts.chain_id,
        "genesisHash": facts.genesis_hash,
        "newest": asdict(facts.newest),
        "blocks": [asdict(block) for block in facts.blocks.values()],
        "head": hex0x(facts.head),
        "lock": asdict(facts.lock) if facts.lock else None,
        "currency": facts.currency,
        "events": _events(facts),
        "panels": None if facts.panels is None else [[version, asdict(one)] for version, one in facts.panels.items()],
        "codeIsOurs": facts.code_is_ours,
        "anchor": _anchor(facts),
        "accounts": sorted(chain.accounts),
    }


def _anchor(facts: ChainFacts) -> Json | None:
    if facts.anchor is None:
        return None
    found = facts.anchor.anchored
    named = {"size": found[0], "root": hex0x(found[1])} if found else None
    return {"anchored": named, "codeIsOurs": facts.anchor.code_is_ours}


def _events(facts: ChainFacts) -> Json | None:
    if facts.events is None:
        return None
    named = {"links": facts.events.links, "refusals": facts.events.refusals, "escrow": facts.events.escrow}
    return {name: [_flat(event) for event in events] for name, events in named.items()}


def _flat(event: Any) -> Json:
    values = {name: hex0x(item) if isinstance(item, bytes) else item for name, item in asdict(event).items()}
    place = values.pop("place")
    return {**values, **place}


def _plain(check: Json) -> Json:
    return {"number": check["number"], "result": check["result"], "detail": check["detail"]}


def _results(checks: list[Json]) -> list[tuple[int, str]]:
    return [(check["number"], check["result"]) for check in checks]
