"""When somebody is reminded of a window of theirs: halfway, and a day before its end, where that makes sense."""

from __future__ import annotations

HALFWAY, LAST_DAY = "halfway", "last_day"
_DAY = 86_400
_APART = _DAY // 2  # two messages about one window come at least this far from each other


def reminders(opens: int, ends: int, told: int) -> list[tuple[str, int]]:
    """Occasion and moment of each reminder for a window, in order. `told` is when its start was told, which can be
    late. All are seconds since 1970 UTC."""
    found: list[tuple[str, int]] = []
    last = ends
    for occasion, moment in ((LAST_DAY, ends - _DAY), (HALFWAY, opens + (ends - opens) // 2)):
        if moment >= max(opens, told) + _APART and moment <= last - _APART:
            found.append((occasion, moment))
            last = moment
    return found[::-1]
