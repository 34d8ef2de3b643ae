"""`ledger` as it is installed: all of it where the service's parts are there, the verifier alone where they are not."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_HELP = """\
Usage: ledger verify BUNDLE [OPTIONS]
       ledger verify-breach CERTIFICATE --bundle BUNDLE [OPTIONS]

Checks an evidence bundle of the after-sales audit ledger, or a certificate of a missed window by one; `--help` after
either says how. This is the verifier alone.
"""
_SERVICE = "pip install 'after-sales-audit-ledger[service]'"


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["verify"]:
        from .commands.verify import verify

        sys.exit(verify(arguments[1:]))
    if arguments[:1] == ["verify-breach"]:
        from .commands.breaches import verify_breach

        sys.exit(verify_breach(arguments[1:]))
    try:
        from .cli import main as everything
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ledger_service"):
            raise
        sys.exit(_without_service(arguments))
    everything()


def _without_service(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        print(_HELP, end="")
        return 0
    print(f"ledger: `ledger {arguments[0]}` is part of the service. Install it: {_SERVICE}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
