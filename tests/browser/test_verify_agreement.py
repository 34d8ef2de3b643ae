"""The page's checks and the command line's say the same: of every life, and of what somebody changed in it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from unit.verification.builder import LIVES, TOKENS, paid, seal
from unit.verification.mutations import changed, leaves
from unit.verification.test_seen import observed, renamed

from ledger_service.domain.checkpoint import keys_of, read_checkpoint
from ledger_service.domain.evidence import parse_evidence
from ledger_service.domain.observations import AnchorFacts
from ledger_service.errors import InvalidInput

from .judging import facts_json, in_node, in_python, results_of
from .stub import ROOT

BUNDLES = {name: seal(make().evidence().as_json()) for name, make in LIVES.items()}
MUTATIONS = 150
ODD: tuple[Any, ...] = (None, True, 0, -1, 1.0, 1e30, 2**53, 2**64, "", "0x", "none", [], {}, ["x"], "\ud800", "é")


def agree(bundles: list[Any], chains: list[Any] | None = None) -> None:
    """Judges each bundle in both, with its chain if there is one; the details have to be the same where all is well."""
    asked = chains or [None] * len(bundles)
    tasks = [
        {"text": json.dumps(bundle), "facts": _facts(chain, bundle), "blockHash": None}
        for bundle, chain in zip(bundles, asked, strict=True)
    ]
    for bundle, chain, page in zip(bundles, asked, in_node(tasks), strict=True):
        python = in_python(bundle, chain)
        assert results_of(page) == results_of(python), json.dumps([page, python])[:4000]
        if python.get("verdict") == "verified":
            assert page == python


def _facts(chain: Any, bundle: Any) -> Any:
    try:
        return None if chain is None else facts_json(chain, parse_evidence(bundle["evidence"]))
    except InvalidInput:
        return None


@pytest.mark.parametrize("keys", [TOKENS.jwks(), {"keys": []}], ids=["the service's", "none"])
def test_keys_from_elsewhere_count_alike_for_seal_receipts_and_notes(keys: Any) -> None:
    bundles = [BUNDLES["paid"], seal(observed(paid(), 5).as_json())]
    bundles += [seal(renamed(observed(paid(), 5), f"https://{host}.example").as_json()) for host in ("shop", "other")]
    tasks = [{"text": json.dumps(bundle), "facts": None, "blockHash": None, "keys": keys} for bundle in bundles]
    for bundle, page in zip(bundles, in_node(tasks), strict=True):
        assert page["checks"] == in_python(bundle, keys=keys)["checks"]


def test_log_in_another_name_is_said_alike() -> None:
    agree([seal(renamed(observed(paid(), 5), f"https://{host}.example").as_json()) for host in ("shop", "other")])


def test_every_life_is_judged_alike_without_a_chain() -> None:
    agree(list(BUNDLES.values()))


@pytest.mark.parametrize("options", [{}, {"events": False}, {"down": True}], ids=["events", "views alone", "down"])
def test_every_life_is_judged_alike_with_a_chain(options: dict[str, Any]) -> None:
    lives = [make() for make in LIVES.values()]
    agree([seal(life.evidence().as_json()) for life in lives], [life.chain(**options) for life in lives])


@pytest.mark.parametrize("resealed", [False, True], ids=["by somebody", "by the service"])
def test_a_changed_value_is_judged_alike(resealed: bool) -> None:
    """Each of some hundreds of bundles has one value that is another; the service itself may have sealed it again."""
    chance = random.Random(20261123)
    bundles = []
    for _ in range(MUTATIONS):
        bundle = chance.choice(list(BUNDLES.values()))
        evidence = changed(bundle["evidence"], chance.choice(list(leaves(bundle["evidence"]))))
        bundles.append(_sealed(evidence) if resealed else {**bundle, "evidence": evidence})
    agree(bundles)


def test_a_value_of_another_kind_is_judged_alike() -> None:
    chance = random.Random(7)
    bundles = []
    for _ in range(MUTATIONS):
        bundle = json.loads(json.dumps(chance.choice(list(BUNDLES.values()))))
        *path, last = chance.choice(list(leaves(bundle)))
        parent = bundle
        for name in path:
            parent = parent[name]
        parent[last] = chance.choice(ODD)
        bundles.append(bundle)
    agree(bundles)


def test_records_left_out_or_moved_are_judged_alike_against_the_chain() -> None:
    chance = random.Random(11)
    bundles, chains = [], []
    for make in LIVES.values():
        life = make()
        for member in ("records", "links", "escrow", "blocks", "votes", "panels", "refusals"):
            evidence = life.evidence().as_json()
            if not evidence[member]:
                continue
            taken = evidence[member].pop(chance.randrange(len(evidence[member])))
            if chance.random() < 0.5:
                evidence[member].insert(chance.randrange(len(evidence[member]) + 1), taken)
            bundles.append(seal(evidence))
            chains.append(life.chain())
    agree(bundles, chains)


def _sealed(evidence: dict[str, Any]) -> dict[str, Any]:
    try:
        return seal(evidence)
    except InvalidInput:  # nobody could seal it either
        return {**next(iter(BUNDLES.values())), "evidence": evidence}


# --- real bundles ----------------------------------------------------------------------------------------------------

VECTORS = ROOT / "tests" / "vectors" / "bundles"


def test_real_bundles_with_state_proofs_are_judged_alike() -> None:
    """Alone, and with the hash of the block that each was made at."""
    expected = json.loads((VECTORS / "expected.json").read_text("utf-8"))["bundles"]
    texts = {name: (VECTORS / f"{name}.json").read_text("utf-8") for name in expected}
    tasks = [
        {"text": texts[name], "facts": None, "blockHash": block_hash}
        for name, said in expected.items()
        for block_hash in (None, said["block_hash"])
    ]
    for task, page in zip(tasks, in_node(tasks), strict=True):
        assert page == in_python(json.loads(task["text"]), None, task["blockHash"])


def test_changed_state_proofs_are_judged_alike() -> None:
    chance = random.Random(3)
    bundles = []
    for name in ("refunded", "split", "under_way"):
        bundle = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
        paths = [path for path in leaves(bundle["evidence"]) if path[0] in ("headers", "state_proof", "blocks", "head")]
        bundles += [{**bundle, "evidence": changed(bundle["evidence"], chance.choice(paths))} for _ in range(40)]
    agree(bundles)


# --- observations ----------------------------------------------------------------------------------------------------


def test_observations_and_changed_ones_are_judged_alike() -> None:
    chance = random.Random(5)
    evidence = observed(paid(), 5).as_json()
    paths = [path for path in leaves(evidence) if path[0] in ("observations", "checkpoint")]
    odd: list[Any] = [(path, value) for path in paths for value in (None, "", 7, "0x")]
    bundles = [seal(evidence), *(_sealed(changed(evidence, path)) for path in paths)]
    for path, value in chance.sample(odd, 20):
        bundle = json.loads(json.dumps(bundles[0]))
        parent = bundle["evidence"]
        for name in path[:-1]:
            parent = parent[name]
        parent[path[-1]] = value
        bundles.append(bundle)
    agree(bundles)
    life = paid()
    said = read_checkpoint(observed(life, 5).checkpoint.note, keys_of(evidence["jwks"]))
    for anchored in (AnchorFacts((5, said.root), True), AnchorFacts((4, said.root), True), AnchorFacts(None, False)):
        agree([seal(evidence)], [life.chain(changes={"anchor": anchored})])
