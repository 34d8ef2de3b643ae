"""Every value of a bundle is covered by a check: whichever is changed, the verdict is no longer 'verified'."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger_service.errors import InvalidInput
from ledger_service.verification import verify_bundle

from .builder import LIVES, FakeChain, Life, seal
from .mutations import Path, changed, leaves

# What only the service's own word stands behind, even where a chain is asked.
SERVICE_SAYS = {("chain", "operator"), ("chain", "confirmations"), ("refusals", "reason")}


def verdict_of(bundle: Any, chain: FakeChain | None = None) -> str:
    try:
        return verify_bundle(bundle, chain).verdict
    except InvalidInput:
        return "failed"


def named(path: Path) -> tuple[str, ...]:
    return tuple(part for part in path if isinstance(part, str))


@pytest.mark.parametrize("name", ["paid", "refused act"])
def test_change_any_value_of_sealed_bundle_fails_without_a_chain(name: str) -> None:
    bundle = seal(LIVES[name]().evidence().as_json())
    assert verdict_of(bundle) == "verified"
    missed = [path for path in leaves(bundle) if verdict_of(changed(bundle, path)) != "failed"]
    assert missed == []


@pytest.mark.parametrize("name", ["paid", "bond refunded", "refused act", "ruled", "key bound"])
def test_change_any_value_and_seal_again_fails_against_the_chain(name: str) -> None:
    """A lying service can seal what it likes; the parties' signatures and the chain hold it to the truth."""
    life: Life = LIVES[name]()
    evidence = life.evidence().as_json()
    missed = [
        path
        for path in leaves(evidence)
        if named(path) not in SERVICE_SAYS and verdict_of(seal(changed(evidence, path)), life.chain()) != "failed"
    ]
    assert missed == []


@pytest.mark.parametrize("name", ["paid", "refused act"])
def test_remove_any_item_and_seal_again_fails_against_the_chain(name: str) -> None:
    life: Life = LIVES[name]()
    evidence = life.evidence().as_json()
    for member, value in evidence.items():
        items = value if isinstance(value, list) else []
        for index in range(len(items)):
            shorter = {**evidence, member: items[:index] + items[index + 1 :]}
            found = verdict_of(seal(shorter), life.chain())
            last_payment = member == "escrow" and index == len(items) - 1 and items[index]["event"] == "Withdrawn"
            assert last_payment or found != "verified", (member, index)


def test_change_any_letter_of_a_record_fails_without_a_chain() -> None:
    life: Life = LIVES["opened"]()
    evidence = life.evidence().as_json()
    text = evidence["records"][0]["canonical"]
    for index in range(len(text)):
        evidence["records"][0]["canonical"] = text[:index] + ("b" if text[index] == "a" else "a") + text[index + 1 :]
        assert verdict_of(seal(json.loads(json.dumps(evidence)))) == "failed"
