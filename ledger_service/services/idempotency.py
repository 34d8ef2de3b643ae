"""One answer for one request, however often it is sent.

A caller that names its request by an `Idempotency-Key` gets the first answer again. The answer is stored in the unit of
work that does the work, so there is no moment in which one exists without the other, and nothing to clean up after a
crash: of two transactions with the same key the second finds the first one's row and undoes itself. A request that
failed wrote nothing, its answer is not kept, and its key is free for the corrected request. Stored answers are sealed,
since one may hold a status link, and forgotten after a day.

    started = begin(app, principal, key, request_hash)
    if isinstance(started, IdempotencyClaim):
        with app.database.write() as session:
            …                                        # the work
            complete(session, started, 201, body)    # last, in the same unit of work
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from ..errors import Conflict, InvalidInput
from ..sealing import Vault
from ..store import idempotency as sql
from .app import App

KEPT_SECONDS = 24 * 3_600
_TURNS = tuple(threading.Lock() for _ in range(256))


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """The right to answer a request: `principal` says whose key it is, `request_hash` what was asked."""

    principal: str
    key: str
    request_hash: str
    now: int
    vault: Vault = field(repr=False)

    @property
    def name(self) -> tuple[str, str]:
        """What no two requests share."""
        return self.principal, self.key

    def answered(self, status: int, body: dict[str, Any]) -> sql.StoredAnswer:
        sealed = self.vault.seal_secret(_about(self.principal, self.key), json.dumps(body).encode())
        text = base64.b64encode(sealed).decode("ascii")
        return sql.StoredAnswer(
            self.principal, self.key, self.request_hash, status, text, self.now, body.get("case_id")
        )

    def replayed(self, stored: sql.StoredAnswer) -> Answer:
        """The answer that was given before. Raises InvalidInput where the key stands for another request."""
        if stored.request_hash != self.request_hash:
            raise InvalidInput(
                "This Idempotency-Key was used for a different request.",
                field="Idempotency-Key",
                remedy="Send a new key for a new request, or the same request unchanged.",
            )
        body = self.vault.open_secret(_about(self.principal, self.key), base64.b64decode(stored.body))
        return Answer(stored.status, json.loads(body), replayed=True)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]
    replayed: bool = False


def begin(app: App, principal: str, key: str, request_hash: str) -> Answer | IdempotencyClaim:
    """The stored answer, or a claim for `complete`. Raises InvalidInput where the key stands for another request."""
    claim = claim_of(app, principal, key, request_hash)
    with app.database.read() as session:
        stored = answers_to(session, [claim]).get(claim.name)
    return claim if stored is None else claim.replayed(stored)


def claim_of(app: App, principal: str, key: str, request_hash: str) -> IdempotencyClaim:
    return IdempotencyClaim(principal, key, request_hash, app.clock.seconds(), app.vault)


def answers_to(session: Session, claims: Sequence[IdempotencyClaim]) -> dict[tuple[str, str], sql.StoredAnswer]:
    """The answers that were given to these, by `name`."""
    return sql.find_answers(session, [claim.name for claim in claims])


def complete(session: Session, claim: IdempotencyClaim | None, status: int, body: dict[str, Any]) -> None:
    """Stores the answer in the unit of work that earned it. Does nothing without a claim.

    Raises Conflict, which undoes the unit of work, if the same key was answered meanwhile.
    """
    if claim is None:
        return
    if not sql.insert_answer(session, claim.answered(status, body)):
        raise answered_meanwhile()


def answered_meanwhile() -> Conflict:
    return Conflict(
        "The same request was answered meanwhile.",
        field="Idempotency-Key",
        remedy="Send it again to get that answer.",
    )


def answer_once(
    app: App, principal: str, key: str, request_hash: str, work: Callable[[IdempotencyClaim], Answer]
) -> Answer:
    """Does the work, unless the same request was or is being answered, whose answer is then given.

    Whatever stopped the work, the winner's answer decides: a loser may fail on the case's new state or on a unique row
    long before it comes to `complete`. Requests that meet in this process wait for each other, to save the work; those
    of several processes meet in the database.
    """
    with _TURNS[hash((principal, key)) % len(_TURNS)]:
        started = begin(app, principal, key, request_hash)
        if isinstance(started, Answer):
            return started
        try:
            return work(started)
        except Exception:
            won = begin(app, principal, key, request_hash)
            if isinstance(won, Answer):
                return won
            raise


def _about(principal: str, key: str) -> str:
    return f"answer:{principal}:{key}"
