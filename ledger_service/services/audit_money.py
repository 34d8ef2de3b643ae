"""What came in, is held and went out, by currency, and whether the escrow really holds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlmodel import Session

from ..chain.abi import ESCROW, function
from ..chain.deployments import Deployment
from ..chain.rpc import Rpc
from ..domain.hashing import from_hex, hex0x, keccak, word
from ..domain.money import to_decimal
from ..errors import InvalidInput
from ..store.evidence_rows import TokenSums, balances, claimed, token_sums
from .app import App

_BALANCE_OF = keccak(b"balanceOf(address)")[:4]


def money_report(app: App, session: Session, rpc: Rpc) -> tuple[dict[str, Any], list[str]]:
    """By currency, and what does not add up. Amounts in decimal strings."""
    report: dict[str, Any] = {}
    problems: list[str] = []
    by_token = token_sums(session)
    for currency, minor in claimed(session).items():
        try:
            report[currency] = {"claimed": to_decimal(minor, currency)}
        except InvalidInput as error:
            problems.append(f"Cases are kept in a currency that is none: {error.detail}")
    for currency, token in sorted(app.deployment.tokens.items()):
        sums = by_token.pop(token.address, TokenSums())
        units = int.from_bytes(rpc.read(token.address, _BALANCE_OF + word(app.deployment.escrow)), "big")
        report[currency] = {**report.get(currency, {"claimed": to_decimal(0, currency)}), **_shown(sums, currency)}
        report[currency]["escrow_holds"] = to_decimal(units // token.unit, currency)
        problems += _sum_problems(currency, sums, units, token.unit)
    problems += [f"Money is kept of the token {token}, which the escrow does not take." for token in by_token]
    problems += _balance_problems(app.deployment, session, rpc)
    return report, problems


def _shown(sums: TokenSums, currency: str) -> dict[str, Any]:
    def decimal(minor: int) -> str:
        return to_decimal(minor, currency)

    return {
        "in": decimal(sums.deposited),
        "held": decimal(sums.held),
        "balances": decimal(sums.balances),
        "locked": decimal(sums.locked),
        "due": decimal(sums.due),
        "credits": decimal(sums.credits),
        "out": decimal(sums.out),
        "withdrawn_by_consumers": decimal(sums.withdrawn_by_consumers),
        "withdrawn_by_merchants": decimal(sums.withdrawn_by_merchants),
        "fees": decimal(sums.fees),
        "withdrawn_by_arbitrators": decimal(sums.withdrawn_by_arbitrators),
    }


def _sum_problems(currency: str, sums: TokenSums, units: int, unit: int) -> Iterator[str]:
    if sums.deposited != sums.held + sums.out:
        yield f"{currency}: what came in is not what is held and what went out."
    if units < sums.held * unit:
        yield f"{currency}: the escrow holds {units} token units, less than the {sums.held * unit} that it owes."


def _balance_problems(deployment: Deployment, session: Session, rpc: Rpc) -> Iterator[str]:
    """Each account's free balance and credit, against the escrow's own word."""
    kept, view = list(balances(session)), function(ESCROW, "accountOf")
    calls = [
        ("eth_call", {"to": deployment.escrow, "data": hex0x(view.encode(row.account, row.token))}, "latest")
        for row in kept
    ]
    for row, answer in zip(kept, rpc.batch_all(calls), strict=True):
        free, _, credit = view.decode(from_hex(answer))
        for what, said, stored in (("of balance", free, row.minor), ("of credit", credit, row.credit)):
            if said != stored:
                yield (f"The escrow holds {said} minor units {what} for {row.account}, the database says {stored}.")
