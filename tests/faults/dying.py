"""Where a service process dies: functions of the product are wrapped in the child alone, which kills itself (SIGKILL)
at the n-th call. Nothing of this is in the product."""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_RPC = ("ledger_service.chain.rpc", "Rpc.batch")
# What the database itself is told, whoever of a group of threads tells it: the end of a session may be a savepoint.
_COMMIT = ("sqlalchemy.engine.default", "DefaultDialect.do_commit")
_INDEXER = "/workers/indexer.py"
_RECEIPTS = "eth_getTransactionReceipt"


@dataclass(frozen=True, slots=True)
class Point:
    """A place to die at: `before` or `after` a call of `function` in `module`; only while a function `within`, a part
    of its file's path and its name, is being run; and, of calls to the chain, only with this `method`."""

    name: str
    when: str
    module: str
    function: str
    within: tuple[str, str] = ("", "")
    method: str = ""


def _around(what: str, target: tuple[str, str], within: tuple[str, str] = ("", ""), method: str = "") -> list[Point]:
    return [Point(f"{when} {what}", when, *target, within, method) for when in ("before", "after")]


# Reached by any traffic.
POINTS: tuple[Point, ...] = (
    *_around("the commit of an acceptance", _COMMIT, ("/api/", "")),
    *_around("signing a transaction", ("ledger_service.workers.sender", "sign_transaction")),
    *_around("the commit of a transaction", _COMMIT, ("/workers/sender.py", "_keep")),
    *_around("the broadcast", _RPC, ("/workers/", ""), "eth_sendRawTransaction"),
    *_around("the commit that it was broadcast", _COMMIT, ("/workers/sender.py", "broadcast")),
    *_around("reading the logs", _RPC, (_INDEXER, ""), "eth_getLogs"),
    *_around("reading the receipts of a range", _RPC, (_INDEXER, "_fetch"), _RECEIPTS),
    *_around("the commit of what was read", _COMMIT, (_INDEXER, "_write")),
    *_around("the commit of what is due", _COMMIT, ("/workers/deadlines.py", "step")),
    *_around("the commit of what is to be told", _COMMIT, ("/workers/telling.py", "")),
    *_around("the commit of claiming a mail", _COMMIT, ("/workers/notifier.py", "_send")),
    *_around("sending a mail", ("ledger_service.mail_sending", "FolderSender.send")),
    *_around("the commit that a mail was sent", _COMMIT, ("/workers/notifier.py", "_keep")),
)
# Reached once the chain has undone something.
AFTER_REORG: tuple[Point, ...] = (
    *_around("reading nonces to go back", _RPC, (_INDEXER, "_rewind"), "eth_getTransactionCount"),
    *_around("the commit of going back", _COMMIT, (_INDEXER, "_go_back")),
)
# Reached once somebody else has used our nonces.
AFTER_BURNT_NONCE: tuple[Point, ...] = (
    *_around("reading the receipts of what is overdue", _RPC, (_INDEXER, "_settle_silent"), _RECEIPTS),
    *_around("the commit of what left no event", _COMMIT, (_INDEXER, "_settle_silent")),
)
# Reached once a node has left out events, and tells of them after all.
AFTER_HIDDEN_EVENTS: tuple[Point, ...] = (
    *_around("the commit of going back to hidden events", _COMMIT, (_INDEXER, "_read_again")),
)
# Reached once a node has taken back more than is believed, and then has that again.
AROUND_HALT: tuple[Point, ...] = (
    *_around("the commit of a halt", _COMMIT, (_INDEXER, "_halt")),
    *_around("the commit that a halt is over", _COMMIT, (_INDEXER, "_go_on")),
)
BY_NAME = {
    point.name: point for point in (*POINTS, *AFTER_REORG, *AFTER_BURNT_NONCE, *AFTER_HIDDEN_EVENTS, *AROUND_HALT)
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def plant(point: Point, nth: int) -> None:
    """Makes this process die at the n-th time that it comes to the point."""
    owner: Any = importlib.import_module(point.module)
    *path, name = point.function.split(".")
    for part in path:
        owner = getattr(owner, part)
    setattr(owner, name, _dying(getattr(owner, name), point, nth))


def _dying(original: Callable[..., Any], point: Point, nth: int) -> Callable[..., Any]:
    times = 0

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal times
        here = _calls(point.method, args) and _is_within(*point.within)
        times += here
        if here and times == nth and point.when == "before":
            die()
        result = original(*args, **kwargs)
        if here and times == nth and point.when == "after":
            die()
        return result

    return wrapped


def _calls(method: str, args: tuple[Any, ...]) -> bool:
    """Whether a batch to the chain, the second argument after the client itself, holds such a call."""
    return not method or any(call[0] == method for call in args[1])


def _is_within(file: str, name: str) -> bool:
    frame = sys._getframe(2) if file else None
    while frame is not None:
        code = frame.f_code
        if file in code.co_filename and (not name or code.co_name == name):
            return True
        frame = frame.f_back
    return not file
