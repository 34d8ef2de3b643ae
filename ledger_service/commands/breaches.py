"""`ledger verify-breach`: whether a bundle bears out a certificate of a missed window. As `ledger verify`, it needs the
base installation alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..domain.breaches import Judgement, judge_breach
from ..domain.checks import Report
from ..domain.evidence import parse_evidence
from ..domain.reading import Reading
from ..domain.times import from_chain, rfc3339
from ..errors import InvalidInput, LedgerError
from .plain import paragraph, say
from .verify import EXIT_CODES, Parser, add_grounds, judged, read_file

_MAX_BYTES = 64 * 1024
_VERDICTS = {"confirmed": "verified", "refuted": "failed", "unproven": "pending"}


def verify_breach(arguments: Sequence[str]) -> int:
    """Checks a certificate of a missed window by the bundle of its case. Exit code 0: it holds; 1: it does not; 2: this
    bundle cannot tell, or the chain that was to be asked does not answer."""
    options = _parser().parse_args(arguments)
    try:
        return _verify_breach(options)
    except LedgerError as error:
        print(f"ledger: {error}", file=sys.stderr)
        return 1


def _parser() -> Parser:
    parser = Parser(prog="ledger verify-breach", description=verify_breach.__doc__, allow_abbrev=False)
    parser.add_argument("certificate", type=Path, help="the certificate's file: a JWS, or JSON that holds one")
    parser.add_argument("--bundle", type=Path, metavar="FILE", required=True, help="the bundle of its case")
    add_grounds(parser)
    parser.add_argument("--json", action="store_true", help="JSON for programs")
    return parser


def _verify_breach(options: argparse.Namespace) -> int:
    content = read_file(options.bundle)
    keys = read_file(options.jwks) if options.jwks else None
    report, _ = judged(content, keys, options)
    found = judge_breach(_token(options.certificate), Reading(parse_evidence(content["evidence"])), keys)
    if options.json:
        print(json.dumps(_as_json(found, report), indent=2, ensure_ascii=False))
    else:
        _show(found, report)
    if report.verdict == "failed":
        return EXIT_CODES["failed"]
    is_silent = options.rpc and not report.chain["asked"]  # what else waits in the bundle takes nothing from a breach
    return EXIT_CODES["pending" if is_silent and found.finding == "confirmed" else _VERDICTS[found.finding]]


def _as_json(found: Judgement, report: Report) -> dict[str, Any]:
    return {
        "finding": found.finding,
        "detail": found.detail,
        "claims": found.claims,
        "bundle": report.verdict,
        "skipped": list(report.skipped),
        "trust": report.trust,
    }


def _show(found: Judgement, report: Report) -> None:
    said = found.claims
    if said:
        say(f"Case {said['sub']}, {said['basis'].replace('_', ' ')} {said['window']!r}, waiting for: {said['party']}")
        say(
            f"Deadline {_moment(said['deadline'])}, missed by {said['late']} seconds at block {said['block']['number']}"
        )
    say(f"Certificate: {found.finding}. {found.detail}")
    paragraph(report.trust, 0)
    skipped = f", with skipped checks {', '.join(map(str, report.skipped))}" if report.skipped else ""
    say(f"Bundle: {report.verdict}{skipped}. `ledger verify` says why.")


def _moment(seconds: int) -> str:
    return rfc3339(from_chain(seconds))


def _token(path: Path) -> str:
    """The JWS in a file. Raises InvalidInput for a file that holds none."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1).decode("ascii").strip()
        value: Any = json.loads(text) if text.startswith("{") else {"certificate": text}
        return str(value["certificate"])
    except OSError as error:
        raise InvalidInput(
            f"It cannot be read: {error.strerror}.", field=str(path), remedy="Check its name."
        ) from error
    except (ValueError, KeyError, RecursionError) as error:
        raise InvalidInput(
            "It is no certificate.", field=str(path), remedy='Give the JWS, or JSON with the member "certificate".'
        ) from error
