"""What `ledger verify` remembers of the logs that it saw, in a small file of its user's, and asking a log to prove."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..domain.bundle_file import read_json
from ..domain.checkpoint import Checkpoint
from ..domain.checks import Report
from ..domain.hashing import from_hex, hex0x
from ..domain.seen import ConsistencyProof, compare, shown_in
from ..errors import InvalidInput, Unavailable

FORMAT = 1
_TIMEOUT = 20.0  # seconds
_MOST = 64 * 1024  # bytes of a proof


def default_memory() -> Path:
    """In the folder in which a user's programs keep their state (XDG Base Directory Specification): a path that is not
    absolute does not count."""
    named = Path(os.environ.get("XDG_STATE_HOME", ""))  # noqa: TID251 - the verifier alone has no settings
    state = named if named.is_absolute() else Path.home() / ".local" / "state"
    return state / "after-sales-audit-ledger" / "checkpoints.json"


def with_memory(
    report: Report, bundle: Any, memory: Path, prove: ConsistencyProof | None, keys: dict[str, Any] | None = None
) -> Report:
    """The report with check 7 held to the last checkpoint of the same log, which is then remembered. `keys` is the
    service's key set from elsewhere."""
    evidence = bundle["evidence"]
    note = evidence["checkpoint"]["note"] if evidence["checkpoint"] else None
    shown = shown_in(note, evidence["jwks"] if keys is None else keys, evidence["chain"]["id"])
    check = next(one for one in report.checks if one.number == 7)
    if shown is None or check.result == "fail":
        return report
    kept = _read(memory)
    before = _checkpoint(kept.get(shown.log), shown.checkpoint.origin)
    judged = compare(check, before, shown.checkpoint, prove)
    if judged.remembered:
        root = hex0x(shown.checkpoint.root)
        _write(memory, kept | {shown.log: {"size": shown.checkpoint.size, "root": root, "note": shown.note}})
    return replace(report, checks=tuple(judged.check if one.number == 7 else one for one in report.checks))


def proof_from(url: str) -> ConsistencyProof:
    """Asks the service at this address for consistency proofs. Raises InvalidInput for what is no address."""
    if not url.startswith(("https://", "http://")):
        raise InvalidInput(f"{url!r} is no address.", field="--log", remedy="Give the service's: https://shop.example")

    def prove(first: int, second: int) -> Sequence[bytes]:
        asked = urllib.parse.urlencode({"first": first, "second": second})
        try:
            with urllib.request.urlopen(  # noqa: S310 - the scheme was looked at
                f"{url.rstrip('/')}/v1/log/proof/consistency?{asked}", timeout=_TIMEOUT
            ) as answer:
                return [from_hex(node, 32) for node in read_json(answer.read(_MOST), url)["proof"]]
        except (OSError, KeyError, TypeError, ValueError, InvalidInput) as error:
            said = error.reason if isinstance(error, urllib.error.URLError) else type(error).__name__
            raise Unavailable(f"The log at {url} gives no proof ({said}).") from error

    return prove


def _checkpoint(kept: Any, origin: str) -> Checkpoint | None:
    try:
        return Checkpoint(origin, int(kept["size"]), from_hex(kept["root"], 32)) if kept else None
    except (KeyError, TypeError, ValueError):
        raise _unreadable() from None


def _read(memory: Path) -> dict[str, Any]:
    try:
        content = read_json(memory.read_bytes(), str(memory))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidInput(
            f"It cannot be read: {error.strerror}.", field=str(memory), remedy="Give --seen FILE, or --no-seen."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or not isinstance(content.get("logs"), dict):
        raise _unreadable()
    logs: dict[str, Any] = content["logs"]
    return logs


def _unreadable() -> InvalidInput:
    return InvalidInput(
        "The memory of checkpoints is not in its form.", field="--seen", remedy="Give another file, or --no-seen."
    )


def _write(memory: Path, logs: dict[str, Any]) -> None:
    """Raises InvalidInput where it cannot be kept: who relies on it has to know."""
    temporary = memory.with_name(f"{memory.name}.{os.getpid()}.tmp")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"format": FORMAT, "logs": logs}, indent=1) + "\n", "utf-8")
        temporary.replace(memory)
    except OSError as error:
        raise InvalidInput(
            f"It cannot be written: {error.strerror}.", field=str(memory), remedy="Give --seen FILE, or --no-seen."
        ) from error
