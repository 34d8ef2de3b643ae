"""What the compiler made of the contracts: ABI and bytecode, generated and committed beside this file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..domain.hashing import from_hex
from ..errors import NotFound

_FOLDER = Path(__file__).resolve().parent / "artifacts"


@dataclass(frozen=True, slots=True)
class Artifact:
    """`bytecode` is what a deployment sends, before the constructor's arguments."""

    contract: str
    abi: list[dict[str, Any]]
    bytecode: bytes


@cache
def load_artifact(contract: str) -> Artifact:
    """Raises NotFound if the contracts have not been compiled."""
    path = _FOLDER / f"{contract}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(
            f"The compiled contract {contract} is missing.", remedy="Run .venv/bin/python scripts/compile.py."
        ) from None
    return Artifact(content["contract"], content["abi"], from_hex(content["bytecode"]))
