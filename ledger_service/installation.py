"""What an installation was started with, so that any command can be used beside the running service."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from .config import Settings
from .errors import Unavailable

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Installation:
    """`chain` is `ganache`, `anvil` or a URL, `rpc_url` where it listens, `url` how consumers reach the service."""

    chain: str
    rpc_url: str
    chain_id: int
    url: str
    format: int = _FORMAT


def keep_installation(data: Path, installation: Installation) -> None:
    path = data / "installation.json"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(installation), indent=2), encoding="utf-8")
    temporary.replace(path)


def read_installation(data: Path) -> Installation:
    """Raises Unavailable where nothing was ever started."""
    try:
        kept = json.loads((data / "installation.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unavailable(
            f"Nothing is installed in {data.resolve()}.",
            field="--data",
            remedy="Start it once with ./scripts/run, or name the folder that you start it with.",
        ) from None
    return Installation(**kept)


def settings_of(data: Path | None, **changes: object) -> Settings:
    """Settings from the environment, for the folder `data` if one is given."""
    known = {name: value for name, value in changes.items() if value is not None}
    if data is not None:
        known["data"] = data
    return Settings(**known)  # type: ignore[arg-type]


def installed_settings(data: Path | None) -> tuple[Settings, Installation]:
    """Settings as the installation was started with. Raises Unavailable where nothing was ever started."""
    settings = settings_of(data)
    installation = read_installation(settings.data)
    changes = {"chain": installation.chain}
    if not settings.public_url:
        changes["public_url"] = installation.url
    return settings.model_copy(update=changes), installation
