"""`ledger second-anchor`: the account and the contract that anchor checkpoints on a second chain."""

from __future__ import annotations

from typing import Annotated

import typer

from ..chain.deploy import deploy_anchor
from ..chain.rpc import Rpc
from ..errors import InvalidInput
from ..installation import settings_of
from .context import DataOption, JsonOption
from .output import console, print_json, reports_errors
from .service import second_anchor_key


@reports_errors
def second_anchor(
    deploy: Annotated[bool, typer.Option("--deploy", help="Deploy a contract for this installation's log.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Shows the account that pays on the second chain, made at first use; with --deploy, makes the contract there."""
    settings = settings_of(data)
    if not settings.second_anchor_url:
        raise InvalidInput(
            "No second chain is named.",
            field="LEDGER_SECOND_ANCHOR_URL",
            remedy="Set it to that chain's JSON-RPC endpoint.",
        )
    rpc, key = Rpc(settings.second_anchor_url), second_anchor_key(settings)
    contract = deploy_anchor(rpc, key).address if deploy else settings.second_anchor_contract
    found = {"account": key.address, "wei": rpc.balance(key.address), "contract": contract or None}
    if as_json:
        print_json(found)
        return
    console.print(f"account {key.address} holds {found['wei']} wei", highlight=False)
    if deploy:
        console.print(f"Set LEDGER_SECOND_ANCHOR_CONTRACT={contract} and restart the workers.", highlight=False)
