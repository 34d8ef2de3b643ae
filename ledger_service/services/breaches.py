"""Who missed what by how long, each with a certificate that anybody can check."""

from __future__ import annotations

from typing import Any

from ..domain.breaches import TYPE, Breach, breach_claims, find_breaches
from ..domain.evidence import Evidence, parse_evidence
from ..domain.reading import Reading
from ..domain.replay import Rules
from ..domain.times import from_chain, rfc3339
from ..store.cases import find_case
from ..store.keys import names_of
from ..store.tables import Account
from .access import require_visible
from .app import App
from .evidence import gather, show_none


def breaches_for(app: App, account: Account, case_id: str) -> dict[str, Any]:
    """The body of GET /v1/cases/{case_id}/breaches. Raises NotFound for a case that is not the caller's to see."""
    with app.database.read() as session:
        require_visible(session, account, find_case(session, case_id))
    return case_breaches(app, case_id)


def case_breaches(app: App, case_id: str) -> dict[str, Any]:
    """All windows of a case that were missed, by the newest block that was read. A breach is certified once its block
    is final: a block that a reorg takes back would leave a signed untruth.

    Raises NotFound, or IntegrityFailure where the case's timeline contradicts itself.
    """
    with app.database.read() as session:
        _, content = gather(app, session, case_id, show_none, open_round=False)
        evidence = parse_evidence(content)
        reading = Reading(evidence)
        found = find_breaches(reading) if evidence.links else []
        rules = reading.rules
        items = [] if isinstance(rules, str) else [_item(app, breach, evidence, rules) for breach in found]
        names = names_of(session, {item["actor"] for item in items})
    newest = reading.blocks.get(evidence.head_block)  # whose row can be gone, as the verification says
    return {
        "case_id": case_id,
        "items": [{**item, "name": names.get(item["actor"])} for item in items],
        "as_of": {"block": evidence.head_block, "time": _moment(newest.time) if newest else None},
    }


def _item(app: App, breach: Breach, evidence: Evidence, rules: Rules) -> dict[str, Any]:
    claims = breach_claims(breach, evidence, rules)
    is_final = evidence.head_block - breach.block.number >= evidence.chain.confirmations
    certified = {"iss": app.settings.url, "iat": app.clock.seconds(), **claims}
    return {
        **readable(claims),
        "stage": "final" if is_final else "recorded",
        "certificate": app.tokens.sign(TYPE, certified) if is_final else None,
    }


def readable(claims: dict[str, Any]) -> dict[str, Any]:
    """A certificate's claims for people: the same names, and moments in RFC 3339."""
    block = claims["block"]
    return {
        **claims,
        "since": _moment(claims["since"]),
        "deadline": _moment(claims["deadline"]),
        "block": {**block, "time": _moment(block["time"])},
    }


def _moment(seconds: int) -> str:
    return rfc3339(from_chain(seconds))
