"""`ledger`: the command line. Each command lives in `ledger_service.commands`."""

from __future__ import annotations

import typer

from .commands import audit, backup, bench, bundles, funding, importing, keys, local, panels, rebuild, service
from .commands.breaches import verify_breach
from .commands.privacy import erase, personal_data, scrub
from .commands.second_anchor import second_anchor
from .commands.verify import verify

_AS_THEY_ARE = {"ignore_unknown_options": True, "allow_extra_args": True}


def verify_bundle(context: typer.Context) -> None:
    """Checks an evidence bundle. Exit code 0: verified; 1: failed; 2: something is still pending."""
    raise typer.Exit(verify(context.args))  # which has a command line of its own: it works without this one


def verify_certificate(context: typer.Context) -> None:
    """Checks a certificate of a missed window by the bundle of its case. Exit codes as of `verify`."""
    raise typer.Exit(verify_breach(context.args))


main = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they may hold keys
    help="The after-sales audit ledger.",
)
main.command("run")(local.run)
main.command("serve")(service.serve)
main.command("worker")(service.worker)
main.command("migrate")(service.migrate)
main.command("deploy")(service.deploy_command)
main.command("second-anchor")(second_anchor)
main.command("fund")(funding.fund)
main.add_typer(keys.keys, name="keys")
main.add_typer(panels.panels, name="panels")
main.add_typer(importing.imports, name="import")
main.command("audit")(audit.audit)
main.add_typer(bench.bench, name="bench")
main.command("rebuild")(rebuild.rebuild)
main.command("backup")(backup.backup)
main.command("restore")(backup.restore)
main.command("bundle")(bundles.bundle)
main.command("erase")(erase)
main.command("personal-data")(personal_data)
main.command("scrub")(scrub)
main.command("verify", context_settings=_AS_THEY_ARE, add_help_option=False)(verify_bundle)
main.command("verify-breach", context_settings=_AS_THEY_ARE, add_help_option=False)(verify_certificate)

if __name__ == "__main__":
    main()
