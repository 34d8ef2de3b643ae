"""Problem details (RFC 9457) as exceptions."""

from __future__ import annotations

from typing import Any

import httpx


class LedgerProblem(Exception):
    """What the service says is wrong: `field` names the input, `remedy` says what to do, `instance` leads the operator
    to the log; `errors` lists all fields where several are wrong."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.type: str = str(body.get("type", "about:blank"))
        self.title: str = str(body.get("title", ""))
        self.detail: str = str(body.get("detail", ""))
        self.field: str | None = body.get("field")
        self.remedy: str = str(body.get("remedy", ""))
        self.instance: str = str(body.get("instance", ""))
        self.errors: list[dict[str, str]] = list(body.get("errors", []))
        named = f"{self.field}: {self.detail}" if self.field else self.detail
        super().__init__(" ".join(part for part in (named or f"HTTP {status}", self.remedy) if part))


class InvalidInput(LedgerProblem):
    """A value that cannot be right (400, 413, 415, 422)."""


class Unauthenticated(LedgerProblem):
    """No valid credential (401)."""


class Forbidden(LedgerProblem):
    """A valid credential without this right (403)."""


class NotFound(LedgerProblem):
    """No such thing, or none that this credential may see (404, 405)."""


class Conflict(LedgerProblem):
    """Contradicts what is recorded, or is not possible in the case's state (409)."""


class LimitExceeded(LedgerProblem):
    """Too many requests, still after waiting as told (429)."""


class Unavailable(LedgerProblem):
    """The service could not, still after trying again (5xx)."""


class NoAnswer(Exception):
    """Nothing came back, or no answer of a ledger, still after trying again. A request that writes may have been done:
    send it again under the same `idempotency_key`."""


_BY_STATUS: dict[int, type[LedgerProblem]] = {
    400: InvalidInput,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: NotFound,
    409: Conflict,
    413: InvalidInput,
    415: InvalidInput,
    422: InvalidInput,
    429: LimitExceeded,
}


def problem_of(answer: httpx.Response) -> LedgerProblem:
    """The exception that an answer other than 2xx is."""
    try:
        body = answer.json()
    except ValueError:
        body = {"detail": f"HTTP {answer.status_code} without problem details."}
    kind = Unavailable if answer.status_code >= 500 else _BY_STATUS.get(answer.status_code, LedgerProblem)
    return kind(answer.status_code, body if isinstance(body, dict) else {})
