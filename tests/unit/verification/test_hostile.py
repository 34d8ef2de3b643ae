"""Hostile evidence: it fails or is refused, and nothing else happens."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.domain.jws import read_token
from ledger_service.errors import IntegrityFailure, InvalidInput
from ledger_service.verification import verify_bundle

from .builder import LIVES, TOKENS, Life, paid, seal
from .mutations import leaves

LIFE: Life = paid()
EVIDENCE = LIFE.evidence().as_json()
REFUSED = LIVES["refused act"]().evidence().as_json()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
EXAMPLES = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def judged(bundle: Any, chain: Any = None) -> str:
    try:
        report = verify_bundle(bundle, chain)
    except InvalidInput:
        return "refused"
    json.dumps(report.as_json())
    return report.verdict


def put(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    result = copy.deepcopy(value)
    parent = result
    for name in path[:-1]:
        parent = parent[name]
    parent[path[-1]] = new
    return result


@EXAMPLES
@given(JSON)
def test_verify_anything_at_all_is_refused(value: Any) -> None:
    assert judged(value) == "refused"


@EXAMPLES
@given(JSON)
def test_verify_anything_as_evidence_is_refused(value: Any) -> None:
    assert judged({"format": "after-sales-bundle/1", "evidence": value, "seal": "x"}) == "refused"


@EXAMPLES
@given(st.sampled_from(list(leaves(EVIDENCE))), JSON, st.booleans())
def test_verify_any_value_in_any_place_never_breaks(path: tuple[str | int, ...], value: Any, asks: bool) -> None:
    evidence = put(EVIDENCE, path, value)
    try:
        bundle = seal(evidence)
    except InvalidInput:  # nobody could seal it either
        bundle = {**seal(EVIDENCE), "evidence": evidence}
    if evidence != EVIDENCE and judged(bundle, LIFE.chain() if asks else None) == "verified":
        # What only a chain can contradict; a panel that is asked for has to be the chain's.
        assert path[0] in ("chain", "blocks", "links", "escrow", "head", "records", *(() if asks else ("panels",)))


@EXAMPLES
@given(st.data())
def test_verify_swapped_values_never_breaks(data: st.DataObject) -> None:
    """Values that are well formed, each in the other's place."""
    source = data.draw(st.sampled_from([EVIDENCE, REFUSED]))
    paths = list(leaves(source))
    one, other = data.draw(st.sampled_from(paths)), data.draw(st.sampled_from(paths))

    def at(path: tuple[str | int, ...]) -> Any:
        value = source
        for name in path:
            value = value[name]
        return value

    judged(seal(put(put(source, one, at(other)), other, at(one))))


@EXAMPLES
@given(st.text(max_size=300), JSON)
def test_read_token_of_anything_is_refused(token: str, jwks: Any) -> None:
    for keys in (TOKENS.jwks(), jwks):
        try:
            read_token("receipt+jwt", token, keys)
        except IntegrityFailure:
            continue
        raise AssertionError(token)


@EXAMPLES
@given(st.data())
def test_read_token_with_any_letter_changed_is_refused(data: st.DataObject) -> None:
    token = TOKENS.sign("receipt+jwt", {"jti": "rec_1"})
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCabc019-_."))
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token:
        return
    try:
        read_token("receipt+jwt", changed, TOKENS.jwks())
    except IntegrityFailure:
        return
    raise AssertionError(changed)
