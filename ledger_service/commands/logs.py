"""Logs of a running service: one line an event, JSON for programs, with ids and without personal data.

Whatever a library has to say goes the same way, as its constant text without the values it was about to put in.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict

from ..config import Settings
from ..traces import calls_of

_LONGEST = 500  # characters of one value
_MOST = 20  # of a list


def set_up_logs(settings: Settings, stream: TextIO | None = None) -> None:
    out = stream or sys.stderr
    as_json = settings.log_format == "json" or (settings.log_format == "" and not out.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_error_texts,
            _cut,
            structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=out.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(out),
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)
    sys.excepthook = _log_end
    threading.excepthook = lambda told: _log_end(told.exc_type, told.exc_value or told.exc_type(), None)


class _Libraries(logging.Handler):
    """Hands over what libraries log: the first line of the text that stands in their code, and where an error began."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        text = str(record.msg).partition("\n")[0]
        log = structlog.get_logger(record.name)
        log.log(max(record.levelno, logging.INFO), "library", library=record.name, text=text, exc_info=error)


def _log_end(_type: object, error: BaseException, _trace: object) -> None:
    if not isinstance(error, KeyboardInterrupt):
        structlog.get_logger(__name__).error("thread_ended", exc_info=error)


def _without_error_texts(_logger: object, _method: str, event: EventDict) -> EventDict:
    """An exception's class and where it came from, in place of a traceback with its text."""
    error = event.pop("exc_info", None)
    error = sys.exc_info()[1] if error is True else error
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["where"] = calls_of(error)
    return event


def _cut(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {name: _shortened(value) for name, value in event.items()}


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}…"
    if isinstance(value, list) and len(value) > _MOST:
        return [*value[:_MOST], "…"]
    return value
