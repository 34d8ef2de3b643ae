"""What the documents promise is there: settings, commands, links between pages, pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from ledger_service.cli import main
from ledger_service.config import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_operator_page_has_every_setting() -> None:
    page = (ROOT / "docs" / "operator.md").read_text("utf-8")
    for name, field in Settings.model_fields.items():
        assert f"| `LEDGER_{name.upper()}` | {field.description} |" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_a_page_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)|src=\"([^\":]+)\"", text)
    for target in (link or picture for link, picture in targets):
        assert (page.parent / target).exists(), f"{page.name} names {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_a_page_names_exist(page: Path) -> None:
    root = typer.main.get_command(main)
    known = set(root.commands)  # type: ignore[attr-defined]
    for word in re.findall(r"(?:`|bin/)ledger ([a-z-]+)", page.read_text("utf-8")):
        assert word in known, f"{page.name} names `ledger {word}`"
