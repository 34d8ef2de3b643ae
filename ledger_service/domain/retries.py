"""When a webhook that failed is tried again: ever later over some three days, then never by itself."""

from __future__ import annotations

_MINUTE, _HOUR = 60, 3_600
DELAYS = (
    5,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
GIVEN_UP_AFTER = 4 * 24 * _HOUR  # seconds after which what never got its turn is given up too
_LONGEST_WISH = 24 * _HOUR
_JITTER = 0.2
_LONGEST_PAUSE = 10 * _MINUTE


def next_delay(attempts: int, chance: float, wished: int | None = None) -> int | None:
    """Seconds until the next try after this many; None where none is left.

    `chance` from 0 to 1 spreads tries that failed together; `wished` is the receiver's Retry-After, which can put a try
    off by up to a day, and never brings it forward.
    """
    if attempts > len(DELAYS):
        return None
    delay = DELAYS[attempts - 1]
    delay += int(delay * _JITTER * chance)
    return max(delay, min(wished or 0, _LONGEST_WISH))


def pause_after(failures: int) -> int:
    """Seconds for which an endpoint that failed this often in a row is left alone, so that it takes no turns of others
    and what waits for it does not use up its tries."""
    return int(min(DELAYS[0] * 2 ** min(failures - 1, 16), _LONGEST_PAUSE))
