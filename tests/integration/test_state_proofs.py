"""State proofs in bundles, of real chains: what they prove without a node, and nodes that prove wrongly or nothing."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databases import Databases

from ledger_service.chain.code import code_hashes
from ledger_service.chain.proofs import ask_proofs
from ledger_service.chain.rpc import Call, Rpc, RpcRefused
from ledger_service.domain.checks import Report
from ledger_service.domain.entry import chain_heads
from ledger_service.domain.evidence import Evidence, parse_evidence
from ledger_service.domain.hashing import hex0x
from ledger_service.domain.reading import Reading
from ledger_service.domain.state_proof import NoProof
from ledger_service.services.bundles import make_bundle
from ledger_service.verification import verify_bundle, verify_reading

from .conftest import World
from .court import Court, opened_court

Answer = Callable[[str, Any], Any]


@pytest.fixture(scope="module")
def court(world: World, databases_of_module: Databases) -> Iterator[Court]:
    with opened_court(world, databases_of_module.make()) as made:
        yield made


@pytest.fixture(scope="module")
def bundle(court: Court) -> Any:
    case_id = court.inspected("proven", 10_000)
    court.consumer_says(case_id, "accepted")
    court.settle()
    return json.loads(json.dumps(make_bundle(court.app, case_id)))


@pytest.fixture
def evidence(bundle: Any) -> Evidence:
    return parse_evidence(bundle["evidence"])


def newest(evidence: Evidence) -> str:
    return next(block.hash for block in evidence.blocks if block.number == evidence.head_block)


def judged(evidence: Evidence) -> Report:
    return verify_reading(Reading(evidence), block_hash=newest(evidence), codes=code_hashes)


def said(report: Report, number: int) -> tuple[str, str]:
    return next((check.result, check.detail) for check in report.checks if check.number == number)


class Node(Rpc):
    """A chain's node whose answers are made others."""

    def __init__(self, url: str, changed: Answer) -> None:
        super().__init__(url)
        self._changed = changed

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        return [self._changed(call[0], answer) for call, answer in zip(calls, super().batch(calls), strict=True)]


def asked(evidence: Evidence, world: World, changed: Answer) -> Evidence:
    """The evidence with what such a node gives."""
    node, named = Node(world.chain.url, changed), evidence.chain
    headers, proof = ask_proofs(
        node, evidence.blocks, evidence.head_block, evidence.case_id, named.ledger, named.escrow
    )
    node.close()
    return replace(evidence, headers=headers, state_proof=proof)


# --- what is proven --------------------------------------------------------------------------------------------------


def test_bundle_says_what_is_left_to_trust(bundle: Any, evidence: Evidence) -> None:
    alone = verify_bundle(bundle, codes=code_hashes)
    assert (alone.verdict, alone.skipped) == ("verified", [4, 5, 6, 7])
    assert f"this block hash is canonical, {newest(evidence)}" in alone.trust
    known = judged(evidence)
    assert (known.verdict, known.skipped) == ("verified", [7])
    assert "whose hash you gave" in said(known, 5)[1]
    assert known.trust == alone.trust


def test_another_block_hash_fails(evidence: Evidence) -> None:
    report = verify_reading(Reading(evidence), block_hash="0x" + "12" * 32, codes=code_hashes)
    assert said(report, 6)[0] == "fail"
    assert said(report, 5)[0] == "skipped"


def test_other_code_at_the_addresses_fails(evidence: Evidence) -> None:
    other = replace(evidence.chain, panel=evidence.chain.escrow)
    report = verify_reading(Reading(evidence), block_hash=newest(evidence), codes=lambda _: code_hashes(other))
    assert said(report, 4) == (
        "fail",
        "The code at these addresses is not that of this release's contracts: anything may run there.",
    )


def test_proof_of_an_earlier_head_contradicts_the_records(court: Court, evidence: Evidence) -> None:
    """A service that leaves the last record out has to prove a head that the contract no longer has."""
    links = evidence.links[:-2]  # accepted, and settled by it
    head = chain_heads(evidence.case_id, [(link.actor, link.commitment, link.entry) for link in links])
    result, detail = said(judged(replace(evidence, links=links, head=head)), 5)
    assert result == "fail"
    assert detail.startswith(f"The contract holds the head {hex0x(evidence.head)} at block {evidence.head_block}")


def test_a_fresh_case_that_the_chain_does_not_know_is_proven_to_be_none(court: Court) -> None:
    case_id = court.open("fresh")
    found = parse_evidence(make_bundle(court.app, case_id)["evidence"])
    report = judged(found)
    assert (report.verdict, said(report, 5)[0]) == ("pending", "pending")
    court.settle()


