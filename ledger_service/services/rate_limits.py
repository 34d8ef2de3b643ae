"""How often one caller may ask. Counted in this process's memory: a limit protects a process, it is no quota.

The settings write a limit as `600/minute`, in the notation of the `limits` library.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from ..config import Settings
from ..errors import InvalidInput, LimitExceeded


class RateLimits:
    """`caller` names a key or a link, `address` a network address. Each method raises LimitExceeded."""

    def __init__(self, settings: Settings) -> None:
        self._requests = _parsed(settings.rate_limit, "LEDGER_RATE_LIMIT")
        self._failures = _parsed(settings.rate_limit_failures, "LEDGER_RATE_LIMIT_FAILURES")
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count_request(self, caller: str) -> None:
        self._hit(self._requests, caller, "This key or link has sent too many requests.")

    def count_failure(self, address: str) -> None:
        """Counts failed logins only, so that a valid key is never shut out by its neighbour's guesses."""
        self._hit(self._failures, address, "Too many requests without a valid key or link came from this address.")

    def _hit(self, limit: RateLimitItem, who: str, detail: str) -> None:
        if self._limiter.hit(limit, who):
            return
        reset = self._limiter.get_window_stats(limit, who).reset_time
        seconds = max(1, math.ceil(reset - time.time()))
        raise LimitExceeded(detail, retry_after=seconds, remedy=f"Wait {seconds} seconds.")


def _parsed(limit: str, name: str) -> RateLimitItem:
    try:
        return parse(limit)
    except ValueError as error:
        raise InvalidInput(f"{limit!r} is no rate limit.", field=name, remedy="Write one as 600/minute.") from error
