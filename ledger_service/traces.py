"""What may be told of an error that nobody expected: where it happened. Its text may quote anything."""

from __future__ import annotations

import traceback

_FRAMES = 12


def calls_of(error: BaseException) -> list[str]:
    """The calls that led to an error, without its text or any values: statements and addresses stay out of logs."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
