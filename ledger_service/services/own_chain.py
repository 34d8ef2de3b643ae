"""The service's own chain, asked sparingly: the answer about one case holds for a moment, and so does its silence."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import structlog

from ..chain.case_reader import QuickReader
from ..chain.rpc import Rpc
from ..domain.chain_facts import ChainFacts
from ..domain.evidence import Evidence
from ..errors import Unavailable

_log = structlog.get_logger(__name__)
T = TypeVar("T")
_FRESH = 0.5  # seconds


class Remembered(Generic[T]):
    """The last values by key, safe between threads; an entry older than `seconds` is made anew."""

    def __init__(self, size: int, seconds: float | None = None) -> None:
        self._size, self._seconds = size, seconds
        self._kept: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            found = self._kept.get(key)
            if found is not None and (self._seconds is None or time.monotonic() - found[0] < self._seconds):
                self._kept.move_to_end(key)
                return found[1]
        value = make()
        with self._lock:
            self._kept[key] = (time.monotonic(), value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return value


_answers: Remembered[ChainFacts | str] = Remembered(256, _FRESH)


class OwnChain:
    """A `ChainReader` for one piece of evidence, asked when it is made. `known` is the answer, or why there is none."""

    def __init__(self, rpc: Rpc | None, evidence: Evidence) -> None:
        self._reader = QuickReader(rpc) if rpc is not None else None
        self.known: ChainFacts | str = "It has not run yet."
        if rpc is not None:
            asked = hashlib.sha256(repr((rpc.url, evidence)).encode("utf-8", "replace")).hexdigest()
            self.known = _answers.get(asked, lambda: _ask(rpc, evidence))

    def facts(self, _evidence: Evidence) -> ChainFacts:
        if isinstance(self.known, str):
            raise Unavailable(self.known)
        return self.known

    def accepts_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        if self._reader is None or isinstance(self.known, str):
            raise Unavailable(str(self.known))
        try:
            return self._reader.accepts_signature(account, digest, signature)
        except Unavailable as error:
            raise Unavailable(_no_answer(error)) from error


def _ask(rpc: Rpc, evidence: Evidence) -> ChainFacts | str:
    try:
        return QuickReader(rpc).facts(evidence)
    except Unavailable as error:
        return _no_answer(error)


def _no_answer(error: Unavailable) -> str:
    """What anybody may read of it, on a page for consumers. What an operator needs is in the log."""
    _log.warning("own_chain_not_asked", error=error.detail)
    return "The service's node gives no answer right now."
