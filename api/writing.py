"""What every request that writes can ask for: to count once (Idempotency-Key), and to be answered late (Prefer: wait).

Idempotency-Key: 8e03978e-40d5-43dd-bc93-6894a57f9324
Prefer: wait=10
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
from fastapi import Depends, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from structlog.contextvars import bind_contextvars

from ledger_service.errors import InvalidInput
from ledger_service.services import queries
from ledger_service.services.app import App
from ledger_service.services.idempotency import Answer, IdempotencyClaim, answer_once
from ledger_service.services.intake import Intake

from .load import Load

MAX_WAIT_SECONDS = 30
_POLL_SECONDS = 0.1
_SETTLED_STAGES = frozenset({"recorded", "final", "rejected"})
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?=$|[,;\s])", re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Work = Callable[[IdempotencyClaim | None], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Writing:
    """`key` is None where none was sent; `wait` is seconds, None where the answer shall come at once."""

    key: str | None
    request_hash: str
    wait: int | None
    load: Load
    intake: Intake


async def read_writing(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="A name for this request, 1 to 255 visible ASCII characters, for instance a UUID. Sent again "
            "with the same body within a day, the request is not done again: the first answer comes back, with "
            "`Idempotent-Replayed: true`.",
            max_length=257,
        ),
    ] = None,
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=N` (RFC 7240) answers once the record is on the chain, or after N seconds, 30 at most."
        ),
    ] = None,
) -> Writing:
    """Raises InvalidInput for a key that cannot be one, and for text in the body that no text can hold."""
    raw = await request.body()
    state = request.app.state
    return Writing(_key_of(idempotency_key), _hash(request, raw), _wait_of(prefer), state.load, state.intake)


WritingRequest = Annotated[Writing, Depends(read_writing)]


async def answer_write(
    app: App,
    principal: str,
    writing: Writing,
    status: int,
    work: Work,
    record_of: Callable[[dict[str, Any]], str] | None,
) -> Response:
    """Does the work once and answers it; `record_of` finds in a body the record whose stage can be waited for."""
    answer, is_delayed = await writing.load.write(_once_and_how, app, principal, writing, status, work)
    headers: dict[str, str] = {}
    body = answer.body
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    if record_of is not None:
        record_id = record_of(body)
        bind_contextvars(case_id=body["case_id"], record_id=record_id)
        with writing.load.patience() as is_patient:
            if writing.wait is not None and is_patient:
                body = {**body, "stage": await _stage_within(app, record_id, writing.wait)}
                headers["Preference-Applied"] = f"wait={writing.wait}"
                is_delayed = await run_in_threadpool(writing.intake.is_delayed)
        if body["stage"] not in _SETTLED_STAGES and is_delayed:
            body = {**body, "delayed": True}
    return JSONResponse(body, answer.status, headers)


def _once_and_how(app: App, principal: str, writing: Writing, status: int, work: Work) -> tuple[Answer, bool]:
    """The answer, and whether what it accepts reaches the chain late: both in one thread, since each change of threads
    takes as long as a question to the database."""
    return _once(app, principal, writing, status, work), writing.intake.is_delayed()


def _once(app: App, principal: str, writing: Writing, status: int, work: Work) -> Answer:
    def take(claim: IdempotencyClaim | None) -> Answer:
        writing.intake.require_room()  # not before: what was answered once is answered again
        return Answer(status, work(claim))

    if writing.key is None:
        return take(None)
    return answer_once(app, principal, writing.key, writing.request_hash, take)


async def _stage_within(app: App, record_id: str, seconds: int) -> str:
    """The record's stage once it is settled, or after this many seconds. Asks; never holds a thread."""
    end = time.monotonic() + seconds
    while True:
        stage = await run_in_threadpool(queries.record_stage, app, record_id)
        left = end - time.monotonic()
        if stage in _SETTLED_STAGES or left <= 0:
            return stage
        await anyio.sleep(min(_POLL_SECONDS, left))


def _key_of(header: str | None) -> str | None:
    """The key, with or without the quotes of a structured field."""
    if header is None:
        return None
    key = header[1:-1] if len(header) > 2 and header[0] == header[-1] == '"' else header
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            "This is no key: it is empty, too long, or holds characters other than visible ASCII.",
            field="Idempotency-Key",
            remedy="Send 1 to 255 visible ASCII characters, for instance a UUID.",
        )
    return key


def _wait_of(header: str | None) -> int | None:
    """Seconds, at most 30. A preference that cannot be read is ignored, as RFC 7240 has it."""
    found = _WAIT.search(header or "")
    return min(int(found[1]), MAX_WAIT_SECONDS) if found else None


def _hash(request: Request, raw: bytes) -> str:
    """Of method, path and body; the same JSON in another layout is the same body."""
    try:
        value = json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        value = raw.hex()  # the route itself will refuse it
    text = json.dumps([request.method, request.url.path, value], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
