"""The tables by which a browser checks a case are those of the service."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_tables_of_the_page_are_current() -> None:
    spec = importlib.util.spec_from_file_location("page_tables", ROOT / "scripts" / "page_tables.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.FILE.read_text("utf-8") == module.render(), "run .venv/bin/python scripts/page_tables.py"
