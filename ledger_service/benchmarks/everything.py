"""Every part of the comparison by its name, and what a whole run says."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .audits import measure_audit, measure_proofs
from .comparing import Row
from .growth import measure_growth
from .http_writes import measure_http
from .observation_log import measure_log
from .pipeline import measure_pipeline
from .scale import Scale
from .status_reads import measure_status

Part = Callable[[Path, Scale], list[Row]]
PARTS: dict[str, Part] = {
    "pipeline": measure_pipeline,
    "http": measure_http,
    "status": measure_status,
    "audit": measure_audit,
    "proofs": measure_proofs,
    "growth": measure_growth,
    "log": measure_log,
}
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def measure(names: Sequence[str], folder: Path, scale: Scale, tell: Callable[[str], None]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        tell(name)
        rows += PARTS[name](folder / name, scale)
    return rows


def machine() -> dict[str, Any]:
    return {"python": platform.python_version(), "system": platform.platform(terse=True), "cores": os.cpu_count()}


def shown(figure: float | None) -> str:
    """Three digits that matter."""
    if figure is None:
        return "–"
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def verdict(row: Row) -> str:
    if row.skipped:
        return row.skipped
    return {None: "", True: "holds", False: "missed"}[row.holds]


def bound_of(row: Row) -> str:
    if row.target is None:
        return "–"
    return f"{'≥' if row.bound == 'least' else '≤'} {row.target:g}"


def markdown(rows: Sequence[Row]) -> str:
    """The table for docs/performance.md."""
    lines = ["| what | ours | beside | theirs | ratio | target | |", "| --- | ---: | --- | ---: | ---: | ---: | --- |"]
    for row in rows:
        ours, theirs = (figure.median if figure else None for figure in (row.ours, row.peer))
        cells = (f"{row.what}, {row.unit}", shown(ours), row.peer_is, shown(theirs), shown(row.ratio), bound_of(row))
        lines.append("| " + " | ".join((*cells, verdict(row))) + " |")
    return "\n".join(lines) + "\n"


def put_between_markers(page: str, table: str) -> str:
    """The page with the table in place of the one it had. Raises ValueError for a page without the markers."""
    before, _, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not ended:
        raise ValueError(f"the page lacks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table}{END}{after}"
