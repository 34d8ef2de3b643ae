"""Requests that are tried again, and never done twice.

Every request that writes carries an `Idempotency-Key`, so that it can be sent again after a lost answer; one that was
done already is answered as the first time.
"""

from __future__ import annotations

import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from .problems import NoAnswer, problem_of

_AGAIN = frozenset({429, 502, 503, 504})
_LONGEST_WAIT = 60.0
_CREDENTIAL = re.compile(r"[\x21-\x7e]+")
Query = Mapping[str, Any]


class Transport:
    """One connection pool to one service, with one credential."""

    def __init__(
        self,
        url: str,
        credential: str,
        *,
        tries: int = 5,
        timeout: float = 60.0,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if tries < 1:
            raise ValueError("a request is tried at least once")
        if not _CREDENTIAL.fullmatch(credential):  # else the HTTP library quotes it in what it raises
            raise ValueError("a credential is visible ASCII characters alone, without the end of its line")
        self._tries, self._sleep = tries, sleep
        self._http = http or httpx.Client(base_url=url.rstrip("/"), timeout=timeout)
        self._headers = {"Authorization": f"Bearer {credential}"}

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        json: Any = None,
        content: bytes | None = None,
        content_type: str | None = None,
        idempotency_key: str | None = None,
        wait: int | None = None,
    ) -> Any:
        """The answer's JSON, or None for 204. Raises LedgerProblem or NoAnswer."""
        headers = dict(self._headers)
        if method == "POST":
            headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        if content_type is not None:
            headers["Content-Type"] = content_type
        request = self._http.build_request(
            method, path, params=_present(query), json=json, content=content, headers=headers
        )
        answer = self._answer(request)
        if not answer.is_success:
            raise problem_of(answer)
        return None if answer.status_code == 204 else _json(answer)

    @contextmanager
    def lines(self, path: str, query: Query | None = None) -> Iterator[Iterator[bytes]]:
        """The parts of a file as they come. Raises LedgerProblem or NoAnswer."""
        try:
            with self._http.stream("GET", path, params=_present(query), headers=self._headers) as answer:
                if not answer.is_success:
                    answer.read()
                    raise problem_of(answer)
                yield answer.iter_bytes()
        except httpx.TransportError as error:
            raise NoAnswer(f"The file broke off: {error or type(error).__name__}") from error

    def pages(self, path: str, query: Query | None = None) -> Iterator[Any]:
        """All items of a list, page after page."""
        asked = dict(query or {})
        while True:
            page = self.send("GET", path, query=asked)
            yield from page["items"]
            if page.get("next_cursor") is None:
                return
            asked["cursor"] = page["next_cursor"]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        for left in range(self._tries - 1, -1, -1):
            try:
                answer = self._http.send(request)
            except httpx.TransportError as error:
                if not left:
                    raise NoAnswer(f"No answer from {request.url.host}: {error or type(error).__name__}") from error
                self._sleep(self._pause(left, None))
                continue
            if answer.status_code not in _AGAIN or not left:
                return answer
            self._sleep(self._pause(left, answer.headers.get("retry-after")))
        raise AssertionError("unreachable: the last try returns or raises")

    def _pause(self, left: int, told: str | None) -> float:
        """As long as the service asks for; else ever longer, by a random part, so that clients do not come together."""
        asked = _seconds(told)
        if asked is not None:
            return min(asked, _LONGEST_WAIT)
        longest: float = min(0.5 * 2 ** (self._tries - 1 - left), _LONGEST_WAIT)
        return longest * (0.5 + random.random() / 2)  # noqa: S311 - no secret


def _seconds(told: str | None) -> float | None:
    """Of a `Retry-After` (RFC 9110): seconds, or a date; None for neither."""
    if told is None:
        return None
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except ValueError:
        return None


def _present(query: Query | None) -> dict[str, Any] | None:
    return {name: value for name, value in query.items() if value is not None} if query else None


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise NoAnswer(f"{answer.url} answered no JSON: is this a ledger?") from error
