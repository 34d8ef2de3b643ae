"""Requests that are done together: what comes while a group is being done is the next group.

A question to the database costs about the same for one request as for fifty, and so does a change of threads. Nobody
waits for a group to fill beyond what has arrived: a request that finds nothing being done is done at once, alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

from ledger_service import telemetry
from ledger_service.errors import Overloaded

Asked = TypeVar("Asked")
Given = TypeVar("Given")

_RETRY_AFTER = 2
_LONG = 0.5  # seconds; a group takes a twentieth of that
_TURNS = 4  # of the event loop: what it reads in one is asked a turn or two later


class Gatherer(Generic[Asked, Given]):
    """`work` answers a group in a thread, each in its place; an error among the answers is raised to whoever asked.

    `most` are done together; of those that wait beyond `line`, each is turned away at once, counted as `why`.
    """

    def __init__(
        self, work: Callable[[Sequence[Asked]], Sequence[Given | Exception]], *, most: int, line: int, why: str
    ) -> None:
        self._work = work
        self._most = most
        self._line = line
        self._why = why
        self._thread = CapacityLimiter(1)
        self._waiting: deque[tuple[Asked, asyncio.Future[Given]]] = deque()
        self._at_work: asyncio.Task[None] | None = None
        self._began: float | None = None  # monotonic; when the group that is at work went there

    @property
    def is_held_up(self) -> bool:
        """Whether the group that is at work has been so for long: what it waits for may be stuck, and the line grow."""
        return self._began is not None and time.monotonic() - self._began > _LONG

    async def ask(self, asked: Asked) -> Given:
        """Raises Overloaded instead of letting the line grow, and what stood against this request."""
        if len(self._waiting) >= self._line:
            telemetry.SHED.labels(self._why).inc()
            raise Overloaded("Too many requests wait for the database.", retry_after=_RETRY_AFTER)
        answer: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._at_work is None or self._at_work.done():
            # What is bound to one request, such as its id, is not the group's.
            self._at_work = asyncio.create_task(self._do_all(), context=contextvars.Context())
        return await answer

    async def _do_all(self) -> None:
        """Group after group, until nobody waits. A request whose caller has gone away is done all the same."""
        while self._waiting:
            group: list[tuple[Asked, asyncio.Future[Given]]] = []
            outcomes: list[tuple[asyncio.Future[Given], Given | Exception]]
            try:
                await self._until_all_came()
                group = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                self._began = time.monotonic()
                given = await to_thread.run_sync(self._work, [asked for asked, _ in group], limiter=self._thread)
                outcomes = [(answer, each) for (_, answer), each in zip(group, given, strict=True)]
            except Exception as error:  # noqa: BLE001 - raised to each of them
                outcomes = [(answer, error) for _, answer in group]
            except BaseException as error:  # this ends, so nobody may go on waiting for it
                for _, answer in (*group, *self._waiting):
                    _settle(answer, error)
                self._waiting.clear()
                raise
            finally:
                self._began = None
            for answer, outcome in outcomes:
                _settle(answer, outcome)

    async def _until_all_came(self) -> None:
        """Until the event loop has nothing else to do: it answers those before, who may ask again, and reads what has
        arrived. Beside the group it would do that all the same, and make it wait for that while it holds locks; and the
        next group would be the smaller, again and again."""
        known, turns = len(self._waiting), 0
        while turns < _TURNS and known < self._most:
            await asyncio.sleep(0)
            turns = turns + 1 if len(self._waiting) == known else 0
            known = len(self._waiting)


def _settle(answer: asyncio.Future[Given], outcome: Given | BaseException) -> None:
    if answer.done():  # whoever asked has gone away
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(_raised(outcome))
    else:
        answer.set_result(outcome)


def _raised(error: BaseException) -> Exception:
    """What whoever asked can be told: the end of the process is not theirs, and no future can hold a StopIteration."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    instead = RuntimeError(f"The group ended with {type(error).__name__}.")
    instead.__cause__ = error
    return instead
