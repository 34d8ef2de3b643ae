"""Bundles changed at random, in their bytes and in their structure: they are refused or judged, and nothing else."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_service.domain.bundle_file import read_json
from ledger_service.errors import InvalidInput
from ledger_service.verification import verify_bundle

FOLDER = Path(__file__).parents[2] / "vectors" / "bundles"
FILES = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.json")) if path.stem != "expected"}
BUNDLES = {name: json.loads(data) for name, data in FILES.items()}
HASHES = {
    name: one["block_hash"]
    for name, one in json.loads((FOLDER / "expected.json").read_text("utf-8"))["bundles"].items()
}
SHORT, LONG = 3_000, 1_000_000
EACH = 500  # inputs of one seed, so that what is found can be found again

Where = tuple[str | int, ...]
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 255, 2**16, 2**31, 2**40 - 1, 2**53 - 1, 2**53, 2**64, 2**256, 10**400, 0.5, 1e308),
    *("", " ", "0x", "0x0", "0x" + "00" * 32, "0x" + "ff" * 32, "0x" + "00" * 20, "x" * 5_000, "\x00", "\ud800", "é"),
    *("requested", "ruled", "own", "sha-256", "2026-02-30T00:00:00Z", "-1", "1e9", "NaN"),
    *([], {}, [[]], [None], {"": {}}, [[[[[[[[[]]]]]]]]], {"reason": ""}, {"keys": [{}]}, ["0x80"], ["0xc0"]),
)


def judged(data: bytes, block_hash: str) -> str:
    """The verdict, or `refused`. Anything but a clean error comes out as it is."""
    try:
        report = verify_bundle(read_json(data, "bundle.json"), block_hash=block_hash)
    except InvalidInput:
        return "refused"
    json.dumps(report.as_json())
    return report.verdict


# --- in the bytes ----------------------------------------------------------------------------------------------------


_PIECES = (b"[", b"{", b'"', b"\\", b"\\ud800", b"[" * 200, b"null", b"-", b"\xff")


def in_bytes(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        start = chance.randrange(len(changed))
        end = min(len(changed), start + chance.choice((1, 1, 4, 64, 4_096)))
        how = chance.randrange(5)
        if how == 0:
            changed[start] ^= 1 << chance.randrange(8)
        elif how == 1:
            del changed[start:end]
        elif how == 2:
            changed[start:start] = changed[start:end] * chance.choice((1, 2, 50))
        elif how == 3:
            changed[start:end] = chance.randbytes(end - start)
        else:
            changed[start:start] = chance.choice(_PIECES)
    return bytes(changed)


# --- in the structure ------------------------------------------------------------------------------------------------


def places(value: Any, path: Where = ()) -> Iterator[Where]:
    """The paths of all values, whatever they hold."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield (*path, name)
        yield from places(item, (*path, name))


PLACES = {name: list(places(bundle)) for name, bundle in BUNDLES.items()}


def at(value: Any, path: Where) -> Any:
    for part in path:
        value = value[part]
    return value


def in_structure(chance: random.Random, name: str) -> bytes:
    bundle = copy.deepcopy(BUNDLES[name])
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        path = chance.choice(PLACES[name])
        try:
            parent = at(bundle, path[:-1])
            chance.choice(WAYS)(chance, parent, path[-1], name)
        except (AttributeError, LookupError, TypeError, ValueError):  # it is gone, or another, since the change before
            continue
    return json.dumps(bundle).encode()


Way = Callable[[random.Random, Any, str | int, str], None]


def odd(chance: random.Random, parent: Any, name: str | int, _of: str) -> None:
    parent[name] = copy.deepcopy(chance.choice(ODD))


def gone(chance: random.Random, parent: Any, name: str | int, _of: str) -> None:
    del parent[name]


def renamed(chance: random.Random, parent: Any, name: str | int, _of: str) -> None:
    parent[chance.choice(("x", "__class__", name, ""))] = parent.pop(name)


def borrowed(chance: random.Random, parent: Any, name: str | int, of: str) -> None:
    """A value of another place, or of another bundle."""
    source = chance.choice((of, chance.choice(sorted(BUNDLES))))
    parent[name] = copy.deepcopy(at(BUNDLES[source], chance.choice(PLACES[source])))


def repeated(chance: random.Random, parent: Any, name: str | int, _of: str) -> None:
    value = parent[name]
    parent[name] = value * chance.choice((0, 2, 60)) if isinstance(value, list | str) else [value, value]


def shuffled(chance: random.Random, parent: Any, name: str | int, _of: str) -> None:
    value = parent[name]
    if isinstance(value, list):
        chance.shuffle(value)
    elif isinstance(value, str) and value:
        place = chance.randrange(len(value))
        parent[name] = value[:place] + chance.choice('0123456789abcdefghAZ _.{}[]"\\é') + value[place + 1 :]
    elif isinstance(value, int):
        parent[name] = value + chance.choice((-1, 1, 2**8, 2**32))


def within_text(chance: random.Random, parent: Any, name: str | int, of: str) -> None:
    """A document or proof changed in its own structure."""
    inner = json.loads(parent["canonical"]) if isinstance(parent, dict) and "canonical" in parent else None
    if not isinstance(inner, dict):
        return shuffled(chance, parent, name, of)
    path = chance.choice(list(places(inner)))
    chance.choice((odd, gone, shuffled))(chance, at(inner, path[:-1]), path[-1], of)
    parent["canonical"] = json.dumps(inner, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return None


WAYS: tuple[Way, ...] = (odd, gone, renamed, borrowed, repeated, shuffled, shuffled, within_text)


# --- and how many ----------------------------------------------------------------------------------------------------


def run(seed: int, count: int) -> dict[str, int]:
    """How often each verdict came of the inputs of one seed."""
    chance, found = random.Random(seed), {}
    for number in range(count):
        name = chance.choice(sorted(FILES))
        data = in_bytes(chance, FILES[name]) if number % 2 else in_structure(chance, name)
        try:
            verdict = judged(data, HASHES[name])
        except BaseException as error:
            raise AssertionError(f"input {number} of seed {seed}, of {name}") from error
        found[verdict] = found.get(verdict, 0) + 1
    return found


@pytest.mark.parametrize("seed", range(SHORT // EACH))
def test_changed_bundles_are_refused_or_judged(seed: int) -> None:
    found = run(seed, EACH)
    assert found.get("failed", 0) > EACH / 10, found
    assert found.get("refused", 0) > EACH / 4, found


@pytest.mark.long
@pytest.mark.timeout(8 * 3_600)
def test_a_million_changed_bundles_are_refused_or_judged() -> None:
    for seed in range(1_000, 1_000 + LONG // EACH):
        run(seed, EACH)
