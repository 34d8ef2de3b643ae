"""The machine on the contracts' page is the one that the code goes by."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def document() -> ModuleType:
    spec = importlib.util.spec_from_file_location("document_machine", ROOT / "scripts" / "document_machine.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_what_the_table_says(document: ModuleType) -> None:
    page = document.PAGE.read_text("utf-8")
    assert document.rewrite(page) == page, "run .venv/bin/python scripts/document_machine.py"


def test_page_that_says_something_else_is_written_anew(document: ModuleType) -> None:
    page = document.PAGE.read_text("utf-8")
    stale = page.replace("Requested --> Declined", "Requested --> Settled")
    assert stale != page
    assert document.rewrite(stale) == page


def test_page_without_markers_is_refused(document: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"has to hold the lines"):
        document.rewrite("# Contracts\n")


def test_diagram_has_no_label_that_mermaid_cuts_off(document: ModuleType) -> None:
    arrows = [line for line in document.render_diagram().splitlines() if "-->" in line]
    assert len(arrows) > 20
    for arrow in arrows:
        assert re.fullmatch(r" +[\w\[\]*]+ --> [\w\[\]*]+(: [^:;]+)?", arrow), arrow
