"""`ledger keys`: accounts, their API keys and sessions, and the secrets of their webhooks."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer

from ..services.accounts import (
    ROLES,
    create_account,
    disable_account,
    merchant_named,
    renew_api_key,
    set_webhook_secret,
)
from ..services.master_keys import SETTLING
from ..services.master_keys import rotate_master as rotate_master_key
from ..services.sessions import end_sessions, list_sessions
from ..services.webhooks import EASYPOST
from ..tokens import rotate_keys
from .context import DataOption, JsonOption, open_installation
from .output import console, print_json, problems, reports_errors

keys = typer.Typer(no_args_is_help=True, help="Accounts, API keys, sessions, and webhook secrets.")
RoleOption = Annotated[str, typer.Option(help="One of " + ", ".join(ROLES) + ".")]
NameOption = Annotated[str, typer.Option(help="Whose: the account's name.")]


@keys.command("create")
@reports_errors
def create(
    role: Annotated[str, typer.Option(help="One of " + ", ".join(ROLES) + ".")],
    name: Annotated[str, typer.Option(help="How people know this party.")],
    address: Annotated[
        str | None, typer.Option(help="Its own signing address; left out: the service holds a key.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes an account and prints its API key, this once."""
    created = create_account(open_installation(data).app, role, name, address)
    if as_json:
        print_json(created)
        return
    console.print(f"{role} {name}, address {created['address']}", markup=False, highlight=False)
    console.print(f"API key (shown this once): {created['api_key']}", markup=False, highlight=False, soft_wrap=True)


@keys.command("revoke")
@reports_errors
def revoke(
    role: Annotated[str, typer.Option(help="One of " + ", ".join(ROLES) + ".")],
    name: Annotated[str, typer.Option(help="Whose API key ends.")],
    data: DataOption = None,
) -> None:
    """Ends an account's API key and sessions at once. Its cases go on, and what it signed stays."""
    disable_account(open_installation(data).app, role, name)
    console.print(f"The API key of {role} {name} is not taken any more.", markup=False, highlight=False)


@keys.command("renew")
@reports_errors
def renew(role: RoleOption, name: NameOption, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Makes a new API key in place of an account's, which ends at once, with its sessions; printed this once."""
    renewed = renew_api_key(open_installation(data).app, role, name)
    if as_json:
        print_json(renewed)
        return
    console.print(f"API key (shown this once): {renewed['api_key']}", markup=False, highlight=False, soft_wrap=True)


@keys.command("sessions")
@reports_errors
def sessions(role: RoleOption, name: NameOption, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Lists an account's sessions at consoles that count now."""
    found = list_sessions(open_installation(data).app, role, name)
    if as_json:
        print_json(found)
        return
    for each in found:
        line = "{session_id}  by {opened_by}  since {created_at}  used {last_used_at}  until {expires_at}"
        console.print(line.format(**each), markup=False, highlight=False, soft_wrap=True)
    if not found:
        console.print("Nobody is signed in.")


@keys.command("end-sessions")
@reports_errors
def end(
    role: RoleOption,
    name: NameOption,
    session_id: Annotated[str | None, typer.Option("--id", help="One of them, as listed; left out: all.")] = None,
    data: DataOption = None,
) -> None:
    """Ends an account's sessions at once, all or one. Its API key stays."""
    ended = end_sessions(open_installation(data).app, role, name, session_id)
    console.print(f"Ended: {ended}.", highlight=False)


@keys.command("webhook-secret")
@reports_errors
def webhook_secret(
    merchant: Annotated[str, typer.Option(help="The merchant whose webhooks it signs.")],
    provider: Annotated[str, typer.Option(help="The provider that sends them.")] = EASYPOST,
    secret: Annotated[str, typer.Option(prompt=True, hide_input=True, help="As the provider has it.")] = "",
    data: DataOption = None,
) -> None:
    """Keeps the secret under which a provider signs a merchant's webhooks."""
    app = open_installation(data).app
    set_webhook_secret(app, merchant_named(app, merchant), provider, secret)
    console.print(f"Webhooks of {provider} are taken for {merchant} now.", markup=False, highlight=False)


@keys.command("rotate-master")
@reports_errors
def rotate_master(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Makes a new master key and seals every case's key under it. The service may run meanwhile, on this machine."""
    installed = open_installation(data)
    app, settings = installed.app, installed.settings
    problems.print(f"This takes {SETTLING:.0f} seconds and more: what was begun under the old key is waited for.")
    rotation = rotate_master_key(app.database, settings.data / "secrets", app.clock, time.sleep)
    if as_json:
        print_json(asdict(rotation))
        return
    console.print(f"Everything is sealed under the master key {rotation.key}.", highlight=False)
    console.print(f"Retired: {', '.join(rotation.retired)}. Make a copy of secrets/ and a backup now.", highlight=False)
    console.print("Backups from before need your earlier copy of secrets/: destroy both together.", highlight=False)


@keys.command("rotate")
@reports_errors
def rotate(data: DataOption = None) -> None:
    """Makes a new key for links and receipts; the earlier ones stay valid. Restart the service afterwards."""
    settings = open_installation(data).settings
    rotate_keys(settings.data / "secrets" / "token-keys.json")
    console.print("New links and receipts are signed by a new key after the next start.")
