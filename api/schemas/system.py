"""For machines."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .common import Answer


class Component(Answer):
    ok: bool
    detail: str


class Readiness(Answer):
    ready: bool
    degraded: list[str] = Field(description="Components that lag behind while requests are taken.")
    components: dict[str, Component]


class Health(Answer):
    status: Literal["ok"]


class KeySet(Answer):
    keys: list[dict[str, Any]]
