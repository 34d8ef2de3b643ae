"""What every request that writes can ask for: to count once (Idempotency-Key), and to be answered late (Prefer: wait).

Idempotency-Key: 8e03978e-40d5-43dd-bc93-6894a57f9324
Prefer: wait=10
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
import structlog
from fastapi import Depends, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.types import Scope
from structlog.contextvars import bind_contextvars

from ledger_service.errors import InvalidInput
from ledger_service.services import acting, queries
from ledger_service.services.app import App
from ledger_service.services.idempotency import Answer, IdempotencyClaim, answer_once, claim_of
from ledger_service.services.inputs import MilestoneInput
from ledger_service.services.intake import Intake
from ledger_service.services.rate_limits import RateLimits
from ledger_service.store.tables import Account

from .dependencies import Presented, admit, principal
from .gathering import Gatherer
from .load import Load

log = structlog.get_logger("ledger.api")

MAX_WAIT_SECONDS = 30
_TOGETHER = 64  # milestones in one unit of work
_WAITING_TO_BE_TAKEN = 300
_POLL_SECONDS = 0.1
_SETTLED_STAGES = frozenset({"recorded", "final", "rejected"})
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?=$|[,;\s])", re.IGNORECASE)
LONGEST_KEY = 257  # with the quotes of a structured field
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Work = Callable[[IdempotencyClaim | None], dict[str, Any]]
Taken = tuple[Answer, bool]  # and whether it reaches the chain late
Taking = Gatherer["Stated", Taken]


@dataclass(frozen=True, slots=True)
class Writing:
    """`key` is None where none was sent; `wait` is seconds, None where the answer shall come at once."""

    key: str | None
    request_hash: str
    wait: int | None
    load: Load
    intake: Intake
    taking: Taking

    def claim(self, app: App, principal: str) -> IdempotencyClaim | None:
        return claim_of(app, principal, self.key, self.request_hash) if self.key is not None else None


@dataclass(frozen=True, slots=True)
class Stated:
    """A milestone as it came, of an account, or of whoever presents an API key."""

    who: Account | Presented
    case_id: str
    request: MilestoneInput
    writing: Writing

    def by(self, app: App, account: Account) -> acting.Statement:
        return acting.Statement(account, self.case_id, self.request, self.writing.claim(app, principal(account)))


async def read_writing(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="A name for this request, 1 to 255 visible ASCII characters, for instance a UUID. Sent again "
            "with the same body within a day, the request is not done again: the first answer comes back, with "
            "`Idempotent-Replayed: true`.",
            max_length=LONGEST_KEY,
        ),
    ] = None,
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=N` (RFC 7240) answers once the record is on the chain, or after N seconds, 30 at most."
        ),
    ] = None,
) -> Writing:
    """Raises InvalidInput for a key that cannot be one."""
    return writing_of(request.scope, await request.body(), idempotency_key, prefer)


def writing_of(scope: Scope, raw: bytes, idempotency_key: str | None, prefer: str | None) -> Writing:
    """Raises InvalidInput for a key that cannot be one."""
    state, key = scope["app"].state, key_of(idempotency_key)
    request_hash = _hash(scope, raw) if key is not None else ""
    return Writing(key, request_hash, _wait_of(prefer), state.load, state.intake, state.taking)


WritingRequest = Annotated[Writing, Depends(read_writing)]


async def answer_write(
    app: App,
    who: str,
    writing: Writing,
    status: int,
    work: Work,
    record_of: Callable[[dict[str, Any]], str] | None,
) -> Response:
    """Does the work once and answers it; `record_of` finds in a body the record whose stage can be waited for."""
    taken = await writing.load.write(_once_and_how, app, who, writing, status, work)
    return await _respond(app, writing, *taken, record_of)


def gather_milestones(app: App, limits: RateLimits, intake: Intake) -> Taking:
    """Milestones that the service signs: their API keys by one question, and then many in one unit of work. To look up
    keys before, on their own, would take another change of threads, and make several small groups of a large one."""

    def take(stated: Sequence[Stated]) -> list[Taken | Exception]:
        admitted = iter(admit(app, limits, [each.who for each in stated if isinstance(each.who, Presented)]))
        accounts = [next(admitted) if isinstance(each.who, Presented) else each.who for each in stated]
        statements = [
            each.by(app, account)
            for each, account in zip(stated, accounts, strict=True)
            if isinstance(account, Account)
        ]
        outcomes = iter(acting.state_milestones(app, statements, intake.require_room) if statements else ())
        is_delayed = _is_delayed(intake)
        found = [next(outcomes) if isinstance(account, Account) else account for account in accounts]
        return [each if isinstance(each, Exception) else (each, is_delayed) for each in found]

    return Gatherer(take, most=_TOGETHER, line=_WAITING_TO_BE_TAKEN, why="write")


async def answer_milestone(
    app: App, account: Account, writing: Writing, case_id: str, request: MilestoneInput
) -> Response:
    """Takes a milestone beside those that come at the same time, and answers it. One that was prepared is taken alone:
    few are, and each has rows of its own to be read and cleared away."""
    if request.record_id is not None:
        return await answer_write(
            app,
            principal(account),
            writing,
            202,
            lambda claim: acting.state_milestone(app, account, case_id, request, idempotency=claim),
            record_named,
        )
    return await answer_stated(app, Stated(account, case_id, request, writing))


async def answer_stated(app: App, stated: Stated) -> Response:
    """The same for one that was not prepared."""
    taken = await stated.writing.taking.ask(stated)
    return await _respond(app, stated.writing, *taken, record_named)


def record_named(body: dict[str, Any]) -> str:
    return str(body["record_id"])


async def _respond(
    app: App,
    writing: Writing,
    answer: Answer,
    is_delayed: bool,
    record_of: Callable[[dict[str, Any]], str] | None,
) -> Response:
    headers: dict[str, str] = {}
    body = answer.body
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    if record_of is not None:
        record_id = record_of(body)
        bind_contextvars(case_id=body["case_id"], record_id=record_id)
        with writing.load.patience() as is_patient:
            if writing.wait is not None and is_patient:
                body = {**body, "stage": await _stage_within(app, record_id, writing.wait, body["stage"])}
                headers["Preference-Applied"] = f"wait={writing.wait}"
                is_delayed = await run_in_threadpool(_is_delayed, writing.intake)
        if body["stage"] not in _SETTLED_STAGES and is_delayed:
            body = {**body, "delayed": True}
    return JSONResponse(body, answer.status, headers)


def _once_and_how(app: App, who: str, writing: Writing, status: int, work: Work) -> tuple[Answer, bool]:
    """The answer, and whether what it accepts reaches the chain late: both in one thread, since each change of threads
    takes as long as a question to the database."""
    return _once(app, who, writing, status, work), _is_delayed(writing.intake)


def _is_delayed(intake: Intake) -> bool:
    """Asked once the record is kept, so it never fails: what cannot be found out is told as late."""
    try:
        return intake.is_delayed()
    except Exception as error:  # noqa: BLE001 - an answer of 500 would say that nothing was taken
        log.warning("delay_not_known", error=type(error).__name__)
        return True


def _once(app: App, who: str, writing: Writing, status: int, work: Work) -> Answer:
    def take(claim: IdempotencyClaim | None) -> Answer:
        writing.intake.require_room()  # not before: what was answered once is answered again
        return Answer(status, work(claim))

    if writing.key is None:
        return take(None)
    return answer_once(app, who, writing.key, writing.request_hash, take)


async def _stage_within(app: App, record_id: str, seconds: int, stage: str) -> str:
    """The record's stage once it is settled, or after this many seconds. Asks; never holds a thread.

    It never fails, as the record is kept: where the database has no answer, it is `stage` or what was seen since."""
    end = time.monotonic() + seconds
    while True:
        try:
            stage = await run_in_threadpool(queries.record_stage, app, record_id)
        except Exception as error:  # noqa: BLE001 - an answer of 500 would say that nothing was taken
            log.warning("stage_not_known", error=type(error).__name__)
            return stage
        left = end - time.monotonic()
        if stage in _SETTLED_STAGES or left <= 0:
            return stage
        await anyio.sleep(min(_POLL_SECONDS, left))


def key_of(header: str | None) -> str | None:
    """The key, with or without the quotes of a structured field. Raises InvalidInput for one that cannot be one."""
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


def _hash(scope: Scope, raw: bytes) -> str:
    """Of method, path and body; the same JSON in another layout is the same body."""
    try:
        value = json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        value = raw.hex()  # the route itself will refuse it
    text = json.dumps([scope["method"], scope["path"], value], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