# --- nodes that give no proof, or a wrong one ------------------------------------------------------------------------


def refuses(method: str, answer: Any) -> Any:
    """As a node without the state of old blocks does."""
    if method != "eth_getProof":
        return answer
    return RpcRefused(method, {"code": -32000, "message": "missing trie node"})


def lies(method: str, answer: Any) -> Any:
    if method == "eth_getProof":
        answer["storageProof"][0]["proof"][0] = answer["accountProof"][0]
    return answer


def has_other_form(method: str, answer: Any) -> Any:
    return {"proof": []} if method == "eth_getProof" else answer


def hashes_otherwise(method: str, answer: Any) -> Any:
    """As chains do whose blocks are signed outside their hash."""
    return {**answer, "extraData": "0x1234"} if method == "eth_getBlockByHash" else answer


def has_no_such_block(method: str, answer: Any) -> Any:
    return None if method == "eth_getBlockByHash" else answer


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (refuses, "missing trie node"),
        (lies, "not the one that is named above it"),
        (has_other_form, "not in the form of EIP-1186"),
        (hashes_otherwise, "does not hash to"),
        (has_no_such_block, "it has no block"),
    ],
)
def test_node_that_proves_nothing_leaves_it_unproven_with_its_reason(
    evidence: Evidence, world: World, changed: Answer, reason: str
) -> None:
    found = asked(evidence, world, changed)
    assert isinstance(found.state_proof, NoProof)
    assert reason in found.state_proof.reason
    assert world.chain.url not in found.state_proof.reason
    report = judged(found)
    assert (report.verdict, report.skipped) == ("verified", [4, 5, 6, 7])
    assert reason in said(report, 5)[1]


def test_node_that_does_not_answer_leaves_it_unproven(evidence: Evidence) -> None:
    headers, proof = ask_proofs(
        Rpc("http://127.0.0.1:9"), evidence.blocks, evidence.head_block, evidence.case_id, *_contracts(evidence)
    )
    assert headers == ()
    assert isinstance(proof, NoProof)
    assert "does not answer" in proof.reason


def _contracts(evidence: Evidence) -> tuple[str, str]:
    return evidence.chain.ledger, evidence.chain.escrow


@pytest.mark.parametrize("world", ["anvil"], indirect=True)
def test_state_that_a_node_has_forgotten_is_no_proof(court: Court, evidence: Evidence) -> None:
    """Anvil keeps the states of some hundred blocks."""
    rpc = court.world.chain.rpc
    rpc.call("anvil_mine", hex(400))
    headers, proof = ask_proofs(rpc, evidence.blocks, evidence.head_block, evidence.case_id, *_contracts(evidence))
    assert len(headers) == len(evidence.blocks)
    assert isinstance(proof, NoProof), "the node has kept it: mine more"
    assert f"no proof of its state at block {evidence.head_block}" in proof.reason


# --- by hand ---------------------------------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
(LINES,) = re.findall(r"^```js\n(.*?)^```", (ROOT / "docs" / "verification.md").read_text("utf-8"), re.S | re.M)


def by_hand(bundle: Any, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The lines for ethers, run as they stand with the reader's own node in them."""
    (folder / "case.json").write_text(json.dumps(bundle), "utf-8")
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    program = folder / "by_hand.mjs"
    program.write_text(LINES.replace("https://node.example", url), "utf-8")
    command = ["node", str(program)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def of_today(court: Court, world: World, bundle: Any) -> Any:
    """The case's bundle made anew: the state of its block is one that every node still has."""
    newest, case_id = world.chain.rpc.latest().number, bundle["evidence"]["case_id"]
    court.ledger.run_until(lambda: make_bundle(court.app, case_id)["evidence"]["head"]["block"] >= newest)
    return json.loads(json.dumps(make_bundle(court.app, case_id)))


def test_lines_for_ethers_lead_to_the_contracts_head(of_today: Any, world: World, tmp_path: Path) -> None:
    done = by_hand(of_today, world.chain.url, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"The contract holds the head of these records: {of_today['evidence']['head']['value']}\n"


@pytest.mark.parametrize(("member", "said"), [("records", "a record was changed"), ("links", "another head")])
def test_lines_for_ethers_find_what_was_changed(
    member: str, said: str, of_today: Any, world: World, tmp_path: Path
) -> None:
    changed = json.loads(json.dumps(of_today))
    if member == "records":
        changed["evidence"]["records"][1]["canonical"] += " "
    else:
        del changed["evidence"]["links"][-1]
    done = by_hand(changed, world.chain.url, tmp_path)
    assert done.returncode != 0
    assert said in done.stderr
