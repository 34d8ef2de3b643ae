"""`ledger verify-breach`: whether a bundle bears out a certificate of a missed window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..domain.breaches import Judgement, judge_breach
from ..domain.checks import Report
from ..domain.evidence import parse_evidence
from ..domain.reading import Reading
from ..domain.times import from_chain, rfc3339
from ..errors import InvalidInput
from ..verification import verify_bundle
from .context import JsonOption
from .output import print_json, reports_errors
from .plain import paragraph, say
from .verify import EXIT_CODES, read_file

_MAX_BYTES = 64 * 1024
_VERDICTS = {"confirmed": "verified", "refuted": "failed", "unproven": "pending"}


@reports_errors
def verify_breach(
    certificate: Annotated[Path, typer.Argument(help="The certificate's file: a JWS, or JSON that holds one.")],
    bundle: Annotated[Path, typer.Option(help="The bundle of its case.", show_default=False)],
    jwks: Annotated[Path | None, typer.Option(help="The service's keys, from its /.well-known/jwks.json.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Checks a certificate of a missed window by the bundle of its case. Exit code 0: it holds; 1: it does not; 2: this
    bundle cannot tell."""
    content, keys = read_file(bundle), read_file(jwks) if jwks else None
    report = verify_bundle(content, keys=keys)
    judged = judge_breach(_token(certificate), Reading(parse_evidence(content["evidence"])), keys)
    if as_json:
        print_json(
            {
                "finding": judged.finding,
                "detail": judged.detail,
                "claims": judged.claims,
                "bundle": report.verdict,
                "skipped": list(report.skipped),
                "trust": report.trust,
            }
        )
    else:
        _show(judged, report)
    verdict = _VERDICTS[judged.finding] if report.verdict != "failed" else "failed"
    raise typer.Exit(EXIT_CODES[verdict])


def _show(judged: Judgement, report: Report) -> None:
    said = judged.claims
    if said:
        say(f"Case {said['sub']}, {said['basis'].replace('_', ' ')} {said['window']!r}, waiting for: {said['party']}")
        say(
            f"Deadline {_moment(said['deadline'])}, missed by {said['late']} seconds at block {said['block']['number']}"
        )
    say(f"Certificate: {judged.finding}. {judged.detail}")
    paragraph(report.trust, 0)
    skipped = f", with skipped checks {', '.join(map(str, report.skipped))}" if report.skipped else ""
    say(f"Bundle: {report.verdict}{skipped}. `ledger verify` says why.")


def _moment(seconds: int) -> str:
    return rfc3339(from_chain(seconds))


def _token(path: Path) -> str:
    """The JWS in a file. Raises InvalidInput for a file that holds none."""
    try:
        text = path.read_bytes()[: _MAX_BYTES + 1].decode("ascii").strip()
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
