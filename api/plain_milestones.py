"""Milestones that come as nearly all do, taken without the framework's way through routes and dependencies, which costs
more than all that is done with them.

Whatever is odd about a request, such as a value of a wrong form, goes to the route itself and is refused there: this
decides nothing that the route does not decide alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_service.errors import InvalidInput, LedgerError
from ledger_service.services.inputs import MilestoneInput

from . import errors
from .dependencies import account_of, address_of, present
from .security import SHORT, read_again
from .writing import LONGEST_KEY, Stated, answer_stated, key_of, writing_of

_PATH = re.compile(r"/v1/cases/(0x[0-9a-f]{64})/milestones")
_HEADERS = (b"authorization", b"content-type", b"idempotency-key", b"prefer")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plain request says; headers that it did not send are None."""

    case_id: str
    milestone: MilestoneInput
    raw: bytes
    credential: str
    key: str | None
    prefer: str | None


class PlainMilestones:
    """`route` is the one that all other requests go to, for whoever counts requests by route. To be put behind
    `BodyLimit`, which hands over a body in one piece."""

    def __init__(self, app: ASGIApp, route: BaseRoute) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        message = await receive()
        asked = _read(found[1], scope["headers"], message)
        if asked is None:
            await self._app(scope, read_again(message, receive), send)
            return
        scope["route"], scope["path_params"] = self._route, {"case_id": asked.case_id}
        answer: Response
        try:
            answer = await _take(asked, scope)
        except LedgerError as error:
            answer = errors.problem_of(scope["state"]["request_id"], error)
        await answer(scope, receive, send)


async def _take(asked: Asked, scope: Scope) -> Response:
    state, address = scope["app"].state, address_of(scope)
    # Keys are looked up with the group; but a line that does not move is for those whose key counts.
    who = (
        await account_of(state.keys, state.limits, asked.credential, address)
        if state.taking.is_held_up
        else present(state.limits, asked.credential, address)
    )
    writing = writing_of(scope, asked.raw, asked.key, asked.prefer)
    return await answer_stated(state.ledger, Stated(who, asked.case_id, asked.milestone, writing))


def _read(case_id: str, headers: Sequence[tuple[bytes, bytes]], message: Message) -> Asked | None:
    """None for a request with anything odd about it, and for a milestone that was prepared."""
    raw: bytes = message.get("body", b"")
    if len(raw) > SHORT:
        return None
    sent = [(name, value.decode("latin-1")) for name, value in headers if name in _HEADERS]
    said = dict(sent)
    if len(said) < len(sent) or said.get(b"content-type") != "application/json" or message.get("more_body"):
        return None
    key = said.get(b"idempotency-key")
    if key is not None and len(key) > LONGEST_KEY:
        return None
    try:
        key_of(key)
        milestone = MilestoneInput.model_validate(json.loads(raw))
    except (InvalidInput, ValueError, RecursionError):  # ValidationError is a ValueError
        return None
    if milestone.record_id is not None:
        return None
    return Asked(case_id, milestone, raw, said.get(b"authorization", ""), key, said.get(b"prefer"))
