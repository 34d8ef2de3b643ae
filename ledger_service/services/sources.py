"""What an import's row is known by: its own name, and, once its case was erased, a keyed hash of it, so that the same
file does not open the case again."""

from __future__ import annotations

from .app import App

ERASED = "erased:"


def erased_source(app: App, source: str) -> str:
    return ERASED + app.vault.blind_index("source", source)
