"""The published schema of bundles: every bundle of ours follows it, and what the strict reader takes, it takes."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.evidence import MEMBERS, parse_evidence
from ledger_service.errors import InvalidInput

from .builder import LIVES, seal
from .mutations import Path as Where
from .mutations import leaves

FOLDER = Path(__file__).parents[2] / "vectors" / "bundles"
BUNDLES = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json") if path.stem != "expected"}
SCHEMA = json.loads((files("ledger_service") / "schemas" / "after-sales-bundle-1.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
# What JSON Schema cannot say: an address's checksum, what a panel has to be, and that 1.0 is no whole number
# here.
BEYOND = ("checksum", "arbitrator", "threshold", "whole number")
_TEXTS = ("", "x", "0x", "0x1", "0X12", "0xAB", *("0x" + "12" * size for size in (20, 32, 33)), "0x" + "zz" * 32)
_NUMBERS = (-1, 0, 1, 255, 256, 2**16, 253_402_300_799, 253_402_300_800, 2**40, 2**53, 2**64, 1.0, 1.5)
_OTHERS = (None, True, [], {}, [[]], ["0x12"], {"reason": "why"}, "Locked", "RedirectVoided", "a" * 600)
VALUES = st.sampled_from((*_TEXTS, *_NUMBERS, *_OTHERS))


def test_schema_is_one() -> None:
    assert jsonschema_rs.meta.is_valid(SCHEMA)
    assert list(SCHEMA["$defs"]["evidence"]["properties"]) == list(MEMBERS)


@pytest.mark.parametrize("name", sorted(BUNDLES))
def test_real_bundle_follows_the_schema(name: str) -> None:
    VALIDATOR.validate(BUNDLES[name])


@pytest.mark.parametrize("name", sorted(LIVES))
def test_bundle_of_any_life_follows_the_schema(name: str) -> None:
    VALIDATOR.validate(seal(LIVES[name]().evidence().as_json()))


def taken(bundle: Any) -> str | None:
    """What the strict reader says against a bundle."""
    try:
        parse_evidence(bundle["evidence"])
    except InvalidInput as error:
        return str(error)
    return None


def agree(bundle: Any) -> None:
    problem, valid = taken(bundle), VALIDATOR.is_valid(bundle)
    if problem is None:
        assert valid, [str(error) for error in VALIDATOR.iter_errors(bundle)]
    else:
        assert not valid or any(word in problem for word in BEYOND), problem


PLACES = [(name, path) for name in sorted(BUNDLES) for path in leaves(BUNDLES[name]) if path[0] == "evidence"]
FREE = ("policy", "jwks")  # objects of their own, which the checks judge


def put(bundle: Any, path: Where, value: Any) -> Any:
    result = copy.deepcopy(bundle)
    parent = result
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = value
    return result


@given(st.sampled_from(PLACES), st.data())
def test_schema_and_reader_agree_on_any_value_anywhere(place: tuple[str, Where], data: st.DataObject) -> None:
    name, path = place
    depth = data.draw(st.integers(2, len(path)))  # a leaf, or all that stands above it
    agree(put(BUNDLES[name], path[:depth], data.draw(VALUES)))


@given(st.sampled_from(PLACES), st.booleans(), st.data())
def test_schema_and_reader_agree_on_members_too_many_or_missing(
    place: tuple[str, Where], adds: bool, data: st.DataObject
) -> None:
    name, path = place
    if path[1] in FREE:
        return
    bundle = copy.deepcopy(BUNDLES[name])
    parents = [bundle]
    for part in path[:-1]:
        parents.append(parents[-1][part])
    within = data.draw(st.sampled_from([one for one in parents[1:] if isinstance(one, dict)]))
    if adds:
        within["unknown"] = 1
    else:
        within.pop(data.draw(st.sampled_from(sorted(within))))
    agree(bundle)
