"""The logs of many blocks, range after range, in memory that does not grow with their number.

The next range is asked for before the present one is worked on: the node searches while we compute. That takes no
thread, since the answer waits in the socket. Whatever goes wrong there is asked for again through `Rpc`, which repeats
reads and says in words what is the matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .rpc import Rpc, RpcRefused

_SPAN = 16  # blocks asked for at once, to begin with
_WIDEST = 20_000
_GROWTH = 4  # at most from one range to the next
_LOGS = 5_000  # aimed at in one answer: some 4 MB
_TIMEOUT = 60.0
_JSON = {"content-type": "application/json"}

Log = dict[str, Any]  # as the node answers it


class LogRange(NamedTuple):
    """The logs of the blocks `first` to `last`, in the chain's order if the node keeps to it."""

    first: int
    last: int
    logs: list[Log]


def log_ranges(rpc: Rpc, query: dict[str, Any], first: int, last: int) -> Iterator[LogRange]:
    """What `eth_getLogs` answers to the query (`address`, `topics`) from block `first` to `last`, in order.

    Nodes limit for how many blocks, or logs, they may be asked at once: whatever is refused is asked for half as many.
    Raises RpcRefused where a single block is refused, Unavailable if the chain does not answer.
    """
    ahead = _Ahead(rpc, query)
    widest, end = _WIDEST, min(first + _SPAN - 1, last)
    try:
        ahead.ask(first, end)
        while first <= last:
            try:
                logs = ahead.answer()
            except RpcRefused:
                if end == first:
                    raise
                widest = (end - first + 1) // 2
                end = first + widest - 1
                ahead.ask(first, end)
                continue
            done = LogRange(first, end, logs)
            first, end = end + 1, min(end + _next_span(done, widest), last)
            if first <= last:
                ahead.ask(first, end)
            yield done
    finally:
        ahead.close()


def _next_span(done: LogRange, widest: int) -> int:
    span = done.last - done.first + 1
    fitting = span * _LOGS // max(len(done.logs), 1)
    return max(1, min(fitting, span * _GROWTH, widest))


class _Ahead:
    """One question at a time, whose answer is fetched later."""

    def __init__(self, rpc: Rpc, query: dict[str, Any]) -> None:
        self._rpc, self._query = rpc, query
        self._question = query
        self._connection, self._path = _connect(rpc.url)

    def ask(self, first: int, last: int) -> None:
        self._question = {**self._query, "fromBlock": hex(first), "toBlock": hex(last)}
        if self._connection is None:
            return
        body = json.dumps({"jsonrpc": "2.0", "id": first, "method": "eth_getLogs", "params": [self._question]})
        try:
            self._connection.request("POST", self._path, body, _JSON)
        except (OSError, HTTPException):
            self._connection.close()

    def answer(self) -> list[Log]:
        logs = self._fetched()
        return logs if logs is not None else list(self._rpc.call("eth_getLogs", self._question))

    def _fetched(self) -> list[Log] | None:
        """None for whatever is no plain answer; the common way then finds out what it is."""
        if self._connection is None:
            return None
        try:
            with self._connection.getresponse() as response:
                answer = json.loads(response.read())
            logs = answer["result"]
        except (OSError, HTTPException, ValueError, LookupError, TypeError):
            self._connection.close()
            return None
        return logs if isinstance(logs, list) else None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _connect(url: str) -> tuple[HTTPConnection | None, str]:
    """None for an address that holds a password, which `Rpc` knows how to send."""
    parts = urlsplit(url)
    kinds = {"http": HTTPConnection, "https": HTTPSConnection}
    if parts.scheme not in kinds or parts.username is not None or parts.hostname is None:
        return None, ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return kinds[parts.scheme](parts.hostname, parts.port, timeout=_TIMEOUT), path
