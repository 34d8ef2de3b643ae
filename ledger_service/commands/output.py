"""How commands speak: JSON for programs, plain lines for people, one line for what went wrong."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import typer
from rich.console import Console

from ..errors import LedgerError

P = ParamSpec("P")
T = TypeVar("T")

console = Console()
problems = Console(stderr=True)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def reports_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Turns an error that a person can act on into its one line, and exit code 1."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except LedgerError as error:
            problems.print(f"ledger: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(1) from None

    return run
