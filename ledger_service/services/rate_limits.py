"""How often one caller may ask. Counted in this process's memory: a limit protects a process, it is no quota.

The settings write a limit as `600/minute`, in the notation of the `limits` library. Its own storage starts a thread for
every request to forget what is over; here that is looked through once a thousand callers came.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

from limits import RateLimitItem, parse

from ..config import Settings
from ..errors import InvalidInput, LimitExceeded

_CALLERS = 1_000


@dataclass(slots=True)
class _Window:
    ends: float  # seconds since 1970
    count: int = 0


class RateLimits:
    """`caller` names a key or a link, `address` a network address. Each method raises LimitExceeded."""

    def __init__(self, settings: Settings) -> None:
        self._requests = _parsed(settings.rate_limit, "LEDGER_RATE_LIMIT")
        self._failures = _parsed(settings.rate_limit_failures, "LEDGER_RATE_LIMIT_FAILURES")
        self._windows: dict[tuple[RateLimitItem, str], _Window] = {}
        self._crowded = _CALLERS  # from how many on it is looked through
        self._lock = threading.Lock()

    def count_request(self, caller: str) -> None:
        self._hit(self._requests, caller, "This key or link has sent too many requests.")

    def count_failure(self, address: str) -> None:
        """Counts failed logins only, so that a valid key is never shut out by its neighbour's guesses."""
        self._hit(self._failures, address, "Too many requests without a valid key or link came from this address.")

    def _hit(self, limit: RateLimitItem, who: str, detail: str) -> None:
        now = time.time()
        with self._lock:
            window = self._window((limit, who), now)
            window.count += 1
        if window.count <= limit.amount:
            return
        seconds = max(1, math.ceil(window.ends - now))
        raise LimitExceeded(detail, retry_after=seconds, remedy=f"Wait {seconds} seconds.")

    def _window(self, key: tuple[RateLimitItem, str], now: float) -> _Window:
        """The caller's, which begins with its first request."""
        window = self._windows.get(key)
        if window is None or now >= window.ends:
            if len(self._windows) >= self._crowded:
                self._windows = {known: each for known, each in self._windows.items() if now < each.ends}
                self._crowded = max(_CALLERS, 2 * len(self._windows))
            window = self._windows[key] = _Window(now + key[0].get_expiry())
        return window


def _parsed(limit: str, name: str) -> RateLimitItem:
    try:
        return parse(limit)
    except ValueError as error:
        raise InvalidInput(f"{limit!r} is no rate limit.", field=name, remedy="Write one as 600/minute.") from error
