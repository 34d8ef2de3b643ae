"""Every refusal of a use names the field that it is about and what to do instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import ledger_service.services as services

_REFUSALS = {"InvalidInput", "Conflict", "NotFound", "Forbidden", "OutOfOrder", "Unauthenticated"}


def _refusals() -> Iterator[tuple[str, set[str | None]]]:
    for path in Path(services.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            raised = node.exc if isinstance(node, ast.Raise) else None
            if isinstance(raised, ast.Call) and getattr(raised.func, "id", "") in _REFUSALS:
                yield f"{path.name}:{raised.lineno}", {keyword.arg for keyword in raised.keywords}


def test_every_refusal_names_its_field_and_a_remedy() -> None:
    found = list(_refusals())
    assert found
    assert [place for place, named in found if not {"field", "remedy"} <= named] == []
