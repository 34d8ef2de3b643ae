"""`ledger fund`: money into a merchant's balance."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..chain.deployments import Deployment, Token
from ..chain.faucet import pay_in
from ..domain.money import to_decimal, to_minor
from ..errors import InvalidInput
from ..services.accounts import merchant_named
from .context import DataOption, JsonOption, open_installation
from .output import console, print_json, reports_errors


@reports_errors
def fund(
    merchant: Annotated[str, typer.Option(help="Whose balance.")],
    amount: Annotated[str, typer.Option(help="Decimal amount, such as 100.00.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pays test money into a merchant's balance on a local chain; elsewhere prints the deposit to sign."""
    installed = open_installation(data)
    installed.check_chain()
    deployment = installed.app.deployment
    account = merchant_named(installed.app, merchant)
    token, minor = _checked(deployment, amount, currency)
    deposit = {
        "escrow": deployment.escrow,
        "token": token.address,
        "merchant": account.address,
        "units": str(minor * token.unit),
        "amount": to_decimal(minor, currency),
        "currency": currency,
    }
    if token.test:
        deposit["transaction"] = pay_in(installed.rpc.url, deployment, token, account.address, minor)
    if as_json:
        print_json(deposit)
    else:
        console.print(_in_words(deposit, merchant), markup=False, highlight=False, soft_wrap=True)


def _checked(deployment: Deployment, amount: str, currency: str) -> tuple[Token, int]:
    token = deployment.tokens.get(currency)
    if token is None:
        raise InvalidInput(
            f"The escrow takes no {currency}.",
            field="--currency",
            remedy="It takes " + ", ".join(sorted(deployment.tokens)) + ".",
        )
    minor = to_minor(amount, currency, field="--amount")
    if minor == 0:
        raise InvalidInput("Zero is nothing to deposit.", field="--amount", remedy="Send more.")
    return token, minor


def _in_words(deposit: dict[str, Any], merchant: str) -> str:
    if "transaction" in deposit:
        return f"Paid {deposit['amount']} {deposit['currency']} of test money in for {merchant}."
    return (
        f"Sign two transactions: approve({deposit['escrow']}, {deposit['units']}) on {deposit['token']}, then "
        f"deposit({deposit['merchant']}, {deposit['token']}, {deposit['units']}) on {deposit['escrow']}."
    )
